//! Data sets in memory, and parts and chains of others.

use tensor::{DType, Generator, Tensor};

use super::ImageDataset;
use crate::error::{Result, VisionError};
use crate::image::Image;

/// A whole data set as one tensor.
#[derive(Clone, Debug)]
pub struct InMemory {
    images: Tensor,
    labels: Vec<i64>,
    classes: Vec<String>,
}

impl InMemory {
    /// A data set over `u8 [N, C, H, W]` and `N` classes.
    ///
    /// # Panics
    /// If the shapes do not fit, or a label names no class.
    #[track_caller]
    pub fn new(images: Tensor, labels: Vec<i64>, classes: Vec<String>) -> InMemory {
        if images.dtype() != DType::U8 || images.rank() != 4 || images.shape()[0] != labels.len() {
            tensor::fault!("in_memory", [images: images.shape()],
                "expected u8 [N, C, H, W] with as many labels, got {} and {} labels", images.dtype(), labels.len());
        }
        if let Some(label) = labels.iter().find(|&&label| label < 0 || label as usize >= classes.len()) {
            tensor::fault!("in_memory", [images: images.shape()], "label {label} of {} classes", classes.len());
        }
        InMemory { images, labels, classes }
    }

    /// Reads a whole data set, several pictures at once; they must have one size and mode.
    ///
    /// # Errors
    /// If a picture cannot be read, or one differs in shape from the first.
    pub fn read(dataset: &dyn ImageDataset) -> Result<InMemory> {
        let samples = tensor::parallel::map(dataset.len(), |index| dataset.image(index));
        let mut images = Vec::with_capacity(samples.len());
        let mut labels = Vec::with_capacity(samples.len());
        for (index, sample) in samples.into_iter().enumerate() {
            let (image, class) = sample?;
            let shape = images.first().map_or(image.pixels().shape(), |first: &Tensor| first.shape()).to_vec();
            if image.pixels().shape() != shape {
                let (expected, found) =
                    (format!("a picture of shape {shape:?}"), format!("{:?}", image.pixels().shape()));
                return Err(VisionError::malformed("data set".as_ref(), format!("sample {index}"), expected, found));
            }
            images.push(image.pixels().contiguous());
            labels.push(class as i64);
        }
        let images = match images.is_empty() {
            true => Tensor::zeros([0, 1, 1, 1], DType::U8),
            false => Tensor::stack(&images.iter().collect::<Vec<_>>(), 0),
        };
        Ok(InMemory::new(images, labels, dataset.classes().to_vec()))
    }

    /// The pictures, `u8 [N, C, H, W]`.
    pub fn images(&self) -> &Tensor {
        &self.images
    }

    /// The classes, `i64 [N]`.
    pub fn labels(&self) -> Tensor {
        Tensor::from_slice(&self.labels, [self.labels.len()])
    }

    /// The first `count` samples, or all if there are fewer; the pictures are a view.
    pub fn take(&self, count: usize) -> InMemory {
        let count = count.min(self.labels.len());
        let images = self.images.narrow(0, 0, count);
        InMemory { images, labels: self.labels[..count].to_vec(), classes: self.classes.clone() }
    }
}

impl ImageDataset for InMemory {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn image(&self, index: usize) -> Result<(Image, usize)> {
        let class = self.class(index)?;
        Ok((Image::from_pixels(self.images.select(0, index as isize)), class))
    }

    fn class(&self, index: usize) -> Result<usize> {
        let label = self.labels.get(index).ok_or(VisionError::OutOfRange { index, len: self.labels.len() })?;
        Ok(*label as usize)
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }
}

/// Some pictures of a data set.
#[derive(Clone, Debug)]
pub struct ImageSubset<D> {
    dataset: D,
    indices: Vec<usize>,
}

impl<D: ImageDataset> ImageSubset<D> {
    /// The samples at `indices`, in this order.
    ///
    /// # Panics
    /// If an index is out of range.
    #[track_caller]
    pub fn new(dataset: D, indices: Vec<usize>) -> ImageSubset<D> {
        if let Some(index) = indices.iter().find(|&&index| index >= dataset.len()) {
            tensor::fault!("subset", [], "index {index} is out of range for {} samples", dataset.len());
        }
        ImageSubset { dataset, indices }
    }

    /// Two parts by a seed: `round(fraction * n)` samples, and the rest, with every class in the same proportion.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use gradus_vision::datasets::{ImageDataset, ImageSubset, Shapes};
    /// let (train, test) = ImageSubset::split(Arc::new(Shapes::new(100, 16, 1)), 0.8, 2)?;
    /// assert_eq!((train.len(), test.len()), (80, 20));
    /// # Ok::<(), gradus_vision::VisionError>(())
    /// ```
    ///
    /// # Errors
    /// If a class cannot be read.
    ///
    /// # Panics
    /// If `fraction` is outside 0..=1.
    #[track_caller]
    pub fn split(dataset: D, fraction: f64, seed: u64) -> Result<(ImageSubset<D>, ImageSubset<D>)>
    where
        D: Clone,
    {
        if !(0.0..=1.0).contains(&fraction) {
            tensor::fault!("split", [], "the fraction must be in 0..=1, got {fraction}");
        }
        let mut by_class = vec![Vec::new(); dataset.classes().len()];
        for index in 0..dataset.len() {
            by_class[dataset.class(index)?].push(index);
        }
        let mut generator = Generator::new(seed);
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let mut seen = 0;
        for mut indices in by_class {
            generator.shuffle(&mut indices);
            // What rounding takes from one class goes to the next, so that the sum comes out right.
            seen += indices.len();
            let take = ((fraction * seen as f64).round() as usize).saturating_sub(first.len()).min(indices.len());
            first.extend_from_slice(&indices[..take]);
            second.extend_from_slice(&indices[take..]);
        }
        first.sort_unstable();
        second.sort_unstable();
        Ok((ImageSubset { dataset: dataset.clone(), indices: first }, ImageSubset { dataset, indices: second }))
    }
}

impl<D: ImageDataset> ImageDataset for ImageSubset<D> {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn image(&self, index: usize) -> Result<(Image, usize)> {
        let &inner = self.indices.get(index).ok_or(VisionError::OutOfRange { index, len: self.indices.len() })?;
        self.dataset.image(inner)
    }

    fn class(&self, index: usize) -> Result<usize> {
        let &inner = self.indices.get(index).ok_or(VisionError::OutOfRange { index, len: self.indices.len() })?;
        self.dataset.class(inner)
    }

    fn classes(&self) -> &[String] {
        self.dataset.classes()
    }
}

/// Several data sets of the same classes, one after the other.
pub struct ConcatImages {
    parts: Vec<Box<dyn ImageDataset>>,
}

impl ConcatImages {
    /// The data sets in order.
    ///
    /// # Panics
    /// If there are none, or their classes differ.
    #[track_caller]
    pub fn new(parts: Vec<Box<dyn ImageDataset>>) -> ConcatImages {
        let Some(first) = parts.first() else { tensor::fault!("concat", [], "no data sets") };
        if let Some(at) = parts.iter().position(|part| part.classes() != first.classes()) {
            tensor::fault!("concat", [], "data set {at} has other classes than the first");
        }
        ConcatImages { parts }
    }

    fn locate(&self, index: usize) -> Result<(&dyn ImageDataset, usize)> {
        let mut rest = index;
        for part in &self.parts {
            if rest < part.len() {
                return Ok((part.as_ref(), rest));
            }
            rest -= part.len();
        }
        Err(VisionError::OutOfRange { index, len: self.len() })
    }
}

impl std::fmt::Debug for ConcatImages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConcatImages({} parts, {} samples)", self.parts.len(), self.len())
    }
}

impl ImageDataset for ConcatImages {
    fn len(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    fn image(&self, index: usize) -> Result<(Image, usize)> {
        self.locate(index).and_then(|(part, index)| part.image(index))
    }

    fn class(&self, index: usize) -> Result<usize> {
        self.locate(index).and_then(|(part, index)| part.class(index))
    }

    fn classes(&self) -> &[String] {
        self.parts[0].classes()
    }
}
