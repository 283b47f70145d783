//! The element types of a tensor, the traits that kernels are generic over, and the one macro that goes from a
//! run-time [`DType`] to a compile-time type.
//!
//! Adding a dtype is one variant of [`DType`], one `impl` block here and one arm of [`dispatch!`](crate::dispatch).

use std::fmt;
use std::ops::{AddAssign, MulAssign};

/// The type of a tensor's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DType {
    /// 32-bit floating point, the type of training.
    F32,
    /// 64-bit floating point, the type of gradient checks.
    F64,
    /// 64-bit signed integers: indices and labels.
    I64,
    /// Bytes: images.
    U8,
    /// Truth values: masks.
    Bool,
}

impl DType {
    /// Every dtype.
    pub const ALL: [DType; 5] = [DType::F32, DType::F64, DType::I64, DType::U8, DType::Bool];

    /// Bytes per element.
    ///
    /// ```
    /// assert_eq!(gradus_tensor::DType::F32.bytes(), 4);
    /// ```
    pub fn bytes(self) -> usize {
        match self {
            DType::F32 => 4,
            DType::F64 | DType::I64 => 8,
            DType::U8 | DType::Bool => 1,
        }
    }

    /// Whether this is a floating-point type, and so can carry gradients.
    pub fn is_float(self) -> bool {
        matches!(self, DType::F32 | DType::F64)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::I64 => "i64",
            DType::U8 => "u8",
            DType::Bool => "bool",
        })
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
    impl Sealed for i64 {}
    impl Sealed for u8 {}
    impl Sealed for bool {}
}

/// A type that a tensor can hold.
pub trait Element:
    sealed::Sealed + Copy + Default + PartialEq + PartialOrd + fmt::Debug + fmt::Display + Send + Sync + 'static
{
    /// The run-time name of this type.
    const DTYPE: DType;
    /// 0, or `false`.
    const ZERO: Self;
    /// 1, or `true`.
    const ONE: Self;

    /// The value nearest to `value` (integers truncate toward zero and saturate; `bool` is `value != 0`).
    fn from_f64(value: f64) -> Self;
    /// This value as `f64`.
    fn to_f64(self) -> f64;
    /// This value as `i64`: truncated toward zero.
    fn to_i64(self) -> i64;
    /// `value` in this type, by way of whichever of `i64` and `f64` loses nothing.
    fn cast_from<S: Element>(value: S) -> Self;
}

/// A type with arithmetic: all but `bool`.
pub trait Number: Element + num_traits::Num + num_traits::NumAssign + AddAssign + MulAssign {
    /// `self + other`; integers wrap.
    fn plus(self, other: Self) -> Self;
    /// `self - other`; integers wrap.
    fn minus(self, other: Self) -> Self;
    /// `self * other`; integers wrap.
    fn times(self, other: Self) -> Self;
    /// The smaller; NaN if either is NaN.
    fn least(self, other: Self) -> Self;
    /// The larger; NaN if either is NaN.
    fn greatest(self, other: Self) -> Self;
    /// Whether this is NaN.
    fn is_not_a_number(self) -> bool;
}

/// `f32` or `f64`.
pub trait Float: Number + num_traits::Float {
    /// The error function.
    fn erf(self) -> Self;
    /// `1 - erf(self)`, without cancellation.
    fn erfc(self) -> Self;
}

macro_rules! element {
    ($t:ty, $dtype:ident, $zero:expr, $one:expr, $from:expr, $to_f64:expr, $to_i64:expr, $cast:expr) => {
        impl Element for $t {
            const DTYPE: DType = DType::$dtype;
            const ZERO: Self = $zero;
            const ONE: Self = $one;
            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                ($from)(value)
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                ($to_f64)(self)
            }
            #[inline(always)]
            fn to_i64(self) -> i64 {
                ($to_i64)(self)
            }
            #[inline(always)]
            fn cast_from<S: Element>(value: S) -> Self {
                ($cast)(value)
            }
        }
    };
}

element!(f32, F32, 0.0, 1.0, |v| v as f32, f64::from, |v| v as i64, |v: S| v.to_f64() as f32);
element!(f64, F64, 0.0, 1.0, |v| v, |v| v, |v| v as i64, |v: S| v.to_f64());
element!(i64, I64, 0, 1, |v| v as i64, |v| v as f64, |v| v, |v: S| v.to_i64());
element!(u8, U8, 0, 1, |v| v as u8, f64::from, i64::from, |v: S| match S::DTYPE {
    // PyTorch's rule: integers wrap, floats are truncated (and here saturate, where C leaves it open).
    DType::I64 => v.to_i64() as u8,
    _ => v.to_f64() as u8,
});
element!(bool, Bool, false, true, |v| v != 0.0, |v| f64::from(u8::from(v)), i64::from, |v: S| v != S::ZERO);

macro_rules! integer {
    ($t:ty) => {
        impl Number for $t {
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self.wrapping_mul(other)
            }
            #[inline(always)]
            fn least(self, other: Self) -> Self {
                self.min(other)
            }
            #[inline(always)]
            fn greatest(self, other: Self) -> Self {
                self.max(other)
            }
            #[inline(always)]
            fn is_not_a_number(self) -> bool {
                false
            }
        }
    };
}
integer!(i64);
integer!(u8);

macro_rules! float {
    ($t:ty, $erf:path, $erfc:path) => {
        impl Number for $t {
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self - other
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self * other
            }
            #[inline(always)]
            fn least(self, other: Self) -> Self {
                if self.is_nan() || self < other { self } else { other }
            }
            #[inline(always)]
            fn greatest(self, other: Self) -> Self {
                if self.is_nan() || self > other { self } else { other }
            }
            #[inline(always)]
            fn is_not_a_number(self) -> bool {
                self.is_nan()
            }
        }
        impl Float for $t {
            #[inline]
            fn erf(self) -> Self {
                $erf(self)
            }
            #[inline]
            fn erfc(self) -> Self {
                $erfc(self)
            }
        }
    };
}
float!(f32, libm::erff, libm::erfcf);
float!(f64, libm::erf, libm::erfc);

/// Runs a body with `$t` bound to the Rust type of a run-time dtype.
///
/// The first word says which dtypes the body accepts: `all`, `number` (not `bool`) or `float`; another dtype panics
/// in the name of `$op`.
///
/// ```
/// use gradus_tensor::{DType, dispatch};
/// let bytes = dispatch!(all "bytes", DType::I64, T => size_of::<T>());
/// assert_eq!(bytes, 8);
/// ```
#[macro_export]
macro_rules! dispatch {
    (@arm $t:ident $rust:ty, $body:expr) => {{
        #[allow(dead_code)]
        type $t = $rust;
        $body
    }};
    (all $op:expr, $dtype:expr, $t:ident => $body:expr) => {
        match $dtype {
            $crate::DType::F32 => $crate::dispatch!(@arm $t f32, $body),
            $crate::DType::F64 => $crate::dispatch!(@arm $t f64, $body),
            $crate::DType::I64 => $crate::dispatch!(@arm $t i64, $body),
            $crate::DType::U8 => $crate::dispatch!(@arm $t u8, $body),
            $crate::DType::Bool => $crate::dispatch!(@arm $t bool, $body),
        }
    };
    (number $op:expr, $dtype:expr, $t:ident => $body:expr) => {
        match $dtype {
            $crate::DType::F32 => $crate::dispatch!(@arm $t f32, $body),
            $crate::DType::F64 => $crate::dispatch!(@arm $t f64, $body),
            $crate::DType::I64 => $crate::dispatch!(@arm $t i64, $body),
            $crate::DType::U8 => $crate::dispatch!(@arm $t u8, $body),
            other => $crate::error::unsupported($op, other, "a number"),
        }
    };
    (float $op:expr, $dtype:expr, $t:ident => $body:expr) => {
        match $dtype {
            $crate::DType::F32 => $crate::dispatch!(@arm $t f32, $body),
            $crate::DType::F64 => $crate::dispatch!(@arm $t f64, $body),
            other => $crate::error::unsupported($op, other, "a float"),
        }
    };
}
