//! Rates that fall along a cosine, once or again and again.

use std::f64::consts::PI;

use super::schedule;
use super::scheduled::{Moment, Policy};
use crate::optim::Optimizer;

schedule! {
    /// Options of [`CosineAnnealingLr`]: `eta_min + (lr - eta_min) (1 + cos(pi epoch / t_max)) / 2` (Loshchilov and
    /// Hutter 2017, without restarts).
    pub struct CosineAnnealingLrOptions for CosineAnnealingLr, "CosineAnnealingLR",
        "builder(4)" gives [0.1, 0.0854, 0.05, 0.0146, 0.0] (t_max: i64) {
        /// The lowest rate; 0 by default.
        eta_min: f64 = 0.0,
    }
}

impl Policy for CosineAnnealingLrOptions {
    const NAME: &'static str = "CosineAnnealingLR";

    fn prepare(&mut self, _: &mut dyn Optimizer) -> Option<Vec<f64>> {
        if self.t_max < 1 {
            tensor::fault!(Self::NAME, [], "t_max must be at least 1, got {}", self.t_max);
        }
        None
    }

    fn lr(&self, at: Moment) -> f64 {
        let t_max = self.t_max as f64;
        if at.initial {
            at.current
        } else if (at.epoch - 1 - self.t_max) % (2 * self.t_max) == 0 {
            at.current + (at.base - self.eta_min) * (1.0 - (PI / t_max).cos()) / 2.0
        } else {
            let height = |epoch: i64| 1.0 + (PI * epoch as f64 / t_max).cos();
            height(at.epoch) / height(at.epoch - 1) * (at.current - self.eta_min) + self.eta_min
        }
    }

    fn closed(&self, at: Moment) -> Option<f64> {
        let height = 1.0 + (PI * at.epoch as f64 / self.t_max as f64).cos();
        Some(self.eta_min + (at.base - self.eta_min) * height / 2.0)
    }
}

schedule! {
    /// Options of [`CosineAnnealingWarmRestarts`]: a cosine of `t_0` epochs, then again from the top, each time `t_mult`
    /// times as long (Loshchilov and Hutter 2017).
    pub struct CosineAnnealingWarmRestartsOptions for CosineAnnealingWarmRestarts, "CosineAnnealingWarmRestarts",
        "builder(2)" gives [0.1, 0.05, 0.1, 0.05, 0.1]
        (t_0: i64) {
        /// The growth of periods; 1 by default.
        t_mult: i64 = 1,
        /// The lowest rate; 0 by default.
        eta_min: f64 = 0.0,
    }
    state { t_cur: i64, t_i: i64, }
}

impl Policy for CosineAnnealingWarmRestartsOptions {
    const NAME: &'static str = "CosineAnnealingWarmRestarts";

    fn prepare(&mut self, _: &mut dyn Optimizer) -> Option<Vec<f64>> {
        for (name, value) in [("t_0", self.t_0), ("t_mult", self.t_mult)] {
            if value < 1 {
                tensor::fault!(Self::NAME, [], "{name} must be at least 1, got {value}");
            }
        }
        (self.t_cur, self.t_i) = (-1, self.t_0);
        None
    }

    fn advance(&mut self, epoch: i64) {
        if epoch == 0 {
            (self.t_cur, self.t_i) = (0, self.t_0);
            return;
        }
        self.t_cur += 1;
        if self.t_cur >= self.t_i {
            self.t_cur %= self.t_i;
            self.t_i *= self.t_mult;
        }
    }

    fn lr(&self, at: Moment) -> f64 {
        let height = 1.0 + (PI * self.t_cur as f64 / self.t_i as f64).cos();
        self.eta_min + (at.base - self.eta_min) * height / 2.0
    }
}
