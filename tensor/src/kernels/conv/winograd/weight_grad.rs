//! The weight gradient: inputs and output gradients are transformed tile by tile, multiplied and summed over tiles in
//! the transformed domain, and the sums are transformed back once.

use std::ops::Range;

use super::transform::{array, four, gradient, gradient_rows, six, weight_gradient, weight_gradient_rows};
use super::{Columns, POINTS, Points, Tiling, Transformed, Window, apart, input_square};
use crate::kernels::conv::pad::Images;
use crate::kernels::conv::planes::MOST_LANES;
use crate::kernels::conv::problem::Problem;
use crate::kernels::conv::tile::{Outer, Shape, Shared, outer};
use crate::kernels::scratch::Scratch;
use crate::parallel;
use crate::simd::{Real, Simd, dispatch};

/// Groups of tiles that are summed apart, at most; four in any case.
const GROUPS: usize = 8;

/// Elements of the sums of all groups, above which there are less of them.
const SUMS: usize = 1 << 19;

/// Tiles of a group, at least, but for two groups: sums of few tiles cost more than the products that are added.
const LEAST: usize = 32;

/// Input channels whose sums a task transforms.
const TOGETHER: usize = 8;

struct Pass<T> {
    x: Images<T>,
    g: Images<T>,
    tiling: Tiling,
    shape: Shape,
    /// Channels of `x` and of `g` in whole vectors.
    channels: [usize; 2],
}
// SAFETY: tasks read the inputs and write to sums of their own.
unsafe impl<T: Send> Send for Pass<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Pass<T> {}

/// `dw`, dense as `[k, c, 1, 3, 3]`.
///
/// Images are divided into `most` groups at most.
///
/// # Safety
/// `x` and `g` are valid for reads as `p` describes, and their channels follow one another.
pub(in crate::kernels::conv) unsafe fn run<T: Real>(
    p: &Problem,
    x: Images<T>,
    g: Images<T>,
    most: usize,
    dw: &mut [T],
) {
    let shape = Shape::current::<T>();
    let channels = [shape.padded(p.c), shape.padded(p.k)];
    let mut tiling = Tiling::new(p.n, p.output, [p.padding[1] as isize, p.padding[2] as isize]);
    let lanes: Vec<_> = shape.blocks(p.k).collect();
    let parts = tiling.parts(p.k, lanes.len());
    let pass = Pass { x, g, tiling, shape, channels };
    let blocks = tiling.blocks();
    let size = Transformed { c: p.c, vector: shape.lanes }.len(p.k);
    let limit = (SUMS / size).clamp(4, GROUPS).min(blocks).min(most).max(1);
    let groups = if parts > 1 { 1 } else { (tiling.tiles() / LEAST).clamp(2, GROUPS).min(limit) };
    let mut sums = Scratch::<T>::new(groups * size);
    let to = Shared(sums.as_mut_ptr());
    parallel::for_each(parts * groups, |task| {
        let (part, group) = (task / groups, task % groups);
        let lanes = &lanes[part * lanes.len() / parts..(part + 1) * lanes.len() / parts];
        let blocks = group * blocks / groups..(group + 1) * blocks / groups;
        // SAFETY: the caller's; each task has sums or lanes of its own.
        unsafe { pass.task(blocks, lanes, to.at(group * size)) };
    });
    let sums = Sums { data: to, groups, size, c: p.c, k: p.k };
    let dw = Shared(dw.as_mut_ptr());
    let cuts = p.c.div_ceil(TOGETHER);
    parallel::for_each(lanes.len() * cuts, |task| {
        let first = task % cuts * TOGETHER;
        let channels = first..(first + TOGETHER).min(p.c);
        // SAFETY: the sums are complete; tasks write to their own input and output channels of `dw`.
        unsafe { transform_sums(shape.level, &sums, channels, lanes[task / cuts], dw.at(0)) };
    });
}

impl<T: Real> Pass<T> {
    /// # Safety
    /// As for `run`; `sums` holds transformed filters, of which the task has the blocks `lanes`.
    unsafe fn task(&self, blocks: Range<usize>, lanes: &[(usize, usize)], sums: *mut T) {
        let (c, [x_step, g_step]) = (self.x.channels, self.channels);
        let own = lanes[0].0..lanes.last().map_or(0, |block| block.0 + block.1 * self.shape.lanes);
        let (layout, start) = (Transformed { c, vector: self.shape.lanes }, blocks.start);
        let mut inputs = Scratch::<T>::new(POINTS * apart(x_step, self.shape.lanes));
        let mut gradients = Scratch::<T>::new(POINTS * apart(g_step, self.shape.lanes));
        let parts: Vec<_> = lanes
            .iter()
            .flat_map(|&(lane, vectors)| {
                self.shape.tiles(c, vectors).map(move |(first, size)| (lane, vectors, first, size))
            })
            .collect();
        for block in blocks {
            let tiles = self.tiling.block(block);
            let count = tiles.len();
            // SAFETY: the scratch holds a block of tiles with whole vectors of channels.
            unsafe {
                transform_both(self.shape.level, self, tiles, &own, [inputs.as_mut_ptr(), gradients.as_mut_ptr()])
            };
            for point in 0..POINTS {
                for &(lane, vectors, first, positions) in &parts {
                    // SAFETY: tiles, channels and lanes of this block.
                    unsafe {
                        outer(
                            self.shape.level,
                            positions,
                            vectors,
                            &Outer {
                                a: inputs.as_ptr().add(point * apart(x_step, self.shape.lanes) + first),
                                a_move: x_step,
                                b: gradients.as_ptr().add(point * apart(g_step, self.shape.lanes) + lane),
                                b_move: g_step,
                                rows: &[[0, 0]],
                                run: count,
                                out: sums.add(
                                    layout.block(lane)
                                        + point * layout.point(vectors)
                                        + first * vectors * self.shape.lanes,
                                ),
                                out_step: vectors * self.shape.lanes,
                                adds: block > start,
                            },
                        );
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn both_kernel<S: Simd>(
    pass: &Pass<S::Scalar>,
    tiles: Range<usize>,
    lanes: &Range<usize>,
    to: [*mut S::Scalar; 2],
) {
    let [x_step, g_step] = pass.channels;
    let tiling = &pass.tiling;
    let mut tile = tiling.tile(tiles.start);
    let mut x = Window::<_, 6>::new(&pass.x, tile, tiling.origin);
    let mut g = Window::<_, 4>::new(&pass.g, tile, [0, 0]);
    // SAFETY: the level of `S` is available.
    let (mut border_x, mut border_g) = unsafe { (Columns::<S, 6>::new(), Columns::<S, 4>::new()) };
    for slot in 0..tiles.len() {
        tile = tiling.after(tile);
        let next_x = Window::<_, 6>::new(&pass.x, tile, tiling.origin);
        let next_g = Window::<_, 4>::new(&pass.g, tile, [0, 0]);
        // SAFETY: the windows' positions are valid for their channels; `to` for the block.
        unsafe {
            for channel in (0..pass.x.channels).step_by(S::LANES) {
                let to = Points { to: to[0].add(slot * x_step + channel), step: apart(x_step, S::LANES) };
                next_x.prefetch::<S>(channel);
                let valid = (pass.x.channels - channel).min(S::LANES);
                input_square::<S>(&x, [channel, valid], pass.x.map, &mut border_x, to);
            }
            for channel in (lanes.start..lanes.end.min(pass.g.channels)).step_by(S::LANES) {
                let mut to = Points { to: to[1].add(slot * g_step + channel), step: apart(g_step, S::LANES) };
                next_g.prefetch::<S>(channel);
                let valid = (pass.g.channels - channel).min(S::LANES);
                if valid == S::LANES && g.is_inside() {
                    let (rows, step) = (g.rows_at(channel), g.strides[1]);
                    let columns =
                        four!(j => gradient::<S>(four!(i => S::load(rows[i].wrapping_offset(j as isize * step)))));
                    gradient_rows::<S>(&columns, |_, row| to.put::<S, 6>(row));
                } else {
                    border_g.fill(&g, [channel, valid], None, |column| gradient::<S>(column));
                    gradient_rows::<S>(&border_g.vectors, |_, row| to.put::<S, 6>(row));
                }
            }
        }
        (x, g) = (next_x, next_g);
    }
}
dispatch! {
    unsafe fn transform_both<T>(
        pass: &Pass<T>,
        tiles: Range<usize>,
        lanes: &Range<usize>,
        to: [*mut T; 2],
    ) = both_kernel;
}

/// Sums in the transformed domain, of each group like filters.
struct Sums<T> {
    data: Shared<T>,
    groups: usize,
    size: usize,
    c: usize,
    k: usize,
}

/// The weights of the input channels `channels` and of the block of output channels that begins with `first`.
#[inline(always)]
unsafe fn sums_kernel<S: Simd>(
    sums: &Sums<S::Scalar>,
    channels: Range<usize>,
    (first, vectors): (usize, usize),
    dw: *mut S::Scalar,
) {
    let layout = Transformed { c: sums.c, vector: S::LANES };
    let point = layout.point(vectors);
    let mut taps = [[<S::Scalar as Real>::ZERO; MOST_LANES]; 9];
    let mut filters = [[<S::Scalar as Real>::ZERO; MOST_LANES]; MOST_LANES];
    for (c, vector) in channels.flat_map(|c| (0..vectors).map(move |vector| (c, vector))) {
        let start = layout.block(first) + (c * vectors + vector) * S::LANES;
        // SAFETY: the sums hold whole vectors; `dw` is `[k][c][9]`.
        unsafe {
            let sum = |i: usize, j: usize| {
                let at = start + (6 * i + j) * point;
                let mut sum = S::load(sums.data.at(at));
                for group in 1..sums.groups {
                    sum = S::add(sum, S::load(sums.data.at(group * sums.size + at)));
                }
                sum
            };
            let columns = six!(j => weight_gradient::<S>(six!(i => sum(i, j))));
            weight_gradient_rows::<S>(&columns, |i, row| {
                for (j, v) in row.into_iter().enumerate() {
                    S::store(taps[3 * i + j].as_mut_ptr(), v);
                }
            });
            for tap in (0..9).step_by(S::LANES) {
                let to = filters.as_mut_ptr().cast::<S::Scalar>().add(tap);
                S::transpose(taps[tap..].as_ptr().cast(), MOST_LANES as isize, S::LANES.min(9 - tap), to, MOST_LANES);
            }
            let lane = first + vector * S::LANES;
            for (k, filter) in (lane..sums.k).zip(&filters[..S::LANES]) {
                std::ptr::copy_nonoverlapping(filter.as_ptr(), dw.add((k * sums.c + c) * 9), 9);
            }
        }
    }
}
dispatch! {
    unsafe fn transform_sums<T>(
        sums: &Sums<T>,
        channels: Range<usize>,
        block: (usize, usize),
        dw: *mut T,
    ) = sums_kernel;
}
