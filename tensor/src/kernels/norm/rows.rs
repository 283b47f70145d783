//! The inner loops over rows: channels fastest. Rows are joined to *periods*, whole multiples of the channels and long
//! enough for vectors of any width; every vector of a period has coefficients of its own, which stay in registers while a
//! few periods are worked through, as do sums.

use super::planes::Reads;
use super::{Activation, Bounds};
use crate::simd::{Simd, dispatch, unroll};

/// Periods that are worked through for one group of vectors after the other: they stay in the first-level cache.
const TOGETHER: usize = 8;

/// Numbers along a period.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a, T> {
    pub(super) mean: &'a [T],
    pub(super) scale: &'a [T],
    pub(super) shift: &'a [T],
}

/// Where `count` periods lie, from the first of a group of vectors on.
#[derive(Clone, Copy)]
struct Place {
    /// The first element, from the segment's start and from the period's.
    at: usize,
    j: usize,
    period: usize,
    count: usize,
    /// Elements of the last vector that exist.
    valid: usize,
}

/// Runs `$group::<V, WHOLE>(place)` for every group of vectors in a segment of `$len` elements.
macro_rules! groups {
    ($S:ty, $len:expr, $period:expr, $group:ident, $generics:tt, $arguments:tt) => {{
        let (len, period): (usize, usize) = ($len, $period);
        let mut at = 0;
        while at < len {
            // What is left at the end is a period that is cut short.
            let left = len - at;
            let (size, count) = if left < period { (left, 1) } else { (period, TOGETHER.min(left / period)) };
            let mut j = 0;
            while j < size {
                let whole = (size - j) / <$S>::LANES;
                let place = Place { at: at + j, j, period, count, valid: <$S>::LANES };
                j += match whole {
                    4.. => groups!(@ $group, $generics, 4, true, place, $arguments, 4 * <$S>::LANES),
                    1.. => groups!(@ $group, $generics, 1, true, place, $arguments, <$S>::LANES),
                    0 => {
                        let place = Place { valid: size - j, ..place };
                        groups!(@ $group, $generics, 1, false, place, $arguments, <$S>::LANES)
                    }
                };
            }
            at += size * count;
        }
    }};
    (@ $group:ident, [$($generic:tt),*], $v:literal, $whole:literal, $place:expr, ($($argument:expr),*), $step:expr) => {{
        $group::<$($generic,)* $v, $whole>($place, $($argument),*);
        $step
    }};
}

#[inline(always)]
unsafe fn load<S: Simd, const WHOLE: bool>(from: *const S::Scalar, place: &Place) -> S::Vector {
    // SAFETY: the caller's: the elements exist.
    unsafe { if WHOLE { S::load(from) } else { S::load_first(from, place.valid) } }
}

#[inline(always)]
unsafe fn store<S: Simd, const WHOLE: bool>(to: *mut S::Scalar, v: S::Vector, place: &Place) {
    // SAFETY: the caller's: the elements exist.
    unsafe { if WHOLE { S::store(to, v) } else { S::store_first(to, place.valid, v) } }
}

/// Mean, scale and shift of a group of vectors.
#[derive(Clone, Copy)]
struct Coefficients<S: Simd, const V: usize> {
    mean: [S::Vector; V],
    scale: [S::Vector; V],
    shift: [S::Vector; V],
}

impl<S: Simd, const V: usize> Coefficients<S, V> {
    #[inline(always)]
    unsafe fn of<const WHOLE: bool>(tile: Tile<'_, S::Scalar>, place: &Place) -> Self {
        // SAFETY: the caller's: the tile has a whole period.
        unsafe {
            let zero = [S::zero(); V];
            let mut all = Coefficients { mean: zero, scale: zero, shift: zero };
            unroll!(v < V {
                let j = place.j + v * S::LANES;
                all.mean[v] = load::<S, WHOLE>(tile.mean.as_ptr().add(j), place);
                all.scale[v] = load::<S, WHOLE>(tile.scale.as_ptr().add(j), place);
                all.shift[v] = load::<S, WHOLE>(tile.shift.as_ptr().add(j), place);
            });
            all
        }
    }
}

/// `g` where the activation of `y`, if it clips at all, lets it pass, else 0.
#[inline(always)]
unsafe fn pass<S: Simd, const CLIPS: bool>(y: S::Vector, g: S::Vector, ceiling: S::Vector) -> S::Vector {
    // SAFETY: the caller's.
    unsafe {
        if !CLIPS {
            return g;
        }
        let g = S::select(S::less(S::zero(), y), g, S::zero());
        S::select(S::less_equal(ceiling, y), S::zero(), g)
    }
}

#[inline(always)]
unsafe fn moments_kernel<S: Simd>(x: &[S::Scalar], pivot: &[S::Scalar], sums: &mut [S::Scalar]) {
    assert_eq!(sums.len(), 2 * pivot.len());
    // SAFETY: the level is the caller's; places lie within the segment and its period.
    unsafe { groups!(S, x.len(), pivot.len(), moments_group, [S], (x.as_ptr(), pivot.as_ptr(), sums.as_mut_ptr())) }
}

#[inline(always)]
unsafe fn moments_group<S: Simd, const V: usize, const WHOLE: bool>(
    place: Place,
    x: *const S::Scalar,
    pivot: *const S::Scalar,
    sums: *mut S::Scalar,
) {
    // SAFETY: the caller's.
    unsafe {
        let (sums, squares) = (sums.add(place.j), sums.add(place.period + place.j));
        let (mut sum, mut square, mut centre) = ([S::zero(); V], [S::zero(); V], [S::zero(); V]);
        unroll!(v < V {
            centre[v] = load::<S, WHOLE>(pivot.add(place.j + v * S::LANES), &place);
            sum[v] = load::<S, WHOLE>(sums.add(v * S::LANES), &place);
            square[v] = load::<S, WHOLE>(squares.add(v * S::LANES), &place);
        });
        for block in 0..place.count {
            unroll!(v < V {
                let at = x.add(place.at + block * place.period + v * S::LANES);
                S::prefetch(at.wrapping_add(TOGETHER * place.period));
                let d = S::sub(load::<S, WHOLE>(at, &place), centre[v]);
                sum[v] = S::add(sum[v], d);
                square[v] = S::fma(d, d, square[v]);
            });
        }
        unroll!(v < V {
            store::<S, WHOLE>(sums.add(v * S::LANES), sum[v], &place);
            store::<S, WHOLE>(squares.add(v * S::LANES), square[v], &place);
        });
    }
}

dispatch! {
    /// Adds `x - pivot` and its square to the two halves of `sums`, all three with the period of `pivot`.
    pub(super) unsafe fn moments<T>(x: &[T], pivot: &[T], sums: &mut [T]) = moments_kernel;
}

#[inline(always)]
unsafe fn sums_kernel<S: Simd, const CLIPS: bool, const ADD: bool>(
    tile: Tile<'_, S::Scalar>,
    from: Reads<'_, S::Scalar>,
    ceiling: S::Scalar,
    masked: &mut [S::Scalar],
    sums: &mut [S::Scalar],
) {
    let (len, period) = (from.x.len(), tile.mean.len());
    assert!(from.g.len() == len && sums.len() == 2 * period && (!ADD || masked.len() == len && from.r.len() == len));
    let (masked, sums) = (masked.as_mut_ptr(), sums.as_mut_ptr());
    // SAFETY: the level is the caller's; places lie within the segment and its period.
    unsafe { groups!(S, len, period, sums_group, [S, CLIPS, ADD], (tile, from, ceiling, [masked, sums])) }
}

#[inline(always)]
unsafe fn sums_group<S: Simd, const CLIPS: bool, const ADD: bool, const V: usize, const WHOLE: bool>(
    place: Place,
    tile: Tile<'_, S::Scalar>,
    from: Reads<'_, S::Scalar>,
    ceiling: S::Scalar,
    [masked, sums]: [*mut S::Scalar; 2],
) {
    // SAFETY: the caller's.
    unsafe {
        let c = Coefficients::<S, V>::of::<WHOLE>(tile, &place);
        let ceiling = S::splat(ceiling);
        let (sums, products) = (sums.add(place.j), sums.add(place.period + place.j));
        let (mut sum, mut product) = ([S::zero(); V], [S::zero(); V]);
        unroll!(v < V {
            sum[v] = load::<S, WHOLE>(sums.add(v * S::LANES), &place);
            product[v] = load::<S, WHOLE>(products.add(v * S::LANES), &place);
        });
        for block in 0..place.count {
            unroll!(v < V {
                let at = place.at + block * place.period + v * S::LANES;
                let (x, g) = (from.x.as_ptr().add(at), from.g.as_ptr().add(at));
                S::prefetch(x.wrapping_add(TOGETHER * place.period));
                S::prefetch(g.wrapping_add(TOGETHER * place.period));
                let (d, g) = (S::sub(load::<S, WHOLE>(x, &place), c.mean[v]), load::<S, WHOLE>(g, &place));
                let mut y = S::add(S::mul(d, c.scale[v]), c.shift[v]);
                if ADD {
                    y = S::add(y, load::<S, WHOLE>(from.r.as_ptr().add(at), &place));
                }
                let g = pass::<S, CLIPS>(y, g, ceiling);
                if ADD {
                    store::<S, WHOLE>(masked.add(at), g, &place);
                }
                sum[v] = S::add(sum[v], g);
                product[v] = S::fma(g, d, product[v]);
            });
        }
        unroll!(v < V {
            store::<S, WHOLE>(sums.add(v * S::LANES), sum[v], &place);
            store::<S, WHOLE>(products.add(v * S::LANES), product[v], &place);
        });
    }
}

dispatch! {
    /// Adds the masked cotangent, and its product with the centred input, to the two halves of `sums`; it is also
    /// written to `masked` if `ADD`.
    pub(super) unsafe fn sums<T>[const CLIPS: bool, const ADD: bool](
        tile: Tile<'_, T>, from: Reads<'_, T>, ceiling: T, masked: &mut [T], sums: &mut [T],
    ) = sums_kernel;
}

#[inline(always)]
unsafe fn input_kernel<S: Simd, const CLIPS: bool>(
    [forward, backward]: [Tile<'_, S::Scalar>; 2],
    from: Reads<'_, S::Scalar>,
    ceiling: S::Scalar,
    dx: &mut [S::Scalar],
) {
    let (len, period) = (from.x.len(), forward.mean.len());
    assert!(from.g.len() == len && dx.len() == len);
    let dx = dx.as_mut_ptr();
    // SAFETY: the level is the caller's; places lie within the segment and its period.
    unsafe { groups!(S, len, period, input_group, [S, CLIPS], ([forward, backward], from, ceiling, dx)) }
}

#[inline(always)]
unsafe fn input_group<S: Simd, const CLIPS: bool, const V: usize, const WHOLE: bool>(
    place: Place,
    [forward, backward]: [Tile<'_, S::Scalar>; 2],
    from: Reads<'_, S::Scalar>,
    ceiling: S::Scalar,
    dx: *mut S::Scalar,
) {
    // SAFETY: the caller's.
    unsafe {
        let c = Coefficients::<S, V>::of::<WHOLE>(forward, &place);
        let b = Coefficients::<S, V>::of::<WHOLE>(backward, &place);
        let ceiling = S::splat(ceiling);
        for block in 0..place.count {
            unroll!(v < V {
                let at = place.at + block * place.period + v * S::LANES;
                let (x, g) = (from.x.as_ptr().add(at), from.g.as_ptr().add(at));
                S::prefetch(x.wrapping_add(TOGETHER * place.period));
                S::prefetch(g.wrapping_add(TOGETHER * place.period));
                let (d, g) = (S::sub(load::<S, WHOLE>(x, &place), c.mean[v]), load::<S, WHOLE>(g, &place));
                let g = pass::<S, CLIPS>(S::add(S::mul(d, c.scale[v]), c.shift[v]), g, ceiling);
                // Rounded at each step: where a channel has one value alone, the terms cancel to nothing.
                let y = S::add(S::add(S::mul(g, b.scale[v]), S::mul(d, b.mean[v])), b.shift[v]);
                store::<S, WHOLE>(dx.add(at), y, &place);
            });
        }
    }
}

dispatch! {
    /// `dx = g scale + (x - mean) slope + shift` with the masked cotangent `g`. In the second tile, which has the
    /// coefficients of `dx`, the slope stands in the place of the mean.
    pub(super) unsafe fn input<T>[const CLIPS: bool](
        tiles: [Tile<'_, T>; 2], from: Reads<'_, T>, ceiling: T, dx: &mut [T],
    ) = input_kernel;
}

#[inline(always)]
unsafe fn affine_kernel<S: Simd, const ADD: bool>(
    tile: Tile<'_, S::Scalar>,
    [x, r]: [&[S::Scalar]; 2],
    activation: Activation,
    y: &mut [S::Scalar],
) {
    let (len, period) = (x.len(), tile.mean.len());
    assert!(y.len() == len && (!ADD || r.len() == len));
    let (x, r, y) = (x.as_ptr(), r.as_ptr(), y.as_mut_ptr());
    // SAFETY: the level is the caller's; places lie within the segment and its period.
    unsafe { groups!(S, len, period, affine_group, [S, ADD], (tile, [x, r], activation, y)) }
}

#[inline(always)]
unsafe fn affine_group<S: Simd, const ADD: bool, const V: usize, const WHOLE: bool>(
    place: Place,
    tile: Tile<'_, S::Scalar>,
    [x, r]: [*const S::Scalar; 2],
    activation: Activation,
    y: *mut S::Scalar,
) {
    // SAFETY: the caller's.
    unsafe {
        let c = Coefficients::<S, V>::of::<WHOLE>(tile, &place);
        let bounds = Bounds::<S>::of(activation);
        for block in 0..place.count {
            unroll!(v < V {
                let at = place.at + block * place.period + v * S::LANES;
                S::prefetch(x.wrapping_add(at + TOGETHER * place.period));
                let d = S::sub(load::<S, WHOLE>(x.add(at), &place), c.mean[v]);
                let mut value = S::add(S::mul(d, c.scale[v]), c.shift[v]);
                if ADD {
                    S::prefetch(r.wrapping_add(at + TOGETHER * place.period));
                    value = S::add(value, load::<S, WHOLE>(r.add(at), &place));
                }
                store::<S, WHOLE>(y.add(at), bounds.apply(value), &place);
            });
        }
    }
}

dispatch! {
    /// `y = activation((x - mean) scale + shift + r)`; `r` is read if `ADD`.
    pub(super) unsafe fn affine<T>[const ADD: bool](
        tile: Tile<'_, T>, from: [&[T]; 2], activation: Activation, y: &mut [T],
    ) = affine_kernel;
}
