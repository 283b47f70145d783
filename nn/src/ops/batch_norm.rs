//! Normalisation per channel, with activation and addition fused in.
//!
//! [`batch_norm`] computes its statistics at once and returns a deferred variable. `relu`, `relu6` and `+` that follow
//! are taken into the pass that computes the elements, and into one backward pass that finds the activation's mask
//! again from the input: nothing but input (and addend) is kept. A convolution that comes next computes the elements as
//! it reads them (`Normalized`), and where nothing is recorded, constant statistics go into the weights of the
//! convolution before. Where the gradient is differentiated itself, the formula below takes the kernels' place. Instance,
//! group and layer normalisation are in [`group_norm`](super::group_norm).

#[cfg(any(test, feature = "check"))]
mod samples;
mod waiting;

use std::sync::Arc;

use autograd::ops::elementwise::where_;
use autograd::{Context, Epilogue, Op, Variable};
use tensor::kernels::norm::{Activation, Channels, Sums, channel_affine, channel_gradient, channel_statistics};
use tensor::{DType, Element, Tensor, dispatch};

use waiting::{Backwards, Summed, Waiting};
pub(crate) use waiting::{Normalized, cotangent};

/// Mean and deviation per channel that an input is normalised with.
#[derive(Clone, Debug)]
pub struct Statistics {
    /// The mean, per channel.
    pub mean: Vec<f64>,
    /// The variance (divided by the count), per channel.
    pub variance: Vec<f64>,
    /// Values per channel.
    pub count: usize,
}

impl Statistics {
    /// Those of `x`, `[n, c, *spatial]`.
    ///
    /// # Panics
    /// If the dtype is no float.
    #[track_caller]
    pub fn of(x: &Tensor) -> Statistics {
        let (mean, variance) = channel_statistics(x);
        Statistics { mean, variance, count: x.len() / x.shape()[1].max(1) }
    }

    fn deviation(&self, eps: f64) -> Vec<f64> {
        self.variance.iter().map(|v| 1.0 / (v + eps).sqrt()).collect()
    }
}

/// One number per channel. Layers have few channels: the ops on tensors would take longer than the arithmetic.
fn vector(values: &[f64], dtype: DType) -> Tensor {
    dispatch!(float "batch_norm", dtype, T =>
        Tensor::from_vec(values.iter().map(|&value| T::from_f64(value)).collect(), [values.len()]))
}

/// Where the statistics come from, and what is added to the variance.
#[derive(Clone, Debug)]
pub struct Source {
    /// Added to the variance.
    pub eps: f64,
    /// Constants, if they are not the input's own.
    pub fixed: Option<Arc<Statistics>>,
    /// The input's own, if they are known already.
    pub known: Option<Arc<Statistics>>,
}

impl Source {
    /// The input's own statistics.
    pub fn own(eps: f64) -> Source {
        Source { eps, fixed: None, known: None }
    }

    /// Given statistics, which are constants.
    pub fn fixed(statistics: Statistics, eps: f64) -> Source {
        Source { eps, fixed: Some(Arc::new(statistics)), known: None }
    }

    fn statistics(&self, x: &Tensor) -> Arc<Statistics> {
        self.fixed.as_ref().or(self.known.as_ref()).cloned().unwrap_or_else(|| Arc::new(Statistics::of(x)))
    }

    fn channels(&self, statistics: &Statistics, weight: &Tensor, bias: &Tensor) -> Channels {
        let scale = vector(&statistics.deviation(self.eps), weight.dtype()).mul(weight);
        Channels { mean: vector(&statistics.mean, weight.dtype()), scale, shift: bias.clone() }
    }

    fn forward(
        &self,
        inputs: [&Tensor; 3],
        addend: Option<&Tensor>,
        activation: Activation,
    ) -> (Tensor, Arc<Statistics>) {
        let [x, weight, bias] = inputs;
        let statistics = self.statistics(x);
        let y = channel_affine(x, &self.channels(&statistics, weight, bias), addend, activation);
        (y, statistics)
    }

    /// Gradients in input, weight, bias and addend.
    fn vjp(&self, g: &Variable, inputs: [&Variable; 3], addend: Option<&Variable>, rest: Rest<'_>) -> [Variable; 4] {
        let Rest { statistics, activation, records } = rest;
        if records {
            return self.formula(g, inputs, addend, activation);
        }
        let [x, weight, bias] = inputs.map(Variable::data);
        let channels = self.channels(statistics, &weight, &bias);
        let deviation = statistics.deviation(self.eps);
        let own = self.fixed.is_none().then_some(&deviation[..]);
        let r = addend.map(Variable::data);
        let known = g.waiting(|summed: &Summed| {
            let same = std::ptr::eq(Arc::as_ptr(&summed.of), statistics) && summed.activation == activation;
            (same && r.is_none()).then(|| summed.sums.clone())
        });
        let g = g.data();
        let gradient = channel_gradient([&x, &g], &channels, (r.as_ref(), activation), own, known);
        let vector = |values: &[f64]| Variable::new(vector(values, x.dtype()));
        let Sums { sum, product } = gradient.sums;
        let product: Vec<f64> =
            product.iter().zip(&deviation).map(|(product, deviation)| product * deviation).collect();
        let input = Variable::lazy(Box::new(Backwards(gradient.input)));
        let addend = gradient.addend.map_or_else(|| input.clone(), Variable::new);
        [input, vector(&product), vector(&sum), addend]
    }

    /// The same in differentiable ops.
    fn formula(
        &self,
        g: &Variable,
        [x, weight, bias]: [&Variable; 3],
        addend: Option<&Variable>,
        activation: Activation,
    ) -> [Variable; 4] {
        let mut axes: Vec<isize> = (0..x.rank() as isize).collect();
        axes.remove(1);
        let mut thin = vec![1; x.rank()];
        thin[1] = x.shape()[1];
        let wide = |values: &Variable| values.reshape(&thin);
        let mean_of = |values: &Variable| values.mean(&axes, true);
        let (centred, deviation) = match &self.fixed {
            Some(fixed) => {
                let vector = |values: &[f64]| wide(&Variable::new(vector(values, x.dtype())));
                (x - vector(&fixed.mean), vector(&fixed.deviation(self.eps)))
            }
            // Nothing has no mean; a factor 1 keeps the gradients 0.
            None if x.is_empty() => (x.clone(), Variable::new(Tensor::ones(&thin, x.dtype()))),
            None => {
                let centred = x - mean_of(x);
                let variance = mean_of(&(&centred * &centred));
                (centred, (variance + self.eps).pow_scalar(-0.5))
            }
        };
        let normal = centred * &deviation;
        let g = if activation == Activation::Identity {
            g.clone()
        } else {
            let mut y = (normal.data().mul(&wide(weight).data())).add(&wide(bias).data());
            if let Some(addend) = addend {
                y = y.add(&addend.data());
            }
            let mut open = y.gt_scalar(0.0);
            if activation == Activation::Relu6 {
                open = open.to_dtype(DType::U8).mul(&y.neg().gt_scalar(-6.0).to_dtype(DType::U8)).gt_scalar(0.0);
            }
            where_(&open, g, &Variable::new(Tensor::zeros([], g.dtype())))
        };
        let product = &g * &normal;
        let scale = wide(weight) * &deviation;
        let input = match self.fixed {
            Some(_) => &g * scale,
            None => (&g - mean_of(&g) - &normal * mean_of(&product)) * scale,
        };
        [input, product.sum(&axes, false), g.sum(&axes, false), g]
    }
}

struct Rest<'a> {
    statistics: &'a Statistics,
    activation: Activation,
    records: bool,
}

/// Normalisation of `[x, weight, bias]` with an activation; see [`batch_norm`].
#[derive(Clone, Debug)]
pub struct BatchNorm {
    /// Where the statistics come from.
    pub source: Source,
    /// What is applied in the same pass.
    pub activation: Activation,
}

impl Op<3> for BatchNorm {
    const NAME: &'static str = "batch_norm";
    type Saved = Arc<Statistics>;

    fn forward(&self, inputs: [&Tensor; 3]) -> (Tensor, Arc<Statistics>) {
        self.source.forward(inputs, None, self.activation)
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 3>) -> [Option<Variable>; 3] {
        let rest = Rest { statistics: cx.saved(), activation: self.activation, records: cx.records() };
        let inputs = cx.inputs();
        let [x, weight, bias, _] = self.source.vjp(g, inputs.each_ref(), None, rest);
        [Some(x), Some(weight), Some(bias)]
    }
}

/// Normalisation of `[x, weight, bias]`, to which the fourth input is added before the activation; see [`batch_norm`].
#[derive(Clone, Debug)]
pub struct BatchNormAdd {
    /// Where the statistics come from.
    pub source: Source,
    /// What is applied in the same pass.
    pub activation: Activation,
}

impl Op<4> for BatchNormAdd {
    const NAME: &'static str = "batch_norm_add";
    type Saved = Arc<Statistics>;

    fn forward(&self, [x, weight, bias, addend]: [&Tensor; 4]) -> (Tensor, Arc<Statistics>) {
        self.source.forward([x, weight, bias], Some(addend), self.activation)
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 4>) -> [Option<Variable>; 4] {
        let rest = Rest { statistics: cx.saved(), activation: self.activation, records: cx.records() };
        let [x, weight, bias, addend] = cx.inputs();
        self.source.vjp(g, [&x, &weight, &bias], Some(&addend), rest).map(Some)
    }
}

/// Learned factor and offset per channel, where there are any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Affine<'a> {
    /// The factor, `[c]`.
    pub weight: Option<&'a Variable>,
    /// The offset, `[c]`.
    pub bias: Option<&'a Variable>,
}

impl Affine<'_> {
    /// Factor and offset for `c` channels, 1 and 0 where they are missing.
    #[track_caller]
    fn resolve(&self, op: &str, x: &Variable) -> [Variable; 2] {
        let c = x.shape()[1];
        for (given, name) in [(self.weight, "weight"), (self.bias, "bias")] {
            if let Some(given) = given
                && (given.shape() != [c] || given.dtype() != x.dtype())
            {
                tensor::fault!(op, [input: x.shape(), weight: given.shape()],
                    "{name} has {} elements of {} but the input has {c} channels of {}",
                    given.len(), given.dtype(), x.dtype());
            }
        }
        let or = |given: Option<&Variable>, default: f64| {
            given.cloned().unwrap_or_else(|| Variable::new(Tensor::full([c], default, x.dtype())))
        };
        [or(self.weight, 1.0), or(self.bias, 0.0)]
    }
}

/// `(x - mean) / sqrt(variance + eps) * weight + bias` for every channel (axis 1) of `x`, `[n, c, *spatial]`.
///
/// The result waits for a `relu`, `relu6` or `+` that can be fused with it; nothing but speed depends on that.
/// PyTorch: `torch.nn.functional.batch_norm`.
///
/// # Panics
/// If there is no axis 1, the dtype is no float, or the numbers of channels differ.
#[track_caller]
pub fn batch_norm(x: &Variable, affine: Affine<'_>, mut source: Source) -> Variable {
    if x.rank() < 2 {
        tensor::fault!("batch_norm", [input: x.shape()], "expected at least 2 axes, got {}", x.rank());
    }
    if !x.dtype().is_float() {
        tensor::error::unsupported("batch_norm", x.dtype(), "a float");
    }
    let [weight, bias] = affine.resolve("batch_norm", x);
    if let Some(fixed) = &source.fixed
        && fixed.mean.len() != x.shape()[1]
    {
        tensor::fault!("batch_norm", [input: x.shape()], "the input has {} channels but the statistics {}",
            x.shape()[1], fixed.mean.len());
    }
    if let Some(fixed) = &source.fixed
        && !(autograd::is_grad_enabled() && [x, &weight, &bias].iter().any(|input| input.requires_grad()))
    {
        let Channels { mean, scale, shift } = source.channels(fixed, &weight.data(), &bias.data());
        if let Some(folded) = x.fuse(&Epilogue::Scale { shift: &shift.sub(&mean.mul(&scale)), scale: &scale }) {
            return folded;
        }
    }
    let values = [x, &weight, &bias].map(Variable::data);
    if source.fixed.is_none() && source.known.is_none() {
        source.known = Some(Arc::new(Statistics::of(&values[0])));
    }
    let statistics = source.statistics(&values[0]);
    let (inputs, activation) = ([x.clone(), weight, bias], Activation::Identity);
    Waiting { source, statistics, inputs, values, addend: None, activation }.variable()
}
