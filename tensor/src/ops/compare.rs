//! Comparisons, tests of single values, and logic on masks.

use super::elementwise::{map, zip};
use crate::{Element, Tensor, dispatch};

macro_rules! comparison {
    ($($(#[$doc:meta])* $name:ident $scalar:ident $test:ident;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            ///
            /// # Panics
            /// If the shapes do not broadcast or the dtypes differ.
            #[track_caller]
            pub fn $name(&self, other: &Tensor) -> Tensor {
                self.expect_same_dtype(stringify!($name), other);
                dispatch!(all stringify!($name), self.dtype(), T =>
                    zip(stringify!($name), self, other, |x: T, y: T| x.$test(&y)))
            }

            $(#[$doc])*
            ///
            /// The number is not rounded to the tensor's dtype, except to `f32`, as in PyTorch.
            pub fn $scalar(&self, value: f64) -> Tensor {
                match self.dtype() {
                    crate::DType::F32 => map(self, |x: f32| x.$test(&(value as f32))),
                    dtype => dispatch!(all stringify!($name), dtype, T => map(self, |x: T| x.to_f64().$test(&value))),
                }
            }
        )*}
    };
}

comparison! {
    /// Where `self == other`, broadcast. PyTorch: `torch.eq`.
    eq eq_scalar eq;
    /// Where `self != other`, broadcast. PyTorch: `torch.ne`.
    ne ne_scalar ne;
    /// Where `self < other`, broadcast. PyTorch: `torch.lt`.
    lt lt_scalar lt;
    /// Where `self <= other`, broadcast. PyTorch: `torch.le`.
    le le_scalar le;
    /// Where `self > other`, broadcast. PyTorch: `torch.gt`.
    gt gt_scalar gt;
    /// Where `self >= other`, broadcast. PyTorch: `torch.ge`.
    ge ge_scalar ge;
}

macro_rules! logic {
    ($($(#[$doc:meta])* $name:ident |$x:ident, $y:ident| $body:expr;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            ///
            /// # Panics
            /// If the shapes do not broadcast or the dtypes differ.
            #[track_caller]
            pub fn $name(&self, other: &Tensor) -> Tensor {
                self.expect_same_dtype(stringify!($name), other);
                dispatch!(all stringify!($name), self.dtype(), T => zip(stringify!($name), self, other, |x: T, y: T| {
                    let ($x, $y) = (x != T::ZERO, y != T::ZERO);
                    $body
                }))
            }
        )*}
    };
}

logic! {
    /// Where both are true (not 0), broadcast. PyTorch: `torch.logical_and`.
    logical_and |x, y| x && y;
    /// Where either is true (not 0), broadcast. PyTorch: `torch.logical_or`.
    logical_or |x, y| x || y;
    /// Where exactly one is true (not 0), broadcast. PyTorch: `torch.logical_xor`.
    logical_xor |x, y| x != y;
}

macro_rules! test {
    ($($(#[$doc:meta])* $name:ident $test:ident;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            pub fn $name(&self) -> Tensor {
                if self.dtype().is_float() {
                    dispatch!(float stringify!($name), self.dtype(), T => map(self, |x: T| x.$test()))
                } else {
                    // Of whole numbers none is NaN or infinite: what 0 is, all are.
                    Tensor::full(self.shape(), f64::from(u8::from(0.0f64.$test())), crate::DType::Bool)
                }
            }
        )*}
    };
}

test! {
    /// Where `x` is NaN. PyTorch: `torch.isnan`.
    isnan is_nan;
    /// Where `x` is infinite, of either sign. PyTorch: `torch.isinf`.
    isinf is_infinite;
    /// Where `x` is neither infinite nor NaN. PyTorch: `torch.isfinite`.
    isfinite is_finite;
}

impl Tensor {
    /// Where the mask is false (or 0). PyTorch: `torch.logical_not`.
    pub fn logical_not(&self) -> Tensor {
        dispatch!(all "logical_not", self.dtype(), T => map(self, |x: T| x == T::ZERO))
    }
}
