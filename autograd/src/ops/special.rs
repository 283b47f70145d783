//! The error function and its relatives.

use std::f64::consts::{FRAC_2_SQRT_PI, PI};

use super::arithmetic::{mul, mul_scalar, neg};
use super::elementwise::unary;
use super::exponential::exp;
use super::power::pow_scalar;
use crate::{Keeps, Variable};

/// `e^(-x^2)`, the derivative of `erf` but for a factor.
fn bell(x: &Variable) -> Variable {
    exp(&neg(&pow_scalar(x, 2.0)))
}

unary! {
    /// The error function, `2/sqrt(pi)` times the integral of `exp(-t^2)` from 0 to `x`. PyTorch: `torch.erf`.
    Erf erf Keeps::INPUTS, |g, cx| mul_scalar(&mul(g, &bell(&cx.input(0))), FRAC_2_SQRT_PI),
        crate::check::strategy::values;
    /// `1 - erf(x)`, accurate for large `x`. PyTorch: `torch.erfc`.
    Erfc erfc Keeps::INPUTS, |g, cx| mul_scalar(&mul(g, &bell(&cx.input(0))), -FRAC_2_SQRT_PI),
        crate::check::strategy::values;
    /// The inverse of [`erf`]: infinite at -1 and 1, NaN outside. PyTorch: `torch.erfinv`.
    Erfinv erfinv Keeps::OUTPUT, |g, cx| {
        let slope = exp(&pow_scalar(&cx.output(), 2.0));
        mul_scalar(&mul(g, &slope), PI.sqrt() / 2.0)
    }, |shape: &[usize]| crate::check::strategy::values_in(shape, -0.9, 0.9);
}
