//! The error function, its complement and its inverse, element by element.

use std::f64::consts::PI;

use super::elementwise::unary;
use crate::{Element, Float, Tensor};

unary! {
    /// The error function, `2/sqrt(pi)` times the integral of `exp(-t^2)` from 0 to `x`. PyTorch: `torch.erf`.
    erf float Erf |x: T| Float::erf(x);
    /// `1 - erf(x)`, accurate for large `x`. PyTorch: `torch.erfc`.
    erfc float |x: T| Float::erfc(x);
    /// The inverse of [`erf`](Tensor::erf): infinite at -1 and 1, NaN outside. PyTorch: `torch.erfinv`.
    erfinv float |x: T| <T as Element>::from_f64(inverse_erf(x.to_f64()));
}

/// The inverse error function: a rational first guess, then two steps of Newton's method.
///
/// Uses `libm` alone, so that random numbers made with it are the same on every platform.
pub(crate) fn inverse_erf(y: f64) -> f64 {
    let size = y.abs();
    if size.is_nan() || size >= 1.0 {
        return if size == 1.0 { f64::INFINITY.copysign(y) } else { f64::NAN };
    }
    let poly = |x: f64, coefficients: &[f64]| coefficients.iter().fold(0.0, |sum, &c| sum * x + c);
    let mut x = if size <= 0.7 {
        let z = y * y;
        y * poly(z, &[-0.140543331, 0.914624893, -1.645349621, 0.886226899])
            / poly(z, &[0.012229801, -0.329097515, 1.442710462, -2.118377725, 1.0])
    } else {
        let z = libm::sqrt(-libm::log((1.0 - size) / 2.0));
        let x = poly(z, &[1.641345311, 3.429567803, -1.624906493, -1.970840454])
            / poly(z, &[1.637067800, 3.543889200, 1.0]);
        x.copysign(y)
    };
    for _ in 0..2 {
        // Beyond 1/2 the complement keeps the digits that `erf(x) - y` would lose.
        let error = if size > 0.5 { ((1.0 - size) - libm::erfc(x.abs())) * y.signum() } else { libm::erf(x) - y };
        x -= error / (2.0 / libm::sqrt(PI) * libm::exp(-x * x));
    }
    x
}
