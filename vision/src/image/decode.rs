//! From files and bytes to pictures: format by content, orientation by EXIF, limits before anything is allocated.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageReader};
use tensor::Tensor;

use super::{Image, Mode, declared};
use crate::error::{Result, VisionError};

/// What a picture may declare before it is refused, against decompression bombs.
///
/// ```
/// use gradus_vision::{Image, Limits};
/// let limits = Limits { max_pixels: 1000, ..Limits::default() };
/// # let png = { let mut png = Vec::new(); Image::filled(gradus_vision::Mode::L, [40, 50], &[7]).encode(gradus_vision::Format::Png, &mut png).unwrap(); png };
/// let error = Image::decode_with(&png, limits).unwrap_err();
/// assert_eq!(error.to_string(), "<bytes>: the area of 50 x 40 pixels is 2000, over the limit of 1000");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest width and height.
    pub max_side: u32,
    /// The largest number of pixels.
    pub max_pixels: u64,
    /// The most bytes of the decoded picture, and that decoding may allocate beside it.
    pub max_alloc: u64,
}

impl Default for Limits {
    /// 65,535 a side, 2^27 pixels (134 million; PIL refuses at 179 million), 1 GiB.
    fn default() -> Limits {
        Limits { max_side: 65_535, max_pixels: 1 << 27, max_alloc: 1 << 30 }
    }
}

impl Image {
    /// Reads a picture of any known format (PNG, JPEG, WebP, GIF, BMP, TIFF, PNM; by content, not by name).
    ///
    /// Grey, grey + alpha, RGB and RGBA keep their mode; palettes become RGB or RGBA; 16-bit channels are rounded to 8;
    /// an animation gives its first frame; EXIF orientation is applied. PyTorch: `PIL.Image.open` with
    /// `PIL.ImageOps.exif_transpose`.
    ///
    /// # Errors
    /// If the file cannot be read or decoded, or is over the default [`Limits`].
    pub fn open(path: impl AsRef<Path>) -> Result<Image> {
        Image::open_with(path, Limits::default())
    }

    /// [`open`](Image::open) with limits.
    ///
    /// # Errors
    /// If the file cannot be read or decoded, or is over `limits`.
    pub fn open_with(path: impl AsRef<Path>, limits: Limits) -> Result<Image> {
        let path = path.as_ref();
        eight_bit(decode(open(path)?, path, limits)?, path)
    }

    /// [`open`](Image::open) from bytes in memory.
    ///
    /// # Errors
    /// If the bytes cannot be decoded, or are over the default [`Limits`]; the message calls them `<bytes>`.
    pub fn decode(bytes: &[u8]) -> Result<Image> {
        Image::decode_with(bytes, Limits::default())
    }

    /// [`decode`](Image::decode) with limits.
    ///
    /// # Errors
    /// If the bytes cannot be decoded, or are over `limits`.
    pub fn decode_with(bytes: &[u8], limits: Limits) -> Result<Image> {
        let path = Path::new("<bytes>");
        eight_bit(decode(Cursor::new(bytes), path, limits)?, path)
    }
}

/// A file as a `u8 [C, H, W]` tensor, in `mode` or, without one, in the file's own. PyTorch: `torchvision.io.read_image`.
///
/// # Errors
/// As [`Image::open`].
pub fn read_image(path: impl AsRef<Path>, mode: Option<Mode>) -> Result<Tensor> {
    let image = Image::open(path)?;
    Ok(mode.map_or_else(|| image.clone(), |mode| image.convert(mode)).pixels().contiguous())
}

/// A file as a `f32 [C, H, W]` tensor in 0..1, at the full depth of 16-bit and floating point files.
///
/// # Errors
/// As [`Image::open`].
pub fn read_image_float(path: impl AsRef<Path>) -> Result<Tensor> {
    let path = path.as_ref();
    let picture = decode(open(path)?, path, Limits::default())?;
    let (height, width) = (picture.height() as usize, picture.width() as usize);
    let (channels, values): (usize, Vec<f32>) = match picture {
        DynamicImage::ImageLuma16(p) => (1, p.into_raw().into_iter().map(|v| f32::from(v) / 65535.0).collect()),
        DynamicImage::ImageLumaA16(p) => (2, p.into_raw().into_iter().map(|v| f32::from(v) / 65535.0).collect()),
        DynamicImage::ImageRgb16(p) => (3, p.into_raw().into_iter().map(|v| f32::from(v) / 65535.0).collect()),
        DynamicImage::ImageRgba16(p) => (4, p.into_raw().into_iter().map(|v| f32::from(v) / 65535.0).collect()),
        DynamicImage::ImageRgb32F(p) => (3, p.into_raw()),
        DynamicImage::ImageRgba32F(p) => (4, p.into_raw()),
        other => return Ok(eight_bit(other, path)?.to_tensor()),
    };
    Ok(Tensor::from_vec(values, [height, width, channels]).permute([2, 0, 1]).contiguous())
}

fn open(path: &Path) -> Result<BufReader<File>> {
    File::open(path).map(BufReader::new).map_err(VisionError::io("read", path))
}

/// The decoders are other people's: where one panics over a broken file, the file is refused.
fn decode<R: BufRead + Seek>(mut source: R, path: &Path, limits: Limits) -> Result<DynamicImage> {
    declared::check(&mut source, path, &limits)?;
    catch_unwind(AssertUnwindSafe(|| unguarded(source, path, limits))).unwrap_or_else(|_| {
        let reason = "the decoder panicked".into();
        Err(VisionError::Decode { path: path.to_path_buf(), reason })
    })
}

fn unguarded<R: BufRead + Seek>(source: R, path: &Path, limits: Limits) -> Result<DynamicImage> {
    let fault = |reason: String| VisionError::Decode { path: path.to_path_buf(), reason };
    let mut reader = ImageReader::new(source).with_guessed_format().map_err(VisionError::io("read", path))?;
    if reader.format().is_none() {
        return Err(fault("the file is empty or not in a known image format".into()));
    }
    // The sides are checked below, with their numbers.
    let mut allowed = image::Limits::no_limits();
    allowed.max_alloc = Some(limits.max_alloc);
    reader.limits(allowed);
    let refused = |error: image::ImageError, size: &str| match error {
        image::ImageError::Limits(_) => {
            let limit = limits.max_alloc;
            fault(format!("{size}takes more memory than the limit of {limit} bytes"))
        }
        error => fault(one_line(&error)),
    };
    let mut decoder = reader.into_decoder().map_err(|error| refused(error, "it "))?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(fault(format!("the picture is {width} x {height}")));
    }
    let checks = [
        ("the longer side", u64::from(width.max(height)), u64::from(limits.max_side)),
        ("the area", u64::from(width) * u64::from(height), limits.max_pixels),
        ("the decoded size in bytes", decoder.total_bytes(), limits.max_alloc),
    ];
    if let Some((what, size, limit)) = checks.into_iter().find(|(_, size, limit)| size > limit) {
        let what = format!("{what} of {width} x {height} pixels");
        return Err(VisionError::TooLarge { path: path.to_path_buf(), what, size, limit });
    }
    // A picture whose orientation cannot be read is upright.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let size = format!("the picture of {width} x {height} pixels ");
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| refused(error, &size))?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// A decoder's message without line breaks.
fn one_line(error: &image::ImageError) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn eight_bit(picture: DynamicImage, path: &Path) -> Result<Image> {
    let size = [picture.height() as usize, picture.width() as usize];
    let (mode, bytes) = match picture.color() {
        ColorType::L8 | ColorType::L16 => (Mode::L, picture.into_luma8().into_raw()),
        ColorType::La8 | ColorType::La16 => (Mode::LA, picture.into_luma_alpha8().into_raw()),
        ColorType::Rgb8 | ColorType::Rgb16 | ColorType::Rgb32F => (Mode::RGB, picture.into_rgb8().into_raw()),
        ColorType::Rgba8 | ColorType::Rgba16 | ColorType::Rgba32F => (Mode::RGBA, picture.into_rgba8().into_raw()),
        other => {
            let reason = format!("the colour type {other:?} is not supported");
            return Err(VisionError::Decode { path: path.to_path_buf(), reason });
        }
    };
    Ok(Image::from_bytes(&bytes, mode, size))
}
