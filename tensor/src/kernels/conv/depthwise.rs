//! Convolutions with one filter per channel, forward and input gradient: lanes run over channels, and a tile of pixels
//! shares each load of a weight. Bound by memory, so nothing is copied or padded (unless the input is mapped on the way):
//! borders use fewer taps instead.

use std::ops::Range;

use super::depthwise_tile;
use super::pack::Weights;
use super::pad::{Images, Window};
use super::plan::{Phase, Plan};
use super::tile::{Finish, Shape, Shared};
use super::unroll::each_of_eight;
use crate::kernels::norm::Bounds;
use crate::kernels::scratch::Scratch;
use crate::parallel;
use crate::simd::{Level, Real, Simd, dispatch};

/// Outputs that one task should at least write.
const TASK: usize = 1 << 15;

/// Weights in the order in which the kernel that serves `plan` reads them.
pub(super) fn packed<T: Real>(plan: &Plan, weights: Weights<T>) -> Scratch<T> {
    let shape = Shape::current::<T>();
    let packed = by_tap(plan, shape, weights);
    if depthwise_tile::suits(plan) {
        return depthwise_tile::packed(plan, shape.lanes, packed.as_slice(), shape.padded(plan.c));
    }
    packed
}

/// Weights as `[tap][channel]`, channels in whole vectors.
fn by_tap<T: Real>(plan: &Plan, shape: Shape, weights: Weights<T>) -> Scratch<T> {
    let [d, h, w] = plan.kernel;
    let channels = shape.padded(plan.c);
    let mut scratch = Scratch::<T>::new(d * h * w * channels);
    let to = scratch.as_mut_ptr();
    for tap in 0..d * h * w {
        let at = [tap / (h * w), tap / w % h, tap % w];
        let at: isize = (0..3).map(|axis| at[axis] as isize * weights.taps[axis]).sum();
        for channel in 0..channels {
            // SAFETY: the scratch holds every tap's channels, the tensor every tap of every channel.
            unsafe {
                *to.add(tap * channels + channel) = if channel < plan.c {
                    *weights.data.offset(at + channel as isize * weights.group)
                } else {
                    T::ZERO
                };
            }
        }
    }
    scratch
}

pub(super) struct Pass<'a, T> {
    pub(super) plan: &'a Plan,
    pub(super) x: Images<T>,
    pub(super) weights: *const T,
    /// Channels in whole vectors.
    pub(super) channels: usize,
    /// How the outputs of a row are cut, for each phase of the width.
    spans: &'a [Vec<Span>],
    pub(super) finish: Finish<T>,
    pub(super) out: Shared<T>,
    level: Level,
    tiles: bool,
}
// SAFETY: tasks read the inputs and write to disjoint outputs.
unsafe impl<T: Send> Send for Pass<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Pass<'_, T> {}

/// Some neighbouring pixels of a phase, which share each load of a weight.
#[derive(Clone, Debug)]
pub(super) struct Span {
    first: usize,
    /// 8, 4, 2 or 1.
    pixels: usize,
    /// Those of the phase's taps that are inside the row.
    taps: Range<usize>,
}

/// Cuts the outputs of `phase` in rows of `width` inputs.
fn spans(phase: &Phase, width: usize) -> Vec<Span> {
    let (mut spans, mut first) = (Vec::new(), 0);
    while first < phase.count {
        let taps = phase.inside(first, width);
        // As many as meet the same taps; the last pixel of a span decides for those before.
        let fits = |size: usize| first + size <= phase.count && phase.inside(first + size - 1, width) == taps;
        let pixels = [8, 4, 2].into_iter().find(|&size| fits(size)).unwrap_or(1);
        spans.push(Span { first, pixels, taps });
        first += pixels;
    }
    spans
}

/// `out = gather(x, weights)` where groups, input and output channels are as many; `out` is dense NHWC.
///
/// # Safety
/// As for `direct::run` with what [`packed`] made, and the channels of `x` follow one another; if `x` is mapped, there is one depth.
pub(super) unsafe fn run<T: Real>(plan: &Plan, x: Images<T>, packed: &Scratch<T>, finish: Finish<T>, out: *mut T) {
    let shape = Shape::current::<T>();
    let spans: Vec<_> = plan.axes[2].iter().map(|phase| spans(phase, plan.input[2])).collect();
    let pass = Pass {
        plan,
        x,
        weights: packed.as_ptr(),
        channels: shape.padded(plan.c),
        spans: &spans,
        finish,
        out: Shared(out),
        level: shape.level,
        tiles: depthwise_tile::suits(plan),
    };
    // Rows of the output, by depth and height together.
    let rows = plan.output[0] * plan.output[1];
    let most = (rows / 2).max(1);
    let bands = rows.div_ceil(TASK.div_ceil(plan.output[2] * plan.c)).min(most);
    let images = (TASK / (rows * plan.output[2] * plan.c).max(1)).max(1);
    parallel::for_each(plan.n.div_ceil(images) * bands, |task| {
        let (first, band) = (task / bands * images, task % bands);
        let band = band * rows / bands..(band + 1) * rows / bands;
        let mut mapped = None;
        for n in first..(first + images).min(plan.n) {
            // SAFETY: the caller's; tasks have their own rows.
            unsafe {
                let x = if pass.x.map.is_some() { pass.mapped(n, &band, &mut mapped) } else { pass.x };
                rows_at(pass.level, &Pass { x, ..pass }, n, band.clone());
            }
        }
    });
}

impl<T: Real> Pass<'_, T> {
    /// The rows of image `n` that the output rows `band` read, mapped into `room`.
    ///
    /// # Safety
    /// As for `run`.
    unsafe fn mapped(&self, n: usize, band: &Range<usize>, room: &mut Option<Scratch<T>>) -> Images<T> {
        let (plan, c) = (self.plan, self.x.channels);
        let [_, height, width] = plan.input;
        let reads = plan.reads(1, band);
        let reads = reads.start.clamp(0, height as isize)..reads.end.clamp(0, height as isize);
        let (size, row) = ([1, reads.len(), width], width * c);
        let room = room.get_or_insert_with(|| Scratch::new(height * row));
        // SAFETY: the scratch holds an image; the rows are inside it.
        unsafe {
            self.x.copy(n, &Window { first: [0, reads.start, 0], size, pitch: size }, room.as_mut_ptr(), T::ZERO)
        };
        let dense = Images::dense(room.as_ptr().wrapping_offset(-(reads.start * row as isize)), c, self.x.sizes);
        let [_, sc, sd, sh, sw] = dense.strides;
        Images { strides: [0, sc, sd, sh, sw], ..dense }
    }
}

/// One row of the filter over one row of the input.
#[derive(Clone, Copy)]
struct Line<T> {
    x: *const T,
    weights: *const T,
}

#[inline(always)]
unsafe fn rows_kernel<S: Simd>(pass: &Pass<'_, S::Scalar>, n: usize, rows: Range<usize>) {
    if pass.tiles {
        // SAFETY: the caller's, and the plan suits.
        return unsafe { depthwise_tile::rows::<S>(pass, n, rows) };
    }
    let plan = pass.plan;
    let [sn, _, sd, sh, _] = pass.x.strides;
    let phase_of = |axis: usize, at: usize| {
        let phases = &plan.axes[axis];
        let phase = &phases[at % phases.len()];
        (phase, at / phases.len())
    };
    let mut lines: Vec<Line<S::Scalar>> = Vec::new();
    for row in rows {
        let ((d, jd), (h, jh)) = (phase_of(0, row / plan.output[1]), phase_of(1, row % plan.output[1]));
        lines.clear();
        for &(tap_d, offset_d) in &d.taps {
            for &(tap_h, offset_h) in &h.taps {
                let at = [(d, jd, offset_d), (h, jh, offset_h)]
                    .map(|(phase, j, offset)| phase.in_first + (j * phase.in_step) as isize + offset);
                if (0..2).all(|axis| at[axis] >= 0 && at[axis] < plan.input[axis] as isize) {
                    let x = pass.x.data.wrapping_offset(n as isize * sn + at[0] * sd + at[1] * sh);
                    let tap = (tap_d * plan.kernel[1] + tap_h) * plan.kernel[2];
                    lines.push(Line { x, weights: pass.weights.wrapping_add(tap * pass.channels) });
                }
            }
        }
        let row = (n * plan.output[0] * plan.output[1] + row) * plan.output[2];
        for (phase, spans) in plan.axes[2].iter().zip(pass.spans) {
            for span in spans {
                let out = (row + phase.out_first + span.first * phase.out_step) * plan.c;
                let place = Place { phase, lines: &lines, span, out };
                // SAFETY: the caller's; the lines are inside the image, and the span's taps inside them.
                unsafe {
                    // Eight accumulators keep both arithmetic units busy: few pixels take several vectors of channels.
                    match span.pixels {
                        8 => span_kernel::<S, 8, 1>(pass, &place),
                        4 => span_kernel::<S, 4, 2>(pass, &place),
                        2 => span_kernel::<S, 2, 4>(pass, &place),
                        _ => span_kernel::<S, 1, 4>(pass, &place),
                    }
                }
            }
        }
    }
}
dispatch! {
    unsafe fn rows_at<T>(pass: &Pass<'_, T>, n: usize, rows: Range<usize>) = rows_kernel;
}

/// What a span is computed from.
struct Place<'a, T> {
    phase: &'a Phase,
    lines: &'a [Line<T>],
    span: &'a Span,
    /// Where the first pixel's output lies.
    out: usize,
}

/// All channels of the `P` pixels of a span, `V` vectors at a time.
#[inline(always)]
unsafe fn span_kernel<S: Simd, const P: usize, const V: usize>(
    pass: &Pass<'_, S::Scalar>,
    place: &Place<'_, S::Scalar>,
) {
    let c = pass.plan.c;
    let mut channel = 0;
    // SAFETY: the caller's; whole vectors are read and written only where all their channels exist.
    unsafe {
        while channel + V * S::LANES <= c {
            tile_kernel::<S, P, V>(pass, place, channel, S::LANES);
            channel += V * S::LANES;
        }
        while channel < c {
            tile_kernel::<S, P, 1>(pass, place, channel, (c - channel).min(S::LANES));
            channel += S::LANES;
        }
    }
}

/// `V` vectors of channels from `channel` on, each with `valid` lanes.
#[inline(always)]
unsafe fn tile_kernel<S: Simd, const P: usize, const V: usize>(
    pass: &Pass<'_, S::Scalar>,
    place: &Place<'_, S::Scalar>,
    channel: usize,
    valid: usize,
) {
    let (Place { phase, lines, span, out }, step) = (place, pass.x.strides[4]);
    let in_step = phase.in_step as isize * step;
    let out_step = phase.out_step * pass.plan.c;
    let origin = (phase.in_first + (span.first * phase.in_step) as isize) * step;
    // SAFETY: the caller's.
    unsafe {
        let load = |from: *const S::Scalar| if valid == S::LANES { S::load(from) } else { S::load_first(from, valid) };
        let mut acc = [[S::zero(); V]; P];
        if !pass.finish.bias.is_null() {
            each_of_eight!(V, v => {
                let bias = load(pass.finish.bias.add(channel + v * S::LANES));
                each_of_eight!(P, p => acc[p][v] = bias);
            });
        }
        for line in *lines {
            for &(tap, offset) in &phase.taps[span.taps.clone()] {
                let x = line.x.offset(origin + offset * step).add(channel);
                let weights = line.weights.add(tap * pass.channels + channel);
                each_of_eight!(V, v => {
                    let weight = S::load(weights.add(v * S::LANES));
                    each_of_eight!(P, p => {
                        let x = load(x.offset(p as isize * in_step).add(v * S::LANES));
                        acc[p][v] = S::fma(x, weight, acc[p][v]);
                    });
                });
            }
        }
        if let Some(line) = lines.last() {
            // The next row comes from far away, and pixels of many channels are too far apart to be foreseen.
            let next = line.x.wrapping_offset(pass.x.strides[3] + origin).wrapping_add(channel);
            each_of_eight!(P, p => each_of_eight!(V, v => {
                S::prefetch(next.wrapping_offset(p as isize * in_step).wrapping_add(v * S::LANES));
            }));
        }
        let to = out + channel;
        if !pass.finish.addend.is_null() {
            each_of_eight!(P, p => each_of_eight!(V, v => {
                let at = to + p * out_step + v * S::LANES;
                acc[p][v] = S::add(acc[p][v], load(pass.finish.addend.add(at)));
            }));
        }
        let bounds = Bounds::<S>::of(pass.finish.activation);
        each_of_eight!(P, p => each_of_eight!(V, v => {
            let (at, y) = (to + p * out_step + v * S::LANES, bounds.apply(acc[p][v]));
            if valid == S::LANES { S::store(pass.out.at(at), y) } else { S::store_first(pass.out.at(at), valid, y) }
        }));
    }
}
