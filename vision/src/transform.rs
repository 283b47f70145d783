//! Pictures in, tensors through, pictures out: every transform knows its way back.
//!
//! [`functional`] has the arithmetic, by torchvision's names. A [`Transform`] applies it with parameters that it may draw
//! at random, and hands back a [`Record`] of what it did: the record repeats it on a mask, takes points and boxes along,
//! and undoes it. Undoing is exact, restores what survived (a crop goes back to its place), or is refused with the
//! reason; [`Invertibility`] says which. Randomness comes from a generator that the caller keys by seed, epoch and sample
//! ([`sample_generator`]), so results do not depend on how many workers load.
//!
//! ```
//! use gradus_vision::transform::{Compose, Normalize, RandomHorizontalFlip, ToTensor, Transform, sample_generator};
//! use gradus_vision::{Image, Mode};
//!
//! let transforms = Compose::new()
//!     .then(RandomHorizontalFlip::new(0.5))
//!     .then(ToTensor)
//!     .then(Normalize::new(&[0.5], &[0.25]));
//! let photo = Image::from_bytes(&[10, 20, 30], Mode::L, [1, 3]);
//! let (x, record) = transforms.apply(photo.clone().into(), &mut sample_generator(1, 0, 0));
//! assert_eq!(record.invert(x).picture.to_image(), photo);
//! ```

mod augment;
mod color;
mod convert;
mod crop;
mod erase;
mod flip;
pub mod functional;
mod mix;
mod options;
mod pad;
pub(crate) mod picture;
mod random;
mod record;
mod resize;
mod several;
mod tone;
mod warp;

use std::fmt::Debug;

use tensor::{Generator, Tensor};

use crate::image::Image;

pub use augment::{RandAugment, TrivialAugmentWide};
pub use color::{AdjustGamma, ColorJitter, GaussianBlur, Grayscale, RandomGrayscale};
pub use convert::{ConvertImageDtype, Normalize, PILToTensor, ToPILImage, ToTensor};
pub use crop::{CenterCrop, RandomCrop, RandomResizedCrop};
pub use erase::{ErasingValue, RandomErasing};
pub use flip::{RandomHorizontalFlip, RandomVerticalFlip};
pub use mix::{CutMix, MixUp, Mixed};
pub use options::{Interpolation, Padding, PaddingMode, Size, Window};
pub use pad::Pad;
pub use picture::{Picture, Pixels, Rule};
pub use random::{RandomApply, RandomChoice, RandomOrder};
pub use record::{Action, Invertibility, Lost, Record, Undone};
pub use resize::Resize;
pub use several::{FiveCrop, TenCrop};
pub use tone::{
    RandomAdjustSharpness, RandomAutocontrast, RandomEqualize, RandomInvert, RandomPosterize, RandomSolarize, Tone,
};
pub use warp::{ElasticTransform, RandomAffine, RandomPerspective, RandomRotation};

/// The generator of one sample in one epoch: independent of every other, whoever loads it and when.
pub fn sample_generator(seed: u64, epoch: u64, index: usize) -> Generator {
    Generator::keyed([seed, epoch, index as u64, 1])
}

/// A step from pictures to what a network takes.
pub trait Transform: Debug + Send + Sync {
    /// Transforms a picture, drawing what is random from `generator`, and records what was done.
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record);

    /// What can be undone of it, whatever is drawn.
    fn invertibility(&self) -> Invertibility;

    /// Undoes what needs no record: conversions and normalisation. Everything else stays as it is.
    fn invert(&self, picture: Picture) -> Picture {
        picture
    }
}

impl<T: Transform + ?Sized> Transform for Box<T> {
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        (**self).apply(picture, generator)
    }

    fn invertibility(&self) -> Invertibility {
        (**self).invertibility()
    }

    fn invert(&self, picture: Picture) -> Picture {
        (**self).invert(picture)
    }
}

/// Transforms one after the other; undone from the last to the first. PyTorch: `torchvision.transforms.Compose`.
#[derive(Debug, Default)]
pub struct Compose {
    steps: Vec<Box<dyn Transform>>,
}

impl Compose {
    /// No transforms yet.
    pub fn new() -> Compose {
        Compose::default()
    }

    /// These, then one more.
    #[must_use]
    pub fn then(mut self, transform: impl Transform + 'static) -> Compose {
        self.steps.push(Box::new(transform));
        self
    }

    /// The transforms in order.
    pub fn steps(&self) -> &[Box<dyn Transform>] {
        &self.steps
    }
}

impl Transform for Compose {
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        self.steps.iter().fold((picture, Record::default()), |(picture, record), step| {
            let (picture, more) = step.apply(picture, generator);
            (picture, record.then(more))
        })
    }

    fn invertibility(&self) -> Invertibility {
        self.steps.iter().map(|step| step.invertibility()).fold(Invertibility::Exact, Invertibility::and)
    }

    fn invert(&self, picture: Picture) -> Picture {
        self.steps.iter().rev().fold(picture, |picture, step| step.invert(picture))
    }
}

/// A tensor `[C, H, W]` (or a batch of one) back as an image: conversions and normalisation of `transforms` undone, the
/// geometry left as the network saw it. A [`Record`] undoes the geometry too.
///
/// ```
/// use gradus_vision::transform::{Compose, Normalize, ToTensor, Transform, sample_generator, transform_invert};
/// use gradus_vision::{Image, Mode};
/// let transforms = Compose::new().then(ToTensor).then(Normalize::new(&[0.5; 3], &[0.5; 3]));
/// let photo = Image::filled(Mode::RGB, [2, 2], &[10, 200, 30]);
/// let (x, _) = transforms.apply(photo.clone().into(), &mut sample_generator(0, 0, 0));
/// assert_eq!(transform_invert(x.tensor().unwrap(), &transforms), photo);
/// ```
///
/// # Panics
/// If the result is not `[C, H, W]` with 1 to 4 channels.
#[track_caller]
pub fn transform_invert(x: &Tensor, transforms: &dyn Transform) -> Image {
    let x = if x.rank() == 4 && x.shape()[0] == 1 { x.squeeze(0) } else { x.clone() };
    transforms.invert(Picture::Tensor(x)).to_image()
}
