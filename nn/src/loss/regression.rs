//! Losses of differences.

use autograd::{Op, Variable};

use super::loss;
use crate::ops::losses::{Absolute, HuberError, Pointwise, SmoothAbsolute, Squared};

/// Writes `forward` of a pointwise loss, and the function for its defaults.
macro_rules! pointwise {
    ($name:ident, $function:ident, $self:ident => $formula:expr, $(#[$doc:meta])*) => {
        impl $name {
            /// The loss of `input` against `target`, broadcast.
            ///
            /// # Panics
            /// If the shapes do not broadcast, the dtypes differ or are no floats.
            #[track_caller]
            pub fn forward(&$self, input: &Variable, target: &Variable) -> Variable {
                let (input, target) = $crate::loss::target::pair(stringify!($function), input, target);
                Pointwise { formula: $formula, reduction: $self.reduction }.apply([&input, &target])
            }
        }

        $(#[$doc])*
        ///
        /// # Panics
        /// If the shapes do not broadcast, the dtypes differ or are no floats.
        #[track_caller]
        pub fn $function(input: &Variable, target: &Variable) -> Variable {
            $name::new().forward(input, target)
        }
    };
}
pub(super) use pointwise;

loss! {
    /// The squared difference `(x - t)^2`. PyTorch: `torch.nn.MSELoss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::{MseLoss, Reduction};
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([1.0, 3.0]));
    /// let t = Variable::new(Tensor::from([0.0, 0.0]));
    /// let loss = MseLoss::new().reduction(Reduction::Sum).forward(&x, &t).item::<f64>();
    /// assert!((loss - 10.0).abs() < 1e-5);
    /// ```
    pub struct MseLoss {}
}
pointwise! { MseLoss, mse_loss, self => Squared,
    /// The mean of `(x - t)^2`. PyTorch: `torch.nn.functional.mse_loss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([1.0, 3.0]));
    /// let t = Variable::new(Tensor::from([0.0, 0.0]));
    /// assert_eq!(gradus_nn::loss::mse_loss(&x, &t).item::<f64>(), 5.0);
    /// ```
}

loss! {
    /// The absolute difference `|x - t|`. PyTorch: `torch.nn.L1Loss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::L1Loss;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([1.0, 3.0]));
    /// let t = Variable::new(Tensor::from([0.0, 0.0]));
    /// let loss = L1Loss::new().forward(&x, &t).item::<f64>();
    /// assert!((loss - 2.0).abs() < 1e-5);
    /// ```
    pub struct L1Loss {}
}
pointwise! { L1Loss, l1_loss, self => Absolute,
    /// The mean of `|x - t|`. PyTorch: `torch.nn.functional.l1_loss`.
}

loss! {
    /// `(x - t)^2 / (2 beta)` where `|x - t| < beta`, else `|x - t| - beta / 2`. PyTorch: `torch.nn.SmoothL1Loss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::SmoothL1Loss;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([0.5, 3.0]));
    /// let t = Variable::new(Tensor::from([0.0, 0.0]));
    /// let loss = SmoothL1Loss::new().forward(&x, &t).item::<f64>();
    /// assert!((loss - 1.3125).abs() < 1e-5);
    /// ```
    pub struct SmoothL1Loss {
        /// Where the parabola ends; 1 by default, 0 gives [`L1Loss`].
        beta: f64 = 1.0,
    }
}
pointwise! { SmoothL1Loss, smooth_l1_loss, self => SmoothAbsolute { beta: non_negative("smooth_l1_loss", "beta", self.beta) },
    /// The mean of [`SmoothL1Loss`] with `beta` 1. PyTorch: `torch.nn.functional.smooth_l1_loss`.
}

loss! {
    /// `(x - t)^2 / 2` where `|x - t| <= delta`, else `delta (|x - t| - delta / 2)`. PyTorch: `torch.nn.HuberLoss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::HuberLoss;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([1.0, 4.0]));
    /// let t = Variable::new(Tensor::from([0.0, 0.0]));
    /// let loss = HuberLoss::new().delta(2.0).forward(&x, &t).item::<f64>();
    /// assert!((loss - 3.25).abs() < 1e-5);
    /// ```
    pub struct HuberLoss {
        /// Where the parabola ends; 1 by default.
        delta: f64 = 1.0,
    }
}
pointwise! { HuberLoss, huber_loss, self => HuberError { delta: non_negative("huber_loss", "delta", self.delta) },
    /// The mean of [`HuberLoss`] with `delta` 1. PyTorch: `torch.nn.functional.huber_loss`.
}

#[track_caller]
fn non_negative(op: &str, name: &str, value: f64) -> f64 {
    if value.is_nan() || value < 0.0 {
        tensor::fault!(op, [], "{name} must be at least 0, got {value}");
    }
    value
}
