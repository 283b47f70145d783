//! Group, instance and layer normalisation: one op.

#[cfg(any(test, feature = "check"))]
mod samples;

use autograd::{Context, Keeps, Op, Variable};
use tensor::Tensor;
use tensor::kernels::norm::{self as kernel, GroupStatistics};

use super::batch_norm::Affine;

/// `[x, weight, bias]`, `x` normalised by groups of channels; see [`group_norm`].
#[derive(Clone, Debug)]
pub struct GroupNorm {
    /// How many groups the channels of an image form.
    pub groups: usize,
    /// Added to the variance.
    pub eps: f64,
}

impl GroupNorm {
    /// The gradients in differentiable ops.
    fn formula(&self, g: &Variable, [x, weight]: [&Variable; 2]) -> [Variable; 3] {
        let mut thin = vec![1; x.rank()];
        thin[1] = x.shape()[1];
        let grouped =
            |values: &Variable| values.reshape([x.shape()[0], self.groups, x.len() / x.shape()[0] / self.groups]);
        let mean_of = |values: &Variable| values.mean(&[-1], true);
        let weighted = grouped(&(g * weight.reshape(&thin)));
        let values = grouped(x);
        let centred = &values - mean_of(&values);
        let deviation = (mean_of(&(&centred * &centred)) + self.eps).pow_scalar(-0.5);
        let normal = centred * &deviation;
        let input = (&weighted - mean_of(&weighted) - &normal * mean_of(&(&weighted * &normal))) * deviation;
        let mut axes: Vec<isize> = (0..x.rank() as isize).collect();
        axes.remove(1);
        let weight = (g * normal.reshape(x.shape())).sum(&axes, false);
        [input.reshape(x.shape()), weight, g.sum(&axes, false)]
    }
}

impl Op<3> for GroupNorm {
    const NAME: &'static str = "group_norm";
    const KEEPS: Keeps = Keeps::NOTHING.and_input(0).and_input(1);
    type Saved = GroupStatistics;

    fn forward(&self, [x, weight, bias]: [&Tensor; 3]) -> (Tensor, GroupStatistics) {
        kernel::group_norm(x, self.groups, [weight, bias], self.eps)
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 3>) -> [Option<Variable>; 3] {
        let [x, weight] = [cx.input(0), cx.input(1)];
        if cx.records() && !x.is_empty() {
            return self.formula(g, [&x, &weight]).map(Some);
        }
        let inputs = [&x.data(), &g.data()];
        kernel::group_gradient(inputs, self.groups, &weight.data(), (cx.saved(), self.eps))
            .map(|gradient| Some(Variable::new(gradient)))
    }
}

/// Weight and bias as vectors, 1 and 0 where they are missing.
#[track_caller]
fn resolve(op: &str, x: &Variable, affine: Affine<'_>, expected: &[usize]) -> [Variable; 2] {
    if !x.dtype().is_float() {
        tensor::error::unsupported(op, x.dtype(), "a float");
    }
    for given in [affine.weight, affine.bias].into_iter().flatten() {
        if given.shape() != expected {
            tensor::fault!(op, [input: x.shape(), weight: given.shape()], "expected weight and bias of shape {expected:?}");
        }
        if given.dtype() != x.dtype() {
            tensor::fault!(op, [input: x.shape(), weight: given.shape()], "expected weight and bias of {}, got {}",
                x.dtype(), given.dtype());
        }
    }
    let len = expected.iter().product::<usize>();
    [(affine.weight, 1.0), (affine.bias, 0.0)].map(|(given, default)| match given {
        Some(given) => given.reshape([len]),
        None => Variable::new(Tensor::full([len], default, x.dtype())),
    })
}

/// `(x - mean) / sqrt(variance + eps) * weight + bias` by mean and variance of each of `groups` groups of channels of every
/// image of `x`, `[n, c, *spatial]`; weight and bias are `[c]` (Wu and He, 2018). PyTorch: `torch.nn.functional.group_norm`.
///
/// ```
/// use autograd::Variable;
/// use gradus_nn::ops::batch_norm::Affine;
/// use gradus_nn::ops::group_norm::group_norm;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([[[1.0, 3.0], [5.0, 15.0]]]));
/// let y = group_norm(&x, 2, Affine::default(), 0.0).to_vec::<f64>();
/// assert_eq!(y, [-1.0, 1.0, -1.0, 1.0]);
/// ```
///
/// # Panics
/// If `groups` does not divide the channels, the affine shapes do not fit, or the dtype is no float.
#[track_caller]
pub fn group_norm(x: &Variable, groups: usize, affine: Affine<'_>, eps: f64) -> Variable {
    if x.rank() < 2 || groups == 0 || !x.shape()[1].is_multiple_of(groups) {
        tensor::fault!("group_norm", [input: x.shape()], "the channels do not form {groups} groups");
    }
    let [weight, bias] = resolve("group_norm", x, affine, &[x.shape()[1]]);
    GroupNorm { groups, eps }.apply([x, &weight, &bias])
}

/// Every channel of every image normalised over its positions. PyTorch: `torch.nn.functional.instance_norm`.
///
/// # Panics
/// If `x` has fewer than 3 axes or one position per channel, or the affine shapes do not fit.
#[track_caller]
pub fn instance_norm(x: &Variable, affine: Affine<'_>, eps: f64) -> Variable {
    if x.rank() < 3 {
        tensor::fault!("instance_norm", [input: x.shape()], "expected at least 3 axes, got {}", x.rank());
    }
    if x.shape()[2..].iter().product::<usize>() == 1 {
        tensor::fault!("instance_norm", [input: x.shape()], "expected more than 1 value per channel");
    }
    let channels = x.shape()[1];
    let [weight, bias] = resolve("instance_norm", x, affine, &[channels]);
    // Of no channels one group is formed.
    GroupNorm { groups: channels.max(1), eps }.apply([x, &weight, &bias])
}

#[track_caller]
pub(super) fn check_last(op: &str, x: &Variable, shape: &[usize]) {
    if shape.is_empty() || !x.shape().ends_with(shape) {
        tensor::fault!(op, [input: x.shape()], "the last axes are not {shape:?}");
    }
}

/// The last axes, of sizes `shape`, normalised together; weight and bias have that shape (Ba et al., 2016).
/// PyTorch: `torch.nn.functional.layer_norm`.
///
/// # Panics
/// If the last axes have other sizes, or weight or bias has another shape or dtype.
#[track_caller]
pub fn layer_norm(x: &Variable, shape: &[usize], affine: Affine<'_>, eps: f64) -> Variable {
    check_last("layer_norm", x, shape);
    let [weight, bias] = resolve("layer_norm", x, affine, shape);
    let rows: usize = x.shape()[..x.rank() - shape.len()].iter().product();
    let vectors = x.reshape([rows, weight.len()]);
    GroupNorm { groups: 1, eps }.apply([&vectors, &weight, &bias]).reshape(x.shape())
}
