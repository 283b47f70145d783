//! Losses for rare objects: focal and dice, which vision uses and PyTorch leaves to torchvision and others.

use autograd::{Op, Variable};

use super::target::same;
use super::{Reduction, loss};
use crate::ops::losses::{BinaryCrossEntropyLogits, Pointwise, reduced};

loss! {
    /// `a_t (1 - p_t)^gamma BCE(x, t)` with `p_t` the probability given to the truth (Lin et al. 2017): easy examples
    /// count little. torchvision: `sigmoid_focal_loss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::FocalLoss;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([0.0]));
    /// let t = Variable::new(Tensor::from([1.0]));
    /// let loss = FocalLoss::new().forward(&x, &t).item::<f64>();
    /// assert!((loss - (2f64.ln() / 16.0)).abs() < 1e-5);
    /// ```
    pub struct FocalLoss {
        /// The weight of positive targets, `1 - alpha` that of negative ones; negative for none. 0.25 by default.
        alpha: f64 = 0.25,
        /// How little easy examples count; 2 by default.
        gamma: f64 = 2.0,
    }
}

impl FocalLoss {
    /// The loss of logits against targets in [0, 1] of the same shape.
    ///
    /// # Panics
    /// If shapes or dtypes differ, or `gamma` is negative.
    #[track_caller]
    pub fn forward(&self, input: &Variable, target: &Variable) -> Variable {
        const NAME: &str = "sigmoid_focal_loss";
        same(NAME, input, target);
        if self.gamma.is_nan() || self.gamma < 0.0 {
            tensor::fault!(NAME, [], "gamma must be at least 0, got {}", self.gamma);
        }
        let entropy =
            Pointwise { formula: BinaryCrossEntropyLogits, reduction: Reduction::None }.apply([input, target]);
        let p = input.sigmoid();
        let rest = 1.0 - target;
        let missed = &p * &rest + (1.0 - &p) * target;
        let mut losses = entropy * missed.pow_scalar(self.gamma);
        if self.alpha >= 0.0 {
            losses = losses * (target * self.alpha + rest * (1.0 - self.alpha));
        }
        reduced(&losses, self.reduction)
    }
}

/// The mean of [`FocalLoss`] with default options. torchvision: `sigmoid_focal_loss(..., reduction="mean")`.
///
/// # Panics
/// If shapes or dtypes differ.
#[track_caller]
pub fn sigmoid_focal_loss(input: &Variable, target: &Variable) -> Variable {
    FocalLoss::new().forward(input, target)
}

loss! {
    /// `1 - (2 sum x t + smooth) / (sum x + sum t + smooth)` per sample and channel, for probabilities and targets
    /// `[N, C, ...]` (Milletari, Navab and Ahmadi 2016).
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::DiceLoss;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([[[1.0, 0.0]]]));
    /// let t = Variable::new(Tensor::from([[[1.0, 0.0]]]));
    /// let loss = DiceLoss::new().forward(&x, &t).item::<f64>();
    /// assert!((loss - 0.0).abs() < 1e-5);
    /// ```
    pub struct DiceLoss {
        /// What keeps an empty mask from 0 / 0; 1 by default.
        smooth: f64 = 1.0,
    }
}

impl DiceLoss {
    /// The loss of probabilities `[N, C, ...]` against masks of the same shape; unreduced it is `[N, C]`.
    ///
    /// # Panics
    /// If shapes or dtypes differ, or there are fewer than 2 axes.
    #[track_caller]
    pub fn forward(&self, input: &Variable, target: &Variable) -> Variable {
        const NAME: &str = "dice_loss";
        same(NAME, input, target);
        if input.rank() < 2 {
            tensor::fault!(NAME, [input: input.shape()], "expected at least 2 axes, samples and channels");
        }
        let sum = |x: &Variable| if x.rank() > 2 { x.flatten(2).sum(&[2], false) } else { x.clone() };
        let overlap = sum(&(input * target)) * 2.0 + self.smooth;
        let total = sum(input) + sum(target) + self.smooth;
        reduced(&(1.0 - overlap / total), self.reduction)
    }
}

/// The mean of [`DiceLoss`] with `smooth` 1.
///
/// # Panics
/// As [`DiceLoss::forward`].
#[track_caller]
pub fn dice_loss(input: &Variable, target: &Variable) -> Variable {
    DiceLoss::new().forward(input, target)
}
