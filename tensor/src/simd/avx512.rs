//! AVX-512 vectors: 16 `f32` or 8 `f64`, with mask registers.

#[allow(clippy::wildcard_imports)] // the names of an instruction set, prefixed by nature
use std::arch::x86_64::*;
use std::marker::PhantomData;

use super::{Level, Simd};

/// 512-bit vectors of `T`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Avx512<T>(PhantomData<T>);

// SAFETY: each method does what the trait says, by instructions of AVX-512 F, BW, DQ, VL.
unsafe impl Simd for Avx512<f32> {
    type Scalar = f32;
    type Vector = __m512;
    type Mask = __mmask16;
    const LANES: usize = 16;
    const LEVEL: Level = Level::Avx512;
    const REGISTERS: usize = 32;

    lanes! {
        fn zero() -> __m512 { _mm512_setzero_ps() }
        fn splat(value: f32) -> __m512 { _mm512_set1_ps(value) }
        fn splat_bits(bits: u64) -> __m512 { _mm512_castsi512_ps(_mm512_set1_epi32(bits as i32)) }
        fn load(from: *const f32) -> __m512 { _mm512_loadu_ps(from) }
        fn load_single(from: *const f32) -> __m512 { _mm512_loadu_ps(from) }
        fn load_single_sum(a: *const f32, b: *const f32) -> __m512 { _mm512_add_ps(_mm512_loadu_ps(a), _mm512_loadu_ps(b)) }
        fn load_first(from: *const f32, n: usize) -> __m512 { _mm512_maskz_loadu_ps(((1u32 << n) - 1) as __mmask16, from) }
        fn store(to: *mut f32, v: __m512) { _mm512_storeu_ps(to, v) }
        fn store_first(to: *mut f32, n: usize, v: __m512) { _mm512_mask_storeu_ps(to, ((1u32 << n) - 1) as __mmask16, v) }
        fn prefetch(at: *const f32) { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }

        fn add(a: __m512, b: __m512) -> __m512 { _mm512_add_ps(a, b) }
        fn sub(a: __m512, b: __m512) -> __m512 { _mm512_sub_ps(a, b) }
        fn mul(a: __m512, b: __m512) -> __m512 { _mm512_mul_ps(a, b) }
        fn div(a: __m512, b: __m512) -> __m512 { _mm512_div_ps(a, b) }
        fn fma(a: __m512, b: __m512, c: __m512) -> __m512 { _mm512_fmadd_ps(a, b, c) }
        fn min(a: __m512, b: __m512) -> __m512 { _mm512_min_ps(a, b) }
        fn max(a: __m512, b: __m512) -> __m512 { _mm512_max_ps(a, b) }
        fn sqrt(a: __m512) -> __m512 { _mm512_sqrt_ps(a) }

        fn and(a: __m512, b: __m512) -> __m512 { _mm512_and_ps(a, b) }
        fn or(a: __m512, b: __m512) -> __m512 { _mm512_or_ps(a, b) }
        fn xor(a: __m512, b: __m512) -> __m512 { _mm512_xor_ps(a, b) }
        fn add_bits(a: __m512, b: __m512) -> __m512 {
            _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)))
        }
        fn sub_bits(a: __m512, b: __m512) -> __m512 {
            _mm512_castsi512_ps(_mm512_sub_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)))
        }
        fn shift_left(a: __m512, n: i32) -> __m512 {
            _mm512_castsi512_ps(_mm512_sll_epi32(_mm512_castps_si512(a), _mm_cvtsi32_si128(n)))
        }
        fn shift_right(a: __m512, n: i32) -> __m512 {
            _mm512_castsi512_ps(_mm512_srl_epi32(_mm512_castps_si512(a), _mm_cvtsi32_si128(n)))
        }

        fn equal(a: __m512, b: __m512) -> __mmask16 { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b) }
        fn less(a: __m512, b: __m512) -> __mmask16 { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b) }
        fn less_equal(a: __m512, b: __m512) -> __mmask16 { _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b) }
        fn mask_and(a: __mmask16, b: __mmask16) -> __mmask16 { a & b }
        fn mask_or(a: __mmask16, b: __mmask16) -> __mmask16 { a | b }
        fn mask_to_bits(mask: __mmask16) -> u32 { u32::from(mask) }
        fn select(mask: __mmask16, yes: __m512, no: __m512) -> __m512 { _mm512_mask_blend_ps(mask, no, yes) }

        fn unzip(a: __m512, b: __m512) -> (__m512, __m512) {
            {
                let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
                let odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
                (_mm512_permutex2var_ps(a, even, b), _mm512_permutex2var_ps(a, odd, b))
            }
        }
        fn reduce_add(a: __m512) -> f32 {
            super::avx2::Avx2::<f32>::reduce_add(_mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps::<1>(a)))
        }
        fn reduce_max(a: __m512) -> f32 {
            super::avx2::Avx2::<f32>::reduce_max(_mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps::<1>(a)))
        }
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, from_stride: isize, rows: usize, to: *mut f32, to_stride: usize) {
        // SAFETY: the trait's contract.
        unsafe { transpose16(from, from_stride, rows, to, to_stride) }
    }
}

/// [`Simd::transpose`] of 16 x 16 `f32`: pairs, quadruples, then 128-bit lanes change places.
///
/// # Safety
/// That of [`Simd::transpose`].
#[inline(always)]
unsafe fn transpose16(from: *const f32, from_stride: isize, rows: usize, to: *mut f32, to_stride: usize) {
    // SAFETY: the caller's.
    unsafe {
        let mut x = [_mm512_setzero_ps(); 16];
        for (i, x) in x.iter_mut().enumerate() {
            if i < rows {
                *x = _mm512_loadu_ps(from.offset(i as isize * from_stride));
            }
        }
        let mut y = [_mm512_setzero_pd(); 16];
        for i in 0..8 {
            y[2 * i] = _mm512_castps_pd(_mm512_unpacklo_ps(x[2 * i], x[2 * i + 1]));
            y[2 * i + 1] = _mm512_castps_pd(_mm512_unpackhi_ps(x[2 * i], x[2 * i + 1]));
        }
        // z[4 i + c]: column c of each 4-wide lane, of the rows 4 i .. 4 i + 4.
        let mut z = [_mm512_setzero_ps(); 16];
        for i in 0..4 {
            let (a, b, c, d) = (y[4 * i], y[4 * i + 1], y[4 * i + 2], y[4 * i + 3]);
            z[4 * i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
            z[4 * i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
            z[4 * i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
            z[4 * i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
        }
        let mut out = [_mm512_setzero_ps(); 16];
        for c in 0..4 {
            // 0x88 takes the even 128-bit lanes of both operands, 0xdd the odd ones.
            let even = _mm512_shuffle_f32x4::<0x88>(z[c], z[4 + c]);
            let odd = _mm512_shuffle_f32x4::<0xdd>(z[c], z[4 + c]);
            let even_high = _mm512_shuffle_f32x4::<0x88>(z[8 + c], z[12 + c]);
            let odd_high = _mm512_shuffle_f32x4::<0xdd>(z[8 + c], z[12 + c]);
            out[c] = _mm512_shuffle_f32x4::<0x88>(even, even_high);
            out[4 + c] = _mm512_shuffle_f32x4::<0x88>(odd, odd_high);
            out[8 + c] = _mm512_shuffle_f32x4::<0xdd>(even, even_high);
            out[12 + c] = _mm512_shuffle_f32x4::<0xdd>(odd, odd_high);
        }
        for (j, &row) in out.iter().enumerate() {
            _mm512_storeu_ps(to.add(j * to_stride), row);
        }
    }
}

// SAFETY: each method does what the trait says, by instructions of AVX-512 F, BW, DQ, VL.
unsafe impl Simd for Avx512<f64> {
    type Scalar = f64;
    type Vector = __m512d;
    type Mask = __mmask8;
    const LANES: usize = 8;
    const LEVEL: Level = Level::Avx512;
    const REGISTERS: usize = 32;

    lanes! {
        fn zero() -> __m512d { _mm512_setzero_pd() }
        fn splat(value: f64) -> __m512d { _mm512_set1_pd(value) }
        fn splat_bits(bits: u64) -> __m512d { _mm512_castsi512_pd(_mm512_set1_epi64(bits as i64)) }
        fn load(from: *const f64) -> __m512d { _mm512_loadu_pd(from) }
        fn load_single(from: *const f32) -> __m512d { _mm512_cvtps_pd(_mm256_loadu_ps(from)) }
        fn load_single_sum(a: *const f32, b: *const f32) -> __m512d {
            _mm512_cvtps_pd(_mm256_add_ps(_mm256_loadu_ps(a), _mm256_loadu_ps(b)))
        }
        fn load_first(from: *const f64, n: usize) -> __m512d { _mm512_maskz_loadu_pd(((1u32 << n) - 1) as __mmask8, from) }
        fn store(to: *mut f64, v: __m512d) { _mm512_storeu_pd(to, v) }
        fn store_first(to: *mut f64, n: usize, v: __m512d) { _mm512_mask_storeu_pd(to, ((1u32 << n) - 1) as __mmask8, v) }
        fn prefetch(at: *const f64) { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }

        fn add(a: __m512d, b: __m512d) -> __m512d { _mm512_add_pd(a, b) }
        fn sub(a: __m512d, b: __m512d) -> __m512d { _mm512_sub_pd(a, b) }
        fn mul(a: __m512d, b: __m512d) -> __m512d { _mm512_mul_pd(a, b) }
        fn div(a: __m512d, b: __m512d) -> __m512d { _mm512_div_pd(a, b) }
        fn fma(a: __m512d, b: __m512d, c: __m512d) -> __m512d { _mm512_fmadd_pd(a, b, c) }
        fn min(a: __m512d, b: __m512d) -> __m512d { _mm512_min_pd(a, b) }
        fn max(a: __m512d, b: __m512d) -> __m512d { _mm512_max_pd(a, b) }
        fn sqrt(a: __m512d) -> __m512d { _mm512_sqrt_pd(a) }

        fn and(a: __m512d, b: __m512d) -> __m512d { _mm512_and_pd(a, b) }
        fn or(a: __m512d, b: __m512d) -> __m512d { _mm512_or_pd(a, b) }
        fn xor(a: __m512d, b: __m512d) -> __m512d { _mm512_xor_pd(a, b) }
        fn add_bits(a: __m512d, b: __m512d) -> __m512d {
            _mm512_castsi512_pd(_mm512_add_epi64(_mm512_castpd_si512(a), _mm512_castpd_si512(b)))
        }
        fn sub_bits(a: __m512d, b: __m512d) -> __m512d {
            _mm512_castsi512_pd(_mm512_sub_epi64(_mm512_castpd_si512(a), _mm512_castpd_si512(b)))
        }
        fn shift_left(a: __m512d, n: i32) -> __m512d {
            _mm512_castsi512_pd(_mm512_sll_epi64(_mm512_castpd_si512(a), _mm_cvtsi32_si128(n)))
        }
        fn shift_right(a: __m512d, n: i32) -> __m512d {
            _mm512_castsi512_pd(_mm512_srl_epi64(_mm512_castpd_si512(a), _mm_cvtsi32_si128(n)))
        }

        fn equal(a: __m512d, b: __m512d) -> __mmask8 { _mm512_cmp_pd_mask::<_CMP_EQ_OQ>(a, b) }
        fn less(a: __m512d, b: __m512d) -> __mmask8 { _mm512_cmp_pd_mask::<_CMP_LT_OQ>(a, b) }
        fn less_equal(a: __m512d, b: __m512d) -> __mmask8 { _mm512_cmp_pd_mask::<_CMP_LE_OQ>(a, b) }
        fn mask_and(a: __mmask8, b: __mmask8) -> __mmask8 { a & b }
        fn mask_or(a: __mmask8, b: __mmask8) -> __mmask8 { a | b }
        fn mask_to_bits(mask: __mmask8) -> u32 { u32::from(mask) }
        fn select(mask: __mmask8, yes: __m512d, no: __m512d) -> __m512d { _mm512_mask_blend_pd(mask, no, yes) }

        fn unzip(a: __m512d, b: __m512d) -> (__m512d, __m512d) {
            {
                let even = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
                let odd = _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15);
                (_mm512_permutex2var_pd(a, even, b), _mm512_permutex2var_pd(a, odd, b))
            }
        }
        fn reduce_add(a: __m512d) -> f64 {
            super::avx2::Avx2::<f64>::reduce_add(_mm256_add_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd::<1>(a)))
        }
        fn reduce_max(a: __m512d) -> f64 {
            super::avx2::Avx2::<f64>::reduce_max(_mm256_max_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd::<1>(a)))
        }
    }
}
