//! Differentiable network ops, one file or folder per family, all in one registry that generates their checks.

mod activation_grad;
pub mod window;

autograd::ops! {
    conv::{Conv, ConvBias, ConvRelu, ConvTranspose, ConvTransposeBias, ConvWeightGrad}
    linear::{Linear, LinearBias}
    losses::{
        CrossEntropy, Ctc, Mse, L1, SmoothL1, Huber, Bce, BceWithLogits, KlDiv, PoissonNll, SoftMargin,
    }
    tap::{Tap}
}
