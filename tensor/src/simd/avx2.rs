//! AVX2 and FMA vectors: 8 `f32` or 4 `f64`; a comparison gives a vector of all-ones or all-zeros lanes.

#[allow(clippy::wildcard_imports)] // the names of an instruction set, prefixed by nature
use std::arch::x86_64::*;
use std::marker::PhantomData;

use super::{Level, Simd};

/// 256-bit vectors of `T`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Avx2<T>(PhantomData<T>);

static FIRST32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
static FIRST64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

/// The mask of the first `n` of 8 lanes.
///
/// # Safety
/// `n <= 8`, and the CPU has AVX2.
#[inline(always)]
unsafe fn first32(n: usize) -> __m256i {
    // SAFETY: 8 elements from 8 - n on lie within the 16.
    unsafe { _mm256_loadu_si256(FIRST32.as_ptr().add(8 - n).cast()) }
}

/// The mask of the first `n` of 4 lanes.
///
/// # Safety
/// `n <= 4`, and the CPU has AVX2.
#[inline(always)]
unsafe fn first64(n: usize) -> __m256i {
    // SAFETY: 4 elements from 4 - n on lie within the 8.
    unsafe { _mm256_loadu_si256(FIRST64.as_ptr().add(4 - n).cast()) }
}

/// Writes the first `n` of 8 lanes in pieces: some processors need over forty steps for a masked store.
///
/// # Safety
/// `n <= 8`, `to` is valid for writes of `n` elements, and the CPU has AVX2.
#[inline(always)]
unsafe fn store_first32(mut to: *mut f32, n: usize, v: __m256) {
    // SAFETY: the pieces add up to the first `n` elements.
    unsafe {
        if n == 8 {
            return _mm256_storeu_ps(to, v);
        }
        let mut rest = _mm256_castps256_ps128(v);
        if n & 4 != 0 {
            _mm_storeu_ps(to, rest);
            rest = _mm256_extractf128_ps::<1>(v);
            to = to.add(4);
        }
        if n & 2 != 0 {
            _mm_storel_epi64(to.cast(), _mm_castps_si128(rest));
            rest = _mm_movehl_ps(rest, rest);
            to = to.add(2);
        }
        if n & 1 != 0 {
            _mm_store_ss(to, rest);
        }
    }
}

/// Writes the first `n` of 4 lanes in pieces, as above.
///
/// # Safety
/// `n <= 4`, `to` is valid for writes of `n` elements, and the CPU has AVX2.
#[inline(always)]
unsafe fn store_first64(to: *mut f64, n: usize, v: __m256d) {
    // SAFETY: the pieces add up to the first `n` elements.
    unsafe {
        if n == 4 {
            return _mm256_storeu_pd(to, v);
        }
        let (low, high) = (_mm256_castpd256_pd128(v), _mm256_extractf128_pd::<1>(v));
        if n & 2 != 0 {
            _mm_storeu_pd(to, low);
        }
        if n & 1 != 0 {
            _mm_store_sd(to.add(n & 2), if n & 2 != 0 { high } else { low });
        }
    }
}

// SAFETY: each method does what the trait says, by instructions of AVX2 and FMA.
unsafe impl Simd for Avx2<f32> {
    type Scalar = f32;
    type Vector = __m256;
    type Mask = __m256;
    const LANES: usize = 8;
    const LEVEL: Level = Level::Avx2;
    const REGISTERS: usize = 16;

    lanes! {
        fn zero() -> __m256 { _mm256_setzero_ps() }
        fn splat(value: f32) -> __m256 { _mm256_set1_ps(value) }
        fn splat_bits(bits: u64) -> __m256 { _mm256_castsi256_ps(_mm256_set1_epi32(bits as i32)) }
        fn load(from: *const f32) -> __m256 { _mm256_loadu_ps(from) }
        fn load_single(from: *const f32) -> __m256 { _mm256_loadu_ps(from) }
        fn load_single_sum(a: *const f32, b: *const f32) -> __m256 { _mm256_add_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b)) }
        fn load_first(from: *const f32, n: usize) -> __m256 { _mm256_maskload_ps(from, first32(n)) }
        fn store(to: *mut f32, v: __m256) { _mm256_storeu_ps(to, v) }
        fn store_first(to: *mut f32, n: usize, v: __m256) { store_first32(to, n, v) }
        fn prefetch(at: *const f32) { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }

        fn add(a: __m256, b: __m256) -> __m256 { _mm256_add_ps(a, b) }
        fn sub(a: __m256, b: __m256) -> __m256 { _mm256_sub_ps(a, b) }
        fn mul(a: __m256, b: __m256) -> __m256 { _mm256_mul_ps(a, b) }
        fn div(a: __m256, b: __m256) -> __m256 { _mm256_div_ps(a, b) }
        fn fma(a: __m256, b: __m256, c: __m256) -> __m256 { _mm256_fmadd_ps(a, b, c) }
        fn min(a: __m256, b: __m256) -> __m256 { _mm256_min_ps(a, b) }
        fn max(a: __m256, b: __m256) -> __m256 { _mm256_max_ps(a, b) }
        fn sqrt(a: __m256) -> __m256 { _mm256_sqrt_ps(a) }

        fn and(a: __m256, b: __m256) -> __m256 { _mm256_and_ps(a, b) }
        fn or(a: __m256, b: __m256) -> __m256 { _mm256_or_ps(a, b) }
        fn xor(a: __m256, b: __m256) -> __m256 { _mm256_xor_ps(a, b) }
        fn add_bits(a: __m256, b: __m256) -> __m256 {
            _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)))
        }
        fn sub_bits(a: __m256, b: __m256) -> __m256 {
            _mm256_castsi256_ps(_mm256_sub_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)))
        }
        fn shift_left(a: __m256, n: i32) -> __m256 {
            _mm256_castsi256_ps(_mm256_sll_epi32(_mm256_castps_si256(a), _mm_cvtsi32_si128(n)))
        }
        fn shift_right(a: __m256, n: i32) -> __m256 {
            _mm256_castsi256_ps(_mm256_srl_epi32(_mm256_castps_si256(a), _mm_cvtsi32_si128(n)))
        }

        fn equal(a: __m256, b: __m256) -> __m256 { _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b) }
        fn less(a: __m256, b: __m256) -> __m256 { _mm256_cmp_ps::<_CMP_LT_OQ>(a, b) }
        fn less_equal(a: __m256, b: __m256) -> __m256 { _mm256_cmp_ps::<_CMP_LE_OQ>(a, b) }
        fn mask_and(a: __m256, b: __m256) -> __m256 { _mm256_and_ps(a, b) }
        fn mask_or(a: __m256, b: __m256) -> __m256 { _mm256_or_ps(a, b) }
        fn mask_to_bits(mask: __m256) -> u32 { _mm256_movemask_ps(mask) as u32 }
        fn select(mask: __m256, yes: __m256, no: __m256) -> __m256 { _mm256_blendv_ps(no, yes, mask) }

        fn unzip(a: __m256, b: __m256) -> (__m256, __m256) {
            {
                // Within the halves of the registers, then the middle two pairs change places.
                let even = _mm256_castps_pd(_mm256_shuffle_ps::<0b10_00_10_00>(a, b));
                let odd = _mm256_castps_pd(_mm256_shuffle_ps::<0b11_01_11_01>(a, b));
                let (even, odd) =
                    (_mm256_permute4x64_pd::<0b11_01_10_00>(even), _mm256_permute4x64_pd::<0b11_01_10_00>(odd));
                (_mm256_castpd_ps(even), _mm256_castpd_ps(odd))
            }
        }
        fn reduce_add(a: __m256) -> f32 {
            {
                let v = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
                let v = _mm_add_ps(v, _mm_movehl_ps(v, v));
                _mm_cvtss_f32(_mm_add_ss(v, _mm_movehdup_ps(v)))
            }
        }
        fn reduce_max(a: __m256) -> f32 {
            {
                let v = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps::<1>(a));
                let v = _mm_max_ps(v, _mm_movehl_ps(v, v));
                _mm_cvtss_f32(_mm_max_ss(v, _mm_movehdup_ps(v)))
            }
        }
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_stride: isize, rows: usize, to: *mut f32, to_stride: usize) {
        // SAFETY: the trait's contract.
        unsafe { transpose8(from, from_stride, rows, to, to_stride) }
    }
}

/// [`Simd::transpose`] of 8 x 8 `f32`.
///
/// # Safety
/// That of [`Simd::transpose`].
#[inline(always)]
unsafe fn transpose8(from: *const f32, from_stride: isize, rows: usize, to: *mut f32, to_stride: usize) {
    // SAFETY: the caller's.
    unsafe {
        let mut x = [_mm256_setzero_ps(); 8];
        for (i, x) in x.iter_mut().enumerate() {
            if i < rows {
                *x = _mm256_loadu_ps(from.offset(i as isize * from_stride));
            }
        }
        // z[4 i + c]: column c of each 4-wide lane, of the rows 4 i .. 4 i + 4.
        let mut z = [_mm256_setzero_ps(); 8];
        for i in 0..2 {
            let low = _mm256_castps_pd(_mm256_unpacklo_ps(x[4 * i], x[4 * i + 1]));
            let high = _mm256_castps_pd(_mm256_unpackhi_ps(x[4 * i], x[4 * i + 1]));
            let next_low = _mm256_castps_pd(_mm256_unpacklo_ps(x[4 * i + 2], x[4 * i + 3]));
            let next_high = _mm256_castps_pd(_mm256_unpackhi_ps(x[4 * i + 2], x[4 * i + 3]));
            z[4 * i] = _mm256_castpd_ps(_mm256_unpacklo_pd(low, next_low));
            z[4 * i + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low, next_low));
            z[4 * i + 2] = _mm256_castpd_ps(_mm256_unpacklo_pd(high, next_high));
            z[4 * i + 3] = _mm256_castpd_ps(_mm256_unpackhi_pd(high, next_high));
        }
        let mut out = [_mm256_setzero_ps(); 8];
        for c in 0..4 {
            out[c] = _mm256_permute2f128_ps::<0x20>(z[c], z[4 + c]);
            out[4 + c] = _mm256_permute2f128_ps::<0x31>(z[c], z[4 + c]);
        }
        for (j, &row) in out.iter().enumerate() {
            _mm256_storeu_ps(to.add(j * to_stride), row);
        }
    }
}

// SAFETY: each method does what the trait says, by instructions of AVX2 and FMA.
unsafe impl Simd for Avx2<f64> {
    type Scalar = f64;
    type Vector = __m256d;
    type Mask = __m256d;
    const LANES: usize = 4;
    const LEVEL: Level = Level::Avx2;
    const REGISTERS: usize = 16;

    lanes! {
        fn zero() -> __m256d { _mm256_setzero_pd() }
        fn splat(value: f64) -> __m256d { _mm256_set1_pd(value) }
        fn splat_bits(bits: u64) -> __m256d { _mm256_castsi256_pd(_mm256_set1_epi64x(bits as i64)) }
        fn load(from: *const f64) -> __m256d { _mm256_loadu_pd(from) }
        fn load_single(from: *const f32) -> __m256d { _mm256_cvtps_pd(_mm_loadu_ps(from)) }
        fn load_single_sum(a: *const f32, b: *const f32) -> __m256d {
            _mm256_cvtps_pd(_mm_add_ps(_mm_loadu_ps(a), _mm_loadu_ps(b)))
        }
        fn load_first(from: *const f64, n: usize) -> __m256d { _mm256_maskload_pd(from, first64(n)) }
        fn store(to: *mut f64, v: __m256d) { _mm256_storeu_pd(to, v) }
        fn store_first(to: *mut f64, n: usize, v: __m256d) { store_first64(to, n, v) }
        fn prefetch(at: *const f64) { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }

        fn add(a: __m256d, b: __m256d) -> __m256d { _mm256_add_pd(a, b) }
        fn sub(a: __m256d, b: __m256d) -> __m256d { _mm256_sub_pd(a, b) }
        fn mul(a: __m256d, b: __m256d) -> __m256d { _mm256_mul_pd(a, b) }
        fn div(a: __m256d, b: __m256d) -> __m256d { _mm256_div_pd(a, b) }
        fn fma(a: __m256d, b: __m256d, c: __m256d) -> __m256d { _mm256_fmadd_pd(a, b, c) }
        fn min(a: __m256d, b: __m256d) -> __m256d { _mm256_min_pd(a, b) }
        fn max(a: __m256d, b: __m256d) -> __m256d { _mm256_max_pd(a, b) }
        fn sqrt(a: __m256d) -> __m256d { _mm256_sqrt_pd(a) }

        fn and(a: __m256d, b: __m256d) -> __m256d { _mm256_and_pd(a, b) }
        fn or(a: __m256d, b: __m256d) -> __m256d { _mm256_or_pd(a, b) }
        fn xor(a: __m256d, b: __m256d) -> __m256d { _mm256_xor_pd(a, b) }
        fn add_bits(a: __m256d, b: __m256d) -> __m256d {
            _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(a), _mm256_castpd_si256(b)))
        }
        fn sub_bits(a: __m256d, b: __m256d) -> __m256d {
            _mm256_castsi256_pd(_mm256_sub_epi64(_mm256_castpd_si256(a), _mm256_castpd_si256(b)))
        }
        fn shift_left(a: __m256d, n: i32) -> __m256d {
            _mm256_castsi256_pd(_mm256_sll_epi64(_mm256_castpd_si256(a), _mm_cvtsi32_si128(n)))
        }
        fn shift_right(a: __m256d, n: i32) -> __m256d {
            _mm256_castsi256_pd(_mm256_srl_epi64(_mm256_castpd_si256(a), _mm_cvtsi32_si128(n)))
        }

        fn equal(a: __m256d, b: __m256d) -> __m256d { _mm256_cmp_pd::<_CMP_EQ_OQ>(a, b) }
        fn less(a: __m256d, b: __m256d) -> __m256d { _mm256_cmp_pd::<_CMP_LT_OQ>(a, b) }
        fn less_equal(a: __m256d, b: __m256d) -> __m256d { _mm256_cmp_pd::<_CMP_LE_OQ>(a, b) }
        fn mask_and(a: __m256d, b: __m256d) -> __m256d { _mm256_and_pd(a, b) }
        fn mask_or(a: __m256d, b: __m256d) -> __m256d { _mm256_or_pd(a, b) }
        fn mask_to_bits(mask: __m256d) -> u32 { _mm256_movemask_pd(mask) as u32 }
        fn select(mask: __m256d, yes: __m256d, no: __m256d) -> __m256d { _mm256_blendv_pd(no, yes, mask) }

        fn unzip(a: __m256d, b: __m256d) -> (__m256d, __m256d) {
            {
                let (even, odd) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
                (_mm256_permute4x64_pd::<0b11_01_10_00>(even), _mm256_permute4x64_pd::<0b11_01_10_00>(odd))
            }
        }
        fn reduce_add(a: __m256d) -> f64 {
            {
                let v = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd::<1>(a));
                _mm_cvtsd_f64(_mm_add_sd(v, _mm_unpackhi_pd(v, v)))
            }
        }
        fn reduce_max(a: __m256d) -> f64 {
            {
                let v = _mm_max_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd::<1>(a));
                _mm_cvtsd_f64(_mm_max_sd(v, _mm_unpackhi_pd(v, v)))
            }
        }
    }
}
