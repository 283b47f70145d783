//! The forward pass, which with flipped filters is the input gradient too.

use smallvec::SmallVec;

use super::transform::{array, output, output_rows, six, three, weight, weight_rows};
use super::{Columns, POINTS, Points, Tile, Tiling, Transformed, Window, apart, input_square};
use crate::kernels::conv::pack::Weights;
use crate::kernels::conv::pad::Images;
use crate::kernels::conv::planes::MOST_LANES;
use crate::kernels::conv::tile::{Finish, Gather, Shape, Shared, gather};
use crate::kernels::conv::unroll::each_of_four;
use crate::kernels::norm::Bounds;
use crate::kernels::scratch::Scratch;
use crate::parallel;
use crate::simd::{self, Real, Simd, dispatch, in_register};

/// Multiplications that one task should at least do: some 10 µs.
const TASK: usize = 1 << 19;

/// Multiplications that take as long as transforming an element of the transformed domain, in or out.
const TRANSFORM: usize = 16;

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
    /// Transformed.
    filters: *const T,
}
// SAFETY: tasks read the inputs and write to disjoint tiles of the outputs.
unsafe impl<T: Send> Send for Pass<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Pass<T> {}

/// 3x3 filters from `c` to `k` channels, transformed.
///
/// # Safety
/// `weights` is valid for reads.
pub(in crate::kernels::conv) unsafe fn filters<T: Real>(weights: Weights<T>, c: usize, k: usize) -> Scratch<T> {
    let shape = Shape::current::<T>();
    let layout = Transformed { c, vector: shape.lanes };
    let mut filters = Scratch::<T>::new(layout.len(k));
    let to = Shared(filters.as_mut_ptr());
    let blocks: Vec<_> = shape.blocks(k).collect();
    // Filters are transformed by groups of input channels.
    let cuts = c.div_ceil(16);
    parallel::for_each(blocks.len() * cuts, |task| {
        let (first, vectors) = blocks[task / cuts];
        let channels = task % cuts * 16..(task % cuts * 16 + 16).min(c);
        let filters = Filters { weights, first, vectors, c, k };
        // SAFETY: the caller's; tasks have their own lanes and channels of the filters.
        unsafe { transform_filters(shape.level, &filters, channels, to.at(layout.block(first))) };
    });
    filters
}

/// `y = conv(x, w)` for 3x3 filters with stride 1 and `padding` zeros before each axis, with what [`filters`] made of `w`.
///
/// # Safety
/// `x` and the bias are valid for reads, `y` for writes; the channels of `x` follow one another.
pub(in crate::kernels::conv) unsafe fn run<T: Real>(
    x: Images<T>,
    filters: &Scratch<T>,
    padding: [isize; 2],
    finish: Finish<T>,
    y: Outputs<T>,
) {
    let shape = Shape::current::<T>();
    let c = x.channels;
    let channels = shape.padded(c);
    let lanes: SmallVec<[_; 8]> = shape.blocks(y.k).collect();
    let mut tiling = Tiling::new(y.n, y.sizes, padding);
    let parts = tiling.parts(y.k, lanes.len());
    let (blocks, vector) = (tiling.blocks(), shape.lanes);
    let pass = Pass { x, y, tiling, shape, finish, channels, filters: filters.as_ptr() };
    let work = tiling.block * POINTS * (c * y.k / parts + TRANSFORM * (c + y.k / parts));
    let together = TASK.div_ceil(work);
    let tasks = blocks.div_ceil(together);
    parallel::for_each(parts * tasks, |task| {
        let (part, task) = (task / tasks, task % tasks);
        let lanes = &lanes[part * lanes.len() / parts..(part + 1) * lanes.len() / parts];
        let mut inputs = Scratch::<T>::new(POINTS * apart(channels, vector));
        let mut products = Scratch::<T>::new(POINTS * apart(2 * vector, vector));
        for block in task * together..((task + 1) * together).min(blocks) {
            // SAFETY: the caller's; tasks have their own tiles or lanes.
            unsafe { pass.block(tiling.block(block), lanes, &mut inputs, &mut products) };
        }
    });
}

impl<T: Real> Pass<T> {
    /// # Safety
    /// As for `run`; the scratch holds a block of tiles with whole vectors of channels, and with two vectors of lanes.
    unsafe fn block(
        &self,
        tiles: std::ops::Range<usize>,
        lanes: &[(usize, usize)],
        inputs: &mut Scratch<T>,
        products: &mut Scratch<T>,
    ) {
        let (shape, c) = (self.shape, self.x.channels);
        let filters = Transformed { c, vector: shape.lanes };
        // SAFETY: the caller's.
        unsafe { transform_inputs(shape.level, self, tiles.clone(), inputs.as_mut_ptr()) };
        for &(first, vectors) in lanes {
            let width = vectors * shape.lanes;
            // A single block's products take the place of the inputs that they are made of: a micro-kernel has read all
            // of its tiles when it writes them.
            let in_place = lanes.len() == 1 && width <= self.channels;
            let (products, step) =
                if in_place { (inputs.as_mut_ptr(), self.channels) } else { (products.as_mut_ptr(), width) };
            let parts: SmallVec<[_; 8]> = shape.tiles(tiles.len(), vectors).collect();
            let mut outputs = self.lines(&tiles);
            for point in 0..POINTS {
                let asked = 4 * tiles.len() * point / POINTS..4 * tiles.len() * (point + 1) / POINTS;
                for row in outputs.by_ref().take(asked.len()) {
                    self.ask_for(row, first, width);
                }
                for &(at, count) in &parts {
                    let from = point * apart(self.channels, shape.lanes) + at * self.channels;
                    let to = point * apart(step, shape.lanes) + at * step;
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
                                b: self.filters.add(filters.block(first) + point * filters.point(vectors)),
                                out: products.add(to),
                                out_step: step,
                                lanes: width,
                                finish: Finish::NONE,
                            },
                        );
                    }
                }
            }
            // SAFETY: the products are complete; the outputs are this task's.
            unsafe { transform_outputs(shape.level, self, tiles.clone(), (first, vectors), (products, step)) };
        }
    }

    /// Where in the outputs the rows of `tiles` start, in positions: four for each tile, also below an image's last.
    fn lines(&self, tiles: &std::ops::Range<usize>) -> impl Iterator<Item = usize> + use<'_, T> {
        let [_, height, width] = self.y.sizes;
        let first = self.tiling.tile(tiles.start);
        std::iter::successors(Some(first), |&tile| Some(self.tiling.after(tile))).flat_map(move |tile| {
            let row = (tile.n * self.y.sizes[0] + tile.d) * height + tile.h;
            (row..row + 4).map(move |row| row * width + tile.w)
        })
    }

    /// Asks for `width` lanes from `first` on of four outputs, so that they come while products are computed.
    fn ask_for(&self, position: usize, first: usize, width: usize) {
        for column in 0..4 {
            let at = (position + column) * self.y.k + first;
            simd::prefetch(self.y.data.wrapping_add(at).cast_const(), width);
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
    let [_, down, across] = weights.taps;
    // A filter's nine taps follow one another, if need be from the last to the first, unless somebody has moved axes.
    let is_flipped = [down, across] == [-3, -1];
    let is_dense = is_flipped || [down, across] == [3, 1];
    let mut filters = [[<S::Scalar as Real>::ZERO; MOST_LANES]; MOST_LANES];
    let mut taps = filters;
    let step = Transformed { c, vector: S::LANES }.point(vectors);
    // SAFETY: the taps, channels and lanes read exist; `to` holds the block.
    unsafe {
        for channel in channels {
            for vector in 0..vectors {
                let lane = first + vector * S::LANES;
                let from = weights.data.offset(lane as isize * weights.lane + channel as isize * weights.channel);
                let valid = S::LANES.min(k - lane);
                for (lane, filter) in filters.iter_mut().enumerate().take(valid) {
                    let from = from.offset(lane as isize * weights.lane);
                    // Weights come from far away: an optimizer has written them since they were read last.
                    S::prefetch(from.wrapping_offset(weights.channel));
                    if is_dense {
                        let from = from.offset(if is_flipped { -8 } else { 0 });
                        std::ptr::copy_nonoverlapping(from, filter.as_mut_ptr(), 9);
                    } else {
                        for (tap, to) in filter.iter_mut().enumerate().take(9) {
                            *to = *from.offset((tap / 3) as isize * down + (tap % 3) as isize * across);
                        }
                    }
                }
                let whole = 9 / S::LANES * S::LANES;
                for tap in (0..whole.max(1)).step_by(S::LANES) {
                    let to = taps[tap..].as_mut_ptr().cast();
                    S::transpose(
                        filters.as_ptr().cast::<S::Scalar>().add(tap),
                        MOST_LANES as isize,
                        valid,
                        to,
                        MOST_LANES,
                    );
                }
                // One tap is left where vectors have less than nine lanes.
                if (1..9).contains(&whole) {
                    for (filter, to) in filters.iter().zip(&mut taps[8]).take(S::LANES) {
                        *to = filter[8];
                    }
                }
                let tap = |at: usize| taps[if is_flipped { 8 - at } else { at }].as_ptr();
                let columns = three!(j => weight::<S>(three!(i => S::load(tap(3 * i + j)))));
                let mut to = Points { to: to.add((channel * vectors + vector) * S::LANES), step };
                weight_rows::<S>(&columns, |_, row| to.put::<S, 6>(row));
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
    let mut border = unsafe { Columns::<S, 6>::new() };
    for slot in 0..tiles.len() {
        tile = tiling.after(tile);
        let next = Window::<_, 6>::new(x, tile, tiling.origin);
        // SAFETY: the window's positions are valid for `c` channels; `to` for the block.
        unsafe {
            for channel in (0..c).step_by(S::LANES) {
                let to = Points { to: to.add(slot * channels + channel), step: apart(channels, S::LANES) };
                next.prefetch::<S>(channel);
                input_square::<S>(&from, [channel, (c - channel).min(S::LANES)], x.map, &mut border, to);
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
    (products, step): (*const S::Scalar, usize),
) {
    let (first, vectors) = block;
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
                let from = products.add(slot * step + vector * S::LANES);
                let point = apart(step, S::LANES);
                let lines: [_; 6] = std::array::from_fn(|i| in_register(from.add(6 * i * point)));
                // What is added at point (1, 1) comes out of the transform as it is, in each of the sums.
                let halves = six!(j => output::<S>(six!(i => {
                    let product = S::load(lines[i].add(j * point));
                    if i == 1 && j == 1 { S::add(product, bias) } else { product }
                })));
                if rows >= 4 && columns >= 4 && valid == S::LANES {
                    let line = y.sizes[2] * y.k;
                    // No closure: one that is not inlined is compiled without the level's instructions.
                    each_of_four!(4, i => {
                        let row = output::<S>(six!(j => halves[j][i]));
                        each_of_four!(4, j => {
                            let at = corner + i * line + j * y.k;
                            S::store(y.data.add(at), finished(&pass.finish, &bounds, [at, valid], row[j]));
                        });
                    });
                } else {
                    let mut sums = [[bias; 4]; 4];
                    output_rows::<S>(&halves, |i, row| sums[i] = row);
                    for (i, row) in sums.iter().enumerate().take(rows) {
                        for (j, &v) in row.iter().enumerate().take(columns) {
                            let at = corner + (i * y.sizes[2] + j) * y.k;
                            S::store_first(y.data.add(at), valid, finished(&pass.finish, &bounds, [at, valid], v));
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
        products: (*const T, usize),
    ) = outputs_kernel;
}
