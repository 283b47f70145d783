//! Cases of kind `model`.

use super::{Case, Outcome, Tensors};

/// The largest deviation in units of the tolerance.
pub(crate) fn run(case: &Case, _tensors: &Tensors) -> Result<f64, Outcome> {
    Err(Outcome::unsupported(case.op.as_str()))
}
