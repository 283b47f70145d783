//! Reverse-mode automatic differentiation over [`tensor::Tensor`].
//!
//! A [`Variable`] is a tensor that may remember the [`Op`] it came from. [`Variable::backward`] walks those ops back;
//! because every vector-Jacobian product is itself written in `Variable` ops, [`grad`] with `create_graph` gives
//! derivatives of any order. Each op is defined once, in `ops/`, and listed in one registry that also generates its
//! property test, so an op without a check does not compile under test. This crate knows neither layers nor files.
//!
//! ```
//! use gradus_autograd::Variable;
//! use tensor::Tensor;
//!
//! let x = Variable::leaf(Tensor::from([1.0, 2.0, 3.0]));
//! let y = (&x * &x).sum(&[], false);
//! y.backward();
//! assert_eq!(x.grad().unwrap().to_vec::<f64>(), [2.0, 4.0, 6.0]);
//! ```
#![forbid(unsafe_code)]
#![warn(clippy::print_stdout)]

mod anomaly;
#[cfg(any(test, feature = "check"))]
pub mod check;
mod checkpoint;
mod deferred;
mod engine;
mod functional;
mod gradcheck;
mod graph;
mod hooks;
mod mode;
mod node;
mod op;
pub mod ops;
mod overload;
mod registry;
mod variable;

pub use checkpoint::checkpoint;
pub use deferred::{Deferred, Epilogue};
pub use engine::{GradOptions, grad, grad_with};
pub use functional::{hessian, jacobian, jvp, vjp};
pub use gradcheck::{Agreement, Mismatch, gradcheck};
pub use graph::Graph;
pub use hooks::{HookHandle, HookList};
pub use mode::{detect_anomaly, enable_grad, is_grad_enabled, no_grad};
pub use op::{Context, Keeps, Op, Registered, VariadicContext, VariadicOp};
pub use variable::Variable;
