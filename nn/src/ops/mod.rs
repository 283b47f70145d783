//! Differentiable network ops, one file or folder per family, all in one registry that generates their checks.

autograd::ops! {
    losses::{
        CrossEntropy, Ctc, Mse, L1, SmoothL1, Huber, Bce, BceWithLogits, KlDiv, PoissonNll, SoftMargin,
    }
}
