//! Rotation, affine and perspective maps, elastic displacement: which point of the picture each pixel of the result
//! shows. The arithmetic is in `warp_pil` and `warp_tensor`.

use tensor::{DType, Tensor};

use super::premultiply::premultiplied;
use super::{warp_pil, warp_tensor};
use crate::transform::picture::{check, in_float};
use crate::transform::{Interpolation, Pixels, Rule};

/// A projective map of the plane, row by row; points are (x, y) in pixels from the top left corner, so that the first
/// pixel's centre is (0.5, 0.5).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Map(pub(crate) [f64; 9]);

impl Map {
    pub(crate) fn affine([a, b, c, d, e, f]: [f64; 6]) -> Map {
        Map([a, b, c, d, e, f, 0.0, 0.0, 1.0])
    }

    pub(crate) fn perspective([a, b, c, d, e, f, g, h]: [f64; 8]) -> Map {
        Map([a, b, c, d, e, f, g, h, 1.0])
    }

    /// Where a point goes.
    pub(crate) fn apply(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [a, b, c, d, e, f, g, h, i] = self.0;
        let z = g * x + h * y + i;
        [(a * x + b * y + c) / z, (d * x + e * y + f) / z]
    }

    /// The map back, or `None` where everything falls onto a line.
    pub(crate) fn inverse(&self) -> Option<Map> {
        let [a, b, c, d, e, f, g, h, i] = self.0;
        let (p, q, r) = (e * i - f * h, f * g - d * i, d * h - e * g);
        let det = a * p + b * q + c * r;
        // A collapsed map has no inverse in numbers either.
        if !det.is_normal() {
            return None;
        }
        let adjugate =
            [p, c * h - b * i, b * f - c * e, q, a * i - c * g, c * d - a * f, r, b * g - a * h, a * e - b * d];
        Some(Map(adjugate.map(|v| v / det)))
    }

    fn is_affine(&self) -> bool {
        self.0[6..] == [0.0, 0.0, 1.0]
    }
}

/// The options of [`rotate`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rotation {
    /// How values between pixels are found; torchvision's default is nearest.
    pub interpolation: Interpolation,
    /// Whether the result grows to hold the whole rotated picture.
    pub expand: bool,
    /// The fixed point `[x, y]` in pixels from the top left corner; by default the middle.
    pub center: Option<[f64; 2]>,
    /// The colour beyond the picture: one value, or one per channel; by default 0.
    pub fill: Option<Vec<f64>>,
}

/// The picture turned counterclockwise by `angle` degrees. PyTorch: `torchvision.transforms.functional.rotate`.
///
/// ```
/// use tensor::Tensor;
/// use gradus_vision::transform::functional::{Rotation, rotate};
/// let x = Tensor::from([[[1u8, 2], [3, 4]]]);
/// assert_eq!(rotate(&x, 90.0, &Rotation::default()).to_vec::<u8>(), [2, 4, 1, 3]);
/// ```
///
/// # Panics
/// If the interpolation is not nearest or bilinear (or bicubic, for images), or the fill has neither one value nor one
/// per channel.
#[track_caller]
pub fn rotate<P: Pixels>(picture: &P, angle: f64, options: &Rotation) -> P {
    let x = picture.pixels();
    check("rotate", x, &[]);
    let size = picture.size();
    let fill = options.fill.as_deref();
    if picture.rule() == Rule::Pil {
        match quarter_turns(size, angle, options) {
            Some(0) => return picture.clone(),
            Some(1) => return picture.with_pixels(x.transpose(-1, -2).flip(&[-2])),
            Some(2) => return picture.with_pixels(x.flip(&[-2, -1])),
            Some(_) => return picture.with_pixels(x.transpose(-1, -2).flip(&[-1])),
            None => {}
        }
        let (map, to) = pil_rotation(size, angle, options);
        return warp(picture, map, to, options.interpolation, fill);
    }
    let (matrix, to) = tensor_rotation(size, angle, options);
    sample(picture, options.interpolation, fill, to, |dtype| warp_tensor::affine_grid(matrix, size, to, dtype))
}

/// The number of quarter turns of an image that PIL does by moving pixels.
fn quarter_turns([rows, columns]: [usize; 2], angle: f64, options: &Rotation) -> Option<usize> {
    let quarters = [0.0, 90.0, 180.0, 270.0].iter().position(|&turn| angle.rem_euclid(360.0) == turn)?;
    (options.center.is_none() && (quarters % 2 == 0 || options.expand || rows == columns)).then_some(quarters)
}

/// PIL's rotation: the map from the result to the picture, and the result's size.
fn pil_rotation([rows, columns]: [usize; 2], angle: f64, options: &Rotation) -> (Map, [usize; 2]) {
    let (w, h) = (columns as f64, rows as f64);
    let [cx, cy] = options.center.unwrap_or([w / 2.0, h / 2.0]);
    let radians = -angle.rem_euclid(360.0).to_radians();
    // Python's round(v, 15): what cosines of right angles miss of 0 must not move a pixel.
    let round = |v: f64| (v * 1e15).round_ties_even() / 1e15;
    let (cos, sin, minus_sin) = (round(libm::cos(radians)), round(libm::sin(radians)), round(-libm::sin(radians)));
    let mut matrix = [cos, sin, 0.0, minus_sin, cos, 0.0];
    let moved = |m: &[f64; 6], x: f64, y: f64| (m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]);
    let (dx, dy) = moved(&matrix, -cx, -cy);
    (matrix[2], matrix[5]) = (dx + cx, dy + cy);
    if !options.expand {
        return (Map::affine(matrix), [rows, columns]);
    }
    let corners = [(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)].map(|(x, y)| moved(&matrix, x, y));
    let extent = |values: [f64; 4]| {
        let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(l, h), &v| (l.min(v), h.max(v)));
        high.ceil() - low.floor()
    };
    let (nw, nh) = (extent(corners.map(|c| c.0)), extent(corners.map(|c| c.1)));
    (matrix[2], matrix[5]) = moved(&matrix, -(nw - w) / 2.0, -(nh - h) / 2.0);
    (Map::affine(matrix), [nh as usize, nw as usize])
}

/// torchvision's rotation of tensors: the matrix about the middle, and the result's size.
fn tensor_rotation([rows, columns]: [usize; 2], angle: f64, options: &Rotation) -> ([f64; 6], [usize; 2]) {
    let center = middle_based(options.center, [rows, columns]);
    let matrix = inverse_affine(&Affine { angle: -angle, ..Affine::default() }, center);
    if !options.expand {
        return (matrix, [rows, columns]);
    }
    let m = matrix.map(|v| v as f32);
    let (w, h) = (columns as f32 * 0.5, rows as f32 * 0.5);
    let corners = [(-w, -h), (-w, h), (w, h), (w, -h)];
    let extent = |a: f32, b: f32, c: f32, half: f32| {
        let values = corners.map(|(x, y)| x * a + y * b + c + half);
        let (low, high) = values.iter().fold((f32::MAX, f32::MIN), |(l, h), &v| (l.min(v), h.max(v)));
        // Cut to 1e-4, so that rounding does not add a row.
        let cut = |v: f32| (v / 1e-4).trunc() * 1e-4;
        (cut(high).ceil() - cut(low).floor()) as usize
    };
    (matrix, [extent(m[3], m[4], m[5], h), extent(m[0], m[1], m[2], w)])
}

/// The map from the result of [`rotate`] to the picture, in pixels, and the result's size.
pub(crate) fn rotation_map(size: [usize; 2], angle: f64, options: &Rotation, rule: Rule) -> (Map, [usize; 2]) {
    match rule {
        Rule::Pil => {
            let (w, h) = (size[1] as f64, size[0] as f64);
            match quarter_turns(size, angle, options) {
                Some(0) => (Map::affine([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]), size),
                Some(1) => (Map::affine([0.0, -1.0, w, 1.0, 0.0, 0.0]), [size[1], size[0]]),
                Some(2) => (Map::affine([-1.0, 0.0, w, 0.0, -1.0, h]), size),
                Some(_) => (Map::affine([0.0, 1.0, 0.0, -1.0, 0.0, h]), [size[1], size[0]]),
                None => pil_rotation(size, angle, options),
            }
        }
        Rule::Tensor => {
            let (matrix, to) = tensor_rotation(size, angle, options);
            (from_middle(matrix, size, to), to)
        }
    }
}

/// A matrix about the middles of result and picture, in pixels from the corners.
fn from_middle([a, b, c, d, e, f]: [f64; 6], size: [usize; 2], to: [usize; 2]) -> Map {
    let half = |n: usize| n as f64 / 2.0;
    let (x, y) = (half(to[1]), half(to[0]));
    Map::affine([a, b, c - a * x - b * y + half(size[1]), d, e, f - d * x - e * y + half(size[0])])
}

fn middle_based(center: Option<[f64; 2]>, [rows, columns]: [usize; 2]) -> [f64; 2] {
    center.map_or([0.0, 0.0], |[x, y]| [x - columns as f64 * 0.5, y - rows as f64 * 0.5])
}

/// What [`affine`] does to a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// Clockwise rotation in degrees.
    pub angle: f64,
    /// Shift `[x, y]` in pixels, after rotation.
    pub translate: [f64; 2],
    /// Magnification.
    pub scale: f64,
    /// Shear `[x, y]` in degrees.
    pub shear: [f64; 2],
    /// The fixed point `[x, y]` in pixels from the top left corner; by default the middle.
    pub center: Option<[f64; 2]>,
}

impl Default for Affine {
    /// The identity.
    fn default() -> Affine {
        Affine { angle: 0.0, translate: [0.0; 2], scale: 1.0, shear: [0.0; 2], center: None }
    }
}

/// The matrix from the result to the picture, about `center`. PyTorch: `_get_inverse_affine_matrix`.
pub(crate) fn inverse_affine(affine: &Affine, [cx, cy]: [f64; 2]) -> [f64; 6] {
    let rot = affine.angle.to_radians();
    let [sx, sy] = affine.shear.map(f64::to_radians);
    let [tx, ty] = affine.translate;
    let (cos, sin) = (libm::cos(rot - sy), libm::sin(rot - sy));
    let (cos_sy, tan_sx) = (libm::cos(sy), libm::tan(sx));
    let a = cos / cos_sy;
    let b = -cos * tan_sx / cos_sy - libm::sin(rot);
    let c = sin / cos_sy;
    let d = -sin * tan_sx / cos_sy + libm::cos(rot);
    let mut m = [d, -b, 0.0, -c, a, 0.0].map(|v| v / affine.scale);
    m[2] += m[0] * (-cx - tx) + m[1] * (-cy - ty);
    m[5] += m[3] * (-cx - tx) + m[4] * (-cy - ty);
    m[2] += cx;
    m[5] += cy;
    m
}

/// The map from the result of [`affine`] to the picture, in pixels.
pub(crate) fn affine_map(size @ [rows, columns]: [usize; 2], affine: &Affine, rule: Rule) -> Map {
    match rule {
        Rule::Pil => {
            let center = affine.center.unwrap_or([columns as f64 * 0.5, rows as f64 * 0.5]);
            Map::affine(inverse_affine(affine, center))
        }
        Rule::Tensor => from_middle(inverse_affine(affine, middle_based(affine.center, size)), size, size),
    }
}

/// The picture rotated, magnified, sheared and shifted. PyTorch: `torchvision.transforms.functional.affine`.
///
/// ```
/// use tensor::Tensor;
/// use gradus_vision::transform::{Interpolation, functional::{Affine, affine}};
/// let x = Tensor::from([[[1u8, 2, 3]]]);
/// let shift = Affine { translate: [1.0, 0.0], ..Affine::default() };
/// assert_eq!(affine(&x, &shift, Interpolation::Nearest, None).to_vec::<u8>(), [0, 1, 2]);
/// ```
///
/// # Panics
/// If `scale` is not positive, or as [`rotate`].
#[track_caller]
pub fn affine<P: Pixels>(picture: &P, to: &Affine, interpolation: Interpolation, fill: Option<&[f64]>) -> P {
    check("affine", picture.pixels(), &[]);
    if to.scale.is_nan() || to.scale <= 0.0 {
        tensor::fault!("affine", [x: picture.pixels().shape()], "the scale must be positive, got {}", to.scale);
    }
    let size = picture.size();
    match picture.rule() {
        Rule::Pil => warp(picture, affine_map(size, to, Rule::Pil), size, interpolation, fill),
        Rule::Tensor => {
            let matrix = inverse_affine(to, middle_based(to.center, size));
            sample(picture, interpolation, fill, size, |dtype| warp_tensor::affine_grid(matrix, size, size, dtype))
        }
    }
}

/// The picture seen so that the points `start` (corners `[x, y]`, from the top left clockwise) come to lie at `end`.
/// PyTorch: `torchvision.transforms.functional.perspective`.
///
/// # Panics
/// If three of the points `end` lie on a line, or as [`rotate`].
#[track_caller]
pub fn perspective<P: Pixels>(
    picture: &P,
    start: [[f64; 2]; 4],
    end: [[f64; 2]; 4],
    interpolation: Interpolation,
    fill: Option<&[f64]>,
) -> P {
    check("perspective", picture.pixels(), &[]);
    let Some(c) = perspective_coefficients(start, end) else {
        tensor::fault!("perspective", [x: picture.pixels().shape()], "no map takes {start:?} to {end:?}");
    };
    let size = picture.size();
    match picture.rule() {
        Rule::Pil => warp(picture, Map::perspective(c), size, interpolation, fill),
        Rule::Tensor => {
            sample(picture, interpolation, fill, size, |dtype| warp_tensor::perspective_grid(c, size, dtype))
        }
    }
}

/// `a..h` of the map `(x, y) -> (ax + by + c, dx + ey + f) / (gx + hy + 1)` that takes `end` to `start`; rounded to
/// `f32`, as torchvision does.
pub(crate) fn perspective_coefficients(start: [[f64; 2]; 4], end: [[f64; 2]; 4]) -> Option<[f64; 8]> {
    let mut rows = [[0.0f64; 9]; 8];
    for (i, ([x, y], [u, v])) in end.into_iter().zip(start).enumerate() {
        rows[2 * i] = [x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, u];
        rows[2 * i + 1] = [0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y, v];
    }
    // Gauss and Jordan with partial pivoting.
    for column in 0..8 {
        let pivot = (column..8).max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))?;
        rows.swap(column, pivot);
        let head = rows[column];
        if head[column].abs() < 1e-12 {
            return None;
        }
        for (i, row) in rows.iter_mut().enumerate() {
            if i != column {
                let factor = row[column] / head[column];
                row.iter_mut().zip(head).for_each(|(v, h)| *v -= factor * h);
            }
        }
    }
    Some(std::array::from_fn(|i| f64::from((rows[i][8] / rows[i][i]) as f32)))
}

/// The picture with every pixel taken from where `displacement [1, H, W, 2]` (x, y; in half pictures, as
/// `grid_sample` counts) says. PyTorch: `torchvision.transforms.functional.elastic_transform`.
///
/// # Panics
/// If `displacement` is not `f32 [1, H, W, 2]`, or as [`rotate`].
#[track_caller]
pub fn elastic_transform<P: Pixels>(
    picture: &P,
    displacement: &Tensor,
    interpolation: Interpolation,
    fill: Option<&[f64]>,
) -> P {
    let x = picture.pixels();
    check("elastic_transform", x, &[]);
    let size @ [rows, columns] = picture.size();
    if displacement.dtype() != DType::F32 || displacement.shape() != [1, rows, columns, 2] {
        tensor::fault!("elastic_transform", [x: x.shape(), displacement: displacement.shape()],
            "displacement must be f32 [1, {rows}, {columns}, 2], got {}", displacement.dtype());
    }
    sample(picture, interpolation, fill, size, |_| warp_tensor::elastic_grid(displacement, size))
}

/// The picture of size `to` whose pixel at `p` shows the point `map(p)`.
#[track_caller]
pub(crate) fn warp<P: Pixels>(
    picture: &P,
    map: Map,
    to: [usize; 2],
    interpolation: Interpolation,
    fill: Option<&[f64]>,
) -> P {
    if picture.rule() == Rule::Tensor {
        let size = picture.size();
        return sample(picture, interpolation, fill, to, |_| warp_tensor::map_grid(&map, size, to));
    }
    let colors: Vec<u8> = fill_values("warp", picture, fill).iter().map(|&v| v as u8).collect();
    let x = picture.pixels();
    let run = |x: &Tensor| {
        if map.is_affine() {
            warp_pil::affine(x, to, std::array::from_fn(|i| map.0[i]), interpolation, &colors)
        } else {
            warp_pil::transform(x, to, &|p| map.apply(p), interpolation, &colors)
        }
    };
    picture.with_pixels(if interpolation.is_nearest() { run(x) } else { premultiplied(x, run) })
}

/// Sampling by torchvision's rule for tensors.
#[track_caller]
fn sample<P: Pixels>(
    picture: &P,
    interpolation: Interpolation,
    fill: Option<&[f64]>,
    to: [usize; 2],
    grid: impl FnOnce(DType) -> warp_tensor::Grid,
) -> P {
    let x = picture.pixels();
    if !interpolation.is_nearest() && interpolation != Interpolation::Bilinear {
        tensor::fault!("warp", [x: x.shape()], "interpolation of tensors must be nearest or bilinear, got {interpolation:?}");
    }
    let values = fill.map(|_| fill_values("warp", picture, fill));
    let dtype = if x.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    let grid = grid(dtype);
    picture.with_pixels(in_float(x, |x| warp_tensor::sample(x, &grid, to, interpolation, values.as_deref())))
}

/// One fill value per channel.
#[track_caller]
fn fill_values<P: Pixels>(op: &str, picture: &P, fill: Option<&[f64]>) -> Vec<f64> {
    let channels = picture.channels();
    match fill {
        None => vec![0.0; channels],
        Some([value]) => vec![*value; channels],
        Some(values) if values.len() == channels => values.to_vec(),
        Some(values) => tensor::fault!(op, [x: picture.pixels().shape()],
            "a fill of {} values for {channels} channels", values.len()),
    }
}
