//! Depthwise 3x3 filters with stride 1: tiles of two by four outputs, which load every input once and keep all nine
//! weights in registers. Borders use fewer taps.

use std::ops::Range;

use super::depthwise::Pass;
use super::plan::Plan;
use super::tile::Finish;
use super::unroll::each;
use crate::kernels::norm::{Activation, Bounds};
use crate::kernels::scratch::Scratch;
use crate::simd::{Real, Simd};

/// Outputs of a tile.
const ROWS: usize = 2;
const COLUMNS: usize = 4;

/// Whether every output reads three by three neighbouring inputs, and there are as many outputs as a tile has.
pub(super) fn suits(plan: &Plan) -> bool {
    let plain = |axis: usize| {
        let [phase] = plan.axes[axis].as_slice() else { return false };
        phase.in_step == 1 && phase.taps.len() == 3 && phase.taps.windows(2).all(|pair| pair[1].1 == pair[0].1 + 1)
    };
    let fits = plan.output[1] >= ROWS && plan.output[2] >= COLUMNS;
    fits && [plan.input[0], plan.output[0], plan.kernel[0]] == [1; 3] && plain(1) && plain(2)
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
            unsafe { tile::<S>(pass, n, rows.start + row, column) };
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
unsafe fn tile<S: Simd>(pass: &Pass<'_, S::Scalar>, n: usize, row: usize, column: usize) {
    let (plan, [sn, _, _, sh, step]) = (pass.plan, pass.x.strides);
    let [top, left] = [(1, row), (2, column)].map(|(axis, at)| plan.axes[axis][0].reads_from(at));
    let inside = |axis: usize, first: isize, at: usize| (0..plan.input[axis] as isize).contains(&(first + at as isize));
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
        valid: S::LANES,
        finish: pass.finish,
    };
    if !place.finish.addend.is_null() {
        place.finish.addend = place.finish.addend.wrapping_add(first);
    }
    let whole = plan.c / S::LANES;
    let is_inside = place.lines == [true; ROWS + 2] && place.columns == [true; COLUMNS + 2];
    // SAFETY: the caller's; the tile's outputs are within this task's rows.
    unsafe {
        for _ in 0..whole {
            if is_inside {
                vector::<S, true, true>(&place);
            } else {
                vector::<S, true, false>(&place);
            }
            place.advance(S::LANES);
        }
        if whole * S::LANES < plan.c {
            place.valid = plan.c - whole * S::LANES;
            vector::<S, false, false>(&place);
        }
    }
}

/// One vector of channels of a tile.
struct Place<T> {
    /// The first input, whether it exists or not; from a line to the next, from a column to the next.
    x: *const T,
    sh: isize,
    step: isize,
    /// Which of the lines and columns of the input exist.
    lines: [bool; ROWS + 2],
    columns: [bool; COLUMNS + 2],
    weights: *const T,
    /// The first output; from a row to the next, from a column to the next.
    out: *mut T,
    out_row: usize,
    out_step: usize,
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
unsafe fn vector<S: Simd, const WHOLE: bool, const INSIDE: bool>(place: &Place<S::Scalar>) {
    let Place { x, sh, step, out_row, out_step, valid, .. } = *place;
    // SAFETY: the caller's; inputs that do not exist are not read.
    unsafe {
        let load = |from: *const S::Scalar| if WHOLE { S::load(from) } else { S::load_first(from, valid) };
        let mut weights = [[S::zero(); 3]; 3];
        each!(@ 3, r => each!(@ 3, t => {
            weights[r][t] = S::load(place.weights.add((r * 3 + t) * S::LANES));
        }; 0 1 2); 0 1 2);
        let first = if place.finish.bias.is_null() { S::zero() } else { load(place.finish.bias) };
        let mut acc = [[first; COLUMNS]; ROWS];
        each!(@ 6, column => if INSIDE || place.columns[column] {
            let x = x.wrapping_offset(column as isize * step);
            each!(@ 4, line => if INSIDE || place.lines[line] {
                let x = load(x.wrapping_offset(line as isize * sh));
                each!(@ ROWS, r => each!(@ COLUMNS, p => if line >= r && line < r + 3 && column >= p && column < p + 3 {
                    acc[r][p] = S::fma(x, weights[(line - r) % 3][(column - p) % 3], acc[r][p]);
                }; 0 1 2 3); 0 1);
            }; 0 1 2 3);
        }; 0 1 2 3 4 5);
        // The rows below come from far away, and pixels of many channels are too far apart to be foreseen.
        each!(@ ROWS, r => each!(@ COLUMNS, p => {
            S::prefetch(x.wrapping_offset((ROWS + 2 + r) as isize * sh + (p as isize + 1) * step));
        }; 0 1 2 3); 0 1);
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
