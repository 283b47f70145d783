//! Numeric kernels, one file or folder per family.

pub mod conv;
pub mod elementwise;
pub mod gemm;
