//! Derivatives of functions, rather than of variables: products with a Jacobian from either side, and whole Jacobians
//! and Hessians.

use tensor::{Dims, Tensor};

use crate::engine::{GradOptions, grad_with};
use crate::mode;
use crate::variable::Variable;

fn leaves(inputs: &[Tensor]) -> Vec<Variable> {
    inputs.iter().map(|x| Variable::leaf(x.clone())).collect()
}

fn zeros(x: &Variable) -> Variable {
    Variable::new(Tensor::zeros(x.shape(), x.dtype()))
}

/// The gradients of `<g, y>` in `inputs`, zeros where `y` does not depend on one.
#[track_caller]
fn pull(y: &Variable, g: &Variable, inputs: &[Variable], create_graph: bool) -> Vec<Variable> {
    if !y.requires_grad() {
        return inputs.iter().map(zeros).collect();
    }
    let options = GradOptions { create_graph, retain_graph: true, allow_unused: true };
    let found = grad_with(&[y], &[g], &inputs.iter().collect::<Vec<_>>(), options);
    found.into_iter().zip(inputs).map(|(g, x)| g.unwrap_or_else(|| zeros(x))).collect()
}

/// `f` at `inputs`, and the gradients of `<g, f>`: `J^T g`. PyTorch: `torch.autograd.functional.vjp`.
///
/// ```
/// use gradus_autograd::vjp;
/// use tensor::Tensor;
///
/// let x = Tensor::from([1.0, 2.0]);
/// let (y, grads) = vjp(|x| &x[0] * &x[0], &[x], &Tensor::from([1.0, 10.0]));
/// assert_eq!(y.to_vec::<f64>(), [1.0, 4.0]);
/// assert_eq!(grads[0].to_vec::<f64>(), [2.0, 40.0]);
/// ```
///
/// # Panics
/// If an input is not a float, or `g` has not the result's shape and dtype.
#[track_caller]
pub fn vjp(f: impl Fn(&[Variable]) -> Variable, inputs: &[Tensor], g: &Tensor) -> (Tensor, Vec<Tensor>) {
    let inputs = leaves(inputs);
    let y = mode::enable_grad(|| f(&inputs));
    let grads = pull(&y, &Variable::new(g.clone()), &inputs, false);
    (y.data(), grads.iter().map(Variable::data).collect())
}

/// `f` at `inputs`, and its change along `directions`: `J v`. PyTorch: `torch.autograd.functional.jvp`.
///
/// The gradient of `<g, f>` is linear in `g`; differentiating it in `g` along `v` gives `J v`.
///
/// ```
/// use gradus_autograd::jvp;
/// use tensor::Tensor;
///
/// let (x, v) = (Tensor::from([1.0, 2.0]), Tensor::from([1.0, 0.5]));
/// let (_, change) = jvp(|x| &x[0] * &x[0], &[x], &[v]);
/// assert_eq!(change.to_vec::<f64>(), [2.0, 2.0]);
/// ```
///
/// # Panics
/// If an input is not a float, or a direction has not its input's shape and dtype.
#[track_caller]
pub fn jvp(f: impl Fn(&[Variable]) -> Variable, inputs: &[Tensor], directions: &[Tensor]) -> (Tensor, Tensor) {
    if inputs.len() != directions.len() {
        tensor::fault!("jvp", [], "{} inputs but {} directions", inputs.len(), directions.len());
    }
    for (x, v) in inputs.iter().zip(directions) {
        if x.shape() != v.shape() || x.dtype() != v.dtype() {
            tensor::fault!("jvp", [input: x.shape(), direction: v.shape()],
                "an input is {} but its direction {}, or shapes differ", x.dtype(), v.dtype());
        }
    }
    let inputs = leaves(inputs);
    let y = mode::enable_grad(|| f(&inputs));
    let g = Variable::leaf(y.data().zeros_like());
    let along = mode::enable_grad(|| {
        let grads = pull(&y, &g, &inputs, true);
        let products = grads.iter().zip(directions).map(|(g, v)| (g * Variable::new(v.clone())).sum(&[], false));
        products.reduce(|a, b| a + b)
    });
    let change = match along {
        Some(along) => pull(&along, &Variable::new(along.data().ones_like()), &[g], false).remove(0).data(),
        None => y.data().zeros_like(),
    };
    (y.data(), change)
}

/// Every derivative of every element of `f`: per input a tensor of the result's shape followed by the input's.
/// PyTorch: `torch.autograd.functional.jacobian`.
///
/// ```
/// use gradus_autograd::jacobian;
/// use tensor::Tensor;
///
/// let x = Tensor::from([1.0, 2.0]);
/// let j = jacobian(|x| &x[0] * &x[0], &[x]);
/// assert_eq!(j[0].to_vec::<f64>(), [2.0, 0.0, 0.0, 4.0]);
/// ```
///
/// # Panics
/// If an input is not a float.
#[track_caller]
pub fn jacobian(f: impl Fn(&[Variable]) -> Variable, inputs: &[Tensor]) -> Vec<Tensor> {
    let inputs = leaves(inputs);
    let y = mode::enable_grad(|| f(&inputs));
    rows(&y, &inputs, false).iter().map(Variable::data).collect()
}

/// The Jacobian of `y`, one vector-Jacobian product per element of `y`.
#[track_caller]
fn rows(y: &Variable, inputs: &[Variable], create_graph: bool) -> Vec<Variable> {
    let mut columns: Vec<Vec<Variable>> = vec![Vec::new(); inputs.len()];
    let unit = Tensor::eye(y.len(), y.len(), y.dtype());
    for i in 0..y.len() {
        let g = Variable::new(unit.select(0, i as isize).reshape(y.shape()));
        for (column, g) in columns.iter_mut().zip(pull(y, &g, inputs, create_graph)) {
            column.push(g);
        }
    }
    let shape = |x: &Variable| y.shape().iter().chain(x.shape()).copied().collect::<Dims>();
    columns
        .iter()
        .zip(inputs)
        .map(|(column, x)| {
            if column.is_empty() {
                return Variable::new(Tensor::zeros(shape(x), x.dtype()));
            }
            crate::ops::cat::stack(&column.iter().collect::<Vec<_>>(), 0).reshape(shape(x))
        })
        .collect()
}

/// Every second derivative of a function whose result is one number: entry `[i][j]` has input `i`'s shape followed by
/// input `j`'s. PyTorch: `torch.autograd.functional.hessian`.
///
/// ```
/// use gradus_autograd::hessian;
/// use tensor::Tensor;
///
/// let x = Tensor::from([1.0, 2.0]);
/// let h = hessian(|x| x[0].pow_scalar(3.0).sum(&[], false), &[x]);
/// assert_eq!(h[0][0].to_vec::<f64>(), [6.0, 0.0, 0.0, 12.0]);
/// ```
///
/// # Panics
/// If an input is not a float or the result has not exactly one element.
#[track_caller]
pub fn hessian(f: impl Fn(&[Variable]) -> Variable, inputs: &[Tensor]) -> Vec<Vec<Tensor>> {
    let inputs = leaves(inputs);
    let y = mode::enable_grad(|| f(&inputs));
    if y.len() != 1 {
        tensor::fault!("hessian", [output: y.shape()], "expected 1 element, got {}", y.len());
    }
    let grads = pull(&y, &Variable::new(y.data().ones_like()), &inputs, true);
    grads.iter().map(|g| rows(g, &inputs, false).iter().map(Variable::data).collect()).collect()
}
