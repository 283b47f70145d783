//! `|got - expected| <= atol + rtol |expected|`, element by element.

use gradus::tensor::{DType, Tensor};

use super::{Case, Outcome};

/// The worst deviation of `got` in units of the tolerance; a failure above 1.
pub(crate) fn close(case: &Case, what: &str, got: &Tensor, expected: &Tensor) -> Result<f64, Outcome> {
    within(what, got, expected, (case.rtol, case.atol))
}

/// [`close`] at a given relative and absolute tolerance.
pub(crate) fn within(what: &str, got: &Tensor, expected: &Tensor, (rtol, atol): (f64, f64)) -> Result<f64, Outcome> {
    if got.shape() != expected.shape() {
        return Err(Outcome::failed(format!("{what} has shape {:?}, expected {:?}", got.shape(), expected.shape())));
    }
    if got.dtype() != expected.dtype() {
        return Err(Outcome::failed(format!("{what} is {}, expected {}", got.dtype(), expected.dtype())));
    }
    let exact = !expected.dtype().is_float() && expected.dtype() != DType::U8;
    let (xs, ys) = (got.to_dtype(DType::F64).to_vec::<f64>(), expected.to_dtype(DType::F64).to_vec::<f64>());
    let mut worst = 0.0f64;
    for (index, (&x, &y)) in xs.iter().zip(&ys).enumerate() {
        if x == y || (x.is_nan() && y.is_nan()) {
            continue;
        }
        let tolerance = if exact { 0.0 } else { atol + rtol * y.abs() };
        let deviation = (x - y).abs();
        // Also false for NaN.
        let within = deviation <= tolerance;
        if !within {
            return Err(Outcome::failed(format!(
                "{what}[{index}] is {x:e}, expected {y:e} within {tolerance:.1e} (shape {:?})",
                got.shape()
            )));
        }
        worst = worst.max(deviation / tolerance);
    }
    Ok(worst)
}
