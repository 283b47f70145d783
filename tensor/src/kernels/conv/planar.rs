//! Dense convolution with few output channels, where lanes over channels would be empty: lanes run over pixels of a row
//! instead. Serves the forward pass into few channels and the input gradient of first layers, where `scatter.rs` would
//! leave more lanes empty.
//!
//! The input is turned into planes `[c][d][h][w]` with zeros around, image by image; each product is a weight, broadcast,
//! times a vector of neighbouring pixels.

use std::ops::Range;

use super::pack::Weights;
use super::pad::Images;
use super::plan::{Phase, Plan};
use super::planes::{CHANNELS, Planes, by_channels, interleave};
use super::tile::{Finish, Shape, Shared};
use super::unroll::each_of_eight;
use crate::kernels::norm::{Activation, Bounds};
use crate::kernels::scratch::Scratch;
use crate::parallel;
use crate::simd::{Level, Real, Simd, dispatch};

/// Multiplications that one task should at least do.
const TASK: usize = 1 << 19;

/// Whether this method is likely the fastest for `plan`.
pub(super) fn suits<T: Real>(plan: &Plan) -> bool {
    let shape = Shape::current::<T>();
    // One block of channels, even where they fill most of a short vector: with 6 of 8 lanes the direct method took 1.8
    // times as long.
    let most = (shape.lanes / 2).max(CHANNELS.min(shape.lanes));
    // Rows must fill vectors, or nothing is won.
    let fills = plan.axes[2][0].count * 2 > shape.lanes;
    plan.groups == 1 && plan.k <= most && fills && plan.axes[2].iter().all(|phase| phase.in_step == 1)
}

/// A phase, ready for the kernel.
struct Ready<'a, T> {
    axes: [&'a Phase; 3],
    /// Where each product's pixels start, from the vector's first output on; by depth, height, channel, width, so that
    /// the taps of one row follow one another.
    offsets: Vec<usize>,
    /// `[product][k]`.
    weights: Vec<T>,
}

impl<T> Ready<'_, T> {
    /// The products that may differ from 0 in row `jh`: all of them if there are several depths, else those whose tap
    /// lies in one of the input's rows.
    fn products(&self, plan: &Plan, jh: usize) -> Range<usize> {
        let [d, h, _] = self.axes;
        if d.taps.len() != 1 || h.taps.is_empty() {
            return 0..self.offsets.len();
        }
        let per_row = self.offsets.len() / h.taps.len();
        let rows = h.inside(jh, plan.input[1]);
        rows.start * per_row..rows.end * per_row
    }
}

struct Pass<'a, T> {
    plan: &'a Plan,
    x: Images<T>,
    planes: Planes,
    phases: Vec<Ready<'a, T>>,
    finish: Finish<T>,
    out: Shared<T>,
    level: Level,
}
// SAFETY: tasks read the inputs and write to images of their own.
unsafe impl<T: Send> Send for Pass<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Pass<'_, T> {}

/// `out = gather(x, weights)` for one group; `out` is dense NHWC.
///
/// # Safety
/// As for `direct::run`; there is no addend.
pub(super) unsafe fn run<T: Real>(plan: &Plan, x: Images<T>, weights: Weights<T>, finish: Finish<T>, out: *mut T) {
    let shape = Shape::current::<T>();
    let reads: [Range<isize>; 3] = std::array::from_fn(|axis| plan.reads(axis, &(0..plan.output[axis])));
    let planes = Planes::new(reads);
    // SAFETY: the caller's.
    let phases = plan.phases().map(|axes| unsafe { ready(plan, axes, &planes, weights) }).collect();
    let pass = Pass { plan, x, planes, phases, finish, out: Shared(out), level: shape.level };
    let images = (TASK * plan.n / plan.work.max(1)).max(1);
    parallel::for_each(plan.n.div_ceil(images), |task| {
        // Vectors at the end of the last row read beyond it.
        let mut planes = Scratch::<T>::new(plan.c * pass.planes.plane + shape.lanes);
        // What lies outside the image stays 0.
        planes.as_mut_slice().fill(T::ZERO);
        for n in task * images..((task + 1) * images).min(plan.n) {
            // SAFETY: the caller's; the scratch holds the planes.
            unsafe {
                pass.planes.copy(&pass.x, n, planes.as_mut_ptr());
                image_at(pass.level, &pass, n, planes.as_ptr());
            }
        }
    });
}

/// # Safety
/// The weights are valid for reads as `plan` describes.
unsafe fn ready<'a, T: Real>(plan: &Plan, axes: [&'a Phase; 3], planes: &Planes, weights: Weights<T>) -> Ready<'a, T> {
    let [d, h, w] = axes;
    let mut ready = Ready { axes, offsets: Vec::new(), weights: Vec::new() };
    let first = |phase: &Phase| phase.taps.first().map_or(0, |tap| tap.1);
    for tap_d in &d.taps {
        for tap_h in &h.taps {
            for c in 0..plan.c {
                for tap_w in &w.taps {
                    let row = (tap_d.1 - first(d)) as usize * planes.size[1] + (tap_h.1 - first(h)) as usize;
                    ready.offsets.push(c * planes.plane + row * planes.size[2] + (tap_w.1 - first(w)) as usize);
                    let at = c as isize * weights.channel
                        + tap_d.0 as isize * weights.taps[0]
                        + tap_h.0 as isize * weights.taps[1]
                        + tap_w.0 as isize * weights.taps[2];
                    // SAFETY: the channel, tap and lanes exist.
                    ready
                        .weights
                        .extend((0..plan.k as isize).map(|k| unsafe { *weights.data.offset(at + k * weights.lane) }));
                }
            }
        }
    }
    ready
}

#[inline(always)]
unsafe fn image_kernel<S: Simd>(pass: &Pass<'_, S::Scalar>, n: usize, planes: *const S::Scalar) {
    let plan = pass.plan;
    let size = pass.planes.size;
    // Where the vectors of a phase read and write, and how many lanes of them count.
    let mut vectors: Vec<Place> = Vec::new();
    for ready in &pass.phases {
        let [d, h, w] = ready.axes;
        vectors.clear();
        let start = |axis: usize, phase: &Phase, j: usize| {
            if ready.offsets.is_empty() { 0 } else { (phase.reads_from(j) - pass.planes.first[axis]) as usize }
        };
        for jd in 0..d.count {
            for jh in 0..h.count {
                let row = (n * plan.output[0] + d.out_first + jd * d.out_step) * plan.output[1];
                let row = (row + h.out_first + jh * h.out_step) * plan.output[2] + w.out_first;
                let from = (start(0, d, jd) * size[1] + start(1, h, jh)) * size[2];
                let products = ready.products(plan, jh);
                for jw in (0..w.count).step_by(S::LANES) {
                    vectors.push(Place {
                        from: from + start(2, w, jw),
                        to: (row + jw * w.out_step) * plan.k,
                        valid: (w.count - jw).min(S::LANES),
                        products: products.clone(),
                    });
                }
            }
        }
        let mut channel = 0;
        while channel < plan.k {
            // Blocks of nearly equal width.
            let blocks = (plan.k - channel).div_ceil(CHANNELS);
            let channels = (plan.k - channel).div_ceil(blocks);
            let tile = Tile { pass, ready, channel, planes };
            let most = match (S::REGISTERS >= 32, channels) {
                (true, 1 | 2) => 8,
                (true, _) => 4,
                (false, _) => 2,
            };
            let mut rest = &vectors[..];
            while !rest.is_empty() {
                // Places with the same products share a tile, and two in any case.
                let same = rest.iter().take(most).take_while(|place| place.products == rest[0].products).count();
                let (places, others) = rest.split_at(same.max(2.min(rest.len())));
                rest = others;
                // SAFETY: the caller's; the places are those of this image.
                unsafe {
                    match (most, channels, places.len()) {
                        (8, 1, 3..) => tile_at::<S::Scalar, 1, 8>(S::LEVEL, &tile, places),
                        (8, 2, 3..) => tile_at::<S::Scalar, 2, 8>(S::LEVEL, &tile, places),
                        (4, _, 3..) => by_channels!(tile_at, channels, 4, &tile, places),
                        _ => by_channels!(tile_at, channels, 2, &tile, places),
                    }
                }
            }
            channel += channels;
        }
    }
}
dispatch! {
    unsafe fn tile_at<T>[const K: usize, const V: usize](tile: &Tile<'_, T>, places: &[Place]) = tile_kernel;
}
dispatch! {
    unsafe fn image_at<T>(pass: &Pass<'_, T>, n: usize, planes: *const T) = image_kernel;
}

/// A vector of outputs.
#[derive(Clone, Debug)]
struct Place {
    from: usize,
    to: usize,
    valid: usize,
    /// Those that may differ from 0.
    products: Range<usize>,
}

/// What the tiles of a phase and of a block of channels share.
struct Tile<'a, T> {
    pass: &'a Pass<'a, T>,
    ready: &'a Ready<'a, T>,
    channel: usize,
    planes: *const T,
}

/// `K` channels of up to `V` vectors of outputs.
#[inline(always)]
unsafe fn tile_kernel<S: Simd, const K: usize, const V: usize>(tile: &Tile<'_, S::Scalar>, places: &[Place]) {
    // A constant block, so that tiles too large for a level cost no code there.
    if const { V > 2 && S::REGISTERS < 32 } {
        unreachable!("planar: {K} x {V} accumulators do not fit {} registers", S::REGISTERS);
    }
    let Tile { pass, ready, channel, planes } = *tile;
    let k = pass.plan.k;
    // SAFETY: the caller's; a missing place repeats the last one, whose result is not stored.
    unsafe {
        let mut from = [planes; V];
        each_of_eight!(V, v => from[v] = planes.add(places[v.min(places.len() - 1)].from));
        let mut acc = [[S::zero(); V]; K];
        let products = places.iter().map(|place| place.products.clone());
        let products = products.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).unwrap_or(0..0);
        let mut weights = ready.weights.as_ptr().wrapping_add(products.start * k + channel);
        for &offset in &ready.offsets[products] {
            let mut x = [S::zero(); V];
            each_of_eight!(V, v => x[v] = S::load(from[v].add(offset)));
            each_of_eight!(K, c => {
                let weight = S::splat(*weights.add(c));
                each_of_eight!(V, v => acc[c][v] = S::fma(weight, x[v], acc[c][v]));
            });
            weights = weights.wrapping_add(k);
        }
        if !pass.finish.bias.is_null() {
            each_of_eight!(K, c => {
                let bias = S::splat(*pass.finish.bias.add(channel + c));
                each_of_eight!(V, v => acc[c][v] = S::add(acc[c][v], bias));
            });
        }
        if pass.finish.activation != Activation::Identity {
            let bounds = Bounds::<S>::of(pass.finish.activation);
            each_of_eight!(K, c => each_of_eight!(V, v => acc[c][v] = bounds.apply(acc[c][v])));
        }
        let step = ready.axes[2].out_step * k;
        each_of_eight!(V, v => if let Some(place) = places.get(v) {
            let to = pass.out.at(place.to + channel);
            if step == 1 {
                S::store_first(to, place.valid, acc[0][v]);
            } else {
                let mut lanes = [S::zero(); K];
                each_of_eight!(K, c => lanes[c] = acc[c][v]);
                interleave::<S, K>(&lanes, place.valid, to, step);
            }
        });
    }
}
