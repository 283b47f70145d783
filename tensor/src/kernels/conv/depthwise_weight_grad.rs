//! The weight gradient of convolutions with one filter per channel: lanes run over channels, each row of the output
//! gradient meets the input rows that its filter rows read, and sums stay in registers along a row.

use std::ops::Range;

use super::pad::{Images, Window};
use super::plan::{Phase, Plan};
use super::problem::Problem;
use super::tile::{Shape, Shared};
use crate::kernels::scratch::Scratch;
use crate::parallel;
use crate::simd::{Real, Simd, dispatch};

/// Groups of images that are summed apart, at most.
const GROUPS: usize = 8;

/// Outputs that one task should at least read.
const TASK: usize = 1 << 15;

struct Pass<'a, T> {
    p: &'a Problem,
    plan: &'a Plan,
    x: Images<T>,
    g: Images<T>,
    /// Channels in whole vectors.
    channels: usize,
}

/// `dw`, dense as `[c, 1, *kernel]`, where groups, input and output channels are as many.
///
/// Images are divided into `most` groups at most.
///
/// # Safety
/// `x` and `g` are valid for reads as `p` describes, and their channels follow one another; if `x` is mapped, there is
/// one depth.
pub(super) unsafe fn run<T: Real>(p: &Problem, x: Images<T>, g: Images<T>, most: usize, dw: &mut [T]) {
    let shape = Shape::current::<T>();
    let plan = Plan::forward(p);
    let channels = shape.padded(p.c);
    let size = p.taps() * channels;
    // Rows of all images are divided into groups by sizes alone.
    let rows = p.n * p.output[0] * p.output[1];
    let groups = (rows * p.output[2] * p.c / TASK).clamp(1, GROUPS.min(most)).min(rows);
    let mut sums = Scratch::<T>::new(groups * size);
    let to = Shared(sums.as_mut_ptr());
    let pass = Pass { p, plan: &plan, x, g, channels };
    parallel::for_each(groups, |group| {
        let rows = group * rows / groups..(group + 1) * rows / groups;
        // SAFETY: the caller's; each task has sums of its own.
        unsafe { rows_at(shape.level, &pass, rows, to.at(group * size)) };
    });
    let sums = sums.as_slice();
    for (at, dw) in dw.iter_mut().enumerate() {
        let (channel, tap) = (at / p.taps(), at % p.taps());
        let place = tap * channels + channel;
        *dw = (1..groups).fold(sums[place], |sum, group| sum + sums[group * size + place]);
    }
}

#[inline(always)]
unsafe fn rows_kernel<S: Simd>(pass: &Pass<'_, S::Scalar>, rows: Range<usize>, sums: *mut S::Scalar) {
    let (p, [d, h, w]) = (pass.p, [0, 1, 2].map(|axis| &pass.plan.axes[axis][0]));
    // SAFETY: the sums hold every tap's channels.
    unsafe { std::ptr::write_bytes(sums, 0, p.taps() * pass.channels) };
    let inner = w.interior(p.input[2]);
    let mut mapped = pass.x.map.map(|_| MappedRows::new(p));
    for row in rows {
        let (n, od, oh) = (row / (p.output[0] * p.output[1]), row / p.output[1] % p.output[0], row % p.output[1]);
        let g = pass.g.data.wrapping_offset(
            n as isize * pass.g.strides[0] + od as isize * pass.g.strides[2] + oh as isize * pass.g.strides[3],
        );
        for &(tap_d, offset_d) in &d.taps {
            for &(tap_h, offset_h) in &h.taps {
                let at = [
                    d.in_first + (od * d.in_step) as isize + offset_d,
                    h.in_first + (oh * h.in_step) as isize + offset_h,
                ];
                if (0..2).any(|axis| at[axis] < 0 || at[axis] >= p.input[axis] as isize) {
                    continue;
                }
                let x = match &mut mapped {
                    // SAFETY: the row is inside the image.
                    Some(mapped) => unsafe { mapped.row(&pass.x, n, at[1] as usize) },
                    None => pass.x.data.wrapping_offset(
                        n as isize * pass.x.strides[0] + at[0] * pass.x.strides[2] + at[1] * pass.x.strides[3],
                    ),
                };
                let tap = (tap_d * p.kernel[1] + tap_h) * p.kernel[2];
                let line = Line { x, g, sums: sums.wrapping_add(tap * pass.channels), inner: inner.clone() };
                // SAFETY: the caller's; both rows are inside their images.
                unsafe {
                    match w.taps.len() {
                        3 => line_kernel::<S, 3>(pass, w, &line, 0),
                        5 => line_kernel::<S, 5>(pass, w, &line, 0),
                        taps => {
                            for tap in 0..taps {
                                line_kernel::<S, 1>(pass, w, &line, tap);
                            }
                        }
                    }
                }
            }
        }
    }
}
dispatch! {
    unsafe fn rows_at<T>(pass: &Pass<'_, T>, rows: Range<usize>, sums: *mut T) = rows_kernel;
}

/// The rows of mapped inputs that a row of outputs meets, each mapped once.
struct MappedRows<T> {
    room: Scratch<T>,
    /// The image and row in each slot.
    slots: Vec<Option<(usize, usize)>>,
    /// Elements per row.
    row: usize,
}

impl<T: Real> MappedRows<T> {
    fn new(p: &Problem) -> MappedRows<T> {
        let (slots, row) = ((p.kernel[1] - 1) * p.dilation[1] + 1, p.input[2] * p.c);
        MappedRows { room: Scratch::new(slots * row), slots: vec![None; slots], row }
    }

    /// Row `h` of image `n`.
    ///
    /// # Safety
    /// The image is valid for reads.
    unsafe fn row(&mut self, x: &Images<T>, n: usize, h: usize) -> *const T {
        let slot = h % self.slots.len();
        let to = self.room.as_mut_ptr().wrapping_add(slot * self.row);
        if self.slots[slot].replace((n, h)) != Some((n, h)) {
            let size = [1, 1, x.sizes[2]];
            // SAFETY: the caller's; the slot holds a row.
            unsafe { x.copy(n, &Window { first: [0, h as isize, 0], size, pitch: size }, to, T::ZERO) };
        }
        to
    }
}

/// A row of inputs, a row of output gradients, and the sums of the filter row that joins them.
struct Line<T> {
    x: *const T,
    g: *const T,
    sums: *mut T,
    /// Outputs all of whose taps are inside the row.
    inner: Range<usize>,
}

/// Adds the products of `TAPS` taps from `first` on.
#[inline(always)]
unsafe fn line_kernel<S: Simd, const TAPS: usize>(
    pass: &Pass<'_, S::Scalar>,
    phase: &Phase,
    line: &Line<S::Scalar>,
    first: usize,
) {
    let (c, count, width) = (pass.p.c, phase.count, pass.p.input[2]);
    let g_step = pass.g.strides[4];
    let x_step = if pass.x.map.is_some() { c as isize } else { pass.x.strides[4] };
    let mut offsets = [0; TAPS];
    for (tap, offset) in offsets.iter_mut().enumerate() {
        *offset = phase.taps[first + tap].1 * x_step;
    }
    let mut channel = 0;
    while channel < c {
        let valid = (c - channel).min(S::LANES);
        // SAFETY: pixels of the interior have all taps inside, others are checked; whole vectors are read only where
        // all their channels exist.
        unsafe {
            let load = |from: *const S::Scalar| {
                if valid == S::LANES { S::load(from) } else { S::load_first(from, valid) }
            };
            let mut acc = [S::zero(); TAPS];
            let (g, x) = (line.g.add(channel), line.x.wrapping_offset(phase.in_first * x_step).wrapping_add(channel));
            let step = phase.in_step as isize * x_step;
            if valid == S::LANES {
                for j in line.inner.clone() {
                    let gradient = S::load(g.offset(j as isize * g_step));
                    let x = x.wrapping_offset(j as isize * step);
                    for tap in 0..TAPS {
                        acc[tap] = S::fma(gradient, S::load(x.wrapping_offset(offsets[tap])), acc[tap]);
                    }
                }
            } else {
                for j in line.inner.clone() {
                    let gradient = S::load_first(g.offset(j as isize * g_step), valid);
                    let x = x.wrapping_offset(j as isize * step);
                    for tap in 0..TAPS {
                        acc[tap] = S::fma(gradient, S::load_first(x.wrapping_offset(offsets[tap]), valid), acc[tap]);
                    }
                }
            }
            for j in (0..line.inner.start).chain(line.inner.end..count) {
                let inside = phase.inside(j, width);
                let gradient = load(g.offset(j as isize * g_step));
                for tap in 0..TAPS {
                    if inside.contains(&(first + tap)) {
                        let x = load(x.wrapping_offset(j as isize * step + offsets[tap]));
                        acc[tap] = S::fma(gradient, x, acc[tap]);
                    }
                }
            }
            for (tap, &acc) in acc.iter().enumerate() {
                let sums = line.sums.add((first + tap) * pass.channels + channel);
                S::store(sums, S::add(S::load(sums), acc));
            }
        }
        channel += S::LANES;
    }
}
