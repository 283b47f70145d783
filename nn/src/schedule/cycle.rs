//! Rates that rise and fall, momenta against them: cyclic rates and the one-cycle policy (Smith 2017, 2018).

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::schedule;
use super::scheduled::{Moment, Policy};
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

schedule! {
    /// Options of [`CyclicLr`]: the rate goes from `base_lr` up to `max_lr` and down again, along lines; step it after
    /// each batch.
    pub struct CyclicLrOptions for CyclicLr, "CyclicLR" (base_lr: f64, max_lr: f64) {
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
        /// 0.8 by default.
        base_momentum: f64 = 0.8,
        /// 0.9 by default.
        max_momentum: f64 = 0.9,
    }
}

impl CyclicLrOptions {
    /// How high the cycle stands, and the scale of the height.
    fn height(&self, epoch: i64) -> f64 {
        let up = self.step_size_up as f64;
        let total = up + self.step_size_down.map_or(up, |down| down as f64);
        let ratio = up / total;
        let cycle = (1.0 + epoch as f64 / total).floor();
        let x = 1.0 + epoch as f64 / total - cycle;
        let height = if x <= ratio { x / ratio } else { (x - 1.0) / (ratio - 1.0) };
        height
            * match self.mode {
                CycleMode::Triangular => 1.0,
                CycleMode::Triangular2 => 1.0 / 2f64.powf(cycle - 1.0),
                CycleMode::ExpRange => self.gamma.powf(epoch as f64),
            }
    }
}

#[track_caller]
fn require_momentum(name: &str, optimizer: &dyn Optimizer) {
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
        if self.cycle_momentum {
            require_momentum(Self::NAME, optimizer);
        }
        for group in 0..optimizer.groups() {
            optimizer.set_lr(group, self.base_lr);
            if self.cycle_momentum {
                optimizer.set_momentum(group, self.max_momentum);
            }
        }
        Some(vec![self.base_lr; optimizer.groups()])
    }

    fn lr(&self, at: Moment) -> f64 {
        at.base + (self.max_lr - at.base) * self.height(at.epoch)
    }

    fn momentum(&self, at: Moment) -> Option<f64> {
        let width = self.max_momentum - self.base_momentum;
        self.cycle_momentum.then(|| self.max_momentum - width * self.height(at.epoch))
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
    /// down to that over `final_div_factor`; step it after each batch.
    pub struct OneCycleLrOptions for OneCycleLr, "OneCycleLR" (max_lr: f64, total_steps: i64) {
        /// The share of steps in which the rate rises; 0.3 by default.
        pct_start: f64 = 0.3,
        /// The curve; a cosine by default.
        anneal_strategy: Anneal = Anneal::Cos,
        /// Whether the momentum goes down while the rate goes up; by default, and then the optimizer must have one.
        cycle_momentum: bool = true,
        /// 0.85 by default.
        base_momentum: f64 = 0.85,
        /// 0.95 by default.
        max_momentum: f64 = 0.95,
        /// 25 by default.
        div_factor: f64 = 25.0,
        /// 10,000 by default.
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
        if self.cycle_momentum {
            require_momentum(Self::NAME, optimizer);
        }
        for group in 0..optimizer.groups() {
            optimizer.set_initial_lr(group, self.max_lr / self.div_factor);
            if self.cycle_momentum {
                optimizer.set_momentum(group, self.max_momentum);
            }
        }
        None
    }

    /// The rate; after `total_steps` steps the last one stays.
    fn lr(&self, at: Moment) -> f64 {
        let start = self.max_lr / self.div_factor;
        self.value(at.epoch.min(self.total_steps), [start, self.max_lr, start / self.final_div_factor])
    }

    fn momentum(&self, at: Moment) -> Option<f64> {
        let (low, high) = (self.base_momentum, self.max_momentum);
        self.cycle_momentum.then(|| self.value(at.epoch.min(self.total_steps), [high, low, high]))
    }
}
