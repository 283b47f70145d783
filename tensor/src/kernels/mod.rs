//! Numeric kernels, one file or folder per family.

pub mod conv;
pub mod elementwise;
pub(crate) mod copy;
pub mod gemm;
