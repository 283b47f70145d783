//! Data sets of labelled pictures: readers of the classic formats, directories, manifests, and shapes made from a seed.
//!
//! Every reader checks magic numbers, lengths and counts before it believes them, allocates no more than a file really
//! holds, and names the file, the place and what was expected when something is wrong. [`InMemory`] holds a whole set as
//! one tensor; [`ImageFolder`] and [`Manifest`] read pictures when they are asked for; [`OnDisk`] leaves fixed-size
//! records in the file, where the system's page cache keeps them.

mod archive;
mod augmented;
mod cifar;
#[cfg(feature = "download")]
mod download;
mod folder;
mod idx;
mod manifest;
mod memory;
mod on_disk;
mod pickle;
mod shapes;
mod statistics;
mod stl10;

use crate::error::Result;
use crate::image::Image;

pub use augmented::Augmented;
pub use cifar::{cifar10, cifar100};
#[cfg(feature = "download")]
pub use download::{Checksum, Remote, download, published};
pub use folder::ImageFolder;
pub use idx::{EMNIST_SPLITS, emnist, fashion_mnist, kmnist, mnist, read_idx};
pub use manifest::Manifest;
pub use memory::{ConcatImages, ImageSubset, InMemory};
pub use on_disk::OnDisk;
pub use shapes::{SHAPES, Shapes};
pub use statistics::{class_counts, class_weights, mean_std, mean_std_with};
pub use stl10::{Stl10Unlabeled, stl10, stl10_unlabeled};

/// The part of a data set that is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Split {
    /// For training.
    Train,
    /// For testing.
    Test,
}

/// A data set of pictures with a class each.
///
/// ```
/// use gradus_vision::datasets::{ImageDataset, Shapes};
/// let shapes = Shapes::new(100, 32, 7);
/// let (image, class) = shapes.image(3)?;
/// assert_eq!((image.height(), shapes.classes()[class].as_str()), (32, "ring"));
/// # Ok::<(), gradus_vision::VisionError>(())
/// ```
pub trait ImageDataset: Send + Sync {
    /// The number of samples.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The picture at `index` and the number of its class.
    ///
    /// # Errors
    /// If the index is out of range, or the picture cannot be read.
    fn image(&self, index: usize) -> Result<(Image, usize)>;

    /// The class of the picture at `index`, without reading the picture where that can be avoided.
    ///
    /// # Errors
    /// If the index is out of range, or the class cannot be read.
    fn class(&self, index: usize) -> Result<usize> {
        self.image(index).map(|(_, class)| class)
    }

    /// The names of the classes.
    fn classes(&self) -> &[String];
}

impl<D: ImageDataset + ?Sized> ImageDataset for std::sync::Arc<D> {
    fn len(&self) -> usize {
        (**self).len()
    }

    fn image(&self, index: usize) -> Result<(Image, usize)> {
        (**self).image(index)
    }

    fn class(&self, index: usize) -> Result<usize> {
        (**self).class(index)
    }

    fn classes(&self) -> &[String] {
        (**self).classes()
    }
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}
