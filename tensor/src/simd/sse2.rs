//! SSE2 vectors, which every x86-64 processor has: 4 `f32` or 2 `f64`, the portable level of that target.
//!
//! They compute what the arrays of [`super::portable`] compute, and cost the compiler less: LLVM need not find
//! the vectors in arrays first. `fma` multiplies and adds apart.

#[allow(clippy::wildcard_imports)] // the names of an instruction set, prefixed by nature
use std::arch::x86_64::*;
use std::marker::PhantomData;

use super::{Level, Simd};

/// 128-bit vectors of `T`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sse2<T>(PhantomData<T>);

/// Two `f32` from `from` on, in the lower half.
///
/// # Safety
/// `from` is valid for reads of two elements.
#[inline(always)]
unsafe fn load_pair(from: *const f32) -> __m128 {
    // SAFETY: the caller's: 64 bits can be read.
    unsafe { _mm_castsi128_ps(_mm_loadl_epi64(from.cast())) }
}

/// Reads the first `n` of 4 lanes.
///
/// # Safety
/// `n <= 4`, and `from` is valid for reads of `n` elements.
#[inline(always)]
unsafe fn load_first32(from: *const f32, n: usize) -> __m128 {
    // SAFETY: each arm reads the first `n` elements, those of the last arm being all four.
    unsafe {
        match n {
            0 => _mm_setzero_ps(),
            1 => _mm_load_ss(from),
            2 => load_pair(from),
            3 => _mm_movelh_ps(load_pair(from), _mm_load_ss(from.add(2))),
            _ => _mm_loadu_ps(from),
        }
    }
}

/// Writes the first `n` of 4 lanes, in pieces.
///
/// # Safety
/// `n <= 4`, and `to` is valid for writes of `n` elements.
#[inline(always)]
unsafe fn store_first32(to: *mut f32, n: usize, v: __m128) {
    // SAFETY: the pieces add up to the first `n` elements.
    unsafe {
        if n == 4 {
            return _mm_storeu_ps(to, v);
        }
        if n & 2 != 0 {
            _mm_storel_epi64(to.cast(), _mm_castps_si128(v));
        }
        if n & 1 != 0 {
            _mm_store_ss(to.add(n & 2), if n & 2 != 0 { _mm_movehl_ps(v, v) } else { v });
        }
    }
}

// SAFETY: each method does what the trait says, by instructions of SSE2.
unsafe impl Simd for Sse2<f32> {
    type Scalar = f32;
    type Vector = __m128;
    type Mask = __m128;
    const LANES: usize = 4;
    const LEVEL: Level = Level::Portable;
    const REGISTERS: usize = 16;

    lanes! {
        fn zero() -> __m128 { _mm_setzero_ps() }
        fn splat(value: f32) -> __m128 { _mm_set1_ps(value) }
        fn splat_bits(bits: u64) -> __m128 { _mm_castsi128_ps(_mm_set1_epi32(bits as i32)) }
        fn load(from: *const f32) -> __m128 { _mm_loadu_ps(from) }
        fn load_single(from: *const f32) -> __m128 { _mm_loadu_ps(from) }
        fn load_single_sum(a: *const f32, b: *const f32) -> __m128 { _mm_add_ps(_mm_loadu_ps(a), _mm_loadu_ps(b)) }
        fn load_first(from: *const f32, n: usize) -> __m128 { load_first32(from, n) }
        fn store(to: *mut f32, v: __m128) { _mm_storeu_ps(to, v) }
        fn store_first(to: *mut f32, n: usize, v: __m128) { store_first32(to, n, v) }
        fn prefetch(at: *const f32) { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }

        fn add(a: __m128, b: __m128) -> __m128 { _mm_add_ps(a, b) }
        fn sub(a: __m128, b: __m128) -> __m128 { _mm_sub_ps(a, b) }
        fn mul(a: __m128, b: __m128) -> __m128 { _mm_mul_ps(a, b) }
        fn div(a: __m128, b: __m128) -> __m128 { _mm_div_ps(a, b) }
        fn fma(a: __m128, b: __m128, c: __m128) -> __m128 { _mm_add_ps(_mm_mul_ps(a, b), c) }
        fn min(a: __m128, b: __m128) -> __m128 { _mm_min_ps(a, b) }
        fn max(a: __m128, b: __m128) -> __m128 { _mm_max_ps(a, b) }
        fn sqrt(a: __m128) -> __m128 { _mm_sqrt_ps(a) }

        fn and(a: __m128, b: __m128) -> __m128 { _mm_and_ps(a, b) }
        fn or(a: __m128, b: __m128) -> __m128 { _mm_or_ps(a, b) }
        fn xor(a: __m128, b: __m128) -> __m128 { _mm_xor_ps(a, b) }
        fn add_bits(a: __m128, b: __m128) -> __m128 {
            _mm_castsi128_ps(_mm_add_epi32(_mm_castps_si128(a), _mm_castps_si128(b)))
        }
        fn sub_bits(a: __m128, b: __m128) -> __m128 {
            _mm_castsi128_ps(_mm_sub_epi32(_mm_castps_si128(a), _mm_castps_si128(b)))
        }
        fn shift_left(a: __m128, n: i32) -> __m128 {
            _mm_castsi128_ps(_mm_sll_epi32(_mm_castps_si128(a), _mm_cvtsi32_si128(n)))
        }
        fn shift_right(a: __m128, n: i32) -> __m128 {
            _mm_castsi128_ps(_mm_srl_epi32(_mm_castps_si128(a), _mm_cvtsi32_si128(n)))
        }

        fn equal(a: __m128, b: __m128) -> __m128 { _mm_cmpeq_ps(a, b) }
        fn less(a: __m128, b: __m128) -> __m128 { _mm_cmplt_ps(a, b) }
        fn less_equal(a: __m128, b: __m128) -> __m128 { _mm_cmple_ps(a, b) }
        fn mask_and(a: __m128, b: __m128) -> __m128 { _mm_and_ps(a, b) }
        fn mask_or(a: __m128, b: __m128) -> __m128 { _mm_or_ps(a, b) }
        fn mask_to_bits(mask: __m128) -> u32 { _mm_movemask_ps(mask) as u32 }
        fn select(mask: __m128, yes: __m128, no: __m128) -> __m128 {
            _mm_or_ps(_mm_and_ps(mask, yes), _mm_andnot_ps(mask, no))
        }

        fn unzip(a: __m128, b: __m128) -> (__m128, __m128) {
            (_mm_shuffle_ps::<0b10_00_10_00>(a, b), _mm_shuffle_ps::<0b11_01_11_01>(a, b))
        }
        fn reduce_add(a: __m128) -> f32 {
            {
                let v = _mm_add_ps(a, _mm_movehl_ps(a, a));
                _mm_cvtss_f32(_mm_add_ss(v, _mm_shuffle_ps::<1>(v, v)))
            }
        }
        fn reduce_max(a: __m128) -> f32 {
            {
                let v = _mm_max_ps(a, _mm_movehl_ps(a, a));
                _mm_cvtss_f32(_mm_max_ss(v, _mm_shuffle_ps::<1>(v, v)))
            }
        }
    }
}

// SAFETY: each method does what the trait says, by instructions of SSE2.
unsafe impl Simd for Sse2<f64> {
    type Scalar = f64;
    type Vector = __m128d;
    type Mask = __m128d;
    const LANES: usize = 2;
    const LEVEL: Level = Level::Portable;
    const REGISTERS: usize = 16;

    lanes! {
        fn zero() -> __m128d { _mm_setzero_pd() }
        fn splat(value: f64) -> __m128d { _mm_set1_pd(value) }
        fn splat_bits(bits: u64) -> __m128d { _mm_castsi128_pd(_mm_set1_epi64x(bits as i64)) }
        fn load(from: *const f64) -> __m128d { _mm_loadu_pd(from) }
        fn load_single(from: *const f32) -> __m128d { _mm_cvtps_pd(load_pair(from)) }
        fn load_single_sum(a: *const f32, b: *const f32) -> __m128d {
            _mm_cvtps_pd(_mm_add_ps(load_pair(a), load_pair(b)))
        }
        fn load_first(from: *const f64, n: usize) -> __m128d {
            match n {
                0 => _mm_setzero_pd(),
                1 => _mm_load_sd(from),
                _ => _mm_loadu_pd(from),
            }
        }
        fn store(to: *mut f64, v: __m128d) { _mm_storeu_pd(to, v) }
        fn store_first(to: *mut f64, n: usize, v: __m128d) {
            match n {
                0 => {}
                1 => _mm_store_sd(to, v),
                _ => _mm_storeu_pd(to, v),
            }
        }
        fn prefetch(at: *const f64) { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }

        fn add(a: __m128d, b: __m128d) -> __m128d { _mm_add_pd(a, b) }
        fn sub(a: __m128d, b: __m128d) -> __m128d { _mm_sub_pd(a, b) }
        fn mul(a: __m128d, b: __m128d) -> __m128d { _mm_mul_pd(a, b) }
        fn div(a: __m128d, b: __m128d) -> __m128d { _mm_div_pd(a, b) }
        fn fma(a: __m128d, b: __m128d, c: __m128d) -> __m128d { _mm_add_pd(_mm_mul_pd(a, b), c) }
        fn min(a: __m128d, b: __m128d) -> __m128d { _mm_min_pd(a, b) }
        fn max(a: __m128d, b: __m128d) -> __m128d { _mm_max_pd(a, b) }
        fn sqrt(a: __m128d) -> __m128d { _mm_sqrt_pd(a) }

        fn and(a: __m128d, b: __m128d) -> __m128d { _mm_and_pd(a, b) }
        fn or(a: __m128d, b: __m128d) -> __m128d { _mm_or_pd(a, b) }
        fn xor(a: __m128d, b: __m128d) -> __m128d { _mm_xor_pd(a, b) }
        fn add_bits(a: __m128d, b: __m128d) -> __m128d {
            _mm_castsi128_pd(_mm_add_epi64(_mm_castpd_si128(a), _mm_castpd_si128(b)))
        }
        fn sub_bits(a: __m128d, b: __m128d) -> __m128d {
            _mm_castsi128_pd(_mm_sub_epi64(_mm_castpd_si128(a), _mm_castpd_si128(b)))
        }
        fn shift_left(a: __m128d, n: i32) -> __m128d {
            _mm_castsi128_pd(_mm_sll_epi64(_mm_castpd_si128(a), _mm_cvtsi32_si128(n)))
        }
        fn shift_right(a: __m128d, n: i32) -> __m128d {
            _mm_castsi128_pd(_mm_srl_epi64(_mm_castpd_si128(a), _mm_cvtsi32_si128(n)))
        }

        fn equal(a: __m128d, b: __m128d) -> __m128d { _mm_cmpeq_pd(a, b) }
        fn less(a: __m128d, b: __m128d) -> __m128d { _mm_cmplt_pd(a, b) }
        fn less_equal(a: __m128d, b: __m128d) -> __m128d { _mm_cmple_pd(a, b) }
        fn mask_and(a: __m128d, b: __m128d) -> __m128d { _mm_and_pd(a, b) }
        fn mask_or(a: __m128d, b: __m128d) -> __m128d { _mm_or_pd(a, b) }
        fn mask_to_bits(mask: __m128d) -> u32 { _mm_movemask_pd(mask) as u32 }
        fn select(mask: __m128d, yes: __m128d, no: __m128d) -> __m128d {
            _mm_or_pd(_mm_and_pd(mask, yes), _mm_andnot_pd(mask, no))
        }

        fn unzip(a: __m128d, b: __m128d) -> (__m128d, __m128d) { (_mm_unpacklo_pd(a, b), _mm_unpackhi_pd(a, b)) }
        fn reduce_add(a: __m128d) -> f64 { _mm_cvtsd_f64(_mm_add_sd(a, _mm_unpackhi_pd(a, a))) }
        fn reduce_max(a: __m128d) -> f64 { _mm_cvtsd_f64(_mm_max_sd(a, _mm_unpackhi_pd(a, a))) }
    }
}
