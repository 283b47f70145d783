//! The only intrinsics of gradus: one SIMD trait, its implementations, and the choice between them at run time.
//!
//! A kernel is written once, as `#[inline(always)] unsafe fn kernel<S: Simd>(...)` over [`Simd`]'s vectors. The
//! `dispatch!` macro (or the [`Kernel`] trait, when the arguments are better kept in a struct)
//! compiles it once per instruction set and calls the copy that fits the machine, so one binary serves all of them
//! without compiler flags. [`level`] is the choice; `GRADUS_SIMD=portable|avx2|avx512|neon` and [`with_level`] force it.
//!
//! ```text
//! #[inline(always)]
//! unsafe fn scale_kernel<S: Simd>(x: *mut S::Scalar, factor: S::Scalar, len: usize) { ... }
//! dispatch! {
//!     /// Multiplies `len` elements by `factor`.
//!     pub(crate) unsafe fn scale<T>(x: *mut T, factor: T, len: usize) = scale_kernel;
//! }
//! // SAFETY: ...
//! unsafe { scale(simd::level(), x.as_mut_ptr(), 2.0f32, x.len()) };
//! ```
//!
//! Two rules keep the generated code good: everything between the wrapper and the intrinsics is `#[inline(always)]`
//! (a call in between would pass vectors through memory), and loops over arrays of accumulators are unrolled by
//! constant bounds that are small enough for LLVM, or by macros.

/// Writes a list of one-expression `Simd` methods, each an `#[inline(always)] unsafe fn` with its body in an unsafe block.
macro_rules! lanes {
    ($(fn $name:ident($($arg:ident: $ty:ty),*) $(-> $ret:ty)? { $body:expr })*) => {
        $(
            #[inline(always)]
            #[allow(unused_unsafe)] // some bodies are safe code
            unsafe fn $name($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: the contract of `Simd`: the CPU has the instructions of this level, and pointers are valid
                // for the lanes that the method names.
                unsafe { $body }
            }
        )*
    };
}

/// Repeats a block for every index below a constant, without a loop: accumulators indexed in a `for` loop that LLVM
/// does not unroll live in memory, at a quarter of the speed. `N` is at most 12.
macro_rules! unroll {
    ($i:ident < $n:ident $body:block) => {
        unroll!(@each $i $n $body 0 1 2 3 4 5 6 7 8 9 10 11)
    };
    (@each $i:ident $n:ident $body:block $($value:literal)*) => {
        $(
            if const { $value < $n } {
                let $i: usize = $value;
                $body
            }
        )*
    };
}
pub(crate) use unroll;

#[cfg(target_arch = "x86_64")]
pub mod avx2;
#[cfg(target_arch = "x86_64")]
pub mod avx512;
mod dispatch;
mod level;
pub mod math;
#[cfg(target_arch = "aarch64")]
pub mod neon;
pub mod portable;
#[cfg(target_arch = "x86_64")]
pub mod sse2;
#[cfg(test)]
mod tests;

pub use dispatch::{Kernel, run, vectorize};
pub use level::{Level, available_levels, level, with_level};

pub(crate) use dispatch::{dispatch, in_register, prefetch, prefetch_far};
pub(crate) use level::{forced, with_forced};

use std::fmt::Debug;

/// A floating-point type that has vectors: `f32` and `f64`.
pub trait Real:
    Copy
    + Debug
    + Default
    + Send
    + Sync
    + PartialOrd
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Div<Output = Self>
    + std::ops::Neg<Output = Self>
    + std::ops::AddAssign
    + std::ops::MulAssign
    + 'static
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;
    /// Negative infinity.
    const NEG_INFINITY: Self;
    /// Bits of the mantissa that are stored: 23 or 52.
    const MANTISSA_BITS: i32;
    /// The bit pattern of the sign bit.
    const SIGN_BIT: u64;
    /// The vectors of this type that every CPU of the target has.
    type Portable: Simd<Scalar = Self>;
    /// The vectors of this type at [`Level::Avx2`].
    #[cfg(target_arch = "x86_64")]
    type Avx2: Simd<Scalar = Self>;
    /// The vectors of this type at [`Level::Avx512`].
    #[cfg(target_arch = "x86_64")]
    type Avx512: Simd<Scalar = Self>;
    /// The vectors of this type at [`Level::Neon`].
    #[cfg(target_arch = "aarch64")]
    type Neon: Simd<Scalar = Self>;

    /// The nearest value of this type.
    fn from_f64(value: f64) -> Self;
    /// The same value as `f64`.
    fn to_f64(self) -> f64;
}

macro_rules! real {
    ($t:ty, $mantissa:expr) => {
        impl Real for $t {
            const ZERO: $t = 0.0;
            const ONE: $t = 1.0;
            const NEG_INFINITY: $t = <$t>::NEG_INFINITY;
            const MANTISSA_BITS: i32 = $mantissa;
            const SIGN_BIT: u64 = (-0.0 as $t).to_bits() as u64;
            #[cfg(target_arch = "x86_64")]
            type Portable = sse2::Sse2<$t>;
            #[cfg(not(target_arch = "x86_64"))]
            type Portable = portable::Portable<$t>;
            #[cfg(target_arch = "x86_64")]
            type Avx2 = avx2::Avx2<$t>;
            #[cfg(target_arch = "x86_64")]
            type Avx512 = avx512::Avx512<$t>;
            #[cfg(target_arch = "aarch64")]
            type Neon = neon::Neon<$t>;

            #[inline(always)]
            fn from_f64(value: f64) -> $t {
                value as $t
            }

            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
        }
    };
}
real!(f32, 23);
real!(f64, 52);

/// The most lanes that a vector of any level has.
pub(crate) const MOST_LANES: usize = 16;

/// The vectors of one instruction set and one scalar type; a type that implements it is a mere name.
///
/// All methods are associated functions on plain vectors, so that kernels read `S::fma(a, b, c)`.
///
/// # Safety
/// Every method may be called only where the CPU has the instructions of [`Simd::LEVEL`]; that is certain inside a
/// kernel called through [`run`] or a function made by `dispatch!`. Methods that take a pointer need it valid for
/// reads or writes of [`Simd::LANES`] elements (`load`, `store`) or of the first `n` (`load_first`, `store_first`);
/// no alignment beyond the scalar's is needed.
#[allow(clippy::missing_safety_doc)] // one contract for all methods, stated above
pub unsafe trait Simd: Copy + Debug + Default + Send + Sync + 'static {
    /// The type of one lane.
    type Scalar: Real;
    /// A register of [`Simd::LANES`] scalars.
    type Vector: Copy;
    /// The result of a comparison, one truth value a lane.
    type Mask: Copy;
    /// Scalars in a vector; a power of two.
    const LANES: usize;
    /// The instruction set.
    const LEVEL: Level;
    /// Vector registers of the instruction set; a micro-kernel keeps its accumulators below this number.
    const REGISTERS: usize;

    /// 0 in every lane.
    unsafe fn zero() -> Self::Vector;
    /// `value` in every lane.
    unsafe fn splat(value: Self::Scalar) -> Self::Vector;
    /// The bit pattern `bits` (the low half of it for 32-bit lanes) in every lane.
    unsafe fn splat_bits(bits: u64) -> Self::Vector;
    /// Reads `LANES` consecutive scalars.
    unsafe fn load(from: *const Self::Scalar) -> Self::Vector;
    /// Reads the first `n <= LANES` scalars, touching no byte behind them; the other lanes are 0.
    unsafe fn load_first(from: *const Self::Scalar, n: usize) -> Self::Vector;
    /// Reads `LANES` consecutive `f32`, as scalars of this type.
    unsafe fn load_single(from: *const f32) -> Self::Vector;
    /// Reads `LANES` consecutive `f32` each from `a` and `b`: their sums, rounded to `f32`, as scalars of this type.
    unsafe fn load_single_sum(a: *const f32, b: *const f32) -> Self::Vector;
    /// Writes `LANES` consecutive scalars.
    unsafe fn store(to: *mut Self::Scalar, v: Self::Vector);
    /// Writes the first `n <= LANES` scalars, touching no byte behind them.
    unsafe fn store_first(to: *mut Self::Scalar, n: usize, v: Self::Vector);
    /// Asks for the cache line of `at`; any address is allowed.
    unsafe fn prefetch(at: *const Self::Scalar);

    /// `a + b`.
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a - b`.
    unsafe fn sub(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a * b`.
    unsafe fn mul(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a / b`.
    unsafe fn div(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a * b + c`, rounded once at every level but the portable one, which rounds twice.
    unsafe fn fma(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// `if a < b { a } else { b }`: if either is NaN, `b`.
    unsafe fn min(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `if a > b { a } else { b }`: if either is NaN, `b`.
    unsafe fn max(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The square root, correctly rounded.
    unsafe fn sqrt(a: Self::Vector) -> Self::Vector;

    /// Bitwise and.
    unsafe fn and(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Bitwise or.
    unsafe fn or(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Bitwise exclusive or.
    unsafe fn xor(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Wrapping addition of the lanes as integers of their width.
    unsafe fn add_bits(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Wrapping subtraction of the lanes as integers of their width.
    unsafe fn sub_bits(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The lanes' bits moved up by `n`, below the lane's width; 0 enters.
    unsafe fn shift_left(a: Self::Vector, n: i32) -> Self::Vector;
    /// The lanes' bits moved down by `n`, below the lane's width; 0 enters.
    unsafe fn shift_right(a: Self::Vector, n: i32) -> Self::Vector;

    /// Where `a == b`; false for NaN.
    unsafe fn equal(a: Self::Vector, b: Self::Vector) -> Self::Mask;
    /// Where `a < b`; false for NaN.
    unsafe fn less(a: Self::Vector, b: Self::Vector) -> Self::Mask;
    /// Where `a <= b`; false for NaN.
    unsafe fn less_equal(a: Self::Vector, b: Self::Vector) -> Self::Mask;
    /// Where both are true.
    unsafe fn mask_and(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// Where either is true.
    unsafe fn mask_or(a: Self::Mask, b: Self::Mask) -> Self::Mask;
    /// Bit `i` of the result is lane `i`; the bits above [`Simd::LANES`] are 0.
    unsafe fn mask_to_bits(mask: Self::Mask) -> u32;
    /// `yes` where `mask` is true, else `no`.
    unsafe fn select(mask: Self::Mask, yes: Self::Vector, no: Self::Vector) -> Self::Vector;

    /// The elements at even and at odd places of `a` followed by `b`.
    unsafe fn unzip(a: Self::Vector, b: Self::Vector) -> (Self::Vector, Self::Vector);

    /// The sum of the lanes: the upper half is added to the lower one until one lane is left.
    unsafe fn reduce_add(a: Self::Vector) -> Self::Scalar;
    /// The largest lane, by the rule of [`Simd::max`], halves folded as in [`Simd::reduce_add`].
    unsafe fn reduce_max(a: Self::Vector) -> Self::Scalar;

    /// Transposes: element `[i][j]`, at `from + i * from_stride + j` for `i < rows <= LANES` and `j < LANES`, goes to
    /// `to + j * to_stride + i`. Each of the LANES rows of the result is written whole, LANES wide with 0 for
    /// `i >= rows`, in ascending order.
    #[inline(always)]
    unsafe fn transpose(
        from: *const Self::Scalar,
        from_stride: isize,
        rows: usize,
        to: *mut Self::Scalar,
        to_stride: usize,
    ) {
        for j in 0..Self::LANES {
            for i in 0..Self::LANES {
                // SAFETY: the caller's: the tiles named above are valid.
                unsafe {
                    let value =
                        if i < rows { *from.offset(i as isize * from_stride + j as isize) } else { Self::Scalar::ZERO };
                    *to.add(j * to_stride + i) = value;
                }
            }
        }
    }

    /// `-a`, by the sign bit alone.
    #[inline(always)]
    unsafe fn neg(a: Self::Vector) -> Self::Vector {
        // SAFETY: the caller's.
        unsafe { Self::xor(a, Self::splat_bits(Self::Scalar::SIGN_BIT)) }
    }

    /// The absolute value, by the sign bit alone.
    #[inline(always)]
    unsafe fn abs(a: Self::Vector) -> Self::Vector {
        // SAFETY: the caller's.
        unsafe { Self::and(a, Self::splat_bits(!Self::Scalar::SIGN_BIT)) }
    }
}
