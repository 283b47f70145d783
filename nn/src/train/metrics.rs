//! Numbers that tell how training goes.

use autograd::Variable;

/// A running mean, weighted.
///
/// ```
/// let mut mean = gradus_nn::train::Mean::default();
/// mean.add(1.0, 3);
/// mean.add(5.0, 1);
/// assert_eq!(mean.value(), 2.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    /// Takes in a mean of `count` values.
    pub fn add(&mut self, mean: f64, count: usize) {
        self.sum += mean * count as f64;
        self.count += count;
    }

    /// The mean so far; NaN before the first value.
    pub fn value(&self) -> f64 {
        self.sum / self.count as f64
    }

    /// How many values it is of.
    pub fn count(&self) -> usize {
        self.count
    }
}

/// How many rows of logits `[N, C]` have their largest entry at the label `[N]`; the first of equals counts.
///
/// # Panics
/// If the logits have not 2 axes, or the labels not the shape `[N]`.
#[track_caller]
pub fn correct(logits: &Variable, labels: &Variable) -> usize {
    if logits.rank() != 2 || labels.shape() != &logits.shape()[..1] {
        tensor::fault!("accuracy", [logits: logits.shape(), labels: labels.shape()], "expected [N, C] and [N]");
    }
    if logits.is_empty() {
        return 0;
    }
    let predicted = logits.data().argmax(1, false).to_vec::<i64>();
    predicted.iter().zip(labels.to_vec::<i64>()).filter(|(a, b)| **a == *b).count()
}

/// The share of rows of logits `[N, C]` whose largest entry is at the label `[N]`.
///
/// ```
/// use autograd::Variable;
/// use tensor::Tensor;
/// let logits = Variable::new(Tensor::from([[0.1, 0.9], [0.8, 0.2]]));
/// let labels = Variable::new(Tensor::from([1i64, 1]));
/// assert_eq!(gradus_nn::train::accuracy(&logits, &labels), 0.5);
/// ```
///
/// # Panics
/// If the logits have not 2 axes, or the labels not the shape `[N]`.
#[track_caller]
pub fn accuracy(logits: &Variable, labels: &Variable) -> f64 {
    correct(logits, labels) as f64 / labels.len() as f64
}
