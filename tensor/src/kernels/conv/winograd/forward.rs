//! The forward pass, which with flipped filters is the input gradient too.

use smallvec::SmallVec;

use super::transform::{input_square, output_square, weight_square};
use super::{BLOCK, POINTS, Stage, Tile, Tiling, Window, apart};
use crate::kernels::conv::pack::Weights;
use crate::kernels::conv::pad::Images;
use crate::kernels::conv::tile::{Finish, Gather, Shape, Shared, gather};
use crate::kernels::norm::Bounds;
use crate::kernels::scratch::Scratch;
use crate::parallel;
use crate::simd::{self, Real, Simd, dispatch};

/// Multiplications that one task should at least do: some 10 µs.
const TASK: usize = 1 << 19;

/// Dense NHWC images of `k` channels that a pass writes.
#[derive(Clone, Copy)]
pub(in crate::kernels::conv) struct Outputs<T> {
    pub(in crate::kernels::conv) data: *mut T,
    pub(in crate::kernels::conv) n: usize,
    pub(in crate::kernels::conv) k: usize,
    pub(in crate::kernels::conv) sizes: [usize; 3],
}

struct Pass<T> {
    x: Images<T>,
    y: Outputs<T>,
    tiling: Tiling,
    shape: Shape,
    finish: Finish<T>,
    /// Channels of `x` in whole vectors.
    channels: usize,
    /// Transformed filters, `[block][point][c][lanes of the block]`.
    filters: *const T,
}
// SAFETY: tasks read the inputs and write to disjoint tiles of the outputs.
unsafe impl<T: Send> Send for Pass<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Pass<T> {}

/// `y = conv(x, weights)` for 3x3 filters with stride 1 and `padding` zeros before each axis.
///
/// # Safety
/// `x`, `weights` and the bias are valid for reads, `y` for writes; the channels of `x` follow one another.
pub(in crate::kernels::conv) unsafe fn run<T: Real>(
    x: Images<T>,
    weights: Weights<T>,
    padding: [isize; 2],
    finish: Finish<T>,
    y: Outputs<T>,
) {
    let shape = Shape::current::<T>();
    let (c, lanes) = (x.channels, shape.padded(y.k));
    let mut filters = Scratch::<T>::new(POINTS * c * lanes);
    let to = Shared(filters.as_mut_ptr());
    let blocks: Vec<_> = shape.blocks(y.k).collect();
    // Filters are transformed by groups of input channels.
    let cuts = c.div_ceil(16);
    parallel::for_each(blocks.len() * cuts, |task| {
        let (first, vectors) = blocks[task / cuts];
        let channels = task % cuts * 16..(task % cuts * 16 + 16).min(c);
        let filters = Filters { weights, first, vectors, c, k: y.k };
        // SAFETY: the caller's; tasks have their own lanes and channels of the filters.
        unsafe { transform_filters(shape.level, &filters, channels, to.at(first * POINTS * c)) };
    });
    let channels = shape.padded(c);
    let tiling = Tiling::new(y.n, y.sizes, padding);
    let pass = Pass { x, y, tiling, shape, finish, channels, filters: filters.as_ptr() };
    let (tiles, vector) = (tiling.tiles(), shape.lanes);
    let blocks = tiles.div_ceil(BLOCK);
    let together = TASK.div_ceil(BLOCK * POINTS * c * y.k);
    parallel::for_each(blocks.div_ceil(together), |task| {
        let mut inputs = Scratch::<T>::new(POINTS * apart(channels, vector));
        let mut products = Scratch::<T>::new(POINTS * apart(2 * vector, vector));
        for block in task * together..((task + 1) * together).min(blocks) {
            let tiles = block * BLOCK..((block + 1) * BLOCK).min(tiles);
            // SAFETY: the caller's; tasks have their own tiles.
            unsafe { pass.block(tiles, &mut inputs, &mut products) };
        }
    });
}

impl<T: Real> Pass<T> {
    /// # Safety
    /// As for `run`; the scratch holds a block of tiles with whole vectors of channels, and with two vectors of lanes.
    unsafe fn block(&self, tiles: std::ops::Range<usize>, inputs: &mut Scratch<T>, products: &mut Scratch<T>) {
        let (shape, c) = (self.shape, self.x.channels);
        // SAFETY: the caller's.
        unsafe { transform_inputs(shape.level, self, tiles.clone(), inputs.as_mut_ptr()) };
        for (first, vectors) in shape.blocks(self.y.k) {
            let width = vectors * shape.lanes;
            let parts: SmallVec<[_; 8]> = shape.tiles(tiles.len(), vectors).collect();
            for point in 0..POINTS {
                self.ask_for_outputs(&tiles, (first, vectors), point);
                for &(at, count) in &parts {
                    let from = point * apart(self.channels, shape.lanes) + at * self.channels;
                    let to = point * apart(width, shape.lanes) + at * width;
                    // SAFETY: tiles, channels and lanes of this block.
                    unsafe {
                        gather(
                            shape.level,
                            count,
                            vectors,
                            &Gather {
                                a: inputs.as_ptr().add(from),
                                a_step: self.channels,
                                rows: &[0],
                                run: c,
                                b: self.filters.add(first * POINTS * c + point * c * width),
                                out: products.as_mut_ptr().add(to),
                                out_step: width,
                                lanes: width,
                                finish: Finish::NONE,
                            },
                        );
                    }
                }
            }
            // SAFETY: the products are complete; the outputs are this task's.
            unsafe { transform_outputs(shape.level, self, tiles.clone(), (first, vectors), products.as_ptr()) };
        }
    }

    /// Asks for one in [`POINTS`] of the lines of `tiles`' outputs, so that they come while products are computed.
    fn ask_for_outputs(&self, tiles: &std::ops::Range<usize>, (first, vectors): (usize, usize), point: usize) {
        let (y, lines) = (&self.y, 4 * tiles.len());
        for line in point * lines / POINTS..(point + 1) * lines / POINTS {
            let Tile { n, d, h, w } = self.tiling.tile(tiles.start + line / 4);
            let row = ((n * y.sizes[0] + d) * y.sizes[1] + h + line % 4) * y.sizes[2] + w;
            for column in 0..4 {
                let at = (row + column) * y.k + first;
                simd::prefetch(y.data.wrapping_add(at).cast_const(), vectors * self.shape.lanes);
            }
        }
    }
}

/// A block of output channels of the filters.
struct Filters<T> {
    weights: Weights<T>,
    first: usize,
    vectors: usize,
    c: usize,
    k: usize,
}

#[inline(always)]
unsafe fn filters_kernel<S: Simd>(filters: &Filters<S::Scalar>, channels: std::ops::Range<usize>, to: *mut S::Scalar) {
    let Filters { weights, first, vectors, c, k } = *filters;
    let width = vectors * S::LANES;
    // SAFETY: the taps, channels and lanes read exist; `to` holds `[POINTS][c][width]`.
    unsafe {
        for channel in channels {
            for vector in 0..vectors {
                let lane = first + vector * S::LANES;
                let from = weights.data.offset(lane as isize * weights.lane + channel as isize * weights.channel);
                // 64 lanes are more than any level has.
                let mut taps = [[<S::Scalar as Real>::ZERO; 64]; 9];
                for (tap, taps) in taps.iter_mut().enumerate() {
                    let from = from.offset((tap / 3) as isize * weights.taps[1] + (tap % 3) as isize * weights.taps[2]);
                    for (lane, to) in taps.iter_mut().enumerate().take(S::LANES.min(k - lane)) {
                        *to = *from.offset(lane as isize * weights.lane);
                    }
                }
                weight_square::<S>(
                    |i, j| S::load(taps[3 * i + j].as_ptr()),
                    |i, j, v| S::store(to.add(((6 * i + j) * c + channel) * width + vector * S::LANES), v),
                );
            }
        }
    }
}
dispatch! {
    unsafe fn transform_filters<T>(filters: &Filters<T>, channels: std::ops::Range<usize>, to: *mut T) = filters_kernel;
}

#[inline(always)]
unsafe fn inputs_kernel<S: Simd>(pass: &Pass<S::Scalar>, tiles: std::ops::Range<usize>, to: *mut S::Scalar) {
    let (c, channels) = (pass.x.channels, pass.channels);
    let (x, tiling) = (&pass.x, &pass.tiling);
    let mut tile = tiling.tile(tiles.start);
    let mut from = Window::<_, 6>::new(x, tile, tiling.origin);
    // SAFETY: the level of `S` is available.
    let mut stage = unsafe { Stage::<S>::new() };
    for slot in 0..tiles.len() {
        tile = tiling.after(tile);
        let next = Window::<_, 6>::new(x, tile, tiling.origin);
        // SAFETY: the window's positions are valid for `c` channels, the stage's for a vector; `to` for the block.
        unsafe {
            for channel in (0..c).step_by(S::LANES) {
                let to = to.add(slot * channels + channel);
                next.prefetch::<S>(channel);
                let valid = (c - channel).min(S::LANES);
                let staged;
                let (window, at) = if valid == S::LANES && x.map.is_none() && from.is_inside() {
                    (&from, channel)
                } else {
                    let map = x.map.map(|map| map.vectors::<S>(channel, valid));
                    staged = stage.fill(&from, [channel, valid], map);
                    (&staged, 0)
                };
                input_square::<S>(
                    |i, j| S::load(window.at(i, j, at)),
                    |i, j, v| S::store(to.add((6 * i + j) * apart(channels, S::LANES)), v),
                );
            }
        }
        from = next;
    }
}
dispatch! {
    unsafe fn transform_inputs<T>(pass: &Pass<T>, tiles: std::ops::Range<usize>, to: *mut T) = inputs_kernel;
}

#[inline(always)]
unsafe fn outputs_kernel<S: Simd>(
    pass: &Pass<S::Scalar>,
    tiles: std::ops::Range<usize>,
    block: (usize, usize),
    products: *const S::Scalar,
) {
    let (first, vectors) = block;
    let width = vectors * S::LANES;
    let y = &pass.y;
    for vector in 0..vectors {
        let k = first + vector * S::LANES;
        let valid = (y.k - k).min(S::LANES);
        // SAFETY: the products hold the block; only outputs inside the image and lanes below `k` are written.
        unsafe {
            let bounds = Bounds::<S>::of(pass.finish.activation);
            let bias =
                if pass.finish.bias.is_null() { S::zero() } else { S::load_first(pass.finish.bias.add(k), valid) };
            let mut tile = pass.tiling.tile(tiles.start);
            for slot in 0..tiles.len() {
                let Tile { n, d, h, w } = tile;
                tile = pass.tiling.after(tile);
                let (rows, columns) = (y.sizes[1] - h, y.sizes[2] - w);
                let corner = (((n * y.sizes[0] + d) * y.sizes[1] + h) * y.sizes[2] + w) * y.k + k;
                let from = products.add(slot * width + vector * S::LANES);
                let mut sums = [[bias; 4]; 4];
                output_square::<S>(
                    |i, j| S::load(from.add((6 * i + j) * apart(width, S::LANES))),
                    |i, j, v| sums[i][j] = S::add(v, bias),
                );
                if rows >= 4 && columns >= 4 && valid == S::LANES {
                    for (i, row) in sums.iter().enumerate() {
                        for (j, &v) in row.iter().enumerate() {
                            let at = corner + (i * y.sizes[2] + j) * y.k;
                            S::store(y.data.add(at), finished(&pass.finish, &bounds, [at, valid], v));
                        }
                    }
                } else {
                    for (i, row) in sums.iter().enumerate().take(rows) {
                        for (j, &v) in row.iter().enumerate().take(columns) {
                            let at = corner + (i * y.sizes[2] + j) * y.k;
                            let v = finished(&pass.finish, &bounds, [at, valid], v);
                            S::store_first(y.data.add(at), valid, v);
                        }
                    }
                }
            }
        }
    }
}
/// What follows the bias.
#[inline(always)]
unsafe fn finished<S: Simd>(
    finish: &Finish<S::Scalar>,
    bounds: &Bounds<S>,
    [at, valid]: [usize; 2],
    v: S::Vector,
) -> S::Vector {
    // SAFETY: the caller's: `at` is a place of the outputs with `valid` channels.
    unsafe {
        let sum = if finish.addend.is_null() { v } else { S::add(v, S::load_first(finish.addend.add(at), valid)) };
        bounds.apply(sum)
    }
}
dispatch! {
    unsafe fn transform_outputs<T>(
        pass: &Pass<T>,
        tiles: std::ops::Range<usize>,
        block: (usize, usize),
        products: *const T,
    ) = outputs_kernel;
}
