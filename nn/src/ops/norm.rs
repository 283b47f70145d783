//! Instance, group, layer and root-mean-square normalisation, and local response normalisation.
//!
//! The first three are [`batch_norm`](super::batch_norm) on a view that makes a channel of what is normalised together.

use std::sync::Arc;

use autograd::Variable;
use tensor::Tensor;
use tensor::kernels::resample::Taps;

use super::batch_norm::{Affine, Source, Statistics, batch_norm};
use super::resample::resample;

/// `x` with each of `rows` equal parts, in logical order, normalised by itself.
#[track_caller]
fn normalize_rows(x: &Variable, rows: usize, eps: f64) -> Variable {
    let size = x.len().checked_div(rows).unwrap_or(0);
    let y = batch_norm(&x.reshape([1, rows, size]), Affine::default(), Source::own(eps));
    y.reshape(x.shape())
}

/// `x weight + bias` with one number per channel.
#[track_caller]
fn per_channel(op: &str, x: Variable, affine: Affine<'_>) -> Variable {
    let mut shape = vec![1; x.rank()];
    shape[1] = x.shape()[1];
    scaled(op, x, affine, &[shape[1]], &shape)
}

#[track_caller]
fn scaled(op: &str, mut x: Variable, affine: Affine<'_>, expected: &[usize], shape: &[usize]) -> Variable {
    for (given, is_weight) in [(affine.weight, true), (affine.bias, false)] {
        let Some(given) = given else { continue };
        if given.shape() != expected {
            tensor::fault!(op, [input: x.shape(), weight: given.shape()], "expected weight and bias of shape {expected:?}");
        }
        let wide = given.reshape(shape);
        x = if is_weight { x * wide } else { x + wide };
    }
    x
}

/// Every channel of every image normalised over its positions. PyTorch: `torch.nn.functional.instance_norm`.
///
/// # Panics
/// If `x` has fewer than 3 axes or one position per channel, or the affine shapes do not fit.
#[track_caller]
pub fn instance_norm(x: &Variable, affine: Affine<'_>, eps: f64) -> Variable {
    instance_norm_with_statistics(x, affine, eps).0
}

/// [`instance_norm`] and the statistics of every channel of every image.
#[track_caller]
pub(crate) fn instance_norm_with_statistics(x: &Variable, affine: Affine<'_>, eps: f64) -> (Variable, Arc<Statistics>) {
    if x.rank() < 3 {
        tensor::fault!("instance_norm", [input: x.shape()], "expected at least 3 axes, got {}", x.rank());
    }
    if x.shape()[2..].iter().product::<usize>() == 1 {
        tensor::fault!("instance_norm", [input: x.shape()], "expected more than 1 value per channel");
    }
    let rows = x.shape()[0] * x.shape()[1];
    let images = x.reshape([1, rows, x.len().checked_div(rows).unwrap_or(0)]);
    let statistics = Arc::new(Statistics::of(&images.data()));
    let source = Source { known: Some(statistics.clone()), ..Source::own(eps) };
    let y = batch_norm(&images, Affine::default(), source).reshape(x.shape());
    (per_channel("instance_norm", y, affine), statistics)
}

/// `groups` groups of channels of every image, each normalised. PyTorch: `torch.nn.functional.group_norm`.
///
/// # Panics
/// If `groups` does not divide the channels, or the affine shapes do not fit.
#[track_caller]
pub fn group_norm(x: &Variable, groups: usize, affine: Affine<'_>, eps: f64) -> Variable {
    if x.rank() < 2 || groups == 0 || !x.shape()[1].is_multiple_of(groups) {
        tensor::fault!("group_norm", [input: x.shape()], "the channels do not form {groups} groups");
    }
    let rows = x.shape()[0] * groups;
    per_channel("group_norm", normalize_rows(x, rows, eps), affine)
}

#[track_caller]
fn check_last(op: &str, x: &Variable, shape: &[usize]) {
    if shape.is_empty() || !x.shape().ends_with(shape) {
        tensor::fault!(op, [input: x.shape()], "the last axes are not {shape:?}");
    }
}

/// The last axes, of sizes `shape`, normalised together; weight and bias have that shape.
/// PyTorch: `torch.nn.functional.layer_norm`.
///
/// # Panics
/// If the last axes have other sizes.
#[track_caller]
pub fn layer_norm(x: &Variable, shape: &[usize], affine: Affine<'_>, eps: f64) -> Variable {
    check_last("layer_norm", x, shape);
    let rows = x.shape()[..x.rank() - shape.len()].iter().product();
    scaled("layer_norm", normalize_rows(x, rows, eps), affine, shape, shape)
}

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
    scaled("rms_norm", y, Affine { weight, bias: None }, shape, shape)
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
