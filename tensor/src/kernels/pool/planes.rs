//! Row-major planes: one row of windows at a time, a tap of all of them after the other.

use super::Windows;
use super::tap::Tap;
use crate::Element;
use crate::simd::{self, Real, Simd, dispatch};

/// Compares the elements `x[0], x[step], ...` with the best so far.
#[inline(always)]
unsafe fn tap_kernel<S: Simd, C: Tap>(x: &[S::Scalar], step: usize, tap: C, to: (&mut [S::Scalar], &mut [C])) {
    let (best, taps) = to;
    let n = best.len();
    let taps = &mut taps[..n];
    let mut compare = |j: usize, x: S::Scalar| {
        #[allow(clippy::eq_op)] // NaN alone differs from itself
        let replaces = (x > best[j]) | ((x != x) & (best[j] == best[j]));
        best[j] = if replaces { x } else { best[j] };
        taps[j] = if replaces { tap } else { taps[j] };
    };
    match step {
        1 => (0..n).zip(&x[..n]).for_each(|(j, &x)| compare(j, x)),
        2 => (0..n).zip(x.chunks(2)).for_each(|(j, x)| compare(j, x[0])),
        _ => (0..n).for_each(|j| compare(j, x[j * step])),
    }
}

dispatch! {
    unsafe fn tap<T>[C: Tap](x: &[T], step: usize, tap: C, to: (&mut [T], &mut [C])) = tap_kernel;
}

/// One plane.
pub(super) fn forward<T: Real + Element, C: Tap>(x: &[T], windows: &Windows, y: &mut [T], taps: &mut [C]) {
    let [od, oh, ow] = windows.output;
    let [_, ih, iw] = windows.input;
    // The windows that have a tap inside, per tap of the last axis.
    let inside: Vec<_> = (0..ow).map(|w| windows.inside(2, w)).collect();
    let spans: Vec<_> = (0..windows.kernel[2])
        .map(|kw| {
            let first = inside.iter().position(|range| range.contains(&kw)).unwrap_or(0);
            first..inside.iter().rposition(|range| range.contains(&kw)).map_or(first, |last| last + 1)
        })
        .collect();
    assert!(inside.iter().all(|range| !range.is_empty()), "max_pool: a window lies outside the input");
    for d in 0..od {
        for h in 0..oh {
            let at = (d * oh + h) * ow;
            let (y, taps) = (&mut y[at..at + ow], &mut taps[at..at + ow]);
            let (kds, khs) = (windows.inside(0, d), windows.inside(1, h));
            assert!(!kds.is_empty() && !khs.is_empty(), "max_pool: a window lies outside the input");
            for (w, range) in inside.iter().enumerate() {
                // The first tap inside, so that a plane of negative infinities has its taps inside too.
                let line = windows.position(0, d, kds.start) * ih + windows.position(1, h, khs.start);
                y[w] = x[line * iw + windows.position(2, w, range.start)];
                let number = (kds.start * windows.kernel[1] + khs.start) * windows.kernel[2] + range.start;
                taps[w] = C::from_lane(number as f64);
            }
            for kd in kds {
                for kh in khs.clone() {
                    let line = windows.position(0, d, kd) * ih + windows.position(1, h, kh);
                    for (kw, span) in spans.iter().enumerate().filter(|(_, span)| !span.is_empty()) {
                        let number = (kd * windows.kernel[1] + kh) * windows.kernel[2] + kw;
                        let from = &x[line * iw + windows.position(2, span.start, kw)..];
                        let to = (&mut y[span.clone()], &mut taps[span.clone()]);
                        let number = C::from_lane(number as f64);
                        // SAFETY: the level is the CPU's.
                        unsafe { tap(simd::level(), from, windows.stride[2], number, to) };
                    }
                }
            }
        }
    }
}

/// One plane: `dx` is written entirely.
pub(super) fn adjoint<T: Real + Element, C: Element>(g: &[T], taps: &[C], windows: &Windows, dx: &mut [T]) {
    dx.fill(<T as Real>::ZERO);
    let [_, oh, ow] = windows.output;
    let [_, kh, kw] = windows.kernel;
    let steps: Vec<isize> = (0..windows.taps())
        .map(|tap| {
            let [d, h, w] = [tap / (kh * kw), tap / kw % kh, tap % kw];
            let [d, h, w] = [d * windows.dilation[0], h * windows.dilation[1], w * windows.dilation[2]];
            ((d * windows.input[1] + h) * windows.input[2] + w) as isize
        })
        .collect();
    let start = |axis: usize, o: usize| (o * windows.stride[axis]) as isize - windows.padding[axis] as isize;
    for (line, (g, taps)) in g.chunks(ow).zip(taps.chunks(ow)).enumerate() {
        let base = (start(0, line / oh) * windows.input[1] as isize + start(1, line % oh)) * windows.input[2] as isize;
        for (w, (g, tap)) in g.iter().zip(taps).enumerate() {
            dx[(base + start(2, w) + steps[tap.to_i64() as usize]) as usize] += *g;
        }
    }
}
