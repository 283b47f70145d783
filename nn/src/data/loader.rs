//! The loader: which samples make which batch, in which order, and who loads them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use autograd::Variable;
use tensor::Tensor;

use super::dataset::{DataError, Dataset, Randomness};
use super::prefetch::Prefetch;

/// Why a batch could not be loaded.
#[derive(Debug, thiserror::Error)]
#[error("batch {batch} of epoch {epoch}: {source}")]
pub struct LoadError {
    /// The batch's number in its epoch.
    pub batch: usize,
    /// The epoch.
    pub epoch: u64,
    /// What went wrong; it names the sample.
    #[source]
    pub source: DataError,
}

/// Cuts a data set into batches, shuffled anew in every epoch. PyTorch: `torch.utils.data.DataLoader`.
///
/// The order is a function of seed and epoch, a batch one of the order: neither depends on the number of workers.
///
/// ```
/// use gradus_nn::data::{DataLoader, TensorDataset};
/// use tensor::{DType, Tensor};
///
/// let set = TensorDataset::new(Tensor::zeros([10, 3], DType::F32), Tensor::zeros([10], DType::I64));
/// let loader = DataLoader::builder(set).batch_size(4).shuffle(true).seed(1).build();
/// let sizes: Vec<usize> = loader.epoch(0).map(|batch| batch.unwrap().0.size(0)).collect();
/// assert_eq!(sizes, [4, 4, 2]);
/// ```
#[derive(Debug)]
pub struct DataLoader {
    plan: Plan,
    next_epoch: AtomicU64,
}

/// Everything that decides what a batch is.
#[derive(Clone)]
pub(super) struct Plan {
    dataset: Arc<dyn Dataset>,
    batch_size: usize,
    shuffle: bool,
    drop_last: bool,
    seed: u64,
    workers: usize,
    prefetch: usize,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("samples", &self.dataset.len())
            .field("batch_size", &self.batch_size)
            .field("shuffle", &self.shuffle)
            .field("drop_last", &self.drop_last)
            .field("seed", &self.seed)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

/// The options of a [`DataLoader`].
#[derive(Debug)]
#[must_use]
pub struct DataLoaderBuilder {
    plan: Plan,
}

impl DataLoaderBuilder {
    /// Samples per batch; 1 by default.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn batch_size(mut self, batch_size: usize) -> DataLoaderBuilder {
        assert!(batch_size > 0, "data_loader: the batch size must be at least 1, got 0");
        self.plan.batch_size = batch_size;
        self
    }

    /// Whether every epoch has an order of its own; not by default.
    pub fn shuffle(mut self, shuffle: bool) -> DataLoaderBuilder {
        self.plan.shuffle = shuffle;
        self
    }

    /// Whether a last batch that is not full is left out; not by default.
    pub fn drop_last(mut self, drop_last: bool) -> DataLoaderBuilder {
        self.plan.drop_last = drop_last;
        self
    }

    /// The seed of orders and augmentations; 0 by default.
    pub fn seed(mut self, seed: u64) -> DataLoaderBuilder {
        self.plan.seed = seed;
        self
    }

    /// Threads that load batches ahead; 0, the default, loads each batch when it is asked for.
    pub fn workers(mut self, workers: usize) -> DataLoaderBuilder {
        self.plan.workers = workers;
        self
    }

    /// Batches loaded ahead per worker; 2 by default.
    ///
    /// # Panics
    /// If it is 0.
    #[track_caller]
    pub fn prefetch(mut self, batches: usize) -> DataLoaderBuilder {
        assert!(batches > 0, "data_loader: at least 1 batch must be loaded ahead, got 0");
        self.plan.prefetch = batches;
        self
    }

    /// The loader.
    pub fn build(self) -> DataLoader {
        DataLoader { plan: self.plan, next_epoch: AtomicU64::new(0) }
    }
}

impl DataLoader {
    /// A loader with other options than the defaults: batches of 1, in order, loaded when asked for.
    pub fn builder(dataset: impl Dataset + 'static) -> DataLoaderBuilder {
        DataLoaderBuilder {
            plan: Plan {
                dataset: Arc::new(dataset),
                batch_size: 1,
                shuffle: false,
                drop_last: false,
                seed: 0,
                workers: 0,
                prefetch: 2,
            },
        }
    }

    /// The number of batches in an epoch.
    pub fn len(&self) -> usize {
        self.plan.batches()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of samples in the data set.
    pub fn samples(&self) -> usize {
        self.plan.dataset.len()
    }

    /// The data set.
    pub fn dataset(&self) -> &dyn Dataset {
        &*self.plan.dataset
    }

    /// The batches of an epoch.
    pub fn epoch(&self, epoch: u64) -> Batches {
        self.epoch_from(epoch, 0)
    }

    /// The batches of an epoch from batch `first` on, without loading those before: how training resumes.
    pub fn epoch_from(&self, epoch: u64, first: usize) -> Batches {
        let randomness = Randomness { seed: self.plan.seed, epoch };
        let len = self.plan.dataset.len();
        let order = if self.plan.shuffle { randomness.order(len) } else { (0..len).collect() };
        let work = Arc::new(Work { plan: self.plan.clone(), randomness, order });
        let prefetch = (work.plan.workers > 0 && first < work.plan.batches()).then(|| {
            let ahead = work.plan.workers * work.plan.prefetch;
            let loading = work.clone();
            Prefetch::start(work.plan.workers, ahead, first..work.plan.batches(), move |number| loading.load(number))
        });
        Batches { work, next: first, prefetch }
    }

    /// The epoch that iterating over `&loader` begins next; it starts at 0 and moves on by itself.
    pub fn next_epoch(&self) -> u64 {
        self.next_epoch.load(Ordering::Relaxed)
    }

    /// Sets the epoch that iterating over `&loader` begins next.
    pub fn set_next_epoch(&self, epoch: u64) {
        self.next_epoch.store(epoch, Ordering::Relaxed);
    }
}

impl IntoIterator for &DataLoader {
    type Item = Result<(Variable, Variable), LoadError>;
    type IntoIter = Batches;

    fn into_iter(self) -> Batches {
        self.epoch(self.next_epoch.fetch_add(1, Ordering::Relaxed))
    }
}

impl Plan {
    fn batches(&self) -> usize {
        let len = self.dataset.len();
        if self.drop_last { len / self.batch_size } else { len.div_ceil(self.batch_size) }
    }
}

struct Work {
    plan: Plan,
    randomness: Randomness,
    order: Vec<usize>,
}

impl Work {
    fn load(&self, number: usize) -> Result<(Tensor, Tensor), DataError> {
        let start = number * self.plan.batch_size;
        let end = (start + self.plan.batch_size).min(self.order.len());
        self.plan.dataset.batch(&self.order[start..end], self.randomness)
    }
}

/// The batches of one epoch; see [`DataLoader::epoch`].
pub struct Batches {
    work: Arc<Work>,
    next: usize,
    prefetch: Option<Prefetch<Result<(Tensor, Tensor), DataError>>>,
}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batches {{ epoch: {}, next: {} }}", self.work.randomness.epoch, self.next)
    }
}

impl Iterator for Batches {
    type Item = Result<(Variable, Variable), LoadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.work.plan.batches() {
            return None;
        }
        let batch = self.next;
        self.next += 1;
        let loaded = match &self.prefetch {
            Some(prefetch) => prefetch.take(batch),
            None => self.work.load(batch),
        };
        Some(match loaded {
            Ok((inputs, targets)) => Ok((Variable::new(inputs), Variable::new(targets))),
            Err(source) => Err(LoadError { batch, epoch: self.work.randomness.epoch, source }),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let rest = self.work.plan.batches() - self.next.min(self.work.plan.batches());
        (rest, Some(rest))
    }
}

impl ExactSizeIterator for Batches {}
