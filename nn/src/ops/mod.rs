//! Differentiable network ops, one file or folder per family, all in one registry that generates their checks.
//!
//! A file holds all that the world sees of an op: the public function with its shape checks, the gradient, samples for
//! the check. Numeric kernels lie in `tensor::kernels` under the same names.

pub mod avg_pool;
pub mod bilinear;
pub mod fold;
mod fused_relu;
pub mod grid_sample;
pub mod interpolate;
pub mod norm;
pub mod pad;
pub mod pool;
pub mod shuffle;
pub mod window;

autograd::ops! {
    activation::{
        LeakyRelu, Hardtanh, Hardsigmoid, Hardshrink, Softshrink, Threshold, Hardswish, Elu, Softplus, Softsign, Tanhshrink,
        Silu, LogSigmoid, Mish, NormalCdf, Gelu, GeluTanh,
    }
    batch_norm::{BatchNorm, BatchNormAdd}
    conv::{Conv, ConvBias, ConvRelu, ConvTranspose, ConvTransposeBias, ConvWeightGrad}
    dropout::{Dropout}
    embedding::{Embedding}
    group_norm::{GroupNorm}
    losses::{
        CrossEntropy, Ctc, Mse, L1, SmoothL1, Huber, Bce, BceWithLogits, KlDiv, PoissonNll, SoftMargin,
    }
    max_pool::{MaxPool, MaxUnpool}
    resample::{Resample}
    softmax::{Softmax, LogSoftmax}
    linear::{Linear, LinearBias, LinearRelu}
    tap::{Tap}
}
