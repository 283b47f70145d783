//! PyTorch's resampling of float tensors: nearest, bilinear and bicubic, with and without antialiasing.
//!
//! Source: PyTorch, `aten/src/ATen/native/cpu/UpSampleKernel.cpp`. Positions and weights are computed in `f32` for `f32`
//! pictures, since their rounding decides which pixel is nearest.

use tensor::{DType, Element, Float, Tensor, dispatch};

use super::super::picture::per_chunk;
use crate::transform::Interpolation;

/// Per output pixel, the input pixels and their weights.
type Taps<T> = Vec<Vec<(usize, T)>>;

/// `[..., H, W]` in another size, by the nearest pixel.
pub(super) fn nearest(x: &Tensor, [height, width]: [usize; 2], interpolation: Interpolation) -> Tensor {
    let [rows, columns] = [x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]];
    let offset = if interpolation == Interpolation::NearestExact { 0.5 } else { 0.0 };
    let index = |from: usize, to: usize| -> Vec<usize> {
        let wide = x.dtype() == DType::F64;
        let at = |i: usize| {
            if wide {
                ((i as f64 + offset) * (from as f64 / to as f64)) as usize
            } else {
                ((i as f32 + offset as f32) * (from as f32 / to as f32)) as usize
            }
        };
        (0..to).map(|i| at(i).min(from - 1)).collect()
    };
    let (ys, xs) = (index(rows, height), index(columns, width));
    dispatch!(all "resize", x.dtype(), T => per_chunk::<T, T>(x, 2, &[height, width], |plane, out| {
        for (out, &y) in out.chunks_exact_mut(width).zip(&ys) {
            let row = &plane[y * columns..(y + 1) * columns];
            out.iter_mut().zip(&xs).for_each(|(out, &x)| *out = row[x]);
        }
    }))
}

/// `[..., H, W]` of floats in another size, bilinear or bicubic.
pub(super) fn resample(
    x: &Tensor,
    [height, width]: [usize; 2],
    interpolation: Interpolation,
    antialias: bool,
) -> Tensor {
    let [rows, columns] = [x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]];
    dispatch!(float "resize", x.dtype(), T => {
        let taps = |from, to| match (antialias, interpolation) {
            (true, _) => antialiased::<T>(from, to, interpolation),
            (false, Interpolation::Bicubic) => cubic::<T>(from, to),
            (false, _) => linear::<T>(from, to),
        };
        let (ys, xs) = (taps(rows, height), taps(columns, width));
        let x = if columns == width { x.clone() } else {
            per_chunk::<T, T>(x, 1, &[width], |row, out| {
                for (out, taps) in out.iter_mut().zip(&xs) {
                    *out = taps.iter().fold(T::ZERO, |sum, &(i, w)| sum + row[i] * w);
                }
            })
        };
        if rows == height {
            return x;
        }
        per_chunk::<T, T>(&x, 2, &[height, width], |plane, out| {
            for (out, taps) in out.chunks_exact_mut(width).zip(&ys) {
                out.fill(T::ZERO);
                for &(y, w) in taps {
                    let row = &plane[y * width..(y + 1) * width];
                    out.iter_mut().zip(row).for_each(|(out, &v)| *out += v * w);
                }
            }
        })
    })
}

fn number<T: Element>(value: f64) -> T {
    <T as Element>::from_f64(value)
}

fn linear<T: Float>(from: usize, to: usize) -> Taps<T> {
    let scale = number::<T>(from as f64) / number(to as f64);
    (0..to)
        .map(|i| {
            let at = num_traits::Float::max(scale * (number::<T>(i as f64) + number(0.5)) - number(0.5), T::ZERO);
            let first = (Element::to_i64(at) as usize).min(from - 1);
            let weight = num_traits::Float::min(at - number(first as f64), T::ONE);
            vec![(first, T::ONE - weight), ((first + 1).min(from - 1), weight)]
        })
        .collect()
}

fn cubic<T: Float>(from: usize, to: usize) -> Taps<T> {
    let scale = number::<T>(from as f64) / number(to as f64);
    (0..to)
        .map(|i| {
            let at = scale * (number::<T>(i as f64) + number(0.5)) - number(0.5);
            let first = num_traits::Float::floor(at);
            let t = at - first;
            let weights = [t + T::ONE, t, T::ONE - t, number::<T>(2.0) - t].map(|x| cubic_filter(x, -0.75));
            let first = Element::to_i64(first);
            let clamped = |j: usize| (first - 1 + j as i64).clamp(0, from as i64 - 1) as usize;
            (0..4).map(|j| (clamped(j), weights[j])).collect()
        })
        .collect()
}

/// Keys' cubic of `x >= 0`.
fn cubic_filter<T: Float>(x: T, a: f64) -> T {
    let a = number::<T>(a);
    if x < T::ONE {
        ((a + number(2.0)) * x - (a + number(3.0))) * x * x + T::ONE
    } else if x < number(2.0) {
        (((x - number(5.0)) * x + number(8.0)) * x - number(4.0)) * a
    } else {
        T::ZERO
    }
}

fn antialiased<T: Float>(from: usize, to: usize, interpolation: Interpolation) -> Taps<T> {
    let cubic = interpolation == Interpolation::Bicubic;
    let half: T = number(0.5);
    let scale = number::<T>(from as f64) / number(to as f64);
    let widened = num_traits::Float::max(scale, T::ONE);
    let support = number::<T>(if cubic { 2.0 } else { 1.0 }) * widened;
    (0..to)
        .map(|i| {
            let center = scale * (number::<T>(i as f64) + half);
            let first = Element::to_i64(center - support + half).max(0);
            let end = Element::to_i64(center + support + half).min(from as i64);
            let mut taps: Vec<(usize, T)> = (first..end)
                .map(|j| {
                    let x = num_traits::Float::abs((number::<T>(j as f64) - center + half) / widened);
                    let weight =
                        if cubic { cubic_filter(x, -0.5) } else { num_traits::Float::max(T::ONE - x, T::ZERO) };
                    (j as usize, weight)
                })
                .collect();
            let sum = taps.iter().fold(T::ZERO, |sum, &(_, w)| sum + w);
            if sum != T::ZERO {
                taps.iter_mut().for_each(|(_, w)| *w /= sum);
            }
            taps
        })
        .collect()
}
