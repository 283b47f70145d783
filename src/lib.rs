//! Train small convolutional networks on CPUs: fast kernels, proven gradients, one small binary.
//!
//! This crate only gathers the others: [`tensor`] (arrays), [`autograd`] (gradients), [`nn`] (models and training) and
//! [`vision`] (pictures). Programs start with `use gradus::prelude::*`.
//!
//! ```
//! use gradus::prelude::*;
//!
//! manual_seed(2);
//! let model = sequential![Conv2d::new(1, 4, 3), ReLU::new(), Flatten::new(), Linear::new(4 * 6 * 6, 10)];
//! let x = Variable::new(Tensor::randn([2, 1, 8, 8], DType::F32));
//! assert_eq!(model.call(&x).shape(), &[2, 10]);
//! ```
#![forbid(unsafe_code)]
#![warn(clippy::print_stdout)]

pub mod prelude;

pub use {autograd, nn, tensor, vision};

/// The README's code, so that it is compiled and run as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
