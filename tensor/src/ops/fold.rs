//! The loop under every reduction: folds a strided tensor over any of its axes.
//!
//! Work is cut by size alone and partial results combine in a fixed order, so a result has the same bits on any number
//! of threads. Values run through at most 1024 additions in a row before they meet others, which together with wide
//! accumulators (`f64` for floats, at the latest after 16 elements) makes sums at least as accurate as pairwise ones.

use std::ops::Range;

use smallvec::SmallVec;

use crate::layout::Nest;
use crate::{Element, Layout, Tensor, parallel, simd};

/// Elements that one task reduces.
const BLOCK: usize = 16 * 1024;

/// Neighbouring outputs that one task keeps at once.
const STRIP: usize = 512;

/// Independent accumulators of one row, so that the compiler can keep them in vectors.
const LANES: usize = 32;

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

/// The strides of `layout` along the axes that `chosen` picks, in memory order.
fn part(layout: &Layout, chosen: impl Fn(usize) -> bool) -> Layout {
    let list: SmallVec<[usize; 6]> = layout.order().into_iter().filter(|&axis| chosen(axis)).collect();
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
    fold_slices(x, axes, keepdim, how, None)
}

/// [`fold`] with a faster way for a contiguous stretch of elements, whose result is merged into the accumulator.
pub(crate) fn fold_slices<T, A, U, P, M, F>(
    x: &Tensor,
    axes: &[usize],
    keepdim: bool,
    how: &Fold<A, P, M, F>,
    slice: Option<fn(&[T]) -> A>,
) -> Tensor
where
    T: Element,
    A: Copy + Send + Sync,
    U: Element,
    P: Fn(A, T, usize) -> A + Sync,
    M: Fn(A, A) -> A + Sync,
    F: Fn(A) -> U + Sync,
{
    let kept = part(x.layout(), |axis| !axes.contains(&axis));
    let reduced = part(x.layout(), |axis| axes.contains(&axis));
    let (outputs, depth) = (kept.len(), reduced.len());
    let rows = Rows {
        data: x.view_as::<T>().data(),
        offset: x.layout().offset as isize,
        across: Nest::new(&Layout::contiguous(&kept.shape), [&kept]),
        along: Nest::new(&Layout::contiguous(&reduced.shape), [&reduced]),
        how,
        slice,
    };
    let strip = if rows.side_by_side() { STRIP } else { (BLOCK / depth.max(1)).clamp(1, STRIP) };
    let strips = outputs.div_ceil(strip);
    let blocks = if strips >= ENOUGH_TASKS { 1 } else { (depth * strip.min(outputs)).div_ceil(BLOCK).max(1) };
    let result = result_layout(x.layout(), axes, keepdim);
    if blocks == 1 {
        return Tensor::build::<U>(result, |out| {
            parallel::for_each_chunk(out, strip, |first, out| {
                let mut running = [how.start; STRIP];
                let running = &mut running[..out.len()];
                rows.accumulate(first, 0..depth, running);
                for (y, &total) in out.iter_mut().zip(&*running) {
                    *y = (how.finish)(total);
                }
            });
        });
    }
    // Few outputs of many elements: cut the reduced axes into blocks, then combine the blocks in order.
    let length = depth.div_ceil(blocks);
    let mut partial = vec![how.start; blocks * strips * strip];
    parallel::for_each_chunk(&mut partial, strip, |at, running| {
        let (block, first) = (at / (strips * strip), at % (strips * strip));
        let count = strip.min(outputs - first);
        let range = block * length..((block + 1) * length).min(depth);
        rows.accumulate(first, range, &mut running[..count]);
    });
    Tensor::build::<U>(result, |out| {
        for (output, y) in out.iter_mut().enumerate() {
            let parts = partial[output..].iter().step_by(strips * strip);
            *y = (how.finish)(parts.fold(how.start, |a, &b| (how.merge)(a, b)));
        }
    })
}

struct Rows<'a, T, A, P, M, F> {
    data: &'a [T],
    offset: isize,
    across: Nest<1>,
    along: Nest<1>,
    how: &'a Fold<A, P, M, F>,
    slice: Option<fn(&[T]) -> A>,
}

impl<T, A, P, M, F> Rows<'_, T, A, P, M, F>
where
    T: Element,
    A: Copy,
    P: Fn(A, T, usize) -> A,
    M: Fn(A, A) -> A,
{
    /// Whether neighbouring outputs lie side by side in memory, so that whole rows can be added to them.
    fn side_by_side(&self) -> bool {
        self.across.inner() == [1] && self.along.inner() != [1]
    }

    /// Pushes the elements `range` of each output from `first` on into `running`, whose values are the start's.
    fn accumulate(&self, first: usize, range: Range<usize>, running: &mut [A]) {
        let [step] = self.across.inner();
        let [inner] = self.along.inner();
        self.across.runs(first..first + running.len(), |at, length, [base]| {
            let running = &mut running[at - first..at - first + length];
            let base = self.offset + base;
            if self.side_by_side() {
                self.along.runs(range.clone(), |k, count, [row]| {
                    for i in 0..count {
                        let from = (base + row + i as isize * inner) as usize;
                        let row = &self.data[from..from + length];
                        simd::vectorize(|| {
                            for (total, &x) in running.iter_mut().zip(row) {
                                *total = (self.how.push)(*total, x, k + i);
                            }
                        });
                    }
                });
            } else {
                for (i, total) in running.iter_mut().enumerate() {
                    *total = self.row(base + i as isize * step, range.clone());
                }
            }
        });
    }

    /// The fold of one output's elements.
    fn row(&self, base: isize, range: Range<usize>) -> A {
        let [inner] = self.along.inner();
        let mut lanes = [self.how.start; LANES];
        self.along.runs(range, |k, length, [at]| {
            let at = base + at;
            if inner == 1 {
                let slice = &self.data[at as usize..at as usize + length];
                match self.slice {
                    Some(fold) => lanes[0] = (self.how.merge)(lanes[0], fold(slice)),
                    None => simd::vectorize(|| self.push_slice(&mut lanes, slice, k)),
                }
            } else {
                for i in 0..length {
                    let x = self.data[(at + i as isize * inner) as usize];
                    let lane = &mut lanes[i % LANES];
                    *lane = (self.how.push)(*lane, x, k + i);
                }
            }
        });
        lanes.iter().fold(self.how.start, |a, &b| (self.how.merge)(a, b))
    }

    #[inline(always)]
    fn push_slice(&self, lanes: &mut [A; LANES], slice: &[T], number: usize) {
        // A copy whose address nobody has can live in registers.
        let mut local = *lanes;
        let chunks = slice.chunks_exact(LANES);
        let rest = chunks.remainder();
        let tail = number + slice.len() - rest.len();
        for (c, chunk) in chunks.enumerate() {
            for (i, (lane, &x)) in local.iter_mut().zip(chunk).enumerate() {
                *lane = (self.how.push)(*lane, x, number + c * LANES + i);
            }
        }
        for (i, (lane, &x)) in local.iter_mut().zip(rest).enumerate() {
            *lane = (self.how.push)(*lane, x, tail + i);
        }
        *lanes = local;
    }
}
