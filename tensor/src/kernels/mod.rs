//! Numeric kernels, one file or folder per family.

pub(crate) mod copy;

pub mod conv;
pub mod cross_entropy;
pub mod gemm;
pub mod optim;
