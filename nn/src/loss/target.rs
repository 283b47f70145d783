//! What losses demand of their operands, and how they say so.

use autograd::Variable;
use autograd::ops::elementwise::{broadcast, where_};
use tensor::{DType, Tensor};

/// Panics unless both have one shape and one float dtype.
#[track_caller]
pub(super) fn same(op: &str, x: &Variable, t: &Variable) {
    if x.shape() != t.shape() {
        tensor::fault!(op, [input: x.shape(), target: t.shape()], "shapes differ");
    }
    if !x.dtype().is_float() {
        tensor::error::unsupported(op, x.dtype(), "a float");
    }
    if x.dtype() != t.dtype() {
        tensor::fault!(op, [input: x.shape(), target: t.shape()],
            "dtypes differ, {} and {}; convert with to_dtype", x.dtype(), t.dtype());
    }
}

/// Both operands with the shape that they broadcast to; panics unless they broadcast and have one float dtype.
#[track_caller]
pub(super) fn pair(op: &str, x: &Variable, t: &Variable) -> (Variable, Variable) {
    let (x, t) = broadcast(op, x, t);
    same(op, &x, &t);
    (x, t)
}

/// Panics unless labels are `i64` of `shape` and each is below `classes`, or `ignore`d.
#[track_caller]
pub(super) fn check_labels(op: &str, x: &Variable, labels: &Tensor, ignore: Option<i64>) {
    if labels.dtype() != DType::I64 {
        let (got, shape) = (labels.dtype(), labels.shape());
        tensor::fault!(op, [], "labels must be i64, got {got} (labels {shape:?}); convert with to_dtype");
    }
    let mut rows = x.shape().to_vec();
    if rows.is_empty() {
        tensor::fault!(op, [input: x.shape(), labels: labels.shape()], "the input has no axis of classes");
    }
    let classes = rows.remove(usize::from(rows.len() > 1));
    if labels.shape() != rows {
        tensor::fault!(op, [input: x.shape(), labels: labels.shape()], "labels must have shape {rows:?}");
    }
    let values = labels.contiguous();
    let values = values.as_slice::<i64>().unwrap_or_default();
    let wrong = |&label: &i64| !(0..classes as i64).contains(&label) && Some(label) != ignore;
    if let Some(at) = values.iter().position(wrong) {
        tensor::fault!(op, [input: x.shape(), labels: labels.shape()],
            "label {} at {:?} is out of range for {classes} classes", values[at], index_of(at, labels.shape()));
    }
}

/// The index of element `at` in logical order.
pub(super) fn index_of(mut at: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for axis in (0..shape.len()).rev() {
        index[axis] = at % shape[axis];
        at /= shape[axis];
    }
    index
}

/// Panics unless a weight is a float vector with one number per class; gives the numbers.
#[track_caller]
pub(super) fn class_weight(op: &str, weight: &Tensor, classes: usize) -> Vec<f64> {
    if weight.shape() != [classes] {
        tensor::fault!(op, [weight: weight.shape()], "the weight must have one number for each of {classes} classes");
    }
    weight.to_dtype(DType::F64).to_vec::<f64>()
}

/// `max(x, 0)` whose gradient at 0 is 1, as PyTorch's `clamp_min`.
pub(super) fn clamp_min_zero(x: &Variable) -> Variable {
    let zero = Variable::new(Tensor::zeros([], x.dtype()));
    where_(&x.data().ge_scalar(0.0), x, &zero)
}

/// `x` where the mask is true, else 0.
pub(super) fn only(mask: &Tensor, x: &Variable) -> Variable {
    where_(mask, x, &Variable::new(Tensor::zeros([], x.dtype())))
}
