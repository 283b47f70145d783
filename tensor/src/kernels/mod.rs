//! Numeric kernels, one file or folder per family.

pub mod conv;
pub(crate) mod copy;
pub mod elementwise;
pub mod gemm;
pub mod reduce;
