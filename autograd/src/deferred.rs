//! Results that wait to be computed, so that the next op can be folded into the kernel that makes them.
//!
//! A normalisation or a convolution may return a deferred [`Variable`]: its statistics are done, its elements are not.
//! An activation or an addition that comes next asks [`Variable::fuse`] first; the waiting op then answers with one
//! variable that does both in a single pass, recorded as one fused op whose inputs are those of the waiting op. If
//! anybody looks at the waiting value itself (a hook, a second use, a print), it is computed plainly, once, and its own
//! node takes part in the graph as ever. So fusing changes neither what users write nor what they see.
//!
//! The op that comes next can also read the waiting value without having it made ([`Variable::waiting`]): it computes the
//! elements as it goes along, and keeps the waiting variable for its gradient.

use std::any::Any;
use std::fmt;

use tensor::{DType, Dims, Tensor};

use crate::Variable;

/// A value that is computed when somebody looks at it.
pub trait Deferred: fmt::Debug + Any + Send + Sync {
    /// The value's shape.
    fn shape(&self) -> Dims;
    /// The value's dtype.
    fn dtype(&self) -> DType;
    /// The plain value.
    fn compute(&self) -> Tensor;
    /// The value with `epilogue` applied, as one fused op; `None` where it knows no such kernel. `this` is the waiting
    /// variable; its value must not be asked for in here.
    fn fuse(&self, this: &Variable, epilogue: &Epilogue<'_>) -> Option<Variable>;
}

/// An op that can be folded into the one before it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Epilogue<'a> {
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x + other`, of the same shape.
    Add(&'a Variable),
    /// `x * scale + shift` per channel (axis 1), both `[c]` and constants: only asked where nothing is recorded.
    Scale {
        /// The factor.
        scale: &'a Tensor,
        /// What is added then.
        shift: &'a Tensor,
    },
}
