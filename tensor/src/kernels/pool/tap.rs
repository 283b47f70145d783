//! How the number of a maximum's tap is kept: in one byte, in an `i64`, or not at all where no gradient will ask for it.

use crate::simd::{Real, Simd};

/// A tap's number as it is kept.
pub(super) trait Tap: Copy + Send {
    /// Whether it can be read again.
    const IS_KEPT: bool = true;
    fn from_lane<T: Real>(number: T) -> Self;
}

/// What is kept of it.
pub(super) trait Kept: Tap {
    fn to_lane<T: Real>(self) -> T;
}

macro_rules! kept {
    ($t:ty) => {
        impl Tap for $t {
            #[inline(always)]
            fn from_lane<T: Real>(number: T) -> $t {
                // SAFETY: lanes hold the numbers of taps, far below 2^31.
                unsafe { number.to_f64().to_int_unchecked::<i32>() as $t }
            }
        }
        impl Kept for $t {
            #[inline(always)]
            fn to_lane<T: Real>(self) -> T {
                T::from_f64(f64::from(self as i32))
            }
        }
    };
}
kept!(u8);
kept!(i64);

impl Tap for () {
    const IS_KEPT: bool = false;
    #[inline(always)]
    fn from_lane<T: Real>(_: T) {}
}

/// Values and the numbers of their taps.
pub(super) type Candidate<S> = (<S as Simd>::Vector, <S as Simd>::Vector);

/// The larger of `best` and `x`, `best` if equal; NaN is largest, the first one. Taps that nobody keeps are not followed.
#[inline(always)]
pub(super) unsafe fn larger<S: Simd, C: Tap>((best, tap): Candidate<S>, (x, number): Candidate<S>) -> Candidate<S> {
    // SAFETY: the caller's.
    unsafe {
        let (stays, is_number) = (S::less_equal(x, best), S::equal(best, best));
        let largest = S::select(is_number, S::select(stays, best, x), best);
        if C::IS_KEPT { (largest, S::select(is_number, S::select(stays, tap, number), tap)) } else { (largest, tap) }
    }
}
