//! Adjustments that mix a picture with a plainer version of itself, and the grey picture they need.

use tensor::{DType, Element, Tensor, dispatch};

use super::convert_image_dtype;
use crate::image::luma;
use crate::transform::picture::{bound, check, per_chunk};
use crate::transform::{Pixels, Rule};

/// A grey picture: PIL's luma for images, `0.2989 R + 0.587 G + 0.114 B` for tensors; in one channel, or repeated in
/// three. PyTorch: `torchvision.transforms.functional.rgb_to_grayscale`.
///
/// # Panics
/// If `channels` is not 1 or 3, or the picture has neither 1 nor 3 channels (images: with alpha, 2 or 4; it is dropped).
#[track_caller]
pub fn rgb_to_grayscale<P: Pixels>(picture: &P, channels: usize) -> P {
    if channels != 1 && channels != 3 {
        tensor::fault!("rgb_to_grayscale", [], "the result has 1 or 3 channels, not {channels}");
    }
    let grey = grey("rgb_to_grayscale", picture);
    let mut shape = grey.shape().to_vec();
    let at = shape.len() - 3;
    shape[at] = channels;
    // torchvision leaves a grey tensor's single channel alone only where one is asked for.
    picture.with_pixels(if channels == 1 { grey } else { grey.expand(&shape) })
}

/// The grey picture in one channel.
#[track_caller]
fn grey<P: Pixels>(op: &str, picture: &P) -> Tensor {
    let x = picture.pixels();
    check(op, x, if picture.rule() == Rule::Pil { &[1, 2, 3, 4] } else { &[1, 3] });
    let channels = picture.channels();
    if channels < 3 {
        return x.narrow(-3, 0, 1);
    }
    let [rows, columns] = picture.size();
    let size = rows * columns;
    let pil = picture.rule() == Rule::Pil;
    dispatch!(number op, x.dtype(), T => per_chunk::<T, T>(x, 3, &[1, rows, columns], |source, out| {
        let (r, rest) = source.split_at(size);
        let (g, b) = (&rest[..size], &rest[size..2 * size]);
        for (i, out) in out.iter_mut().enumerate() {
            let [r, g, b] = [r[i], g[i], b[i]].map(Element::to_f64);
            *out = <T as Element>::from_f64(if pil {
                f64::from(luma([r as u8, g as u8, b as u8]))
            } else if T::DTYPE == DType::F64 {
                0.2989 * r + 0.587 * g + 0.114 * b
            } else {
                f64::from(0.2989f32 * r as f32 + 0.587f32 * g as f32 + 0.114f32 * b as f32)
            });
        }
    }))
}

/// How many of a picture's channels are colour: the last of two or four channels of an image is opacity.
fn colors<P: Pixels>(picture: &P) -> usize {
    let channels = picture.channels();
    if picture.rule() == Rule::Pil && channels.is_multiple_of(2) { channels - 1 } else { channels }
}

/// `ratio * x + (1 - ratio) * plain`, clamped; alpha is kept.
#[track_caller]
fn blend<P: Pixels>(picture: &P, plain: &Tensor, ratio: f64) -> P {
    let whole = picture.pixels();
    let colors = colors(picture);
    let x = if colors == picture.channels() { whole.clone() } else { whole.narrow(-3, 0, colors) };
    let top = bound(x.dtype());
    let mixed = match (picture.rule(), x.dtype()) {
        (Rule::Pil, _) => x.zip_map(plain, |x: u8, p: u8| {
            // ImagingBlend: f32, truncated.
            (f32::from(p) + ratio as f32 * (f32::from(x) - f32::from(p))).clamp(0.0, 255.0) as u8
        }),
        (Rule::Tensor, DType::U8) => x.zip_map(&plain.to_dtype(DType::F32), |x: u8, p: f32| {
            (ratio as f32 * f32::from(x) + (1.0 - ratio) as f32 * p).clamp(0.0, 255.0) as u8
        }),
        _ => x.mul_scalar(ratio).add(&plain.mul_scalar(1.0 - ratio)).clamp(0.0, top),
    };
    picture.with_pixels(if colors == picture.channels() {
        mixed
    } else {
        Tensor::cat(&[&mixed, &whole.narrow(-3, colors as isize as usize, 1)], -3)
    })
}

#[track_caller]
fn check_factor(op: &str, factor: f64) {
    if factor.is_nan() || factor < 0.0 {
        tensor::fault!(op, [], "the factor must not be negative, got {factor}");
    }
}

#[track_caller]
fn check_colors<P: Pixels>(op: &str, picture: &P) {
    check(op, picture.pixels(), if picture.rule() == Rule::Pil { &[1, 2, 3, 4] } else { &[1, 3] });
}

/// `factor * x`, clamped: 0 is black, 1 the picture itself.
/// PyTorch: `torchvision.transforms.functional.adjust_brightness`.
///
/// # Panics
/// If `factor` is negative, or the picture has neither 1 nor 3 colours.
#[track_caller]
pub fn adjust_brightness<P: Pixels>(picture: &P, factor: f64) -> P {
    check_factor("adjust_brightness", factor);
    check_colors("adjust_brightness", picture);
    blend(picture, &picture.pixels().narrow(-3, 0, 1).zeros_like(), factor)
}

/// A mix of the picture with its mean grey: 0 is grey, 1 the picture itself.
/// PyTorch: `torchvision.transforms.functional.adjust_contrast`.
///
/// # Panics
/// As [`adjust_brightness`].
#[track_caller]
pub fn adjust_contrast<P: Pixels>(picture: &P, factor: f64) -> P {
    check_factor("adjust_contrast", factor);
    check_colors("adjust_contrast", picture);
    let grey = grey("adjust_contrast", picture);
    if grey.is_empty() {
        return picture.clone();
    }
    let mean = match (picture.rule(), grey.dtype()) {
        (Rule::Pil, _) => {
            let sum: u64 = grey.view_as::<u8>().iter().map(u64::from).sum();
            Tensor::full([1, 1, 1], (sum as f64 / grey.len() as f64 + 0.5).floor(), DType::U8)
        }
        (Rule::Tensor, DType::U8) => grey.to_dtype(DType::F32).mean(&[-3, -2, -1], true),
        _ => grey.mean(&[-3, -2, -1], true),
    };
    blend(picture, &mean, factor)
}

/// A mix of the picture with its grey version: 0 is grey, 1 the picture itself.
/// PyTorch: `torchvision.transforms.functional.adjust_saturation`.
///
/// # Panics
/// As [`adjust_brightness`].
#[track_caller]
pub fn adjust_saturation<P: Pixels>(picture: &P, factor: f64) -> P {
    check_factor("adjust_saturation", factor);
    check_colors("adjust_saturation", picture);
    if colors(picture) == 1 {
        return picture.clone();
    }
    blend(picture, &grey("adjust_saturation", picture), factor)
}

/// A mix of the picture with a smoothed version: 0 is smooth, 1 the picture itself, 2 sharpened. The outermost rows and
/// columns stay. PyTorch: `torchvision.transforms.functional.adjust_sharpness`.
///
/// # Panics
/// As [`adjust_brightness`].
#[track_caller]
pub fn adjust_sharpness<P: Pixels>(picture: &P, factor: f64) -> P {
    check_factor("adjust_sharpness", factor);
    check_colors("adjust_sharpness", picture);
    let x = picture.pixels();
    let [rows, columns] = picture.size();
    if rows <= 2 || columns <= 2 {
        return picture.clone();
    }
    let pil = picture.rule() == Rule::Pil;
    let colors = colors(picture);
    let smooth = dispatch!(number "adjust_sharpness", x.dtype(), T => per_chunk::<T, T>(
        &x.narrow(-3, 0, colors), 2, &[rows, columns], |plane, out| {
            out.copy_from_slice(plane);
            for y in 1..rows - 1 {
                for x in 1..columns - 1 {
                    let at = |dy: usize, dx: usize| {
                        Element::to_f64(plane[(y + dy - 1) * columns + x + dx - 1])
                    };
                    let ring = at(0, 0) + at(0, 1) + at(0, 2) + at(1, 0) + at(1, 2) + at(2, 0) + at(2, 1) + at(2, 2);
                    let mean = (ring + 5.0 * at(1, 1)) / 13.0;
                    out[y * columns + x] = <T as Element>::from_f64(match T::DTYPE {
                        DType::U8 if pil => (mean + 0.5).floor(),
                        DType::U8 => mean.round_ties_even(),
                        _ => mean,
                    });
                }
            }
        }
    ));
    blend(picture, &smooth, factor)
}

/// `gain * x^gamma` on values in 0..1, clamped. PyTorch: `torchvision.transforms.functional.adjust_gamma`.
///
/// # Panics
/// If `gamma` is negative, or the picture has neither 1 nor 3 colours.
#[track_caller]
pub fn adjust_gamma<P: Pixels>(picture: &P, gamma: f64, gain: f64) -> P {
    check_factor("adjust_gamma", gamma);
    check_colors("adjust_gamma", picture);
    let x = picture.pixels();
    let curve = |v: f64| gain * libm::pow(v, gamma);
    picture.with_pixels(match (picture.rule(), x.dtype()) {
        (Rule::Pil, _) => {
            // Python's int() truncates, and values over 255 are cut; PIL has no gamma of alpha, here it is kept.
            let table: [u8; 256] = std::array::from_fn(|v| (255.999 * curve(v as f64 / 255.0)) as u8);
            super::tone::look_up(picture, &table)
        }
        (Rule::Tensor, DType::U8) => {
            let values = convert_image_dtype(x, DType::F32);
            let curved = values.map(|v: f32| (gain as f32 * libm::powf(v, gamma as f32)).clamp(0.0, 1.0));
            convert_image_dtype(&curved, DType::U8)
        }
        (_, DType::F32) => x.map(|v: f32| (gain as f32 * libm::powf(v, gamma as f32)).clamp(0.0, 1.0)),
        _ => x.map(|v: f64| curve(v).clamp(0.0, 1.0)),
    })
}
