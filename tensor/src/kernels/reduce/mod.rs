//! The inner loops of reductions on vectors: along a stretch of one output's elements, and across rows of several.
//!
//! Every output keeps [`LANES`] accumulators, element `i` going to accumulator `i % LANES` whatever the width of the
//! vectors, so that a reduction has the same bits at every SIMD level. A sum adds elements `i` and `i + LANES` first.

mod steps;
#[cfg(test)]
mod tests;

pub use steps::{Add, AddSize, AddSquare, Largest, Multiply, Smallest, Source, Step};

use crate::simd::{self, Kernel, Real, Simd, unroll};
use steps::is_nan;

/// Independent accumulators of one output.
pub const LANES: usize = 32;

/// Elements of which all accumulators are served before the next ones are read: they stay in the first-level cache.
const BLOCK: usize = 128 * LANES;

/// Whether any element is NaN.
///
/// # Safety
/// The CPU has the instructions of `S`.
#[inline(always)]
unsafe fn any_nan<S: Simd, T: Source<S::Scalar>>(x: &[T]) -> bool {
    // SAFETY: the caller's; only whole vectors within the slice are read.
    unsafe {
        let (pairs, rest) = x.split_at(x.len() - x.len() % (2 * S::LANES));
        let mut numbers = S::equal(S::zero(), S::zero());
        let (mut at, end) = (pairs.as_ptr(), pairs.as_ptr().add(pairs.len()));
        while at < end {
            let (a, b) = (T::load::<S>(at), T::load::<S>(at.add(S::LANES)));
            numbers = S::mask_and(numbers, S::mask_and(S::equal(a, a), S::equal(b, b)));
            at = at.add(2 * S::LANES);
        }
        let all = S::mask_to_bits(S::equal(S::zero(), S::zero()));
        S::mask_to_bits(numbers) != all || rest.iter().any(|&x| is_nan(x.widen()))
    }
}

struct Along<'a, T, A, P> {
    step: P,
    lanes: &'a mut [A; LANES],
    x: &'a [T],
}

impl<A: Real, T: Source<A>, P: Step> Along<'_, T, A, P> {
    /// Elements after which the first accumulator has its turn again.
    const ROUND: usize = if P::BY_PAIRS { 2 * LANES } else { LANES };

    /// Elements whose number is `first + k` modulo [`LANES`] go into the accumulators `first + k`, for `k` below `N`
    /// vectors. Returns false if an element is NaN and the step is for numbers only.
    ///
    /// # Safety
    /// The CPU has the instructions of `S`; `x` holds whole rounds of [`ROUND`](Self::ROUND) elements; `N` vectors from `first` on
    /// lie within the accumulators.
    #[inline(always)]
    unsafe fn rounds<S: Simd<Scalar = A>, const N: usize>(&mut self, x: &[T], first: usize) -> bool {
        // SAFETY: the caller's.
        unsafe {
            let lanes = self.lanes.as_mut_ptr().add(first);
            let mut total = [S::zero(); N];
            let mut numbers = S::equal(S::zero(), S::zero());
            unroll!(k < N { total[k] = S::load(lanes.add(k * S::LANES)) });
            let (mut at, end) = (x.as_ptr(), x.as_ptr().add(x.len()));
            while at < end {
                let from = at.add(first);
                unroll!(k < N {
                    let at = from.add(k * S::LANES);
                    let x = if P::BY_PAIRS { T::load_sum::<S>(at, at.add(LANES)) } else { T::load::<S>(at) };
                    total[k] = self.step.vector::<S>(total[k], x);
                    if P::NUMBERS_ONLY {
                        numbers = S::mask_and(numbers, S::equal(x, x));
                    }
                });
                at = at.add(Self::ROUND);
            }
            unroll!(k < N { S::store(lanes.add(k * S::LANES), total[k]) });
            S::mask_to_bits(numbers) == S::mask_to_bits(S::equal(S::zero(), S::zero()))
        }
    }
}

impl<A: Real + Source<A>, T: Source<A>, P: Step> Kernel<A> for Along<'_, T, A, P> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<Scalar = A>>(mut self) {
        let x = self.x;
        let (whole, rest) = x.split_at(x.len() - x.len() % Self::ROUND);
        let before = *self.lanes;
        let mut numbers = true;
        for block in whole.chunks(BLOCK) {
            // SAFETY: the caller's; blocks are whole rounds, and the groups cover the accumulators exactly.
            unsafe {
                if LANES / S::LANES == 2 {
                    numbers &= self.rounds::<S, 2>(block, 0);
                } else {
                    for first in (0..LANES).step_by(4 * S::LANES) {
                        numbers &= self.rounds::<S, 4>(block, first);
                    }
                }
            }
        }
        if P::NUMBERS_ONLY && !(numbers && before.iter().all(|&lane| !is_nan(lane))) {
            *self.lanes = before;
            for (i, &x) in x.iter().enumerate() {
                self.lanes[i % LANES] = self.step.scalar(self.lanes[i % LANES], x.widen());
            }
            return;
        }
        for round in rest.chunks(LANES) {
            for (lane, &x) in self.lanes.iter_mut().zip(round) {
                *lane = self.step.scalar(*lane, x.widen());
            }
        }
    }
}

/// Steps `lanes[i % LANES]` with `x[i]` for all `i`, in order.
pub fn along<A: Real + Source<A>, T: Source<A>>(step: impl Step, lanes: &mut [A; LANES], x: &[T]) {
    // SAFETY: `level` is available.
    unsafe { simd::run(simd::level(), Along { step, lanes, x }) };
}

/// Merges the accumulators from `N` on into the `N` first ones.
#[inline(always)]
fn halve<const N: usize, A: Real>(merge: impl Step, lanes: &mut [A; LANES]) {
    for i in 0..N {
        lanes[i] = merge.scalar(lanes[i], lanes[i + N]);
    }
}

struct Total<'a, T, A, P, M> {
    steps: (P, M),
    start: A,
    x: &'a [T],
}

impl<A: Real + Source<A>, T: Source<A>, P: Step, M: Step> Kernel<A> for Total<'_, T, A, P, M> {
    type Output = A;

    #[inline(always)]
    unsafe fn run<S: Simd<Scalar = A>>(self) -> A {
        let Total { steps: (step, merge), start, x } = self;
        let mut lanes = [start; LANES];
        // SAFETY: the caller's.
        unsafe { Along { step, lanes: &mut lanes, x }.run::<S>() };
        let mut used = x.len().clamp(1, LANES).next_power_of_two();
        if used == LANES {
            // Loops of constant length become vectors.
            halve::<16, A>(merge, &mut lanes);
            halve::<8, A>(merge, &mut lanes);
            halve::<4, A>(merge, &mut lanes);
            used = 4;
        }
        while used > 1 {
            used /= 2;
            let (low, high) = lanes.split_at_mut(used);
            low.iter_mut().zip(&*high).for_each(|(a, &b)| *a = merge.scalar(*a, b));
        }
        lanes[0]
    }
}

/// All of `x` in one number: what [`along`] leaves in accumulators that begin with `start`, the upper half merged into
/// the lower one until one is left.
pub fn total<A: Real + Source<A>, T: Source<A>>(steps: (impl Step, impl Step), start: A, x: &[T]) -> A {
    // SAFETY: `level` is available.
    unsafe { simd::run(simd::level(), Total { steps, start, x }) }
}

/// The elements `i` of all rows, in the order of the vectors.
#[inline(always)]
fn column<A: Real, T: Source<A>, P: Step>(step: P, total: A, fours: &[[&[T]; 4]], singles: &[&[T]], i: usize) -> A {
    let total = fours.iter().fold(total, |total, &[a, b, c, d]| {
        if P::BY_PAIRS {
            step.scalar(step.scalar(total, a[i].widen_sum(b[i])), c[i].widen_sum(d[i]))
        } else {
            [a, b, c, d].iter().fold(total, |total, row| step.scalar(total, row[i].widen()))
        }
    });
    singles.iter().fold(total, |total, row| step.scalar(total, row[i].widen()))
}

struct Across<'a, T, A, P> {
    step: P,
    running: &'a mut [A],
    rows: &'a [&'a [T]],
}

impl<A: Real + Source<A>, T: Source<A>, P: Step> Kernel<A> for Across<'_, T, A, P> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<Scalar = A>>(self) {
        let Across { step, running, rows } = self;
        // SAFETY: the caller's.
        if P::NUMBERS_ONLY && unsafe { any_nan::<S, A>(running) || rows.iter().any(|row| any_nan::<S, T>(row)) } {
            for row in rows {
                running.iter_mut().zip(*row).for_each(|(total, &x)| *total = step.scalar(*total, x.widen()));
            }
            return;
        }
        let whole = running.len() - running.len() % S::LANES;
        let (fours, singles) = rows.as_chunks::<4>();
        // SAFETY: the rows are as long as `running`, and the loops end at `whole`.
        unsafe {
            let totals = running.as_mut_ptr();
            for rows in fours {
                let [a, b, c, d] = rows.map(<[T]>::as_ptr);
                for i in (0..whole).step_by(S::LANES) {
                    let mut total = S::load(totals.add(i));
                    if P::BY_PAIRS {
                        total = step.vector::<S>(total, T::load_sum::<S>(a.add(i), b.add(i)));
                        total = step.vector::<S>(total, T::load_sum::<S>(c.add(i), d.add(i)));
                    } else {
                        total = step.vector::<S>(total, T::load::<S>(a.add(i)));
                        total = step.vector::<S>(total, T::load::<S>(b.add(i)));
                        total = step.vector::<S>(total, T::load::<S>(c.add(i)));
                        total = step.vector::<S>(total, T::load::<S>(d.add(i)));
                    }
                    S::store(totals.add(i), total);
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
            *total = column(step, *total, fours, singles, i);
        }
    }
}

/// Steps `running[i]` with `row[i]` for all `i`, for one row after the other.
///
/// # Panics
/// If a row is shorter or longer than `running`.
#[track_caller]
pub fn across<A: Real + Source<A>, T: Source<A>>(step: impl Step, running: &mut [A], rows: &[&[T]]) {
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
