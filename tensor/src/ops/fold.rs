//! The loop under every reduction: folds a strided tensor over any of its axes.
//!
//! Work is cut by size alone and partial results combine in a fixed order, so a result has the same bits on any number
//! of threads. Floats are accumulated in `f64` and rounded once, which is more accurate for `f32` than pairwise sums.

use std::ops::Range;

use smallvec::SmallVec;

use super::elementwise::vectorize;
use crate::callable::callable;
use crate::kernels::reduce::{LANES, Source, Step};
use crate::layout::Nest;
use crate::simd::Real;
use crate::{Element, Layout, Tensor, kernels, parallel};

/// Elements that one task reduces.
const BLOCK: usize = 32 * 1024;

/// Neighbouring outputs that one task keeps at once.
const STRIP: usize = 1024;

/// Rows of neighbouring outputs' elements that a loop gets at once.
const ROWS: usize = 16;

/// Rows of at most so many elements, lying one after the other, are narrow: [`JOINED`] of them are taken as one.
const NARROW: usize = 32;

/// Narrow rows that are taken as one, which then fills whole vectors whatever their length.
const JOINED: usize = 8;

/// With so many tasks there is no need to cut the reduced axes, too.
const ENOUGH_TASKS: usize = 16;

/// What a reduction does: `push(accumulator, element, its number among the reduced ones)`, where elements are numbered in
/// the memory order of the reduced axes.
pub(crate) struct Fold<A, P, M, F> {
    pub(crate) start: A,
    pub(crate) push: P,
    pub(crate) merge: M,
    pub(crate) finish: F,
}

/// The strides of `layout` along those of its axes that stand in `axes`, or do not, in memory order.
fn part(layout: &Layout, axes: &[usize], stand: bool) -> Layout {
    let list: SmallVec<[usize; 6]> = layout.order().into_iter().filter(|axis| axes.contains(axis) == stand).collect();
    Layout {
        shape: list.iter().map(|&axis| layout.shape[axis]).collect(),
        strides: list.iter().map(|&axis| layout.strides[axis]).collect(),
        offset: 0,
    }
}

/// The layout of a result: the kept axes in the memory order of the operand, reduced ones dropped or of size 1.
fn result_layout(layout: &Layout, axes: &[usize], keepdim: bool) -> Layout {
    let mut shape = layout.shape.clone();
    for &axis in axes {
        shape[axis] = 1;
    }
    let full = Layout::ordered(&shape, &layout.order());
    if keepdim {
        return full;
    }
    let keep = |axis: &usize| !axes.contains(axis);
    Layout {
        shape: (0..shape.len()).filter(keep).map(|axis| full.shape[axis]).collect(),
        strides: (0..shape.len()).filter(keep).map(|axis| full.strides[axis]).collect(),
        offset: 0,
    }
}

/// Folds `x` over `axes`.
pub(crate) fn fold<T, A, U, P, M, F>(x: &Tensor, axes: &[usize], keepdim: bool, how: &Fold<A, P, M, F>) -> Tensor
where
    T: Element,
    A: Copy + Send + Sync,
    U: Element,
    P: Fn(A, T, usize) -> A + Sync,
    M: Fn(A, A) -> A + Sync,
    F: Fn(A) -> U + Sync,
{
    let along = |lanes: &mut [A; LANES], slice: &[T], number: usize| {
        vectorize::<T>(|| push_along(&how.push, lanes, slice, number));
    };
    fold_along(x, (axes, keepdim), how, &along)
}

/// [`fold`] with a loop of its own along the elements of one output; accumulators of more than 8 bytes use only the first.
pub(crate) fn fold_along<T, A, U, P, M, F>(
    x: &Tensor,
    (axes, keepdim): (&[usize], bool),
    how: &Fold<A, P, M, F>,
    along: &dyn Along<T, A>,
) -> Tensor
where
    T: Element,
    A: Copy + Send + Sync,
    U: Element,
    P: Fn(A, T, usize) -> A + Sync,
    M: Fn(A, A) -> A + Sync,
    F: Fn(A) -> U + Sync,
{
    let loops = Loops {
        start: how.start,
        total: None,
        along,
        across: &|running: &mut [A], rows: &[&[T]], number: usize| {
            for (k, row) in rows.iter().enumerate() {
                vectorize::<T>(|| {
                    running.iter_mut().zip(*row).for_each(|(total, &x)| *total = (how.push)(*total, x, number + k))
                });
            }
        },
        merge: &|a: &mut [A], b: &[A]| a.iter_mut().zip(b).for_each(|(a, &b)| *a = (how.merge)(*a, b)),
        finish: &|totals: &[A], out: &mut [U]| {
            out.iter_mut().zip(totals).for_each(|(y, &total)| *y = (how.finish)(total))
        },
    };
    fold_with(x, axes, keepdim, &loops)
}

/// [`fold`] by the vector kernels of [`kernels::reduce`]: elements are taken by `step`, partial results by `merge`.
pub(crate) fn fold_vectors<A, T, U>(
    x: &Tensor,
    (axes, keepdim): (&[usize], bool),
    start: A,
    (step, merge): (impl Step, impl Step),
    finish: impl Fn(A) -> U + Sync,
) -> Tensor
where
    A: Real + Source<A>,
    T: Element + Source<A>,
    U: Element,
{
    let loops = Loops {
        start,
        total: Some(&|slice: &[T]| kernels::reduce::total((step, merge), start, slice)),
        along: &|lanes: &mut [A; LANES], slice: &[T], _: usize| kernels::reduce::along(step, lanes, slice),
        across: &|running: &mut [A], rows: &[&[T]], _: usize| kernels::reduce::across(step, running, rows),
        merge: &|a: &mut [A], b: &[A]| kernels::reduce::merge(merge, a, b),
        finish: &|totals: &[A], out: &mut [U]| out.iter_mut().zip(totals).for_each(|(y, &total)| *y = finish(total)),
    };
    fold_with(x, axes, keepdim, &loops)
}

/// Pushes the elements of a slice into lanes, in turn.
#[inline(always)]
fn push_along<T: Element, A: Copy>(
    push: impl Fn(A, T, usize) -> A,
    lanes: &mut [A; LANES],
    slice: &[T],
    number: usize,
) {
    // Structures do not fit vectors; for them 32 unrolled steps would only be 32 times the code.
    if const { size_of::<A>() > 8 } {
        for (i, &x) in slice.iter().enumerate() {
            lanes[0] = push(lanes[0], x, number + i);
        }
        return;
    }
    // A copy whose address nobody has can live in registers.
    let mut local = *lanes;
    let chunks = slice.chunks_exact(LANES);
    let rest = chunks.remainder();
    let tail = number + slice.len() - rest.len();
    for (c, chunk) in chunks.enumerate() {
        for (i, (lane, &x)) in local.iter_mut().zip(chunk).enumerate() {
            *lane = push(*lane, x, number + c * LANES + i);
        }
    }
    for (i, (lane, &x)) in local.iter_mut().zip(rest).enumerate() {
        *lane = push(*lane, x, tail + i);
    }
    *lanes = local;
}

callable! {
    /// Pushes a stretch of one output's elements, the first of which has the given number.
    pub(crate) trait Along<T, A>(lanes: &mut [A; LANES], elements: &[T], number: usize);
}
callable! {
    /// The fold of elements that lie side by side.
    trait Total<T, A>(elements: &[T]) -> A;
}
callable! {
    /// Pushes rows of one element for each of several outputs; the first row's elements have the given number.
    trait Across<T, A>(totals: &mut [A], rows: &[&[T]], number: usize);
}
callable! {
    /// Merges accumulators of later elements into those of earlier ones.
    trait Merge<A>(earlier: &mut [A], later: &[A]);
}
callable! {
    /// Turns accumulators into outputs.
    trait Finish<A, U>(totals: &[A], out: &mut [U]);
}

/// The loops of a reduction, behind pointers, so that only they are compiled anew for each one.
struct Loops<'a, T, A, U> {
    start: A,
    /// All elements of one output, where they lie side by side, in one step: the same as `along` and `merge`.
    total: Option<&'a dyn Total<T, A>>,
    along: &'a dyn Along<T, A>,
    across: &'a dyn Across<T, A>,
    merge: &'a dyn Merge<A>,
    finish: &'a dyn Finish<A, U>,
}

/// How the fold of an operand over some axes is cut, whatever is folded.
struct Cut {
    outputs: usize,
    /// Elements per output.
    depth: usize,
    across: Nest<1>,
    along: Nest<1>,
    /// Outputs of a task.
    strip: usize,
    /// Tasks that the elements of a strip are divided between.
    blocks: usize,
}

impl Cut {
    fn new(x: &Layout, axes: &[usize]) -> Cut {
        let (kept, reduced) = (part(x, axes, false), part(x, axes, true));
        let (outputs, depth) = (kept.len(), reduced.len());
        let across = Nest::new(&Layout::contiguous(&kept.shape), [&kept]);
        let along = Nest::new(&Layout::contiguous(&reduced.shape), [&reduced]);
        let least = if is_side_by_side(&across, &along) { STRIP } else { 1 };
        let strip = (BLOCK / depth.max(1)).clamp(least, STRIP);
        let strips = outputs.div_ceil(strip);
        let blocks = if strips >= ENOUGH_TASKS { 1 } else { (depth * strip.min(outputs)).div_ceil(BLOCK).max(1) };
        Cut { outputs, depth, across, along, strip, blocks }
    }
}

/// Whether neighbouring outputs lie side by side in memory, so that whole rows can be added to them.
fn is_side_by_side(across: &Nest<1>, along: &Nest<1>) -> bool {
    across.inner() == [1] && along.inner() != [1]
}

fn fold_with<T: Element, A: Copy + Send + Sync, U: Element>(
    x: &Tensor,
    axes: &[usize],
    keepdim: bool,
    loops: &Loops<'_, T, A, U>,
) -> Tensor {
    let Cut { outputs, depth, across, along, strip, blocks } = Cut::new(x.layout(), axes);
    let rows = Rows { data: x.view_as::<T>().data(), offset: x.layout().offset as isize, across, along, loops };
    let result = result_layout(x.layout(), axes, keepdim);
    if blocks == 1 {
        return Tensor::build::<U>(result, |out| {
            parallel::for_each_chunk(out, strip, |first, out| {
                let mut running: SmallVec<[A; 64]> = SmallVec::from_elem(loops.start, out.len());
                rows.accumulate(first, 0..depth, &mut running);
                loops.finish.run(&running, out);
            });
        });
    }
    // Few outputs of many elements: cut the reduced axes into blocks, then combine the blocks in order.
    let length = depth.div_ceil(blocks);
    let padded = outputs.div_ceil(strip) * strip;
    let mut partial = vec![loops.start; blocks * padded];
    parallel::for_each_chunk(&mut partial, strip, |at, running| {
        let (block, first) = (at / padded, at % padded);
        let count = strip.min(outputs - first);
        let range = (block * length).min(depth)..((block + 1) * length).min(depth);
        rows.accumulate(first, range, &mut running[..count]);
    });
    let (totals, later) = partial.split_at_mut(padded);
    for block in later.chunks_exact(padded) {
        loops.merge.run(totals, block);
    }
    Tensor::build::<U>(result, |out| loops.finish.run(&totals[..out.len()], out))
}

struct Rows<'a, T, A, U> {
    data: &'a [T],
    offset: isize,
    across: Nest<1>,
    along: Nest<1>,
    loops: &'a Loops<'a, T, A, U>,
}

impl<T: Element, A: Copy, U> Rows<'_, T, A, U> {
    /// Pushes the elements `range` of each output from `first` on into `running`, whose values are the start's.
    fn accumulate(&self, first: usize, range: Range<usize>, running: &mut [A]) {
        let [step] = self.across.inner();
        let [inner] = self.along.inner();
        self.across.runs(first..first + running.len(), |at, length, [base]| {
            let running = &mut running[at - first..at - first + length];
            let base = self.offset + base;
            if is_side_by_side(&self.across, &self.along) {
                self.along.runs(range.clone(), |k, count, [row]| {
                    let from = base + row;
                    let joined = if self.can_join(length, inner) { count / JOINED } else { 0 };
                    if joined > 0 {
                        let mut wide: SmallVec<[A; JOINED * NARROW]> =
                            SmallVec::from_elem(self.loops.start, JOINED * length);
                        self.push_rows((from, JOINED as isize * inner), joined, k, &mut wide);
                        wide.chunks_exact(length).for_each(|part| self.loops.merge.run(running, part));
                    }
                    let done = joined * JOINED;
                    self.push_rows((from + done as isize * inner, inner), count - done, k + done, running);
                });
            } else {
                for (i, total) in running.iter_mut().enumerate() {
                    *total = self.row(base + i as isize * step, range.clone());
                }
            }
        });
    }

    /// Whether rows of `length` elements, `step` apart, are so narrow and so close that some of them together make one
    /// that fills vectors. Elements are not numbered then.
    fn can_join(&self, length: usize, step: isize) -> bool {
        self.loops.total.is_some() && length <= NARROW && step == length as isize
    }

    /// Pushes `count` rows, `step` apart, the first of which lies at `from` and has the given number.
    fn push_rows(&self, (from, step): (isize, isize), count: usize, number: usize, running: &mut [A]) {
        for first in (0..count).step_by(ROWS) {
            let rows: SmallVec<[&[T]; ROWS]> = (first..count.min(first + ROWS))
                .map(|i| (from + i as isize * step) as usize)
                .map(|from| &self.data[from..from + running.len()])
                .collect();
            self.loops.across.run(running, &rows, number + first);
        }
    }

    /// The fold of one output's elements.
    fn row(&self, base: isize, range: Range<usize>) -> A {
        if let (Some(total), [1]) = (self.loops.total, self.along.inner())
            && self.along.axes().count() == 1
            && !range.is_empty()
        {
            let at = (base + self.along.offsets()[0]) as usize;
            return total.run(&self.data[at + range.start..at + range.end]);
        }
        // The accumulators behind the last used one hold the start, which changes nothing.
        let mut used = if size_of::<A>() > 8 { 1 } else { range.len().clamp(1, LANES).next_power_of_two() };
        let mut lanes = [self.loops.start; LANES];
        if self.along.inner() == [1] {
            self.along.runs(range, |k, length, [at]| {
                let at = (base + at) as usize;
                self.loops.along.run(&mut lanes, &self.data[at..at + length], k);
            });
        } else {
            self.gather(base, range, |slice, k| self.loops.along.run(&mut lanes, slice, k));
        }
        while used > 1 {
            used /= 2;
            let (low, high) = lanes.split_at_mut(used);
            self.loops.merge.run(low, &high[..used]);
        }
        lanes[0]
    }

    /// Hands over the elements `range` of one output, which do not lie side by side, in copies.
    fn gather(&self, base: isize, range: Range<usize>, mut take: impl FnMut(&[T], usize)) {
        let [inner] = self.along.inner();
        let mut gathered = [T::ZERO; 4 * LANES];
        self.along.runs(range, |k, length, [at]| {
            for start in (0..length).step_by(gathered.len()) {
                let count = gathered.len().min(length - start);
                for (i, x) in gathered[..count].iter_mut().enumerate() {
                    *x = self.data[(base + at + (start + i) as isize * inner) as usize];
                }
                take(&gathered[..count], k + start);
            }
        });
    }
}
