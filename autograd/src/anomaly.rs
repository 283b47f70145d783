//! Finding where a gradient first stops being a number.

use std::sync::Arc;

use tensor::{DType, Element, Tensor, dispatch};

use crate::node::Node;
use crate::variable::Variable;

/// Panics if a gradient that `op`'s vjp gave holds infinities or NaN, naming the op and the line that called it.
#[track_caller]
pub(crate) fn check(pass: &str, node: &Arc<Node>, op: &str, grads: &[Option<Variable>]) {
    for (i, grad) in grads.iter().enumerate() {
        let Some(grad) = grad else { continue };
        if let Some((at, value)) = first_wild(&grad.data()) {
            tensor::fault!(pass, [grad: grad.shape()],
                "the gradient of {op} in its input {i} is not finite, {value} at element {at}; {op} was called at {}",
                node.location);
        }
    }
}

/// The first element, in logical order, that is not finite.
fn first_wild(x: &Tensor) -> Option<(usize, f64)> {
    if !matches!(x.dtype(), DType::F32 | DType::F64) {
        return None;
    }
    dispatch!(float "anomaly", x.dtype(), T => {
        let values = x.view_as::<T>();
        values.iter().map(Element::to_f64).enumerate().find(|(_, x)| !x.is_finite())
    })
}
