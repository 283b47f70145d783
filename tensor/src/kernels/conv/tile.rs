//! The two micro-kernels that carry every dense convolution: a block of accumulators in registers, fed by one scalar
//! broadcast per accumulator row and one vector load per accumulator column.
//!
//! [`gather`] computes `out[p][lane] = sum a[p * a_step + ...] * b[...][lane]`: pixels by output channels, over filter
//! rows that are contiguous in NHWC (all of a row's `kw * c` values follow one another, so one kernel serves any
//! filter size, stride, dilation and channel count, and matrix products). [`outer`] computes weight gradients: filter
//! positions by output channels, over pixels.

use super::unroll::{each, each_of_four, each_vector};
use crate::kernels::norm::{Activation, Bounds};
use crate::simd::{Level, Real, Simd, dispatch, in_register};

/// What is done to a tile's sums before they are stored.
#[derive(Clone, Copy)]
pub(super) struct Finish<T> {
    /// Added per lane; null for none. Valid for as many lanes as the tile stores.
    pub(super) bias: *const T,
    /// Added per output, and lying like the outputs; null for none.
    pub(super) addend: *const T,
    /// What comes last.
    pub(super) activation: Activation,
}

impl<T> Finish<T> {
    /// Stores the sums as they are.
    pub(super) const NONE: Finish<T> =
        Finish { bias: std::ptr::null(), addend: std::ptr::null(), activation: Activation::Identity };
}

/// The operands of [`gather`].
pub(super) struct Gather<'a, T> {
    /// The first pixel's first element.
    pub(super) a: *const T,
    /// From a pixel to the next.
    pub(super) a_step: usize,
    /// Where each filter row starts, from `a` on.
    pub(super) rows: &'a [usize],
    /// Elements per filter row.
    pub(super) run: usize,
    /// Packed weights, `[rows][run][vectors * LANES]`.
    pub(super) b: *const T,
    /// The first pixel's first output.
    pub(super) out: *mut T,
    /// From an output pixel to the next.
    pub(super) out_step: usize,
    /// Valid lanes of all vectors together; the last vector holds at least one.
    pub(super) lanes: usize,
    /// What happens before the store.
    pub(super) finish: Finish<T>,
}

/// Most accumulator rows for one and for two vectors. `f64`, which checks gradients, and the portable level, which meets
/// old processors alone, have fewer sizes to compile.
const fn most<S: Simd>() -> [usize; 2] {
    match (S::LEVEL, size_of::<S::Scalar>()) {
        (Level::Portable, _) => [6, 4],
        (_, 8) => [8, 6],
        (Level::Avx512 | Level::Neon, _) => [16, 14],
        (Level::Avx2, _) => [12, 6],
    }
}

/// Steps that a loop takes at a time: few iterations for those that wait for them, little code for those that do not.
const fn unrolled<S: Simd>(steps: usize) -> usize {
    match (S::LEVEL, size_of::<S::Scalar>()) {
        (Level::Portable, _) | (_, 8) => 1,
        _ => steps,
    }
}

/// One step of a tile of `P` rows by `V` vectors: the scalar of each row `$p`, at `$at`, times the vectors at `$b`.
macro_rules! multiply {
    ($sums:ident, $b:expr, $p:ident => $at:expr) => {
        let (b, mut column) = ($b, [S::zero(); V]);
        each_vector!(V, v => column[v] = S::load(b.add(v * S::LANES)));
        each!(P, $p => {
            let scalar = S::splat(*$at);
            each_vector!(V, v => $sums[$p][v] = S::fma(scalar, column[v], $sums[$p][v]));
        });
    };
}

#[inline(always)]
unsafe fn gather_tile<S: Simd, const P: usize, const V: usize>(call: &Gather<'_, S::Scalar>) {
    // A constant block, so that tiles too large for a level cost no code there.
    if const { P > most::<S>()[V - 1] } {
        unreachable!("tile: {P} x {V} accumulators do not fit {} registers", S::REGISTERS);
    }
    // SAFETY: the caller of `gather` vouches for every pointer of `call`; `rows` and `run` bound what is read.
    unsafe {
        let mut acc = [[S::zero(); V]; P];
        let mut b = call.b;
        let (step, steps) = (call.a_step, const { unrolled::<S>(4) });
        for &row in call.rows {
            let mut a = call.a.add(row);
            // Four positions at a time, with as little as can be beside products and what these read: cores issue a
            // limited number of instructions a cycle, for two threads together where these share a core.
            if const { V == 2 || P + 4 >= S::REGISTERS } {
                let mut bases = [a; 16];
                each!(P.div_ceil(3), j => bases[j] = in_register(a.wrapping_add(3 * j * step)));
                for _ in 0..call.run / steps {
                    each_of_four!(unrolled::<S>(4), i => {
                        multiply!(acc, b.add(i * V * S::LANES), p => bases[p / 3].add(p % 3 * step + i));
                    });
                    each!(P.div_ceil(3), j => bases[j] = in_register(bases[j].wrapping_add(steps)));
                    b = b.add(steps * V * S::LANES);
                }
                a = bases[0];
            } else {
                // With one vector every product reads memory, and addresses of a base and an index keep some cores from
                // issuing two a cycle: four positions share one address.
                for _ in 0..call.run / steps {
                    let mut columns = [S::zero(); 4];
                    each_of_four!(unrolled::<S>(4), i => columns[i] = S::load(b.add(i * S::LANES)));
                    let mut pixel = a;
                    each!(P, p => {
                        if p > 0 {
                            pixel = in_register(pixel.wrapping_add(step));
                        }
                        each_of_four!(unrolled::<S>(4), i => {
                            acc[p][0] = S::fma(S::splat(*pixel.add(i)), columns[i], acc[p][0]);
                        });
                    });
                    a = a.add(steps);
                    b = b.add(steps * S::LANES);
                }
            }
            for _ in 0..call.run % steps {
                multiply!(acc, b, p => a.add(p * step));
                a = a.add(1);
                b = b.add(V * S::LANES);
            }
        }
        let tail = call.lanes - (V - 1) * S::LANES;
        let finish = &call.finish;
        // Masks cost some cores ten times as much.
        let load = |from: *const S::Scalar, v: usize| {
            let from = from.add(v * S::LANES);
            if v + 1 < V || tail == S::LANES { S::load(from) } else { S::load_first(from, tail) }
        };
        if !finish.bias.is_null() {
            each_vector!(V, v => {
                let bias = load(finish.bias, v);
                each!(P, p => acc[p][v] = S::add(acc[p][v], bias));
            });
        }
        if !finish.addend.is_null() {
            each!(P, p => each_vector!(V, v => {
                acc[p][v] = S::add(acc[p][v], load(finish.addend.add(p * call.out_step), v));
            }));
        }
        if finish.activation != Activation::Identity {
            let bounds = Bounds::<S>::of(finish.activation);
            each!(P, p => each_vector!(V, v => acc[p][v] = bounds.apply(acc[p][v])));
        }
        let out = call.out;
        if tail == S::LANES {
            each!(P, p => each_vector!(V, v => S::store(out.add(p * call.out_step + v * S::LANES), acc[p][v])));
        } else {
            each!(P, p => {
                let out = out.add(p * call.out_step);
                each_vector!(V, v => if v + 1 == V {
                    S::store_first(out.add(v * S::LANES), tail, acc[p][v]);
                } else {
                    S::store(out.add(v * S::LANES), acc[p][v]);
                });
            });
        }
    }
}

/// The operands of [`outer`].
pub(super) struct Outer<'a, T> {
    /// The first of the consecutive filter positions, at the first pixel.
    pub(super) a: *const T,
    /// From a pixel to the next in `a`.
    pub(super) a_move: usize,
    /// The first of the consecutive output channels, at the first pixel.
    pub(super) b: *const T,
    /// From a pixel to the next in `b`.
    pub(super) b_move: usize,
    /// Where each row of pixels starts, from `a` and from `b` on.
    pub(super) rows: &'a [[usize; 2]],
    /// Pixels per row.
    pub(super) run: usize,
    /// The sums: `vectors * LANES` for each filter position.
    pub(super) out: *mut T,
    /// From a filter position to the next in `out`.
    pub(super) out_step: usize,
    /// Whether the products are added to what is there already.
    pub(super) adds: bool,
}

#[inline(always)]
unsafe fn outer_tile<S: Simd, const P: usize, const V: usize>(call: &Outer<'_, S::Scalar>) {
    // A constant block, so that tiles too large for a level cost no code there.
    if const { P > most::<S>()[V - 1] } {
        unreachable!("tile: {P} x {V} accumulators do not fit {} registers", S::REGISTERS);
    }
    // SAFETY: the caller of `outer` vouches for every pointer of `call`; `rows` and `run` bound what is read.
    unsafe {
        let (mut acc, steps) = ([[S::zero(); V]; P], const { unrolled::<S>(2) });
        for &[row_a, row_b] in call.rows {
            let (mut a, mut b) = (call.a.add(row_a), call.b.add(row_b));
            // Two pixels at a time, as above.
            for _ in 0..call.run / steps {
                each_vector!(unrolled::<S>(2), i => {
                    multiply!(acc, b.add(i * call.b_move), p => a.add(i * call.a_move + p));
                });
                a = in_register(a.wrapping_add(steps * call.a_move));
                b = in_register(b.wrapping_add(steps * call.b_move));
            }
            if call.run % steps == 1 {
                multiply!(acc, b, p => a.add(p));
            }
        }
        if call.adds {
            each!(P, p => each_vector!(V, v => {
                acc[p][v] = S::add(S::load(call.out.add(p * call.out_step + v * S::LANES)), acc[p][v]);
            }));
        }
        each!(P, p => each_vector!(V, v => S::store(call.out.add(p * call.out_step + v * S::LANES), acc[p][v])));
    }
}

dispatch! {
    unsafe fn gather_at<T>[const P: usize, const V: usize](call: &Gather<'_, T>) = gather_tile;
}
dispatch! {
    unsafe fn outer_at<T>[const P: usize, const V: usize](call: &Outer<'_, T>) = outer_tile;
}

macro_rules! by_size {
    ($at:ident, $level:expr, $p:expr, $v:expr, $call:expr; $($size:literal)*) => {
        match ($v, $p) {
            $((1, $size) => $at::<T, $size, 1>($level, $call),)*
            $((2, $size) => $at::<T, $size, 2>($level, $call),)*
            (v, p) => unreachable!("tile: no micro-kernel of {p} x {v}"),
        }
    };
}

/// Computes `pixels` pixels by `vectors` vectors of output channels.
///
/// # Safety
/// `level` is available; `call`'s pointers are valid for what its fields describe, and nobody else touches its
/// outputs meanwhile.
pub(super) unsafe fn gather<T: Real>(level: Level, pixels: usize, vectors: usize, call: &Gather<'_, T>) {
    // SAFETY: the caller's.
    unsafe { by_size!(gather_at, level, pixels, vectors, call; 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16) }
}

/// Sums the products of `positions` filter positions by `vectors` vectors of output channels.
///
/// # Safety
/// As for [`gather`].
pub(super) unsafe fn outer<T: Real>(level: Level, positions: usize, vectors: usize, call: &Outer<'_, T>) {
    // SAFETY: the caller's.
    unsafe { by_size!(outer_at, level, positions, vectors, call; 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16) }
}

/// What one level offers for one type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// The instruction set.
    pub(super) level: Level,
    /// Scalars per vector.
    pub(super) lanes: usize,
    /// Most accumulator rows for one and for two vectors.
    pub(super) most: [usize; 2],
}

#[inline(always)]
unsafe fn shape_of<S: Simd>() -> Shape {
    Shape { level: S::LEVEL, lanes: S::LANES, most: most::<S>() }
}
dispatch! {
    unsafe fn shape_at<T>() -> Shape = shape_of;
}

impl Shape {
    /// The shape of the current level.
    pub(super) fn current<T: Real>() -> Shape {
        // SAFETY: `level()` is available, and the function executes no vector instruction.
        unsafe { shape_at::<T>(crate::simd::level()) }
    }

    /// `lanes` rounded up to whole vectors.
    pub(super) fn padded(&self, lanes: usize) -> usize {
        lanes.next_multiple_of(self.lanes)
    }

    /// Cuts `channels` into blocks of two vectors, and one where no more is left: `(first channel, vectors)`.
    pub(super) fn blocks(&self, channels: usize) -> impl Iterator<Item = (usize, usize)> + Clone + use<> {
        let lanes = self.lanes;
        (0..channels).step_by(2 * lanes).map(move |first| (first, if channels - first > lanes { 2 } else { 1 }))
    }

    /// Cuts `count` accumulator rows into tiles of nearly equal size: `(first, size)`.
    pub(super) fn tiles(&self, count: usize, vectors: usize) -> impl Iterator<Item = (usize, usize)> + Clone + use<> {
        let tiles = count.div_ceil(self.most[vectors - 1]).max(1);
        let (size, larger) = (count / tiles, count % tiles);
        (0..tiles).map(move |i| (i * size + i.min(larger), size + usize::from(i < larger))).filter(|tile| tile.1 > 0)
    }
}

/// A pointer that tasks share; each writes to its own part of what it points to.
pub(super) struct Shared<T>(pub(super) *mut T);
// SAFETY: the tasks that share it write to disjoint parts, as each use states.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}
impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Shared<T> {}

impl<T> Shared<T> {
    /// The element `at`.
    ///
    /// # Safety
    /// As for `<*mut T>::add`.
    pub(super) unsafe fn at(&self, at: usize) -> *mut T {
        // SAFETY: the caller's.
        unsafe { self.0.add(at) }
    }
}
