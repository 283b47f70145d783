//! Losses of pairs of numbers, summed, averaged or left alone: one op, generic over the formula.

use std::fmt::Debug;

use autograd::ops::elementwise::where_;
use autograd::{Context, Keeps, Op, Variable};
use tensor::{Element, Float, Tensor, dispatch};

use crate::loss::Reduction;

/// A loss of a pair: its value and slopes as plain numbers, and the slopes as differentiable variables.
pub trait Formula: Debug + Clone + Send + Sync + 'static {
    /// The public function's name.
    const NAME: &'static str;
    /// The loss.
    fn value<T: Float>(&self, x: T, t: T) -> T;
    /// Its slope in the input.
    fn slope<T: Float>(&self, x: T, t: T) -> T;
    /// Its slope in the target.
    fn target_slope<T: Float>(&self, x: T, t: T) -> T;
    /// Its slope in the input (`target` false) or the target, as a differentiable formula.
    fn formula(&self, x: &Variable, t: &Variable, target: bool) -> Variable;
}

/// A `Formula` over two tensors of one shape, then a reduction.
#[derive(Clone, Debug)]
pub struct Pointwise<F> {
    /// The loss of a pair.
    pub formula: F,
    /// What becomes of the pairs' losses.
    pub reduction: Reduction,
}

/// The factor of a reduction over `len` pairs with `batch` samples; `None` if nothing is reduced.
fn factor(reduction: Reduction, shape: &[usize]) -> Option<f64> {
    let len: usize = shape.iter().product();
    match reduction {
        Reduction::None => None,
        Reduction::Sum => Some(1.0),
        Reduction::Mean => Some(1.0 / len as f64),
        Reduction::BatchMean => Some(1.0 / shape.first().copied().unwrap_or(1) as f64),
    }
}

/// A variable's elements reduced.
pub(crate) fn reduced(x: &Variable, reduction: Reduction) -> Variable {
    match factor(reduction, x.shape()) {
        None => x.clone(),
        Some(1.0) => x.sum(&[], false),
        // Divided, not multiplied: a mean is exact where its sum is.
        Some(factor) => x.sum(&[], false) / factor.recip().round(),
    }
}

impl<F: Formula> Op<2> for Pointwise<F>
where
    Pointwise<F>: autograd::Registered,
{
    const NAME: &'static str = F::NAME;
    const KEEPS: Keeps = Keeps::INPUTS;
    type Saved = ();

    fn forward(&self, [x, t]: [&Tensor; 2]) -> (Tensor, ()) {
        let losses = dispatch!(float F::NAME, x.dtype(), T => x.zip_map(t, |x: T, t: T| self.formula.value(x, t)));
        let result = match factor(self.reduction, x.shape()) {
            None => losses,
            Some(1.0) => losses.sum(&[], false),
            Some(factor) => losses.sum(&[], false) / factor.recip().round(),
        };
        (result, ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        let (x, t) = (cx.input(0), cx.input(1));
        let factor = factor(self.reduction, x.shape());
        [false, true].map(|target| {
            if !cx.wants(usize::from(target)) {
                return None;
            }
            if cx.records() {
                let slope = self.formula.formula(&x, &t, target) * g;
                return Some(factor.map_or(slope.clone(), |factor| slope * factor));
            }
            let (x, t, g) = (x.data(), t.data(), g.data());
            Some(Variable::new(dispatch!(float F::NAME, x.dtype(), T => {
                let slope = |x: T, t: T| if target { self.formula.target_slope(x, t) } else { self.formula.slope(x, t) };
                match factor {
                    None => x.zip_map(&t, slope).mul(&g),
                    Some(factor) => {
                        let scale = g.item::<T>() * <T as Element>::from_f64(factor);
                        x.zip_map(&t, |x: T, t: T| slope(x, t) * scale)
                    }
                }
            })))
        })
    }
}

fn number<T: Float>(value: f64) -> T {
    <T as Element>::from_f64(value)
}

/// `log(1 + e^x)` without overflow.
fn softplus<T: Float>(x: T) -> T {
    x.max(T::ZERO) + (-x.abs()).exp().ln_1p()
}

fn logistic<T: Float>(x: T) -> T {
    T::ONE / (T::ONE + (-x).exp())
}

/// `-1`, `0` or `1`.
fn sign<T: Float>(x: T) -> T {
    if x > T::ZERO {
        T::ONE
    } else if x < T::ZERO {
        -T::ONE
    } else {
        x * T::ZERO
    }
}

/// A constant 0-dimensional variable of `like`'s dtype.
fn constant(value: f64, like: &Variable) -> Variable {
    Variable::new(Tensor::full([], value, like.dtype()))
}

fn negated_if(target: bool, x: Variable) -> Variable {
    if target { -x } else { x }
}

/// `(x - t)^2`.
#[derive(Clone, Debug)]
pub struct Squared;

impl Formula for Squared {
    const NAME: &'static str = "mse_loss";
    fn value<T: Float>(&self, x: T, t: T) -> T {
        (x - t) * (x - t)
    }
    fn slope<T: Float>(&self, x: T, t: T) -> T {
        let difference = x - t;
        difference + difference
    }
    fn target_slope<T: Float>(&self, x: T, t: T) -> T {
        -self.slope(x, t)
    }
    fn formula(&self, x: &Variable, t: &Variable, target: bool) -> Variable {
        negated_if(target, (x - t) * 2.0)
    }
}

/// `|x - t|`.
#[derive(Clone, Debug)]
pub struct Absolute;

impl Formula for Absolute {
    const NAME: &'static str = "l1_loss";
    fn value<T: Float>(&self, x: T, t: T) -> T {
        (x - t).abs()
    }
    fn slope<T: Float>(&self, x: T, t: T) -> T {
        sign(x - t)
    }
    fn target_slope<T: Float>(&self, x: T, t: T) -> T {
        -sign(x - t)
    }
    fn formula(&self, x: &Variable, t: &Variable, target: bool) -> Variable {
        negated_if(target, Variable::new((&x.data() - &t.data()).sign()))
    }
}

/// `(x - t)^2 / (2 beta)` within `beta`, else `|x - t| - beta / 2`.
#[derive(Clone, Debug)]
pub struct SmoothAbsolute {
    /// Where the parabola ends; 0 gives `|x - t|`.
    pub beta: f64,
}

impl Formula for SmoothAbsolute {
    const NAME: &'static str = "smooth_l1_loss";
    fn value<T: Float>(&self, x: T, t: T) -> T {
        let (z, beta, half) = ((x - t).abs(), number::<T>(self.beta), number::<T>(0.5));
        if z < beta { half * z * z / beta } else { z - half * beta }
    }
    fn slope<T: Float>(&self, x: T, t: T) -> T {
        let (z, beta) = (x - t, number::<T>(self.beta));
        if z.abs() < beta { z / beta } else { sign(z) }
    }
    fn target_slope<T: Float>(&self, x: T, t: T) -> T {
        -self.slope(x, t)
    }
    fn formula(&self, x: &Variable, t: &Variable, target: bool) -> Variable {
        let difference = x - t;
        let z = difference.data();
        let near = z.abs().lt_scalar(self.beta);
        let slope = if self.beta == 0.0 { Variable::new(z.sign()) } else {
            where_(&near, &(difference / self.beta), &Variable::new(z.sign()))
        };
        negated_if(target, slope)
    }
}

/// `(x - t)^2 / 2` within `delta`, else `delta (|x - t| - delta / 2)`.
#[derive(Clone, Debug)]
pub struct HuberError {
    /// Where the parabola ends.
    pub delta: f64,
}

impl Formula for HuberError {
    const NAME: &'static str = "huber_loss";
    fn value<T: Float>(&self, x: T, t: T) -> T {
        let (z, delta, half) = ((x - t).abs(), number::<T>(self.delta), number::<T>(0.5));
        if z <= delta { half * z * z } else { delta * (z - half * delta) }
    }
    fn slope<T: Float>(&self, x: T, t: T) -> T {
        let delta = number::<T>(self.delta);
        (x - t).max(-delta).min(delta)
    }
    fn target_slope<T: Float>(&self, x: T, t: T) -> T {
        -self.slope(x, t)
    }
    fn formula(&self, x: &Variable, t: &Variable, target: bool) -> Variable {
        let difference = x - t;
        let z = difference.data();
        let near = z.abs().le_scalar(self.delta);
        negated_if(target, where_(&near, &difference, &Variable::new(z.sign().mul_scalar(self.delta))))
    }
}

/// `-t log x - (1 - t) log(1 - x)`, with logarithms not below -100.
#[derive(Clone, Debug)]
pub struct BinaryCrossEntropy;

/// What keeps the slope's denominator `x (1 - x)` from 0: PyTorch's number, which is of f32 for f64 too.
const BCE_EPS: f64 = 1e-12f32 as f64;

impl Formula for BinaryCrossEntropy {
    const NAME: &'static str = "binary_cross_entropy";
    fn value<T: Float>(&self, x: T, t: T) -> T {
        let low = number::<T>(-100.0);
        (t - T::ONE) * (-x).ln_1p().max(low) - t * x.ln().max(low)
    }
    fn slope<T: Float>(&self, x: T, t: T) -> T {
        (x - t) / ((T::ONE - x) * x).max(number(BCE_EPS))
    }
    fn target_slope<T: Float>(&self, x: T, _: T) -> T {
        let low = number::<T>(-100.0);
        (-x).ln_1p().max(low) - x.ln().max(low)
    }
    fn formula(&self, x: &Variable, t: &Variable, target: bool) -> Variable {
        let rest = 1.0 - x;
        if target {
            return rest.log() - x.log();
        }
        let product = rest * x;
        let positive = product.data().gt_scalar(BCE_EPS);
        (x - t) / where_(&positive, &product, &constant(BCE_EPS, x))
    }
}

/// `(1 - t) x + log(1 + e^-x)`.
#[derive(Clone, Debug)]
pub struct BinaryCrossEntropyLogits;

impl Formula for BinaryCrossEntropyLogits {
    const NAME: &'static str = "binary_cross_entropy_with_logits";
    fn value<T: Float>(&self, x: T, t: T) -> T {
        (T::ONE - t) * x + softplus(-x)
    }
    fn slope<T: Float>(&self, x: T, t: T) -> T {
        logistic(x) - t
    }
    fn target_slope<T: Float>(&self, x: T, _: T) -> T {
        -x
    }
    fn formula(&self, x: &Variable, t: &Variable, target: bool) -> Variable {
        if target { -x } else { x.sigmoid() - t }
    }
}

/// `t (log t - x)`, or `e^t (t - x)` for targets in logarithms.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// Whether targets are logarithms.
    pub log_target: bool,
}

impl Formula for Divergence {
    const NAME: &'static str = "kl_div";
    fn value<T: Float>(&self, x: T, t: T) -> T {
        if self.log_target {
            t.exp() * (t - x)
        } else if t == T::ZERO {
            -t * x
        } else {
            t * t.ln() - t * x
        }
    }
    fn slope<T: Float>(&self, _: T, t: T) -> T {
        if self.log_target { -t.exp() } else { -t }
    }
    fn target_slope<T: Float>(&self, x: T, t: T) -> T {
        if self.log_target { t.exp() * (t - x + T::ONE) } else { t.ln() + T::ONE - x }
    }
    fn formula(&self, x: &Variable, t: &Variable, target: bool) -> Variable {
        match (self.log_target, target) {
            (true, true) => t.exp() * (t - x + 1.0),
            (true, false) => -t.exp(),
            (false, true) => t.log() + 1.0 - x,
            (false, false) => -t,
        }
    }
}

/// `e^x - t x`, or `x - t log(x + eps)`; with Stirling's formula for `log t!` where `full`.
#[derive(Clone, Debug)]
pub struct PoissonDeviance {
    /// Whether inputs are logarithms of rates.
    pub log_input: bool,
    /// Whether Stirling's approximation of `log t!` is added where `t > 1`.
    pub full: bool,
    /// What keeps the logarithm finite.
    pub eps: f64,
}

impl Formula for PoissonDeviance {
    const NAME: &'static str = "poisson_nll_loss";
    fn value<T: Float>(&self, x: T, t: T) -> T {
        let loss = if self.log_input { x.exp() - t * x } else { x - t * (x + number(self.eps)).ln() };
        if self.full && t > T::ONE {
            loss + t * t.ln() - t + number::<T>(0.5) * (number::<T>(std::f64::consts::TAU) * t).ln()
        } else {
            loss
        }
    }
    fn slope<T: Float>(&self, x: T, t: T) -> T {
        if self.log_input { x.exp() - t } else { T::ONE - t / (x + number(self.eps)) }
    }
    fn target_slope<T: Float>(&self, x: T, t: T) -> T {
        let slope = if self.log_input { -x } else { -(x + number(self.eps)).ln() };
        if self.full && t > T::ONE { slope + t.ln() + number::<T>(0.5) / t } else { slope }
    }
    fn formula(&self, x: &Variable, t: &Variable, target: bool) -> Variable {
        if !target {
            return if self.log_input { x.exp() - t } else { 1.0 - t / (x + self.eps) };
        }
        let slope = if self.log_input { -x } else { -(x + self.eps).log() };
        if !self.full {
            return slope;
        }
        let large = t.data().gt_scalar(1.0);
        // The branch not taken must stay finite.
        let safe = where_(&large, t, &constant(1.0, t));
        where_(&large, &(&slope + safe.log() + 0.5 / &safe), &slope)
    }
}

/// `log(1 + e^(-t x))`.
#[derive(Clone, Debug)]
pub struct SoftMarginError;

impl Formula for SoftMarginError {
    const NAME: &'static str = "soft_margin_loss";
    fn value<T: Float>(&self, x: T, t: T) -> T {
        softplus(-(t * x))
    }
    fn slope<T: Float>(&self, x: T, t: T) -> T {
        -t * logistic(-(t * x))
    }
    fn target_slope<T: Float>(&self, x: T, t: T) -> T {
        -x * logistic(-(t * x))
    }
    fn formula(&self, x: &Variable, t: &Variable, target: bool) -> Variable {
        let share = (-(t * x)).sigmoid();
        -(if target { x } else { t } * share)
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use autograd::check::strategy::{nonzero, positive, ranked_shape, values, values_in};
    use autograd::check::{Check, Sample};
    use proptest::prelude::{Just, Strategy, any, prop_oneof};
    use proptest::strategy::BoxedStrategy;

    use super::{Formula, Tensor, Pointwise, Reduction, Squared, Absolute, SmoothAbsolute, HuberError, BinaryCrossEntropy, BinaryCrossEntropyLogits, Divergence, PoissonDeviance, SoftMarginError};

    /// A formula with inputs and targets off its kinks, for any shape.
    trait Samples: Formula {
        fn pairs(shape: Vec<usize>) -> BoxedStrategy<(Self, Tensor, Tensor)>;
    }

    impl<F: Samples> Check<2> for Pointwise<F>
    where
        Pointwise<F>: autograd::Registered,
    {
        fn samples() -> BoxedStrategy<Sample<Self, 2>> {
            let reduction = prop_oneof![
                Just(Reduction::None),
                Just(Reduction::Sum),
                Just(Reduction::Mean),
                Just(Reduction::BatchMean)
            ];
            // A mean over nothing is NaN; that is a test of its own.
            (ranked_shape(1..=4).prop_filter("empty", |shape| !shape.contains(&0)), reduction)
                .prop_flat_map(|(shape, reduction)| (F::pairs(shape), Just(reduction)))
                .prop_map(|((formula, x, t), reduction)| Sample { op: Pointwise { formula, reduction }, inputs: [x, t] })
                .boxed()
        }

        fn reference(&self, [x, t]: [&Tensor; 2]) -> Option<Tensor> {
            let pairs = x.to_vec::<f64>().into_iter().zip(t.to_vec::<f64>());
            let losses: Vec<f64> = pairs.map(|(x, t)| self.formula.value(x, t)).collect();
            let sum: f64 = losses.iter().sum();
            Some(match self.reduction {
                Reduction::None => Tensor::from_vec(losses, x.shape()),
                Reduction::Sum => Tensor::scalar(sum),
                Reduction::Mean => Tensor::scalar(sum / losses.len() as f64),
                Reduction::BatchMean => Tensor::scalar(sum / x.shape()[0] as f64),
            })
        }
    }

    /// Targets, and inputs that differ from them by values off the kinks at 0 and at a width between 0.45 and 0.55.
    fn apart(shape: &[usize]) -> BoxedStrategy<(Tensor, Tensor)> {
        let difference = nonzero(shape).prop_map(|x| {
            x.map(|x: f64| if (x.abs() - 0.5).abs() < 0.15 { x * 2.0 } else { x })
        });
        (values(shape), difference).prop_map(|(t, z)| (&t + &z, t)).boxed()
    }

    macro_rules! samples {
        ($($formula:ty, |$shape:ident| $pairs:expr;)*) => {$(
            impl Samples for $formula {
                fn pairs($shape: Vec<usize>) -> BoxedStrategy<(Self, Tensor, Tensor)> {
                    ($pairs).prop_map(|(formula, (x, t))| (formula, x, t)).boxed()
                }
            }
        )*};
    }

    samples! {
        Squared, |shape| (Just(Squared), (values(&shape), values(&shape)));
        Absolute, |shape| (Just(Absolute), apart(&shape));
        SmoothAbsolute, |shape| (Just(SmoothAbsolute { beta: 0.5 }), apart(&shape));
        HuberError, |shape| (Just(HuberError { delta: 0.5 }), apart(&shape));
        BinaryCrossEntropy, |shape|
            (Just(BinaryCrossEntropy), (values_in(&shape, 0.1, 0.9), values_in(&shape, 0.0, 1.0)));
        BinaryCrossEntropyLogits, |shape|
            (Just(BinaryCrossEntropyLogits), (values(&shape), values_in(&shape, 0.0, 1.0)));
        Divergence, |shape|
            (any::<bool>().prop_map(|log_target| Divergence { log_target }), (values(&shape), positive(&shape)));
        PoissonDeviance, |shape| (
            (any::<bool>(), any::<bool>()).prop_map(|(log_input, full)| PoissonDeviance { log_input, full, eps: 0.01 }),
            (positive(&shape), positive(&shape).prop_map(|t| {
                t.map(|t: f64| if (t - 1.0).abs() < 0.15 { t + 1.0 } else { t })
            })));
        SoftMarginError, |shape| (Just(SoftMarginError), (values(&shape), values(&shape)));
    }
}
