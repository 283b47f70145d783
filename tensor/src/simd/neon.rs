//! NEON vectors of 64-bit ARM: 4 `f32` or 2 `f64`.
//!
//! `vminq`/`vmaxq` give NaN where x86 gives the second operand, so minimum and maximum are a comparison and a choice.

#[allow(clippy::wildcard_imports)] // the names of an instruction set, prefixed by nature
use std::arch::aarch64::*;
use std::marker::PhantomData;
use std::ptr;

use super::{Level, Simd};

/// 128-bit vectors of `T`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Neon<T>(PhantomData<T>);

static LANE_BITS_32: [u32; 4] = [1, 2, 4, 8];
static LANE_BITS_64: [u64; 2] = [1, 2];

// SAFETY: each method does what the trait says, by instructions that every 64-bit ARM has.
unsafe impl Simd for Neon<f32> {
    type Scalar = f32;
    type Vector = float32x4_t;
    type Mask = uint32x4_t;
    const LANES: usize = 4;
    const LEVEL: Level = Level::Neon;
    const REGISTERS: usize = 32;

    lanes! {
        fn zero() -> float32x4_t { vdupq_n_f32(0.0) }
        fn splat(value: f32) -> float32x4_t { vdupq_n_f32(value) }
        fn splat_bits(bits: u64) -> float32x4_t { vreinterpretq_f32_u32(vdupq_n_u32(bits as u32)) }
        fn load(from: *const f32) -> float32x4_t { vld1q_f32(from) }
        fn load_single(from: *const f32) -> float32x4_t { vld1q_f32(from) }
        fn load_single_sum(a: *const f32, b: *const f32) -> float32x4_t { vaddq_f32(vld1q_f32(a), vld1q_f32(b)) }
        fn load_first(from: *const f32, n: usize) -> float32x4_t {
            {
                let mut lanes = [0.0; 4];
                ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), n);
                vld1q_f32(lanes.as_ptr())
            }
        }
        fn store(to: *mut f32, v: float32x4_t) { vst1q_f32(to, v) }
        fn store_first(to: *mut f32, n: usize, v: float32x4_t) {
            {
                let mut lanes = [0.0; 4];
                vst1q_f32(lanes.as_mut_ptr(), v);
                ptr::copy_nonoverlapping(lanes.as_ptr(), to, n)
            }
        }
        fn prefetch(_at: *const f32) { () }

        fn add(a: float32x4_t, b: float32x4_t) -> float32x4_t { vaddq_f32(a, b) }
        fn sub(a: float32x4_t, b: float32x4_t) -> float32x4_t { vsubq_f32(a, b) }
        fn mul(a: float32x4_t, b: float32x4_t) -> float32x4_t { vmulq_f32(a, b) }
        fn div(a: float32x4_t, b: float32x4_t) -> float32x4_t { vdivq_f32(a, b) }
        fn fma(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t { vfmaq_f32(c, a, b) }
        fn min(a: float32x4_t, b: float32x4_t) -> float32x4_t { vbslq_f32(vcltq_f32(a, b), a, b) }
        fn max(a: float32x4_t, b: float32x4_t) -> float32x4_t { vbslq_f32(vcgtq_f32(a, b), a, b) }
        fn sqrt(a: float32x4_t) -> float32x4_t { vsqrtq_f32(a) }

        fn and(a: float32x4_t, b: float32x4_t) -> float32x4_t {
            vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b)))
        }
        fn or(a: float32x4_t, b: float32x4_t) -> float32x4_t {
            vreinterpretq_f32_u32(vorrq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b)))
        }
        fn xor(a: float32x4_t, b: float32x4_t) -> float32x4_t {
            vreinterpretq_f32_u32(veorq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b)))
        }
        fn add_bits(a: float32x4_t, b: float32x4_t) -> float32x4_t {
            vreinterpretq_f32_u32(vaddq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b)))
        }
        fn sub_bits(a: float32x4_t, b: float32x4_t) -> float32x4_t {
            vreinterpretq_f32_u32(vsubq_u32(vreinterpretq_u32_f32(a), vreinterpretq_u32_f32(b)))
        }
        fn shift_left(a: float32x4_t, n: i32) -> float32x4_t {
            vreinterpretq_f32_u32(vshlq_u32(vreinterpretq_u32_f32(a), vdupq_n_s32(n)))
        }
        fn shift_right(a: float32x4_t, n: i32) -> float32x4_t {
            vreinterpretq_f32_u32(vshlq_u32(vreinterpretq_u32_f32(a), vdupq_n_s32(-n)))
        }

        fn equal(a: float32x4_t, b: float32x4_t) -> uint32x4_t { vceqq_f32(a, b) }
        fn less(a: float32x4_t, b: float32x4_t) -> uint32x4_t { vcltq_f32(a, b) }
        fn less_equal(a: float32x4_t, b: float32x4_t) -> uint32x4_t { vcleq_f32(a, b) }
        fn mask_and(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t { vandq_u32(a, b) }
        fn mask_or(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t { vorrq_u32(a, b) }
        fn mask_to_bits(mask: uint32x4_t) -> u32 { vaddvq_u32(vandq_u32(mask, vld1q_u32(LANE_BITS_32.as_ptr()))) }
        fn select(mask: uint32x4_t, yes: float32x4_t, no: float32x4_t) -> float32x4_t { vbslq_f32(mask, yes, no) }

        fn unzip(a: float32x4_t, b: float32x4_t) -> (float32x4_t, float32x4_t) { (vuzp1q_f32(a, b), vuzp2q_f32(a, b)) }
        fn reduce_add(a: float32x4_t) -> f32 {
            {
                let v = vadd_f32(vget_low_f32(a), vget_high_f32(a));
                vget_lane_f32::<0>(v) + vget_lane_f32::<1>(v)
            }
        }
        fn reduce_max(a: float32x4_t) -> f32 {
            {
                let low = vget_low_f32(a);
                let high = vget_high_f32(a);
                let v = vbsl_f32(vcgt_f32(low, high), low, high);
                let (first, second) = (vget_lane_f32::<0>(v), vget_lane_f32::<1>(v));
                if first > second { first } else { second }
            }
        }
    }
}

// SAFETY: each method does what the trait says, by instructions that every 64-bit ARM has.
unsafe impl Simd for Neon<f64> {
    type Scalar = f64;
    type Vector = float64x2_t;
    type Mask = uint64x2_t;
    const LANES: usize = 2;
    const LEVEL: Level = Level::Neon;
    const REGISTERS: usize = 32;

    lanes! {
        fn zero() -> float64x2_t { vdupq_n_f64(0.0) }
        fn splat(value: f64) -> float64x2_t { vdupq_n_f64(value) }
        fn splat_bits(bits: u64) -> float64x2_t { vreinterpretq_f64_u64(vdupq_n_u64(bits as u64)) }
        fn load(from: *const f64) -> float64x2_t { vld1q_f64(from) }
        fn load_single(from: *const f32) -> float64x2_t { vcvt_f64_f32(vld1_f32(from)) }
        fn load_single_sum(a: *const f32, b: *const f32) -> float64x2_t { vcvt_f64_f32(vadd_f32(vld1_f32(a), vld1_f32(b))) }
        fn load_first(from: *const f64, n: usize) -> float64x2_t {
            {
                let mut lanes = [0.0; 2];
                ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), n);
                vld1q_f64(lanes.as_ptr())
            }
        }
        fn store(to: *mut f64, v: float64x2_t) { vst1q_f64(to, v) }
        fn store_first(to: *mut f64, n: usize, v: float64x2_t) {
            {
                let mut lanes = [0.0; 2];
                vst1q_f64(lanes.as_mut_ptr(), v);
                ptr::copy_nonoverlapping(lanes.as_ptr(), to, n)
            }
        }
        fn prefetch(_at: *const f64) { () }

        fn add(a: float64x2_t, b: float64x2_t) -> float64x2_t { vaddq_f64(a, b) }
        fn sub(a: float64x2_t, b: float64x2_t) -> float64x2_t { vsubq_f64(a, b) }
        fn mul(a: float64x2_t, b: float64x2_t) -> float64x2_t { vmulq_f64(a, b) }
        fn div(a: float64x2_t, b: float64x2_t) -> float64x2_t { vdivq_f64(a, b) }
        fn fma(a: float64x2_t, b: float64x2_t, c: float64x2_t) -> float64x2_t { vfmaq_f64(c, a, b) }
        fn min(a: float64x2_t, b: float64x2_t) -> float64x2_t { vbslq_f64(vcltq_f64(a, b), a, b) }
        fn max(a: float64x2_t, b: float64x2_t) -> float64x2_t { vbslq_f64(vcgtq_f64(a, b), a, b) }
        fn sqrt(a: float64x2_t) -> float64x2_t { vsqrtq_f64(a) }

        fn and(a: float64x2_t, b: float64x2_t) -> float64x2_t {
            vreinterpretq_f64_u64(vandq_u64(vreinterpretq_u64_f64(a), vreinterpretq_u64_f64(b)))
        }
        fn or(a: float64x2_t, b: float64x2_t) -> float64x2_t {
            vreinterpretq_f64_u64(vorrq_u64(vreinterpretq_u64_f64(a), vreinterpretq_u64_f64(b)))
        }
        fn xor(a: float64x2_t, b: float64x2_t) -> float64x2_t {
            vreinterpretq_f64_u64(veorq_u64(vreinterpretq_u64_f64(a), vreinterpretq_u64_f64(b)))
        }
        fn add_bits(a: float64x2_t, b: float64x2_t) -> float64x2_t {
            vreinterpretq_f64_u64(vaddq_u64(vreinterpretq_u64_f64(a), vreinterpretq_u64_f64(b)))
        }
        fn sub_bits(a: float64x2_t, b: float64x2_t) -> float64x2_t {
            vreinterpretq_f64_u64(vsubq_u64(vreinterpretq_u64_f64(a), vreinterpretq_u64_f64(b)))
        }
        fn shift_left(a: float64x2_t, n: i32) -> float64x2_t {
            vreinterpretq_f64_u64(vshlq_u64(vreinterpretq_u64_f64(a), vdupq_n_s64(i64::from(n))))
        }
        fn shift_right(a: float64x2_t, n: i32) -> float64x2_t {
            vreinterpretq_f64_u64(vshlq_u64(vreinterpretq_u64_f64(a), vdupq_n_s64(i64::from(-n))))
        }

        fn equal(a: float64x2_t, b: float64x2_t) -> uint64x2_t { vceqq_f64(a, b) }
        fn less(a: float64x2_t, b: float64x2_t) -> uint64x2_t { vcltq_f64(a, b) }
        fn less_equal(a: float64x2_t, b: float64x2_t) -> uint64x2_t { vcleq_f64(a, b) }
        fn mask_and(a: uint64x2_t, b: uint64x2_t) -> uint64x2_t { vandq_u64(a, b) }
        fn mask_or(a: uint64x2_t, b: uint64x2_t) -> uint64x2_t { vorrq_u64(a, b) }
        fn mask_to_bits(mask: uint64x2_t) -> u32 { vaddvq_u64(vandq_u64(mask, vld1q_u64(LANE_BITS_64.as_ptr()))) as u32 }
        fn select(mask: uint64x2_t, yes: float64x2_t, no: float64x2_t) -> float64x2_t { vbslq_f64(mask, yes, no) }

        fn unzip(a: float64x2_t, b: float64x2_t) -> (float64x2_t, float64x2_t) { (vuzp1q_f64(a, b), vuzp2q_f64(a, b)) }
        fn reduce_add(a: float64x2_t) -> f64 { vgetq_lane_f64::<0>(a) + vgetq_lane_f64::<1>(a) }
        fn reduce_max(a: float64x2_t) -> f64 {
            {
                let (first, second) = (vgetq_lane_f64::<0>(a), vgetq_lane_f64::<1>(a));
                if first > second { first } else { second }
            }
        }
    }
}
