//! `|got - expected| <= atol + rtol |expected|`, element by element.

use std::cell::Cell;

use gradus::tensor::{DType, Tensor};

use super::{Case, Outcome};

thread_local! {
    static RELATIVE: Cell<f64> = const { Cell::new(0.0) };
}

/// The worst deviation of an `f64` tensor since the last call, relative to the largest value that was expected.
pub(crate) fn take_relative() -> f64 {
    RELATIVE.take()
}

/// The worst deviation of `got` in units of the tolerance; a failure above 1.
pub(crate) fn close(case: &Case, what: &str, got: &Tensor, expected: &Tensor) -> Result<f64, Outcome> {
    let expected = &corrected(case, got, expected);
    within(what, got, expected, (case.rtol, case.atol))
}

/// What PyTorch's values should have been where PyTorch contradicts itself: its `gelu` of infinity is infinity in `f64`
/// and in the tanh form, as the limit is, and NaN in the `f32` form alone. A NaN is poison for whatever reads it, so we
/// keep to the limit.
fn corrected(case: &Case, got: &Tensor, expected: &Tensor) -> Tensor {
    let single = [got, expected].iter().all(|tensor| tensor.dtype() == DType::F32) && got.shape() == expected.shape();
    if !single || !case.op.eq_ignore_ascii_case("gelu") {
        return expected.clone();
    }
    expected.zip_map(got, |y: f32, x: f32| if y.is_nan() && x == f32::INFINITY { x } else { y })
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
    let scale = ys.iter().filter(|y| y.is_finite()).fold(f64::MIN_POSITIVE, |scale, y| scale.max(y.abs()));
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
        if expected.dtype() == DType::F64 {
            RELATIVE.set(RELATIVE.get().max(deviation / scale));
        }
    }
    Ok(worst)
}
