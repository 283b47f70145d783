//! Spatial transformers (Jaderberg et al., 2015): grids of places, and images read at them.
//!
//! Everything is written in differentiable ops, so that gradients of any order flow to image and grid.

use autograd::Variable;
use autograd::ops::elementwise::where_;
use tensor::{DType, Tensor};

/// How values between pixels are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GridMode {
    /// Between the nearest 4 (or 8) pixels.
    #[default]
    Bilinear,
    /// The nearest pixel.
    Nearest,
    /// By cubics through the nearest 16 pixels; two axes alone.
    Bicubic,
}

/// What lies beyond the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum GridPadding {
    /// 0.
    #[default]
    Zeros,
    /// The edge.
    Border,
    /// The image mirrored, again and again.
    Reflection,
}

/// The places, in `[-1, 1]`, that an affine map sends an output of `size` to: `theta`, `[n, d, d + 1]`, gives
/// `[n, *spatial, d]` for `size` `[n, c, *spatial]`. PyTorch: `torch.nn.functional.affine_grid`.
///
/// # Panics
/// If `size` has neither 4 nor 5 entries or `theta`'s shape does not fit.
#[track_caller]
pub fn affine_grid(theta: &Variable, size: &[usize], align_corners: bool) -> Variable {
    let d = size.len().saturating_sub(2);
    if !(2..=3).contains(&d) || theta.shape() != [size[0], d, d + 1] {
        tensor::fault!("affine_grid", [theta: theta.shape(), size: size], "expected a theta of [n, d, d + 1]");
    }
    let spatial = &size[2..];
    let positions: usize = spatial.iter().product();
    let mut base = vec![1.0; positions * (d + 1)];
    for (at, row) in base.chunks_mut(d + 1).enumerate() {
        let mut rest = at;
        for axis in (0..d).rev() {
            let (i, count) = ((rest % spatial[axis]) as f64, spatial[axis] as f64);
            rest /= spatial[axis];
            // The last axis is x, the first coordinate.
            row[d - 1 - axis] = match (align_corners, spatial[axis]) {
                (_, 0..=1) => 0.0,
                (true, _) => 2.0 * i / (count - 1.0) - 1.0,
                (false, _) => (2.0 * i + 1.0) / count - 1.0,
            };
        }
    }
    let base = Tensor::from_vec(base, [1, positions, d + 1]).expand([size[0], positions, d + 1]).contiguous();
    let grid = Variable::new(base.to_dtype(theta.dtype())).matmul(&theta.transpose(1, 2));
    grid.reshape([&size[..1], spatial, &[d]].concat())
}

/// A coordinate in pixels, per sample.
struct Coordinate {
    /// `[n, 1, samples]`.
    at: Variable,
}

/// A constant.
fn number(value: f64, like: &Variable) -> Variable {
    Variable::new(Tensor::full([], value, like.dtype()))
}

/// `x` within `[low, high]`; no gradient flows to what is outside, nor to the bounds.
fn clip(x: &Variable, low: f64, high: f64) -> Variable {
    let data = x.data();
    let above = data.gt_scalar(low);
    let below = data.neg().gt_scalar(-high);
    let x = where_(&above, x, &number(low, x));
    where_(&below, &x, &number(high, &x))
}

/// `x` mirrored at `low` and `high` (both doubled) until it lies between them.
fn reflect(x: &Variable, twice_low: f64, twice_high: f64) -> Variable {
    if twice_low == twice_high {
        return x * 0.0;
    }
    let (low, span) = (twice_low / 2.0, (twice_high - twice_low) / 2.0);
    let shifted = x - low;
    let negative = shifted.data().neg().gt_scalar(0.0);
    let sign = Variable::new(negative.to_dtype(x.dtype()).mul_scalar(-2.0).add_scalar(1.0));
    let distance = shifted * sign;
    let flips = Variable::new(distance.data().mul_scalar(1.0 / span).floor());
    let rest = &distance - &flips * span;
    let odd = flips.data().add(&flips.data().mul_scalar(0.5).floor().mul_scalar(-2.0)).gt_scalar(0.5);
    where_(&odd, &(&rest * -1.0 + (span + low)), &(&rest + low))
}

impl Coordinate {
    /// Pixels from `[-1, 1]`.
    fn unnormalize(x: &Variable, size: usize, align_corners: bool) -> Variable {
        let size = size as f64;
        if align_corners { (x + 1.0) * ((size - 1.0) / 2.0) } else { ((x + 1.0) * size - 1.0) * 0.5 }
    }

    /// Brought inside by the rule of `padding`.
    fn padded(x: &Variable, size: usize, padding: GridPadding, align_corners: bool) -> Variable {
        let last = size as f64 - 1.0;
        match padding {
            GridPadding::Zeros => x.clone(),
            GridPadding::Border => clip(x, 0.0, last),
            GridPadding::Reflection => {
                let reflected =
                    if align_corners { reflect(x, 0.0, 2.0 * last) } else { reflect(x, -1.0, 2.0 * last + 1.0) };
                clip(&reflected, 0.0, last)
            }
        }
    }

    /// Whole positions `floor + step`, with the weight of each: differentiable in the place.
    fn taps(&self, mode: GridMode) -> Vec<(Tensor, Variable)> {
        let data = self.at.data();
        let one = number(1.0, &self.at).expand(self.at.shape());
        match mode {
            GridMode::Nearest => vec![(data.round(), one)],
            GridMode::Bilinear => {
                let low = data.floor();
                let part = &self.at - Variable::new(low.clone());
                vec![(low.clone(), 1.0 - &part), (low.add_scalar(1.0), part)]
            }
            GridMode::Bicubic => {
                let low = data.floor();
                let t = &self.at - Variable::new(low.clone());
                cubic(&t).into_iter().zip(-1..3).map(|(w, step)| (low.add_scalar(f64::from(step)), w)).collect()
            }
        }
    }
}

/// [`cubic_weights`](super::interpolate::cubic_weights) in differentiable ops.
fn cubic(t: &Variable) -> [Variable; 4] {
    const A: f64 = -0.75;
    let near = |x: &Variable| (x * (A + 2.0) - (A + 3.0)) * x * x + 1.0;
    let far = |x: &Variable| ((x * A - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    [far(&(t + 1.0)), near(t), near(&(1.0 - t)), far(&(2.0 - t))]
}

/// The values of `x`, `[n, c, *spatial]`, at the places of `grid`, `[n, *output, d]` in `[-1, 1]` with x first.
/// PyTorch: `torch.nn.functional.grid_sample`.
///
/// ```
/// use autograd::Variable;
/// use gradus_nn::ops::grid_sample::{GridMode, GridPadding, grid_sample};
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([[[[1.0, 2.0], [3.0, 4.0]]]]));
/// let middle = Variable::new(Tensor::from([[[[0.0, 0.0]]]]));
/// assert_eq!(grid_sample(&x, &middle, GridMode::Bilinear, (GridPadding::Zeros, false)).item::<f64>(), 2.5);
/// ```
///
/// # Panics
/// If shapes or dtypes do not fit, or the mode is bicubic for three axes.
#[track_caller]
pub fn grid_sample(x: &Variable, grid: &Variable, mode: GridMode, options: (GridPadding, bool)) -> Variable {
    let d = x.rank().saturating_sub(2);
    let fits = (2..=3).contains(&d)
        && grid.rank() == x.rank()
        && grid.size(-1) == d
        && grid.shape()[0] == x.shape()[0]
        && grid.dtype() == x.dtype();
    if !fits || (mode == GridMode::Bicubic && d != 2) {
        tensor::fault!("grid_sample", [input: x.shape(), grid: grid.shape()],
            "expected an input of 4 or 5 axes (4 for bicubic) and a grid [n, *output, {d}] of its dtype");
    }
    let (padding, align_corners) = options;
    let (n, c) = (x.shape()[0], x.shape()[1]);
    let spatial = &x.shape()[2..];
    let output = &grid.shape()[1..=d];
    let samples: usize = output.iter().product();
    let flat = grid.reshape([n, samples, d]);
    // Per axis the positions read and their weights; cubics apply the padding to the positions instead of the place.
    let axes: Vec<Vec<(Tensor, Variable)>> = (0..d)
        .map(|axis| {
            let size = spatial[axis];
            let place = flat.narrow(2, d - 1 - axis, 1).reshape([n, 1, samples]);
            let place = Coordinate::unnormalize(&place, size, align_corners);
            if mode == GridMode::Bicubic {
                let taps = Coordinate { at: place }.taps(mode);
                let padded = |at: Tensor| Coordinate::padded(&Variable::new(at), size, padding, align_corners).data();
                return taps.into_iter().map(|(at, w)| (padded(at), w)).collect();
            }
            Coordinate { at: Coordinate::padded(&place, size, padding, align_corners) }.taps(mode)
        })
        .collect();
    let image = x.reshape([n, c, spatial.iter().product()]);
    let mut sum: Option<Variable> = None;
    let corners: usize = axes.iter().map(Vec::len).product();
    for corner in 0..corners {
        let mut rest = corner;
        let mut index = Tensor::zeros([n, 1, samples], DType::F64);
        let mut inside = Tensor::ones([n, 1, samples], DType::F64);
        let mut weight: Option<Variable> = None;
        for (axis, taps) in axes.iter().enumerate() {
            let (at, w) = &taps[rest % taps.len()];
            rest /= taps.len();
            let (at, last) = (at.to_dtype(DType::F64), spatial[axis] as f64 - 1.0);
            inside = inside.mul(&at.map(|at: f64| f64::from(u8::from((0.0..=last).contains(&at)))));
            index = index
                .mul_scalar(spatial[axis] as f64)
                .add(&at.map(|at: f64| if at >= 0.0 { at.min(last) } else { 0.0 }));
            weight = Some(weight.map_or_else(|| w.clone(), |weight| weight * w));
        }
        let index = index.to_dtype(DType::I64).expand([n, c, samples]);
        let weight = weight.expect("at least two axes") * Variable::new(inside.to_dtype(x.dtype()));
        let part = image.gather(2, &index) * weight;
        sum = Some(sum.map_or_else(|| part.clone(), |sum| sum + &part));
    }
    sum.expect("at least one corner").reshape([&[n, c], output].concat())
}
