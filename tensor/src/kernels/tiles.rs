//! Operands that lie across a result's order: their fastest axis is not the result's. They are read in tiles, so that
//! every cache line is touched once, and turned by vectors into a buffer that has the result's order.

use std::ops::Range;

use smallvec::SmallVec;

use crate::callable::callable;
use crate::layout::Nest;
use crate::parallel::{self, Disjoint};
use crate::simd::{self, Simd};
use crate::{Element, Layout};

/// Elements of a tile at most: it stays in the second-level cache.
pub(crate) const TILE: usize = 64 * WIDTH;

/// Elements of a tile along the result's fastest axis at most: with fewer, reading ahead does not help; with more, lines
/// of the operand, which often lie a power of two apart and share few sets of a cache, are lost before all of them is read.
const WIDTH: usize = 128;

/// Elements that one task handles.
const CHUNK: usize = 32 * 1024;

/// Bytes of a result that the caches next to a core hold: its lines need not be asked for.
const NEAR: usize = 4 << 20;

/// Room for a tile, and for what the last vector writes beyond it.
pub(crate) type Tile<T> = [T; TILE + 16];

/// A merged axis: its size, the result's step along it, and the operand's.
#[derive(Clone, Copy)]
pub(crate) struct Axis {
    pub(crate) size: usize,
    pub(crate) to: isize,
    pub(crate) from: isize,
}

/// How the places of a target that lies across its source are cut into tiles.
pub(crate) struct Tiles {
    others: SmallVec<[Axis; 6]>,
    /// The source's fastest axis.
    slow: Axis,
    /// The target's fastest axis.
    last: Axis,
    start: [isize; 2],
    height: usize,
    width: usize,
}

impl Tiles {
    /// The tiles of a walk over `[target, source]`, if the source's fastest axis is another one than the target's.
    pub(crate) fn new(nest: &Nest<2>) -> Option<Tiles> {
        let axes: SmallVec<[Axis; 6]> = nest.axes().map(|(size, [to, from])| Axis { size, to, from }).collect();
        let (&last, others) = axes.split_last()?;
        let fast = others.iter().position(|axis| axis.from == 1 && axis.size >= 4)?;
        if last.from.abs() <= 1 || last.size < 4 {
            return None;
        }
        let width = last.size.min(WIDTH);
        let height = others[fast].size.min(TILE / width / 16 * 16);
        let others = (0..others.len()).filter(|&axis| axis != fast).map(|axis| axes[axis]).collect();
        Some(Tiles { others, slow: axes[fast], last, start: nest.offsets(), height, width })
    }

    fn blocks(&self) -> [usize; 2] {
        [self.slow.size.div_ceil(self.height), self.last.size.div_ceil(self.width)]
    }

    /// Calls `f(positions of target and source, height, width)` for every tile, in parallel, with a value that `begin`
    /// makes for each task.
    pub(crate) fn for_each<P>(
        &self,
        begin: impl Fn() -> P + Sync,
        f: impl Fn(&mut P, [isize; 2], [usize; 2]) + Sync + Send,
    ) {
        let [rows, columns] = self.blocks();
        let tiles = self.others.iter().map(|axis| axis.size).product::<usize>() * rows * columns;
        let per_task = (CHUNK / (self.height * self.width)).max(1);
        let begin = &begin;
        parallel::for_each(tiles.div_ceil(per_task), |task| {
            let mut state = begin();
            for tile in task * per_task..((task + 1) * per_task).min(tiles) {
                let (i, j) = (tile / columns % rows * self.height, tile % columns * self.width);
                let mut rest = tile / rows / columns;
                let mut index = |size: usize| {
                    let index = rest % size;
                    rest /= size;
                    index as isize
                };
                let [mut to, mut from] = self.start;
                for axis in self.others.iter().rev() {
                    let index = index(axis.size);
                    to += index * axis.to;
                    from += index * axis.from;
                }
                to += i as isize * self.slow.to + j as isize * self.last.to;
                from += i as isize + j as isize * self.last.from;
                let size = [self.height.min(self.slow.size - i), self.width.min(self.last.size - j)];
                f(&mut state, [to, from], size);
            }
        });
    }

    /// Copies a tile to `buffer`, `width` elements a row, the rows along the source's fast axis.
    ///
    /// # Safety
    /// The places of the tile, which begins at `from`, can be read.
    pub(crate) unsafe fn read<T: Element>(&self, from: *const T, [height, width]: [usize; 2], buffer: &mut Tile<T>) {
        let step = self.last.from;
        let mut whole = 0;
        if size_of::<T>() == 4 {
            // SAFETY: elements of 4 bytes move as `f32` vectors, whose instructions keep every bit; the rest is the
            // caller's.
            whole =
                unsafe { turn(simd::level(), from.cast::<f32>(), step, [height, width], buffer.as_mut_ptr().cast()) };
        }
        for j in 0..width {
            for i in whole..height {
                // SAFETY: the caller's.
                buffer[i * width + j] = unsafe { *from.offset(i as isize + j as isize * step) };
            }
        }
    }

    /// The target's step from one row of a tile to the next.
    pub(crate) fn row_step(&self) -> isize {
        self.slow.to
    }

    /// The target's step within a row of a tile.
    pub(crate) fn step(&self) -> isize {
        self.last.to
    }
}

simd::dispatch! {
    /// Turns the rows of a tile that fill whole vectors, and returns their number.
    ///
    /// # Safety
    /// Those of [`Tiles::read`], and `to` has room for the tile and one vector.
    unsafe fn turn<T>(from: *const T, step: isize, size: [usize; 2], to: *mut T) -> usize = turn_kernel;
}

#[inline(always)]
unsafe fn turn_kernel<S: Simd>(
    from: *const S::Scalar,
    step: isize,
    [height, width]: [usize; 2],
    to: *mut S::Scalar,
) -> usize {
    let whole = height - height % S::LANES;
    // A narrow block writes zeros beyond its row, onto places whose turn is later: so it comes first. The inner loop goes
    // along the source's fast axis, which the processor reads ahead.
    for j in (0..width).step_by(S::LANES).rev() {
        let columns = S::LANES.min(width - j);
        for i in (0..whole).step_by(S::LANES) {
            // SAFETY: the caller's; vectors lie within the rows `i .. i + LANES` of the source.
            unsafe {
                S::transpose(from.offset(j as isize * step + i as isize), step, columns, to.add(i * width + j), width);
            }
        }
    }
    whole
}

callable! {
    /// What is done with a stretch of a result: its first element's number, the operand's elements, its places.
    pub(crate) trait Stretch<P, T, V>(state: &mut P, first: usize, x: &[T], out: &mut [V]);
}
callable! {
    /// The state that a task begins with.
    pub(crate) trait Begin<P>() -> P;
}
callable! {
    /// What hears of elements that come soon.
    pub(crate) trait Ahead(range: Range<usize>);
}

/// An operand that lies across the order of a dense result.
pub(crate) struct Across<'a, T> {
    data: &'a [T],
    tiles: Tiles,
    len: usize,
}

impl<'a, T: Element> Across<'a, T> {
    /// The operand with this layout, if it lies across the order of `result`, which is dense and has the same shape.
    ///
    /// # Panics
    /// If the operand leaves its storage.
    pub(crate) fn new(data: &'a [T], layout: &Layout, result: &Layout) -> Option<Across<'a, T>> {
        let result = Layout { offset: 0, ..result.clone() };
        let tiles = Tiles::new(&Nest::new(&result, [&result, layout]))?;
        let reach = layout.reach();
        assert!(reach.start >= 0 && reach.end <= data.len() as isize, "tiles: the operand leaves its storage");
        assert!(result.is_dense(), "tiles: the result is not dense");
        Some(Across { data, tiles, len: result.len() })
    }

    /// Calls `f(value of begin, first, elements, out)` for stretches of the result: `out` begins at its element `first`,
    /// in memory order, and `elements` are the operand's for it. `ahead` hears of stretches that come soon.
    ///
    /// # Panics
    /// If `out` is not as long as the result.
    pub(crate) fn for_each<V: Send, P>(
        &self,
        out: &mut [V],
        begin: &dyn Begin<P>,
        ahead: &dyn Ahead,
        f: &dyn Stretch<P, T, V>,
    ) {
        assert!(out.len() == self.len, "tiles: {} places for {} elements", out.len(), self.len);
        let out = Disjoint::new(out);
        let begin = || (begin.run(), [T::ZERO; TILE + 16]);
        self.tiles.for_each(begin, |(state, buffer), [to, from], [height, width]| {
            let step = self.tiles.row_step() as usize;
            // Rows that follow one another are one stretch.
            let (rows, length) = if step == width { (1, height * width) } else { (height, width) };
            // Rows that lie apart are too short for the processor to read ahead by itself.
            let far = rows > 1 && self.len * size_of::<V>() > NEAR;
            let prefetch = |row: usize| {
                if far && row < rows {
                    let first = to as usize + row * step;
                    ahead.run(first..first + length);
                    simd::prefetch(out.as_mut_ptr().wrapping_add(first), length);
                }
            };
            prefetch(0);
            // SAFETY: the operand lies within its storage, as checked by `new`.
            unsafe { self.tiles.read(self.data.as_ptr().offset(from), [height, width], buffer) };
            for row in 0..rows {
                prefetch(row + 1);
                let first = to as usize + row * step;
                // SAFETY: the result is dense, so that no two of its indices, and no two tiles, share a place.
                let part = unsafe { out.slice(first, length) };
                f.run(state, first, &buffer[row * width..row * width + length], part);
            }
        });
    }
}
