//! Optimizers, schedules, losses and normalisations against plain formulas on single numbers, and against values that
//! PyTorch computed.

mod loss;
mod norm;
mod optim;
mod schedule;

/// Panics unless two lists agree to nearly all digits.
#[track_caller]
fn assert_close(what: &str, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (at, (got, expected)) in got.iter().zip(expected).enumerate() {
        let bound = 1e-14 + 1e-11 * expected.abs();
        assert!((got - expected).abs() <= bound, "{what}: {got} at {at}, expected {expected}");
    }
}
