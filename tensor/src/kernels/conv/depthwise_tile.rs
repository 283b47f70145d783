//! Depthwise 3x3 filters with stride 1 or 2: tiles of two by four outputs, which load every input once. Borders use fewer
//! taps.

use std::ops::Range;

use super::depthwise::Pass;
use super::plan::Plan;
use super::tile::Finish;
use super::unroll::each;
use crate::kernels::norm::{Activation, Bounds};
use crate::kernels::scratch::Scratch;
use crate::simd::{Real, Simd, in_register};

/// Outputs of a tile.
const ROWS: usize = 2;
const COLUMNS: usize = 4;

/// Bytes of a line of the cache.
const LINE: usize = 64;

/// Lines and columns of inputs that the outputs of a tile read, `step` apart.
const fn reads(step: usize) -> [usize; 2] {
    [(ROWS - 1) * step + 3, (COLUMNS - 1) * step + 3]
}

/// Whether every output reads three by three neighbouring inputs, and there are as many outputs as a tile has.
pub(super) fn suits(plan: &Plan) -> bool {
    let plain = |axis: usize| {
        let [phase] = plan.axes[axis].as_slice() else { return false };
        phase.taps.len() == 3 && phase.taps.windows(2).all(|pair| pair[1].1 == pair[0].1 + 1)
    };
    let steps = || [1, 2].map(|axis| plan.axes[axis][0].in_step);
    let fits = plan.output[1] >= ROWS && plan.output[2] >= COLUMNS;
    fits && [plan.input[0], plan.output[0], plan.kernel[0]] == [1; 3]
        && plain(1)
        && plain(2)
        && matches!(steps(), [1, 1] | [2, 2])
}

/// The rows `rows` of image `n`, [`ROWS`] at least.
///
/// # Safety
/// As for `depthwise::run`, the level of `S` is available, and `suits(plan)`.
#[inline(always)]
pub(super) unsafe fn rows<S: Simd>(pass: &Pass<'_, S::Scalar>, n: usize, rows: Range<usize>) {
    for row in starts(rows.len(), ROWS) {
        for column in starts(pass.plan.output[2], COLUMNS) {
            // SAFETY: the caller's; the outputs of the tile exist.
            unsafe {
                match pass.plan.axes[2][0].in_step {
                    1 => tile::<S, 1>(pass, n, rows.start + row, column),
                    _ => tile::<S, 2>(pass, n, rows.start + row, column),
                }
            }
        }
    }
}

/// Where tiles of `size` start; the last ends with the axis and may repeat what the one before it did.
fn starts(len: usize, size: usize) -> impl Iterator<Item = usize> {
    (0..len).step_by(size).map(move |start| start.min(len - size))
}

/// Weights as `[vector][tap][lane]`, taps in the order of what they read: a vector's nine follow one another.
pub(super) fn packed<T: Real>(plan: &Plan, lanes: usize, weights: &[T], channels: usize) -> Scratch<T> {
    let mut scratch = Scratch::<T>::new(9 * channels);
    let [_, rows, columns] = &plan.axes;
    for (vector, to) in scratch.as_mut_slice().chunks_exact_mut(9 * lanes).enumerate() {
        for (tap, to) in to.chunks_exact_mut(lanes).enumerate() {
            let tap = rows[0].taps[tap / 3].0 * 3 + columns[0].taps[tap % 3].0;
            let from = tap * channels + vector * lanes;
            to.copy_from_slice(&weights[from..from + lanes]);
        }
    }
    scratch
}

/// The tile of outputs from `row` and `column` on, all channels.
#[inline(always)]
unsafe fn tile<S: Simd, const STEP: usize>(pass: &Pass<'_, S::Scalar>, n: usize, row: usize, column: usize) {
    let (plan, [sn, _, _, sh, step]) = (pass.plan, pass.x.strides);
    let [lines, columns] = const { reads(STEP) };
    let [top, left] = [(1, row), (2, column)].map(|(axis, at)| plan.axes[axis][0].reads_from(at));
    let inside = |axis: usize, first: isize, at: usize| (0..plan.input[axis] as isize).contains(&(first + at as isize));
    let asks = top + (lines + ROWS * STEP) as isize <= plan.input[1] as isize || (sn != 0 && n + 1 < plan.n);
    let first = ((n * plan.output[1] + row) * plan.output[2] + column) * plan.c;
    let mut place = Place {
        x: pass.x.data.wrapping_offset(n as isize * sn + top * sh + left * step),
        sh,
        step,
        lines: std::array::from_fn(|line| inside(1, top, line)),
        columns: std::array::from_fn(|column| inside(2, left, column)),
        weights: pass.weights,
        out: pass.out.0.wrapping_add(first),
        out_row: plan.output[2] * plan.c,
        out_step: plan.c,
        asks: false,
        valid: S::LANES,
        finish: pass.finish,
    };
    if !place.finish.addend.is_null() {
        place.finish.addend = place.finish.addend.wrapping_add(first);
    }
    let whole = plan.c / S::LANES;
    let is_inside = place.lines[..lines].iter().chain(&place.columns[..columns]).all(|&exists| exists);
    // SAFETY: the caller's; the tile's outputs are within this task's rows.
    unsafe {
        for index in 0..whole {
            place.asks = asks && (index * S::LANES * size_of::<S::Scalar>()).is_multiple_of(LINE);
            if is_inside {
                vector::<S, STEP, true, true>(&place);
            } else {
                vector::<S, STEP, true, false>(&place);
            }
            place.advance(S::LANES);
        }
        if whole * S::LANES < plan.c {
            place.valid = plan.c - whole * S::LANES;
            vector::<S, STEP, false, false>(&place);
        }
    }
}

/// One vector of channels of a tile.
struct Place<T> {
    /// The first input, whether it exists or not; from a line to the next, from a column to the next.
    x: *const T,
    sh: isize,
    step: isize,
    /// Which of the lines and columns of the input exist, as many as the outputs read.
    lines: [bool; reads(2)[0]],
    columns: [bool; reads(2)[1]],
    weights: *const T,
    /// The first output; from a row to the next, from a column to the next.
    out: *mut T,
    out_row: usize,
    out_step: usize,
    /// Whether the lines below are asked for.
    asks: bool,
    /// How many of the channels exist.
    valid: usize,
    finish: Finish<T>,
}

impl<T> Place<T> {
    /// The next vector, of `lanes` channels.
    #[inline(always)]
    fn advance(&mut self, lanes: usize) {
        self.x = self.x.wrapping_add(lanes);
        self.weights = self.weights.wrapping_add(9 * lanes);
        self.out = self.out.wrapping_add(lanes);
        if !self.finish.bias.is_null() {
            self.finish.bias = self.finish.bias.wrapping_add(lanes);
        }
        if !self.finish.addend.is_null() {
            self.finish.addend = self.finish.addend.wrapping_add(lanes);
        }
    }
}

/// `WHOLE` if all channels of the vector exist, `INSIDE` if all of its inputs do.
#[inline(always)]
unsafe fn vector<S: Simd, const STEP: usize, const WHOLE: bool, const INSIDE: bool>(place: &Place<S::Scalar>) {
    let Place { x, sh, step, out_row, out_step, valid, .. } = *place;
    // SAFETY: the caller's; inputs that do not exist are not read.
    unsafe {
        let load = |from: *const S::Scalar| if WHOLE { S::load(from) } else { S::load_first(from, valid) };
        let first = if place.finish.bias.is_null() { S::zero() } else { load(place.finish.bias) };
        let mut acc = [[first; COLUMNS]; ROWS];
        // A line's inputs are read by two or three addresses, and a filter row's weights loaded where a line meets them:
        // more of either than registers hold would go through memory.
        let mut x = x;
        each!(@ reads(STEP)[0], line => {
            let mut weights = [[S::zero(); 3]; ROWS];
            each!(@ ROWS, r => if line >= STEP * r && line < STEP * r + 3 {
                each!(@ 3, t => {
                    weights[r][t] = S::load(place.weights.add(((line - STEP * r) * 3 + t) * S::LANES));
                }; 0 1 2);
            }; 0 1);
            let mut from = [in_register(x); 3];
            each!(@ reads(STEP)[1] / 3, third => {
                from[third] = in_register(from[0].wrapping_offset(3 * third as isize * step));
            }; 0 1 2);
            if INSIDE || place.lines[line] {
                each!(@ reads(STEP)[1], column => if INSIDE || place.columns[column] {
                    let x = load(from[column / 3].wrapping_offset((column % 3) as isize * step));
                    each!(@ ROWS, r => each!(@ COLUMNS, p => {
                        if line >= STEP * r && line < STEP * r + 3 && column >= STEP * p && column < STEP * p + 3 {
                            acc[r][p] = S::fma(x, weights[r][(column - STEP * p) % 3], acc[r][p]);
                        }
                    }; 0 1 2 3); 0 1);
                }; 0 1 2 3 4 5 6 7 8);
            }
            x = x.wrapping_offset(sh);
        }; 0 1 2 3 4);
        // The lines below come from far away, and pixels of many channels are too far apart to be foreseen.
        if place.asks {
            each!(@ ROWS * STEP, line => each!(@ COLUMNS * STEP, column => {
                S::prefetch(x.wrapping_offset(line as isize * sh + (column as isize + 1) * step));
            }; 0 1 2 3 4 5 6 7); 0 1 2 3);
        }
        if !place.finish.addend.is_null() {
            each!(@ ROWS, r => each!(@ COLUMNS, p => {
                acc[r][p] = S::add(acc[r][p], load(place.finish.addend.add(r * out_row + p * out_step)));
            }; 0 1 2 3); 0 1);
        }
        if place.finish.activation != Activation::Identity {
            let bounds = Bounds::<S>::of(place.finish.activation);
            each!(@ ROWS, r => each!(@ COLUMNS, p => {
                acc[r][p] = bounds.apply(acc[r][p]);
            }; 0 1 2 3); 0 1);
        }
        each!(@ ROWS, r => each!(@ COLUMNS, p => {
            let to = place.out.add(r * out_row + p * out_step);
            if WHOLE { S::store(to, acc[r][p]) } else { S::store_first(to, valid, acc[r][p]) }
        }; 0 1 2 3); 0 1);
    }
}
