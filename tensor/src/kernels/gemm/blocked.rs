//! The blocked product: how a large C is cut for the caches and for the threads.
//!
//! C is cut into tiles of the micro-kernel: column panels a few vectors wide, row panels at most 12 high and as even as
//! the number of rows allows. k is cut into blocks, so that a row panel of A stays in the first-level cache while the
//! column panels of B stream from the second; small products are one block. Per block of k there are two parallel
//! phases: packing, then computing groups of tiles; where there are few rows, each task packs the columns that it computes,
//! for all blocks of k in turn. All cuts follow from the sizes (and the SIMD level) alone, and every element of C is summed
//! in order of k, so the bits do not depend on the number of threads.

use std::ops::Range;

use super::micro::{self, Finish, Tile};
use super::pack::{self, Source};
use crate::memory::Buffer;
use crate::parallel;
use crate::simd::{Level, Real};

/// The longest block of k: 12 rows of it are 18 KiB of `f32`.
const BLOCK_K: usize = 384;
/// A matrix B up to this many bytes stays in the second-level cache, and longer blocks of k save phases of packing.
const SMALL: usize = 512 * 1024;
/// The longest block of k of such a matrix.
const SMALL_K: usize = 1024;
/// Steps of k that one task packs at least.
const PIECE: usize = 128;
/// Columns of one task: a block of B of this width is 384 KiB of `f32`.
const TASK_COLUMNS: usize = 256;
/// Multiply-adds that a task should have at least: about 2 µs.
const TASK_WORK: usize = 1 << 17;
/// A matrix up to this many bytes is read where it lies if its strides allow it: it stays in the second-level cache, and
/// the copy costs more (5 % at 256 cubed) than what its order would save.
const DIRECT: usize = 256 * 1024;
/// With at most so many rows, each task packs the columns that it computes: what one core packs takes another longer to
/// fetch than to use.
const ALONE_ROWS: usize = 192;
/// Tasks that are enough for balance.
const TASKS: usize = 24;

/// One product by pointers: C is `m` rows `c_row` apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product<T> {
    pub(super) m: usize,
    pub(super) k: usize,
    pub(super) n: usize,
    pub(super) a: Source<T>,
    pub(super) b: Source<T>,
    pub(super) c: *mut T,
    pub(super) c_row: usize,
    pub(super) finish: Finish<T>,
}

// SAFETY: the product's matrices and biases are borrowed by the safe driver while it runs, and tasks write disjoint
// tiles of C.
unsafe impl<T: Sync> Sync for Product<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Send for Product<T> {}

impl<T> Product<T> {
    /// The same product seen with the element type `U`, which is `T` by another name.
    pub(super) fn cast<U>(self) -> Product<U> {
        let source = |s: Source<T>| Source { start: s.start.cast(), step: s.step, across: s.across };
        Product {
            m: self.m,
            k: self.k,
            n: self.n,
            a: source(self.a),
            b: source(self.b),
            c: self.c.cast(),
            c_row: self.c_row,
            finish: Finish {
                accumulate: self.finish.accumulate,
                row_bias: self.finish.row_bias.cast(),
                column_bias: self.finish.column_bias.cast(),
                relu: self.finish.relu,
            },
        }
    }
}

/// `total` things in `parts` nearly equal runs: the start of run `index`.
fn cut(total: usize, parts: usize, index: usize) -> usize {
    total * index / parts
}

/// How the columns fall into panels: `vectors` vectors wide, the last ones halved until they fit.
#[derive(Clone, Copy, Debug)]
struct Columns {
    n: usize,
    lanes: usize,
    vectors: usize,
}

impl Columns {
    /// All vectors, the last one perhaps not full.
    fn total(&self) -> usize {
        self.n.div_ceil(self.lanes)
    }

    /// Vectors of the panel that starts at vector `at`, before vector `end`.
    fn panel(&self, at: usize, end: usize) -> usize {
        let mut vectors = self.vectors;
        while vectors > end - at {
            vectors /= 2;
        }
        vectors
    }

    /// Columns of a panel that exist.
    fn count(&self, at: usize, vectors: usize) -> usize {
        (self.n - at * self.lanes).min(vectors * self.lanes)
    }
}

/// A stretch of k.
#[derive(Clone, Copy, Debug)]
struct Block {
    start: usize,
    k: usize,
    /// Whether it is the last.
    last: bool,
}

/// Scratch elements from the memory pool.
struct Scratch<T> {
    buffer: Buffer,
    of: std::marker::PhantomData<T>,
}

impl<T> Scratch<T> {
    fn new(elements: usize) -> Scratch<T> {
        Scratch { buffer: Buffer::new(elements * size_of::<T>()).0, of: std::marker::PhantomData }
    }

    fn start(&mut self) -> *mut T {
        self.buffer.as_mut_ptr().cast()
    }
}

/// A raw pointer that tasks share to write disjoint parts.
#[derive(Clone, Copy)]
struct Shared<T>(*mut T);
// SAFETY: every task writes a part of its own.
unsafe impl<T: Send> Sync for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Shared<T> {}

impl<T> Shared<T> {
    fn add(&self, offset: usize) -> *mut T {
        self.0.wrapping_add(offset)
    }
}

/// Computes the product; `m`, `k` and `n` are at least 1.
///
/// # Safety
/// `level` is available, and the matrices and biases of `p` are valid, C exclusively.
pub(super) unsafe fn run<T: Real>(level: Level, lanes: usize, p: &Product<T>) {
    let max_rows = micro::max_rows::<T>(level);
    let row_panels = p.m.div_ceil(max_rows);
    let columns = Columns { n: p.n, lanes, vectors: micro::max_vectors(p.m) };
    let total = columns.total();
    // The columns from vector `direct` on are packed: all of them where B is large or its columns are not contiguous,
    // else only the last panel, which may not be read beyond its end.
    let direct = match p.b.across {
        1 if p.k * p.n * size_of::<T>() <= DIRECT || row_panels <= 2 => p.n / lanes / columns.vectors * columns.vectors,
        _ => 0,
    };
    let pack_a = p.m * p.k * size_of::<T>() > DIRECT && total > 4 * columns.vectors;
    let longest = if p.n * p.k * size_of::<T>() <= SMALL { SMALL_K } else { BLOCK_K };
    let k_blocks = p.k.div_ceil(longest).max(1);
    let k_longest = p.k.div_ceil(k_blocks);

    let a_panel = k_longest * max_rows + lanes.max(16);
    let mut scratch =
        Scratch::<T>::new((total - direct) * lanes * k_longest + if pack_a { row_panels * a_panel } else { 0 });
    let packed_b = Shared(scratch.start());
    let packed_a = Shared(packed_b.add((total - direct) * lanes * k_longest));

    let row_range = |panel: usize| (cut(p.m, row_panels, panel), cut(p.m, row_panels, panel + 1));
    // Packs the steps `piece` of the columns `vectors`; `packed` is where those from vector `origin` on lie.
    let pack_b = |block: Block, vectors: Range<usize>, piece: Range<usize>, (packed, origin): (*mut T, usize)| {
        let mut at = vectors.start;
        while at < vectors.end {
            let width = columns.panel(at, vectors.end);
            let to = packed.wrapping_add((at - origin) * lanes * block.k + piece.start * width * lanes);
            let (from, count) = (p.b.at(block.start + piece.start, at * lanes), columns.count(at, width));
            // SAFETY: `count` columns exist, and the panel's place is `width * lanes * block.k` elements.
            unsafe { pack::wide(level, from, piece.len(), count, width * lanes, to) };
            at += width;
        }
    };
    // Computes the tiles of some row panels and vectors of columns.
    let compute = |block: Block, panels: Range<usize>, vectors: Range<usize>, (packed, origin): (*mut T, usize)| {
        for panel in panels {
            let (start, stop) = row_range(panel);
            let rows = stop - start;
            let (a, a_row, a_step) = if pack_a {
                (packed_a.add(panel * a_panel).cast_const(), 1, rows as isize)
            } else {
                (p.a.at(block.start, start).start, p.a.across, p.a.step)
            };
            let mut at = vectors.start;
            while at < vectors.end {
                let width = columns.panel(at, vectors.end);
                let (b, b_step) = if at < direct {
                    (p.b.at(block.start, at * lanes).start, p.b.step)
                } else {
                    let from = packed.wrapping_add((at - origin) * lanes * block.k);
                    (from.cast_const(), (width * lanes) as isize)
                };
                let bias = |bias: *const T, offset: usize| match block.last && !bias.is_null() {
                    true => bias.wrapping_add(offset),
                    false => std::ptr::null(),
                };
                let tile = Tile {
                    k: block.k,
                    a,
                    a_row,
                    a_step,
                    b,
                    b_step,
                    c: p.c.wrapping_add(start * p.c_row + at * lanes),
                    c_row: p.c_row,
                    columns: columns.count(at, width),
                    finish: Finish {
                        accumulate: p.finish.accumulate || block.start > 0,
                        row_bias: bias(p.finish.row_bias, start),
                        column_bias: bias(p.finish.column_bias, at * lanes),
                        relu: p.finish.relu && block.last,
                    },
                };
                // SAFETY: rows and columns exist; B is packed wherever whole vectors would reach beyond its columns;
                // this task alone writes the tile.
                unsafe { micro::run(level, rows, width, &tile) };
                at += width;
            }
        }
    };
    let block = |index: usize| {
        let (start, end) = (cut(p.k, k_blocks, index), cut(p.k, k_blocks, index + 1));
        Block { start, k: end - start, last: index + 1 == k_blocks }
    };

    if direct == 0 && !pack_a && p.m <= ALONE_ROWS {
        let whole = total.div_ceil(columns.vectors);
        let groups = tasks(p.m * p.n * k_longest).min(if whole > 1 { whole } else { total });
        return parallel::for_each(groups, |task| {
            let vectors = cut(total, groups, task)..cut(total, groups, task + 1);
            let packed = (packed_b.add(vectors.start * lanes * k_longest), vectors.start);
            for block in (0..k_blocks).map(block) {
                pack_b(block, vectors.clone(), 0..block.k, packed);
                compute(block, 0..row_panels, vectors.clone(), packed);
            }
        });
    }
    let (row_groups, column_groups) = grid(p, k_longest, row_panels, total.div_ceil(columns.vectors));
    for block in (0..k_blocks).map(block) {
        let k = block.k;
        let a_tasks = if pack_a { row_panels.div_ceil(4) } else { 0 };
        let b_runs = (total - direct).div_ceil(4 * columns.vectors);
        // Where few panels would leave threads without work, they are cut along k too.
        let pieces = if b_runs < 4 { (k / PIECE).clamp(1, 8) } else { 1 };
        let piece = k.div_ceil(pieces).next_multiple_of(lanes);
        let b_tasks = b_runs * pieces;
        let pack = |task: usize| {
            if task < a_tasks {
                for panel in task * 4..(task * 4 + 4).min(row_panels) {
                    let (start, end) = row_range(panel);
                    // SAFETY: the rows exist, and each panel has its place of `a_panel` elements.
                    unsafe {
                        let to = packed_a.add(panel * a_panel);
                        pack::narrow(level, p.a.at(block.start, start), k, end - start, to)
                    };
                }
                return;
            }
            let (run, first) = ((task - a_tasks) % b_runs, (task - a_tasks) / b_runs * piece);
            let at = direct + run * 4 * columns.vectors;
            let steps = first.min(k)..(first + piece).min(k);
            pack_b(block, at..(at + 4 * columns.vectors).min(total), steps, (packed_b.add(0), direct));
        };
        if p.m * k + p.n * k < 8 * 1024 {
            (0..a_tasks + b_tasks).for_each(pack);
        } else {
            parallel::for_each(a_tasks + b_tasks, pack);
        }

        parallel::for_each(row_groups * column_groups, |task| {
            let (row_group, column_group) = (task % row_groups, task / row_groups);
            let panels = cut(row_panels, row_groups, row_group)..cut(row_panels, row_groups, row_group + 1);
            let whole = total.div_ceil(columns.vectors);
            let first = cut(whole, column_groups, column_group) * columns.vectors;
            let end = (cut(whole, column_groups, column_group + 1) * columns.vectors).min(total);
            compute(block, panels, first..end, (packed_b.add(0), direct));
        });
    }
}

/// Tasks that so many multiply-adds are cut into.
fn tasks(work: usize) -> usize {
    (work / TASK_WORK).clamp(1, TASKS)
}

/// Row and column groups that the tiles are cut into, one task each.
fn grid<T>(p: &Product<T>, k: usize, row_panels: usize, column_panels: usize) -> (usize, usize) {
    let wanted = tasks(p.m * p.n * k);
    let panel = p.n.div_ceil(column_panels);
    // Wide tasks first: they use each packed row panel most often.
    let mut column_groups = column_panels.div_ceil((TASK_COLUMNS / panel).max(1));
    let mut row_groups = wanted.div_ceil(column_groups).min(row_panels);
    if row_groups * column_groups < wanted {
        column_groups = wanted.div_ceil(row_groups).min(column_panels);
    }
    // At most 14 row panels per task, so that large products have tasks enough for any number of threads.
    row_groups = row_groups.max(row_panels.div_ceil(14));
    (row_groups, column_groups)
}
