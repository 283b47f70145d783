//! Optimizers: how parameters move along their gradients.
//!
//! Every optimizer is a [`GroupedOptimizer`] over the options of one [`Method`]: parameter groups, each with options of
//! its own, and a memory per parameter that is saved and restored exactly, under PyTorch's names. A method's formula is a
//! rule per element, which `tensor` runs in one parallel pass over memory.
//!
//! ```
//! use autograd::Variable;
//! use gradus_nn::optim::{Optimizer, Sgd};
//! use tensor::Tensor;
//!
//! let w = Variable::leaf(Tensor::from([1.0, -2.0]));
//! let mut sgd = Sgd::builder(0.1).momentum(0.9).build([&w]);
//! for _ in 0..200 {
//!     sgd.zero_grad();
//!     (&w * &w).sum(&[], false).backward();
//!     assert_eq!(sgd.step().updated, 1);
//! }
//! assert!(w.to_vec::<f64>().iter().all(|w| w.abs() < 1e-3));
//! ```

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod clip;
mod ema;
mod grouped;
mod lion;
mod nadam;
mod options;
mod radam;
mod rmsprop;
mod rprop;
mod sgd;
mod state;

pub use adadelta::{Adadelta, AdadeltaOptions};
pub use adagrad::{Adagrad, AdagradOptions};
pub use adam::{Adam, AdamOptions, AdamW};
pub use adamax::{Adamax, AdamaxOptions};
pub use clip::{clip_grad_norm_, clip_grad_value_, grad_norm};
pub use ema::Ema;
pub use grouped::{GroupedOptimizer, Item, Memory, Method, fuse};
pub use lion::{Lion, LionOptions};
pub use nadam::{NAdam, NAdamOptions};
pub use radam::{RAdam, RAdamOptions};
pub use rmsprop::{RmsProp, RmsPropOptions};
pub use rprop::{Rprop, RpropOptions};
pub use sgd::{Sgd, SgdOptions};
pub use state::{OptimizerState, OptimizerStateError};

/// What a [`step`](Optimizer::step) did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepReport {
    /// Parameters that moved.
    pub updated: usize,
    /// Parameters that had no gradient, and stayed.
    pub without_gradient: usize,
}

/// What every optimizer can do; schedulers and checkpoints work with it.
pub trait Optimizer: Send {
    /// Moves every parameter that has a gradient. PyTorch: `Optimizer.step`.
    fn step(&mut self) -> StepReport;
    /// Forgets the gradients of all parameters. PyTorch: `Optimizer.zero_grad`.
    fn zero_grad(&self);
    /// The number of parameter groups.
    fn groups(&self) -> usize;
    /// The learning rate of a group.
    ///
    /// # Panics
    /// If there is no such group.
    fn lr(&self, group: usize) -> f64;
    /// Sets the learning rate of a group.
    ///
    /// # Panics
    /// If there is no such group.
    fn set_lr(&mut self, group: usize, lr: f64);
    /// The learning rate that a group had when its first scheduler was made.
    ///
    /// # Panics
    /// If there is no such group.
    fn initial_lr(&self, group: usize) -> Option<f64>;
    /// Sets what [`initial_lr`](Optimizer::initial_lr) answers.
    ///
    /// # Panics
    /// If there is no such group.
    fn set_initial_lr(&mut self, group: usize, lr: f64);
    /// The momentum of a group, or its first beta; `None` for methods without.
    ///
    /// # Panics
    /// If there is no such group.
    fn momentum(&self, group: usize) -> Option<f64>;
    /// Sets the momentum of a group, or its first beta; nothing for methods without.
    ///
    /// # Panics
    /// If there is no such group.
    fn set_momentum(&mut self, group: usize, momentum: f64);
    /// All options and all memory, sharing storage with the optimizer until its next step. PyTorch:
    /// `Optimizer.state_dict`.
    fn state_dict(&self) -> OptimizerState;
    /// Takes over options and memory; changes nothing when it fails. PyTorch: `Optimizer.load_state_dict`.
    ///
    /// # Errors
    /// If the state is of another method, or its groups, parameters or shapes do not fit.
    fn load_state_dict(&mut self, state: &OptimizerState) -> Result<(), OptimizerStateError>;
}
