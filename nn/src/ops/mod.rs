//! Network ops: the public function with its shape checks, the gradient, and samples for its check, one file per op.
//! Numeric kernels lie in `tensor::kernels` under the same names.

pub mod avg_pool;
pub mod bilinear;
pub mod fold;
pub mod grid_sample;
pub mod interpolate;
pub mod norm;
pub mod pad;
pub mod pool;
pub mod shuffle;
pub mod sizes;

autograd::ops! {
    activation::{
        LeakyRelu, Hardtanh, Hardsigmoid, Hardshrink, Softshrink, Threshold, Hardswish, Elu, Softplus, Softsign, Tanhshrink,
        Silu, LogSigmoid, Mish, NormalCdf, Gelu, GeluTanh,
    }
    batch_norm::{BatchNorm, BatchNormAdd}
    dropout::{Dropout}
    embedding::{Embedding}
    max_pool::{MaxPool, MaxUnpool}
    resample::{Resample}
    softmax::{Softmax, LogSoftmax}
}
