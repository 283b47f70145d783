//! Around the training loop: metrics, an epoch's walk, early stopping, and checkpoints from which training goes on to the
//! bit.

mod checkpoint;
mod epoch;
mod metrics;
mod stopping;

pub use checkpoint::{Checkpoint, CheckpointError, Position};
pub use epoch::{EpochReport, Progress, evaluate, train_epoch};
pub use metrics::{Mean, accuracy, correct};
pub use stopping::EarlyStopping;
