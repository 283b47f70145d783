//! Resizing: every mode is a sparse map along each spatial axis, so this file only writes down the weights.

use autograd::Variable;
use tensor::DType;
use tensor::kernels::resample::Taps;

use super::avg_pool::adaptive_window;
use super::resample::resample;

/// How new values are computed from old ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum InterpolateMode {
    /// The value at `floor(o * scale)`.
    #[default]
    Nearest,
    /// The value at `floor((o + 0.5) * scale)`, as image libraries do it.
    NearestExact,
    /// Between the two nearest along each axis: PyTorch's `linear`, `bilinear` and `trilinear`.
    Linear,
    /// A cubic through the four nearest along each axis: PyTorch's `bicubic`.
    Cubic,
    /// The mean over the area that an output stands for.
    Area,
}

/// The options of [`interpolate`].
///
/// ```
/// use gradus_nn::ops::interpolate::{Interpolate, InterpolateMode};
/// let double = Interpolate::scale(2.0).mode(InterpolateMode::Linear).align_corners(true);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Interpolate {
    size: Vec<usize>,
    scale: Vec<f64>,
    mode: InterpolateMode,
    align_corners: bool,
    antialias: bool,
    recompute_scale_factor: bool,
}

impl Interpolate {
    fn new(size: Vec<usize>, scale: Vec<f64>) -> Interpolate {
        let mode = InterpolateMode::Nearest;
        Interpolate { size, scale, mode, align_corners: false, antialias: false, recompute_scale_factor: false }
    }

    /// To `size`: one number for all spatial axes, or one for each.
    pub fn size(size: impl AsRef<[usize]>) -> Interpolate {
        Interpolate::new(size.as_ref().to_vec(), Vec::new())
    }

    /// By a factor along all spatial axes.
    pub fn scale(scale: f64) -> Interpolate {
        Interpolate::new(Vec::new(), vec![scale])
    }

    /// By a factor along each spatial axis.
    pub fn scales(scales: &[f64]) -> Interpolate {
        Interpolate::new(Vec::new(), scales.to_vec())
    }

    /// How new values are computed.
    pub fn mode(self, mode: InterpolateMode) -> Interpolate {
        Interpolate { mode, ..self }
    }

    /// Whether the centres of the corner pixels stay in place, rather than the corners; linear and cubic modes.
    pub fn align_corners(self, align_corners: bool) -> Interpolate {
        Interpolate { align_corners, ..self }
    }

    /// Whether shrinking averages over all pixels that an output covers; linear and cubic modes, two axes.
    pub fn antialias(self, antialias: bool) -> Interpolate {
        Interpolate { antialias, ..self }
    }

    /// Whether the factor is computed anew from the rounded output size.
    pub fn recompute_scale_factor(self, recompute: bool) -> Interpolate {
        Interpolate { recompute_scale_factor: recompute, ..self }
    }

    /// Sizes, factors, and PyTorch's name of the mode, of which there is one per number of axes where they are known.
    pub(crate) fn printed(&self) -> (&[usize], &[f64], &'static str) {
        let axes = self.size.len().max(self.scale.len());
        let mode = match (self.mode, axes) {
            (InterpolateMode::Nearest, _) => "nearest",
            (InterpolateMode::NearestExact, _) => "nearest-exact",
            (InterpolateMode::Linear, 3) => "trilinear",
            (InterpolateMode::Linear, _) => "bilinear",
            (InterpolateMode::Cubic, _) => "bicubic",
            (InterpolateMode::Area, _) => "area",
        };
        (&self.size, &self.scale, mode)
    }

    fn chosen<T: Copy>(list: &[T], axis: usize) -> T {
        if list.len() == 1 { list[0] } else { list[axis] }
    }

    /// The size along a spatial axis, and the factor from outputs to inputs if it is not theirs.
    fn output(&self, axis: usize, input: usize) -> (usize, Option<f64>) {
        if self.scale.is_empty() {
            return (Self::chosen(&self.size, axis), None);
        }
        let scale = Self::chosen(&self.scale, axis);
        let size = (input as f64 * scale).floor() as usize;
        (size, (!self.recompute_scale_factor).then_some(1.0 / scale))
    }
}

/// One axis of a resizing.
#[derive(Clone, Copy)]
struct Axis {
    input: usize,
    output: usize,
    /// Inputs per output.
    scale: f64,
    single: bool,
}

impl Axis {
    /// Where output `o` lies among the inputs.
    fn centre(&self, o: usize, align: bool) -> f64 {
        // In the precision of the data, as PyTorch computes it.
        match (align, self.single) {
            (true, true) => f64::from(self.scale as f32 * o as f32),
            (true, false) => self.scale * o as f64,
            (false, true) => f64::from(self.scale as f32 * (o as f32 + 0.5) - 0.5),
            (false, false) => self.scale * (o as f64 + 0.5) - 0.5,
        }
    }

    fn nearest(&self, o: usize, offset: f64) -> usize {
        let at = if self.single {
            (self.scale as f32 * (o as f32 + offset as f32)).floor() as usize
        } else {
            (self.scale * (o as f64 + offset)).floor() as usize
        };
        at.min(self.input - 1)
    }

    fn linear(&self, o: usize, align: bool) -> Vec<(usize, f64)> {
        // PyTorch copies along an axis whose size does not change, whatever the factor.
        if self.input == self.output {
            return vec![(o, 1.0)];
        }
        let at = self.centre(o, align).max(0.0);
        let low = (at as usize).min(self.input - 1);
        let part = (at - low as f64).min(1.0);
        vec![(low, 1.0 - part), ((low + 1).min(self.input - 1), part)]
    }

    fn cubic(&self, o: usize, align: bool) -> Vec<(usize, f64)> {
        let at = self.centre(o, align);
        let part = at - at.floor();
        let weights = cubic_weights(part);
        (-1..3)
            .zip(weights)
            .map(|(step, w)| ((at.floor() as isize + step).clamp(0, self.input as isize - 1) as usize, w))
            .collect()
    }

    /// All inputs under a filter as wide as the output's pixel.
    fn filtered(&self, o: usize, reach: f64, filter: fn(f64) -> f64) -> Vec<(usize, f64)> {
        let scale = self.scale.max(1.0);
        let (support, centre) = (reach * scale, self.scale * (o as f64 + 0.5));
        let first = ((centre - support + 0.5) as isize).max(0) as usize;
        let end = ((centre + support + 0.5) as usize).min(self.input);
        let weights: Vec<f64> = (first..end).map(|i| filter((i as f64 - centre + 0.5) / scale)).collect();
        let total: f64 = weights.iter().sum();
        (first..end).zip(weights).map(|(i, w)| (i, if total == 0.0 { w } else { w / total })).collect()
    }
}

/// The weights of the four values around a point `part` of the way from the second to the third (Keys, 1981, with
/// -0.75).
pub(crate) fn cubic_weights(part: f64) -> [f64; 4] {
    const A: f64 = -0.75;
    let near = |x: f64| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    let far = |x: f64| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    [far(part + 1.0), near(part), near(1.0 - part), far(2.0 - part)]
}

fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

/// Keys' cubic with -0.5, which antialiased resizing uses.
fn cubic_filter(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A
    } else {
        0.0
    }
}

/// `x`, `[n, c, *spatial]`, at another size. PyTorch: `torch.nn.functional.interpolate`.
///
/// ```
/// use autograd::Variable;
/// use gradus_nn::ops::interpolate::{Interpolate, InterpolateMode, interpolate};
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([[[1.0, 3.0]]]));
/// assert_eq!(interpolate(&x, &Interpolate::scale(2.0)).to_vec::<f64>(), [1.0, 1.0, 3.0, 3.0]);
/// let linear = Interpolate::size([3]).mode(InterpolateMode::Linear).align_corners(true);
/// assert_eq!(interpolate(&x, &linear).to_vec::<f64>(), [1.0, 2.0, 3.0]);
/// ```
///
/// # Panics
/// If there are no spatial axes or sizes do not fit them, a size is 0, or an option does not go with the mode.
#[track_caller]
pub fn interpolate(x: &Variable, options: &Interpolate) -> Variable {
    let spatial = x.rank().saturating_sub(2);
    let given = options.size.len().max(options.scale.len());
    if spatial == 0 || (given != 1 && given != spatial) {
        tensor::fault!("interpolate", [input: x.shape()], "{given} sizes for {spatial} spatial axes");
    }
    let mode = options.mode;
    let smooth = matches!(mode, InterpolateMode::Linear | InterpolateMode::Cubic);
    if (mode == InterpolateMode::Cubic && spatial != 2) || (options.antialias && (spatial != 2 || !smooth)) {
        tensor::fault!("interpolate", [input: x.shape()],
            "cubic and antialiased resizing need 2 spatial axes and a smooth mode, got {spatial} and {mode:?}");
    }
    if options.align_corners && !smooth {
        tensor::fault!("interpolate", [input: x.shape()], "align_corners needs a smooth mode, got {mode:?}");
    }
    for axis in 0..spatial {
        let (input, output) = (x.shape()[axis + 2], options.output(axis, x.shape()[axis + 2]).0);
        if output == 0 || input == 0 {
            tensor::fault!("interpolate", [input: x.shape()], "cannot resize {input} to {output} positions");
        }
    }
    let maps: Vec<(usize, Taps)> = (0..spatial)
        .map(|axis| {
            let input = x.shape()[axis + 2];
            let (output, scale) = options.output(axis, input);
            let scale = match scale {
                _ if options.align_corners && output > 1 => (input - 1) as f64 / (output - 1) as f64,
                _ if options.align_corners => 0.0,
                // PyTorch's, whatever the factor, where rows and columns keep their number or double it.
                Some(_)
                    if mode == InterpolateMode::Nearest && spatial == 2 && (output == input || output == 2 * input) =>
                {
                    input as f64 / output as f64
                }
                Some(scale) => scale,
                None => input as f64 / output as f64,
            };
            let map = Axis { input, output, scale, single: x.dtype() == DType::F32 };
            (axis + 2, map.taps(options))
        })
        .collect();
    resample(x, maps)
}

impl Axis {
    fn taps(&self, options: &Interpolate) -> Taps {
        let align = options.align_corners;
        Taps::new(
            self.input,
            (0..self.output).map(|o| match (options.mode, options.antialias) {
                (InterpolateMode::Nearest, _) => vec![(self.nearest(o, 0.0), 1.0)],
                (InterpolateMode::NearestExact, _) => vec![(self.nearest(o, 0.5), 1.0)],
                (InterpolateMode::Linear, false) => self.linear(o, align),
                (InterpolateMode::Linear, true) => self.filtered(o, 1.0, triangle),
                (InterpolateMode::Cubic, false) => self.cubic(o, align),
                (InterpolateMode::Cubic, true) => self.filtered(o, 2.0, cubic_filter),
                (InterpolateMode::Area, _) => {
                    let window = adaptive_window(self.input, self.output, o);
                    let weight = 1.0 / window.len() as f64;
                    window.map(|i| (i, weight)).collect()
                }
            }),
        )
    }
}
