//! A rate that falls when a measure stops to improve.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{PerGroup, SchedulerStateError, expect_name, field, given, rates};
use crate::optim::Optimizer;

/// Which way a measure improves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlateauMode {
    /// Down, as a loss.
    Min,
    /// Up, as an accuracy.
    Max,
}

/// How the threshold is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ThresholdMode {
    /// As a share of the best value.
    Rel,
    /// As it is.
    Abs,
}

/// Options of [`ReduceLrOnPlateau`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReduceLrOnPlateauOptions {
    mode: PlateauMode,
    factor: f64,
    patience: u64,
    threshold: f64,
    threshold_mode: ThresholdMode,
    cooldown: u64,
    min_lr: PerGroup,
    eps: f64,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty $(as $given:ty)?;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: given!($type $(, $given)?)) -> ReduceLrOnPlateauOptions {
            self.$name = $name.into();
            self
        }
    )*};
}

impl ReduceLrOnPlateauOptions {
    setters! {
        /// Which way the measure improves; down by default.
        mode: PlateauMode;
        /// What the rate is multiplied by; 0.1 by default.
        factor: f64;
        /// Epochs without improvement that are borne; 10 by default.
        patience: u64;
        /// How much counts as improvement; 1e-4 by default.
        threshold: f64;
        /// How the threshold is meant; as a share by default.
        threshold_mode: ThresholdMode;
        /// Epochs after a fall in which nothing is counted; 0 by default.
        cooldown: u64;
        /// The lowest rate, for all groups or for each; 0 by default.
        min_lr: PerGroup as impl Into<PerGroup>;
        /// A change of the rate that is not worth making; 1e-8 by default.
        eps: f64;
    }

    /// The scheduler.
    ///
    /// # Panics
    /// If the factor is 1 or above, or a list has not as many numbers as the optimizer has groups.
    #[track_caller]
    pub fn build(self, optimizer: &dyn Optimizer) -> ReduceLrOnPlateau {
        if self.factor.is_nan() || self.factor >= 1.0 {
            tensor::fault!(NAME, [], "factor must be below 1, got {}", self.factor);
        }
        self.min_lr.expect_groups(NAME, "min_lr", optimizer);
        ReduceLrOnPlateau { options: self, best: None, bad_epochs: 0, cooldown_left: 0, last_lr: rates(optimizer) }
    }
}

const NAME: &str = "ReduceLROnPlateau";

/// Multiplies the rate by a factor when a measure has not improved for some epochs. PyTorch:
/// `torch.optim.lr_scheduler.ReduceLROnPlateau`.
#[derive(Clone, Debug)]
pub struct ReduceLrOnPlateau {
    options: ReduceLrOnPlateauOptions,
    best: Option<f64>,
    bad_epochs: u64,
    cooldown_left: u64,
    last_lr: Vec<f64>,
}

impl ReduceLrOnPlateau {
    /// The default options, to be changed before `build`.
    pub fn builder() -> ReduceLrOnPlateauOptions {
        ReduceLrOnPlateauOptions {
            mode: PlateauMode::Min,
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            threshold_mode: ThresholdMode::Rel,
            cooldown: 0,
            min_lr: PerGroup::All(0.0),
            eps: 1e-8,
        }
    }

    /// Takes in the measure of an epoch. PyTorch: `ReduceLROnPlateau.step`.
    pub fn step(&mut self, metric: f64, optimizer: &mut dyn Optimizer) {
        if self.is_better(metric) {
            self.best = Some(metric);
            self.bad_epochs = 0;
        } else {
            self.bad_epochs += 1;
        }
        if self.cooldown_left > 0 {
            self.cooldown_left -= 1;
            self.bad_epochs = 0;
        }
        if self.bad_epochs > self.options.patience {
            for group in 0..optimizer.groups() {
                let old = optimizer.lr(group);
                let new = (old * self.options.factor).max(self.options.min_lr.at(group));
                if old - new > self.options.eps {
                    optimizer.set_lr(group, new);
                }
            }
            self.cooldown_left = self.options.cooldown;
            self.bad_epochs = 0;
        }
        self.last_lr = rates(optimizer);
    }

    fn is_better(&self, metric: f64) -> bool {
        let threshold = self.options.threshold;
        let Some(best) = self.best else { return !metric.is_nan() };
        match (self.options.mode, self.options.threshold_mode) {
            (PlateauMode::Min, ThresholdMode::Rel) => metric < best * (1.0 - threshold),
            (PlateauMode::Min, ThresholdMode::Abs) => metric < best - threshold,
            (PlateauMode::Max, ThresholdMode::Rel) => metric > best * (threshold + 1.0),
            (PlateauMode::Max, ThresholdMode::Abs) => metric > best + threshold,
        }
    }

    /// The best measure so far.
    pub fn best(&self) -> Option<f64> {
        self.best
    }

    /// The rates set last, one per parameter group.
    pub fn last_lr(&self) -> &[f64] {
        &self.last_lr
    }

    /// All of the scheduler's state as plain data.
    pub fn state_dict(&self) -> Value {
        json!({
            "scheduler": NAME,
            "options": self.options,
            "best": self.best,
            "bad_epochs": self.bad_epochs,
            "cooldown_left": self.cooldown_left,
            "last_lr": self.last_lr,
        })
    }

    /// Takes over a state; changes nothing when it fails.
    ///
    /// # Errors
    /// If the state is another scheduler's.
    pub fn load_state_dict(&mut self, state: &Value) -> Result<(), SchedulerStateError> {
        expect_name(NAME, state)?;
        *self = ReduceLrOnPlateau {
            options: field(NAME, state, "options")?,
            best: field(NAME, state, "best")?,
            bad_epochs: field(NAME, state, "bad_epochs")?,
            cooldown_left: field(NAME, state, "cooldown_left")?,
            last_lr: field(NAME, state, "last_lr")?,
        };
        Ok(())
    }
}
