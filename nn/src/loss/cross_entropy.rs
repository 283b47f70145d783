//! Losses of classifiers with one class per sample or pixel.

use autograd::{Op, Variable};
use tensor::{DType, Tensor};

use super::target::{check_labels, class_weight};
use super::{Reduction, loss};
use crate::ops::losses::{CrossEntropy, reduced};
use crate::ops::softmax::log_softmax;

loss! {
    /// Softmax and the negative logarithm of the class's probability.
    ///
    /// For logits `x` `[N, C, ...]` and labels `y` `[N, ...]` the loss of a row is
    /// `-sum_c w_c q_c log softmax(x)_c` with `q = (1 - s) onehot(y) + s / C`; the mean divides by the sum of the weights
    /// of the labels that count. Targets may also be probabilities `[N, C, ...]` of the logits' dtype; the mean then
    /// divides by the number of rows. PyTorch: `torch.nn.CrossEntropyLoss`.
    pub struct CrossEntropyLoss {
        /// A weight `[C]` per class; none by default.
        weight: Option<Tensor> = None,
        /// The label of rows that do not count; -100 by default.
        ignore_index: i64 = -100,
        /// The share `s` of the label that is spread over all classes; 0 by default.
        label_smoothing: f64 = 0.0,
    }
}

impl CrossEntropyLoss {
    /// The loss of logits `[N, C, ...]` or `[C]` against labels or probabilities.
    ///
    /// # Panics
    /// If labels are not `i64`, have another shape, or one is out of range and not `ignore_index`; if the weight does not
    /// fit, or `label_smoothing` is not in [0, 1].
    #[track_caller]
    pub fn forward(&self, input: &Variable, target: &Variable) -> Variable {
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            tensor::fault!("cross_entropy", [], "label_smoothing must be in [0, 1], got {}", self.label_smoothing);
        }
        if !input.dtype().is_float() {
            tensor::error::unsupported("cross_entropy", input.dtype(), "a float");
        }
        if target.dtype().is_float() && target.shape() == input.shape() {
            return self.of_probabilities(input, target);
        }
        let labels = target.data();
        check_labels("cross_entropy", input, &labels, Some(self.ignore_index));
        if input.rank() == 1 {
            return batch_of_one(self.reduction, |x, y| self.of_labels(x, &y.data()), input, target);
        }
        self.of_labels(input, &labels)
    }

    #[track_caller]
    fn of_labels(&self, input: &Variable, labels: &Tensor) -> Variable {
        let classes = input.shape()[1];
        let ignored = self.ignore_index;
        let labels =
            if ignored == -1 { labels.clone() } else { labels.map(|y: i64| if y == ignored { -1 } else { y }) };
        CrossEntropy {
            labels,
            weight: self.weight.as_ref().map(|weight| class_weight("cross_entropy", weight, classes)),
            label_smoothing: self.label_smoothing,
            reduction: self.reduction,
        }
        .apply([input])
    }

    #[track_caller]
    fn of_probabilities(&self, input: &Variable, target: &Variable) -> Variable {
        super::target::same("cross_entropy", input, target);
        if input.rank() == 0 {
            tensor::fault!("cross_entropy", [input: input.shape()], "the input has no axis of classes");
        }
        let axis = usize::from(input.rank() > 1);
        let classes = input.shape()[axis];
        let axis = axis as isize;
        let mut q = target.clone();
        if self.label_smoothing > 0.0 {
            q = q * (1.0 - self.label_smoothing) + self.label_smoothing / classes as f64;
        }
        let mut losses = -(log_softmax(input, axis) * q);
        if let Some(weight) = &self.weight {
            class_weight("cross_entropy", weight, classes);
            let mut shape = vec![1; input.rank()];
            shape[axis as usize] = classes;
            losses = losses * Variable::new(weight.to_dtype(input.dtype()).reshape(shape));
        }
        reduced(&losses.sum(&[axis], false), self.reduction)
    }
}

/// Calls a loss of batches with a batch of one sample.
fn batch_of_one(
    reduction: Reduction,
    f: impl FnOnce(&Variable, &Variable) -> Variable,
    input: &Variable,
    target: &Variable,
) -> Variable {
    let loss = f(&input.unsqueeze(0), &target.unsqueeze(0));
    if reduction == Reduction::None { loss.squeeze(0) } else { loss }
}

/// Cross entropy of logits `[N, C, ...]` and labels `[N, ...]`, averaged. PyTorch:
/// `torch.nn.functional.cross_entropy`.
///
/// ```
/// use autograd::Variable;
/// use tensor::Tensor;
/// let logits = Variable::new(Tensor::from([[0.0f32, 0.0]]));
/// let loss = gradus_nn::loss::cross_entropy(&logits, &Variable::new(Tensor::from([1i64])));
/// assert!((loss.item::<f32>() - 2f32.ln()).abs() < 1e-6);
/// ```
///
/// # Panics
/// As [`CrossEntropyLoss::forward`].
#[track_caller]
pub fn cross_entropy(input: &Variable, target: &Variable) -> Variable {
    CrossEntropyLoss::new().forward(input, target)
}

loss! {
    /// The negative of the label's entry of log-probabilities `[N, C, ...]`, weighted: `-w_y x_y`; the mean divides by the
    /// sum of the weights of the labels that count. PyTorch: `torch.nn.NLLLoss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::NllLoss;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([[-1.0, -2.0]]));
    /// let t = Variable::new(Tensor::from([1i64]));
    /// let loss = NllLoss::new().forward(&x, &t).item::<f64>();
    /// assert!((loss - 2.0).abs() < 1e-5);
    /// ```
    pub struct NllLoss {
        /// A weight `[C]` per class; none by default.
        weight: Option<Tensor> = None,
        /// The label of rows that do not count; -100 by default.
        ignore_index: i64 = -100,
    }
}

impl NllLoss {
    /// The loss of log-probabilities `[N, C, ...]` or `[C]` against labels.
    ///
    /// # Panics
    /// If labels are not `i64`, have another shape, or one is out of range and not `ignore_index`, or the weight does not
    /// fit.
    #[track_caller]
    pub fn forward(&self, input: &Variable, target: &Variable) -> Variable {
        if !input.dtype().is_float() {
            tensor::error::unsupported("nll_loss", input.dtype(), "a float");
        }
        let labels = target.data();
        check_labels("nll_loss", input, &labels, Some(self.ignore_index));
        if input.rank() == 1 {
            return batch_of_one(self.reduction, |x, y| self.of_batch(x, &y.data()), input, target);
        }
        self.of_batch(input, &labels)
    }

    #[track_caller]
    fn of_batch(&self, input: &Variable, labels: &Tensor) -> Variable {
        let weight = self.weight.as_ref().map(|weight| class_weight("nll_loss", weight, input.shape()[1]));
        let ignored = self.ignore_index;
        let share = labels.map(|y: i64| match &weight {
            _ if y == ignored => 0.0,
            Some(weight) => weight[y as usize],
            None => 1.0,
        });
        let index = labels.map(|y: i64| if y == ignored { 0 } else { y }).unsqueeze(1);
        let chosen = input.gather(1, &index).squeeze(1);
        let counts = share.ne_scalar(0.0);
        // An entry that does not count may be infinite.
        let chosen = super::target::only(&counts, &chosen);
        let losses = -(chosen * Variable::new(share.to_dtype(input.dtype())));
        match self.reduction {
            Reduction::Mean => losses.sum(&[], false) / share.to_dtype(DType::F64).sum(&[], false).item::<f64>(),
            other => reduced(&losses, other),
        }
    }
}

/// The mean of [`NllLoss`] with default options. PyTorch: `torch.nn.functional.nll_loss`.
///
/// # Panics
/// As [`NllLoss::forward`].
#[track_caller]
pub fn nll_loss(input: &Variable, target: &Variable) -> Variable {
    NllLoss::new().forward(input, target)
}
