//! Maximum pooling in one, two and three dimensions.
//!
//! The place of each maximum is kept as a *tap*: its number within the window, one byte where windows have at most 256
//! taps, which is an eighth of the indices that PyTorch keeps. [`tap_indices`] turns taps into such indices where
//! somebody asks for them. Adaptive and fractional pooling, whose windows vary, use [`window_indices`].

mod channels;
mod planes;
mod tap;
#[cfg(test)]
mod tests;
mod windows;

pub use windows::window_indices;

use crate::parallel::{self, Disjoint};
use crate::{DType, Element, Layout, MemoryFormat, Tensor, dispatch};
use tap::{Kept, Tap};

/// Taps are numbered in the elements' own type, in which `f32` has as many whole numbers.
const MOST_TAPS: usize = 1 << f32::MANTISSA_DIGITS;

/// The windows of a pooling, over three spatial axes: fewer have leading axes of size 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Sizes of the windows.
    pub kernel: [usize; 3],
    /// Steps from window to window.
    pub stride: [usize; 3],
    /// Positions before the input's first that windows may begin at.
    pub padding: [usize; 3],
    /// Steps from tap to tap.
    pub dilation: [usize; 3],
    /// Sizes of the input.
    pub input: [usize; 3],
    /// Numbers of windows.
    pub output: [usize; 3],
}

impl Windows {
    /// Taps per window.
    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    fn inputs(&self) -> usize {
        self.input.iter().product()
    }

    fn outputs(&self) -> usize {
        self.output.iter().product()
    }

    /// The taps of window `o` along `axis` that lie inside the input.
    fn inside(&self, axis: usize, o: usize) -> std::ops::Range<usize> {
        let (at, dilation) =
            ((o * self.stride[axis]) as isize - self.padding[axis] as isize, self.dilation[axis] as isize);
        let first = if at < 0 { (-at + dilation - 1) / dilation } else { 0 };
        let end = (self.input[axis] as isize - at + dilation - 1).div_euclid(dilation);
        let end = end.clamp(0, self.kernel[axis] as isize);
        first.min(end) as usize..end as usize
    }

    /// The position along `axis` of a tap inside the input.
    fn position(&self, axis: usize, o: usize, tap: usize) -> usize {
        o * self.stride[axis] + tap * self.dilation[axis] - self.padding[axis]
    }

    /// The position in the input, row by row, of tap `tap` of output `o`.
    fn source(&self, o: usize, tap: usize) -> usize {
        let [_, h, w] = self.output;
        let [_, kh, kw] = self.kernel;
        let d = self.position(0, o / (h * w), tap / (kh * kw));
        let y = self.position(1, o / w % h, tap / kw % kh);
        let x = self.position(2, o % w, tap % kw);
        (d * self.input[1] + y) * self.input[2] + x
    }

    /// Whether no input lies in two windows.
    fn are_apart(&self) -> bool {
        (0..3).all(|axis| self.output[axis] < 2 || self.stride[axis] > (self.kernel[axis] - 1) * self.dilation[axis])
    }

    /// Whether every input lies in one window.
    fn are_tiles(&self) -> bool {
        (0..3).all(|axis| {
            let is_plain = self.padding[axis] == 0 && self.dilation[axis] == 1;
            is_plain
                && self.stride[axis] == self.kernel[axis]
                && self.input[axis] == self.output[axis] * self.kernel[axis]
        })
    }
}

/// Memory of a tensor `[n, c, *spatial]`.
#[derive(Clone, Copy)]
struct Images {
    n: usize,
    c: usize,
    last: bool,
}

impl Images {
    fn of(x: &Tensor) -> Images {
        let (n, c) = (x.shape()[0], x.shape()[1]);
        let last = c > 1 && !x.is_contiguous() && x.layout().is_in_format(MemoryFormat::ChannelsLast);
        Images { n, c, last }
    }

    fn format(self) -> MemoryFormat {
        if self.last { MemoryFormat::ChannelsLast } else { MemoryFormat::Contiguous }
    }

    fn layout(self, shape: &[usize]) -> Layout {
        Layout::in_format(shape, self.format())
    }
}

fn shape_of(x: &Tensor, spatial: &[usize; 3]) -> Vec<usize> {
    [&x.shape()[..2], &spatial[5 - x.rank()..]].concat()
}

fn memory<T: Element>(x: &Tensor) -> &[T] {
    x.as_memory::<T>().expect("a tensor in a memory format is dense")
}

/// The maximum of every window of `x`, `[n, c, *spatial]`, and its tap (`u8`, or `i64` for windows of over 256 taps);
/// NaN counts as largest, and of equal values the first is taken. Both results lie in memory like `x`.
///
/// # Panics
/// If the dtype is no float, or a window has no tap inside the input.
#[track_caller]
pub fn max_pool(x: &Tensor, windows: &Windows) -> (Tensor, Tensor) {
    if x.dtype() == DType::F32 && windows.taps() > MOST_TAPS {
        let (y, taps) = max_pool(&x.to_dtype(DType::F64), windows);
        return (y.to_dtype(DType::F32), taps);
    }
    let images = Images::of(x);
    let x = x.to_memory_format(images.format());
    let layout = images.layout(&shape_of(&x, &windows.output));
    dispatch!(float "max_pool", x.dtype(), T => {
        let x = memory::<T>(&x);
        if windows.taps() <= 256 {
            with_taps::<T, u8>(x, windows, images, layout)
        } else {
            with_taps::<T, i64>(x, windows, images, layout)
        }
    })
}

fn with_taps<T: crate::simd::Real + Element, C: Kept + Element>(
    x: &[T],
    windows: &Windows,
    images: Images,
    layout: Layout,
) -> (Tensor, Tensor) {
    let mut y = None;
    let taps = Tensor::build::<C>(layout.clone(), |taps| {
        y = Some(Tensor::build::<T>(layout, |y| forward(x, windows, images, y, taps)));
    });
    (y.expect("a tensor is built at once"), taps)
}

/// The maxima of [`max_pool`] alone, for whoever will not ask where they lay.
///
/// # Panics
/// As [`max_pool`].
#[track_caller]
pub fn max_pool_values(x: &Tensor, windows: &Windows) -> Tensor {
    let images = Images::of(x);
    let x = x.to_memory_format(images.format());
    let layout = images.layout(&shape_of(&x, &windows.output));
    dispatch!(float "max_pool", x.dtype(), T => Tensor::build::<T>(layout, |y| {
        let mut taps = vec![(); y.len()];
        forward(memory::<T>(&x), windows, images, y, &mut taps);
    }))
}

fn forward<T: crate::simd::Real + Element, C: Tap>(
    x: &[T],
    windows: &Windows,
    images: Images,
    y: &mut [T],
    taps: &mut [C],
) {
    if y.is_empty() {
        return;
    }
    let (y, taps) = (Disjoint::new(y), Disjoint::new(taps));
    let [d, h, w] = windows.output;
    if images.last {
        let shared = channels::Rows::new(windows, images.c);
        let row = w * images.c;
        let rows = images.n * d * h;
        let each = (8192 / (row * windows.taps()).max(1)).max(1);
        parallel::for_each(rows.div_ceil(each), |task| {
            let range = task * each..((task + 1) * each).min(rows);
            let (first, len) = (range.start * row, range.len() * row);
            // SAFETY: every row is written by one task.
            let results = unsafe { (y.slice(first, len), taps.slice(first, len)) };
            channels::forward(x, &shared, range, results);
        });
    } else {
        let (outputs, inputs, planes) = (windows.outputs(), windows.inputs(), images.n * images.c);
        let each = (8192 / (outputs * windows.taps()).max(1)).max(1);
        let shared = planes::Shared::new(windows);
        parallel::for_each(planes.div_ceil(each), |task| {
            let range = task * each..((task + 1) * each).min(planes);
            let x = &x[range.start * inputs..range.end * inputs];
            let (first, len) = (range.start * outputs, range.len() * outputs);
            // SAFETY: every plane is written by one task.
            let (y, taps) = unsafe { (y.slice(first, len), taps.slice(first, len)) };
            planes::forward(x, &shared, y, taps);
        });
    }
}

/// The adjoint of reading the maxima: `g` added at the taps that [`max_pool`] gave, zeros elsewhere.
///
/// # Panics
/// If the dtype is no float, or shapes do not fit.
#[track_caller]
pub fn max_pool_adjoint(g: &Tensor, taps: &Tensor, windows: &Windows) -> Tensor {
    let images = Images::of(taps);
    let g = g.to_memory_format(images.format());
    let layout = images.layout(&shape_of(&g, &windows.input));
    dispatch!(float "max_pool", g.dtype(), T => Tensor::build::<T>(layout, |dx| match taps.dtype() {
        DType::U8 => adjoint(memory::<T>(&g), memory::<u8>(taps), windows, images, dx),
        _ => adjoint(memory::<T>(&g), memory::<i64>(taps), windows, images, dx),
    }))
}

fn adjoint<T: crate::simd::Real + Element, C: Kept + Element>(
    g: &[T],
    taps: &[C],
    windows: &Windows,
    images: Images,
    dx: &mut [T],
) {
    if dx.is_empty() {
        return;
    }
    // One image (or plane) at a time, so that overlapping windows add up in a fixed order.
    let width = if images.last { images.c } else { 1 };
    let (inputs, outputs) = (windows.inputs() * width, windows.outputs() * width);
    let each = (16384 / inputs.max(1)).max(1) * inputs;
    let rows = images.last.then(|| channels::Rows::new(windows, images.c));
    let steps = planes::Steps::new(windows);
    parallel::for_each_chunk(dx, each, |first, dx| {
        for (image, dx) in (first / inputs..).zip(dx.chunks_mut(inputs)) {
            let (g, taps) = (&g[image * outputs..][..outputs], &taps[image * outputs..][..outputs]);
            match &rows {
                Some(rows) => channels::adjoint(g, taps, rows, dx),
                None => planes::adjoint(g, taps, &steps, dx),
            }
        }
    });
}

/// The positions in the flattened spatial axes, `i64`, that taps name: what PyTorch's `return_indices` returns.
///
/// # Panics
/// If the taps are not of `windows`.
#[track_caller]
pub fn tap_indices(taps: &Tensor, windows: &Windows) -> Tensor {
    let taps = taps.to_dtype(DType::I64).contiguous();
    let outputs = windows.outputs().max(1);
    let source = memory::<i64>(&taps);
    Tensor::build::<i64>(Layout::contiguous(taps.shape()), |out| {
        parallel::for_each_chunk(out, 32 * 1024, |first, out| {
            for (i, index) in (first..).zip(out) {
                *index = windows.source(i % outputs, source[i] as usize) as i64;
            }
        });
    })
}
