//! What all schedulers by formula share: an epoch, base rates, and PyTorch's order of events.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Scheduler, SchedulerStateError, expect_name, field, rates};
use crate::optim::Optimizer;

/// Where a scheduler stands when it is asked for a rate.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The epoch that begins.
    pub epoch: i64,
    /// Whether this is the step that construction makes.
    pub initial: bool,
    /// The parameter group.
    pub group: usize,
    /// The group's rate when its first scheduler was built.
    pub base: f64,
    /// The group's rate now.
    pub current: f64,
}

/// A scheduler's formula.
pub trait Policy: Serialize + DeserializeOwned + Clone + Send + 'static {
    /// The scheduler's name in PyTorch.
    const NAME: &'static str;

    /// Checks the options and prepares the optimizer; gives the base rates where they are not the optimizer's.
    #[track_caller]
    fn prepare(&mut self, _optimizer: &mut dyn Optimizer) -> Option<Vec<f64>> {
        None
    }
    /// Takes over what a saved state cannot hold, such as functions, from the policy in whose place it is restored.
    fn inherit(&mut self, _before: &Self) {}
    /// Moves on whatever the policy counts besides epochs.
    fn advance(&mut self, _epoch: i64) {}
    /// The rate, from the current one.
    fn lr(&self, at: Moment) -> f64;
    /// The rate from the base rate alone, where there is such a formula.
    fn closed(&self, _at: Moment) -> Option<f64> {
        None
    }
    /// The momentum, where the policy cycles it.
    fn momentum(&self, _at: Moment) -> Option<f64> {
        None
    }
}

/// A scheduler by formula.
#[derive(Clone, Debug)]
pub struct Scheduled<P> {
    policy: P,
    epoch: i64,
    base_lrs: Vec<f64>,
    last_lr: Vec<f64>,
}

impl<P: Policy> Scheduled<P> {
    #[track_caller]
    pub(super) fn new(mut policy: P, optimizer: &mut dyn Optimizer) -> Scheduled<P> {
        let prepared = policy.prepare(optimizer);
        for group in 0..optimizer.groups() {
            if optimizer.initial_lr(group).is_none() {
                let lr = optimizer.lr(group);
                optimizer.set_initial_lr(group, lr);
            }
        }
        let initial = (0..optimizer.groups()).map(|group| optimizer.initial_lr(group).unwrap_or(optimizer.lr(group)));
        let base_lrs = prepared.unwrap_or_else(|| initial.collect());
        let mut scheduler = Scheduled { policy, epoch: -1, base_lrs, last_lr: Vec::new() };
        scheduler.start(optimizer);
        scheduler
    }

    /// The epoch that the rates set last are for.
    pub fn last_epoch(&self) -> i64 {
        self.epoch
    }

    fn set(&mut self, optimizer: &mut dyn Optimizer, initial: bool, closed: bool) {
        for group in 0..optimizer.groups() {
            let base = self.base_lrs.get(group).copied().unwrap_or_else(|| optimizer.lr(group));
            let at = Moment { epoch: self.epoch, initial, group, base, current: optimizer.lr(group) };
            let direct = if closed { self.policy.closed(at) } else { None };
            optimizer.set_lr(group, direct.unwrap_or_else(|| self.policy.lr(at)));
            if let Some(momentum) = self.policy.momentum(at) {
                optimizer.set_momentum(group, momentum);
            }
        }
        self.last_lr = rates(optimizer);
    }
}

impl<P: Policy> Scheduler for Scheduled<P> {
    fn step(&mut self, optimizer: &mut dyn Optimizer) {
        self.epoch += 1;
        self.policy.advance(self.epoch);
        self.set(optimizer, false, false);
    }

    fn last_lr(&self) -> &[f64] {
        &self.last_lr
    }

    fn state_dict(&self) -> Value {
        json!({
            "scheduler": P::NAME,
            "last_epoch": self.epoch,
            "base_lrs": self.base_lrs,
            "last_lr": self.last_lr,
            "policy": self.policy,
        })
    }

    fn load_state_dict(&mut self, state: &Value) -> Result<(), SchedulerStateError> {
        expect_name(P::NAME, state)?;
        let mut policy: P = field(P::NAME, state, "policy")?;
        policy.inherit(&self.policy);
        *self = Scheduled {
            policy,
            epoch: field(P::NAME, state, "last_epoch")?,
            base_lrs: field(P::NAME, state, "base_lrs")?,
            last_lr: field(P::NAME, state, "last_lr")?,
        };
        Ok(())
    }

    fn undo(&mut self) {
        self.epoch -= 1;
    }

    fn start(&mut self, optimizer: &mut dyn Optimizer) {
        self.epoch += 1;
        self.policy.advance(self.epoch);
        self.set(optimizer, true, false);
    }

    fn restart(&mut self, optimizer: &mut dyn Optimizer) {
        self.epoch = 0;
        self.set(optimizer, false, true);
    }
}
