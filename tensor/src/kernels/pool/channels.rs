//! Channels-last: a vector of channels is compared at once, one row of windows after the other.

use super::Windows;
use crate::Element;
use crate::simd::{self, Real, Simd, dispatch};

/// One row of windows: the maxima of `c` channels each, and their taps as numbers of the same type.
#[inline(always)]
unsafe fn row_kernel<S: Simd>(x: &[S::Scalar], at: &Row<'_>, y: &mut [S::Scalar], taps: &mut [S::Scalar]) {
    let c = at.c;
    let mut window = 0;
    while window < at.windows {
        let taps_of = at.window(window);
        let mut channel = 0;
        while channel < c {
            let lanes = (c - channel).min(S::LANES);
            // SAFETY: every offset is a position inside the input, with `c` channels behind it; outputs have `windows`
            // times `c` elements, both checked by `forward`.
            unsafe {
                let from = x.as_ptr().add(channel);
                let to = window * c + channel;
                if lanes == S::LANES {
                    let mut best = S::load(from.add(taps_of[0].1));
                    let mut tap = S::splat(S::Scalar::from_f64(taps_of[0].0 as f64));
                    for &(number, offset) in &taps_of[1..] {
                        (best, tap) = larger::<S>(best, tap, S::load(from.add(offset)), number);
                    }
                    S::store(y.as_mut_ptr().add(to), best);
                    S::store(taps.as_mut_ptr().add(to), tap);
                } else {
                    let mut best = S::load_first(from.add(taps_of[0].1), lanes);
                    let mut tap = S::splat(S::Scalar::from_f64(taps_of[0].0 as f64));
                    for &(number, offset) in &taps_of[1..] {
                        (best, tap) = larger::<S>(best, tap, S::load_first(from.add(offset), lanes), number);
                    }
                    S::store_first(y.as_mut_ptr().add(to), lanes, best);
                    S::store_first(taps.as_mut_ptr().add(to), lanes, tap);
                }
            }
            channel += lanes;
        }
        window += 1;
    }
}

/// The larger of `best` and `x`, `best` if equal; NaN is largest, the first one.
#[inline(always)]
unsafe fn larger<S: Simd>(best: S::Vector, tap: S::Vector, x: S::Vector, number: u32) -> (S::Vector, S::Vector) {
    // SAFETY: the caller's.
    unsafe {
        let number = S::splat(S::Scalar::from_f64(f64::from(number)));
        let (stays, number_stays) = (S::less_equal(x, best), S::equal(best, best));
        let (new, new_tap) = (S::select(stays, best, x), S::select(stays, tap, number));
        (S::select(number_stays, new, best), S::select(number_stays, new_tap, tap))
    }
}

dispatch! {
    unsafe fn row<T>(x: &[T], at: &Row<'_>, y: &mut [T], taps: &mut [T]) = row_kernel;
}

/// The taps of a row of windows: their numbers and their offsets in the input.
struct Row<'a> {
    c: usize,
    windows: usize,
    taps: &'a [(u32, usize)],
    /// Where each window's taps end.
    ends: &'a [usize],
}

impl Row<'_> {
    #[inline(always)]
    fn window(&self, window: usize) -> &[(u32, usize)] {
        let first = if window == 0 { 0 } else { self.ends[window - 1] };
        &self.taps[first..self.ends[window]]
    }
}

/// Row `at` (counted through depth and height) of one image's windows.
pub(super) fn forward<T: Real + Element, C: Element>(
    x: &[T],
    windows: &Windows,
    c: usize,
    at: usize,
    (y, taps): (&mut [T], &mut [C]),
) {
    let [_, h, w] = windows.output;
    let (od, oh) = (at / h, at % h);
    let (mut list, mut ends) = (Vec::with_capacity(w * windows.taps()), Vec::with_capacity(w));
    for ow in 0..w {
        for kd in windows.inside(0, od) {
            for kh in windows.inside(1, oh) {
                let position = windows.position(0, od, kd) * windows.input[1] + windows.position(1, oh, kh);
                for kw in windows.inside(2, ow) {
                    let tap = (kd * windows.kernel[1] + kh) * windows.kernel[2] + kw;
                    let offset = (position * windows.input[2] + windows.position(2, ow, kw)) * c;
                    list.push((tap as u32, offset));
                }
            }
        }
        assert!(ends.last() != Some(&list.len()) && !list.is_empty(), "max_pool: a window lies outside the input");
        ends.push(list.len());
    }
    let largest = list.iter().map(|tap| tap.1).max().unwrap_or(0);
    assert!(largest + c <= x.len() && y.len() == w * c, "max_pool: the windows do not fit the input");
    let mut numbers = vec![<T as Real>::ZERO; y.len()];
    let row_taps = Row { c, windows: w, taps: &list, ends: &ends };
    // SAFETY: the level is the CPU's; offsets and lengths were checked.
    unsafe { row(simd::level(), x, &row_taps, y, &mut numbers) };
    for (tap, number) in taps.iter_mut().zip(numbers) {
        *tap = <C as Element>::from_f64(Element::to_f64(number));
    }
}

/// Channels from which whole vectors are masked and added; below, elements are scattered one by one.
const WIDE: usize = 16;

/// One image: `dx` is written entirely.
pub(super) fn adjoint<T: Real + Element, C: Element>(g: &[T], taps: &[C], windows: &Windows, c: usize, dx: &mut [T]) {
    dx.fill(<T as Real>::ZERO);
    let [_, kh, kw] = windows.kernel;
    // Offsets of taps from the first one; the position of a tap outside the input is never used.
    let steps: Vec<isize> = (0..windows.taps())
        .map(|tap| {
            let [d, h, w] = [tap / (kh * kw), tap / kw % kh, tap % kw];
            let [d, h, w] = [d * windows.dilation[0], h * windows.dilation[1], w * windows.dilation[2]];
            (((d * windows.input[1] + h) * windows.input[2] + w) * c) as isize
        })
        .collect();
    let [od, oh, ow] = windows.output;
    let start = |axis: usize, o: usize| (o * windows.stride[axis]) as isize - windows.padding[axis] as isize;
    for d in 0..od {
        for h in 0..oh {
            let line = (start(0, d) * windows.input[1] as isize + start(1, h)) * windows.input[2] as isize;
            for w in 0..ow {
                let base = (line + start(2, w)) * c as isize;
                let from = ((d * oh + h) * ow + w) * c;
                let (g, taps) = (&g[from..from + c], &taps[from..from + c]);
                if c < WIDE {
                    for (channel, (g, tap)) in g.iter().zip(taps).enumerate() {
                        dx[(base + steps[tap.to_i64() as usize]) as usize + channel] += *g;
                    }
                } else {
                    wide(g, taps, (windows, [d, h, w]), (base, &steps), dx);
                }
            }
        }
    }
}

fn wide<T: Real + Element, C: Element>(
    g: &[T],
    taps: &[C],
    (windows, [d, h, w]): (&Windows, [usize; 3]),
    (base, steps): (isize, &[isize]),
    dx: &mut [T],
) {
    let apart = windows.are_apart();
    for kd in windows.inside(0, d) {
        for kh in windows.inside(1, h) {
            for kw in windows.inside(2, w) {
                let tap = (kd * windows.kernel[1] + kh) * windows.kernel[2] + kw;
                let dx = &mut dx[(base + steps[tap]) as usize..][..g.len()];
                let tap = <C as Element>::from_f64(tap as f64);
                // SAFETY: the level is the CPU's.
                unsafe { masked(simd::level(), Masked { g, taps, tap, apart }, dx) };
            }
        }
    }
}

struct Masked<'a, T, C> {
    g: &'a [T],
    taps: &'a [C],
    tap: C,
    apart: bool,
}

/// What the masked addition needs of a tap number.
trait Tap: Copy + PartialEq {}
impl<C: Element> Tap for C {}

#[inline(always)]
unsafe fn masked_kernel<S: Simd, C: Tap>(from: Masked<'_, S::Scalar, C>, dx: &mut [S::Scalar]) {
    let Masked { g, taps, tap, apart } = from;
    let (g, taps) = (&g[..dx.len()], &taps[..dx.len()]);
    if apart {
        for j in 0..dx.len() {
            dx[j] = if taps[j] == tap { g[j] } else { S::Scalar::ZERO };
        }
    } else {
        for j in 0..dx.len() {
            dx[j] += if taps[j] == tap { g[j] } else { S::Scalar::ZERO };
        }
    }
}

dispatch! {
    unsafe fn masked<T>[C: Tap](from: Masked<'_, T, C>, dx: &mut [T]) = masked_kernel;
}
