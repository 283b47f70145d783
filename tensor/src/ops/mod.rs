//! Array ops, one file per family, as methods of [`Tensor`](crate::Tensor).
//!
//! A method checks shapes and dtypes at the caller's line and then runs a loop or a kernel. Binary ops broadcast; axes
//! may be negative; an empty list of axes means all of them.

pub mod compare;
pub mod elementwise;
pub mod gather;
pub mod matmul;
pub mod operators;
pub mod reduce;
pub mod reshape;
pub mod slice;
