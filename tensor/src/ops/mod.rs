//! Array ops, one file per family, as methods of [`Tensor`](crate::Tensor).
//!
//! A method checks shapes and dtypes at the caller's line and then runs a loop or a kernel. Binary ops broadcast; axes
//! may be negative; an empty list of axes means all of them.

pub mod activation;
pub mod arithmetic;
pub mod compare;
pub mod diagonal;
pub mod einsum;
pub mod elementwise;
pub mod exponential;
pub mod extreme;
pub(crate) mod fold;
pub mod gather;
pub mod index;
pub mod join;
pub mod mask;
pub mod matmul;
pub mod operators;
pub mod pad;
pub mod reduce;
pub mod reshape;
pub mod roll;
pub mod rounding;
pub mod scan;
pub mod slice;
pub mod sort;
pub mod special;
pub mod split;
pub mod statistics;
pub mod trigonometric;
pub mod windows;
