//! What a data set is: a length, and a sample for every index.

use std::sync::Arc;

use tensor::{Generator, Tensor};

/// Why a sample could not be had; any error type converts.
pub type DataError = Box<dyn std::error::Error + Send + Sync>;

/// Where random augmentation draws from: every sample has a generator of its own in every epoch, whoever loads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Randomness {
    /// The loader's seed.
    pub seed: u64,
    /// The epoch.
    pub epoch: u64,
}

impl Randomness {
    /// The generator of a sample.
    pub fn generator(self, index: usize) -> Generator {
        Generator::keyed([self.seed, self.epoch, index as u64, 1])
    }

    /// The order of `len` samples.
    pub(super) fn order(self, len: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..len).collect();
        Generator::keyed([self.seed, self.epoch, 0, 0]).shuffle(&mut order);
        order
    }
}

/// A map-style data set. PyTorch: `torch.utils.data.Dataset`.
///
/// ```
/// use gradus_nn::data::{DataError, Dataset};
/// use tensor::Tensor;
///
/// struct Squares;
///
/// impl Dataset for Squares {
///     fn len(&self) -> usize {
///         10
///     }
///     fn get(&self, index: usize) -> Result<(Tensor, Tensor), DataError> {
///         let x = index as f32;
///         Ok((Tensor::from([x]), Tensor::from([x * x])))
///     }
/// }
/// assert_eq!(Squares.get(3).unwrap().1.item::<f32>(), 9.0);
/// ```
pub trait Dataset: Send + Sync {
    /// The number of samples.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sample at `index < len()`: input and target.
    ///
    /// # Errors
    /// If it cannot be read.
    fn get(&self, index: usize) -> Result<(Tensor, Tensor), DataError>;

    /// The sample at `index`, changed at random by draws from `generator`; without augmentation, just the sample.
    ///
    /// # Errors
    /// If it cannot be read.
    fn get_random(&self, index: usize, _generator: &mut Generator) -> Result<(Tensor, Tensor), DataError> {
        self.get(index)
    }

    /// The samples at `indices`, stacked along a new first axis; data sets in memory do it without a copy per sample.
    ///
    /// # Errors
    /// If one cannot be read, or their shapes or dtypes differ; the error names the sample.
    fn batch(&self, indices: &[usize], randomness: Randomness) -> Result<(Tensor, Tensor), DataError> {
        let mut inputs = Vec::with_capacity(indices.len());
        let mut targets = Vec::with_capacity(indices.len());
        for &index in indices {
            let (input, target) = self
                .get_random(index, &mut randomness.generator(index))
                .map_err(|error| DataError::from(format!("sample {index}: {error}")))?;
            for (list, tensor, name) in [(&mut inputs, input, "input"), (&mut targets, target, "target")] {
                if let Some(first) = list.first().filter(|first: &&Tensor| !alike(first, &tensor)) {
                    return Err(format!(
                        "sample {index}: its {name} is {} {:?}, but that of sample {} is {} {:?}",
                        tensor.dtype(),
                        tensor.shape(),
                        indices[0],
                        first.dtype(),
                        first.shape()
                    )
                    .into());
                }
                list.push(tensor);
            }
        }
        let stack = |list: &[Tensor]| Tensor::stack(&list.iter().collect::<Vec<_>>(), 0);
        Ok((stack(&inputs), stack(&targets)))
    }
}

fn alike(a: &Tensor, b: &Tensor) -> bool {
    a.shape() == b.shape() && a.dtype() == b.dtype()
}

impl<D: Dataset + ?Sized> Dataset for Arc<D> {
    fn len(&self) -> usize {
        (**self).len()
    }

    fn get(&self, index: usize) -> Result<(Tensor, Tensor), DataError> {
        (**self).get(index)
    }

    fn get_random(&self, index: usize, generator: &mut Generator) -> Result<(Tensor, Tensor), DataError> {
        (**self).get_random(index, generator)
    }

    fn batch(&self, indices: &[usize], randomness: Randomness) -> Result<(Tensor, Tensor), DataError> {
        (**self).batch(indices, randomness)
    }
}

/// Some samples of a data set. PyTorch: `torch.utils.data.Subset`.
#[derive(Clone, Debug)]
pub struct Subset<D> {
    dataset: D,
    indices: Vec<usize>,
}

impl<D: Dataset> Subset<D> {
    /// The samples at `indices`, in this order.
    ///
    /// # Panics
    /// If an index is out of range.
    #[track_caller]
    pub fn new(dataset: D, indices: impl IntoIterator<Item = usize>) -> Subset<D> {
        let indices: Vec<usize> = indices.into_iter().collect();
        if let Some(index) = indices.iter().find(|&&index| index >= dataset.len()) {
            tensor::fault!("subset", [], "index {index} is out of range for {} samples", dataset.len());
        }
        Subset { dataset, indices }
    }
}

impl<D: Dataset> Dataset for Subset<D> {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn get(&self, index: usize) -> Result<(Tensor, Tensor), DataError> {
        self.dataset.get(self.indices[index])
    }

    fn get_random(&self, index: usize, generator: &mut Generator) -> Result<(Tensor, Tensor), DataError> {
        self.dataset.get_random(self.indices[index], generator)
    }

    fn batch(&self, indices: &[usize], randomness: Randomness) -> Result<(Tensor, Tensor), DataError> {
        let indices: Vec<usize> = indices.iter().map(|&index| self.indices[index]).collect();
        self.dataset.batch(&indices, randomness)
    }
}

/// Cuts a data set at random into parts of the given lengths. PyTorch: `torch.utils.data.random_split`.
///
/// # Panics
/// If the lengths do not add up to the number of samples.
#[track_caller]
pub fn random_split<D: Dataset>(dataset: D, lengths: &[usize], seed: u64) -> Vec<Subset<Arc<D>>> {
    let total: usize = lengths.iter().sum();
    if total != dataset.len() {
        tensor::fault!(
            "random_split",
            [],
            "the lengths {lengths:?} add up to {total}, not to {} samples",
            dataset.len()
        );
    }
    let order = Randomness { seed, epoch: 0 }.order(total);
    let dataset = Arc::new(dataset);
    let mut rest = order.as_slice();
    lengths
        .iter()
        .map(|&length| {
            let (part, after) = rest.split_at(length);
            rest = after;
            Subset { dataset: dataset.clone(), indices: part.to_vec() }
        })
        .collect()
}
