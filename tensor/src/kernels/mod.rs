//! Numeric kernels, one file or folder per family.

pub mod conv;
pub(crate) mod copy;
pub mod elementwise;
pub mod gemm;
pub mod norm;
pub mod pool;
pub mod reduce;
pub mod resample;
pub mod softmax;
