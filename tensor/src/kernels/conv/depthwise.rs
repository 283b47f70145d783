//! Convolutions with one filter per channel, forward and input gradient: lanes run over channels, and a tile of pixels
//! shares each load of a weight. Bound by memory, so nothing is copied or padded: borders use fewer taps instead.

use std::ops::Range;

use super::pack::Weights;
use super::pad::Images;
use super::plan::{Phase, Plan};
use crate::kernels::scratch::Scratch;
use super::tile::{Finish, Shape, Shared};
use crate::parallel;
use crate::simd::{Level, Real, Simd, dispatch};

/// Outputs that one task should at least write.
const TASK: usize = 1 << 15;

/// Pixels that share a load of a weight.
const TILE: usize = 8;

/// Weights as `[tap][channel]`, channels in whole vectors.
pub(super) fn packed<T: Real>(plan: &Plan, shape: Shape, weights: Weights<T>) -> Scratch<T> {
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

struct Pass<'a, T> {
    plan: &'a Plan,
    x: Images<T>,
    weights: *const T,
    /// Channels in whole vectors.
    channels: usize,
    finish: Finish<T>,
    out: Shared<T>,
    level: Level,
}
// SAFETY: tasks read the inputs and write to disjoint outputs.
unsafe impl<T: Send> Send for Pass<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Pass<'_, T> {}

/// `out = gather(x, weights)` where groups, input and output channels are as many; `out` is dense NHWC.
///
/// # Safety
/// As for `direct::run`, and the channels of `x` follow one another.
pub(super) unsafe fn run<T: Real>(plan: &Plan, x: Images<T>, weights: Weights<T>, finish: Finish<T>, out: *mut T) {
    let shape = Shape::current::<T>();
    let packed = packed(plan, shape, weights);
    let pass = Pass {
        plan,
        x,
        weights: packed.as_ptr(),
        channels: shape.padded(plan.c),
        finish,
        out: Shared(out),
        level: shape.level,
    };
    // Rows of the output, by depth and height together.
    let rows = plan.output[0] * plan.output[1];
    let band = TASK.div_ceil(plan.output[2] * plan.c).min(rows);
    let bands = rows.div_ceil(band);
    let images = (TASK / (rows * plan.output[2] * plan.c).max(1)).max(1);
    parallel::for_each(plan.n.div_ceil(images) * bands, |task| {
        let (first, band) = (task / bands * images, task % bands * band..(task % bands * band + band).min(rows));
        for n in first..(first + images).min(plan.n) {
            // SAFETY: the caller's; tasks have their own rows.
            unsafe { rows_at(pass.level, &pass, n, band.clone()) };
        }
    });
}

/// One row of the filter over one row of the input.
#[derive(Clone, Copy)]
struct Line<T> {
    x: *const T,
    weights: *const T,
}

#[inline(always)]
unsafe fn rows_kernel<S: Simd>(pass: &Pass<'_, S::Scalar>, n: usize, rows: Range<usize>) {
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
        let row = n * plan.output[0] * plan.output[1] + row;
        for phase in &plan.axes[2] {
            // SAFETY: the caller's; the lines are inside the image.
            unsafe { line_kernel::<S>(pass, phase, &lines, row * plan.output[2]) };
        }
    }
}
dispatch! {
    unsafe fn rows_at<T>(pass: &Pass<'_, T>, n: usize, rows: Range<usize>) = rows_kernel;
}

/// The outputs of one phase in the row that starts at pixel `first`.
#[inline(always)]
unsafe fn line_kernel<S: Simd>(pass: &Pass<'_, S::Scalar>, phase: &Phase, lines: &[Line<S::Scalar>], first: usize) {
    let width = pass.plan.input[2];
    let mut j = 0;
    while j < phase.count {
        let taps = phase.inside(j, width);
        let mut pixels = 1;
        if taps.len() == phase.taps.len() {
            // As many as have all taps inside; the last pixel of a tile decides for those before.
            for size in [TILE, 4, 2] {
                if j + size <= phase.count && phase.inside(j + size - 1, width) == taps {
                    pixels = size;
                    break;
                }
            }
        }
        let span = Span { j, taps, out: (first + phase.out_first + j * phase.out_step) * pass.plan.c };
        // SAFETY: the caller's; the taps of `span` are inside for all its pixels.
        unsafe {
            match pixels {
                TILE => tile_kernel::<S, TILE>(pass, phase, lines, &span),
                4 => tile_kernel::<S, 4>(pass, phase, lines, &span),
                2 => tile_kernel::<S, 2>(pass, phase, lines, &span),
                _ => tile_kernel::<S, 1>(pass, phase, lines, &span),
            }
        }
        j += pixels;
    }
}

/// Some neighbouring pixels of a phase.
struct Span {
    j: usize,
    /// Those of the phase's taps that are inside the row.
    taps: Range<usize>,
    /// Where the first pixel's output lies.
    out: usize,
}

#[inline(always)]
unsafe fn tile_kernel<S: Simd, const P: usize>(
    pass: &Pass<'_, S::Scalar>,
    phase: &Phase,
    lines: &[Line<S::Scalar>],
    span: &Span,
) {
    let (c, step) = (pass.plan.c, pass.x.strides[4]);
    let in_step = phase.in_step as isize * step;
    let out_step = phase.out_step * c;
    let origin = (phase.in_first + (span.j * phase.in_step) as isize) * step;
    let mut channel = 0;
    while channel < c {
        let valid = (c - channel).min(S::LANES);
        // SAFETY: the span's pixels and taps are inside the row; whole vectors are read and written only where all
        // their channels exist.
        unsafe {
            let mut acc = [S::zero(); P];
            if !pass.finish.bias.is_null() {
                acc = [S::load_first(pass.finish.bias.add(channel), valid); P];
            }
            for line in lines {
                for &(tap, offset) in &phase.taps[span.taps.clone()] {
                    let weight = S::load(line.weights.add(tap * pass.channels + channel));
                    let x = line.x.offset(origin + offset * step).add(channel);
                    if valid == S::LANES {
                        for (p, acc) in acc.iter_mut().enumerate() {
                            *acc = S::fma(S::load(x.offset(p as isize * in_step)), weight, *acc);
                        }
                    } else {
                        for (p, acc) in acc.iter_mut().enumerate() {
                            *acc = S::fma(S::load_first(x.offset(p as isize * in_step), valid), weight, *acc);
                        }
                    }
                }
            }
            if pass.finish.relu {
                for acc in &mut acc {
                    *acc = S::max(S::zero(), *acc);
                }
            }
            let out = pass.out.at(span.out + channel);
            for (p, &acc) in acc.iter().enumerate() {
                if valid == S::LANES {
                    S::store(out.add(p * out_step), acc);
                } else {
                    S::store_first(out.add(p * out_step), valid, acc);
                }
            }
        }
        channel += S::LANES;
    }
}
