//! Every method of [`Simd`], at every level that this machine has, against plain scalar code.

use std::cmp::Ordering;

use super::portable::Portable;
use super::{Level, Real, Simd, available_levels, dispatch};

type Rule = fn(f64, f64) -> bool;

dispatch! {
    @every_level unsafe fn check_at<T>() = check;
}

/// Values with ties, signs, infinities, NaN and denormals, a different mix in each lane.
fn values<T: Real>(seed: u64, n: usize) -> Vec<T> {
    let special =
        [0.0, -0.0, 1.0, -1.0, 0.5, 3.25, -7.75, 1e-3, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e9, -1e-9];
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            T::from_f64(special[(state >> 33) as usize % special.len()])
        })
        .collect()
}

fn same<T: Real>(what: &str, level: Level, got: &[T], expected: impl Iterator<Item = T>) {
    for (lane, (&got, expected)) in got.iter().zip(expected).enumerate() {
        let equal = got == expected || (got.to_f64().is_nan() && expected.to_f64().is_nan());
        assert!(equal, "{what} at {level}, lane {lane}: got {got:?}, expected {expected:?}");
    }
}

#[inline(always)]
unsafe fn check<S: Simd>() {
    let level = S::LEVEL;
    let lanes = S::LANES;
    let zero = S::Scalar::ZERO;
    let out = |v: S::Vector| {
        let mut out = vec![zero; lanes];
        // SAFETY: `out` has LANES elements and `check` runs at an available level.
        unsafe { S::store(out.as_mut_ptr(), v) };
        out
    };
    for seed in 0..200 {
        let (a, b, c) =
            (values::<S::Scalar>(seed, lanes), values::<S::Scalar>(seed + 1000, lanes), values(seed + 2000, lanes));
        let pairs = || a.iter().copied().zip(b.iter().copied());
        // SAFETY: `check` runs at an available level, and all slices have LANES elements.
        unsafe {
            let (va, vb, vc) = (S::load(a.as_ptr()), S::load(b.as_ptr()), S::load(c.as_ptr()));
            same("load", level, &out(va), a.iter().copied());
            let single: Vec<f32> = a.iter().map(|a| a.to_f64() as f32).collect();
            let widened = single.iter().map(|&a| S::Scalar::from_f64(f64::from(a)));
            let other: Vec<f32> = b.iter().map(|b| b.to_f64() as f32).collect();
            let sums = single.iter().zip(&other).map(|(&a, &b)| S::Scalar::from_f64(f64::from(a + b)));
            same("load_single_sum", level, &out(S::load_single_sum(single.as_ptr(), other.as_ptr())), sums);
            same("load_single", level, &out(S::load_single(single.as_ptr())), widened);
            same("add", level, &out(S::add(va, vb)), pairs().map(|(a, b)| a + b));
            same("sub", level, &out(S::sub(va, vb)), pairs().map(|(a, b)| a - b));
            same("mul", level, &out(S::mul(va, vb)), pairs().map(|(a, b)| a * b));
            same("div", level, &out(S::div(va, vb)), pairs().map(|(a, b)| a / b));
            same("min", level, &out(S::min(va, vb)), pairs().map(|(a, b)| if a < b { a } else { b }));
            same("max", level, &out(S::max(va, vb)), pairs().map(|(a, b)| if a > b { a } else { b }));
            same("sqrt", level, &out(S::sqrt(va)), a.iter().map(|a| S::Scalar::from_f64(a.to_f64().sqrt())));
            let both = || a.iter().chain(&b).copied();
            let (even, odd) = S::unzip(va, vb);
            same("unzip, even", level, &out(even), both().step_by(2));
            same("unzip, odd", level, &out(odd), both().skip(1).step_by(2));
            same("neg", level, &out(S::neg(va)), a.iter().map(|&a| -a));
            same("abs", level, &out(S::abs(va)), a.iter().map(|a| S::Scalar::from_f64(a.to_f64().abs())));
            let fused = out(S::fma(va, vb, vc));
            for i in 0..lanes {
                let (apart, once) = (a[i] * b[i] + c[i], a[i].to_f64().mul_add(b[i].to_f64(), c[i].to_f64()));
                let close = (fused[i].to_f64() - once).abs() <= once.abs() * 1e-6 || fused[i] == apart;
                assert!(
                    close || fused[i].to_f64().is_nan(),
                    "fma at {level}: {:?} {:?} {:?} gave {:?}",
                    a[i],
                    b[i],
                    c[i],
                    fused[i]
                );
            }
            let masks: [(&str, S::Mask, Rule); 5] = [
                ("equal", S::equal(va, vb), |a, b| a == b),
                ("less", S::less(va, vb), |a, b| a < b),
                ("less_equal", S::less_equal(va, vb), |a, b| a <= b),
                ("mask_and", S::mask_and(S::less_equal(va, vb), S::less_equal(vb, va)), |a, b| a == b),
                ("mask_or", S::mask_or(S::less(va, vb), S::less(vb, va)), |a, b| {
                    a.partial_cmp(&b).is_some_and(Ordering::is_ne)
                }),
            ];
            for (what, mask, rule) in masks {
                let rule = |(a, b): (S::Scalar, S::Scalar)| rule(a.to_f64(), b.to_f64());
                let bits = pairs().enumerate().fold(0, |bits, (i, pair)| bits | u32::from(rule(pair)) << i);
                assert_eq!(S::mask_to_bits(mask), bits, "{what} at {level}");
                same("select", level, &out(S::select(mask, va, vb)), pairs().map(|p| if rule(p) { p.0 } else { p.1 }));
            }
            let counts: Vec<_> = (0..lanes).map(|i| S::Scalar::from_f64((i * i) as f64 + seed as f64)).collect();
            let total = counts.iter().fold(zero, |sum, &x| sum + x);
            assert_eq!(S::reduce_add(S::load(counts.as_ptr())), total, "reduce_add at {level}");
            assert_eq!(S::reduce_max(S::load(counts.as_ptr())), counts[lanes - 1], "reduce_max at {level}");
            assert_eq!(S::reduce_max(S::neg(S::load(counts.as_ptr()))), -counts[0], "reduce_max at {level}");
        }
    }
    // SAFETY: as above; `partial` and `x` have at least `n` elements.
    unsafe {
        for n in 0..=lanes {
            let x: Vec<_> = (0..n).map(|i| S::Scalar::from_f64(i as f64 + 1.0)).collect();
            let v = S::load_first(x.as_ptr(), n);
            let padded = (0..lanes).map(|i| if i < n { x[i] } else { zero });
            same("load_first", level, &out(v), padded);
            let mut partial = vec![S::Scalar::ONE; lanes + 1];
            let twice: Vec<_> = (0..lanes).map(|i| S::Scalar::from_f64(2.0 * i as f64)).collect();
            S::store_first(partial.as_mut_ptr(), n, S::load(twice.as_ptr()));
            let expected = (0..=lanes).map(|i| if i < n { twice[i] } else { S::Scalar::ONE });
            same("store_first", level, &partial, expected);
        }
        S::prefetch(std::ptr::null());
        same("splat", level, &out(S::splat(S::Scalar::ONE)), (0..lanes).map(|_| S::Scalar::ONE));
        for rows in 0..=lanes {
            let (from_stride, to_stride) = (lanes + 3, lanes + 1);
            let x: Vec<_> = (0..lanes * from_stride).map(|i| S::Scalar::from_f64(i as f64 + 1.0)).collect();
            let mut y = vec![zero; lanes * to_stride];
            S::transpose(x.as_ptr(), from_stride as isize, rows, y.as_mut_ptr(), to_stride);
            for (j, row) in y.chunks(to_stride).enumerate() {
                let expected = (0..lanes).map(|i| if i < rows { x[i * from_stride + j] } else { zero });
                same("transpose", level, &row[..lanes], expected);
            }
        }
        check_bits::<S>(out);
    }
}

/// The integer methods on the exponent field: 2^k is built from k and taken apart again.
#[inline(always)]
unsafe fn check_bits<S: Simd>(out: impl Fn(S::Vector) -> Vec<S::Scalar>) {
    let (level, lanes, mantissa) = (S::LEVEL, S::LANES, S::Scalar::MANTISSA_BITS);
    let bias = if mantissa == 23 { 127 } else { 1023 };
    // SAFETY: called by `check`, at an available level.
    unsafe {
        for k in 0..100u64 {
            let biased = S::add_bits(S::splat_bits(bias), S::splat_bits(k));
            let power = S::shift_left(biased, mantissa);
            same("shift_left", level, &out(power), (0..lanes).map(|_| S::Scalar::from_f64((k as f64).exp2())));
            let back = S::sub_bits(S::shift_right(power, mantissa), S::splat_bits(bias));
            let again = S::shift_left(S::add_bits(back, S::splat_bits(bias)), mantissa);
            same("shift_right", level, &out(again), out(power).into_iter());
            let flipped = S::xor(S::or(power, S::splat_bits(S::Scalar::SIGN_BIT)), S::splat_bits(S::Scalar::SIGN_BIT));
            same("xor of or", level, &out(flipped), out(power).into_iter());
            same("and", level, &out(S::and(power, S::zero())), (0..lanes).map(|_| S::Scalar::ZERO));
        }
    }
}

#[test]
fn every_level_agrees_with_scalar_code() {
    for level in available_levels() {
        // SAFETY: the level is available; the check allocates what it reads and writes.
        unsafe {
            check_at::<f32>(level);
            check_at::<f64>(level);
        }
    }
}

/// Targets whose every CPU has vectors do not use these, so no level reaches them there.
#[test]
fn arrays_agree_with_scalar_code() {
    // SAFETY: they need no instruction that a CPU could lack; the check allocates what it reads and writes.
    unsafe {
        check::<Portable<f32>>();
        check::<Portable<f64>>();
    }
}
