//! Several schedulers at once.

use std::fmt;

use serde_json::{Value, json};

use super::{Scheduler, SchedulerStateError, expect_name, field, rates};
use crate::optim::Optimizer;

const NAME: &str = "ChainedScheduler";

/// Steps several schedulers one after the other, each from the rate that the one before left. PyTorch:
/// `torch.optim.lr_scheduler.ChainedScheduler`.
pub struct ChainedScheduler {
    schedulers: Vec<Box<dyn Scheduler>>,
    last_lr: Vec<f64>,
}

impl fmt::Debug for ChainedScheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainedScheduler {{ schedulers: {}, last_lr: {:?} }}", self.schedulers.len(), self.last_lr)
    }
}

impl ChainedScheduler {
    /// The scheduler of schedulers that were built on `optimizer` in this order.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn new(optimizer: &dyn Optimizer, schedulers: Vec<Box<dyn Scheduler>>) -> ChainedScheduler {
        if schedulers.is_empty() {
            tensor::fault!(NAME, [], "there are no schedulers");
        }
        ChainedScheduler { schedulers, last_lr: rates(optimizer) }
    }
}

/// Loads the states of all inner schedulers, or none.
pub(super) fn load_all(
    name: &'static str,
    schedulers: &mut [Box<dyn Scheduler>],
    state: &Value,
) -> Result<(), SchedulerStateError> {
    let states: Vec<Value> = field(name, state, "schedulers")?;
    if states.len() != schedulers.len() {
        let reason = format!("expected {} schedulers, found {}", schedulers.len(), states.len());
        return Err(SchedulerStateError::new(name, reason));
    }
    let before: Vec<Value> = schedulers.iter().map(|scheduler| scheduler.state_dict()).collect();
    for (index, state) in states.iter().enumerate() {
        if let Err(error) = schedulers[index].load_state_dict(state) {
            for (scheduler, state) in schedulers[..index].iter_mut().zip(&before) {
                // Its own state of a moment ago.
                scheduler.load_state_dict(state)?;
            }
            return Err(error);
        }
    }
    Ok(())
}

impl Scheduler for ChainedScheduler {
    fn step(&mut self, optimizer: &mut dyn Optimizer) {
        for scheduler in &mut self.schedulers {
            scheduler.step(optimizer);
        }
        self.last_lr = rates(optimizer);
    }

    fn last_lr(&self) -> &[f64] {
        &self.last_lr
    }

    fn state_dict(&self) -> Value {
        let schedulers: Vec<Value> = self.schedulers.iter().map(|scheduler| scheduler.state_dict()).collect();
        json!({ "scheduler": NAME, "schedulers": schedulers, "last_lr": self.last_lr })
    }

    fn load_state_dict(&mut self, state: &Value) -> Result<(), SchedulerStateError> {
        expect_name(NAME, state)?;
        let last_lr = field(NAME, state, "last_lr")?;
        load_all(NAME, &mut self.schedulers, state)?;
        self.last_lr = last_lr;
        Ok(())
    }

    fn undo(&mut self) {
        self.schedulers.iter_mut().for_each(|scheduler| scheduler.undo());
    }

    fn start(&mut self, optimizer: &mut dyn Optimizer) {
        self.schedulers.iter_mut().for_each(|scheduler| scheduler.start(optimizer));
        self.last_lr = rates(optimizer);
    }

    fn restart(&mut self, optimizer: &mut dyn Optimizer) {
        self.schedulers.iter_mut().for_each(|scheduler| scheduler.restart(optimizer));
        self.last_lr = rates(optimizer);
    }
}
