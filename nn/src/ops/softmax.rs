//! Softmax along an axis and its relatives.

#[cfg(any(test, feature = "check"))]
mod samples;

use autograd::{Context, Keeps, Op, Variable};
use tensor::Tensor;
use tensor::kernels::softmax as kernel;

/// The kernels work along the last axis: `axis` is moved there and back.
fn along(x: &Tensor, axis: isize, f: impl FnOnce(&Tensor) -> Tensor) -> Tensor {
    if x.rank() == 0 { f(x) } else { f(&x.transpose(axis, -1)).transpose(axis, -1) }
}

fn gradient(y: &Tensor, g: &Tensor, axis: isize, logarithm: bool) -> Tensor {
    along(y, axis, |y| {
        let g = if g.rank() == 0 { g.clone() } else { g.transpose(axis, -1) };
        kernel::softmax_gradient(y, &g, logarithm)
    })
}

/// See [`softmax`].
#[derive(Clone, Debug)]
pub struct Softmax {
    /// The axis along which the results sum to 1.
    pub axis: isize,
}

impl Op<1> for Softmax {
    const NAME: &'static str = "softmax";
    const KEEPS: Keeps = Keeps::OUTPUT;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (along(x, self.axis, |x| kernel::softmax(x, false)), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let y = cx.output();
        if !cx.records() {
            return [Some(Variable::new(gradient(&y.data(), &g.data(), self.axis, false)))];
        }
        let inner = (g * &y).sum(&[self.axis], true);
        [Some(&y * (g - &inner))]
    }
}

/// See [`log_softmax`].
#[derive(Clone, Debug)]
pub struct LogSoftmax {
    /// The axis along which the exponentials of the results sum to 1.
    pub axis: isize,
}

impl Op<1> for LogSoftmax {
    const NAME: &'static str = "log_softmax";
    const KEEPS: Keeps = Keeps::OUTPUT;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (along(x, self.axis, |x| kernel::softmax(x, true)), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let y = cx.output();
        if !cx.records() {
            return [Some(Variable::new(gradient(&y.data(), &g.data(), self.axis, true)))];
        }
        [Some(g - y.exp() * g.sum(&[self.axis], true))]
    }
}

#[track_caller]
fn checked(op: &str, x: &Variable, axis: isize) -> isize {
    if !x.dtype().is_float() {
        tensor::error::unsupported(op, x.dtype(), "a float");
    }
    tensor::shape::axis(op, axis, x.shape()) as isize
}

/// `e^x / sum of e^x along axis`. PyTorch: `torch.nn.functional.softmax`.
///
/// ```
/// use autograd::Variable;
/// use gradus_nn::ops::softmax::softmax;
/// use tensor::Tensor;
/// let y = softmax(&Variable::new(Tensor::from([0.0, 2.0f64.ln()])), 0).to_vec::<f64>();
/// assert!((y[0] - 1.0 / 3.0).abs() < 1e-15 && (y[1] - 2.0 / 3.0).abs() < 1e-15);
/// ```
///
/// # Panics
/// If there is no such axis or the dtype is no float.
#[track_caller]
pub fn softmax(x: &Variable, axis: isize) -> Variable {
    Softmax { axis: checked("softmax", x, axis) }.apply([x])
}

/// `x - log(sum of e^x along axis)`. PyTorch: `torch.nn.functional.log_softmax`.
///
/// # Panics
/// If there is no such axis or the dtype is no float.
#[track_caller]
pub fn log_softmax(x: &Variable, axis: isize) -> Variable {
    LogSoftmax { axis: checked("log_softmax", x, axis) }.apply([x])
}

/// [`softmax`] of `-x`. PyTorch: `torch.nn.functional.softmin`.
///
/// # Panics
/// If there is no such axis or the dtype is no float.
#[track_caller]
pub fn softmin(x: &Variable, axis: isize) -> Variable {
    softmax(&-x, axis)
}
