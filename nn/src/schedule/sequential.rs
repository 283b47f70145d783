//! Several schedulers in turn.

use std::fmt;

use serde_json::{Value, json};

use super::chained::load_all;
use super::{LinearLr, Scheduler, SchedulerStateError, expect_name, field, rates};
use crate::optim::Optimizer;

const NAME: &str = "SequentialLR";

/// One scheduler until the first milestone, the next until the second, and so on. PyTorch:
/// `torch.optim.lr_scheduler.SequentialLR`.
pub struct SequentialLr {
    schedulers: Vec<Box<dyn Scheduler>>,
    milestones: Vec<i64>,
    epoch: i64,
    last_lr: Vec<f64>,
}

impl fmt::Debug for SequentialLr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SequentialLr {{ epoch: {}, milestones: {:?}, last_lr: {:?} }}",
            self.epoch, self.milestones, self.last_lr
        )
    }
}

impl SequentialLr {
    /// The scheduler of schedulers that were built on `optimizer` in this order.
    ///
    /// # Panics
    /// If there is not one scheduler more than milestones, or milestones do not rise.
    #[track_caller]
    pub fn new(
        optimizer: &mut dyn Optimizer,
        schedulers: Vec<Box<dyn Scheduler>>,
        milestones: Vec<i64>,
    ) -> SequentialLr {
        if schedulers.len() != milestones.len() + 1 {
            tensor::fault!(
                NAME,
                [],
                "{} schedulers need {} milestones, got {}",
                schedulers.len(),
                schedulers.len().saturating_sub(1),
                milestones.len()
            );
        }
        if !milestones.is_sorted() {
            tensor::fault!(NAME, [], "milestones must rise, got {milestones:?}");
        }
        let mut sequence = SequentialLr { schedulers, milestones, epoch: 0, last_lr: Vec::new() };
        for group in 0..optimizer.groups() {
            if let Some(lr) = optimizer.initial_lr(group) {
                optimizer.set_lr(group, lr);
            }
        }
        sequence.undo();
        sequence.start(optimizer);
        sequence
    }

    /// A warm-up of `steps` steps along a line from `start_factor` times the rate, then the scheduler that `main` builds.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::optim::{Optimizer, Sgd};
    /// use gradus_nn::schedule::{CosineAnnealingLr, Scheduler, SequentialLr};
    /// use tensor::Tensor;
    ///
    /// let w = Variable::leaf(Tensor::from([1.0]));
    /// let mut sgd = Sgd::new([&w], 1.0);
    /// let main = |sgd: &mut dyn Optimizer| CosineAnnealingLr::builder(10).build(sgd);
    /// let mut schedule = SequentialLr::warmup(&mut sgd, 0.25, 3, main);
    /// let mut rates = vec![sgd.lr(0)];
    /// for _ in 0..3 {
    ///     schedule.step(&mut sgd);
    ///     rates.push(sgd.lr(0));
    /// }
    /// assert_eq!(rates, [0.25, 0.5, 0.75, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If `start_factor` is not in (0, 1].
    #[track_caller]
    pub fn warmup<S: Scheduler + 'static>(
        optimizer: &mut dyn Optimizer,
        start_factor: f64,
        steps: i64,
        main: impl FnOnce(&mut dyn Optimizer) -> S,
    ) -> SequentialLr {
        let rise = LinearLr::builder().start_factor(start_factor).total_iters(steps).build(optimizer);
        let main = main(optimizer);
        SequentialLr::new(optimizer, vec![Box::new(rise), Box::new(main)], vec![steps])
    }

    /// The scheduler whose turn it is.
    fn turn(&self) -> usize {
        self.milestones.iter().filter(|&&milestone| milestone <= self.epoch).count()
    }
}

impl Scheduler for SequentialLr {
    fn step(&mut self, optimizer: &mut dyn Optimizer) {
        self.epoch += 1;
        let turn = self.turn();
        if turn > 0 && self.milestones[turn - 1] == self.epoch {
            self.schedulers[turn].restart(optimizer);
        } else {
            self.schedulers[turn].step(optimizer);
        }
        self.last_lr = rates(optimizer);
    }

    fn last_lr(&self) -> &[f64] {
        &self.last_lr
    }

    fn state_dict(&self) -> Value {
        let schedulers: Vec<Value> = self.schedulers.iter().map(|scheduler| scheduler.state_dict()).collect();
        json!({
            "scheduler": NAME,
            "schedulers": schedulers,
            "milestones": self.milestones,
            "last_epoch": self.epoch,
            "last_lr": self.last_lr,
        })
    }

    fn load_state_dict(&mut self, state: &Value) -> Result<(), SchedulerStateError> {
        expect_name(NAME, state)?;
        let milestones: Vec<i64> = field(NAME, state, "milestones")?;
        if milestones.len() != self.milestones.len() {
            let reason = format!("expected {} milestones, found {}", self.milestones.len(), milestones.len());
            return Err(SchedulerStateError::new(NAME, reason));
        }
        let (epoch, last_lr) = (field(NAME, state, "last_epoch")?, field(NAME, state, "last_lr")?);
        load_all(NAME, &mut self.schedulers, state)?;
        (self.milestones, self.epoch, self.last_lr) = (milestones, epoch, last_lr);
        Ok(())
    }

    fn undo(&mut self) {
        self.schedulers.iter_mut().for_each(|scheduler| scheduler.undo());
    }

    fn start(&mut self, optimizer: &mut dyn Optimizer) {
        let turn = self.turn();
        self.schedulers[turn].start(optimizer);
        self.last_lr = rates(optimizer);
    }

    fn restart(&mut self, optimizer: &mut dyn Optimizer) {
        self.epoch = 0;
        let turn = self.turn();
        self.schedulers[turn].restart(optimizer);
        self.last_lr = rates(optimizer);
    }
}
