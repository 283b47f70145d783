//! One walk over the data, for training and for testing.

use std::time::{Duration, Instant};

use autograd::{Variable, no_grad};

use super::metrics::{Mean, correct};
use crate::data::LoadError;
use crate::optim::Optimizer;

/// Where an epoch stands after a batch.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Batches done in this walk.
    pub batches: usize,
    /// Samples done in this walk.
    pub samples: usize,
    /// The loss of the last batch.
    pub loss: f64,
    /// The mean loss so far, by samples.
    pub mean_loss: f64,
}

/// What came of an epoch.
#[derive(Clone, Copy, Debug)]
pub struct EpochReport {
    /// The mean loss, by samples.
    pub loss: f64,
    /// The share of right predictions, where they were counted.
    pub accuracy: Option<f64>,
    /// Samples done.
    pub samples: usize,
    /// How long it took, loading included.
    pub elapsed: Duration,
}

impl EpochReport {
    /// Samples per second, loading included.
    pub fn samples_per_second(&self) -> f64 {
        self.samples as f64 / self.elapsed.as_secs_f64()
    }
}

fn number(loss: &Variable) -> f64 {
    loss.data().to_dtype(tensor::DType::F64).item()
}

/// Trains on batches: the loss of inputs and targets, its gradients, one step each; `after` sees every batch.
///
/// ```
/// use gradus_nn::data::{DataLoader, TensorDataset};
/// use gradus_nn::loss::mse_loss;
/// use gradus_nn::optim::Sgd;
/// use gradus_nn::prelude::*;
/// use gradus_nn::train::train_epoch;
/// use tensor::{DType, Tensor};
///
/// let x = Tensor::randn([64, 2], DType::F32);
/// let y = x.sum(&[1], true);
/// let loader = DataLoader::builder(TensorDataset::new(x, y)).batch_size(8).shuffle(true).build();
/// let model = Linear::new(2, 1);
/// let mut sgd = Sgd::new(model.parameters(), 0.1);
/// let mut losses = vec![];
/// for epoch in 0..5 {
///     let loss = |x: &Variable, y: &Variable| mse_loss(&model.call(x), y);
///     losses.push(train_epoch(loader.epoch(epoch), &mut sgd, loss, |_| ()).unwrap().loss);
/// }
/// assert!(losses[4] < losses[0] / 10.0);
/// ```
///
/// # Errors
/// If a batch cannot be loaded; the batches before have been learned.
pub fn train_epoch(
    batches: impl IntoIterator<Item = Result<(Variable, Variable), LoadError>>,
    optimizer: &mut dyn Optimizer,
    loss: impl Fn(&Variable, &Variable) -> Variable,
    mut after: impl FnMut(Progress),
) -> Result<EpochReport, LoadError> {
    let (start, mut mean) = (Instant::now(), Mean::default());
    for (index, batch) in batches.into_iter().enumerate() {
        let (x, y) = batch?;
        optimizer.zero_grad();
        let loss = loss(&x, &y);
        loss.backward();
        optimizer.step();
        let value = number(&loss);
        mean.add(value, x.shape().first().copied().unwrap_or(1));
        after(Progress { batches: index + 1, samples: mean.count(), loss: value, mean_loss: mean.value() });
    }
    Ok(EpochReport { loss: mean.value(), accuracy: None, samples: mean.count(), elapsed: start.elapsed() })
}

/// The mean loss and the accuracy of a classifier on batches, without recording gradients; the model should be in
/// evaluation mode.
///
/// # Errors
/// If a batch cannot be loaded.
pub fn evaluate(
    batches: impl IntoIterator<Item = Result<(Variable, Variable), LoadError>>,
    model: impl Fn(&Variable) -> Variable,
    loss: impl Fn(&Variable, &Variable) -> Variable,
) -> Result<EpochReport, LoadError> {
    let (start, mut mean, mut right) = (Instant::now(), Mean::default(), 0);
    for batch in batches {
        let (x, y) = batch?;
        no_grad(|| {
            let logits = model(&x);
            mean.add(number(&loss(&logits, &y)), x.shape().first().copied().unwrap_or(1));
            right += correct(&logits, &y);
        });
    }
    let accuracy = Some(right as f64 / mean.count() as f64);
    Ok(EpochReport { loss: mean.value(), accuracy, samples: mean.count(), elapsed: start.elapsed() })
}
