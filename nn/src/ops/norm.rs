//! Root-mean-square and local response normalisation, norms and what follows from them.

use autograd::Variable;
use tensor::Tensor;
use tensor::kernels::resample::Taps;

use super::group_norm::check_last;
use super::resample::resample;

/// `x / sqrt(mean(x^2) + eps) * weight` over the last axes, of sizes `shape`; `eps` is the dtype's by default.
/// PyTorch: `torch.nn.functional.rms_norm`.
///
/// # Panics
/// If the last axes have other sizes.
#[track_caller]
pub fn rms_norm(x: &Variable, shape: &[usize], weight: Option<&Variable>, eps: Option<f64>) -> Variable {
    check_last("rms_norm", x, shape);
    let eps = eps.unwrap_or(if x.dtype() == tensor::DType::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON });
    let axes: Vec<isize> = (1..=shape.len() as isize).map(|axis| -axis).collect();
    let mean = (x * x).mean(&axes, true);
    let y = x * (mean + eps).pow_scalar(-0.5);
    let Some(weight) = weight else { return y };
    if weight.shape() != shape {
        tensor::fault!("rms_norm", [input: x.shape(), weight: weight.shape()], "expected a weight of shape {shape:?}");
    }
    y * weight
}

/// The options of [`local_response_norm`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalResponse {
    /// Channels that are taken together.
    pub size: usize,
    /// The factor of their mean square.
    pub alpha: f64,
    /// The power.
    pub beta: f64,
    /// What is added.
    pub k: f64,
}

/// `x / (k + alpha * mean of x^2 over size neighbouring channels)^beta` (Krizhevsky et al., 2012).
/// PyTorch: `torch.nn.functional.local_response_norm`.
///
/// # Panics
/// If there are fewer than 3 axes or the size is 0.
#[track_caller]
pub fn local_response_norm(x: &Variable, options: LocalResponse) -> Variable {
    let LocalResponse { size, alpha, beta, k } = options;
    if x.rank() < 3 || size == 0 {
        tensor::fault!("local_response_norm", [input: x.shape()], "expected at least 3 axes and a size of at least 1");
    }
    let c = x.shape()[1];
    let rows = (0..c).map(|o| {
        let first = o.saturating_sub(size / 2);
        (first..(o + size - size / 2).min(c)).map(move |i| (i, 1.0 / size as f64))
    });
    let mean = resample(&(x * x), [(1, Taps::new(c, rows))]);
    x * (mean * alpha + k).pow_scalar(-beta)
}

/// `x / max(norm of x along axis, eps)`. PyTorch: `torch.nn.functional.normalize`.
///
/// # Panics
/// If there is no such axis.
#[track_caller]
pub fn normalize(x: &Variable, p: f64, axis: isize, eps: f64) -> Variable {
    let norm = vector_norm(x, p, axis, true);
    let small = norm.data().neg().gt_scalar(-eps);
    let floor = Variable::new(Tensor::full([], eps, x.dtype()));
    x / autograd::ops::elementwise::where_(&small, &floor, &norm)
}

/// `(sum of |x|^p along axis)^(1 / p)`, whose gradient at a zero vector is 0.
///
/// # Panics
/// If there is no such axis.
#[track_caller]
pub fn vector_norm(x: &Variable, p: f64, axis: isize, keepdim: bool) -> Variable {
    if p == 1.0 {
        return x.abs().sum(&[axis], keepdim);
    }
    if p.is_infinite() {
        let index = if p > 0.0 { x.data().abs().argmax(axis, true) } else { x.data().abs().argmin(axis, true) };
        let largest = x.abs().gather(axis, &index);
        return if keepdim { largest } else { largest.squeeze(axis) };
    }
    let sum = if p == 2.0 { (x * x).sum(&[axis], keepdim) } else { x.abs().pow_scalar(p).sum(&[axis], keepdim) };
    // The root has no slope at 0: there the sum is taken for 1, as a constant, and the result for 0.
    let zero = sum.data().eq_scalar(0.0);
    let constant = |value: f64| Variable::new(Tensor::full([], value, x.dtype()));
    let safe = autograd::ops::elementwise::where_(&zero, &constant(1.0), &sum);
    autograd::ops::elementwise::where_(&zero, &constant(0.0), &safe.pow_scalar(1.0 / p))
}

/// `<a, b> / (max(|a|, eps) max(|b|, eps))` along `axis`. PyTorch: `torch.nn.functional.cosine_similarity`.
///
/// # Panics
/// If shapes do not broadcast or there is no such axis.
#[track_caller]
pub fn cosine_similarity(a: &Variable, b: &Variable, axis: isize, eps: f64) -> Variable {
    let (a, b) = autograd::ops::elementwise::broadcast("cosine_similarity", a, b);
    let [a, b] = [a, b].map(|x| normalize(&x, 2.0, axis, eps));
    (a * b).sum(&[axis], false)
}

/// `|a - b + eps|_p` along the last axis. PyTorch: `torch.nn.functional.pairwise_distance`.
///
/// # Panics
/// If shapes do not broadcast.
#[track_caller]
pub fn pairwise_distance(a: &Variable, b: &Variable, p: f64, (eps, keepdim): (f64, bool)) -> Variable {
    vector_norm(&(a - b + eps), p, -1, keepdim)
}
