//! Numeric kernels, one file or folder per family.

pub mod conv;
pub(crate) mod copy;
pub mod cross_entropy;
pub mod elementwise;
pub mod gemm;
pub mod linear;
pub mod norm;
pub mod optim;
pub mod pool;
pub mod reduce;
pub mod resample;
mod scratch;
pub mod softmax;
pub(crate) mod tiles;
