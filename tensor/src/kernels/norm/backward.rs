//! The gradient of a normalisation by statistics of its own input, with activation and addition folded in.

use super::forward::{Channels, fold_planes, fold_tiles, slices};
use super::segment::{self, Activation, IDENTITY, Plane, RELU, RELU6, Reads, Tile};
use super::{Form, GRAIN, memory};
use crate::parallel::{self, Disjoint};
use crate::simd::{self, Real};
use crate::{Element, Tensor, dispatch};

/// What [`channel_gradient`] computes.
#[derive(Clone, Debug)]
pub struct Gradient {
    /// In the input.
    pub input: Tensor,
    /// In the addend, if there is one: the masked cotangent.
    pub addend: Option<Tensor>,
    /// Per channel, the sum of the masked cotangent: the gradient in the shift.
    pub sum: Vec<f64>,
    /// Per channel, the sum of the masked cotangent times the centred input.
    pub product: Vec<f64>,
}

/// The gradient of `<g, activation((x - mean) scale + shift + addend)>`, where `mean` is `x`'s own mean and `scale`
/// is inversely proportional to its standard deviation, if `deviation` gives `1 / sqrt(variance + eps)` per channel; if
/// `None`, mean and scale are constants.
///
/// # Panics
/// If dtypes differ or are no floats, or if shapes do not fit.
#[track_caller]
pub fn channel_gradient(
    x: &Tensor,
    g: &Tensor,
    channels: &Channels,
    (addend, activation): (Option<&Tensor>, Activation),
    deviation: Option<&[f64]>,
) -> Gradient {
    dispatch!(float "channel_gradient", x.dtype(), T => {
        let (x, form) = Form::of(x);
        let (g, addend) = (form.conform(g), addend.map(|addend| form.conform(addend)));
        let r = addend.as_ref().map_or(&[] as &[T], memory::<T>);
        let pass = Pass { x: &x, from: Reads { x: memory::<T>(&x), r, g: memory::<T>(&g) }, channels, form, deviation };
        match (activation, addend.is_some()) {
            (Activation::Identity, false) => pass.run::<IDENTITY, false>(),
            (Activation::Identity, true) => pass.run::<IDENTITY, true>(),
            (Activation::Relu, false) => pass.run::<RELU, false>(),
            (Activation::Relu, true) => pass.run::<RELU, true>(),
            (Activation::Relu6, false) => pass.run::<RELU6, false>(),
            (Activation::Relu6, true) => pass.run::<RELU6, true>(),
        }
    })
}

struct Pass<'a, T> {
    x: &'a Tensor,
    from: Reads<'a, T>,
    channels: &'a Channels,
    form: Form,
    deviation: Option<&'a [f64]>,
}

impl<'a, T> Reads<'a, T> {
    fn part<const ADD: bool>(&self, range: std::ops::Range<usize>) -> Reads<'a, T> {
        Reads { x: &self.x[range.clone()], r: if ADD { &self.r[range.clone()] } else { self.r }, g: &self.g[range] }
    }
}

impl<T: Real + Element> Pass<'_, T> {
    fn run<const ACT: u8, const ADD: bool>(&self) -> Gradient {
        let form = &self.form;
        let tensors = slices(self.channels);
        let values = [0, 1, 2].map(|i| memory::<T>(&tensors[i]));
        let sums = if form.len() == 0 {
            vec![0.0; 2 * form.c]
        } else if form.rows {
            self.row_sums::<ACT, ADD>(values)
        } else {
            self.plane_sums::<ACT, ADD>(values)
        };
        let count = form.count() as f64;
        let (sum, product): (Vec<f64>, Vec<f64>) = sums.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
        let (mut slope, mut shift) = (vec![<T as Real>::ZERO; form.c], vec![<T as Real>::ZERO; form.c]);
        if let Some(deviation) = self.deviation {
            for c in 0..form.c {
                let scale = Element::to_f64(values[1][c]);
                slope[c] = <T as Real>::from_f64(-scale * deviation[c] * deviation[c] * product[c] / count);
                shift[c] = <T as Real>::from_f64(-scale * sum[c] / count);
            }
        }
        let mut addend = None;
        let layout = self.x.layout().like();
        let input = Tensor::build::<T>(layout.clone(), |dx| {
            if ADD {
                addend = Some(Tensor::build::<T>(layout, |dr| {
                    self.input::<ACT, ADD>(values, [&slope, values[1], &shift], (dx, dr));
                }));
            } else {
                self.input::<ACT, ADD>(values, [&slope, values[1], &shift], (dx, &mut []));
            }
        });
        Gradient { input, addend, sum, product }
    }

    fn row_sums<const ACT: u8, const ADD: bool>(&self, values: [&[T]; 3]) -> Vec<f64> {
        let (level, form) = (simd::level(), &self.form);
        let chunk = form.row_chunk();
        let tiles = values.map(|values| form.tile(values));
        let tile = Tile { mean: &tiles[0], scale: &tiles[1], shift: &tiles[2] };
        let width = 2 * form.period();
        let mut partial = vec![<T as Real>::ZERO; form.len().div_ceil(chunk) * width];
        parallel::for_each_chunk(&mut partial, width, |first, sums| {
            let start = first / width * chunk;
            let from = self.from.part::<ADD>(start..(start + chunk).min(form.len()));
            // SAFETY: the level is the CPU's.
            unsafe { segment::row_sums::<T, Tile<'_, T>, ACT, ADD>(level, tile, from, sums) }
        });
        fold_tiles(form, &partial)
    }

    fn plane_sums<const ACT: u8, const ADD: bool>(&self, [mean, scale, shift]: [&[T]; 3]) -> Vec<f64> {
        let (level, form) = (simd::level(), &self.form);
        let mut partial = vec![[<T as Real>::ZERO; 2]; form.n * form.c];
        parallel::for_each_chunk(&mut partial, form.planes(), |first, pairs| {
            for (plane, pair) in (first..).zip(pairs) {
                let from = self.from.part::<ADD>(plane * form.inner..(plane + 1) * form.inner);
                let c = plane % form.c;
                let plane = Plane { mean: mean[c], scale: scale[c], shift: shift[c] };
                // SAFETY: the level is the CPU's.
                *pair = unsafe { segment::plane_sums::<T, ACT, ADD>(level, plane, from) };
            }
        });
        fold_planes(form, &partial)
    }

    fn input<const ACT: u8, const ADD: bool>(&self, f: [&[T]; 3], b: [&[T]; 3], (dx, dr): (&mut [T], &mut [T])) {
        let (level, form) = (simd::level(), &self.form);
        let (out, add) = (Disjoint::new(dx), Disjoint::new(dr));
        if form.rows {
            let (f, b) = (f.map(|values| form.tile(values)), b.map(|values| form.tile(values)));
            let forward = Tile { mean: &f[0], scale: &f[1], shift: &f[2] };
            let backward = Tile { mean: &b[0], scale: &b[1], shift: &b[2] };
            let chunk = form.row_chunk().min(GRAIN.next_multiple_of(form.period().max(1)));
            parallel::for_each(form.len().div_ceil(chunk), |task| {
                let (at, len) = (task * chunk, chunk.min(form.len() - task * chunk));
                let from = self.from.part::<ADD>(at..at + len);
                // SAFETY: every chunk is written by one task; the level is the CPU's.
                unsafe {
                    let to = (out.slice(at, len), if ADD { add.slice(at, len) } else { &mut [] });
                    segment::input::<T, Tile<'_, T>, ACT, ADD>(level, forward, backward, from, to);
                }
            });
        } else if form.inner > 0 {
            let (planes, count) = (form.planes(), form.n * form.c);
            parallel::for_each(count.div_ceil(planes), |task| {
                for plane in task * planes..((task + 1) * planes).min(count) {
                    let (at, c) = (plane * form.inner, plane % form.c);
                    let from = self.from.part::<ADD>(at..at + form.inner);
                    let forward = Plane { mean: f[0][c], scale: f[1][c], shift: f[2][c] };
                    let backward = Plane { mean: b[0][c], scale: b[1][c], shift: b[2][c] };
                    // SAFETY: every plane is written by one task; the level is the CPU's.
                    unsafe {
                        let to = (out.slice(at, form.inner), if ADD { add.slice(at, form.inner) } else { &mut [] });
                        segment::input::<T, Plane<T>, ACT, ADD>(level, forward, backward, from, to);
                    }
                }
            });
        }
    }
}
