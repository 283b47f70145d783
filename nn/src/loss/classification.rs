//! Losses of yes-or-no answers, one or several per sample.

use autograd::{Op, Variable};
use tensor::{Tensor, dispatch};

use super::regression::pointwise;
use super::target::{index_of, same};
use super::{Reduction, loss};
use crate::ops::losses::{BinaryCrossEntropy, BinaryCrossEntropyLogits, Pointwise, SoftMarginError, reduced};

/// A pointwise loss, weighted element by element before it is reduced.
#[track_caller]
fn weighted(op: &str, losses: &Variable, weight: Option<&Tensor>, reduction: Reduction) -> Variable {
    let Some(weight) = weight else { return reduced(losses, reduction) };
    if tensor::shape::broadcast(weight.shape(), losses.shape()).as_deref() != Ok(losses.shape()) {
        tensor::fault!(op, [input: losses.shape(), weight: weight.shape()], "the weight does not broadcast to the input");
    }
    reduced(&(losses * Variable::new(weight.to_dtype(losses.dtype()))), reduction)
}

loss! {
    /// `-w (t log x + (1 - t) log(1 - x))` of probabilities, with logarithms not below -100. PyTorch:
    /// `torch.nn.BCELoss`. Of logits, [`BceWithLogitsLoss`] is more exact.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::BceLoss;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([0.5]));
    /// let t = Variable::new(Tensor::from([1.0]));
    /// let loss = BceLoss::new().forward(&x, &t).item::<f64>();
    /// assert!((loss - 2f64.ln()).abs() < 1e-5);
    /// ```
    pub struct BceLoss {
        /// A weight that broadcasts to the input; none by default.
        weight: Option<Tensor> = None,
    }
}

impl BceLoss {
    /// The loss of probabilities against targets of the same shape.
    ///
    /// # Panics
    /// If shapes or dtypes differ, an input is outside [0, 1], or the weight does not fit.
    #[track_caller]
    pub fn forward(&self, input: &Variable, target: &Variable) -> Variable {
        const NAME: &str = "binary_cross_entropy";
        same(NAME, input, target);
        let x = input.data();
        let outside = dispatch!(float NAME, x.dtype(), T => {
            let wrong = |x: &T| !(0.0..=1.0).contains(x);
            let found = match x.as_memory::<T>() {
                Some(values) if !values.iter().any(wrong) => None,
                _ => x.view_as::<T>().iter().enumerate().find(|(_, x)| wrong(x)),
            };
            found.map(|(at, x)| (at, x.to_string()))
        });
        if let Some((at, value)) = outside {
            tensor::fault!(NAME, [input: input.shape()],
                "input {value} at {:?} is outside [0, 1]", index_of(at, input.shape()));
        }
        let op = |reduction| Pointwise { formula: BinaryCrossEntropy, reduction }.apply([input, target]);
        match &self.weight {
            None => op(self.reduction),
            weight => weighted(NAME, &op(Reduction::None), weight.as_ref(), self.reduction),
        }
    }
}

/// The mean of [`BceLoss`]. PyTorch: `torch.nn.functional.binary_cross_entropy`.
///
/// # Panics
/// As [`BceLoss::forward`].
#[track_caller]
pub fn binary_cross_entropy(input: &Variable, target: &Variable) -> Variable {
    BceLoss::new().forward(input, target)
}

loss! {
    /// `-w (p t log s + (1 - t) log(1 - s))` with `s = sigmoid(x)`, computed from the logits `x` without overflow.
    /// PyTorch: `torch.nn.BCEWithLogitsLoss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::BceWithLogitsLoss;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([0.0]));
    /// let t = Variable::new(Tensor::from([1.0]));
    /// let loss = BceWithLogitsLoss::new().forward(&x, &t).item::<f64>();
    /// assert!((loss - 2f64.ln()).abs() < 1e-5);
    /// ```
    pub struct BceWithLogitsLoss {
        /// A weight that broadcasts to the input; none by default.
        weight: Option<Tensor> = None,
        /// The weight `p` of positive answers, which broadcasts to the input; none by default.
        pos_weight: Option<Tensor> = None,
    }
}

impl BceWithLogitsLoss {
    /// The loss of logits against targets of the same shape.
    ///
    /// # Panics
    /// If shapes or dtypes differ, or a weight does not fit.
    #[track_caller]
    pub fn forward(&self, input: &Variable, target: &Variable) -> Variable {
        const NAME: &str = "binary_cross_entropy_with_logits";
        same(NAME, input, target);
        let op = |x: &Variable, t: &Variable, reduction| {
            Pointwise { formula: BinaryCrossEntropyLogits, reduction }.apply([x, t])
        };
        if self.weight.is_none() && self.pos_weight.is_none() {
            return op(input, target, self.reduction);
        }
        let mut losses = op(input, target, Reduction::None);
        if let Some(pos_weight) = &self.pos_weight {
            if tensor::shape::broadcast(pos_weight.shape(), input.shape()).as_deref() != Ok(input.shape()) {
                tensor::fault!(NAME, [input: input.shape(), pos_weight: pos_weight.shape()],
                    "pos_weight does not broadcast to the input");
            }
            // -log s = loss against 1, of which a share t counts p instead of 1.
            let surplus = Variable::new(pos_weight.to_dtype(input.dtype()).add_scalar(-1.0));
            let ones = Variable::new(input.data().ones_like());
            losses = losses + surplus * target * op(input, &ones, Reduction::None);
        }
        weighted(NAME, &losses, self.weight.as_ref(), self.reduction)
    }
}

/// The mean of [`BceWithLogitsLoss`]. PyTorch: `torch.nn.functional.binary_cross_entropy_with_logits`.
///
/// # Panics
/// If shapes or dtypes differ.
#[track_caller]
pub fn binary_cross_entropy_with_logits(input: &Variable, target: &Variable) -> Variable {
    BceWithLogitsLoss::new().forward(input, target)
}

loss! {
    /// `log(1 + e^(-t x))` for targets 1 and -1. PyTorch: `torch.nn.SoftMarginLoss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::SoftMarginLoss;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([0.0]));
    /// let t = Variable::new(Tensor::from([1.0]));
    /// let loss = SoftMarginLoss::new().forward(&x, &t).item::<f64>();
    /// assert!((loss - 2f64.ln()).abs() < 1e-5);
    /// ```
    pub struct SoftMarginLoss {}
}
pointwise! { SoftMarginLoss, soft_margin_loss, self => SoftMarginError,
    /// The mean of [`SoftMarginLoss`]. PyTorch: `torch.nn.functional.soft_margin_loss`.
}

loss! {
    /// The mean over classes of [`BceWithLogitsLoss`], for inputs and targets `[N, C]` or `[C]`. PyTorch:
    /// `torch.nn.MultiLabelSoftMarginLoss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::MultiLabelSoftMarginLoss;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([[0.0, 0.0]]));
    /// let t = Variable::new(Tensor::from([[1.0, 0.0]]));
    /// let loss = MultiLabelSoftMarginLoss::new().forward(&x, &t).item::<f64>();
    /// assert!((loss - 2f64.ln()).abs() < 1e-5);
    /// ```
    pub struct MultiLabelSoftMarginLoss {
        /// A weight `[C]` per class; none by default.
        weight: Option<Tensor> = None,
    }
}

impl MultiLabelSoftMarginLoss {
    /// The loss of logits `[N, C]` or `[C]` against targets of the same shape.
    ///
    /// # Panics
    /// If shapes or dtypes differ, there is no axis of classes, or the weight does not fit.
    #[track_caller]
    pub fn forward(&self, input: &Variable, target: &Variable) -> Variable {
        const NAME: &str = "multilabel_soft_margin_loss";
        same(NAME, input, target);
        if input.rank() == 0 {
            tensor::fault!(NAME, [input: input.shape()], "the input has no axis of classes");
        }
        let losses = Pointwise { formula: BinaryCrossEntropyLogits, reduction: Reduction::None }.apply([input, target]);
        let losses = weighted(NAME, &losses, self.weight.as_ref(), Reduction::None);
        reduced(&losses.mean(&[-1], false), self.reduction)
    }
}

/// The mean of [`MultiLabelSoftMarginLoss`]. PyTorch: `torch.nn.functional.multilabel_soft_margin_loss`.
///
/// # Panics
/// As [`MultiLabelSoftMarginLoss::forward`].
#[track_caller]
pub fn multilabel_soft_margin_loss(input: &Variable, target: &Variable) -> Variable {
    MultiLabelSoftMarginLoss::new().forward(input, target)
}
