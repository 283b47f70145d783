//! PIL's geometric transforms of `u8` planes: which input pixel is taken, bit for bit, and how neighbours are mixed.
//!
//! Source: Pillow, `libImaging/Geometry.c`. Nearest sampling by affine maps runs in 16.16 fixed point or, without
//! rotation, by accumulated steps; both decide which pixel wins a tie.

use tensor::Tensor;

use super::super::picture::per_chunk;
use crate::transform::Interpolation;

/// Runs `f(channel, plane, out)` on every plane.
fn per_plane(x: &Tensor, [height, width]: [usize; 2], f: impl Fn(usize, &[u8], &mut [u8]) + Sync + Send) -> Tensor {
    let channels = x.shape()[0];
    let size = x.shape()[1] * x.shape()[2];
    per_chunk::<u8, u8>(x, 3, &[channels, height, width], |source, out| {
        if height * width > 0 {
            for (c, out) in out.chunks_exact_mut(height * width).enumerate() {
                f(c, &source[c * size..(c + 1) * size], out);
            }
        }
    })
}

/// An affine map `[a, b, c, d, e, f]` from the result to the picture.
#[track_caller]
pub(super) fn affine(x: &Tensor, to: [usize; 2], m: [f64; 6], interpolation: Interpolation, fill: &[u8]) -> Tensor {
    if interpolation.is_nearest() {
        if m[1] == 0.0 && m[3] == 0.0 {
            return scale(x, to, m, fill);
        }
        let fits = |x: f64, y: f64| {
            (x * m[0] + y * m[1] + m[2]).abs() < 32768.0 && (x * m[3] + y * m[4] + m[5]).abs() < 32768.0
        };
        let (w, h) = (to[1] as f64 - 1.0, to[0] as f64 - 1.0);
        if fits(0.0, 0.0) && fits(w, h) && fits(0.0, h) && fits(w, 0.0) {
            return fixed(x, to, m, fill);
        }
    }
    let at = |[x, y]: [f64; 2]| [m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]];
    transform(x, to, &at, interpolation, fill)
}

/// Nearest sampling along the axes: positions are accumulated, not multiplied.
pub(super) fn scale(x: &Tensor, [height, width]: [usize; 2], m: [f64; 6], fill: &[u8]) -> Tensor {
    let [rows, columns] = [x.shape()[1], x.shape()[2]];
    let positions = |start: f64, step: f64, count: usize, size: usize| {
        let mut at = start + step * 0.5;
        let mut result = Vec::with_capacity(count);
        for _ in 0..count {
            result.push((at >= 0.0 && (at as usize) < size).then_some(at as usize));
            at += step;
        }
        result
    };
    let (xs, ys) = (positions(m[2], m[0], width, columns), positions(m[5], m[4], height, rows));
    per_plane(x, [height, width], |c, plane, out| {
        out.fill(fill.get(c).copied().unwrap_or(0));
        for (out, y) in out.chunks_exact_mut(width).zip(&ys) {
            let Some(y) = *y else { continue };
            let row = &plane[y * columns..(y + 1) * columns];
            for (out, x) in out.iter_mut().zip(&xs) {
                if let Some(x) = *x {
                    *out = row[x];
                }
            }
        }
    })
}

/// Nearest sampling in 16.16 fixed point.
fn fixed(x: &Tensor, [height, width]: [usize; 2], m: [f64; 6], fill: &[u8]) -> Tensor {
    let [rows, columns] = [x.shape()[1] as i32, x.shape()[2] as i32];
    let fix = |v: f64| (v * 65536.0 + 0.5).floor() as i32;
    let (a0, a1, a3, a4) = (fix(m[0]), fix(m[1]), fix(m[3]), fix(m[4]));
    let a2 = fix(m[2] + m[0] * 0.5 + m[1] * 0.5);
    let a5 = fix(m[5] + m[3] * 0.5 + m[4] * 0.5);
    per_plane(x, [height, width], |c, plane, out| {
        out.fill(fill[c]);
        let (mut row_x, mut row_y) = (a2, a5);
        for out in out.chunks_exact_mut(width) {
            let (mut xx, mut yy) = (row_x, row_y);
            for out in out {
                let (x, y) = (xx >> 16, yy >> 16);
                if (0..columns).contains(&x) && (0..rows).contains(&y) {
                    *out = plane[(y * columns + x) as usize];
                }
                xx = xx.wrapping_add(a0);
                yy = yy.wrapping_add(a3);
            }
            row_x = row_x.wrapping_add(a1);
            row_y = row_y.wrapping_add(a4);
        }
    })
}

/// Any map, given at pixel centres.
#[track_caller]
pub(super) fn transform(
    x: &Tensor,
    to: [usize; 2],
    map: &(dyn Fn([f64; 2]) -> [f64; 2] + Sync),
    interpolation: Interpolation,
    fill: &[u8],
) -> Tensor {
    let filter: fn(&Plane<'_>, f64, f64) -> u8 = match interpolation {
        Interpolation::Nearest | Interpolation::NearestExact => nearest,
        Interpolation::Bilinear => bilinear,
        Interpolation::Bicubic => bicubic,
        other => tensor::fault!("warp", [x: x.shape()],
            "interpolation must be nearest, bilinear or bicubic, got {other:?}"),
    };
    let [rows, columns] = [x.shape()[1], x.shape()[2]];
    per_plane(x, to, |c, plane, out| {
        let plane = Plane { values: plane, rows, columns };
        for (y, out) in out.chunks_exact_mut(to[1]).enumerate() {
            for (x, out) in out.iter_mut().enumerate() {
                let [u, v] = map([x as f64 + 0.5, y as f64 + 0.5]);
                let inside = u >= 0.0 && v >= 0.0 && u < columns as f64 && v < rows as f64;
                *out = if inside { filter(&plane, u, v) } else { fill[c] };
            }
        }
    })
}

struct Plane<'a> {
    values: &'a [u8],
    rows: usize,
    columns: usize,
}

impl Plane<'_> {
    /// A pixel's value, at the edge where it lies beyond.
    fn at(&self, y: isize, x: isize) -> f64 {
        let y = y.clamp(0, self.rows as isize - 1) as usize;
        let x = x.clamp(0, self.columns as isize - 1) as usize;
        f64::from(self.values[y * self.columns + x])
    }
}

fn nearest(plane: &Plane<'_>, x: f64, y: f64) -> u8 {
    plane.values[y as usize * plane.columns + x as usize]
}

fn bilinear(plane: &Plane<'_>, x: f64, y: f64) -> u8 {
    let (x, y) = (x - 0.5, y - 0.5);
    let (left, top) = (x.floor(), y.floor());
    let (dx, dy) = (x - left, y - top);
    let (left, top) = (left as isize, top as isize);
    let row = |y: isize| {
        let (a, b) = (plane.at(y, left), plane.at(y, left + 1));
        a + (b - a) * dx
    };
    let (a, b) = (row(top), row(top + 1));
    (a + (b - a) * dy) as u8
}

fn bicubic(plane: &Plane<'_>, x: f64, y: f64) -> u8 {
    let (x, y) = (x - 0.5, y - 0.5);
    let (left, top) = (x.floor(), y.floor());
    let (dx, dy) = (x - left, y - top);
    let (left, top) = (left as isize - 1, top as isize - 1);
    let cubic = |v: [f64; 4], d: f64| {
        let (p1, p2) = (v[1], -v[0] + v[2]);
        let (p3, p4) = (2.0 * (v[0] - v[1]) + v[2] - v[3], -v[0] + v[1] - v[2] + v[3]);
        p1 + d * (p2 + d * (p3 + d * p4))
    };
    let row = |y: isize| cubic([0, 1, 2, 3].map(|i| plane.at(y, left + i)), dx);
    cubic([0, 1, 2, 3].map(|i| row(top + i)), dy) as u8
}
