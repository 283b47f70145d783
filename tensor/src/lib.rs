//! Strided tensors of gradus.
pub mod kernels;
pub mod parallel;
pub mod simd;
