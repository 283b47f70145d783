//! Differentiable network ops, one file or folder per family, all in one registry that generates their checks.

mod fused_relu;
pub mod window;

autograd::ops! {
    conv::{Conv, ConvBias, ConvRelu, ConvTranspose, ConvTransposeBias, ConvWeightGrad}
    linear::{Linear, LinearBias, LinearRelu}
    tap::{Tap}
}
