//! torchvision's geometric transforms of float tensors: grids of points, sampled as `grid_sample` does, with a fill.
//!
//! Source: torchvision, `transforms/_functional_tensor.py`; PyTorch, `aten/src/ATen/native/cpu/GridSamplerKernel.cpp`.
//! For `f32` pictures the grids are computed in `f32` by the same steps, since rounding decides ties between pixels.

use tensor::{DType, Element, Tensor, dispatch};

use super::super::picture::per_chunk;
use super::Map;
use crate::transform::Interpolation;

/// Per pixel of the result the point to show, from -1 at the picture's first edge to 1 at its last.
pub(super) struct Grid(Vec<[f64; 2]>);

/// Rounds to the precision of the picture.
fn rounding(dtype: DType) -> fn(f64) -> f64 {
    if dtype == DType::F64 { |v| v } else { |v| f64::from(v as f32) }
}

/// `matrix` maps the result's pixels to the picture's, both about their middles.
pub(super) fn affine_grid(matrix: [f64; 6], size: [usize; 2], to: [usize; 2], dtype: DType) -> Grid {
    let r = rounding(dtype);
    let [h, w] = size.map(|n| r(0.5 * n as f64));
    let m = matrix.map(r);
    let scaled = [r(m[0] / w), r(m[1] / w), r(m[2] / w), r(m[3] / h), r(m[4] / h), r(m[5] / h)];
    let [rows, columns] = to;
    let start = |n: usize| -(n as f64) * 0.5 + 0.5;
    let (left, top) = (start(columns), start(rows));
    Grid(
        (0..rows * columns)
            .map(|i| {
                let (x, y) = (left + (i % columns) as f64, top + (i / columns) as f64);
                let dot = |a: f64, b: f64, c: f64| r(r(r(x * a) + r(y * b)) + c);
                [dot(scaled[0], scaled[1], scaled[2]), dot(scaled[3], scaled[4], scaled[5])]
            })
            .collect(),
    )
}

/// The grid of a perspective map's coefficients.
pub(super) fn perspective_grid(c: [f64; 8], to: [usize; 2], dtype: DType) -> Grid {
    let r = rounding(dtype);
    let [rows, columns] = to;
    let (h, w) = (0.5 * rows as f64, 0.5 * columns as f64);
    let c = c.map(r);
    let scaled = [r(c[0] / w), r(c[1] / w), r(c[2] / w), r(c[3] / h), r(c[4] / h), r(c[5] / h)];
    Grid(
        (0..rows * columns)
            .map(|i| {
                let (x, y) = ((i % columns) as f64 + 0.5, (i / columns) as f64 + 0.5);
                let dot = |a: f64, b: f64, c: f64| r(r(r(x * a) + r(y * b)) + c);
                let z = dot(c[6], c[7], 1.0);
                let u = dot(scaled[0], scaled[1], scaled[2]);
                let v = dot(scaled[3], scaled[4], scaled[5]);
                [r(r(u / z) - 1.0), r(r(v / z) - 1.0)]
            })
            .collect(),
    )
}

/// The grid of a map in pixels.
pub(super) fn map_grid(map: &Map, [rows, columns]: [usize; 2], to: [usize; 2]) -> Grid {
    let (h, w) = (0.5 * rows as f64, 0.5 * columns as f64);
    Grid(
        (0..to[0] * to[1])
            .map(|i| {
                let [x, y] = map.apply([(i % to[1]) as f64 + 0.5, (i / to[1]) as f64 + 0.5]);
                [x / w - 1.0, y / h - 1.0]
            })
            .collect(),
    )
}

/// The identity, moved by `displacement [1, H, W, 2]`.
pub(super) fn elastic_grid(displacement: &Tensor, [rows, columns]: [usize; 2]) -> Grid {
    let moved = displacement.to_vec::<f32>();
    let at = |i: usize, n: usize| ((2 * i) as f32 + 1.0 - n as f32) / n as f32;
    let point =
        |(i, d): (usize, &[f32])| [f64::from(at(i % columns, columns) + d[0]), f64::from(at(i / columns, rows) + d[1])];
    Grid(moved.chunks_exact(2).enumerate().map(point).collect())
}

/// Up to four pixels of a plane with their weights.
#[derive(Clone, Copy)]
struct Taps<T> {
    index: [usize; 4],
    weight: [T; 4],
    /// The sum of the weights of pixels inside the picture.
    inside: T,
}

/// The float picture `x` at the points of a grid; beyond it, `fill` (one value per channel) or 0.
pub(super) fn sample(
    x: &Tensor,
    grid: &Grid,
    [height, width]: [usize; 2],
    interpolation: Interpolation,
    fill: Option<&[f64]>,
) -> Tensor {
    let [rows, columns] = [x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]];
    let nearest = interpolation.is_nearest();
    // A picture without channels is one channel.
    let axes = x.rank().min(3);
    let tail = if axes == 3 { vec![x.shape()[x.rank() - 3], height, width] } else { vec![height, width] };
    dispatch!(float "warp", x.dtype(), T => {
        let r = rounding(x.dtype());
        let place = |v: f64, n: usize| r(r(r(v + 1.0) * (n as f64 * 0.5)) - 0.5);
        let points = grid.0.iter().map(|p| (place(p[0], columns), place(p[1], rows)));
        let taps: Vec<Taps<T>> = points
            .map(|(x, y)| if nearest { nearest_taps(x, y, rows, columns) } else { bilinear_taps(x, y, rows, columns) })
            .collect();
        per_chunk::<T, T>(x, axes, &tail, |source, out| {
            if out.is_empty() {
                return;
            }
            for (c, out) in out.chunks_exact_mut(height * width).enumerate() {
                let plane = &source[c * rows * columns..(c + 1) * rows * columns];
                let fill = fill.map(|fill| <T as Element>::from_f64(fill[c]));
                for (out, taps) in out.iter_mut().zip(&taps) {
                    let value = if plane.is_empty() { T::ZERO } else {
                        (0..4).fold(T::ZERO, |sum, i| sum + plane[taps.index[i]] * taps.weight[i])
                    };
                    *out = match fill {
                        None => value,
                        Some(fill) if nearest => if taps.inside == T::ZERO { fill } else { value },
                        // torchvision weighs by the mask once more, on top of the zeros beyond the edge.
                        Some(fill) => value * taps.inside + (T::ONE - taps.inside) * fill,
                    };
                }
            }
        })
    })
}

fn nearest_taps<T: Element>(x: f64, y: f64, rows: usize, columns: usize) -> Taps<T> {
    let (x, y) = (x.round_ties_even(), y.round_ties_even());
    let inside = x >= 0.0 && y >= 0.0 && x < columns as f64 && y < rows as f64;
    let index = if inside { y as usize * columns + x as usize } else { 0 };
    let one = if inside { T::ONE } else { T::ZERO };
    Taps { index: [index, 0, 0, 0], weight: [one, T::ZERO, T::ZERO, T::ZERO], inside: one }
}

fn bilinear_taps<T: Element>(x: f64, y: f64, rows: usize, columns: usize) -> Taps<T> {
    let (left, top) = (x.floor(), y.floor());
    let (dx, dy) = (x - left, y - top);
    let corners = [
        (left, top, (1.0 - dx) * (1.0 - dy)),
        (left + 1.0, top, dx * (1.0 - dy)),
        (left, top + 1.0, (1.0 - dx) * dy),
        (left + 1.0, top + 1.0, dx * dy),
    ];
    let mut taps = Taps { index: [0; 4], weight: [T::ZERO; 4], inside: T::ZERO };
    let mut total = 0.0;
    for (i, (x, y, weight)) in corners.into_iter().enumerate() {
        if x >= 0.0 && y >= 0.0 && x < columns as f64 && y < rows as f64 {
            taps.index[i] = y as usize * columns + x as usize;
            taps.weight[i] = <T as Element>::from_f64(weight);
            total += weight;
        }
    }
    taps.inside = <T as Element>::from_f64(total);
    taps
}
