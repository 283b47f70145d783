//! [`Image`]: a decoded picture of 8-bit channels, the link between files and tensors.
//!
//! Its pixels are a `u8 [C, H, W]` tensor that usually lies interleaved in memory, as decoders write it and encoders
//! want it; crops and flips are views of it. What PIL's `Image` is to torchvision, this type is to the transforms of
//! this crate: they treat an `Image` by PIL's rules and a `Tensor` by torchvision's rules for tensors.

mod declared;
mod decode;
mod encode;
mod folder;

use std::fmt;

use tensor::{DType, Tensor};

pub use decode::{Limits, read_image, read_image_float};
pub use encode::{Format, write_atomic};
pub(crate) use folder::{EXTENSIONS_HINT, is_image};
pub use folder::{Unreadable, find_images, read_folder};

/// The channels of an [`Image`], by PIL's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Grey.
    L,
    /// Grey and alpha.
    LA,
    /// Red, green, blue.
    RGB,
    /// Red, green, blue, alpha.
    RGBA,
}

impl Mode {
    /// The number of channels.
    pub fn channels(self) -> usize {
        match self {
            Mode::L => 1,
            Mode::LA => 2,
            Mode::RGB => 3,
            Mode::RGBA => 4,
        }
    }

    fn of(channels: usize) -> Option<Mode> {
        [Mode::L, Mode::LA, Mode::RGB, Mode::RGBA].into_iter().find(|mode| mode.channels() == channels)
    }

    /// Whether the last channel is opacity.
    pub fn has_alpha(self) -> bool {
        matches!(self, Mode::LA | Mode::RGBA)
    }
}

/// A picture of 8-bit channels; cheap to clone.
///
/// ```
/// use gradus_vision::{Image, Mode};
/// let image = Image::from_bytes(&[255, 0, 0, 0, 0, 255], Mode::RGB, [1, 2]);
/// assert_eq!((image.mode(), image.height(), image.width()), (Mode::RGB, 1, 2));
/// assert_eq!(image.to_tensor().to_vec::<f32>(), [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
/// ```
#[derive(Clone)]
pub struct Image {
    pixels: Tensor,
}

impl Image {
    /// A picture over a `u8 [C, H, W]` tensor of 1 to 4 channels, without copying.
    ///
    /// # Panics
    /// If the tensor is not `u8`, not of rank 3, or its number of channels is not 1 to 4.
    #[track_caller]
    pub fn from_pixels(pixels: Tensor) -> Image {
        if pixels.dtype() != DType::U8 {
            tensor::fault!("image", [pixels: pixels.shape()], "expected u8 pixels, got {}", pixels.dtype());
        }
        if pixels.rank() != 3 || Mode::of(pixels.shape()[0]).is_none() {
            tensor::fault!("image", [pixels: pixels.shape()], "expected [C, H, W] with 1 to 4 channels");
        }
        Image { pixels }
    }

    /// A picture from interleaved bytes, row by row, of `[height, width]`.
    ///
    /// # Panics
    /// If the number of bytes is not `height * width * channels`.
    #[track_caller]
    pub fn from_bytes(bytes: &[u8], mode: Mode, [height, width]: [usize; 2]) -> Image {
        Image::from_pixels(Tensor::from_slice(bytes, [height, width, mode.channels()]).permute([2, 0, 1]))
    }

    /// A picture of one colour.
    ///
    /// # Panics
    /// If `color` has not one value per channel of `mode`.
    #[track_caller]
    pub fn filled(mode: Mode, [height, width]: [usize; 2], color: &[u8]) -> Image {
        let channels = mode.channels();
        if color.len() != channels {
            tensor::fault!("image", [], "a colour of {} values for {channels} channels", color.len());
        }
        let bytes: Vec<u8> = color.iter().copied().cycle().take(height * width * channels).collect();
        Image::from_bytes(&bytes, mode, [height, width])
    }

    /// The nearest picture of a float tensor `[C, H, W]` in 0..1 (`round(255 x)`, clamped; NaN is black) or of a `u8`
    /// tensor. PyTorch: `torchvision.transforms.functional.to_pil_image`, which truncates where this rounds.
    ///
    /// # Panics
    /// If the tensor is not `[C, H, W]` with 1 to 4 channels, of a float dtype or `u8`.
    #[track_caller]
    pub fn from_tensor(x: &Tensor) -> Image {
        match x.dtype() {
            DType::U8 => Image::from_pixels(x.clone()),
            DType::F32 => Image::from_pixels(x.map(|v: f32| (v.clamp(0.0, 1.0) * 255.0).round() as u8)),
            DType::F64 => Image::from_pixels(x.map(|v: f64| (v.clamp(0.0, 1.0) * 255.0).round() as u8)),
            other => tensor::error::unsupported("from_tensor", other, "a float or u8"),
        }
    }

    /// The channels.
    pub fn mode(&self) -> Mode {
        Mode::of(self.pixels.shape()[0]).unwrap_or(Mode::RGBA)
    }

    /// The number of rows.
    pub fn height(&self) -> usize {
        self.pixels.shape()[1]
    }

    /// The number of columns.
    pub fn width(&self) -> usize {
        self.pixels.shape()[2]
    }

    /// The pixels as `u8 [C, H, W]`; a view, in whatever order they lie in memory.
    pub fn pixels(&self) -> &Tensor {
        &self.pixels
    }

    /// The pixels as `f32 [C, H, W]` in 0..1: `x / 255`, row by row. PyTorch: `torchvision.transforms.ToTensor`.
    pub fn to_tensor(&self) -> Tensor {
        crate::transform::functional::to_tensor(self)
    }

    /// The pixels interleaved, row by row, as files hold them.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.pixels.permute([1, 2, 0]).to_vec::<u8>()
    }

    /// The channels `[..]` of the pixel at row `y` and column `x`.
    ///
    /// # Panics
    /// If there is no such pixel.
    #[track_caller]
    pub fn pixel(&self, y: usize, x: usize) -> Vec<u8> {
        if y >= self.height() || x >= self.width() {
            tensor::fault!("pixel", [pixels: self.pixels.shape()], "no pixel at row {y}, column {x}");
        }
        let view = self.pixels.view_as::<u8>();
        (0..self.pixels.shape()[0]).map(|c| view.at(&[c, y, x])).collect()
    }

    /// The same picture in another mode; grey is PIL's luma `(19595 R + 38470 G + 7471 B + 32768) / 65536`, a missing
    /// alpha is 255, and a dropped one is ignored. PyTorch: `PIL.Image.convert`.
    pub fn convert(&self, mode: Mode) -> Image {
        if mode == self.mode() {
            return self.clone();
        }
        let (from, channels) = (self.mode(), mode.channels());
        let source = self.to_bytes();
        let mut bytes = Vec::with_capacity(self.height() * self.width() * channels);
        for pixel in source.chunks_exact(from.channels()) {
            let (rgb, alpha) = match *pixel {
                [l] => ([l; 3], 255),
                [l, a] => ([l; 3], a),
                [r, g, b] => ([r, g, b], 255),
                [r, g, b, a] => ([r, g, b], a),
                _ => unreachable!("a mode has 1 to 4 channels"),
            };
            if channels < 3 {
                bytes.push(luma(rgb))
            } else {
                bytes.extend(rgb)
            }
            if mode.has_alpha() {
                bytes.push(alpha);
            }
        }
        Image::from_bytes(&bytes, mode, [self.height(), self.width()])
    }
}

/// PIL's grey value: ITU-R 601-2 in 16 bits of fraction, rounded. Exact for grey input.
pub(crate) fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((u32::from(r) * 19595 + u32::from(g) * 38470 + u32::from(b) * 7471 + 0x8000) >> 16) as u8
}

impl PartialEq for Image {
    fn eq(&self, other: &Image) -> bool {
        self.pixels.shape() == other.pixels.shape()
            && self.pixels.view_as::<u8>().iter().eq(other.pixels.view_as::<u8>().iter())
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({:?}, {} x {})", self.mode(), self.width(), self.height())
    }
}
