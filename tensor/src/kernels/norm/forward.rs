//! Statistics per channel, and the affine map that uses them.

use super::planes::{self, Activation, Plane};
use super::rows::{self, Tile};
use super::{Form, GRAIN, memory};
use crate::parallel;
use crate::simd::{self, Real};
use crate::{Element, Tensor, dispatch};

/// Three numbers per channel: `y = (x - mean) scale + shift`.
#[derive(Clone, Debug)]
pub struct Channels {
    /// What is subtracted first, `[c]`.
    pub mean: Tensor,
    /// The factor, `[c]`.
    pub scale: Tensor,
    /// What is added last, `[c]`.
    pub shift: Tensor,
}

impl Channels {
    /// # Panics
    /// If these are not one number of its dtype per channel of `x`.
    #[track_caller]
    pub(in crate::kernels) fn check(&self, op: &str, x: &Tensor) {
        let c = x.shape()[1];
        for given in [&self.mean, &self.scale, &self.shift] {
            if given.shape() != [c] || given.dtype() != x.dtype() {
                crate::fault!(op, [input: x.shape()], "expected {c} values of {} for each of mean, scale and shift, got {} of {}",
                    x.dtype(), given.len(), given.dtype());
            }
        }
    }
}

/// The mean and the variance (over `n`, not `n - 1`) of every channel of `x`, `[n, c, *spatial]`.
///
/// # Panics
/// If the dtype is no float.
#[track_caller]
pub fn channel_statistics(x: &Tensor) -> (Vec<f64>, Vec<f64>) {
    dispatch!(float "channel_statistics", x.dtype(), T => {
        let (x, form) = Form::of(x);
        statistics(memory::<T>(&x), &form)
    })
}

/// The mean and the variance of every channel of `x`.
pub(super) fn statistics<T: Real + Element>(x: &[T], form: &Form) -> (Vec<f64>, Vec<f64>) {
    if form.len() == 0 {
        return (vec![0.0; form.c], vec![0.0; form.c]);
    }
    let pivot: Vec<T> = (0..form.c).map(|c| x[if form.rows { c } else { c * form.inner }]).collect();
    let sums = if form.rows { row_moments(x, form, &pivot) } else { plane_moments(x, form, &pivot) };
    let count = form.count() as f64;
    let mean = |c: usize| sums[2 * c] / count;
    let means = (0..form.c).map(|c| Element::to_f64(pivot[c]) + mean(c)).collect();
    (means, (0..form.c).map(|c| (sums[2 * c + 1] / count - mean(c) * mean(c)).max(0.0)).collect())
}

/// Pairs of sums per channel, from tiles of partial sums in order.
pub(super) fn fold_tiles<T: Element>(form: &Form, tiles: &[T]) -> Vec<f64> {
    let period = form.period();
    let mut sums = vec![0.0; 2 * form.c];
    let (first, second) = sums.split_at_mut(form.c);
    for tile in tiles.chunks(2 * period) {
        for (half, sums) in [&mut *first, &mut *second].into_iter().enumerate() {
            for row in tile[half * period..][..period].chunks_exact(form.c) {
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value.to_f64());
            }
        }
    }
    first.iter().zip(second).flat_map(|(&first, &mut second)| [first, second]).collect()
}

/// Pairs of sums per channel, from pairs per plane in order.
pub(super) fn fold_planes<T: Element>(form: &Form, pairs: &[[T; 2]]) -> Vec<f64> {
    let mut sums = vec![0.0; 2 * form.c];
    for (plane, pair) in pairs.iter().enumerate() {
        for half in 0..2 {
            sums[2 * (plane % form.c) + half] += pair[half].to_f64();
        }
    }
    sums
}

fn row_moments<T: Real + Element>(x: &[T], form: &Form, pivot: &[T]) -> Vec<f64> {
    let (level, chunk) = (simd::level(), form.row_chunk());
    let pivot = form.tile(pivot);
    let mut partial = vec![<T as Real>::ZERO; form.len().div_ceil(chunk) * 2 * pivot.len()];
    parallel::for_each_chunk(&mut partial, 2 * pivot.len(), |first, sums| {
        let start = first / sums.len() * chunk;
        // SAFETY: the level is the CPU's.
        unsafe { rows::moments(level, &x[start..(start + chunk).min(x.len())], &pivot, sums) }
    });
    fold_tiles(form, &partial)
}

fn plane_moments<T: Real + Element>(x: &[T], form: &Form, pivot: &[T]) -> Vec<f64> {
    let level = simd::level();
    let mut partial = vec![[<T as Real>::ZERO; 2]; form.n * form.c];
    parallel::for_each_chunk(&mut partial, form.planes(), |first, pairs| {
        for (plane, pair) in (first..).zip(pairs) {
            let x = &x[plane * form.inner..][..form.inner];
            // SAFETY: the level is the CPU's.
            *pair = unsafe { planes::moments(level, x, pivot[plane % form.c]) };
        }
    });
    fold_planes(form, &partial)
}

/// `activation((x - mean) scale + shift + addend)`, in the memory order of `x`.
///
/// # Panics
/// If dtypes differ or are no floats, or if `channels` do not have one number per channel.
#[track_caller]
pub fn channel_affine(x: &Tensor, channels: &Channels, addend: Option<&Tensor>, activation: Activation) -> Tensor {
    channels.check("channel_affine", x);
    dispatch!(float "channel_affine", x.dtype(), T => {
        let (x, form) = Form::of(x);
        let addend = addend.map(|addend| form.conform(addend));
        let r = addend.as_ref().map_or(&[] as &[T], memory::<T>);
        Tensor::build::<T>(x.layout().like(), |y| {
            if addend.is_some() {
                affine::<T, true>([memory(&x), r], channels, &form, activation, y)
            } else {
                affine::<T, false>([memory(&x), r], channels, &form, activation, y)
            }
        })
    })
}

/// [`channel_affine`] on what lies in memory.
pub(super) fn affine<T: Real + Element, const ADD: bool>(
    from: [&[T]; 2],
    channels: &Channels,
    form: &Form,
    activation: Activation,
    y: &mut [T],
) {
    if form.rows {
        run_rows::<T, ADD>(from, channels, form, activation, y)
    } else {
        run_planes::<T, ADD>(from, channels, form, activation, y)
    }
}

/// The coefficients of `channels` as slices.
pub(super) fn slices(channels: &Channels) -> [Tensor; 3] {
    [&channels.mean, &channels.scale, &channels.shift].map(Tensor::contiguous)
}

fn run_rows<T: Real + Element, const ADD: bool>(
    [x, r]: [&[T]; 2],
    channels: &Channels,
    form: &Form,
    activation: Activation,
    y: &mut [T],
) {
    let level = simd::level();
    let tensors = slices(channels);
    let [mean, scale, shift] = [0, 1, 2].map(|i| form.tile(memory::<T>(&tensors[i])));
    let tile = Tile { mean: &mean, scale: &scale, shift: &shift };
    let chunk = form.row_chunk().min(GRAIN.next_multiple_of(form.period().max(1)));
    parallel::for_each_chunk(y, chunk, |at, y| {
        let range = at..at + y.len();
        let r = if ADD { &r[range.clone()] } else { r };
        // SAFETY: the level is the CPU's.
        unsafe { rows::affine::<T, ADD>(level, tile, [&x[range], r], activation, y) }
    });
}

fn run_planes<T: Real + Element, const ADD: bool>(
    [x, r]: [&[T]; 2],
    channels: &Channels,
    form: &Form,
    activation: Activation,
    y: &mut [T],
) {
    if form.inner == 0 {
        return;
    }
    let level = simd::level();
    let tensors = slices(channels);
    let [mean, scale, shift] = [0, 1, 2].map(|i| memory::<T>(&tensors[i]));
    parallel::for_each_chunk(y, form.planes() * form.inner, |first, y| {
        for (plane, y) in (first / form.inner..).zip(y.chunks_mut(form.inner)) {
            let (at, c) = (plane * form.inner, plane % form.c);
            let range = at..at + form.inner;
            let r = if ADD { &r[range.clone()] } else { r };
            let plane = Plane { mean: mean[c], scale: scale[c], shift: shift[c] };
            // SAFETY: the level is the CPU's.
            unsafe { planes::affine::<T, ADD>(level, plane, &x[range], r, activation, y) }
        }
    });
}
