//! Row-major planes: a vector of neighbouring windows at once, one row of windows after the other.
//!
//! Taps of neighbouring windows lie a stride apart in memory. The lines that a row of windows meets are therefore copied
//! first, every position modulo the stride to an array of its own, between as much negative infinity as windows stick out:
//! then all taps of all windows are loads of whole vectors. Windows may be as high as the plane, so that only a few lines
//! are copied at a time; between these blocks the results so far wait where the final ones will be.

use std::ops::Range;

use super::Windows;
use super::channels::{load, store};
use super::tap::{Tap, larger};
use crate::Element;
use crate::kernels::scratch::Scratch;
use crate::simd::{self, MOST_LANES, Real, Simd, dispatch};

/// The most lines that are copied at a time; twice as many were no faster.
pub(super) const TOGETHER: usize = 8;

/// The taps of one window along one axis that lie inside the input.
struct Span {
    taps: Range<usize>,
    /// The position of the first one.
    first: usize,
}

/// What all planes share.
pub(super) struct Shared<'a, T> {
    windows: &'a Windows,
    /// Along depth and height.
    spans: [Vec<Span>; 2],
    /// The number of each window's first tap inside, along the last axis.
    firsts: Vec<T>,
    /// Along the last axis.
    stride: usize,
    /// How many positions modulo the stride any tap has, and how long the array of each is.
    phases: usize,
    length: usize,
    /// How much of a line may be any window's.
    met: usize,
    /// Where in a copied line the first window's taps are.
    taps: Vec<usize>,
}

impl<'a, T: Real> Shared<'a, T> {
    /// # Panics
    /// If a window has no tap inside the input.
    pub(super) fn new(windows: &'a Windows) -> Shared<'a, T> {
        let spans = |axis: usize| -> Vec<Span> {
            let span = |o| {
                let taps = windows.inside(axis, o);
                assert!(!taps.is_empty(), "max_pool: a window lies outside the input");
                Span { first: windows.position(axis, o, taps.start), taps }
            };
            (0..windows.output[axis]).map(span).collect()
        };
        let mut firsts: Vec<T> = spans(2).iter().map(|span| T::from_f64(span.taps.start as f64)).collect();
        let dilation = windows.dilation[2];
        // No second window is a stride away from the only one: its line stays in one piece.
        let stride = if windows.output[2] == 1 { 1 } else { windows.stride[2] };
        let (width, reach) = (windows.output[2].next_multiple_of(MOST_LANES), (windows.kernel[2] - 1) * dilation);
        let length = width + reach / stride;
        let met = windows.input[2].min(length * stride - windows.padding[2]);
        firsts.resize(width, T::ZERO);
        let taps = (0..windows.kernel[2]).map(|tap| tap * dilation);
        let taps = taps.map(|at| at % stride * length + at / stride).collect();
        let phases = stride.min(reach + 1);
        Shared { windows, spans: [spans(0), spans(1)], firsts, stride, phases, length, met, taps }
    }

    /// How many elements the copies of lines take.
    pub(super) fn room(&self) -> usize {
        TOGETHER.min(self.windows.kernel[0] * self.windows.kernel[1]) * self.line()
    }

    fn line(&self) -> usize {
        self.phases * self.length
    }
}

/// Copies what windows meet of a line, whichever it is to the same places.
///
/// # Safety
/// The level of `S` is available, `x` has `shared.met` elements, and `to` is valid for writes of `shared.line()`.
#[inline(always)]
unsafe fn part<S: Simd>(shared: &Shared<'_, S::Scalar>, x: &[S::Scalar], to: *mut S::Scalar) {
    let (stride, padding, length) = (shared.stride, shared.windows.padding[2], shared.length);
    // SAFETY: element `i` goes to place `(i + padding) / stride` of an array, which `length` is more than for all of `met`.
    unsafe {
        if stride == 1 {
            to.add(padding).copy_from_nonoverlapping(x.as_ptr(), x.len());
        } else if stride == 2 && shared.phases == 2 && x.len() >= 2 * S::LANES {
            let even = to.add(padding % 2 * length + padding / 2);
            let odd = to.add((padding + 1) % 2 * length + padding.div_ceil(2));
            let pairs = x.len() / 2;
            for at in (0..pairs).step_by(S::LANES) {
                // The last vector lies over its neighbour where lanes do not divide the pairs.
                let at = at.min(pairs - S::LANES);
                let from = x.as_ptr().add(2 * at);
                let (evens, odds) = S::unzip(S::load(from), S::load(from.add(S::LANES)));
                S::store(even.add(at), evens);
                S::store(odd.add(at), odds);
            }
            if x.len() % 2 == 1 {
                *even.add(pairs) = x[2 * pairs];
            }
        } else {
            for phase in 0..shared.phases {
                // The first position whose distance from the first window's start leaves this remainder.
                let first = (phase + padding * (stride - 1)) % stride;
                let to = to.add(phase * length + (first + padding) / stride);
                for (j, &x) in x.iter().skip(first).step_by(stride).enumerate() {
                    *to.add(j) = x;
                }
            }
        }
    }
}

/// One plane; `lines` has room for the copies of as many lines as are made at a time, and is negative infinity where
/// nothing is copied to.
#[inline(always)]
unsafe fn plane_kernel<S: Simd, C: Tap>(
    shared: &Shared<'_, S::Scalar>,
    x: &[S::Scalar],
    (lines, numbers): (&mut [S::Scalar], &mut [S::Scalar]),
    y: &mut [S::Scalar],
    taps: &mut [C],
) {
    const { assert!(S::LANES <= MOST_LANES) };
    let (windows, line) = (shared.windows, shared.line());
    let [_, ih, iw] = windows.input;
    let (kernel, ow) = (windows.kernel, windows.output[2]);
    let rows = shared.spans[0].iter().flat_map(|d| shared.spans[1].iter().map(move |h| (d, h)));
    // The number of each copied line's first tap.
    let mut starts = [S::Scalar::ZERO; TOGETHER];
    for (row, (d, h)) in rows.enumerate() {
        let rest = &mut y[row * ow..];
        let (mut kd, mut kh) = (0, 0);
        let met = d.taps.len() * h.taps.len();
        for done in (0..met).step_by(TOGETHER) {
            let starts = &mut starts[..TOGETHER.min(met - done)];
            let mut copied = lines.as_mut_ptr();
            for start in &mut *starts {
                let at = (d.first + kd * windows.dilation[0]) * ih + h.first + kh * windows.dilation[1];
                // SAFETY: the level is the caller's; there are at most as many lines as `lines` has room for.
                unsafe {
                    part::<S>(shared, &x[at * iw..][..shared.met], copied);
                    copied = copied.add(line);
                }
                if C::IS_KEPT {
                    let number = ((d.taps.start + kd) * kernel[1] + h.taps.start + kh) * kernel[2];
                    *start = S::Scalar::from_f64(number as f64);
                }
                kh += 1;
                if kh == h.taps.len() {
                    (kd, kh) = (kd + 1, 0);
                }
            }
            for w in (0..ow).step_by(S::LANES) {
                let lanes = S::LANES.min(ow - w);
                // SAFETY: the level is the caller's; arrays are as long as whole vectors of windows need, and so are
                // `firsts` and `numbers`. Of `y`, what lies behind the row is written later.
                unsafe {
                    let mut best = if done == 0 {
                        // The first tap inside, so that a plane of negative infinities has its taps inside too.
                        let first = S::add(S::splat(starts[0]), S::load(shared.firsts.as_ptr().add(w)));
                        (S::splat(S::Scalar::NEG_INFINITY), first)
                    } else {
                        (load::<S>(rest, w, lanes), S::load(numbers.as_ptr().add(w)))
                    };
                    let mut from = lines.as_ptr().add(w);
                    for &start in &*starts {
                        let mut number = S::splat(start);
                        for &tap in &shared.taps {
                            best = larger::<S, C>(best, (S::load(from.add(tap)), number));
                            number = S::add(number, S::splat(S::Scalar::ONE));
                        }
                        from = from.add(line);
                    }
                    store::<S>(rest.as_mut_ptr(), (w, lanes), rest.len(), best.0);
                    if C::IS_KEPT {
                        S::store(numbers.as_mut_ptr().add(w), best.1);
                    }
                }
            }
        }
        if C::IS_KEPT {
            for (tap, &number) in taps[row * ow..][..ow].iter_mut().zip(&*numbers) {
                *tap = C::from_lane(number);
            }
        }
    }
}

dispatch! {
    unsafe fn plane_at<T>[C: Tap](shared: &Shared<'_, T>, x: &[T], scratch: (&mut [T], &mut [T]), y: &mut [T], taps: &mut [C])
        = plane_kernel;
}

/// Whole planes, one after the other.
pub(super) fn forward<T: Real + Element, C: Tap>(x: &[T], shared: &Shared<'_, T>, y: &mut [T], taps: &mut [C]) {
    let windows = shared.windows;
    let (inputs, outputs) = (windows.inputs(), windows.outputs());
    assert!(x.len() * outputs == y.len() * inputs && taps.len() == y.len(), "max_pool: results of another size");
    let mut lines = Scratch::new(shared.room());
    let mut numbers = Scratch::new(shared.firsts.len());
    let (lines, numbers) = (lines.as_mut_slice(), numbers.as_mut_slice());
    lines.fill(<T as Real>::NEG_INFINITY);
    let planes = y.chunks_exact_mut(outputs).zip(taps.chunks_exact_mut(outputs));
    for (x, (y, taps)) in x.chunks_exact(inputs).zip(planes) {
        // SAFETY: the level is the CPU's, and all are as large as `shared` says.
        unsafe { plane_at(simd::level(), shared, x, (lines, numbers), y, taps) };
    }
}

/// How far in memory taps lie from where their window starts.
pub(super) struct Steps<'a> {
    windows: &'a Windows,
    /// Empty for large windows: whoever finds their maxima has so much to do that divisions are nothing.
    table: Vec<isize>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(windows: &'a Windows) -> Steps<'a> {
        let mut steps = Steps { windows, table: Vec::new() };
        if windows.taps() <= 1024 {
            steps.table = (0..windows.taps()).map(|tap| steps.compute(tap)).collect();
        }
        steps
    }

    fn compute(&self, tap: usize) -> isize {
        let Windows { kernel: [_, kh, kw], dilation, input: [_, ih, iw], .. } = *self.windows;
        assert!(tap < self.windows.taps(), "max_pool: a tap of other windows");
        let [d, h, w] = [tap / (kh * kw) * dilation[0], tap / kw % kh * dilation[1], tap % kw * dilation[2]];
        ((d * ih + h) * iw + w) as isize
    }
}

/// One plane: `dx` is written entirely.
pub(super) fn adjoint<T: Real + Element, C: Element>(g: &[T], taps: &[C], steps: &Steps<'_>, dx: &mut [T]) {
    dx.fill(<T as Real>::ZERO);
    let table = steps.table.as_slice();
    if table.is_empty() {
        scatter(g, taps, steps.windows, |tap| steps.compute(tap), dx);
    } else {
        scatter(g, taps, steps.windows, move |tap| table[tap], dx);
    }
}

fn scatter<T: Real, C: Element>(g: &[T], taps: &[C], windows: &Windows, step: impl Fn(usize) -> isize, dx: &mut [T]) {
    let ([_, oh, ow], stride) = (windows.output, windows.stride[2] as isize);
    let start = |axis: usize, o: usize| (o * windows.stride[axis]) as isize - windows.padding[axis] as isize;
    for (line, (g, taps)) in g.chunks(ow).zip(taps.chunks(ow)).enumerate() {
        let base = (start(0, line / oh) * windows.input[1] as isize + start(1, line % oh)) * windows.input[2] as isize;
        let mut from = base + start(2, 0);
        for (g, tap) in g.iter().zip(taps) {
            dx[(from + step(tap.to_i64() as usize)) as usize] += *g;
            from += stride;
        }
    }
}
