//! Vector forms of the elementary functions, for `f32`: within 2 units in the last place of the true value at every level.
//!
//! Each reduces its argument to a short interval, evaluates a polynomial there, and undoes the reduction; special values
//! come out as in scalar code. Polynomials are minimax fits: of `exp` by the SLEEF library, of `tanh` by Cephes, of `log`
//! and `erf` by N. Juffa. They are correct without fused multiply-adds, too, so that the portable level shares them.
//! Denormal arguments and results may count as 0, as they do while kernels run. `f64` stays with the standard library,
//! whose functions are accurate to the last place, as checks of gradients want them.

use super::Simd;

/// 1.5 * 2^23: adding it rounds a small number to an integer, which then stands in the low bits.
const ROUND: f32 = 12_582_912.0;
/// The high part of log 2, so short that its product with an exponent is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
/// log 2 minus the high part.
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// `sum of c[i] x^i`, by Horner's rule.
#[inline(always)]
unsafe fn polynomial<S: Simd<Scalar = f32>, const N: usize>(x: S::Vector, c: [f32; N]) -> S::Vector {
    // SAFETY: the caller's.
    unsafe {
        let mut sum = S::splat(c[N - 1]);
        let mut i = N - 1;
        while i > 0 {
            i -= 1;
            sum = S::fma(sum, x, S::splat(c[i]));
        }
        sum
    }
}

/// `x` between `low` and `high`; NaN stays.
#[inline(always)]
unsafe fn clamp<S: Simd<Scalar = f32>>(x: S::Vector, low: f32, high: f32) -> S::Vector {
    // SAFETY: the caller's. Minimum and maximum return their second operand if one is NaN.
    unsafe { S::max(S::splat(low), S::min(S::splat(high), x)) }
}

/// `e^x`.
///
/// # Safety
/// The CPU has the instructions of `S`.
#[inline(always)]
pub unsafe fn exp<S: Simd<Scalar = f32>>(x: S::Vector) -> S::Vector {
    // SAFETY: the caller's.
    unsafe {
        let x = clamp::<S>(x, -105.0, 90.0);
        let round = S::splat(ROUND);
        let n = S::sub(S::fma(x, S::splat(std::f32::consts::LOG2_E), round), round);
        let r = S::fma(n, S::splat(-LN_2_HIGH), x);
        let r = S::fma(n, S::splat(-LN_2_LOW), r);
        let p =
            polynomial::<S, 6>(r, [0.5, 0.166_666_67, 0.041_666_485, 0.008_333_361, 0.001_393_043_6, 0.000_198_527_62]);
        let y = S::add(S::fma(S::mul(r, r), p, r), S::splat(1.0));
        // 2^n in two factors: n reaches beyond the exponents of normal numbers on both sides.
        let half = S::fma(n, S::splat(0.5), round);
        let rest = S::add(S::sub(n, S::sub(half, round)), round);
        let power = |n: S::Vector| S::add_bits(S::shift_left(n, 23), S::splat(1.0));
        S::mul(S::mul(y, power(half)), power(rest))
    }
}

/// The natural logarithm.
///
/// # Safety
/// The CPU has the instructions of `S`.
#[inline(always)]
pub unsafe fn log<S: Simd<Scalar = f32>>(x: S::Vector) -> S::Vector {
    // SAFETY: the caller's.
    unsafe {
        let denormal = S::less(x, S::splat(f32::MIN_POSITIVE));
        let scaled = S::select(denormal, S::mul(x, S::splat(8_388_608.0)), x);
        // x = 2^e (1 + m) with 1 + m in [2/3, 4/3]; 0x3f2aaaab is 2/3. The exponent is moved up by 128 to shift unsigned.
        let bits = S::sub_bits(scaled, S::splat_bits(0x3f2a_aaab));
        let biased = S::shift_right(S::add_bits(bits, S::splat_bits(128 << 23)), 23);
        let e = S::sub(S::or(biased, S::splat(8_388_608.0)), S::splat(8_388_608.0 + 128.0));
        let e = S::select(denormal, S::sub(e, S::splat(23.0)), e);
        let mantissa = S::add_bits(S::and(bits, S::splat_bits(0x007f_ffff)), S::splat_bits(0x3f2a_aaab));
        let m = S::sub(mantissa, S::splat(1.0));
        let s = S::mul(m, m);
        let r = polynomial::<S, 4>(s, [-0.249_996_2, -0.166_846_05, -0.121_484_19, -0.130_310_06]);
        let t = polynomial::<S, 3>(s, [0.200_120_35, 0.139_814_85, 0.140_869_14]);
        let r = S::fma(S::fma(S::fma(t, m, r), m, S::splat(0.333_331_97)), m, S::splat(-0.5));
        let r = S::fma(r, s, S::fma(e, S::splat(LN_2_LOW), m));
        let y = S::fma(e, S::splat(LN_2_HIGH), r);
        // Infinity and NaN stay; 0 gives minus infinity, a negative number NaN.
        let y = S::select(S::less(x, S::splat(f32::INFINITY)), y, x);
        let y = S::select(S::equal(x, S::zero()), S::splat(f32::NEG_INFINITY), y);
        S::select(S::less(x, S::zero()), S::splat(f32::NAN), y)
    }
}

/// The hyperbolic tangent.
///
/// # Safety
/// The CPU has the instructions of `S`.
#[inline(always)]
pub unsafe fn tanh<S: Simd<Scalar = f32>>(x: S::Vector) -> S::Vector {
    // SAFETY: the caller's.
    unsafe {
        let size = S::abs(x);
        let z = S::mul(x, x);
        let p = polynomial::<S, 5>(z, [-0.333_332_8, 0.133_314_42, -0.053_739_716, 0.020_639_088, -0.005_704_988_7]);
        let near = S::fma(S::mul(p, z), x, x);
        let e = exp::<S>(S::add(size, size));
        let far = S::sub(S::splat(1.0), S::div(S::splat(2.0), S::add(e, S::splat(1.0))));
        let sign = S::and(x, S::splat_bits(0x8000_0000));
        S::or(S::select(S::less(size, S::splat(0.625)), near, far), sign)
    }
}

/// `1 / (1 + e^-x)`.
///
/// # Safety
/// The CPU has the instructions of `S`.
#[inline(always)]
pub unsafe fn sigmoid<S: Simd<Scalar = f32>>(x: S::Vector) -> S::Vector {
    // SAFETY: the caller's.
    unsafe {
        // With e = exp(-|x|) and q = e / (1 + e): e - e q for negative x, which keeps the relative accuracy of e where the
        // sum 1 + e would lose it, and 1 - q for the others.
        let one = S::splat(1.0);
        let e = exp::<S>(S::neg(S::abs(x)));
        let q = S::div(e, S::add(one, e));
        let top = S::select(S::less(x, S::zero()), e, one);
        S::fma(S::neg(top), q, top)
    }
}

/// The error function.
///
/// # Safety
/// The CPU has the instructions of `S`.
#[inline(always)]
pub unsafe fn erf<S: Simd<Scalar = f32>>(x: S::Vector) -> S::Vector {
    // SAFETY: the caller's.
    unsafe {
        let s = S::mul(x, x);
        let p = polynomial::<S, 6>(
            s,
            [0.128_379_17, -0.376_125_34, 0.112_819_925, -0.026_768_135, 0.004_991_194_2, -0.000_596_761_7],
        );
        let near = S::fma(p, x, x);
        // 1 - erf(t) = exp(a polynomial of t); beyond 10 it is 0.
        let t = S::min(S::splat(10.0), S::abs(x));
        let q = polynomial::<S, 7>(
            t,
            [
                -0.128_717_51,
                -0.634_846_7,
                -0.106_777_88,
                0.024_254_622,
                -0.003_883_964_4,
                0.000_383_197_13,
                -0.000_017_285_347,
            ],
        );
        let far = S::sub(S::splat(1.0), exp::<S>(S::sub(S::mul(q, t), t)));
        let sign = S::and(x, S::splat_bits(0x8000_0000));
        S::or(S::select(S::less(S::abs(x), S::splat(0.927_734_4)), near, far), sign)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kernel, Simd, available_levels, run};

    #[derive(Clone, Copy, Debug)]
    enum Function {
        Exp,
        Log,
        Tanh,
        Sigmoid,
        Erf,
    }

    struct Apply<'a> {
        function: Function,
        x: &'a [f32],
        y: &'a mut [f32],
    }

    impl Kernel<f32> for Apply<'_> {
        type Output = ();

        #[inline(always)]
        unsafe fn run<S: Simd<Scalar = f32>>(self) {
            for (x, y) in self.x.chunks(S::LANES).zip(self.y.chunks_mut(S::LANES)) {
                // SAFETY: as many elements as the chunk has; `run` is called at an available level.
                unsafe {
                    let v = S::load_first(x.as_ptr(), x.len());
                    let v = match self.function {
                        Function::Exp => super::exp::<S>(v),
                        Function::Log => super::log::<S>(v),
                        Function::Tanh => super::tanh::<S>(v),
                        Function::Sigmoid => super::sigmoid::<S>(v),
                        Function::Erf => super::erf::<S>(v),
                    };
                    S::store_first(y.as_mut_ptr(), y.len(), v);
                }
            }
        }
    }

    fn reference(function: Function, x: f64) -> f64 {
        match function {
            Function::Exp => x.exp(),
            Function::Log => x.ln(),
            Function::Tanh => x.tanh(),
            Function::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Function::Erf => libm::erf(x),
        }
    }

    /// Units in the last place of the `f32` nearest to `y`; that of the smallest normal number below it.
    fn ulp(y: f64) -> f64 {
        let exponent = y.abs().log2().floor().max(-126.0);
        (exponent - 23.0).exp2()
    }

    #[test]
    fn functions_are_within_two_units_in_the_last_place() {
        // A step through all bit patterns that shares no factor with 2 meets every exponent with many mantissas.
        let all: Vec<f32> = (0..u32::MAX / 1499).map(|i| f32::from_bits(i * 1499)).collect();
        for function in [Function::Exp, Function::Log, Function::Tanh, Function::Sigmoid, Function::Erf] {
            for level in available_levels() {
                let mut y = vec![0f32; all.len()];
                // SAFETY: the level is available.
                unsafe { run(level, Apply { function, x: &all, y: &mut y }) };
                let mut worst = (0.0, 0.0);
                for (&x, &y) in all.iter().zip(&y) {
                    let expected = reference(function, f64::from(x));
                    if expected.is_nan() || expected.abs() > f64::from(f32::MAX) * (1.0 + 1e-7) {
                        let same =
                            y.is_nan() == expected.is_nan() && (y.is_nan() || f64::from(y) == expected as f32 as f64);
                        assert!(same, "{function:?} of {x:e} at {level}: {y:e} instead of {expected:e}");
                        continue;
                    }
                    let error = if y.is_infinite() && expected.abs() > f64::from(f32::MAX) * (1.0 - 1e-7) {
                        0.0
                    } else {
                        (f64::from(y) - expected).abs() / ulp(expected)
                    };
                    // Denormal numbers may be flushed.
                    if expected.abs() >= f64::from(f32::MIN_POSITIVE) && (error > worst.0 || error.is_nan()) {
                        worst = (error, x);
                    }
                }
                assert!(worst.0 <= 2.0, "{function:?} at {level}: {} units at {:e}", worst.0, worst.1);
            }
        }
    }

    #[test]
    fn special_values_are_those_of_scalar_code() {
        let x = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -1.0, 1.0, 88.7228, 88.73, -87.4];
        for function in [Function::Exp, Function::Log, Function::Tanh, Function::Sigmoid, Function::Erf] {
            for level in available_levels() {
                let mut y = [0f32; 10];
                // SAFETY: the level is available.
                unsafe { run(level, Apply { function, x: &x, y: &mut y }) };
                for (&x, &y) in x.iter().zip(&y) {
                    let expected = reference(function, f64::from(x)) as f32;
                    let close = y == expected || (y - expected).abs() <= expected.abs() * 3e-7 + f32::MIN_POSITIVE;
                    let same = close && (expected != 0.0 || y.is_sign_negative() == expected.is_sign_negative());
                    assert!(same || (y.is_nan() && expected.is_nan()), "{function:?} of {x} at {level}: {y}");
                }
            }
        }
    }
}
