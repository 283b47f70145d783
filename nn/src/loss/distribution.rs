//! Losses that are negative logarithms of densities.

use autograd::{Op, Variable};
use tensor::{DType, Tensor};

use super::loss;
use super::regression::pointwise;
use super::target::same;
use crate::ops::losses::{Divergence, Pointwise, PoissonDeviance, reduced};

loss! {
    /// `t (log t - x)` for log-probabilities `x`, 0 where `t` is 0. The mean is over elements;
    /// [`BatchMean`](super::Reduction::BatchMean) gives the divergence per sample. PyTorch: `torch.nn.KLDivLoss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::{KlDivLoss, Reduction};
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([-1.0, -2.0]));
    /// let t = Variable::new(Tensor::from([0.0, 1.0]));
    /// let loss = KlDivLoss::new().reduction(Reduction::Sum).forward(&x, &t).item::<f64>();
    /// assert!((loss - 2.0).abs() < 1e-5);
    /// ```
    pub struct KlDivLoss {
        /// Whether targets are logarithms: `e^t (t - x)`; not by default.
        log_target: bool = false,
    }
}
pointwise! { KlDivLoss, kl_div, self => Divergence { log_target: self.log_target },
    /// The mean of [`KlDivLoss`] over elements. PyTorch: `torch.nn.functional.kl_div`.
}

loss! {
    /// `e^x - t x`, the negative log-likelihood of a Poisson distribution but for `log t!`. PyTorch:
    /// `torch.nn.PoissonNLLLoss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::PoissonNllLoss;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([0.0]));
    /// let t = Variable::new(Tensor::from([2.0]));
    /// let loss = PoissonNllLoss::new().forward(&x, &t).item::<f64>();
    /// assert!((loss - 1.0).abs() < 1e-5);
    /// ```
    pub struct PoissonNllLoss {
        /// Whether inputs are logarithms of rates; if not, the loss is `x - t log(x + eps)`. True by default.
        log_input: bool = true,
        /// Whether Stirling's approximation `t log t - t + log(2 pi t) / 2` of `log t!` is added where `t > 1`.
        full: bool = false,
        /// What keeps the logarithm finite; 1e-8 by default.
        eps: f64 = 1e-8,
    }
}
pointwise! { PoissonNllLoss, poisson_nll_loss,
    self => PoissonDeviance { log_input: self.log_input, full: self.full, eps: self.eps },
    /// The mean of [`PoissonNllLoss`] with default options. PyTorch: `torch.nn.functional.poisson_nll_loss`.
}

loss! {
    /// `(log v + (x - t)^2 / v) / 2` with the variance `v = max(var, eps)`. PyTorch: `torch.nn.GaussianNLLLoss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::GaussianNllLoss;
    /// use tensor::Tensor;
    /// let mean = Variable::new(Tensor::from([1.0]));
    /// let target = Variable::new(Tensor::from([3.0]));
    /// let variance = Variable::new(Tensor::from([4.0]));
    /// let loss = GaussianNllLoss::new().forward(&mean, &target, &variance).item::<f64>();
    /// assert!((loss - ((4f64.ln() + 1.0) / 2.0)).abs() < 1e-5);
    /// ```
    pub struct GaussianNllLoss {
        /// Whether the constant `log(2 pi) / 2` is added; not by default.
        full: bool = false,
        /// The least variance; 1e-6 by default.
        eps: f64 = 1e-6,
    }
}

impl GaussianNllLoss {
    /// The loss of means against targets of the same shape, with variances of that shape, or with one axis of size 1, or
    /// without the last axis. The gradient passes `max` as if it were not there.
    ///
    /// # Panics
    /// If shapes do not fit, dtypes differ, or a variance is negative.
    #[track_caller]
    pub fn forward(&self, input: &Variable, target: &Variable, var: &Variable) -> Variable {
        const NAME: &str = "gaussian_nll_loss";
        same(NAME, input, target);
        let mut var = var.clone();
        if var.shape() != input.shape() {
            if input.rank() > 0 && var.shape() == &input.shape()[..input.rank() - 1] {
                var = var.unsqueeze(-1);
            }
            if tensor::shape::broadcast(var.shape(), input.shape()).as_deref() != Ok(input.shape()) {
                tensor::fault!(NAME, [input: input.shape(), var: var.shape()], "the variance does not fit the input");
            }
        }
        if var.dtype() != input.dtype() {
            tensor::fault!(NAME, [input: input.shape(), var: var.shape()],
                "dtypes differ, {} and {}; convert with to_dtype", input.dtype(), var.dtype());
        }
        let values = var.data().to_dtype(DType::F64);
        if let Some(negative) = values.view_as::<f64>().iter().find(|&v| v < 0.0) {
            tensor::fault!(NAME, [var: var.shape()], "a variance must be at least 0, got {negative}");
        }
        // The clamp shifts the value only, as PyTorch does it under no_grad.
        let low = var.data().lt_scalar(self.eps);
        let shift =
            low.where_(&(&Tensor::full([], self.eps, var.dtype()) - &var.data()), &Tensor::zeros([], var.dtype()));
        let var = var + Variable::new(shift);
        let difference = input - target;
        let mut losses = (var.log() + &difference * &difference / var) * 0.5;
        if self.full {
            losses = losses + 0.5 * std::f64::consts::TAU.ln();
        }
        reduced(&losses, self.reduction)
    }
}

/// The mean of [`GaussianNllLoss`] with default options. PyTorch: `torch.nn.functional.gaussian_nll_loss`.
///
/// # Panics
/// As [`GaussianNllLoss::forward`].
#[track_caller]
pub fn gaussian_nll_loss(input: &Variable, target: &Variable, var: &Variable) -> Variable {
    GaussianNllLoss::new().forward(input, target, var)
}
