//! What transforms work on: an [`Image`] under PIL's rules or a tensor under torchvision's rules for tensors, and the
//! walk over planes and pixels that the functional forms share.

use tensor::{DType, Element, MemoryFormat, Tensor, parallel};

use crate::Image;

/// Whose arithmetic a functional form follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// PIL's, for decoded images: fixed-point filters, antialiasing always on.
    Pil,
    /// torchvision's for tensors: floating point, rounded at the end for `u8`.
    Tensor,
}

/// Something with pixels: an [`Image`], a tensor `[..., C, H, W]` of `u8` (0..255) or floats (0..1), or either.
pub trait Pixels: Clone {
    /// The pixels, `[..., C, H, W]`.
    fn pixels(&self) -> &Tensor;

    /// The same kind of thing with other pixels.
    fn with_pixels(&self, pixels: Tensor) -> Self;

    /// Whose arithmetic applies.
    fn rule(&self) -> Rule;

    /// `[height, width]`.
    ///
    /// # Panics
    /// If a tensor has fewer than two axes.
    #[track_caller]
    fn size(&self) -> [usize; 2] {
        let shape = self.pixels().shape();
        if shape.len() < 2 {
            tensor::fault!("picture", [x: shape], "expected [..., H, W]");
        }
        [shape[shape.len() - 2], shape[shape.len() - 1]]
    }

    /// The number of channels: 1 for a tensor of two axes.
    fn channels(&self) -> usize {
        let shape = self.pixels().shape();
        if shape.len() < 3 { 1 } else { shape[shape.len() - 3] }
    }
}

impl Pixels for Image {
    fn pixels(&self) -> &Tensor {
        Image::pixels(self)
    }

    fn with_pixels(&self, pixels: Tensor) -> Image {
        Image::from_pixels(pixels)
    }

    fn rule(&self) -> Rule {
        Rule::Pil
    }
}

impl Pixels for Tensor {
    fn pixels(&self) -> &Tensor {
        self
    }

    fn with_pixels(&self, pixels: Tensor) -> Tensor {
        pixels
    }

    fn rule(&self) -> Rule {
        Rule::Tensor
    }
}

/// What flows through a [`Transform`](super::Transform): an image up to [`ToTensor`](super::ToTensor), a tensor after.
///
/// ```
/// use gradus_vision::transform::Picture;
/// use gradus_vision::{Image, Mode};
/// let picture = Picture::from(Image::filled(Mode::L, [2, 2], &[9]));
/// assert!(picture.image().is_some() && picture.tensor().is_none());
/// ```
#[derive(Clone, Debug)]
pub enum Picture {
    /// A decoded image.
    Image(Image),
    /// A tensor `[..., C, H, W]`.
    Tensor(Tensor),
}

impl Picture {
    /// The image, if it is one.
    pub fn image(&self) -> Option<&Image> {
        match self {
            Picture::Image(image) => Some(image),
            Picture::Tensor(_) => None,
        }
    }

    /// The tensor, if it is one.
    pub fn tensor(&self) -> Option<&Tensor> {
        match self {
            Picture::Image(_) => None,
            Picture::Tensor(tensor) => Some(tensor),
        }
    }

    /// The tensor, or an image's pixels as `u8 [C, H, W]`.
    pub fn into_tensor(self) -> Tensor {
        match self {
            Picture::Image(image) => image.pixels().clone(),
            Picture::Tensor(tensor) => tensor,
        }
    }

    /// The image, or the nearest image of a tensor; see [`Image::from_tensor`].
    ///
    /// # Panics
    /// If a tensor is not `[C, H, W]` with 1 to 4 channels.
    #[track_caller]
    pub fn to_image(&self) -> Image {
        match self {
            Picture::Image(image) => image.clone(),
            Picture::Tensor(tensor) => Image::from_tensor(tensor),
        }
    }
}

impl From<Image> for Picture {
    fn from(image: Image) -> Picture {
        Picture::Image(image)
    }
}

impl From<Tensor> for Picture {
    fn from(tensor: Tensor) -> Picture {
        Picture::Tensor(tensor)
    }
}

impl Pixels for Picture {
    fn pixels(&self) -> &Tensor {
        match self {
            Picture::Image(image) => image.pixels(),
            Picture::Tensor(tensor) => tensor,
        }
    }

    fn with_pixels(&self, pixels: Tensor) -> Picture {
        match self {
            Picture::Image(_) => Picture::Image(Image::from_pixels(pixels)),
            Picture::Tensor(_) => Picture::Tensor(pixels),
        }
    }

    fn rule(&self) -> Rule {
        match self {
            Picture::Image(_) => Rule::Pil,
            Picture::Tensor(_) => Rule::Tensor,
        }
    }
}

/// The largest value of a picture's dtype: 255, or 1 for floats.
pub(crate) fn bound(dtype: DType) -> f64 {
    if dtype.is_float() { 1.0 } else { 255.0 }
}

/// Panics unless a picture is `u8` or a float, with 1 to `most` channels or any number if `most` is 0.
#[track_caller]
pub(crate) fn check(op: &str, x: &Tensor, channels: &[usize]) {
    if !matches!(x.dtype(), DType::U8 | DType::F32 | DType::F64) {
        tensor::error::unsupported(op, x.dtype(), "u8 or a float");
    }
    if x.rank() < 2 || (x.rank() < 3 && !channels.is_empty()) {
        tensor::fault!(op, [x: x.shape()], "expected [..., C, H, W]");
    }
    if !channels.is_empty() {
        let have = x.shape()[x.rank() - 3];
        if !channels.contains(&have) {
            tensor::fault!(op, [x: x.shape()], "expected {channels:?} channels, got {have}");
        }
    }
}

/// Values per task: what a thread does in some tens of microseconds.
const GRAIN: usize = 1 << 15;

/// `f` on every chunk of the last `axes` axes, row by row, giving chunks of shape `tail`.
pub(crate) fn per_chunk<T: Element, U: Element>(
    x: &Tensor,
    axes: usize,
    tail: &[usize],
    f: impl Fn(&[T], &mut [U]) + Sync + Send,
) -> Tensor {
    let x = x.contiguous();
    let lead = x.rank() - axes;
    let size: usize = x.shape()[lead..].iter().product();
    let shape: Vec<usize> = x.shape()[..lead].iter().chain(tail).copied().collect();
    let source = x.as_slice::<T>().expect("made contiguous");
    let chunk: usize = tail.iter().product();
    Tensor::from_fill(shape, MemoryFormat::Contiguous, |out: &mut [U]| {
        if !out.is_empty() {
            let group = chunk * (GRAIN / chunk.max(size).max(1)).max(1);
            parallel::for_each_chunk(out, group, |first, out| {
                for (index, out) in (first / chunk..).zip(out.chunks_exact_mut(chunk)) {
                    f(&source[index * size..(index + 1) * size], out);
                }
            });
        }
    })
}

/// Runs a float formula `f` on a picture: floats as they are, `u8` by way of `f32`, rounded (half to even) and clamped.
pub(crate) fn in_float(x: &Tensor, f: impl FnOnce(&Tensor) -> Tensor) -> Tensor {
    if x.dtype() == DType::U8 {
        f(&x.to_dtype(DType::F32)).map(|v: f32| v.round_ties_even().clamp(0.0, 255.0) as u8)
    } else {
        f(x)
    }
}
