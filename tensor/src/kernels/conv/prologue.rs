//! What comes before a convolution and costs no pass over memory of its own: `activation((x - mean) scale + shift)` per
//! channel, computed as the input is read. Every value has the bits that
//! [`channel_affine`](crate::kernels::norm::channel_affine) gives it; the zeros around an image stay zeros.

use super::algorithm::Method;
use super::pad::Images;
use super::problem::Problem;
use crate::kernels::norm::{Activation, Bounds, Channels, channel_affine};
use crate::simd::{Level, Real, Simd, dispatch};
use crate::{Element, Tensor};

/// A normalisation that is applied to an input as it is read.
#[derive(Clone, Copy, Debug)]
pub struct Prologue<'a> {
    /// The map of every channel.
    pub channels: &'a Channels,
    /// What follows it.
    pub activation: Activation,
}

/// What a convolution reads: a tensor, and what is applied to it on the way.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// `[n, c, *spatial]`.
    pub tensor: &'a Tensor,
    /// What is applied, if anything.
    pub prologue: Option<Prologue<'a>>,
}

impl<'a> From<&'a Tensor> for Input<'a> {
    fn from(tensor: &'a Tensor) -> Input<'a> {
        Input { tensor, prologue: None }
    }
}

/// An input as the kernels of one method take it.
pub(super) struct Ready {
    pub(super) tensor: Tensor,
    /// Mean, scale and shift, contiguous, and the activation.
    prologue: Option<([Tensor; 3], Activation)>,
}

impl Input<'_> {
    /// # Panics
    /// If the prologue has not one number per channel.
    #[track_caller]
    pub(super) fn check(&self, op: &str) {
        if let Some(prologue) = &self.prologue {
            prologue.channels.check(op, self.tensor);
        }
    }

    /// Whether `method` applies a prologue itself.
    fn is_read_by(method: Method, p: &Problem) -> bool {
        match method {
            Method::Direct | Method::Winograd => true,
            Method::Depthwise => p.input[0] == 1 && p.output[0] == 1 && p.kernel[0] == 1,
            Method::General | Method::Planar | Method::Scatter => false,
        }
    }

    /// The input for `method`: what it cannot do itself is done before.
    pub(super) fn ready(&self, method: Method, p: &Problem) -> Ready {
        match self.prologue {
            Some(Prologue { channels, activation }) if Input::is_read_by(method, p) => {
                let numbers = [&channels.mean, &channels.scale, &channels.shift].map(Tensor::contiguous);
                Ready { tensor: super::channels_last(self.tensor), prologue: Some((numbers, activation)) }
            }
            Some(Prologue { channels, activation }) => {
                let tensor = channel_affine(self.tensor, channels, None, activation);
                Ready { tensor: method.ordered(&tensor), prologue: None }
            }
            None => Ready { tensor: method.ordered(self.tensor), prologue: None },
        }
    }
}

impl Ready {
    /// As images of `p`'s input.
    pub(super) fn images<T: Real + Element>(&self, p: &Problem) -> Images<T> {
        Images { map: self.map(), ..super::images::<T>(&self.tensor, p.input) }
    }

    fn map<T: Real + Element>(&self) -> Option<ChannelMap<T>> {
        self.prologue.as_ref().map(|([mean, scale, shift], activation)| ChannelMap {
            mean: super::slice::<T>(mean).as_ptr(),
            scale: super::slice::<T>(scale).as_ptr(),
            shift: super::slice::<T>(shift).as_ptr(),
            activation: *activation,
        })
    }
}

/// The numbers of a prologue, one per channel.
#[derive(Clone, Copy)]
pub(super) struct ChannelMap<T> {
    mean: *const T,
    scale: *const T,
    shift: *const T,
    activation: Activation,
}

/// A vector of channels' numbers.
#[derive(Clone, Copy)]
pub(super) struct Vectors<S: Simd> {
    mean: S::Vector,
    scale: S::Vector,
    shift: S::Vector,
    bounds: Bounds<S>,
}

impl<T: Real> ChannelMap<T> {
    /// The numbers of the `valid` channels from `channel` on.
    ///
    /// # Safety
    /// The level of `S` is available, and the channels exist.
    #[inline(always)]
    pub(super) unsafe fn vectors<S: Simd<Scalar = T>>(&self, channel: usize, valid: usize) -> Vectors<S> {
        // SAFETY: the caller's.
        unsafe {
            let load = |from: *const T| {
                if valid == S::LANES { S::load(from.add(channel)) } else { S::load_first(from.add(channel), valid) }
            };
            let (mean, scale, shift) = (load(self.mean), load(self.scale), load(self.shift));
            Vectors { mean, scale, shift, bounds: Bounds::of(self.activation) }
        }
    }
}

impl<S: Simd> Vectors<S> {
    /// `activation((x - mean) scale + shift)`, each step rounded, as in `kernels/norm`.
    ///
    /// # Safety
    /// The level of `S` is available.
    #[inline(always)]
    pub(super) unsafe fn apply(&self, x: S::Vector) -> S::Vector {
        // SAFETY: the caller's.
        unsafe {
            let y = S::add(S::mul(S::sub(x, self.mean), self.scale), self.shift);
            self.bounds.apply(y)
        }
    }
}

/// Neighbouring pixels, `step` elements apart, of `c` channels that follow one another.
pub(super) struct Row<T> {
    pub(super) from: *const T,
    pub(super) step: isize,
    pub(super) pixels: usize,
    pub(super) c: usize,
}

/// Elements that inputs are asked for ahead of their use.
const AHEAD: usize = 1 << 10;

#[inline(always)]
unsafe fn row_kernel<S: Simd>(row: &Row<S::Scalar>, map: ChannelMap<S::Scalar>, to: *mut S::Scalar) {
    let whole = row.c / S::LANES * S::LANES;
    for p in 0..row.pixels {
        // SAFETY: the caller's.
        unsafe {
            let (from, to) = (row.from.offset(p as isize * row.step), to.add(p * row.c));
            for channel in (0..whole).step_by(S::LANES) {
                S::prefetch(from.wrapping_add(channel + AHEAD));
                let map = map.vectors::<S>(channel, S::LANES);
                S::store(to.add(channel), map.apply(S::load(from.add(channel))));
            }
            if whole < row.c {
                let valid = row.c - whole;
                let map = map.vectors::<S>(whole, valid);
                S::store_first(to.add(whole), valid, map.apply(S::load_first(from.add(whole), valid)));
            }
        }
    }
}
dispatch! {
    unsafe fn row_at<T>(row: &Row<T>, map: ChannelMap<T>, to: *mut T) = row_kernel;
}

impl<T: Real> ChannelMap<T> {
    /// Maps a row of pixels to `to`, where they lie densely.
    ///
    /// # Safety
    /// `level` is available; the row is valid for reads and `to` for writes of its pixels' channels.
    pub(super) unsafe fn copy(&self, level: Level, row: &Row<T>, to: *mut T) {
        // SAFETY: the caller's.
        unsafe { row_at(level, row, *self, to) };
    }
}
