//! The product of very few rows with a matrix whose k axis lies contiguous, as `y = x W^T` at batch 1.
//!
//! Packing would read and write all of W to use it once or twice. Instead each output is a dot product along k: a few
//! rows by four columns at a time, so that every vector loaded is used several times.

use super::micro::Finish;
use crate::simd::{Real, Simd, dispatch, unroll};

/// Rows that one pass takes.
pub(super) const MAX_ROWS: usize = 4;

/// `c[r][j] = finish(sum over l < k of a[r * a_row + l] * b[j * b_row + l])` for some rows and columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<T> {
    pub(super) k: usize,
    pub(super) columns: usize,
    pub(super) a: *const T,
    pub(super) a_row: isize,
    pub(super) b: *const T,
    pub(super) b_row: isize,
    pub(super) c: *mut T,
    pub(super) c_row: usize,
    pub(super) finish: Finish<T>,
}

dispatch! {
    /// Computes R rows.
    ///
    /// # Safety
    /// `level` is available; the elements that [`Rows`] names are valid, and C's are nobody else's.
    pub(super) unsafe fn rows<T>[const R: usize](rows: &Rows<T>) = rows_kernel;
}

#[inline(always)]
unsafe fn rows_kernel<S: Simd, const R: usize>(x: &Rows<S::Scalar>) {
    let mut j = 0;
    // SAFETY: the caller's; columns from j on exist.
    unsafe {
        while j + 4 <= x.columns {
            columns_kernel::<S, R, 4>(x, j);
            j += 4;
        }
        while j < x.columns {
            columns_kernel::<S, R, 1>(x, j);
            j += 1;
        }
    }
}

/// Computes R rows of the columns `j .. j + N`.
#[inline(always)]
unsafe fn columns_kernel<S: Simd, const R: usize, const N: usize>(x: &Rows<S::Scalar>, j: usize) {
    // SAFETY: the caller's; l stays below k, r below R, n below N.
    unsafe {
        let mut acc = [[S::zero(); N]; R];
        let b = x.b.offset(j as isize * x.b_row);
        let mut l = 0;
        while l + S::LANES <= x.k {
            let mut rows = [S::zero(); R];
            unroll!(r < R {
                rows[r] = S::load(x.a.offset(r as isize * x.a_row + l as isize));
            });
            unroll!(n < N {
                let column = S::load(b.offset(n as isize * x.b_row + l as isize));
                unroll!(r < R {
                    acc[r][n] = S::fma(rows[r], column, acc[r][n]);
                });
            });
            l += S::LANES;
        }
        let rest = x.k - l;
        if rest > 0 {
            unroll!(n < N {
                let column = S::load_first(b.offset(n as isize * x.b_row + l as isize), rest);
                unroll!(r < R {
                    let row = S::load_first(x.a.offset(r as isize * x.a_row + l as isize), rest);
                    acc[r][n] = S::fma(row, column, acc[r][n]);
                });
            });
        }
        // The address of the array is taken from here on, which must not touch the accumulators of the loops above.
        let done = acc;
        finish_at(S::LEVEL, x, done.as_ptr().cast(), [R, N], j);
    }
}

dispatch! {
    /// Stores the outputs of a few rows and columns: compiled once, not for each size.
    unsafe fn finish_at<T>(x: &Rows<T>, sums: *const T, sizes: [usize; 2], j: usize) = finish_kernel;
}

/// `sums` holds a vector for each output, rows by columns.
#[inline(always)]
unsafe fn finish_kernel<S: Simd>(x: &Rows<S::Scalar>, sums: *const S::Scalar, [rows, columns]: [usize; 2], j: usize) {
    let Finish { accumulate, row_bias, column_bias, relu } = x.finish;
    for r in 0..rows {
        for n in 0..columns {
            // SAFETY: the caller's; the outputs exist.
            unsafe {
                let mut y = S::reduce_add(S::load(sums.add((r * columns + n) * S::LANES)));
                let c = x.c.add(r * x.c_row + j + n);
                if accumulate {
                    y = *c + y;
                }
                if !row_bias.is_null() {
                    y += *row_bias.add(r);
                }
                if !column_bias.is_null() {
                    y += *column_bias.add(j + n);
                }
                *c = if relu && y < S::Scalar::ZERO { S::Scalar::ZERO } else { y };
            }
        }
    }
}
