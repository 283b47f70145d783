//! When to stop.

/// Says stop when a measure has not improved for some epochs.
///
/// ```
/// let mut stopping = gradus_nn::train::EarlyStopping::new(2);
/// let losses = [3.0, 2.0, 2.5, 2.2, 1.0];
/// assert_eq!(losses.iter().position(|&loss| stopping.should_stop(loss)), Some(3));
/// assert_eq!(stopping.best(), Some(2.0));
/// ```
#[derive(Clone, Debug)]
pub struct EarlyStopping {
    patience: usize,
    min_delta: f64,
    best: Option<f64>,
    bad_epochs: usize,
}

impl EarlyStopping {
    /// Bears `patience` epochs without improvement, less one: the last of them stops.
    pub fn new(patience: usize) -> EarlyStopping {
        EarlyStopping { patience, min_delta: 0.0, best: None, bad_epochs: 0 }
    }

    /// How much lower counts as improvement; 0 by default.
    #[must_use]
    pub fn min_delta(mut self, min_delta: f64) -> EarlyStopping {
        self.min_delta = min_delta;
        self
    }

    /// Takes in an epoch's measure, of which lower is better.
    pub fn should_stop(&mut self, loss: f64) -> bool {
        if self.improves(loss) {
            self.best = Some(loss);
            self.bad_epochs = 0;
        } else {
            self.bad_epochs += 1;
        }
        self.bad_epochs >= self.patience.max(1)
    }

    fn improves(&self, loss: f64) -> bool {
        self.best.map_or(!loss.is_nan(), |best| loss < best - self.min_delta)
    }

    /// The best measure so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// Whether the last measure was the best.
    pub fn is_best(&self) -> bool {
        self.best.is_some() && self.bad_epochs == 0
    }
}
