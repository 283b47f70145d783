//! The property check that every registered op must pass, and what an op hands in for it.
//!
//! An op brings [samples](Check::samples): a `proptest` strategy over its options, shapes and values. For each one the
//! check asserts that
//!
//! 1. the gradient equals central differences in `f64`, along each input and jointly;
//! 2. so does the gradient's own gradient, in the inputs and in the cotangent;
//! 3. results and gradients are the same for contiguous, permuted, sliced, reversed, expanded and channels-last inputs;
//! 4. `f32` agrees with `f64`;
//! 5. gradients have their input's shape and dtype;
//! 6. linear ops satisfy `<Ax, y> = <x, A^T y>`;
//! 7. the result equals a naive reference, where the op gives one;
//! 8. 1, 2 and 3 threads give the same bits;
//!
//! and, over all samples, that the vjp reads every value that [`Op::KEEPS`] keeps alive. Samples must stay 0.05 or more
//! off kinks, since differences are taken across them otherwise.
//!
//! All of it is behind the feature `check`, which the facade has too: `gradus = { version = "0.1", features = ["check"] }`.

mod laws;
mod mutation;
mod quiet;
mod run;
pub mod strategy;

use std::collections::BTreeSet;
use std::fmt;

pub use mutation::{Mutants, assert_faults_noticed};
/// What samples are written with, in the version that the check runs.
pub use proptest;
use proptest::strategy::BoxedStrategy;
pub use run::{Family, assert_entry, cases, check_op, entry};
use tensor::{DType, Tensor};

use crate::{Op, Variable, VariadicOp};

/// How far a check moves each element of the inputs: no result may meet a kink on the way.
pub const REACH: f64 = crate::gradcheck::REACH;

/// One op with its options, and inputs to try it on. Float inputs are `f64`.
#[derive(Clone, Debug)]
pub struct Sample<O, const N: usize> {
    /// The op.
    pub op: O,
    /// Its inputs.
    pub inputs: [Tensor; N],
}

/// What an op needs to be checked.
pub trait Check<const N: usize>: Op<N> {
    /// Whether the op is linear in all of its float inputs jointly, so that the dot test holds.
    const LINEAR: bool = false;
    /// How far `f32` may be from `f64`, relative to the largest element.
    const F32_TOLERANCE: f64 = 1e-4;
    /// Whether the result has the inputs' dtype.
    const KEEPS_DTYPE: bool = true;

    /// Options, shapes and values, off kinks.
    fn samples() -> BoxedStrategy<Sample<Self, N>>;

    /// The result by a naive loop over elements in logical order.
    fn reference(&self, _inputs: [&Tensor; N]) -> Option<Tensor> {
        None
    }

    /// How the op is run; a fused op that defers its result does so here.
    fn call(self, inputs: [&Variable; N]) -> Variable {
        self.apply(inputs)
    }
}

/// A variadic op with its options, and inputs to try it on. Float inputs are `f64`.
#[derive(Clone, Debug)]
pub struct VariadicSample<O> {
    /// The op.
    pub op: O,
    /// Its inputs.
    pub inputs: Vec<Tensor>,
}

/// What a variadic op needs to be checked.
pub trait CheckVariadic: VariadicOp {
    /// Whether the op is linear in all of its float inputs jointly, so that the dot test holds.
    const LINEAR: bool = false;
    /// How far `f32` may be from `f64`, relative to the largest element.
    const F32_TOLERANCE: f64 = 1e-4;

    /// Options, shapes and values, off kinks.
    fn samples() -> BoxedStrategy<VariadicSample<Self>>;

    /// The result by a naive loop over elements in logical order.
    fn reference(&self, _inputs: &[&Tensor]) -> Option<Tensor> {
        None
    }
}

/// An op of a registry, with its check.
#[derive(Clone, Copy)]
pub struct Entry {
    name: &'static str,
    check: fn(u32) -> Result<Report, String>,
    mutate: fn(u32) -> Mutants,
}

impl Entry {
    /// The op's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Checks the op on `cases` samples.
    ///
    /// # Errors
    /// The law that the op breaks, with the smallest sample found that shows it.
    pub fn check(&self, cases: u32) -> Result<Report, String> {
        (self.check)(cases)
    }

    /// Checks mutants of the op, each with a fault planted into its vjp, on up to `cases` samples: the check must
    /// refuse every one.
    pub fn mutate(&self, cases: u32) -> Mutants {
        (self.mutate)(cases)
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({})", self.name)
    }
}

/// What a check covered, and how close the worst sample came to its limits.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many samples were checked.
    pub samples: u32,
    /// The worst relative error of a gradient, in `f64`.
    pub worst_first: f64,
    /// The worst relative error of a gradient's gradient, in `f64`.
    pub worst_second: f64,
    /// The memory layouts of inputs that were tried.
    pub layouts: BTreeSet<&'static str>,
    /// The dtypes that were tried.
    pub dtypes: BTreeSet<DType>,
    /// Whether the forward was compared with a naive reference.
    pub reference: bool,
    /// Whether the dot test for linear ops was run.
    pub linear: bool,
}
