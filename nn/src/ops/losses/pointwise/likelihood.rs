//! Losses that are logarithms of probabilities.

use autograd::Variable;
use autograd::ops::elementwise::where_;
use tensor::{Float, Tensor};

use super::{Formula, number};

/// `log(1 + e^x)` without overflow.
fn softplus<T: Float>(x: T) -> T {
    x.max(T::ZERO) + (-x.abs()).exp().ln_1p()
}

fn logistic<T: Float>(x: T) -> T {
    T::ONE / (T::ONE + (-x).exp())
}

/// A constant 0-dimensional variable of `like`'s dtype.
fn constant(value: f64, like: &Variable) -> Variable {
    Variable::new(Tensor::full([], value, like.dtype()))
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
