//! Strided n-dimensional arrays for CPUs: the numbers under gradus.
//!
//! [`Tensor`] has a run-time [`DType`], shared copy-on-write storage from a recycling pool ([`memory`]), and strides,
//! so views copy nothing. Its ops live in [`ops`], one file per family; numeric kernels of networks in [`kernels`].
//! Every result is bit-identical for any number of threads ([`parallel`]). This crate does not know that gradients
//! exist.
//!
//! ```
//! use gradus_tensor::{DType, Tensor, manual_seed};
//!
//! manual_seed(2);
//! let x = Tensor::randn([8, 3], DType::F32);
//! let w = Tensor::randn([3, 5], DType::F32);
//! let y = x.matmul(&w).relu();
//! assert_eq!(y.shape(), &[8, 5]);
//! ```
#![warn(clippy::print_stdout)]

mod callable;
mod create;
mod display;
mod dtype;
pub mod error;
pub mod io;
pub mod kernels;
mod layout;
pub mod memory;
mod nested;
pub mod ops;
pub mod parallel;
mod random;
pub mod shape;
pub mod simd;
mod storage;
mod tensor;
mod view;

pub use dtype::{DType, Element, Float, Number};
pub use layout::{Layout, MemoryFormat};
pub use nested::Nested;
pub use ops::activation::Gelu;
pub use ops::einsum::{EinsumOperand, einsum};
pub use ops::index::{Ellipsis, NewAxis, Pick, Picks, step};
pub use ops::pad::PadMode;
pub use ops::slice::Span;
pub use random::{Generator, GeneratorState, manual_seed, with_default_generator, with_seed};
pub use shape::{Dims, Strides};
pub use storage::Storage;
pub use tensor::Tensor;
pub use view::View;
