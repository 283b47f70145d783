//! Numeric kernels, one file or folder per family.

pub mod gemm;
