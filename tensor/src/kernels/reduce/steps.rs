//! What reductions read, and what they do with each element.

use crate::simd::{Real, Simd};

/// An element that is read as a number of type `A`.
pub trait Source<A: Real>: Copy + Send + Sync {
    /// Reads [`Simd::LANES`] consecutive elements.
    ///
    /// # Safety
    /// As for [`Simd::load`].
    unsafe fn load<S: Simd<Scalar = A>>(from: *const Self) -> S::Vector;

    /// The sums of [`Simd::LANES`] consecutive elements at `a` and at `b`, rounded as elements.
    ///
    /// # Safety
    /// As for [`Simd::load`].
    unsafe fn load_sum<S: Simd<Scalar = A>>(a: *const Self, b: *const Self) -> S::Vector;

    /// The element as a number of type `A`.
    fn widen(self) -> A;

    /// The sum of two elements, rounded as an element.
    fn widen_sum(self, other: Self) -> A;
}

macro_rules! sources {
    ($($t:ty as $a:ty, $load:ident, |$x:ident, $y:ident, $s:ident| $sum:expr;)*) => {$(
        impl Source<$a> for $t {
            #[inline(always)]
            unsafe fn load<S: Simd<Scalar = $a>>(from: *const $t) -> S::Vector {
                // SAFETY: the caller's.
                unsafe { S::$load(from) }
            }

            #[inline(always)]
            unsafe fn load_sum<$s: Simd<Scalar = $a>>($x: *const $t, $y: *const $t) -> $s::Vector {
                // SAFETY: the caller's.
                unsafe { $sum }
            }

            #[inline(always)]
            fn widen(self) -> $a {
                <$a>::from(self)
            }

            #[inline(always)]
            fn widen_sum(self, other: $t) -> $a {
                <$a>::from(self + other)
            }
        }
    )*};
}
sources! {
    f32 as f64, load_single, |a, b, S| S::load_single_sum(a, b);
    f64 as f64, load, |a, b, S| S::add(S::load(a), S::load(b));
    f32 as f32, load, |a, b, S| S::load_single_sum(a, b);
}

/// What happens to an accumulator when an element comes.
pub trait Step: Copy + Send + Sync {
    /// Whether the vector form is right only where neither elements nor accumulators are NaN.
    const NUMBERS_ONLY: bool = false;
    /// Whether two elements may be added first and then taken as one: converting `f32` to `f64` is what a sum waits for,
    /// and this halves it, for one rounding per pair.
    const BY_PAIRS: bool = false;

    /// One element.
    fn scalar<A: Real>(self, total: A, x: A) -> A;

    /// A vector of elements, each to its own accumulator.
    ///
    /// # Safety
    /// The CPU has the instructions of `S`.
    unsafe fn vector<S: Simd>(self, total: S::Vector, x: S::Vector) -> S::Vector;
}

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident $([$($option:ident),*])? |$total:ident, $x:ident| $scalar:expr, $s:ident: $vector:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Step for $name {
            $($(const $option: bool = true;)*)?

            #[inline(always)]
            fn scalar<A: Real>(self, $total: A, $x: A) -> A {
                $scalar
            }

            #[inline(always)]
            unsafe fn vector<$s: Simd>(self, $total: $s::Vector, $x: $s::Vector) -> $s::Vector {
                // SAFETY: the caller's.
                unsafe { $vector }
            }
        }
    )*};
}

#[inline(always)]
pub(super) fn is_nan<A: Real>(x: A) -> bool {
    x.partial_cmp(&x).is_none()
}

#[inline(always)]
fn size<A: Real>(x: A) -> A {
    if x < A::ZERO { -x } else { x }
}

steps! {
    /// Adds.
    Add [BY_PAIRS] |total, x| total + x, S: S::add(total, x);
    /// Multiplies.
    Multiply |total, x| total * x, S: S::mul(total, x);
    /// Adds the absolute value.
    AddSize |total, x| total + size(x), S: S::add(total, S::abs(x));
    /// Adds the square.
    AddSquare |total, x| total + x * x, S: S::add(total, S::mul(x, x));
    /// Keeps the larger one, or the first NaN.
    Largest [NUMBERS_ONLY] |total, x| if is_nan(total) || total > x { total } else { x }, S: S::max(total, x);
    /// Keeps the smaller one, or the first NaN.
    Smallest [NUMBERS_ONLY] |total, x| if is_nan(total) || total < x { total } else { x }, S: S::min(total, x);
}
