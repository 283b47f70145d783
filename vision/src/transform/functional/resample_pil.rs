//! PIL's resampling: separable filters in fixed point, widened by the reduction; columns first, then rows.
//!
//! Source: Pillow, `libImaging/Resample.c`.

use std::f64::consts::PI;

use fast_image_resize::images::{self, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use tensor::Tensor;

use super::super::picture::per_chunk;
use super::warp_pil;
use crate::transform::Interpolation;

/// Bits of fraction of a weight; 8 remain for the value and 2 for sums beyond it.
const PRECISION: u32 = 22;

/// Per output pixel, the first input pixel and the weights of it and those after it.
pub(super) struct Weights<W> {
    start: Vec<usize>,
    count: Vec<usize>,
    weights: Vec<W>,
    stride: usize,
}

impl<W: Copy> Weights<W> {
    fn at(&self, i: usize) -> (usize, &[W]) {
        (self.start[i], &self.weights[i * self.stride..i * self.stride + self.count[i]])
    }

    fn map<V>(&self, f: impl Fn(W) -> V) -> Weights<V> {
        let weights = self.weights.iter().map(|&w| f(w)).collect();
        Weights { start: self.start.clone(), count: self.count.clone(), weights, stride: self.stride }
    }
}

fn filter(interpolation: Interpolation) -> (f64, fn(f64) -> f64) {
    fn sinc(x: f64) -> f64 {
        if x == 0.0 { 1.0 } else { (x * PI).sin() / (x * PI) }
    }
    match interpolation {
        Interpolation::Box => (0.5, |x| if x > -0.5 && x <= 0.5 { 1.0 } else { 0.0 }),
        Interpolation::Hamming => (1.0, |x| match x.abs() {
            0.0 => 1.0,
            x if x >= 1.0 => 0.0,
            x => sinc(x) * (0.54 + 0.46 * (x * PI).cos()),
        }),
        Interpolation::Bicubic => (2.0, |x| {
            const A: f64 = -0.5;
            match x.abs() {
                x if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
                x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
                _ => 0.0,
            }
        }),
        Interpolation::Lanczos => (3.0, |x| if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }),
        _ => (1.0, |x| (1.0 - x.abs()).max(0.0)),
    }
}

/// The weights of a filter of `support` for `from` pixels becoming `to`.
fn weights(from: usize, to: usize, (support, filter): (f64, fn(f64) -> f64)) -> Weights<f64> {
    let scale = from as f64 / to as f64;
    let widened = scale.max(1.0);
    let support = support * widened;
    let stride = support.ceil() as usize * 2 + 1;
    let mut result = Weights { start: vec![0; to], count: vec![0; to], weights: vec![0.0; to * stride], stride };
    for i in 0..to {
        let center = (i as f64 + 0.5) * scale;
        // Conversion to integers saturates at 0, as the C code does by a test.
        let first = (center - support + 0.5) as usize;
        let count = ((center + support + 0.5) as usize).min(from) - first;
        let row = &mut result.weights[i * stride..i * stride + count];
        for (j, w) in row.iter_mut().enumerate() {
            *w = filter(((j + first) as f64 - center + 0.5) / widened);
        }
        let sum: f64 = row.iter().sum();
        if sum != 0.0 {
            row.iter_mut().for_each(|w| *w /= sum);
        }
        (result.start[i], result.count[i]) = (first, count);
    }
    result
}

fn fixed(from: usize, to: usize, interpolation: Interpolation) -> Weights<i32> {
    weights(from, to, filter(interpolation))
        .map(|w| (w * f64::from(1 << PRECISION) + if w < 0.0 { -0.5 } else { 0.5 }) as i32)
}

fn clip(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

const HALF: i32 = 1 << (PRECISION - 1);

/// Pictures from so many pixels on go to `fast_image_resize`: the same filters in SIMD with weights of 16 bits, several
/// times faster and within one grey level.
const LARGE: usize = 128 * 128;

/// `u8 [C, H, W]` in another size, by a filter.
pub(super) fn resample(x: &Tensor, to: [usize; 2], interpolation: Interpolation) -> Tensor {
    let [rows, columns] = [x.shape()[1], x.shape()[2]];
    if rows * columns >= LARGE
        && let Some(resized) = fast(x, to, interpolation)
    {
        return resized;
    }
    exact(x, to, interpolation)
}

/// Resamples interleaved pixels with `fast_image_resize`; `None` where that library has no answer.
fn fast(x: &Tensor, [height, width]: [usize; 2], interpolation: Interpolation) -> Option<Tensor> {
    let (kind, channels) = match x.shape()[0] {
        1 => (PixelType::U8, 1),
        2 => (PixelType::U8x2, 2),
        3 => (PixelType::U8x3, 3),
        4 => (PixelType::U8x4, 4),
        _ => return None,
    };
    let filter = match interpolation {
        Interpolation::Bilinear => FilterType::Bilinear,
        Interpolation::Box => FilterType::Box,
        Interpolation::Hamming => FilterType::Hamming,
        // Bicubic and Lanczos have negative weights, with which 16 bits miss by more than one grey level.
        _ => return None,
    };
    let interleaved = x.permute([1, 2, 0]).contiguous();
    let bytes = interleaved.as_slice::<u8>()?;
    let side = |n: usize| u32::try_from(n).ok();
    let source = ImageRef::new(side(x.shape()[2])?, side(x.shape()[1])?, bytes, kind).ok()?;
    let mut target = images::Image::new(side(width)?, side(height)?, kind);
    // Alpha is premultiplied by the caller.
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false);
    Resizer::new().resize(&source, &mut target, &options).ok()?;
    Some(Tensor::from_slice(target.buffer(), [height, width, channels]).permute([2, 0, 1]))
}

/// PIL's arithmetic, bit for bit.
fn exact(x: &Tensor, [height, width]: [usize; 2], interpolation: Interpolation) -> Tensor {
    let [rows, columns] = [x.shape()[1], x.shape()[2]];
    let x = if columns == width {
        x.clone()
    } else {
        let weights = fixed(columns, width, interpolation);
        per_chunk::<u8, u8>(x, 1, &[width], |row, out| {
            for (i, out) in out.iter_mut().enumerate() {
                let (first, weights) = weights.at(i);
                let terms = row[first..first + weights.len()].iter().zip(weights);
                *out = clip(terms.fold(HALF, |sum, (&v, &w)| sum.wrapping_add(i32::from(v) * w)));
            }
        })
    };
    if rows == height {
        return x;
    }
    let weights = fixed(rows, height, interpolation);
    per_chunk::<u8, u8>(&x, 2, &[height, width], |plane, out| {
        let mut sums = vec![0i32; width];
        for (i, out) in out.chunks_exact_mut(width).enumerate() {
            let (first, weights) = weights.at(i);
            sums.fill(HALF);
            for (row, &w) in plane[first * width..].chunks_exact(width).zip(weights) {
                sums.iter_mut().zip(row).for_each(|(sum, &v)| *sum = sum.wrapping_add(i32::from(v) * w));
            }
            out.iter_mut().zip(&sums).for_each(|(out, &sum)| *out = clip(sum));
        }
    })
}

/// `u8 [C, H, W]` in another size, by the pixel that contains each centre.
pub(super) fn nearest(x: &Tensor, [height, width]: [usize; 2]) -> Tensor {
    let [rows, columns] = [x.shape()[1], x.shape()[2]];
    let scale = [columns as f64 / width as f64, rows as f64 / height as f64];
    warp_pil::scale(x, [height, width], [scale[0], 0.0, 0.0, 0.0, scale[1], 0.0], &[0])
}

#[cfg(test)]
mod tests {
    use tensor::{Generator, Tensor};

    use super::{exact, fast};
    use crate::transform::Interpolation;

    #[test]
    fn the_fast_filters_are_within_one_grey_level() {
        let mut generator = Generator::new(5);
        // Smooth stretches and noise, as photos have.
        let value =
            |i: usize, noise: u64| ((i / 150 + i % 150) as u64 / 2 + noise % if i % 150 < 75 { 8 } else { 150 }) as u8;
        let bytes: Vec<u8> = (0..3 * 140 * 150).map(|i| value(i % (140 * 150), generator.bits())).collect();
        let x = Tensor::from_vec(bytes, [3, 140, 150]);
        for interpolation in [Interpolation::Bilinear, Interpolation::Box, Interpolation::Hamming] {
            for to in [[64, 64], [139, 31], [200, 300], [140, 40]] {
                let (a, b) = (fast(&x, to, interpolation).unwrap(), exact(&x, to, interpolation));
                let worst = a.to_vec::<u8>().into_iter().zip(b.to_vec::<u8>()).map(|(a, b)| a.abs_diff(b)).max();
                assert!(worst <= Some(1), "{interpolation:?} {to:?}: {worst:?}");
            }
        }
    }
}
