//! Keeping gradients within bounds, by their common norm or one by one.

use autograd::Variable;
use tensor::kernels::optim::sum_of_squares;
use tensor::{DType, Tensor};

/// The `p`-norm of the `p`-norms of the gradients of `params`, which for `p > 0` is that of all taken as one vector; `p`
/// may be infinite, and 0 counts the gradients that are not all 0. PyTorch: `torch.nn.utils.get_total_norm`.
///
/// Summed in `f64` and in a fixed order, so that the value has the same bits on any number of threads.
///
/// # Panics
/// If `p` is NaN.
#[track_caller]
pub fn grad_norm<P: Into<Variable>>(params: impl IntoIterator<Item = P>, p: f64) -> f64 {
    if p.is_nan() {
        tensor::fault!("grad_norm", [], "the norm's order must be a number, got {p}");
    }
    let grads = params.into_iter().filter_map(|param| param.into().grad()).map(|grad| grad.data());
    if p == 2.0 {
        return grads.map(|grad| sum_of_squares(&grad)).sum::<f64>().sqrt();
    }
    let norm = |x: &Tensor| x.to_dtype(DType::F64).norm(p, &[], false).item::<f64>();
    let norms: Vec<f64> = grads.filter(|grad| !grad.is_empty()).map(|grad| norm(&grad)).collect();
    if norms.is_empty() { 0.0 } else { norm(&Tensor::from(norms)) }
}

/// Scales all gradients so that their common `p`-norm is at most `max_norm`; returns the norm before. PyTorch:
/// `torch.nn.utils.clip_grad_norm_`.
///
/// ```
/// use autograd::Variable;
/// use gradus_nn::optim::clip_grad_norm_;
/// use tensor::Tensor;
///
/// let w = Variable::leaf(Tensor::from([0.0, 0.0]));
/// w.set_grad(Some(Variable::new(Tensor::from([3.0, 4.0]))));
/// assert_eq!(clip_grad_norm_([&w], 1.0, 2.0), 5.0);
/// assert!((w.grad().unwrap().to_vec::<f64>()[0] - 0.6).abs() < 1e-6);
/// ```
///
/// # Panics
/// If `p` is NaN.
#[track_caller]
pub fn clip_grad_norm_<P: Into<Variable>>(params: impl IntoIterator<Item = P>, max_norm: f64, p: f64) -> f64 {
    let params: Vec<Variable> = params.into_iter().map(Into::into).collect();
    let norm = grad_norm(&params, p);
    // PyTorch's form: a small number keeps the quotient finite, and a factor above 1 is left out.
    let factor = max_norm / (norm + 1e-6);
    if factor < 1.0 || factor.is_nan() {
        change(&params, |grad| grad.mul_scalar(factor));
    }
    norm
}

/// Clamps every gradient's elements to `[-clip_value, clip_value]`. PyTorch: `torch.nn.utils.clip_grad_value_`.
pub fn clip_grad_value_<P: Into<Variable>>(params: impl IntoIterator<Item = P>, clip_value: f64) {
    let params: Vec<Variable> = params.into_iter().map(Into::into).collect();
    change(&params, |grad| grad.clamp(-clip_value, clip_value));
}

fn change(params: &[Variable], f: impl Fn(&Tensor) -> Tensor) {
    for param in params {
        if let Some(grad) = param.grad() {
            param.set_grad(Some(Variable::new(f(&grad.data()))));
        }
    }
}
