//! The inner loops of reductions on vectors: along a stretch of one output's elements, and across rows of several.
//!
//! Every output keeps [`LANES`] accumulators, element `i` going to accumulator `i % LANES` whatever the width of the
//! vectors, so that a reduction has the same bits at every SIMD level.

use crate::simd::{self, Kernel, Real, Simd, unroll};

/// Independent accumulators of one output.
pub const LANES: usize = 32;

/// Elements of which all accumulators are served before the next ones are read: they stay in the first-level cache.
const BLOCK: usize = 128 * LANES;

/// An element that is read as a number of type `A`.
pub trait Source<A: Real>: Copy + Send + Sync {
    /// Reads [`Simd::LANES`] consecutive elements.
    ///
    /// # Safety
    /// As for [`Simd::load`].
    unsafe fn load<S: Simd<Scalar = A>>(from: *const Self) -> S::Vector;

    /// The element as a number of type `A`.
    fn widen(self) -> A;
}

macro_rules! sources {
    ($($t:ty as $a:ty, $load:ident;)*) => {$(
        impl Source<$a> for $t {
            #[inline(always)]
            unsafe fn load<S: Simd<Scalar = $a>>(from: *const $t) -> S::Vector {
                // SAFETY: the caller's.
                unsafe { S::$load(from) }
            }

            #[inline(always)]
            fn widen(self) -> $a {
                <$a>::from(self)
            }
        }
    )*};
}
sources! {
    f32 as f64, load_single;
    f64 as f64, load;
    f32 as f32, load;
}

/// What happens to an accumulator when an element comes.
pub trait Step: Copy + Send + Sync {
    /// One element.
    fn scalar<A: Real>(self, total: A, x: A) -> A;

    /// A vector of elements, each to its own accumulator.
    ///
    /// # Safety
    /// The CPU has the instructions of `S`.
    unsafe fn vector<S: Simd>(self, total: S::Vector, x: S::Vector) -> S::Vector;
}

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident |$total:ident, $x:ident| $scalar:expr, $s:ident: $vector:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Step for $name {
            #[inline(always)]
            fn scalar<A: Real>(self, $total: A, $x: A) -> A {
                $scalar
            }

            #[inline(always)]
            unsafe fn vector<$s: Simd>(self, $total: $s::Vector, $x: $s::Vector) -> $s::Vector {
                // SAFETY: the caller's.
                unsafe { $vector }
            }
        }
    )*};
}

#[inline(always)]
fn is_nan<A: Real>(x: A) -> bool {
    x.partial_cmp(&x).is_none()
}

#[inline(always)]
fn size<A: Real>(x: A) -> A {
    if x < A::ZERO { -x } else { x }
}

steps! {
    /// Adds.
    Add |total, x| total + x, S: S::add(total, x);
    /// Multiplies.
    Multiply |total, x| total * x, S: S::mul(total, x);
    /// Adds the absolute value.
    AddSize |total, x| total + size(x), S: S::add(total, S::abs(x));
    /// Adds the square.
    AddSquare |total, x| total + x * x, S: S::add(total, S::mul(x, x));
    /// Keeps the larger one, or the first NaN.
    Largest |total, x| if is_nan(total) || total > x { total } else { x },
        S: S::select(S::equal(total, total), S::max(total, x), total);
    /// Keeps the smaller one, or the first NaN.
    Smallest |total, x| if is_nan(total) || total < x { total } else { x },
        S: S::select(S::equal(total, total), S::min(total, x), total);
}

struct Along<'a, T, A, P> {
    step: P,
    lanes: &'a mut [A; LANES],
    x: &'a [T],
}

impl<A: Real, T: Source<A>, P: Step> Along<'_, T, A, P> {
    /// Elements whose number is `first + k` modulo [`LANES`] go into the accumulators `first + k`, for `k` below `N`
    /// vectors.
    ///
    /// # Safety
    /// The CPU has the instructions of `S`; `x` holds whole rounds of [`LANES`] elements; `N` vectors from `first` on
    /// lie within the accumulators.
    #[inline(always)]
    unsafe fn rounds<S: Simd<Scalar = A>, const N: usize>(&mut self, x: &[T], first: usize) {
        // SAFETY: the caller's.
        unsafe {
            let lanes = self.lanes.as_mut_ptr().add(first);
            let mut total = [S::zero(); N];
            unroll!(k < N { total[k] = S::load(lanes.add(k * S::LANES)) });
            let (mut at, end) = (x.as_ptr(), x.as_ptr().add(x.len()));
            while at < end {
                let from = at.add(first);
                unroll!(k < N { total[k] = self.step.vector::<S>(total[k], T::load::<S>(from.add(k * S::LANES))) });
                at = at.add(LANES);
            }
            unroll!(k < N { S::store(lanes.add(k * S::LANES), total[k]) });
        }
    }
}

impl<A: Real, T: Source<A>, P: Step> Kernel<A> for Along<'_, T, A, P> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<Scalar = A>>(mut self) {
        let x = self.x;
        let (whole, rest) = x.split_at(x.len() - x.len() % LANES);
        for block in whole.chunks(BLOCK) {
            // SAFETY: the caller's; blocks are whole rounds, and the groups cover the accumulators exactly.
            unsafe {
                if LANES / S::LANES == 2 {
                    self.rounds::<S, 2>(block, 0);
                } else {
                    for first in (0..LANES).step_by(4 * S::LANES) {
                        self.rounds::<S, 4>(block, first);
                    }
                }
            }
        }
        for (lane, &x) in self.lanes.iter_mut().zip(rest) {
            *lane = self.step.scalar(*lane, x.widen());
        }
    }
}

/// Steps `lanes[i % LANES]` with `x[i]` for all `i`, in order.
pub fn along<A: Real, T: Source<A>>(step: impl Step, lanes: &mut [A; LANES], x: &[T]) {
    // SAFETY: `level` is available.
    unsafe { simd::run(simd::level(), Along { step, lanes, x }) };
}

struct Across<'a, T, A, P> {
    step: P,
    running: &'a mut [A],
    rows: &'a [&'a [T]],
}

impl<A: Real, T: Source<A>, P: Step> Kernel<A> for Across<'_, T, A, P> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<Scalar = A>>(self) {
        let Across { step, running, rows } = self;
        let whole = running.len() - running.len() % S::LANES;
        let (fours, singles) = rows.as_chunks::<4>();
        // SAFETY: the rows are as long as `running`, and the loops end at `whole`.
        unsafe {
            let totals = running.as_mut_ptr();
            for rows in fours {
                let [a, b, c, d] = rows.map(<[T]>::as_ptr);
                for i in (0..whole).step_by(S::LANES) {
                    let total = S::load(totals.add(i));
                    let total = step.vector::<S>(total, T::load::<S>(a.add(i)));
                    let total = step.vector::<S>(total, T::load::<S>(b.add(i)));
                    let total = step.vector::<S>(total, T::load::<S>(c.add(i)));
                    S::store(totals.add(i), step.vector::<S>(total, T::load::<S>(d.add(i))));
                }
            }
            for row in singles {
                for i in (0..whole).step_by(S::LANES) {
                    S::store(
                        totals.add(i),
                        step.vector::<S>(S::load(totals.add(i)), T::load::<S>(row.as_ptr().add(i))),
                    );
                }
            }
        }
        for (i, total) in running.iter_mut().enumerate().skip(whole) {
            *total = rows.iter().fold(*total, |total, row| step.scalar(total, row[i].widen()));
        }
    }
}

/// Steps `running[i]` with `row[i]` for all `i`, for one row after the other.
///
/// # Panics
/// If a row is shorter or longer than `running`.
#[track_caller]
pub fn across<A: Real, T: Source<A>>(step: impl Step, running: &mut [A], rows: &[&[T]]) {
    assert!(rows.iter().all(|row| row.len() == running.len()), "across: rows and outputs differ in length");
    // SAFETY: `level` is available, and the lengths agree.
    unsafe { simd::run(simd::level(), Across { step, running, rows }) };
}

struct Merge<'a, A, P> {
    step: P,
    a: &'a mut [A],
    b: &'a [A],
}

impl<A: Real, P: Step> Kernel<A> for Merge<'_, A, P> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<Scalar = A>>(self) {
        // Plain loops of arithmetic are vectorised by the compiler.
        self.a.iter_mut().zip(self.b).for_each(|(a, &b)| *a = self.step.scalar(*a, b));
    }
}

/// Steps `a[i]` with `b[i]` for all `i` that both have.
pub fn merge<A: Real>(step: impl Step, a: &mut [A], b: &[A]) {
    // SAFETY: `level` is available.
    unsafe { simd::run(simd::level(), Merge { step, a, b }) };
}

#[cfg(test)]
mod tests {
    use super::{Add, AddSize, AddSquare, LANES, Largest, Multiply, Smallest, Source, Step, across, along, is_nan};
    use crate::simd::{self, Real};

    fn check<A: Real, T: Source<A>>(step: impl Step, start: A, x: &[T]) {
        let mut expected = [start; LANES];
        x.iter().enumerate().for_each(|(i, x)| expected[i % LANES] = step.scalar(expected[i % LANES], x.widen()));
        let width = x.len() / 7;
        let rows: Vec<&[T]> = x.chunks(width.max(1)).take(if width == 0 { 0 } else { 7 }).collect();
        let mut sums = vec![start; width];
        rows.iter().for_each(|row| sums.iter_mut().zip(*row).for_each(|(y, x)| *y = step.scalar(*y, x.widen())));
        let bits =
            |x: &[A]| x.iter().map(|&x| if is_nan(x) { u64::MAX } else { x.to_f64().to_bits() }).collect::<Vec<_>>();
        for level in simd::available_levels() {
            simd::with_level(level, || {
                let mut lanes = [start; LANES];
                along(step, &mut lanes, x);
                assert_eq!(bits(&lanes), bits(&expected), "along {} elements at {level}", x.len());
                let mut running = vec![start; width];
                across(step, &mut running, &rows);
                assert_eq!(bits(&running), bits(&sums), "across {} elements at {level}", x.len());
            });
        }
    }

    #[test]
    fn every_level_gives_the_bits_of_the_scalar_loop() {
        for len in [0, 1, 5, 31, 32, 33, 100, 1000, 4096, 4127, 9000] {
            let mut x: Vec<f64> = (0..len).map(|i| ((i * 7919 % 1013) as f64 - 500.0) / 317.0).collect();
            for special in [None, Some(f64::NAN), Some(f64::NEG_INFINITY)] {
                if let (Some(special), true) = (special, len > 20) {
                    (x[len / 3], x[len - 3]) = (special, special);
                }
                let single: Vec<f32> = x.iter().map(|&x| x as f32).collect();
                check::<f64, f32>(Add, 0.0, &single);
                check::<f64, f64>(Add, 0.0, &x);
                check::<f64, f32>(Multiply, 1.0, &single);
                check::<f64, f64>(AddSize, 0.0, &x);
                check::<f64, f32>(AddSquare, 0.0, &single);
                check::<f32, f32>(Largest, f32::NEG_INFINITY, &single);
                check::<f64, f64>(Smallest, f64::INFINITY, &x);
            }
        }
    }
}
