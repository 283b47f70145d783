//! Numeric kernels, one file or folder per family.

pub mod conv;
pub mod gemm;
pub mod optim;
