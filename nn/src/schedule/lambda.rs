//! Rates by a function of the user's.

use std::fmt;

use serde_json::{Value, json};

use super::{Scheduler, SchedulerStateError, expect_name, field, rates};
use crate::optim::Optimizer;

/// A factor for each epoch.
pub type Factor = Box<dyn Fn(i64) -> f64 + Send>;

macro_rules! by_function {
    ($(#[$doc:meta])* $name:ident, $torch:literal, |$initial:ident, $base:ident, $current:ident, $factor:ident| $lr:expr) => {
        $(#[$doc])*
        pub struct $name {
            /// One for all groups, or one for each.
            factors: Vec<Factor>,
            epoch: i64,
            base_lrs: Vec<f64>,
            last_lr: Vec<f64>,
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} {{ epoch: {}, last_lr: {:?} }}", stringify!($name), self.epoch, self.last_lr)
            }
        }

        impl $name {
            /// The scheduler, which sets the optimizer's first rates.
            pub fn new(optimizer: &mut dyn Optimizer, factor: impl Fn(i64) -> f64 + Send + 'static) -> $name {
                $name::of(optimizer, vec![Box::new(factor)])
            }

            /// With a function for each parameter group.
            ///
            /// # Panics
            /// If there are not as many functions as groups.
            #[track_caller]
            pub fn per_group(optimizer: &mut dyn Optimizer, factors: Vec<Factor>) -> $name {
                let (given, groups) = (factors.len(), optimizer.groups());
                if given != groups {
                    tensor::fault!($torch, [], "{given} functions for {groups} parameter groups");
                }
                $name::of(optimizer, factors)
            }

            fn of(optimizer: &mut dyn Optimizer, factors: Vec<Factor>) -> $name {
                let base_lrs = (0..optimizer.groups())
                    .map(|group| {
                        let lr = optimizer.initial_lr(group).unwrap_or_else(|| optimizer.lr(group));
                        optimizer.set_initial_lr(group, lr);
                        lr
                    })
                    .collect();
                let mut scheduler = $name { factors, epoch: -1, base_lrs, last_lr: Vec::new() };
                scheduler.start(optimizer);
                scheduler
            }

            fn set(&mut self, optimizer: &mut dyn Optimizer, $initial: bool) {
                for group in 0..optimizer.groups() {
                    let $current = optimizer.lr(group);
                    let $base = self.base_lrs.get(group).copied().unwrap_or($current);
                    let $factor = || self.factors[group.min(self.factors.len() - 1)](self.epoch);
                    optimizer.set_lr(group, $lr);
                }
                self.last_lr = rates(optimizer);
            }
        }

        impl Scheduler for $name {
            fn step(&mut self, optimizer: &mut dyn Optimizer) {
                self.epoch += 1;
                self.set(optimizer, false);
            }

            fn last_lr(&self) -> &[f64] {
                &self.last_lr
            }

            /// The function itself is not part of the state.
            fn state_dict(&self) -> Value {
                json!({
                    "scheduler": $torch,
                    "last_epoch": self.epoch,
                    "base_lrs": self.base_lrs,
                    "last_lr": self.last_lr,
                })
            }

            fn load_state_dict(&mut self, state: &Value) -> Result<(), SchedulerStateError> {
                expect_name($torch, state)?;
                let epoch = field($torch, state, "last_epoch")?;
                let base_lrs = field($torch, state, "base_lrs")?;
                self.last_lr = field($torch, state, "last_lr")?;
                (self.epoch, self.base_lrs) = (epoch, base_lrs);
                Ok(())
            }

            fn undo(&mut self) {
                self.epoch -= 1;
            }

            fn start(&mut self, optimizer: &mut dyn Optimizer) {
                self.epoch += 1;
                self.set(optimizer, true);
            }

            fn restart(&mut self, optimizer: &mut dyn Optimizer) {
                self.epoch = 0;
                self.set(optimizer, false);
            }
        }
    };
}

by_function! {
    /// The base rate times a function of the epoch. PyTorch: `torch.optim.lr_scheduler.LambdaLR`.
    LambdaLr, "LambdaLR", |_initial, base, _current, factor| base * factor()
}

by_function! {
    /// The rate times a function of the epoch, again and again. PyTorch: `torch.optim.lr_scheduler.MultiplicativeLR`.
    MultiplicativeLr, "MultiplicativeLR", |initial, _base, current, factor| if initial { current } else { current * factor() }
}
