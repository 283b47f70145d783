//! Rates that rise and fall, momenta against them: cyclic rates and the one-cycle policy (Smith 2017, 2018).

use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::scheduled::{Moment, Policy};
use super::{PerGroup, schedule};
use crate::optim::Optimizer;

/// How the height of cycles changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CycleMode {
    /// Not at all.
    Triangular,
    /// Each cycle is half as high.
    Triangular2,
    /// By `gamma^step`.
    ExpRange,
}

/// What the function of [`CyclicLrOptions::scale_fn`] is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScaleMode {
    /// The number of the cycle, from 1.
    #[default]
    Cycle,
    /// The number of the step, from 0.
    Iterations,
}

/// A user's scale of a cycle's height.
#[derive(Clone)]
struct Scale(Arc<dyn Fn(i64) -> f64 + Send + Sync>);

impl fmt::Debug for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a function")
    }
}

impl PartialEq for Scale {
    fn eq(&self, other: &Scale) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

schedule! {
    /// Options of [`CyclicLr`]: the rate goes from `base_lr` up to `max_lr` and down again, along lines; step it after
    /// each batch.
    pub struct CyclicLrOptions for CyclicLr, "CyclicLR",
        "builder(0.1, 0.5).step_size_up(2)" gives [0.1, 0.3, 0.5, 0.3, 0.1]
        (base_lr: PerGroup as impl Into<PerGroup>, max_lr: PerGroup as impl Into<PerGroup>)
    {
        /// Steps up; 2000 by default.
        step_size_up: i64 = 2000,
        /// Steps down; as many as up by default.
        step_size_down: Option<i64> = None,
        /// [`CycleMode::Triangular`] by default.
        mode: CycleMode = CycleMode::Triangular,
        /// The base of [`CycleMode::ExpRange`]; 1 by default.
        gamma: f64 = 1.0,
        /// Whether the momentum goes down while the rate goes up; by default, and then the optimizer must have one.
        cycle_momentum: bool = true,
        /// The lowest momentum; 0.8 by default.
        base_momentum: PerGroup = PerGroup::All(0.8),
        /// The highest momentum; 0.9 by default.
        max_momentum: PerGroup = PerGroup::All(0.9),
        /// Whether [`scale_fn`](CyclicLrOptions::scale_fn) gets the number of the cycle or of the step; of the cycle by
        /// default.
        scale_mode: ScaleMode = ScaleMode::Cycle,
    }
    state {
        #[serde(skip)]
        scale_fn: Option<Scale>,
    }
}

impl CyclicLrOptions {
    /// The scale of the height as a function of the cycle's number (or the step's, see
    /// [`scale_mode`](CyclicLrOptions::scale_mode)), in the place of `mode`.
    ///
    /// A saved state does not hold the function, as in PyTorch: restored into a scheduler with a function, it keeps
    /// that one.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::optim::{Optimizer, Sgd};
    /// use gradus_nn::schedule::{CyclicLr, Scheduler};
    /// use tensor::Tensor;
    /// let mut sgd = Sgd::new([Variable::leaf(Tensor::from([1.0]))], 0.1);
    /// let builder = CyclicLr::builder(0.0, 1.0).step_size_up(1).cycle_momentum(false);
    /// let mut schedule = builder.scale_fn(|cycle| 1.0 / cycle as f64).build(&mut sgd);
    /// let rates: Vec<f64> = (0..4)
    ///     .map(|_| {
    ///         schedule.step(&mut sgd);
    ///         sgd.lr(0)
    ///     })
    ///     .collect();
    /// assert_eq!(rates, [1.0, 0.0, 0.5, 0.0]);
    /// ```
    #[must_use]
    pub fn scale_fn(mut self, scale_fn: impl Fn(i64) -> f64 + Send + Sync + 'static) -> CyclicLrOptions {
        self.scale_fn = Some(Scale(Arc::new(scale_fn)));
        self
    }

    /// How high the cycle stands, and the scale of the height.
    fn height(&self, epoch: i64) -> f64 {
        let up = self.step_size_up as f64;
        let total = up + self.step_size_down.map_or(up, |down| down as f64);
        let ratio = up / total;
        let cycle = (1.0 + epoch as f64 / total).floor();
        let x = 1.0 + epoch as f64 / total - cycle;
        let height = if x <= ratio { x / ratio } else { (x - 1.0) / (ratio - 1.0) };
        height
            * match (&self.scale_fn, self.mode) {
                (Some(Scale(scale)), _) => match self.scale_mode {
                    ScaleMode::Cycle => scale(cycle as i64),
                    ScaleMode::Iterations => scale(epoch),
                },
                (None, CycleMode::Triangular) => 1.0,
                (None, CycleMode::Triangular2) => 1.0 / 2f64.powf(cycle - 1.0),
                (None, CycleMode::ExpRange) => self.gamma.powf(epoch as f64),
            }
    }
}

#[track_caller]
fn require_momentum(name: &str, optimizer: &dyn Optimizer, [base, max]: [&PerGroup; 2]) {
    base.expect_groups(name, "base_momentum", optimizer);
    max.expect_groups(name, "max_momentum", optimizer);
    if (0..optimizer.groups()).any(|group| optimizer.momentum(group).is_none()) {
        tensor::fault!(name, [], "cycle_momentum needs an optimizer with momentum or betas");
    }
}

impl Policy for CyclicLrOptions {
    const NAME: &'static str = "CyclicLR";

    fn prepare(&mut self, optimizer: &mut dyn Optimizer) -> Option<Vec<f64>> {
        if self.step_size_up < 1 || self.step_size_down.is_some_and(|down| down < 1) {
            tensor::fault!(
                Self::NAME,
                [],
                "step sizes must be at least 1, got {} up and {:?} down",
                self.step_size_up,
                self.step_size_down
            );
        }
        for (name, option) in [("base_lr", &self.base_lr), ("max_lr", &self.max_lr)] {
            option.expect_groups(Self::NAME, name, optimizer);
        }
        if self.cycle_momentum {
            require_momentum(Self::NAME, optimizer, [&self.base_momentum, &self.max_momentum]);
        }
        for group in 0..optimizer.groups() {
            optimizer.set_lr(group, self.base_lr.at(group));
            if self.cycle_momentum {
                optimizer.set_momentum(group, self.max_momentum.at(group));
            }
        }
        Some((0..optimizer.groups()).map(|group| self.base_lr.at(group)).collect())
    }

    fn inherit(&mut self, before: &CyclicLrOptions) {
        self.scale_fn.clone_from(&before.scale_fn);
    }

    fn lr(&self, at: Moment) -> f64 {
        at.base + (self.max_lr.at(at.group) - at.base) * self.height(at.epoch)
    }

    fn momentum(&self, at: Moment) -> Option<f64> {
        self.cycle_momentum.then(|| {
            let (low, high) = (self.base_momentum.at(at.group), self.max_momentum.at(at.group));
            high - (high - low) * self.height(at.epoch)
        })
    }
}

/// The curve between two rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Anneal {
    /// Half a cosine.
    Cos,
    /// A line.
    Linear,
}

impl Anneal {
    fn between(self, start: f64, end: f64, share: f64) -> f64 {
        match self {
            Anneal::Cos => end + (start - end) / 2.0 * ((PI * share).cos() + 1.0),
            Anneal::Linear => (end - start) * share + start,
        }
    }
}

schedule! {
    /// Options of [`OneCycleLr`]: within `total_steps` steps the rate goes from `max_lr / div_factor` up to `max_lr` and
    /// down to that first rate over `final_div_factor`; step it after each batch.
    pub struct OneCycleLrOptions for OneCycleLr, "OneCycleLR",
        "builder(1.0, 5)" gives [0.04, 0.9505, 0.6113, 0.1883, 0.0] (max_lr: PerGroup as impl Into<PerGroup>, total_steps: i64) {
        /// The share of steps in which the rate rises; 0.3 by default.
        pct_start: f64 = 0.3,
        /// The curve; a cosine by default.
        anneal_strategy: Anneal = Anneal::Cos,
        /// Whether the momentum goes down while the rate goes up; by default, and then the optimizer must have one.
        cycle_momentum: bool = true,
        /// The lowest momentum; 0.85 by default.
        base_momentum: PerGroup = PerGroup::All(0.85),
        /// The highest momentum; 0.95 by default.
        max_momentum: PerGroup = PerGroup::All(0.95),
        /// What `max_lr` is divided by for the first rate; 25 by default.
        div_factor: f64 = 25.0,
        /// What the first rate is divided by for the last; 10,000 by default.
        final_div_factor: f64 = 1e4,
        /// Whether the rate first comes down as it went up, then falls further; not by default.
        three_phase: bool = false,
    }
}

impl OneCycleLrOptions {
    /// The numbers of a phase: its last step, and from where to where rate and momentum go.
    fn value(&self, epoch: i64, [low, high, last]: [f64; 3]) -> f64 {
        let total = self.total_steps as f64;
        let rise = (self.pct_start * total - 1.0, low, high);
        let phases = if self.three_phase {
            vec![rise, (2.0 * self.pct_start * total - 2.0, high, low), (total - 1.0, low, last)]
        } else {
            vec![rise, (total - 1.0, high, last)]
        };
        let (step, mut start) = (epoch as f64, 0.0);
        for (index, &(end, from, to)) in phases.iter().enumerate() {
            if step <= end || index + 1 == phases.len() {
                return self.anneal_strategy.between(from, to, (step - start) / (end - start));
            }
            start = end;
        }
        last
    }
}

impl Policy for OneCycleLrOptions {
    const NAME: &'static str = "OneCycleLR";

    fn prepare(&mut self, optimizer: &mut dyn Optimizer) -> Option<Vec<f64>> {
        if self.total_steps < 1 {
            tensor::fault!(Self::NAME, [], "total_steps must be at least 1, got {}", self.total_steps);
        }
        if !(0.0..=1.0).contains(&self.pct_start) {
            tensor::fault!(Self::NAME, [], "pct_start must be in [0, 1], got {}", self.pct_start);
        }
        self.max_lr.expect_groups(Self::NAME, "max_lr", optimizer);
        if self.cycle_momentum {
            require_momentum(Self::NAME, optimizer, [&self.base_momentum, &self.max_momentum]);
        }
        for group in 0..optimizer.groups() {
            optimizer.set_initial_lr(group, self.max_lr.at(group) / self.div_factor);
            if self.cycle_momentum {
                optimizer.set_momentum(group, self.max_momentum.at(group));
            }
        }
        None
    }

    /// The rate; after `total_steps` steps the last one stays.
    fn lr(&self, at: Moment) -> f64 {
        let max = self.max_lr.at(at.group);
        let start = max / self.div_factor;
        self.value(at.epoch.min(self.total_steps), [start, max, start / self.final_div_factor])
    }

    fn momentum(&self, at: Moment) -> Option<f64> {
        self.cycle_momentum.then(|| {
            let (low, high) = (self.base_momentum.at(at.group), self.max_momentum.at(at.group));
            self.value(at.epoch.min(self.total_steps), [high, low, high])
        })
    }
}
