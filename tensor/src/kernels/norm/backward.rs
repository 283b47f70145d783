//! The gradient of a normalisation by statistics of its own input, with activation and addition folded in.
//!
//! Two passes: sums per channel, then the gradient in the input, which needs them. The second waits
//! ([`InputGradient`]): a convolution before the normalisation computes it for a few images at a time as it reads it.

use super::forward::{Channels, fold_planes, fold_tiles, slices};
use super::planes::{self, Activation, Plane, Reads};
use super::rows::{self, Tile};
use super::{Form, GRAIN, memory};
use crate::parallel::{self, Disjoint};
use crate::simd::{self, Real};
use crate::{DType, Element, Tensor, dispatch};

/// Per channel, what the gradient of a normalisation needs of all images and positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Sums {
    /// The sum of the masked cotangent: the gradient in the shift.
    pub sum: Vec<f64>,
    /// The sum of the masked cotangent times the centred input.
    pub product: Vec<f64>,
}

/// What [`channel_gradient`] computes.
#[derive(Clone, Debug)]
pub struct Gradient {
    /// In the input, still to be computed.
    pub input: InputGradient,
    /// In the addend, if there is one: the masked cotangent.
    pub addend: Option<Tensor>,
    /// For the gradients in scale and shift.
    pub sums: Sums,
}

/// The gradient of `<g, activation((x - mean) scale + shift + addend)>`, where `mean` is `x`'s own mean and `scale`
/// is inversely proportional to its standard deviation, if `deviation` gives `1 / sqrt(variance + eps)` per channel; if
/// `None`, mean and scale are constants. `known` are the sums, if whoever made `g` took them; only without an addend.
///
/// # Panics
/// If dtypes differ or are no floats, or if shapes do not fit.
#[track_caller]
pub fn channel_gradient(
    [x, g]: [&Tensor; 2],
    channels: &Channels,
    (addend, activation): (Option<&Tensor>, Activation),
    deviation: Option<&[f64]>,
    known: Option<Sums>,
) -> Gradient {
    channels.check("channel_gradient", x);
    dispatch!(float "channel_gradient", x.dtype(), T => {
        let (x, form) = Form::of(x);
        let (g, addend) = (form.conform(g), addend.map(|addend| form.conform(addend)));
        let mut masked = None;
        let sums = known.unwrap_or_else(|| {
            let from = Reads {
                x: memory::<T>(&x),
                r: addend.as_ref().map_or(&[] as &[T], memory::<T>),
                g: memory::<T>(&g),
            };
            match &addend {
                None => sums_of(from, &mut [], channels, &form, (false, activation)),
                Some(_) => {
                    let mut sums = None;
                    masked = Some(Tensor::build::<T>(x.layout().like(), |dr| {
                        sums = Some(sums_of(from, dr, channels, &form, (true, activation)));
                    }));
                    sums.expect("just computed")
                }
            }
        });
        let count = form.count() as f64;
        let (mut slope, mut shift) = (vec![0.0; form.c], vec![0.0; form.c]);
        if let Some(deviation) = deviation {
            let scale = channels.scale.to_dtype(DType::F64).to_vec::<f64>();
            for c in 0..form.c {
                slope[c] = -scale[c] * deviation[c] * deviation[c] * sums.product[c] / count;
                shift[c] = -scale[c] * sums.sum[c] / count;
            }
        }
        let [slope, shift] = [slope, shift].map(|values| Tensor::from_vec(values, [form.c]).to_dtype(x.dtype()));
        let slopes = Slopes { slope, shift };
        // What is masked already is not masked again.
        let activation = if masked.is_some() { Activation::Identity } else { activation };
        let g = masked.as_ref().unwrap_or(&g).clone();
        let input = InputGradient { x, g, channels: channels.clone(), activation, slopes };
        Gradient { input, addend: masked, sums }
    })
}

/// The sums for a part of a normalisation: `from` of consecutive images in the form `form`; the masked cotangent goes
/// to `masked` if there is an addend.
pub(in crate::kernels) fn sums_of<T: Real + Element>(
    from: Reads<'_, T>,
    masked: &mut [T],
    channels: &Channels,
    form: &Form,
    (adds, activation): (bool, Activation),
) -> Sums {
    let tensors = slices(channels);
    let pass = Sum { from, values: [0, 1, 2].map(|i| memory::<T>(&tensors[i])), form, ceiling: activation.ceiling() };
    let sums = match (activation.clips(), adds) {
        _ if form.len() == 0 => vec![0.0; 2 * form.c],
        (false, false) => pass.run::<false, false>(masked),
        (false, true) => pass.run::<false, true>(masked),
        (true, false) => pass.run::<true, false>(masked),
        (true, true) => pass.run::<true, true>(masked),
    };
    let (sum, product) = sums.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
    Sums { sum, product }
}

struct Sum<'a, T> {
    from: Reads<'a, T>,
    /// Mean, scale and shift.
    values: [&'a [T]; 3],
    form: &'a Form,
    /// Of the activation.
    ceiling: T,
}

impl<'a, T> Reads<'a, T> {
    fn part<const ADD: bool>(&self, range: std::ops::Range<usize>) -> Reads<'a, T> {
        Reads { x: &self.x[range.clone()], r: if ADD { &self.r[range.clone()] } else { self.r }, g: &self.g[range] }
    }
}

impl<T: Real + Element> Sum<'_, T> {
    fn run<const CLIPS: bool, const ADD: bool>(&self, masked: &mut [T]) -> Vec<f64> {
        let masked = Disjoint::new(masked);
        if self.form.rows { self.rows::<CLIPS, ADD>(&masked) } else { self.planes::<CLIPS, ADD>(&masked) }
    }

    fn rows<const CLIPS: bool, const ADD: bool>(&self, masked: &Disjoint<'_, T>) -> Vec<f64> {
        let (level, form) = (simd::level(), self.form);
        let chunk = form.row_chunk();
        let tiles = self.values.map(|values| form.tile(values));
        let tile = Tile { mean: &tiles[0], scale: &tiles[1], shift: &tiles[2] };
        let width = 2 * form.period();
        let mut partial = vec![<T as Real>::ZERO; form.len().div_ceil(chunk) * width];
        parallel::for_each_chunk(&mut partial, width, |first, sums| {
            let start = first / width * chunk;
            let range = start..(start + chunk).min(form.len());
            // SAFETY: every chunk is written by one task; the level is the CPU's.
            unsafe {
                let masked = if ADD { masked.slice(start, range.len()) } else { &mut [] };
                let from = self.from.part::<ADD>(range);
                rows::sums::<T, CLIPS, ADD>(level, tile, from, self.ceiling, masked, sums);
            }
        });
        fold_tiles(form, &partial)
    }

    fn planes<const CLIPS: bool, const ADD: bool>(&self, masked: &Disjoint<'_, T>) -> Vec<f64> {
        let (level, form, [mean, scale, shift]) = (simd::level(), self.form, self.values);
        let mut partial = vec![[<T as Real>::ZERO; 2]; form.n * form.c];
        parallel::for_each_chunk(&mut partial, form.planes(), |first, pairs| {
            for (plane, pair) in (first..).zip(pairs) {
                let (at, c) = (plane * form.inner, plane % form.c);
                let from = self.from.part::<ADD>(at..at + form.inner);
                let plane = Plane { mean: mean[c], scale: scale[c], shift: shift[c] };
                // SAFETY: every plane is written by one task; the level is the CPU's.
                *pair = unsafe {
                    let masked = if ADD { masked.slice(at, form.inner) } else { &mut [] };
                    planes::sums::<T, CLIPS, ADD>(level, plane, from, self.ceiling, masked)
                };
            }
        });
        fold_planes(form, &partial)
    }
}

/// The gradient of a normalisation in its input, not computed yet: `g scale + (x - mean) slope + shift` with the masked
/// cotangent `g`.
#[derive(Clone, Debug)]
pub struct InputGradient {
    x: Tensor,
    g: Tensor,
    channels: Channels,
    activation: Activation,
    slopes: Slopes,
}

/// Two numbers per channel that the gradient in the input has beside `g scale`.
#[derive(Clone, Debug)]
pub(super) struct Slopes {
    /// The factor of the centred input.
    pub(super) slope: Tensor,
    /// What is added.
    pub(super) shift: Tensor,
}

impl InputGradient {
    /// The gradient's shape.
    pub fn shape(&self) -> &[usize] {
        self.x.shape()
    }

    /// The gradient's dtype.
    pub fn dtype(&self) -> DType {
        self.x.dtype()
    }

    /// The gradient for `count` images from `first` on.
    #[track_caller]
    pub fn images(&self, first: usize, count: usize) -> InputGradient {
        let [x, g] = [&self.x, &self.g].map(|batch| batch.narrow(0, first, count));
        InputGradient { x, g, ..self.clone() }
    }

    /// The gradient, in the memory order of the input.
    pub fn compute(&self) -> Tensor {
        dispatch!(float "channel_gradient", self.dtype(), T => {
            let (x, form) = Form::of(&self.x);
            let g = form.conform(&self.g);
            let from = Reads { x: memory::<T>(&x), r: &[], g: memory::<T>(&g) };
            Tensor::build::<T>(x.layout().like(), |dx| {
                let into = (self.activation, dx);
                if self.activation.clips() {
                    input::<T, true>(from, &self.channels, &self.slopes, &form, into)
                } else {
                    input::<T, false>(from, &self.channels, &self.slopes, &form, into)
                }
            })
        })
    }
}

/// [`InputGradient::compute`] on what lies in memory.
pub(super) fn input<T: Real + Element, const CLIPS: bool>(
    from: Reads<'_, T>,
    channels: &Channels,
    slopes: &Slopes,
    form: &Form,
    (activation, dx): (Activation, &mut [T]),
) {
    let (level, ceiling) = (simd::level(), activation.ceiling());
    let [mean, scale, shift] = slices(channels);
    let f = [&mean, &scale, &shift].map(|values| memory::<T>(values));
    let b = [&slopes.slope, &scale, &slopes.shift].map(|values| memory::<T>(values));
    if form.rows {
        let (f, b) = (f.map(|values| form.tile(values)), b.map(|values| form.tile(values)));
        let forward = Tile { mean: &f[0], scale: &f[1], shift: &f[2] };
        let backward = Tile { mean: &b[0], scale: &b[1], shift: &b[2] };
        let chunk = form.row_chunk().min(GRAIN.next_multiple_of(form.period().max(1)));
        parallel::for_each_chunk(dx, chunk, |at, dx| {
            let from = from.part::<false>(at..at + dx.len());
            // SAFETY: the level is the CPU's.
            unsafe { rows::input::<T, CLIPS>(level, [forward, backward], from, ceiling, dx) };
        });
    } else if form.inner > 0 {
        parallel::for_each_chunk(dx, form.planes() * form.inner, |first, dx| {
            for (plane, dx) in (first / form.inner..).zip(dx.chunks_mut(form.inner)) {
                let (at, c) = (plane * form.inner, plane % form.c);
                let forward = Plane { mean: f[0][c], scale: f[1][c], shift: f[2][c] };
                let backward = Plane { mean: b[0][c], scale: b[1][c], shift: b[2][c] };
                let from = from.part::<false>(at..at + form.inner);
                // SAFETY: the level is the CPU's.
                unsafe { planes::input::<T, CLIPS>(level, [forward, backward], from, ceiling, dx) };
            }
        });
    }
}
