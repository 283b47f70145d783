//! Turning the wheel of hues, in PIL's 8-bit HSV for images and in floating-point HSV for tensors.

use tensor::{DType, Element, Tensor, dispatch};

use super::convert_image_dtype;
use crate::transform::picture::{check, per_chunk};
use crate::transform::{Pixels, Rule};

/// The hue turned by `factor` turns, from -0.5 to 0.5; grey pictures stay.
/// PyTorch: `torchvision.transforms.functional.adjust_hue`.
///
/// An image's alpha is kept, where PIL makes it opaque.
///
/// # Panics
/// If `factor` is outside -0.5..=0.5, or the picture has neither 1 nor 3 colours.
#[track_caller]
pub fn adjust_hue<P: Pixels>(picture: &P, factor: f64) -> P {
    if !(-0.5..=0.5).contains(&factor) {
        tensor::fault!("adjust_hue", [], "the factor must be in -0.5..=0.5, got {factor}");
    }
    let x = picture.pixels();
    let pil = picture.rule() == Rule::Pil;
    check("adjust_hue", x, if pil { &[1, 2, 3, 4] } else { &[1, 3] });
    if picture.channels() < 3 {
        return picture.clone();
    }
    if pil {
        let turn = ((factor * 255.0) as i32) as u8;
        return picture.with_pixels(per_chunk::<u8, u8>(x, 3, x.shape(), |source, out| {
            out.copy_from_slice(source);
            let size = source.len() / x.shape()[0];
            for i in 0..size {
                let [h, s, v] = pil_hsv([source[i], source[size + i], source[2 * size + i]]);
                let rgb = pil_rgb([h.wrapping_add(turn), s, v]);
                (out[i], out[size + i], out[2 * size + i]) = (rgb[0], rgb[1], rgb[2]);
            }
        }));
    }
    let turned = turn(&if x.dtype() == DType::F64 { x.clone() } else { convert_image_dtype(x, DType::F32) }, factor);
    picture.with_pixels(convert_image_dtype(&turned, x.dtype()))
}

fn turn(x: &Tensor, factor: f64) -> Tensor {
    let tail = &x.shape()[x.rank() - 3..];
    dispatch!(float "adjust_hue", x.dtype(), T => per_chunk::<T, T>(x, 3, tail, |source, out| {
        let size = source.len() / 3;
        for i in 0..size {
            let rgb = [source[i], source[size + i], source[2 * size + i]].map(Element::to_f64);
            let rgb = turned(rgb, factor).map(<T as Element>::from_f64);
            (out[i], out[size + i], out[2 * size + i]) = (rgb[0], rgb[1], rgb[2]);
        }
    }))
}

/// Red, green and blue in 0..1 after a turn of the hue.
fn turned([r, g, b]: [f64; 3], factor: f64) -> [f64; 3] {
    let (high, low) = (r.max(g).max(b), r.min(g).min(b));
    let range = high - low;
    let (hue, saturation) = if range == 0.0 {
        (0.0, 0.0)
    } else {
        let [rc, gc, bc] = [r, g, b].map(|v| (high - v) / range);
        let sixths = if r == high {
            bc - gc
        } else if g == high {
            2.0 + rc - bc
        } else {
            4.0 + gc - rc
        };
        ((sixths / 6.0 + 1.0) % 1.0, range / high)
    };
    let sixths = (hue + factor).rem_euclid(1.0) * 6.0;
    let sector = sixths.floor();
    let f = sixths - sector;
    let part = |k: f64| (high * (1.0 - saturation * k)).clamp(0.0, 1.0);
    sextant(sector as i64, high, [part(1.0), part(f), part(1.0 - f)])
}

/// The colour of a sixth of the wheel from `v` and `[p, q, t]`.
fn sextant<T: Copy>(sector: i64, v: T, [p, q, t]: [T; 3]) -> [T; 3] {
    match sector.rem_euclid(6) {
        0 => [v, t, p],
        1 => [q, v, p],
        2 => [p, v, t],
        3 => [p, q, v],
        4 => [t, p, v],
        _ => [v, p, q],
    }
}

/// `libImaging/Convert.c`, `rgb2hsv_row`.
fn pil_hsv([r, g, b]: [u8; 3]) -> [u8; 3] {
    let (high, low) = (r.max(g).max(b), r.min(g).min(b));
    if high == low {
        return [0, 0, high];
    }
    let range = f32::from(high - low);
    let [rc, gc, bc] = [r, g, b].map(|v| f32::from(high - v) / range);
    let sixths = if r == high {
        bc - gc
    } else if g == high {
        (2.0 + f64::from(rc) - f64::from(bc)) as f32
    } else {
        (4.0 + f64::from(gc) - f64::from(rc)) as f32
    };
    let hue = ((f64::from(sixths) / 6.0 + 1.0) % 1.0) as f32;
    let saturation = range / f32::from(high);
    [(f64::from(hue) * 255.0) as u8, (f64::from(saturation) * 255.0) as u8, high]
}

/// `libImaging/Convert.c`, `hsv2rgb`.
fn pil_rgb([h, s, v]: [u8; 3]) -> [u8; 3] {
    if s == 0 {
        return [v; 3];
    }
    let sixths = f64::from(h) * 6.0 / 255.0;
    let sector = sixths.floor();
    let f = sixths - sector;
    let (fs, fv) = (f64::from(s) / 255.0, f64::from(v));
    let part = |k: f64| (fv * (1.0 - fs * k)).round().clamp(0.0, 255.0) as u8;
    sextant(sector as i64, v, [part(1.0), part(f), part(1.0 - f)])
}
