//! Channels-last: a vector of channels at once, one row of windows after the other.
//!
//! Within a kernel the taps are numbers of the lanes' own type, so that one select moves value and tap alike; the bytes
//! that are kept are converted a row at a time.

use std::ops::Range;

use smallvec::SmallVec;

use super::Windows;
use super::tap::{Kept, Tap, larger};
use crate::Element;
use crate::kernels::scratch::Scratch;
use crate::simd::{self, Real, Simd, dispatch};

/// The taps inside the input of one window along the last axis.
struct Column {
    taps: Range<usize>,
    /// The position of the first one.
    first: usize,
}

/// What all rows of windows share.
pub(super) struct Rows<'a> {
    windows: &'a Windows,
    c: usize,
    columns: Vec<Column>,
    /// Whether every window has two taps inside along the last axis, one after the other.
    are_pairs: bool,
}

impl<'a> Rows<'a> {
    /// For images of `c` channels.
    ///
    /// # Panics
    /// If a window has no tap inside the input.
    pub(super) fn new(windows: &'a Windows, c: usize) -> Rows<'a> {
        for axis in 0..3 {
            let all_inside = (0..windows.output[axis]).all(|o| !windows.inside(axis, o).is_empty());
            assert!(all_inside, "max_pool: a window lies outside the input");
        }
        let column = |o| {
            let taps = windows.inside(2, o);
            Column { first: windows.position(2, o, taps.start), taps }
        };
        let columns: Vec<Column> = (0..windows.output[2]).map(column).collect();
        let are_pairs = windows.dilation[2] == 1 && columns.iter().all(|column| column.taps == (0..2));
        Rows { windows, c, columns, are_pairs }
    }

    /// The lines of the input that row `at` (counted through depth and height) meets: the number of each line's first
    /// tap, and the line's first position.
    fn lines(&self, at: usize) -> SmallVec<[(usize, usize); 8]> {
        let windows = self.windows;
        let (d, h) = (at / windows.output[1], at % windows.output[1]);
        let heights = windows.inside(1, h);
        let lines = windows.inside(0, d).flat_map(|kd| {
            heights.clone().map(move |kh| {
                let line = windows.position(0, d, kd) * windows.input[1] + windows.position(1, h, kh);
                ((kd * windows.kernel[1] + kh) * windows.kernel[2], line * windows.input[2])
            })
        });
        lines.collect()
    }

    fn elements(&self) -> usize {
        self.columns.len() * self.c
    }
}

/// `lanes` elements from `at` on, and whatever follows them: masked loads are slow, and only an end needs one.
///
/// # Safety
/// The level of `S` is available, and `at + lanes <= from.len()`.
#[inline(always)]
pub(super) unsafe fn load<S: Simd>(from: &[S::Scalar], at: usize, lanes: usize) -> S::Vector {
    // SAFETY: what is read lies inside the slice.
    unsafe {
        let start = from.as_ptr().add(at);
        if at + S::LANES <= from.len() { S::load(start) } else { S::load_first(start, lanes) }
    }
}

/// Writes `lanes` elements from `at` on, and anything behind them as far as `end`, where the caller has yet to write.
///
/// # Safety
/// The level of `S` is available, `to` is valid for writes of `end` elements, and `at + lanes <= end`.
#[inline(always)]
pub(super) unsafe fn store<S: Simd>(to: *mut S::Scalar, (at, lanes): (usize, usize), end: usize, v: S::Vector) {
    // SAFETY: what is written lies before `end`.
    unsafe { if at + S::LANES <= end { S::store(to.add(at), v) } else { S::store_first(to.add(at), lanes, v) } }
}

/// One row of windows of the image `x`: the maxima of `c` channels each, and their taps.
#[inline(always)]
unsafe fn row_kernel<S: Simd, C: Tap>(
    rows: &Rows<'_>,
    at: usize,
    x: &[S::Scalar],
    y: (&mut [S::Scalar], &mut [S::Scalar]),
    taps: &mut [C],
) {
    let (y, numbers) = y;
    let (c, lines) = (rows.c, rows.lines(at));
    let step = rows.windows.dilation[2] * c;
    let number = |tap: usize| S::Scalar::from_f64(tap as f64);
    let pair = (rows.are_pairs && lines.len() == 2).then(|| [lines[0], lines[1]]);
    for (window, column) in rows.columns.iter().enumerate() {
        let mut channel = 0;
        while channel < c {
            let lanes = (c - channel).min(S::LANES);
            // SAFETY: taps are positions inside the input, with `c` channels behind them; outputs have `c` elements for
            // each column, as `forward` checked.
            unsafe {
                let to = window * c + channel;
                let mut best = None;
                if let Some(pair) = pair {
                    // The common 2x2: a tree of comparisons, with nothing to count. No closures: one that is not inlined
                    // is compiled without the level's instructions.
                    let mut maxima = [(S::zero(), S::zero()); 2];
                    for (maxima, (first, line)) in maxima.iter_mut().zip(pair) {
                        let from = (line + column.first) * c + channel;
                        let (a, b) = (load::<S>(x, from, lanes), load::<S>(x, from + c, lanes));
                        *maxima = larger::<S, C>((a, S::splat(number(first))), (b, S::splat(number(first + 1))));
                    }
                    best = Some(larger::<S, C>(maxima[0], maxima[1]));
                } else {
                    for &(first, line) in &lines {
                        let mut from = (line + column.first) * c + channel;
                        for kw in column.taps.clone() {
                            let next = (load::<S>(x, from, lanes), S::splat(number(first + kw)));
                            best = match best {
                                None => Some(next),
                                Some(best) => Some(larger::<S, C>(best, next)),
                            };
                            from += step;
                        }
                    }
                }
                if let Some((best, tap)) = best {
                    // Windows that follow write what lies behind.
                    store::<S>(y.as_mut_ptr(), (to, lanes), y.len(), best);
                    if C::IS_KEPT {
                        store::<S>(numbers.as_mut_ptr(), (to, lanes), numbers.len(), tap);
                    }
                }
            }
            channel += lanes;
        }
    }
    if C::IS_KEPT {
        for (tap, &number) in taps.iter_mut().zip(&*numbers) {
            *tap = C::from_lane(number);
        }
    }
}
dispatch! {
    unsafe fn row_at<T>[C: Tap](rows: &Rows<'_>, at: usize, x: &[T], y: (&mut [T], &mut [T]), taps: &mut [C]) = row_kernel;
}

/// Rows `range` of windows, counted through images, depth and height; `y` and `taps` hold these rows alone.
pub(super) fn forward<T: Real + Element, C: Tap>(
    x: &[T],
    rows: &Rows<'_>,
    range: Range<usize>,
    (y, taps): (&mut [T], &mut [C]),
) {
    let (windows, width) = (rows.windows, rows.elements());
    let (image, per_image) = (windows.inputs() * rows.c, windows.output[0] * windows.output[1]);
    assert!(y.len() == range.len() * width && taps.len() == y.len(), "max_pool: results of another size");
    let mut numbers = Scratch::<T>::new(width);
    let numbers = numbers.as_mut_slice();
    let outputs = y.chunks_exact_mut(width).zip(taps.chunks_exact_mut(width));
    for (at, (y, taps)) in range.zip(outputs) {
        let x = &x[at / per_image * image..][..image];
        // SAFETY: the level is the CPU's; positions lie inside the image, whose length was just checked.
        unsafe { row_at(simd::level(), rows, at % per_image, x, (y, numbers), taps) };
    }
}

/// One row of windows: `g` added to the image `dx` where the taps say.
#[inline(always)]
unsafe fn spread_kernel<S: Simd, C: Kept>(
    rows: &Rows<'_>,
    at: usize,
    g: (&[S::Scalar], &mut [S::Scalar]),
    taps: &[C],
    dx: *mut S::Scalar,
) {
    let (g, numbers) = g;
    for (number, &tap) in numbers.iter_mut().zip(taps) {
        *number = tap.to_lane();
    }
    let (c, lines, apart) = (rows.c, rows.lines(at), rows.windows.are_apart());
    let step = rows.windows.dilation[2] * c;
    let number = |tap: usize| S::Scalar::from_f64(tap as f64);
    // The common 2x2, as above: where each line starts, and the numbers of its taps.
    let pair = (rows.are_pairs && apart && lines.len() == 2).then(|| [lines[0], lines[1]]);
    let pair = pair.map(|pair| pair.map(|(first, line)| (line * c, [number(first), number(first + 1)])));
    // Where windows leave nothing between them and a vector holds all channels, those that follow write what lies behind.
    let covers = c <= S::LANES && rows.windows.stride[2] == 2;
    let covered = if covers { 2 * rows.elements() } else { 0 };
    for (window, column) in rows.columns.iter().enumerate() {
        let mut channel = 0;
        while channel < c {
            let lanes = (c - channel).min(S::LANES);
            // SAFETY: taps are positions inside the input, with `c` channels behind them; `g` and the numbers have `c`
            // elements for each column, as `adjoint` checked.
            unsafe {
                let from = window * c + channel;
                let (g, tap) = (load::<S>(g, from, lanes), load::<S>(numbers, from, lanes));
                if let Some(pair) = pair {
                    let to = column.first * c + channel;
                    for (line, numbers) in pair {
                        let a = S::select(S::equal(tap, S::splat(numbers[0])), g, S::zero());
                        let b = S::select(S::equal(tap, S::splat(numbers[1])), g, S::zero());
                        store::<S>(dx.add(line), (to, lanes), covered.max(to + lanes), a);
                        store::<S>(dx.add(line), (to + c, lanes), covered.max(to + c + lanes), b);
                    }
                    channel += lanes;
                    continue;
                }
                for &(first, line) in &lines {
                    let mut to = dx.add((line + column.first) * c + channel);
                    for kw in column.taps.clone() {
                        let here = S::equal(tap, S::splat(number(first + kw)));
                        let mut value = S::select(here, g, S::zero());
                        if !apart {
                            let before = if lanes == S::LANES { S::load(to) } else { S::load_first(to, lanes) };
                            value = S::add(before, value);
                        }
                        if lanes == S::LANES {
                            S::store(to, value);
                        } else {
                            S::store_first(to, lanes, value);
                        }
                        to = to.wrapping_add(step);
                    }
                }
            }
            channel += lanes;
        }
    }
}
dispatch! {
    unsafe fn spread_at<T>[C: Kept](rows: &Rows<'_>, at: usize, g: (&[T], &mut [T]), taps: &[C], dx: *mut T) = spread_kernel;
}

/// One image: `dx` is written entirely.
pub(super) fn adjoint<T: Real + Element, C: Kept>(g: &[T], taps: &[C], rows: &Rows<'_>, dx: &mut [T]) {
    let (windows, width) = (rows.windows, rows.elements());
    let per_image = windows.output[0] * windows.output[1];
    assert!(dx.len() == windows.inputs() * rows.c && g.len() == per_image * width && taps.len() == g.len());
    if !windows.are_tiles() {
        dx.fill(<T as Real>::ZERO);
    }
    let mut numbers = Scratch::<T>::new(width);
    let numbers = numbers.as_mut_slice();
    for (at, (g, taps)) in g.chunks_exact(width).zip(taps.chunks_exact(width)).enumerate() {
        // SAFETY: the level is the CPU's; positions lie inside the image, whose length was checked.
        unsafe { spread_at(simd::level(), rows, at, (g, numbers), taps, dx.as_mut_ptr()) };
    }
}
