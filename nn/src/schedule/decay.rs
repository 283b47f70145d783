//! Rates that fall by steps, by powers or along a line.

use super::schedule;
use super::scheduled::{Moment, Policy};
use crate::optim::Optimizer;

#[track_caller]
fn require(name: &str, condition: bool, message: std::fmt::Arguments<'_>) {
    if !condition {
        tensor::fault!(name, [], "{message}");
    }
}

schedule! {
    /// Options of [`StepLr`]: every `step_size` epochs the rate is multiplied by `gamma`.
    pub struct StepLrOptions for StepLr, "StepLR",
        "builder(2).gamma(0.5)" gives [0.1, 0.1, 0.05, 0.05, 0.025] (step_size: i64) {
        /// The factor; 0.1 by default.
        gamma: f64 = 0.1,
    }
}

impl Policy for StepLrOptions {
    const NAME: &'static str = "StepLR";

    fn prepare(&mut self, _: &mut dyn Optimizer) -> Option<Vec<f64>> {
        require(Self::NAME, self.step_size > 0, format_args!("step_size must be at least 1, got {}", self.step_size));
        None
    }

    fn lr(&self, at: Moment) -> f64 {
        if at.epoch == 0 || at.epoch % self.step_size != 0 { at.current } else { at.current * self.gamma }
    }

    fn closed(&self, at: Moment) -> Option<f64> {
        Some(at.base * self.gamma.powf((at.epoch / self.step_size) as f64))
    }
}

schedule! {
    /// Options of [`MultiStepLr`]: at each milestone the rate is multiplied by `gamma`.
    pub struct MultiStepLrOptions for MultiStepLr, "MultiStepLR",
        "builder(vec![1, 3])" gives [0.1, 0.01, 0.01, 0.001, 0.001] (milestones: Vec<i64>) {
        /// The factor; 0.1 by default.
        gamma: f64 = 0.1,
    }
}

impl Policy for MultiStepLrOptions {
    const NAME: &'static str = "MultiStepLR";

    fn lr(&self, at: Moment) -> f64 {
        match self.milestones.iter().filter(|&&milestone| milestone == at.epoch).count() {
            0 => at.current,
            times => at.current * self.gamma.powf(times as f64),
        }
    }

    fn closed(&self, at: Moment) -> Option<f64> {
        let passed = self.milestones.iter().filter(|&&milestone| milestone <= at.epoch).count();
        Some(at.base * self.gamma.powf(passed as f64))
    }
}

schedule! {
    /// Options of [`ExponentialLr`]: in every epoch the rate is multiplied by `gamma`.
    pub struct ExponentialLrOptions for ExponentialLr, "ExponentialLR",
        "builder(0.9)" gives [0.1, 0.09, 0.081, 0.0729, 0.0656] (gamma: f64) {}
}

impl Policy for ExponentialLrOptions {
    const NAME: &'static str = "ExponentialLR";

    fn lr(&self, at: Moment) -> f64 {
        if at.initial { at.current } else { at.current * self.gamma }
    }

    fn closed(&self, at: Moment) -> Option<f64> {
        Some(at.base * self.gamma.powf(at.epoch as f64))
    }
}

schedule! {
    /// Options of [`ConstantLr`]: for the first `total_iters` epochs the rate is multiplied by `factor`.
    pub struct ConstantLrOptions for ConstantLr, "ConstantLR",
        "builder().factor(0.5).total_iters(2)" gives [0.05, 0.05, 0.1, 0.1, 0.1] () {
        /// In [0, 1]; a third by default.
        factor: f64 = 1.0 / 3.0,
        /// 5 by default.
        total_iters: i64 = 5,
    }
}

impl Policy for ConstantLrOptions {
    const NAME: &'static str = "ConstantLR";

    fn prepare(&mut self, _: &mut dyn Optimizer) -> Option<Vec<f64>> {
        require(
            Self::NAME,
            (0.0..=1.0).contains(&self.factor),
            format_args!("factor must be in [0, 1], got {}", self.factor),
        );
        None
    }

    fn lr(&self, at: Moment) -> f64 {
        if at.epoch == 0 {
            at.current * self.factor
        } else if at.epoch == self.total_iters && self.factor == 0.0 {
            // Nothing is left to be multiplied: PyTorch divides by 0 here.
            at.base
        } else if at.epoch == self.total_iters {
            at.current * (1.0 / self.factor)
        } else {
            at.current
        }
    }

    fn closed(&self, at: Moment) -> Option<f64> {
        let rest = if at.epoch >= self.total_iters { 1.0 - self.factor } else { 0.0 };
        Some(at.base * (self.factor + rest))
    }
}

schedule! {
    /// Options of [`LinearLr`]: the factor of the rate moves from `start_factor` to `end_factor` along a line; the usual
    /// warm-up.
    pub struct LinearLrOptions for LinearLr, "LinearLR",
        "builder().start_factor(0.25).total_iters(3)" gives [0.025, 0.05, 0.075, 0.1, 0.1] () {
        /// In (0, 1]; a third by default.
        start_factor: f64 = 1.0 / 3.0,
        /// In [0, 1]; 1 by default.
        end_factor: f64 = 1.0,
        /// The number of epochs; 5 by default.
        total_iters: i64 = 5,
    }
}

impl Policy for LinearLrOptions {
    const NAME: &'static str = "LinearLR";

    fn prepare(&mut self, _: &mut dyn Optimizer) -> Option<Vec<f64>> {
        let (start, end) = (self.start_factor, self.end_factor);
        require(Self::NAME, start > 0.0 && start <= 1.0, format_args!("start_factor must be in (0, 1], got {start}"));
        require(Self::NAME, (0.0..=1.0).contains(&end), format_args!("end_factor must be in [0, 1], got {end}"));
        None
    }

    fn lr(&self, at: Moment) -> f64 {
        let width = self.end_factor - self.start_factor;
        if at.epoch == 0 {
            at.current * self.start_factor
        } else if at.initial || at.epoch > self.total_iters {
            at.current
        } else {
            at.current * (1.0 + width / (self.total_iters as f64 * self.start_factor + (at.epoch - 1) as f64 * width))
        }
    }

    fn closed(&self, at: Moment) -> Option<f64> {
        let width = self.end_factor - self.start_factor;
        let share = self.total_iters.min(at.epoch) as f64 / self.total_iters as f64;
        Some(at.base * (self.start_factor + width * share))
    }
}

schedule! {
    /// Options of [`PolynomialLr`]: the rate falls to 0 in `total_iters` epochs as `(1 - epoch / total_iters)^power`.
    pub struct PolynomialLrOptions for PolynomialLr, "PolynomialLR",
        "builder().total_iters(4)" gives [0.1, 0.075, 0.05, 0.025, 0.0] () {
        /// The number of epochs; 5 by default.
        total_iters: i64 = 5,
        /// 1 by default.
        power: f64 = 1.0,
    }
}

impl Policy for PolynomialLrOptions {
    const NAME: &'static str = "PolynomialLR";

    fn lr(&self, at: Moment) -> f64 {
        if at.initial || at.epoch > self.total_iters {
            return at.current;
        }
        let rest = |epoch: i64| 1.0 - epoch as f64 / self.total_iters as f64;
        at.current * (rest(at.epoch) / rest(at.epoch - 1)).powf(self.power)
    }

    fn closed(&self, at: Moment) -> Option<f64> {
        let rest = 1.0 - self.total_iters.min(at.epoch) as f64 / self.total_iters as f64;
        Some(at.base * rest.powf(self.power))
    }
}
