//! What all elementwise ops share: broadcasting, agreement of dtypes, and the macros that write an op with its
//! function, its method and its samples. The ops themselves stand in files named as their kernels in `tensor::ops`.

pub use super::activation::{Relu, Sigmoid, relu, sigmoid};
pub use super::arithmetic::{
    Abs, Add, AddScalar, Div, DivScalar, Mul, MulScalar, Sub, abs, add, add_scalar, div, div_scalar, mul, mul_scalar,
    neg, sub,
};
pub use super::exponential::{Exp, Log, exp, log};
pub use super::mask::{Where, where_};
pub use super::power::{PowScalar, Reciprocal, Sqrt, pow_scalar, reciprocal, sqrt};
use super::reduce::expand;
pub use super::trigonometric::{Tanh, tanh};
use crate::Variable;

/// Both operands with the shape that they broadcast to.
///
/// # Panics
/// If the shapes do not broadcast.
#[track_caller]
pub fn broadcast(op: &str, a: &Variable, b: &Variable) -> (Variable, Variable) {
    if a.shape() == b.shape() {
        return (a.clone(), b.clone());
    }
    let shape = tensor::shape::broadcast_for(op, a.shape(), b.shape());
    (expand(a, &shape), expand(b, &shape))
}

/// Panics unless both operands have one dtype and their shapes broadcast.
#[track_caller]
pub(super) fn compatible(op: &str, a: &Variable, b: &Variable) {
    same_dtype(op, a, b);
    if a.shape() != b.shape() {
        tensor::shape::broadcast_for(op, a.shape(), b.shape());
    }
}

/// Panics unless both operands have one dtype.
#[track_caller]
pub(super) fn same_dtype(op: &str, a: &Variable, b: &Variable) {
    if a.dtype() != b.dtype() {
        tensor::fault!(op, [lhs: a.shape(), rhs: b.shape()],
            "dtypes differ, {} and {}; convert with to_dtype", a.dtype(), b.dtype());
    }
}

/// Panics unless the operand's dtype is a float.
#[track_caller]
pub(super) fn expect_float(op: &str, x: &Variable) {
    if !x.dtype().is_float() {
        tensor::error::unsupported(op, x.dtype(), "a float");
    }
}

/// Ops on one float operand: `Op function keeps, |g, cx| vjp, samples;`.
macro_rules! unary {
    ($($(#[$doc:meta])* $op:ident $name:ident $keeps:expr, |$g:ident, $cx:ident| $vjp:expr, $samples:expr;)*) => {$(
        #[doc = concat!("See [`", stringify!($name), "`].")]
        #[derive(Clone, Debug)]
        pub struct $op;

        impl $crate::Op<1> for $op {
            const NAME: &'static str = stringify!($name);
            const KEEPS: $crate::Keeps = $keeps;
            type Saved = ();

            fn forward(&self, [x]: [&tensor::Tensor; 1]) -> (tensor::Tensor, ()) {
                (x.$name(), ())
            }

            fn vjp(&self, $g: &$crate::Variable, $cx: $crate::Context<'_, Self, 1>) -> [Option<$crate::Variable>; 1] {
                [Some($vjp)]
            }
        }

        $(#[$doc])*
        ///
        /// # Panics
        /// If the dtype is not a float.
        #[track_caller]
        pub fn $name(x: &$crate::Variable) -> $crate::Variable {
            super::elementwise::expect_float(stringify!($name), x);
            $crate::Op::apply($op, [x])
        }

        impl $crate::Variable {
            $(#[$doc])*
            ///
            /// # Panics
            /// If the dtype is not a float.
            #[track_caller]
            pub fn $name(&self) -> $crate::Variable {
                $name(self)
            }
        }

        #[cfg(any(test, feature = "check"))]
        impl $crate::check::Check<1> for $op {
            fn samples() -> proptest::strategy::BoxedStrategy<$crate::check::Sample<Self, 1>> {
                $crate::check::strategy::unary($op, $samples)
            }
        }
    )*};
}

pub(super) use unary;
