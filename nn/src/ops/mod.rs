//! Differentiable network ops, one file or folder per family, all in one registry that generates their checks.

mod activation_grad;
pub mod window;

autograd::ops! {
    conv::{Conv, ConvBias, ConvRelu, ConvTranspose, ConvTransposeBias, ConvWeightGrad}
    linear::{Linear, LinearBias}
    tap::{Tap}
}
