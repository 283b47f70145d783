//! [`Weighted`]: layers that can run with another weight than their own.

use autograd::Variable;

use crate::Parameter;
use crate::module::Forward;

/// A layer with a parameter `weight` that can run with another value in its place; what it needs to be
/// [parametrized](super::parametrize).
pub trait Weighted: Forward {
    /// The layer's own weight.
    fn weight(&self) -> &Parameter;

    /// The layer's output for the input `x` with `weight` in place of its own.
    #[track_caller]
    fn forward_with(&self, x: &Variable, weight: &Variable) -> Variable;

    /// The axis of the weight that counts outputs.
    fn output_axis(&self) -> usize {
        0
    }

    /// The name that is printed when the weight is computed.
    fn parametrized_name(&self) -> &'static str {
        "Parametrized"
    }
}
