//! From a data set of pictures to samples for a network: each picture through a transform, each class as a number.

use nn::data::{DataError, Dataset};
use tensor::{Generator, Tensor};

use super::ImageDataset;
use crate::error::Result;
use crate::transform::{Record, Transform, sample_generator};

/// A data set of pictures with a transform; what random transforms draw depends on seed, epoch and index alone.
#[derive(Debug)]
pub struct Augmented<D, T> {
    dataset: D,
    transform: T,
}

impl<D: ImageDataset, T: Transform> Augmented<D, T> {
    /// Pictures of `dataset` through `transform`, which must end in a tensor.
    pub fn new(dataset: D, transform: T) -> Augmented<D, T> {
        Augmented { dataset, transform }
    }

    /// The pictures.
    pub fn dataset(&self) -> &D {
        &self.dataset
    }

    /// The transform.
    pub fn transform(&self) -> &T {
        &self.transform
    }

    /// A sample with the record of what was done to it: input, class (`i64`, 0-dimensional), record.
    ///
    /// # Errors
    /// If the index is out of range, or the picture cannot be read.
    pub fn sample(&self, index: usize, generator: &mut Generator) -> Result<(Tensor, Tensor, Record)> {
        let (image, class) = self.dataset.image(index)?;
        let (picture, record) = self.transform.apply(image.into(), generator);
        Ok((picture.into_tensor(), Tensor::scalar(class as i64), record))
    }

    /// [`sample`](Augmented::sample) with the generator of a seed and epoch.
    ///
    /// # Errors
    /// As there.
    pub fn sample_of(&self, seed: u64, epoch: u64, index: usize) -> Result<(Tensor, Tensor, Record)> {
        self.sample(index, &mut sample_generator(seed, epoch, index))
    }
}

/// Inputs and classes for a [`DataLoader`](nn::data::DataLoader). Without a generator, what is random is drawn as for
/// seed 0 and epoch 0.
impl<D: ImageDataset, T: Transform> Dataset for Augmented<D, T> {
    fn len(&self) -> usize {
        self.dataset.len()
    }

    fn get(&self, index: usize) -> std::result::Result<(Tensor, Tensor), DataError> {
        self.get_random(index, &mut sample_generator(0, 0, index))
    }

    fn get_random(&self, index: usize, generator: &mut Generator) -> std::result::Result<(Tensor, Tensor), DataError> {
        let (input, class, _) = self.sample(index, generator)?;
        Ok((input, class))
    }
}
