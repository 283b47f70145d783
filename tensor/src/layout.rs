//! Where the elements of a tensor lie: shape, strides, offset, and the walk over several layouts at once that all
//! elementwise work uses.

use std::ops::Range;

use smallvec::SmallVec;

use crate::shape::{self, Dims, Strides};

/// The order in which a dense tensor's axes lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemoryFormat {
    /// Last axis fastest: `[N, C, H, W]` as NCHW.
    Contiguous,
    /// Axis 1 fastest: `[N, C, H, W]` as NHWC.
    ChannelsLast,
}

/// Shape, strides and offset of a tensor inside its storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub(crate) shape: Dims,
    pub(crate) strides: Strides,
    pub(crate) offset: usize,
}

impl Layout {
    /// Row-major: the last axis moves fastest.
    pub fn contiguous(shape: &[usize]) -> Layout {
        let mut strides: Strides = SmallVec::from_elem(1, shape.len());
        let mut step = 1isize;
        for axis in (0..shape.len()).rev() {
            strides[axis] = step;
            step *= shape[axis].max(1) as isize;
        }
        Layout { shape: Dims::from_slice(shape), strides, offset: 0 }
    }

    /// Dense, with the axes in `order` of memory, slowest first.
    pub(crate) fn ordered(shape: &[usize], order: &[usize]) -> Layout {
        let mut strides: Strides = SmallVec::from_elem(1, shape.len());
        let mut step = 1isize;
        for &axis in order.iter().rev() {
            strides[axis] = step;
            step *= shape[axis].max(1) as isize;
        }
        Layout { shape: Dims::from_slice(shape), strides, offset: 0 }
    }

    /// Dense in a memory format; formats differ from three axes on.
    pub fn in_format(shape: &[usize], format: MemoryFormat) -> Layout {
        if format == MemoryFormat::Contiguous || shape.len() < 3 {
            return Layout::contiguous(shape);
        }
        let mut order: SmallVec<[usize; 6]> = SmallVec::from_slice(&[0]);
        order.extend(2..shape.len());
        order.push(1);
        Layout::ordered(shape, &order)
    }

    /// Sizes per axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Steps per axis, in elements; may be zero or negative.
    pub fn strides(&self) -> &[isize] {
        &self.strides
    }

    /// The position of the element at index `[0, 0, ...]`.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        shape::len(&self.shape)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// Whether elements lie one after the other in logical order.
    pub fn is_contiguous(&self) -> bool {
        let mut step = 1isize;
        for (&size, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if size == 0 {
                return true;
            }
            if size != 1 {
                if stride != step {
                    return false;
                }
                step *= size as isize;
            }
        }
        true
    }

    /// Whether elements lie one after the other in `format`'s order.
    pub fn is_in_format(&self, format: MemoryFormat) -> bool {
        let ideal = Layout::in_format(&self.shape, format);
        self.is_empty() || (0..self.shape.len()).all(|i| self.shape[i] == 1 || self.strides[i] == ideal.strides[i])
    }

    /// Axes from slowest to fastest; axes of equal stride keep their order.
    pub(crate) fn order(&self) -> SmallVec<[usize; 6]> {
        let mut order: SmallVec<[usize; 6]> = (0..self.shape.len()).collect();
        // An axis of size 1 has no say: it stays beside its logical neighbour by sorting as the axis before it.
        let mut key: SmallVec<[isize; 6]> = SmallVec::from_elem(0, self.shape.len());
        let mut next = 0;
        for axis in (0..self.shape.len()).rev() {
            if self.shape[axis] > 1 {
                next = self.strides[axis].abs();
            }
            key[axis] = next;
        }
        order.sort_by_key(|&axis| std::cmp::Reverse(key[axis]));
        order
    }

    /// Whether the elements fill one stretch of memory in some order of the axes, each exactly once.
    pub fn is_dense(&self) -> bool {
        if self.is_empty() || self.is_contiguous() {
            return true;
        }
        let mut step = 1isize;
        for &axis in self.order().iter().rev() {
            if self.shape[axis] != 1 {
                if self.strides[axis] != step {
                    return false;
                }
                step *= self.shape[axis] as isize;
            }
        }
        true
    }

    /// Whether some elements share one place, as after `expand`.
    pub(crate) fn is_expanded(&self) -> bool {
        self.shape.iter().zip(&self.strides).any(|(&size, &stride)| size > 1 && stride == 0)
    }

    /// The lowest position of an element, and the one behind the highest; `0..0` where there is none.
    pub(crate) fn reach(&self) -> Range<isize> {
        if self.is_empty() {
            return 0..0;
        }
        let extents = self.shape.iter().zip(&self.strides).map(|(&size, &stride)| (size as isize - 1) * stride);
        let (low, high) = extents.fold((0, 0), |(low, high), extent| (low + extent.min(0), high + extent.max(0)));
        let offset = self.offset as isize;
        offset + low..offset + high + 1
    }

    /// Whether no two elements share a place: each step leads beyond all elements along smaller steps.
    pub(crate) fn is_injective(&self) -> bool {
        let mut extent = 0isize;
        self.is_empty()
            || self.order().iter().rev().all(|&axis| {
                let (size, stride) = (self.shape[axis], self.strides[axis].abs());
                let fits = size == 1 || stride > extent;
                extent += (size as isize - 1) * stride;
                fits
            })
    }

    /// The dense layout that an elementwise result of this operand takes: its axis order, so that a part of a
    /// channels-last tensor stays channels-last; row-major where an expanded axis has no order.
    pub(crate) fn like(&self) -> Layout {
        if !self.is_contiguous() && !self.is_expanded() {
            Layout::ordered(&self.shape, &self.order())
        } else {
            Layout::contiguous(&self.shape)
        }
    }

    /// This layout stretched to `shape`, which it must broadcast to.
    pub(crate) fn expand(&self, shape: &[usize]) -> Layout {
        let lead = shape.len() - self.shape.len();
        let mut strides: Strides = SmallVec::from_elem(0, shape.len());
        for (axis, &size) in self.shape.iter().enumerate() {
            if size == shape[lead + axis] {
                strides[lead + axis] = self.strides[axis];
            }
        }
        Layout { shape: Dims::from_slice(shape), strides, offset: self.offset }
    }

    /// The same elements under another shape of equal size, if strides can say so.
    pub(crate) fn reshape(&self, shape: &[usize]) -> Option<Layout> {
        if self.is_contiguous() {
            return Some(Layout { offset: self.offset, ..Layout::contiguous(shape) });
        }
        // Walk both shapes from the end; each group of old axes that forms one regular run can be cut anew.
        let mut strides: Strides = SmallVec::from_elem(1, shape.len());
        let mut new = shape.len();
        let mut old = self.shape.len();
        while old > 0 {
            old -= 1;
            if self.shape[old] == 1 {
                continue;
            }
            let base = self.strides[old];
            let mut run = self.shape[old];
            while old > 0 && (self.shape[old - 1] == 1 || self.strides[old - 1] == base * run as isize) {
                old -= 1;
                run *= self.shape[old];
            }
            let mut taken = 1;
            while new > 0 && (taken < run || shape[new - 1] == 1) {
                new -= 1;
                strides[new] = base * taken as isize;
                taken *= shape[new];
            }
            if taken != run {
                return None;
            }
        }
        Some(Layout { shape: Dims::from_slice(shape), strides, offset: self.offset })
    }

    /// The position of the element at `index`.
    pub fn position(&self, index: &[usize]) -> usize {
        let steps: isize = index.iter().zip(&self.strides).map(|(&i, &s)| i as isize * s).sum();
        (self.offset as isize + steps) as usize
    }
}

/// A walk over `K` layouts of one shape in the memory order of a leading one, with axes merged where all allow it.
#[derive(Debug)]
pub(crate) struct Nest<const K: usize> {
    shape: Dims,
    strides: SmallVec<[[isize; K]; 6]>,
    offsets: [isize; K],
}

impl<const K: usize> Nest<K> {
    /// Walks `operands` in the order of `lead`, whose shape all share.
    pub(crate) fn new(lead: &Layout, operands: [&Layout; K]) -> Nest<K> {
        let offsets = operands.map(|operand| operand.offset as isize);
        let mut shape = Dims::new();
        let mut strides: SmallVec<[[isize; K]; 6]> = SmallVec::new();
        for axis in lead.order() {
            let size = lead.shape[axis];
            if size == 1 {
                continue;
            }
            let steps = operands.map(|operand| operand.strides[axis]);
            if let (Some(last_size), Some(last)) = (shape.last_mut(), strides.last_mut())
                && (0..K).all(|k| last[k] == steps[k] * size as isize)
            {
                *last_size *= size;
                *last = steps;
                continue;
            }
            shape.push(size);
            strides.push(steps);
        }
        if shape.is_empty() {
            shape.push(1);
            strides.push([0; K]);
        }
        Nest { shape, strides, offsets }
    }

    /// Size and steps of each merged axis, slowest first.
    pub(crate) fn axes(&self) -> impl Iterator<Item = (usize, [isize; K])> {
        self.shape.iter().copied().zip(self.strides.iter().copied())
    }

    /// The positions of the first element.
    pub(crate) fn offsets(&self) -> [isize; K] {
        self.offsets
    }

    /// The steps of the innermost axis.
    pub(crate) fn inner(&self) -> [isize; K] {
        self.strides[self.strides.len() - 1]
    }

    /// Calls `run(first, length, positions)` for each stretch of `range` along the innermost axis, in order;
    /// elements are numbered in the leading layout's memory order.
    #[inline]
    pub(crate) fn runs(&self, range: Range<usize>, mut run: impl FnMut(usize, usize, [isize; K])) {
        self.walk(range, &mut run);
    }

    /// [`runs`](Nest::runs), compiled once for all closures: hundreds of ops share it.
    fn walk(&self, range: Range<usize>, run: &mut dyn FnMut(usize, usize, [isize; K])) {
        if range.is_empty() {
            return;
        }
        let last = self.shape.len() - 1;
        let mut index: Dims = SmallVec::from_elem(0, last + 1);
        let mut positions = self.offsets;
        let mut rest = range.start;
        for axis in (0..=last).rev() {
            index[axis] = rest % self.shape[axis];
            rest /= self.shape[axis];
            advance(&mut positions, &self.strides[axis], index[axis] as isize);
        }
        let mut at = range.start;
        loop {
            let length = (self.shape[last] - index[last]).min(range.end - at);
            run(at, length, positions);
            at += length;
            if at >= range.end {
                return;
            }
            advance(&mut positions, &self.strides[last], -(index[last] as isize));
            index[last] = 0;
            for axis in (0..last).rev() {
                index[axis] += 1;
                if index[axis] < self.shape[axis] {
                    advance(&mut positions, &self.strides[axis], 1);
                    break;
                }
                advance(&mut positions, &self.strides[axis], 1 - index[axis] as isize);
                index[axis] = 0;
            }
        }
    }
}

/// Moves every position by `count` steps.
#[inline(always)]
fn advance<const K: usize>(positions: &mut [isize; K], steps: &[isize; K], count: isize) {
    for (position, step) in positions.iter_mut().zip(steps) {
        *position += count * step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reshape_of_a_permuted_layout() {
        let x = Layout::contiguous(&[2, 3, 4]);
        assert_eq!(x.reshape(&[6, 4]).unwrap().strides(), &[4, 1]);
        let permuted =
            Layout { shape: Dims::from_slice(&[4, 2, 3]), strides: Strides::from_slice(&[1, 12, 4]), offset: 0 };
        assert_eq!(permuted.reshape(&[4, 6]).unwrap().strides(), &[1, 4]);
        assert_eq!(permuted.reshape(&[2, 2, 6]).unwrap().strides(), &[2, 1, 4]);
        assert_eq!(permuted.reshape(&[1, 4, 1, 6]).unwrap().strides()[1], 1);
        assert!(permuted.reshape(&[8, 3]).is_none());
        let expanded = Layout::contiguous(&[3]).expand(&[2, 3]);
        assert!(expanded.reshape(&[6]).is_none());
        assert_eq!(expanded.reshape(&[2, 3, 1]).unwrap().strides()[..2], [0, 1]);
    }

    #[test]
    fn nothing_is_dense_whatever_its_strides() {
        let nothing = Layout::contiguous(&[]).expand(&[0, 2]);
        assert!(nothing.is_dense() && nothing.is_in_format(MemoryFormat::ChannelsLast));
        assert!(!Layout::contiguous(&[]).expand(&[3, 2]).is_dense());
    }

    #[test]
    fn runs_merge_axes_and_cover_every_element_once() {
        let lead = Layout::in_format(&[2, 3, 4, 5], MemoryFormat::ChannelsLast);
        let other = Layout::contiguous(&[2, 3, 4, 5]);
        let nest = Nest::new(&lead, [&lead, &other]);
        let mut seen = vec![];
        for start in (0..120).step_by(7) {
            nest.runs(start..(start + 7).min(120), |first, length, positions| {
                for i in 0..length {
                    assert_eq!(positions[0] as usize + i, first + i);
                    seen.push(positions[1] + i as isize * nest.inner()[1]);
                }
            });
        }
        let mut sorted = seen.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..120).collect::<Vec<_>>());
        assert_eq!(seen[1], 20);
        assert_eq!(Nest::new(&lead, [&lead]).shape.len(), 1);
    }
}
