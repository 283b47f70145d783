//! Packing: copies of blocks of A and B in the order in which the micro-kernel reads them.
//!
//! A panel of B is `[k][width]`, width a whole number of vectors, filled up with zeros; a panel of A is `[k][rows]`.
//! Packing is also where transposed matrices turn: the micro-kernel itself needs the columns of B side by side.

use crate::simd::{Real, Simd, dispatch};

/// A matrix by pointer and strides.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels) struct Source<T> {
    pub(in crate::kernels) start: *const T,
    /// Steps along k, and along the panel's other axis (rows of A, columns of B).
    pub(in crate::kernels) step: isize,
    pub(in crate::kernels) across: isize,
}

// SAFETY: a source is only read, within a matrix borrowed for the time of the product.
unsafe impl<T: Sync> Sync for Source<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Send for Source<T> {}

impl<T> Source<T> {
    /// The part that starts at `k` and `other` along the two axes.
    pub(super) fn at(&self, k: usize, other: usize) -> Source<T> {
        let offset = k as isize * self.step + other as isize * self.across;
        Source { start: self.start.wrapping_offset(offset), ..*self }
    }
}

dispatch! {
    /// Writes the `[k][width]` panel of `from`'s first `count <= width` columns to `to`; `width` is a multiple of the
    /// vector length.
    ///
    /// # Safety
    /// `level` is available, the source is valid for `k` x `count` elements and `to` for `k * width`.
    pub(in crate::kernels) unsafe fn wide<T>(from: Source<T>, k: usize, count: usize, width: usize, to: *mut T) = wide_kernel;
}

dispatch! {
    /// Writes the `[k][rows]` panel of `from`'s first `rows` rows to `to`.
    ///
    /// # Safety
    /// `level` is available, the source is valid for `k` x `rows` elements and `to` for `k * rows` and one vector more.
    pub(super) unsafe fn narrow<T>(from: Source<T>, k: usize, rows: usize, to: *mut T) = narrow_kernel;
}

#[inline(always)]
unsafe fn wide_kernel<S: Simd>(from: Source<S::Scalar>, k: usize, count: usize, width: usize, to: *mut S::Scalar) {
    // SAFETY: the caller's; every access is to a `k` below `k` and a column below `count` (source) or `width` (panel).
    unsafe {
        if from.across == 1 {
            for l in 0..k {
                let row = from.start.offset(l as isize * from.step);
                let to = to.add(l * width);
                let mut j = 0;
                while j + S::LANES <= count {
                    S::store(to.add(j), S::load(row.add(j)));
                    j += S::LANES;
                }
                if j < count {
                    S::store(to.add(j), S::load_first(row.add(j), count - j));
                    j += S::LANES;
                }
                while j < width {
                    S::store(to.add(j), S::zero());
                    j += S::LANES;
                }
            }
            return;
        }
        let blocks = if from.step == 1 { k - k % S::LANES } else { 0 };
        let mut j = 0;
        while j < width {
            let rows = count.saturating_sub(j).min(S::LANES);
            let column = from.start.wrapping_offset(j as isize * from.across);
            let mut l = 0;
            while l < blocks {
                S::transpose(column.wrapping_add(l), from.across, rows, to.add(l * width + j), width);
                l += S::LANES;
            }
            for l in blocks..k {
                for i in 0..S::LANES {
                    let offset = l as isize * from.step + i as isize * from.across;
                    let value = if i < rows { *column.offset(offset) } else { S::Scalar::ZERO };
                    *to.add(l * width + j + i) = value;
                }
            }
            j += S::LANES;
        }
    }
}

#[inline(always)]
unsafe fn narrow_kernel<S: Simd>(from: Source<S::Scalar>, k: usize, rows: usize, to: *mut S::Scalar) {
    // SAFETY: the caller's; a whole vector written at the panel's end reaches at most one vector beyond it, and what it
    // writes into the next step's place is overwritten by that step.
    unsafe {
        if rows <= S::LANES && from.across == 1 {
            for l in 0..k {
                S::store(to.add(l * rows), S::load_first(from.start.offset(l as isize * from.step), rows));
            }
            return;
        }
        let blocks = if rows <= S::LANES && from.step == 1 { k - k % S::LANES } else { 0 };
        let mut l = 0;
        while l < blocks {
            S::transpose(from.start.add(l), from.across, rows, to.add(l * rows), rows);
            l += S::LANES;
        }
        for l in blocks..k {
            for r in 0..rows {
                *to.add(l * rows + r) = *from.start.offset(l as isize * from.step + r as isize * from.across);
            }
        }
    }
}
