//! From samples to batches: data sets, and the loader that shuffles, batches and prefetches.
//!
//! What a loader yields is a function of data set, seed and epoch alone: neither the number of workers nor what was
//! iterated before changes a bit, so training can resume anywhere.

mod dataset;
mod loader;
mod prefetch;
mod tensors;

pub use dataset::{DataError, Dataset, Randomness, Subset, random_split};
pub use loader::{Batches, DataLoader, DataLoaderBuilder, LoadError};
pub use tensors::TensorDataset;
