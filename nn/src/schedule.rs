//! Schedulers: how learning rates (and momenta) change from step to step.
//!
//! They follow PyTorch's recurrences, which start from the rate that stands in the optimizer, so that several schedulers
//! can work on one optimizer. A scheduler is built on an optimizer, sets its first rates at once, and is then stepped
//! after each epoch (or batch, as its numbers are meant).
//!
//! ```
//! use autograd::Variable;
//! use gradus_nn::optim::{Optimizer, Sgd};
//! use gradus_nn::schedule::{Scheduler, StepLr};
//! use tensor::Tensor;
//!
//! let w = Variable::leaf(Tensor::from([1.0]));
//! let mut sgd = Sgd::new([&w], 0.1);
//! let mut schedule = StepLr::builder(2).gamma(0.5).build(&mut sgd);
//! let rates: Vec<f64> = (0..5)
//!     .map(|_| {
//!         let rate = sgd.lr(0);
//!         sgd.step();
//!         schedule.step(&mut sgd);
//!         rate
//!     })
//!     .collect();
//! assert_eq!(rates, [0.1, 0.1, 0.05, 0.05, 0.025]);
//! ```

mod annealing;
mod chained;
mod cycle;
mod decay;
mod lambda;
mod per_group;
mod plateau;
mod scheduled;
mod sequential;

pub use annealing::{
    CosineAnnealingLr, CosineAnnealingLrOptions, CosineAnnealingWarmRestarts, CosineAnnealingWarmRestartsOptions,
};
pub use chained::ChainedScheduler;
pub use cycle::{Anneal, CycleMode, CyclicLr, CyclicLrOptions, OneCycleLr, OneCycleLrOptions, ScaleMode};
pub use decay::{
    ConstantLr, ConstantLrOptions, ExponentialLr, ExponentialLrOptions, LinearLr, LinearLrOptions, MultiStepLr,
    MultiStepLrOptions, PolynomialLr, PolynomialLrOptions, StepLr, StepLrOptions,
};
pub use lambda::{Factor, LambdaLr, MultiplicativeLr};
pub use per_group::PerGroup;
pub use plateau::{PlateauMode, ReduceLrOnPlateau, ReduceLrOnPlateauOptions, ThresholdMode};
pub use scheduled::{Moment, Policy, Scheduled};
pub use sequential::SequentialLr;

use crate::optim::Optimizer;

/// What every scheduler but [`ReduceLrOnPlateau`] can do.
pub trait Scheduler: Send {
    /// Sets the optimizer's rates for the next epoch. PyTorch: `LRScheduler.step`.
    fn step(&mut self, optimizer: &mut dyn Optimizer);
    /// The rates set last, one per parameter group. PyTorch: `LRScheduler.get_last_lr`.
    fn last_lr(&self) -> &[f64];
    /// All of the scheduler's state as plain data. PyTorch: `LRScheduler.state_dict`.
    fn state_dict(&self) -> serde_json::Value;
    /// Takes over a state; changes nothing when it fails. PyTorch: `LRScheduler.load_state_dict`.
    ///
    /// # Errors
    /// If the state is another scheduler's.
    fn load_state_dict(&mut self, state: &serde_json::Value) -> Result<(), SchedulerStateError>;
    /// Takes back the step that construction made, for a scheduler that contains this one.
    #[doc(hidden)]
    fn undo(&mut self);
    /// Makes the step of construction again.
    #[doc(hidden)]
    fn start(&mut self, optimizer: &mut dyn Optimizer);
    /// Begins at epoch 0 in the middle of training.
    #[doc(hidden)]
    fn restart(&mut self, optimizer: &mut dyn Optimizer);
}

/// Why a state does not fit a scheduler.
#[derive(Debug, thiserror::Error)]
#[error("{scheduler}: {reason}")]
pub struct SchedulerStateError {
    /// The scheduler.
    pub scheduler: &'static str,
    /// What is wrong.
    pub reason: String,
}

impl SchedulerStateError {
    fn new(scheduler: &'static str, reason: impl std::fmt::Display) -> SchedulerStateError {
        SchedulerStateError { scheduler, reason: reason.to_string() }
    }
}

/// The learning rates of all groups.
fn rates(optimizer: &dyn Optimizer) -> Vec<f64> {
    (0..optimizer.groups()).map(|group| optimizer.lr(group)).collect()
}

/// A part of a scheduler's state.
fn field<T: serde::de::DeserializeOwned>(
    scheduler: &'static str,
    state: &serde_json::Value,
    name: &str,
) -> Result<T, SchedulerStateError> {
    let value = state.get(name).ok_or_else(|| SchedulerStateError::new(scheduler, format!("no field {name}")))?;
    serde_json::from_value(value.clone())
        .map_err(|error| SchedulerStateError::new(scheduler, format!("{name}: {error}")))
}

/// Checks the name that a state carries.
fn expect_name(scheduler: &'static str, state: &serde_json::Value) -> Result<(), SchedulerStateError> {
    let name: String = field(scheduler, state, "scheduler")?;
    if name == scheduler { Ok(()) } else { Err(SchedulerStateError::new(scheduler, format!("the state is of {name}"))) }
}

/// Declares a scheduler's options: fields, setters, and the constructors of the scheduler.
macro_rules! schedule {
    (
        $(#[$meta:meta])*
        pub struct $options:ident for $scheduler:ident, $torch:literal, $example:literal gives $rates:tt ($($required:ident: $rtype:ty $(as $given:ty)?),*) {
            $($(#[$doc:meta])* $field:ident: $type:ty = $default:expr,)*
        }
        $(state { $($(#[$smeta:meta])* $state:ident: $stype:ty,)* })?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $options {
            $($required: $rtype,)*
            $($field: $type,)*
            $($($(#[$smeta])* $state: $stype,)*)?
        }

        impl $options {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $field(mut self, $field: impl Into<$type>) -> $options {
                    self.$field = $field.into();
                    self
                }
            )*

            /// The scheduler, which sets the optimizer's first rates.
            ///
            /// # Panics
            /// If an option is out of range.
            #[track_caller]
            pub fn build(self, optimizer: &mut dyn $crate::optim::Optimizer) -> $scheduler {
                $crate::schedule::Scheduled::new(self, optimizer)
            }
        }

        #[doc = concat!("The scheduler of [`", stringify!($options), "`]. PyTorch: `torch.optim.lr_scheduler.", $torch, "`.")]
        ///
        /// ```
        /// use autograd::Variable;
        /// use gradus_nn::optim::{Optimizer, Sgd};
        #[doc = concat!("use gradus_nn::schedule::{Scheduler, ", stringify!($scheduler), "};")]
        /// use tensor::Tensor;
        /// let mut sgd = Sgd::builder(0.1).momentum(0.9).build([Variable::leaf(Tensor::from([1.0]))]);
        #[doc = concat!("let mut schedule = ", stringify!($scheduler), "::", $example, ".build(&mut sgd);")]
        /// let mut rates = Vec::new();
        /// for _ in 0..5 {
        ///     rates.push((sgd.lr(0) * 1e4).round() / 1e4);
        ///     sgd.step();
        ///     schedule.step(&mut sgd);
        /// }
        #[doc = concat!("assert_eq!(rates, ", stringify!($rates), ");")]
        /// ```
        pub type $scheduler = $crate::schedule::Scheduled<$options>;

        impl $scheduler {
            /// The default options, to be changed before `build`.
            pub fn builder($($required: $crate::schedule::given!($rtype $(, $given)?)),*) -> $options {
                $options { $($required: $required.into(),)* $($field: $default,)* $($($state: Default::default(),)*)? }
            }
        }
    };
}
use schedule;

/// The type in which an option is given: its own, unless another is named.
macro_rules! given {
    ($own:ty) => {
        $own
    };
    ($own:ty, $given:ty) => {
        $given
    };
}
use given;
