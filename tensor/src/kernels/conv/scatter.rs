//! The input gradient of convolutions with few input channels and wide filters, where lanes over channels would be
//! empty: lanes run over all channels of a filter's row, `kw * c` of them, which are neighbours in NHWC.
//!
//! Column `o` of the output contributes to a row of the result `products[o][tap * c + channel]`, the sum of
//! `g[row][o][k] w[k][channel][row's tap][tap]` over `k` and over those rows of `g` that meet the result's row: a
//! matrix product, which the [`gather`] micro-kernel computes. Its place in the result's row is
//! `(o * stride - padding) * c`, whatever the stride is, and each vector of the result is then the sum of the products
//! that lie over it.

use std::iter::repeat;
use std::ops::Range;

use super::pack::Weights;
use super::pad::Images;
use super::plan::{Phase, Plan};
use super::planar;
use super::problem::Problem;
use super::tile::{Finish, Gather, Shape, Shared, gather};
use crate::kernels::norm::{Activation, Bounds};
use crate::kernels::scratch::Scratch;
use crate::parallel;
use crate::simd::{Level, Real, Simd, dispatch};

/// Multiplications that one task should at least do.
const TASK: usize = 1 << 19;

/// Elements that the products of one segment of a row may have: they should stay in the second-level cache. What is cut
/// here can be divided among threads, too.
const RESIDENT: usize = 1 << 15;

/// Whether this method is likely the fastest for the input gradient of `p`, whose plan is `plan`.
pub(super) fn suits<T: Real>(p: &Problem, plan: &Plan) -> bool {
    if p.groups > 1 || p.dilation[2] > 1 || p.kernel[2] == 1 || p.k < 4 {
        return false;
    }
    // Lanes that each method multiplies for a row of `g`, a row of the filter and a `k`, empty ones as well.
    let shape = Shape::current::<T>();
    let own = shape.padded(p.kernel[2] * p.c) * p.output[2];
    let widths = plan.axes[2].iter();
    if planar::suits::<T>(plan) {
        let planar = p.c * widths.map(|phase| phase.taps.len() * shape.padded(phase.count)).sum::<usize>();
        // What a lane costs there, in tenths of one here, as measured with 16 registers, where few channels are few
        // sums at a time and large strides part what is stored, and without vector instructions.
        let tenths = match shape.level {
            Level::Portable => 5,
            Level::Avx2 => [20, 15, 11, 11, 11, 10][p.c.min(6) - 1] + if p.stride[2] > 2 { 3 } else { 0 },
            Level::Avx512 | Level::Neon => 10,
        };
        10 * own <= tenths * planar
    } else {
        let direct = shape.padded(p.c) * widths.map(|phase| phase.taps.len() * phase.count).sum::<usize>();
        // Short products are outweighed by what it takes to add them up.
        p.k >= 8 && p.kernel[2] > 2 && 10 * own <= 9 * direct
    }
}

/// `weights` in the order in which the micro-kernel reads them: `[phase][block][filter's row][k][lane]`, where lanes
/// are the taps and channels of a filter's row, filled up with zeros.
///
/// # Safety
/// The weights are valid for reads as `p` says.
pub(super) unsafe fn packed<T: Real>(p: &Problem, weights: Weights<T>) -> Scratch<T> {
    let (shape, plan) = (Shape::current::<T>(), Plan::input_grad(p));
    let run = p.kernel[2] * p.c;
    let mut scratch = Scratch::<T>::new(p.kernel[0] * p.kernel[1] * p.k * shape.padded(run));
    let to = scratch.as_mut_slice();
    to.fill(T::ZERO);
    let mut at = 0;
    for (d, h) in plan.axes[0].iter().flat_map(|d| plan.axes[1].iter().map(move |h| (d, h))) {
        for (first, vectors) in shape.blocks(run) {
            let width = vectors * shape.lanes;
            for (tap_d, tap_h) in d.taps.iter().flat_map(|d| h.taps.iter().map(move |h| (d.0, h.0))) {
                let row = tap_d as isize * weights.taps[0] + tap_h as isize * weights.taps[1];
                for lane in first..run.min(first + width) {
                    let (tap, channel) = ((lane / p.c) as isize, (lane % p.c) as isize);
                    let from = row + tap * weights.taps[2] + channel * weights.lane;
                    for k in 0..p.k {
                        // SAFETY: the tap and the channels exist.
                        to[at + k * width + lane - first] =
                            unsafe { *weights.data.offset(from + k as isize * weights.channel) };
                    }
                }
                at += p.k * width;
            }
        }
    }
    scratch
}

/// A matrix product that goes into the products of a row: taps along the height that follow one another.
struct Part {
    /// Where its first pixel lies in an image of `g`.
    from: usize,
    /// The filter's rows in the phases before, in its own, and in its own before its first tap.
    rows: [usize; 3],
    taps: usize,
}

/// Columns of the result that are summed at a time, and what they take.
struct Segment {
    /// Their elements in a row.
    elements: Range<usize>,
    /// The pixels over them.
    pixels: Range<usize>,
    /// How many of these go together, for blocks of one vector and of two.
    tiles: [Vec<usize>; 2],
    /// For each vector, where the products over it lie: `over` of them, where zeros fill up.
    places: Vec<usize>,
    over: usize,
}

struct Pass<'a, T> {
    p: &'a Problem,
    shape: Shape,
    g: Images<T>,
    weights: &'a Scratch<T>,
    finish: Finish<T>,
    /// The bias for each element of a row, or nothing.
    bias: Vec<T>,
    parts: Vec<Part>,
    /// The parts of each row of an image.
    rows: Vec<Range<usize>>,
    /// From a part's first row of `g` to the others.
    between: Vec<usize>,
    segments: Vec<Segment>,
    /// From the products of a pixel to those of the next.
    pitch: usize,
    out: Shared<T>,
}
// SAFETY: tasks read the inputs and write to outputs of their own.
unsafe impl<T: Send> Send for Pass<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Pass<'_, T> {}

/// The input gradient of `p`, dense NHWC, for weights that [`packed`] prepared.
///
/// # Safety
/// `g` is valid for reads as `p` says and dense, `finish.bias` is null or valid for `p.c` elements, `out` is valid for
/// writes; there is no addend.
pub(super) unsafe fn run<T: Real>(p: &Problem, g: Images<T>, weights: &Scratch<T>, finish: Finish<T>, out: *mut T) {
    debug_assert!(g.is_dense(p.n), "scatter: pixels do not follow one another");
    let (shape, plan) = (Shape::current::<T>(), Plan::input_grad(p));
    let row = p.input[2] * p.c;
    // SAFETY: the caller's.
    let bias = |i: usize| unsafe { *finish.bias.add(i % p.c) };
    let (mut parts, mut rows) = (Vec::new(), Vec::new());
    for d in 0..p.input[0] {
        for h in 0..p.input[1] {
            let first = parts.len();
            parts_of(p, &plan, [d, h], &mut parts);
            rows.push(first..parts.len());
        }
    }
    // Taps of a phase are equally far apart, in every phase.
    let steps = plan.axes[1].iter().find(|phase| phase.taps.len() > 1);
    let steps = steps.map_or(0, |phase| (phase.taps[1].1 - phase.taps[0].1) as usize) * p.output[2] * p.k;
    // A vector that begins before a pixel's products or ends behind them reads zeros there.
    let pitch = shape.padded(p.kernel[2] * p.c) + shape.lanes;
    let columns = row.div_ceil((pitch * p.output[2]).div_ceil(RESIDENT)).next_multiple_of(shape.lanes);
    let segments = (0..row).step_by(columns).map(|first| segment(p, shape, pitch, first..row.min(first + columns)));
    let pass = Pass {
        p,
        shape,
        g,
        weights,
        finish,
        bias: if finish.bias.is_null() { Vec::new() } else { (0..shape.padded(row)).map(bias).collect() },
        parts,
        rows,
        between: (0..p.kernel[1]).map(|tap| tap * steps).collect(),
        segments: segments.collect(),
        pitch,
        out: Shared(out),
    };
    let pixels = pass.segments.iter().map(|segment| segment.pixels.len()).max().unwrap_or(0);
    let units = p.n * pass.rows.len() * pass.segments.len();
    let together = (TASK * units / p.work().max(1)).max(1);
    parallel::for_each(units.div_ceil(together), |task| {
        let mut products = Scratch::<T>::new(shape.lanes + pixels * pitch);
        // What lies between the products of two pixels stays 0.
        products.as_mut_slice().fill(T::ZERO);
        for unit in task * together..((task + 1) * together).min(units) {
            let (row, segment) = (unit / pass.segments.len(), &pass.segments[unit % pass.segments.len()]);
            // SAFETY: the caller's; the scratch holds a segment's products, and each task has units of its own.
            unsafe { pass.unit(row, segment, products.as_mut_ptr()) };
        }
    });
}

fn segment(p: &Problem, shape: Shape, pitch: usize, elements: Range<usize>) -> Segment {
    let (run, step) = (p.kernel[2] * p.c, p.stride[2] * p.c);
    // The pixels over the elements `first..end`.
    let over = |first: usize, end: usize| {
        let (first, end) = (first + p.padding[2] * p.c, end + p.padding[2] * p.c);
        let start = if first < run { 0 } else { (first - run) / step + 1 };
        let end = end.div_ceil(step).min(p.output[2]);
        start.min(end)..end
    };
    let pixels = over(elements.start, elements.end.next_multiple_of(shape.lanes));
    let vectors = elements.clone().step_by(shape.lanes).map(|first| (first, over(first, first + shape.lanes)));
    let most = vectors.clone().map(|(_, over)| over.len()).max().unwrap_or(0);
    let places = vectors.flat_map(|(first, over)| {
        let from = shape.lanes + first + p.padding[2] * p.c;
        let start = pixels.start;
        over.map(move |pixel| from + (pixel - start) * pitch - pixel * step).chain(repeat(0)).take(most)
    });
    let tiles = |vectors| shape.tiles(pixels.len(), vectors).map(|tile| tile.1).collect();
    Segment { places: places.collect(), over: most, elements, tiles: [1, 2].map(tiles), pixels }
}

/// Appends the parts of the row at `[d, h]` of an image.
fn parts_of(p: &Problem, plan: &Plan, at: [usize; 2], parts: &mut Vec<Part>) {
    // The phase, the position in it, and the taps of all phases before and of all phases.
    let [d, h] = [0, 1].map(|axis| {
        let phases = &plan.axes[axis];
        let index = at[axis] % phases.len();
        let taps = |phases: &[Phase]| phases.iter().map(|phase| phase.taps.len()).sum::<usize>();
        (&phases[index], at[axis] / phases.len(), taps(&phases[..index]), taps(phases))
    });
    let [taps_d, taps_h] = [d.0.inside(d.1, p.output[0]), h.0.inside(h.1, p.output[1])];
    if taps_h.is_empty() {
        return;
    }
    let from = |(phase, j, ..): (&Phase, usize, usize, usize), tap: usize| {
        (phase.in_first + j as isize + phase.taps[tap].1) as usize
    };
    for tap in taps_d {
        parts.push(Part {
            from: (from(d, tap) * p.output[1] + from(h, taps_h.start)) * p.output[2] * p.k,
            rows: [
                d.2 * h.3 + d.0.taps.len() * h.2,
                d.0.taps.len() * h.0.taps.len(),
                tap * h.0.taps.len() + taps_h.start,
            ],
            taps: taps_h.len(),
        });
    }
}

impl<T: Real> Pass<'_, T> {
    /// A segment of row `row` of all images.
    ///
    /// # Safety
    /// As for [`run`]; `products` is valid for a segment's, with zeros before and between the pixels, and no other task
    /// has these outputs.
    unsafe fn unit(&self, row: usize, segment: &Segment, products: *mut T) {
        let (p, shape) = (self.p, self.shape);
        let (n, row_of_image) = (row / self.rows.len(), row % self.rows.len());
        let padded = self.pitch - shape.lanes;
        let parts = &self.parts[self.rows[row_of_image].clone()];
        // SAFETY: `g` has the parts' rows and pixels, the weights their taps, and `products` room for `padded` lanes of
        // each of the segment's pixels.
        unsafe {
            let g = self.g.data.offset(n as isize * self.g.strides[0]).add(segment.pixels.start * p.k);
            for (first, vectors) in shape.blocks(padded) {
                let width = vectors * shape.lanes;
                for (i, part) in parts.iter().enumerate() {
                    let [before, own, tap] = part.rows;
                    let mut call = Gather {
                        a: g.add(part.from),
                        a_step: p.k,
                        rows: &self.between[..part.taps],
                        run: p.k,
                        b: self.weights.as_ptr().add((before * padded + own * first + tap * width) * p.k),
                        out: products.add(shape.lanes + first),
                        out_step: self.pitch,
                        lanes: width,
                        finish: Finish::NONE,
                    };
                    for &pixels in &segment.tiles[vectors - 1] {
                        if i > 0 {
                            call.finish.addend = call.out;
                        }
                        gather(shape.level, pixels, vectors, &call);
                        call.a = call.a.wrapping_add(pixels * p.k);
                        call.out = call.out.wrapping_add(pixels * self.pitch);
                    }
                }
            }
            let to = self.out.at(row * p.input[2] * p.c + segment.elements.start);
            sum_at(shape.level, self, segment, !parts.is_empty(), products, to);
        }
    }
}

dispatch! {
    unsafe fn sum_at<T>(
        pass: &Pass<'_, T>,
        segment: &Segment,
        meets: bool,
        products: *mut T,
        to: *mut T,
    ) = sum_kernel;
}

/// Outputs from the products over them, or without any where no row of `g` meets theirs.
#[inline(always)]
unsafe fn sum_kernel<S: Simd>(
    pass: &Pass<'_, S::Scalar>,
    segment: &Segment,
    meets: bool,
    products: *mut S::Scalar,
    to: *mut S::Scalar,
) {
    // SAFETY: the caller's: `products` holds the segment's pixels, over which its places lie, each with a vector of
    // zeros before and behind it, and `to` its elements; the bias has whole vectors.
    unsafe {
        let run = pass.p.kernel[2] * pass.p.c;
        if meets && run % S::LANES != 0 {
            // The lanes that fill up the last vector hold 0 times `g`, which is not 0 where that is infinite or NaN.
            for pixel in 0..segment.pixels.len() {
                S::store(products.add(S::LANES + pixel * pass.pitch + run), S::zero());
            }
        }
        let bounds = Bounds::<S>::of(pass.finish.activation);
        let over = if meets { segment.over } else { 0 };
        let mut places = segment.places.as_ptr();
        for first in segment.elements.clone().step_by(S::LANES) {
            let mut sum = S::zero();
            for i in 0..over {
                sum = S::add(sum, S::load(products.add(*places.add(i))));
            }
            places = places.add(over);
            if !pass.bias.is_empty() {
                sum = S::add(sum, S::load(pass.bias.as_ptr().add(first)));
            }
            if pass.finish.activation != Activation::Identity {
                sum = bounds.apply(sum);
            }
            let to = to.add(first - segment.elements.start);
            let left = segment.elements.end - first;
            if left >= S::LANES {
                S::store(to, sum);
            } else {
                S::store_first(to, left, sum);
            }
        }
    }
}
