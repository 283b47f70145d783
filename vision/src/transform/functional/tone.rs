//! Curves of tone, most of them a table of 256 entries: inversion, posterising, solarising, histogram stretching and
//! equalising.

use tensor::{DType, Element, Tensor, dispatch};

use crate::transform::picture::{bound, check, per_chunk};
use crate::transform::{Pixels, Rule};

/// The channels that are colour, and opacity where an image has it.
#[track_caller]
fn split<P: Pixels>(op: &str, picture: &P) -> (Tensor, Option<Tensor>) {
    let x = picture.pixels();
    check(op, x, if picture.rule() == Rule::Pil { &[1, 2, 3, 4] } else { &[1, 3] });
    let channels = picture.channels();
    if picture.rule() == Rule::Pil && channels.is_multiple_of(2) {
        (x.narrow(-3, 0, channels - 1), Some(x.narrow(-3, channels - 1, 1)))
    } else {
        (x.clone(), None)
    }
}

fn join<P: Pixels>(picture: &P, colors: Tensor, alpha: Option<Tensor>) -> P {
    picture.with_pixels(match alpha {
        Some(alpha) => Tensor::cat(&[&colors, &alpha], -3),
        None => colors,
    })
}

/// A table applied to every colour of an image; opacity is kept.
pub(super) fn look_up<P: Pixels>(picture: &P, table: &[u8; 256]) -> Tensor {
    let (colors, alpha) = split("look_up", picture);
    let mapped = colors.map(|v: u8| table[usize::from(v)]);
    join(picture, mapped, alpha).pixels().clone()
}

/// `255 - x`, or `1 - x` for floats; alpha is kept. PyTorch: `torchvision.transforms.functional.invert`.
///
/// ```
/// use tensor::Tensor;
/// use gradus_vision::transform::functional::invert;
/// assert_eq!(invert(&Tensor::from([[[0u8, 200]]])).to_vec::<u8>(), [255, 55]);
/// ```
///
/// # Panics
/// If the picture has neither 1 nor 3 colours.
#[track_caller]
pub fn invert<P: Pixels>(picture: &P) -> P {
    let (x, alpha) = split("invert", picture);
    let inverted = match x.dtype() {
        DType::U8 => x.map(|v: u8| 255 - v),
        DType::F32 => x.map(|v: f32| 1.0 - v),
        _ => x.map(|v: f64| 1.0 - v),
    };
    join(picture, inverted, alpha)
}

/// Each colour cut to its `bits` highest bits. PyTorch: `torchvision.transforms.functional.posterize`.
///
/// # Panics
/// If `bits` is over 8, or the picture is not `u8` with 1 or 3 colours.
#[track_caller]
pub fn posterize<P: Pixels>(picture: &P, bits: u32) -> P {
    let (x, alpha) = split("posterize", picture);
    if bits > 8 {
        tensor::fault!("posterize", [x: x.shape()], "bits must be at most 8, got {bits}");
    }
    if x.dtype() != DType::U8 {
        tensor::error::unsupported("posterize", x.dtype(), "u8");
    }
    let mask = (0xff00_u32 >> bits) as u8;
    join(picture, x.map(|v: u8| v & mask), alpha)
}

/// Colours of at least `threshold` inverted. PyTorch: `torchvision.transforms.functional.solarize`.
///
/// # Panics
/// If `threshold` is over the largest value (of a tensor), or the picture has neither 1 nor 3 colours.
#[track_caller]
pub fn solarize<P: Pixels>(picture: &P, threshold: f64) -> P {
    let (x, alpha) = split("solarize", picture);
    let top = bound(x.dtype());
    if picture.rule() == Rule::Tensor && threshold > top {
        tensor::fault!("solarize", [x: x.shape()], "the threshold {threshold} is over the largest value, {top}");
    }
    let solarized = match x.dtype() {
        DType::U8 => x.map(|v: u8| if f64::from(v) < threshold { v } else { 255 - v }),
        DType::F32 => x.map(|v: f32| if v < threshold as f32 { v } else { 1.0 - v }),
        _ => x.map(|v: f64| if v < threshold { v } else { 1.0 - v }),
    };
    join(picture, solarized, alpha)
}

/// Each channel stretched so that its darkest value becomes 0 and its lightest the largest.
/// PyTorch: `torchvision.transforms.functional.autocontrast`.
///
/// # Panics
/// If the picture has neither 1 nor 3 colours.
#[track_caller]
pub fn autocontrast<P: Pixels>(picture: &P) -> P {
    let (x, alpha) = split("autocontrast", picture);
    let size = picture.size();
    let pil = picture.rule() == Rule::Pil;
    let stretched = dispatch!(number "autocontrast", x.dtype(), T => per_chunk::<T, T>(&x, 2, &size, |plane, out| {
        let value = |v: T| Element::to_f64(v);
        let (low, high) = plane.iter().fold((f64::MAX, f64::MIN), |(l, h), &v| (l.min(value(v)), h.max(value(v))));
        // A single value has nothing to stretch.
        if high <= low {
            out.copy_from_slice(plane);
            return;
        }
        let top = bound(T::DTYPE);
        let scale = top / (high - low);
        for (out, &v) in out.iter_mut().zip(plane) {
            let stretched = if pil {
                value(v) * scale + -low * scale
            } else if T::DTYPE == DType::F64 {
                (value(v) - low) * scale
            } else {
                f64::from((value(v) as f32 - low as f32) * (top as f32 / (high as f32 - low as f32)))
            };
            *out = <T as Element>::from_f64(stretched.clamp(0.0, top));
        }
    }));
    join(picture, stretched, alpha)
}

/// Each channel mapped so that its values are spread evenly. PyTorch: `torchvision.transforms.functional.equalize`.
///
/// # Panics
/// If the picture is not `u8` with 1 or 3 colours.
#[track_caller]
pub fn equalize<P: Pixels>(picture: &P) -> P {
    let (x, alpha) = split("equalize", picture);
    if x.dtype() != DType::U8 {
        tensor::error::unsupported("equalize", x.dtype(), "u8");
    }
    let size = picture.size();
    let equalized = per_chunk::<u8, u8>(&x, 2, &size, |plane, out| {
        let mut histogram = [0usize; 256];
        plane.iter().for_each(|&v| histogram[usize::from(v)] += 1);
        let last = histogram.iter().rev().find(|&&n| n > 0).copied().unwrap_or(0);
        let step = (plane.len() - last) / 255;
        if step == 0 {
            out.copy_from_slice(plane);
            return;
        }
        let mut below = step / 2;
        let table: [u8; 256] = std::array::from_fn(|v| {
            let level = (below / step).min(255) as u8;
            below += histogram[v];
            level
        });
        out.iter_mut().zip(plane).for_each(|(out, &v)| *out = table[usize::from(v)]);
    });
    join(picture, equalized, alpha)
}
