//! Activations with a second operand: learned slopes, random slopes, gates.

use autograd::Variable;
use autograd::ops::elementwise::where_;
use tensor::{Element, Generator, Tensor, dispatch};

/// `x` where `x > 0`, `weight x` elsewhere; `weight` has one element, or one per channel (axis 1).
/// PyTorch: `torch.nn.functional.prelu`.
///
/// # Panics
/// If the weight has neither 1 element nor as many as there are channels.
#[track_caller]
pub fn prelu(x: &Variable, weight: &Variable) -> Variable {
    let channels = if x.rank() < 2 { 1 } else { x.shape()[1] };
    if weight.len() != 1 && weight.len() != channels {
        tensor::fault!("prelu", [input: x.shape(), weight: weight.shape()],
            "weight has {} elements but the input has {channels} channels", weight.len());
    }
    let mut shape = vec![1; x.rank()];
    if weight.len() > 1 {
        shape[1] = channels;
    }
    where_(&x.data().gt_scalar(0.0), x, &(x * weight.reshape(shape)))
}

/// `x` where `x >= 0`, `(lower + upper) / 2 x` elsewhere: RReLU in evaluation. PyTorch: `torch.nn.functional.rrelu`.
///
/// # Panics
/// If the dtype is no float.
#[track_caller]
pub fn rrelu(x: &Variable, lower: f64, upper: f64) -> Variable {
    super::leaky_relu(x, (lower + upper) / 2.0)
}

/// `x` where `x >= 0`, else `x` times a number drawn from `[lower, upper)` for each element.
/// PyTorch: `torch.nn.functional.rrelu(training=True)`.
///
/// # Panics
/// If the dtype is no float or `lower > upper`.
#[track_caller]
pub fn rrelu_train(x: &Variable, lower: f64, upper: f64, generator: &mut Generator) -> Variable {
    if lower > upper {
        tensor::fault!("rrelu", [input: x.shape()], "the slopes {lower}..{upper} are empty");
    }
    let drawn = generator.uniform_between(x.shape(), lower, upper, x.dtype());
    let slopes: Tensor = dispatch!(float "rrelu", x.dtype(), T =>
        x.data().zip_map(&drawn, |x: T, slope: T| if x <= <T as Element>::ZERO { slope } else { <T as Element>::ONE }));
    x * Variable::new(slopes)
}

/// The first half of `x` along `axis` times the sigmoid of the second. PyTorch: `torch.nn.functional.glu`.
///
/// # Panics
/// If there is no such axis or its size is odd.
#[track_caller]
pub fn glu(x: &Variable, axis: isize) -> Variable {
    let size = x.size(axis);
    if x.rank() == 0 || !size.is_multiple_of(2) {
        tensor::fault!("glu", [input: x.shape()], "axis {axis} of size {size} has no halves");
    }
    x.narrow(axis, 0, size / 2) * x.narrow(axis, size / 2, size / 2).sigmoid()
}
