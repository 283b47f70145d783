//! Large products without vector instructions of our own: the `matrixmultiply` crate.
//!
//! The portable level meets CPUs that have AVX but not AVX2, or no vectors that we name; matrixmultiply has kernels for
//! more of them than we do, and measured 2.8 times as fast as portable code (104 against 37 GF/s for `f32` at 256 cubed).
//! At every other level our own `f32` code is as fast or faster; `f64` was measured with the vectors of AVX-512, which it
//! no longer has.

use super::blocked::Product;
use crate::parallel;
use crate::simd::Real;

/// Multiply-adds from which packing twice pays.
pub(super) const WORK: usize = 1 << 18;
/// Rows of C that one task computes.
const ROWS: usize = 128;

/// A function of matrixmultiply: sizes, alpha, a, b, beta, c, matrices by pointer and strides.
pub(super) type Gemm<T> =
    unsafe fn(usize, usize, usize, T, *const T, isize, isize, *const T, isize, isize, T, *mut T, isize, isize);

/// Computes the product by `gemm`.
///
/// # Safety
/// The matrices and biases of `p` are valid, C exclusively.
pub(super) unsafe fn run<T: Real>(gemm: Gemm<T>, p: &Product<T>) {
    parallel::for_each(p.m.div_ceil(ROWS), |task| {
        let first = task * ROWS;
        let rows = ROWS.min(p.m - first);
        let c = p.c.wrapping_add(first * p.c_row);
        let beta = if p.finish.accumulate { T::ONE } else { T::ZERO };
        let a = p.a.at(0, first);
        // SAFETY: the caller's; the rows from `first` on exist, and this task alone writes them.
        unsafe {
            let (a, b) = ((a.start, a.across, a.step), (p.b.start, p.b.step, p.b.across));
            gemm(rows, p.k, p.n, T::ONE, a.0, a.1, a.2, b.0, b.1, b.2, beta, c, p.c_row as isize, 1);
            for i in 0..rows {
                for j in 0..p.n {
                    let y = &mut *c.add(i * p.c_row + j);
                    if !p.finish.row_bias.is_null() {
                        *y += *p.finish.row_bias.add(first + i);
                    }
                    if !p.finish.column_bias.is_null() {
                        *y += *p.finish.column_bias.add(j);
                    }
                    if p.finish.relu && *y < T::ZERO {
                        *y = T::ZERO;
                    }
                }
            }
        }
    });
}
