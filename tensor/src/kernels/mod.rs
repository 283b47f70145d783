//! Numeric kernels, one file or folder per family.

pub mod conv;
pub mod cross_entropy;
pub mod gemm;
pub mod optim;
