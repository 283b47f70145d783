//! Cases of kind `scheduler`.

use super::{Case, Outcome};

/// The largest deviation in units of the tolerance.
pub fn run(case: &Case) -> Result<f64, Outcome> {
    Err(Outcome::unsupported(case.op.as_str()))
}
