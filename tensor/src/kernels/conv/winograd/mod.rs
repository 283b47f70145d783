//! Winograd's minimal filtering F(4x4, 3x3): a 4x4 tile of outputs of a 3x3 filter with stride 1 takes 36
//! multiplications per pair of channels instead of 144.
//!
//! A 6x6 tile of inputs becomes `V = B^T d B`, a filter becomes `U = G w G^T`, and the outputs are `A^T (U * V) A`, where
//! the product sums over channels: 36 independent matrix products, done by the direct method's micro-kernels. The weight
//! gradient is the adjoint: `dw = G^T (sum over tiles of (A g A^T) * V) G`.
//!
//! Source: A. Lavin and S. Gray, Fast Algorithms for Convolutional Neural Networks, 2015. The transforms magnify rounding:
//! in `f32` the error is below 2e-5 of the largest result (direct: 2e-6).

mod forward;
mod transform;
mod weight_grad;

pub(super) use forward::{Outputs, filters, run as forward};
pub(super) use weight_grad::run as weight_grad;

use std::ops::Range;

use super::pad::Images;
use super::problem::Problem;
use super::prologue::{ChannelMap, Vectors};
use super::unroll::each;
use crate::simd::{Simd, in_register};
use transform::{array, input, input_rows, six};

/// Points of the transformed domain.
const POINTS: usize = 36;

/// Tiles that are transformed and multiplied together, at most: few enough for the second-level cache, enough for filters
/// that come from beyond it.
const BLOCK: usize = 32;

/// Tiles of a block where there are few of them.
const LEAST: usize = 8;

/// Blocks that tiles should make, for threads to have something to do.
const BLOCKS: usize = 8;

/// Output channels of a part, at least, where parts transform the same inputs.
const PART: usize = 32;

/// Elements from one point of a block to the next, where a tile has `channels` of them: a vector more than is used, since
/// at a power of two all points of a tile would compete for the same few lines of the first-level cache.
#[inline(always)]
fn apart(channels: usize, lanes: usize) -> usize {
    BLOCK * channels + lanes
}

/// How transformed filters of `c` input channels lie, and the sums of their gradients: `[block][point][c][lanes]` for
/// blocks of two vectors of output channels, the last of one where no more is left. As in a block of tiles, points are a
/// vector further apart than they need.
#[derive(Clone, Copy, Debug)]
struct Transformed {
    c: usize,
    /// Scalars per vector.
    vector: usize,
}

impl Transformed {
    /// Elements of all blocks of `k` output channels.
    fn len(self, k: usize) -> usize {
        POINTS * (self.c * k.next_multiple_of(self.vector) + k.div_ceil(2 * self.vector) * self.vector)
    }

    /// Where the block starts whose first output channel is `first`.
    #[inline(always)]
    fn block(self, first: usize) -> usize {
        POINTS * (self.c * first + first / 2)
    }

    /// Elements from one point of a block of `vectors` to the next.
    #[inline(always)]
    fn point(self, vectors: usize) -> usize {
        (self.c * vectors + 1) * self.vector
    }
}

/// Whether `p` has the filters that this method serves, and tiles that are filled well enough by sizes `output`.
pub(super) fn suits(p: &Problem, output: [usize; 3]) -> bool {
    let tiles = output[1].div_ceil(4) * output[2].div_ceil(4);
    p.kernel == [1, 3, 3]
        && p.stride == [1, 1, 1]
        && p.dilation == [1, 1, 1]
        && p.padding[0] == 0
        && p.padding[1] <= 2
        && p.padding[2] <= 2
        && p.groups == 1
        && p.c >= 12
        && p.k >= 12
        // A tile costs a quarter of its outputs' direct products, and the transforms about as much again at few channels.
        && 9 * output[1] * output[2] >= 20 * 4 * tiles
}

/// How images are covered by tiles of 4x4 outputs; depth slices count as images.
#[derive(Clone, Copy, Debug)]
struct Tiling {
    /// Images times depth.
    slices: usize,
    depth: usize,
    /// Tiles per slice, down and across.
    down: usize,
    across: usize,
    /// Tiles per block.
    block: usize,
    /// The input position of output (0, 0).
    origin: [isize; 2],
}

/// Where one tile lies.
#[derive(Clone, Copy, Debug)]
struct Tile {
    n: usize,
    d: usize,
    /// The first output's row and column.
    h: usize,
    w: usize,
}

impl Tiling {
    fn new(n: usize, output: [usize; 3], padding: [isize; 2]) -> Tiling {
        let (slices, down, across) = (n * output[0], output[1].div_ceil(4), output[2].div_ceil(4));
        let block = (slices * down * across).div_ceil(BLOCKS).clamp(LEAST, BLOCK);
        Tiling { slices, depth: output[0], down, across, block, origin: padding.map(|padding| -padding) }
    }

    /// Parts that `lanes` blocks of the `k` output channels are cut into: one, unless there are so few tiles that most of
    /// the memory is that of the filters. Then a thread has channels of its own, whose filters or sums it meets again in
    /// its caches, and transforms the inputs for them anew.
    fn parts(&mut self, k: usize, lanes: usize) -> usize {
        let parts = (k / PART).clamp(1, lanes);
        if self.tiles() > k || parts == 1 {
            return 1;
        }
        self.block = self.tiles().clamp(LEAST, BLOCK);
        parts
    }

    fn blocks(&self) -> usize {
        self.tiles().div_ceil(self.block)
    }

    /// The tiles of a block.
    fn block(&self, block: usize) -> Range<usize> {
        block * self.block..((block + 1) * self.block).min(self.tiles())
    }

    fn tiles(&self) -> usize {
        self.slices * self.down * self.across
    }

    fn tile(&self, index: usize) -> Tile {
        let (slice, place) = (index / (self.down * self.across), index % (self.down * self.across));
        let (h, w) = (place / self.across * 4, place % self.across * 4);
        Tile { n: slice / self.depth, d: slice % self.depth, h, w }
    }

    /// The tile after `tile`, without the divisions that [`Tiling::tile`] takes.
    #[inline(always)]
    fn after(&self, mut tile: Tile) -> Tile {
        tile.w += 4;
        if tile.w >= 4 * self.across {
            (tile.w, tile.h) = (0, tile.h + 4);
            if tile.h >= 4 * self.down {
                (tile.h, tile.d) = (0, tile.d + 1);
                if tile.d >= self.depth {
                    (tile.d, tile.n) = (0, tile.n + 1);
                }
            }
        }
        tile
    }
}

/// A square of `SIZE`x`SIZE` positions of an image, some of which may lie outside.
#[derive(Clone, Debug)]
struct Window<T, const SIZE: usize> {
    /// Position (0, 0), even if it lies outside.
    corner: *const T,
    /// From a row to the next, and from a column to the next.
    strides: [isize; 2],
    /// Those inside the image.
    rows: Range<usize>,
    columns: Range<usize>,
}

impl<T, const SIZE: usize> Window<T, SIZE> {
    /// The positions of `x` from a tile's corner on, moved by `origin`; a tile after the last may be given, but not read.
    #[inline(always)]
    fn new(x: &Images<T>, tile: Tile, origin: [isize; 2]) -> Window<T, SIZE> {
        let at = [tile.h as isize + origin[0], tile.w as isize + origin[1]];
        let [sn, _, sd, sh, sw] = x.strides;
        let slice = x.data.wrapping_offset(tile.n as isize * sn + tile.d as isize * sd);
        let inside = |at: isize, size: usize| {
            let end = (size as isize - at).clamp(0, SIZE as isize) as usize;
            ((-at).clamp(0, end as isize) as usize)..end
        };
        Window {
            corner: slice.wrapping_offset(at[0] * sh + at[1] * sw),
            strides: [sh, sw],
            rows: inside(at[0], x.sizes[1]),
            columns: inside(at[1], x.sizes[2]),
        }
    }

    #[inline(always)]
    fn is_inside(&self) -> bool {
        self.rows.len() == SIZE && self.columns.len() == SIZE
    }

    /// Channel `channel` of the position in row `i` and column `j`.
    #[inline(always)]
    fn at(&self, i: usize, j: usize, channel: usize) -> *const T {
        self.corner.wrapping_offset(i as isize * self.strides[0] + j as isize * self.strides[1]).wrapping_add(channel)
    }

    /// Where each row starts, at channel `channel`: addresses that the compiler does not take apart again.
    #[inline(always)]
    fn rows_at(&self, channel: usize) -> [*const T; SIZE] {
        std::array::from_fn(|i| in_register(self.at(i, 0, channel)))
    }

    /// Asks for a channel of what will be read next: one tile's work is too short to hide the way from memory behind it.
    /// Where windows overlap, the first rows and columns were read before.
    ///
    /// # Safety
    /// The level of `S` is available.
    #[inline(always)]
    unsafe fn prefetch<S: Simd<Scalar = T>>(&self, channel: usize) {
        let mut row = self.at(SIZE - 4, SIZE - 4, channel);
        for _ in 0..4 {
            for j in 0..4 {
                // SAFETY: a prefetch may name any address.
                unsafe { S::prefetch(row.wrapping_offset(j * self.strides[1])) };
            }
            row = in_register(row.wrapping_offset(self.strides[0]));
        }
    }
}

/// The first half of a window's transform, where the window cannot be read as it is: at an image's border, of the last
/// channels, which fill no vector, and of channels that are mapped.
struct Columns<S: Simd, const SIZE: usize> {
    vectors: [[S::Vector; 6]; SIZE],
}

impl<S: Simd, const SIZE: usize> Columns<S, SIZE> {
    /// # Safety
    /// The level of `S` is available.
    #[inline(always)]
    unsafe fn new() -> Columns<S, SIZE> {
        // SAFETY: the caller's.
        unsafe { Columns { vectors: [[S::zero(); 6]; SIZE] } }
    }

    /// Transforms the columns of the `valid` channels of `window` from `channel` on by `line`, which takes zeros to zeros,
    /// after they are mapped; positions outside are zero, unmapped.
    ///
    /// # Safety
    /// The level of `S` is available; the positions inside are valid for these channels.
    #[inline(always)]
    unsafe fn fill(
        &mut self,
        window: &Window<S::Scalar, SIZE>,
        [channel, valid]: [usize; 2],
        map: Option<Vectors<S>>,
        line: impl Fn([S::Vector; SIZE]) -> [S::Vector; 6],
    ) {
        // SAFETY: the caller's.
        unsafe {
            let rows = window.rows_at(channel);
            for (j, to) in self.vectors.iter_mut().enumerate() {
                if !window.columns.contains(&j) {
                    *to = [S::zero(); 6];
                    continue;
                }
                let mut column = [S::zero(); SIZE];
                each!(SIZE, i => if window.rows.contains(&i) {
                    let place = rows[i].wrapping_offset(j as isize * window.strides[1]);
                    let v = if valid == S::LANES { S::load(place) } else { S::load_first(place, valid) };
                    column[i] = if let Some(map) = &map { map.apply(v) } else { v };
                });
                *to = line(column);
            }
        }
    }
}

/// `B^T d B` of the `valid` channels of a window from `channel` on, mapped; `border` is room.
///
/// # Safety
/// The level of `S` is available; the window's positions are valid for these channels, `to` for a vector per point.
#[inline(always)]
unsafe fn input_square<S: Simd>(
    window: &Window<S::Scalar, 6>,
    [channel, valid]: [usize; 2],
    map: Option<ChannelMap<S::Scalar>>,
    border: &mut Columns<S, 6>,
    mut to: Points<S::Scalar>,
) {
    // SAFETY: the caller's.
    unsafe {
        if valid == S::LANES && map.is_none() && window.is_inside() {
            let (rows, step) = (window.rows_at(channel), window.strides[1]);
            let columns = six!(j => input::<S>(six!(i => S::load(rows[i].wrapping_offset(j as isize * step)))));
            input_rows::<S>(&columns, |_, row| to.put::<S, 6>(row));
        } else {
            let map = map.map(|map| map.vectors::<S>(channel, valid));
            border.fill(window, [channel, valid], map, |column| input::<S>(column));
            input_rows::<S>(&border.vectors, |_, row| to.put::<S, 6>(row));
        }
    }
}

/// Stores vectors one after the other, `step` elements apart.
struct Points<T> {
    to: *mut T,
    step: usize,
}

impl<T> Points<T> {
    /// # Safety
    /// The level of `S` is available, and the place of each vector valid for writes.
    #[inline(always)]
    unsafe fn put<S: Simd<Scalar = T>, const N: usize>(&mut self, vectors: [S::Vector; N]) {
        each!(N, i => {
            // SAFETY: the caller's.
            unsafe { S::store(self.to.wrapping_add(i % 3 * self.step), vectors[i]) };
            if i % 3 == 2 || i + 1 == N {
                // Three share an address in a register: the compiler would rather keep an offset for each of all points.
                self.to = in_register(self.to.wrapping_add((i % 3 + 1) * self.step).cast_const()).cast_mut();
            }
        });
    }
}
