//! Normalisation per channel: statistics, the affine map with an activation and an addition folded in, and the same
//! backwards. Batch, instance and group normalisation come down to these four passes (`groups.rs` runs them image by image);
//! where every element has a factor of its own, as in layer normalisation, there are three more in `elements.rs`.
//!
//! A tensor `[n, c, *spatial]` is read as *rows* (channels-last: a row of `c` values per position) or as *planes* (a
//! stretch of positions per image and channel), whichever it is in memory; results lie alike. Sums are taken over at
//! most 64 chunks cut by size alone and combined in order in `f64`, so they do not depend on the number of threads. They
//! are taken of differences to the channel's first value, so that a large mean costs no digits.

mod backward;
mod elements;
mod forward;
mod groups;
mod planes;
mod rows;
#[cfg(test)]
mod tests;

pub(super) use backward::sums_of;
pub use backward::{Gradient, InputGradient, Sums, channel_gradient};
pub use forward::{Channels, channel_affine, channel_statistics};
pub use groups::{GroupStatistics, group_gradient, group_norm, group_statistics};
pub use planes::Activation;
pub(super) use planes::Reads;

use crate::simd::{Real, Simd};
use crate::{Element, MemoryFormat, Tensor};

/// Chunks that sums are cut into at most.
const CHUNKS: usize = 64;

/// Elements per chunk at least: a few µs of work.
const GRAIN: usize = 16 * 1024;

/// How a tensor's channels lie in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// Channel fastest, else positions fastest.
    rows: bool,
    n: usize,
    c: usize,
    inner: usize,
}

impl Form {
    /// The tensor, copied only where it is neither form, and the form it is in.
    pub(super) fn of(x: &Tensor) -> (Tensor, Form) {
        let shape = x.shape();
        let (n, c, inner) = (shape[0], shape[1], shape[2..].iter().product());
        let last = inner == 1 || (c > 1 && !x.is_contiguous() && x.layout().is_in_format(MemoryFormat::ChannelsLast));
        let form = Form { rows: last, n, c, inner };
        (form.conform(x), form)
    }

    /// Another tensor of the same shape in this form.
    fn conform(&self, x: &Tensor) -> Tensor {
        let format = if self.rows { MemoryFormat::ChannelsLast } else { MemoryFormat::Contiguous };
        x.to_memory_format(format)
    }

    /// Values per channel.
    fn count(&self) -> usize {
        self.n * self.inner
    }

    fn len(&self) -> usize {
        self.n * self.c * self.inner
    }

    /// Elements after which channels repeat in the tiles that rows are worked through with: whole rows, long enough
    /// for vectors of any width.
    fn period(&self) -> usize {
        self.c * 256usize.div_ceil(self.c.max(1))
    }

    /// Elements per chunk of a pass over rows: whole periods, [`CHUNKS`] chunks at most.
    fn row_chunk(&self) -> usize {
        let period = self.period().max(1);
        period * self.len().div_ceil(CHUNKS).max(GRAIN).div_ceil(period)
    }

    /// Planes per task.
    fn planes(&self) -> usize {
        GRAIN.div_ceil(self.inner.max(1))
    }

    /// `values[c]` for every element of a period.
    fn tile<T: Element>(&self, values: &[T]) -> Vec<T> {
        values.repeat(256usize.div_ceil(self.c.max(1)))
    }
}

/// The elements in memory order of a tensor that a [`Form`] has put right.
pub(super) fn memory<T: Element>(x: &Tensor) -> &[T] {
    x.as_memory::<T>().expect("a tensor in a memory format is dense")
}

/// The bounds within which an activation keeps its results.
#[derive(Clone, Copy)]
pub(super) struct Bounds<S: Simd> {
    low: S::Vector,
    high: S::Vector,
}

impl<S: Simd> Bounds<S> {
    /// The bounds of `activation`.
    ///
    /// # Safety
    /// The level of `S` is available.
    #[inline(always)]
    pub(super) unsafe fn of(activation: Activation) -> Self {
        let [low, high] = activation.bounds();
        // SAFETY: the caller's.
        unsafe { Bounds { low: S::splat(S::Scalar::from_f64(low)), high: S::splat(S::Scalar::from_f64(high)) } }
    }

    /// The activation of a vector; NaN stays.
    ///
    /// # Safety
    /// The level of `S` is available.
    #[inline(always)]
    pub(super) unsafe fn apply(&self, y: S::Vector) -> S::Vector {
        // SAFETY: the caller's. In this order of operands a NaN stays a NaN.
        unsafe { S::min(self.high, S::max(self.low, y)) }
    }
}
