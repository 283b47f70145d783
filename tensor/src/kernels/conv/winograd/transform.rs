//! The one-dimensional transforms of F(4, 3), on vectors of channels, and their two-dimensional products.

use crate::simd::{Real, Simd};

/// A constant in every lane.
#[inline(always)]
unsafe fn constant<S: Simd>(value: f64) -> S::Vector {
    // SAFETY: the caller's.
    unsafe { S::splat(S::Scalar::from_f64(value)) }
}

/// `B^T d`.
#[inline(always)]
pub(super) unsafe fn input<S: Simd>(d: [S::Vector; 6]) -> [S::Vector; 6] {
    // SAFETY: the caller's: the level is available, as for all functions of this file.
    unsafe {
        let (four, five, two) = (constant::<S>(4.0), constant::<S>(-5.0), constant::<S>(2.0));
        let minus_four = constant::<S>(-4.0);
        let minus_two = constant::<S>(-2.0);
        let a = S::fma(minus_four, d[2], d[4]);
        let b = S::fma(minus_four, d[1], d[3]);
        let c = S::sub(d[4], d[2]);
        let e = S::sub(d[3], d[1]);
        [
            S::fma(four, d[0], S::fma(five, d[2], d[4])),
            S::add(a, b),
            S::sub(a, b),
            S::fma(two, e, c),
            S::fma(minus_two, e, c),
            S::fma(four, d[1], S::fma(five, d[3], d[5])),
        ]
    }
}

/// `A^T m`.
#[inline(always)]
pub(super) unsafe fn output<S: Simd>(m: [S::Vector; 6]) -> [S::Vector; 4] {
    // SAFETY: the caller's.
    unsafe {
        let (two, four, eight) = (constant::<S>(2.0), constant::<S>(4.0), constant::<S>(8.0));
        let (near_sum, near_difference) = (S::add(m[1], m[2]), S::sub(m[1], m[2]));
        let (far_sum, far_difference) = (S::add(m[3], m[4]), S::sub(m[3], m[4]));
        [
            S::add(m[0], S::add(near_sum, far_sum)),
            S::fma(two, far_difference, near_difference),
            S::fma(four, far_sum, near_sum),
            S::add(S::fma(eight, far_difference, near_difference), m[5]),
        ]
    }
}

/// `A g`, the adjoint of [`output`].
#[inline(always)]
pub(super) unsafe fn gradient<S: Simd>(g: [S::Vector; 4]) -> [S::Vector; 6] {
    // SAFETY: the caller's.
    unsafe {
        let (two, four, eight) = (constant::<S>(2.0), constant::<S>(4.0), constant::<S>(8.0));
        let (even, odd) = (S::add(g[0], g[2]), S::add(g[1], g[3]));
        let far_even = S::fma(four, g[2], g[0]);
        let far_odd = S::fma(eight, g[3], S::mul(two, g[1]));
        [g[0], S::add(even, odd), S::sub(even, odd), S::add(far_even, far_odd), S::sub(far_even, far_odd), g[3]]
    }
}

/// `G w`.
#[inline(always)]
pub(super) unsafe fn weight<S: Simd>(w: [S::Vector; 3]) -> [S::Vector; 6] {
    // SAFETY: the caller's.
    unsafe {
        let (quarter, sixth) = (constant::<S>(1.0 / 4.0), constant::<S>(1.0 / 6.0));
        let (twelfth, twenty_fourth) = (constant::<S>(1.0 / 12.0), constant::<S>(1.0 / 24.0));
        let even = S::mul(sixth, S::add(w[0], w[2]));
        let odd = S::mul(sixth, w[1]);
        let far_even = S::fma(sixth, w[2], S::mul(twenty_fourth, w[0]));
        let far_odd = S::mul(twelfth, w[1]);
        [
            S::mul(quarter, w[0]),
            S::neg(S::add(even, odd)),
            S::sub(odd, even),
            S::add(far_even, far_odd),
            S::sub(far_even, far_odd),
            w[2],
        ]
    }
}

/// `G^T u`, the adjoint of [`weight`].
#[inline(always)]
pub(super) unsafe fn weight_gradient<S: Simd>(u: [S::Vector; 6]) -> [S::Vector; 3] {
    // SAFETY: the caller's.
    unsafe {
        let (quarter, sixth) = (constant::<S>(1.0 / 4.0), constant::<S>(1.0 / 6.0));
        let (twelfth, twenty_fourth) = (constant::<S>(1.0 / 12.0), constant::<S>(1.0 / 24.0));
        let near_sum = S::mul(sixth, S::add(u[1], u[2]));
        let near_difference = S::mul(sixth, S::sub(u[2], u[1]));
        let (far_sum, far_difference) = (S::add(u[3], u[4]), S::sub(u[3], u[4]));
        [
            S::sub(S::fma(quarter, u[0], S::mul(twenty_fourth, far_sum)), near_sum),
            S::fma(twelfth, far_difference, near_difference),
            S::add(S::sub(S::mul(sixth, far_sum), near_sum), u[5]),
        ]
    }
}

/// An array of the values of an expression at the indices 0, 1, ...: written out, so that the compiler neither loops over
/// vectors nor clears an array before it is filled.
macro_rules! array {
    ($i:ident, $value:expr; $($at:literal)*) => {
        [$({
            let $i: usize = $at;
            $value
        }),*]
    };
}
macro_rules! three {
    ($i:ident => $value:expr) => { array!($i, $value; 0 1 2) };
}
macro_rules! four {
    ($i:ident => $value:expr) => { array!($i, $value; 0 1 2 3) };
}
macro_rules! six {
    ($i:ident => $value:expr) => { array!($i, $value; 0 1 2 3 4 5) };
}
pub(super) use {array, four, six, three};

/// Makes the second half of a two-dimensional transform of `$n`x`$n` values to `$m`x`$m`, whose columns are transformed:
/// each row of the result is put somewhere as soon as it is there, so that few vectors are alive.
macro_rules! rows {
    ($(#[$meta:meta])* $name:ident = $line:ident, [$n:literal, $from:ident] => [$m:literal, $to:ident]) => {
        $(#[$meta])*
        #[inline(always)]
        pub(super) unsafe fn $name<S: Simd>(
            columns: &[[S::Vector; $m]; $n],
            mut put: impl FnMut(usize, [S::Vector; $m]),
        ) {
            // SAFETY: the caller's.
            unsafe {
                $to!(i => put(i, $line::<S>($from!(j => columns[j][i]))));
            }
        }
    };
}
rows! {
    /// `B^T d B`, from the columns of `B^T d`.
    input_rows = input, [6, six] => [6, six]
}
rows! {
    /// `A^T m A`, from the columns of `A^T m`.
    output_rows = output, [6, six] => [4, four]
}
rows! {
    /// `A g A^T`, from the columns of `A g`.
    gradient_rows = gradient, [4, four] => [6, six]
}
rows! {
    /// `G w G^T`, from the columns of `G w`.
    weight_rows = weight, [3, three] => [6, six]
}
rows! {
    /// `G^T u G`, from the columns of `G^T u`.
    weight_gradient_rows = weight_gradient, [6, six] => [3, three]
}
