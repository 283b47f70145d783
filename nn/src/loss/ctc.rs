//! The loss of label sequences without alignment, as in reading text.

use autograd::{Op, Variable};
use tensor::{DType, Tensor};

use super::{Reduction, loss};
use crate::ops::losses::{Ctc, reduced};

loss! {
    /// Connectionist temporal classification (Graves et al. 2006): `-log p(labels | x)`, where every alignment counts that
    /// gives the labels once repeats are merged and blanks dropped. The mean divides each loss by its number of labels
    /// first. PyTorch: `torch.nn.CTCLoss`.
    ///
    /// The gradient is that of the log-probabilities themselves; PyTorch's has the softmax's part added, which vanishes
    /// in the softmax before.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::CtcLoss;
    /// use tensor::Tensor;
    /// let log_probs = Variable::new(Tensor::from([[[0.5f64.ln(), 0.5f64.ln()]]]));
    /// let labels = Variable::new(Tensor::from([[1i64]]));
    /// let input_lengths = Variable::new(Tensor::from([1i64]));
    /// let target_lengths = Variable::new(Tensor::from([1i64]));
    /// let loss = CtcLoss::new().forward(&log_probs, &labels, &input_lengths, &target_lengths).item::<f64>();
    /// assert!((loss - 2f64.ln()).abs() < 1e-5);
    /// ```
    pub struct CtcLoss {
        /// The class of the blank; 0 by default.
        blank: i64 = 0,
        /// Whether a sample without any alignment costs nothing instead of infinity; not by default.
        zero_infinity: bool = false,
    }
}

const NAME: &str = "ctc_loss";

impl CtcLoss {
    /// The loss of log-probabilities `[T, N, C]` (or `[T, C]`) against labels `[N, S]`, or all samples' labels one after
    /// the other `[sum of lengths]`, with `input_lengths` and `target_lengths` `[N]` (or `[]`).
    ///
    /// # Panics
    /// If shapes do not fit, a length exceeds its axis, or a label is no class or the blank.
    #[track_caller]
    pub fn forward(
        &self,
        log_probs: &Variable,
        targets: &Variable,
        input_lengths: &Variable,
        target_lengths: &Variable,
    ) -> Variable {
        if log_probs.rank() == 2 {
            let one = |x: &Variable| Variable::new(x.data().reshape([1]));
            let targets = Variable::new(targets.data().reshape([1, targets.len()]));
            let (inputs, labels) = (one(input_lengths), one(target_lengths));
            let loss = self.forward(&log_probs.unsqueeze(1), &targets, &inputs, &labels);
            return if self.reduction == Reduction::None { loss.squeeze(0) } else { loss };
        }
        let [steps, batch, classes] = *log_probs.shape() else {
            tensor::fault!(NAME, [log_probs: log_probs.shape()], "expected axes [T, N, C] or [T, C]");
        };
        if !(0..classes as i64).contains(&self.blank) {
            tensor::fault!(NAME, [log_probs: log_probs.shape()], "blank {} is none of {classes} classes", self.blank);
        }
        let input_lengths = lengths("input", &input_lengths.data(), batch, steps);
        let targets = split(&targets.data(), &target_lengths.data(), batch);
        for (n, labels) in targets.iter().enumerate() {
            let wrong = |&&label: &&i64| !(0..classes as i64).contains(&label) || label == self.blank;
            if let Some(label) = labels.iter().find(wrong) {
                tensor::fault!(NAME, [log_probs: log_probs.shape()],
                    "label {label} of sample {n} is the blank or none of {classes} classes");
            }
        }
        let counts: Vec<f64> = targets.iter().map(|labels| labels.len().max(1) as f64).collect();
        let op = Ctc { targets, input_lengths, blank: self.blank, zero_infinity: self.zero_infinity };
        let losses = op.apply([log_probs]);
        if self.reduction != Reduction::Mean {
            return reduced(&losses, self.reduction);
        }
        let counts = Variable::new(Tensor::from_vec(counts, [batch]).to_dtype(log_probs.dtype()));
        reduced(&(losses / counts), Reduction::Mean)
    }
}

#[track_caller]
fn lengths(what: &str, tensor: &Tensor, batch: usize, limit: usize) -> Vec<usize> {
    if tensor.shape() != [batch] || tensor.dtype().is_float() || tensor.dtype() == DType::Bool {
        tensor::fault!(NAME, [lengths: tensor.shape()], "{what} lengths must be {batch} whole numbers");
    }
    let values = tensor.to_dtype(DType::I64).to_vec::<i64>();
    if let Some(length) = values.iter().find(|&&length| length < 0 || length as usize > limit) {
        tensor::fault!(NAME, [], "{what} length {length} is not in 0..={limit}");
    }
    values.into_iter().map(|length| length as usize).collect()
}

/// The labels of every sample.
#[track_caller]
fn split(targets: &Tensor, target_lengths: &Tensor, batch: usize) -> Vec<Vec<i64>> {
    if targets.dtype().is_float() || targets.dtype() == DType::Bool {
        let (got, shape) = (targets.dtype(), targets.shape());
        tensor::fault!(NAME, [], "labels must be i64, got {got} (labels {shape:?}); convert with to_dtype");
    }
    let labels = targets.to_dtype(DType::I64).to_vec::<i64>();
    match *targets.shape() {
        [rows, width] if rows == batch => {
            let counts = lengths("target", target_lengths, batch, width);
            counts.iter().enumerate().map(|(n, &count)| labels[n * width..n * width + count].to_vec()).collect()
        }
        [total] => {
            let counts = lengths("target", target_lengths, batch, total);
            let sum: usize = counts.iter().sum();
            if sum != total {
                tensor::fault!(NAME, [labels: targets.shape()], "the target lengths add up to {sum}");
            }
            let mut rest = labels.as_slice();
            counts
                .iter()
                .map(|&count| {
                    let (own, after) = rest.split_at(count);
                    rest = after;
                    own.to_vec()
                })
                .collect()
        }
        _ => tensor::fault!(NAME, [labels: targets.shape()], "labels must be [{batch}, S] or one row of all"),
    }
}

/// The mean of [`CtcLoss`] with default options. PyTorch: `torch.nn.functional.ctc_loss`.
///
/// # Panics
/// As [`CtcLoss::forward`].
#[track_caller]
pub fn ctc_loss(
    log_probs: &Variable,
    targets: &Variable,
    input_lengths: &Variable,
    target_lengths: &Variable,
) -> Variable {
    CtcLoss::new().forward(log_probs, targets, input_lengths, target_lengths)
}
