//! Matrix products of strided matrices, with an optional bias and ReLU before the result is stored.
//!
//! Three ways, chosen by sizes and strides alone: dot products for very few rows times a matrix that lies along k
//! (`dot.rs`), and the blocked product (`blocked.rs`) over the register tiles of `micro.rs`, with packing (`pack.rs`)
//! where the matrices are large or lie across. The portable level leaves large products to matrixmultiply
//! (`fallback.rs`). Single rows and columns are the same cases with the operands swapped.

mod blocked;
mod dot;
mod fallback;
mod micro;
pub(super) mod pack;
#[cfg(test)]
mod tests;

use std::any::TypeId;

use crate::simd::{self, Level, Real};
use crate::{Element, parallel};

/// A matrix inside a slice.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, T> {
    /// The slice.
    pub data: &'a [T],
    /// The position of the element in row 0, column 0.
    pub offset: usize,
    /// Steps from row to row and from column to column.
    pub strides: [isize; 2],
}

impl<T> Matrix<'_, T> {
    /// Whether every element of a `rows` x `columns` matrix lies inside the slice.
    fn fits(&self, rows: usize, columns: usize) -> bool {
        let reach = |count: usize, stride: isize| (count as isize - 1) * stride;
        let (a, b) = (reach(rows, self.strides[0]), reach(columns, self.strides[1]));
        let low = self.offset as isize + a.min(0) + b.min(0);
        let high = self.offset as isize + a.max(0) + b.max(0);
        low >= 0 && (high as usize) < self.data.len()
    }
}

/// What is added to a product and done to it before it is stored; the default is nothing.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a, T> {
    /// Adds the product to what `out` holds instead of replacing it.
    pub accumulate: bool,
    /// `m` summands, one per row.
    pub row_bias: Option<&'a [T]>,
    /// `n` summands, one per column.
    pub column_bias: Option<&'a [T]>,
    /// Replaces negative results by 0, last.
    pub relu: bool,
}

impl<T> Default for Epilogue<'_, T> {
    fn default() -> Self {
        Epilogue { accumulate: false, row_bias: None, column_bias: None, relu: false }
    }
}

/// `out = a b`, row-major, for `f32` and `f64`, with sizes `[m, k, n]`.
///
/// # Panics
/// If a matrix reaches outside its slice, or `T` is no float.
#[track_caller]
pub fn product<T: Element>(a: Matrix<'_, T>, b: Matrix<'_, T>, sizes: [usize; 3], out: &mut [T]) {
    product_with(a, b, sizes, out, Epilogue::default());
}

/// `out = a b` with what `epilogue` adds, row-major, for `f32` and `f64`, with sizes `[m, k, n]`.
///
/// # Panics
/// If a matrix reaches outside its slice, a bias has another length, or `T` is no float.
#[track_caller]
pub fn product_with<T: Element>(
    a: Matrix<'_, T>,
    b: Matrix<'_, T>,
    [m, k, n]: [usize; 3],
    out: &mut [T],
    epilogue: Epilogue<'_, T>,
) {
    assert!(out.len() == m * n, "gemm: out has {} elements but the product {m} x {n}", out.len());
    if out.is_empty() {
        return;
    }
    assert!(k == 0 || (a.fits(m, k) && b.fits(k, n)), "gemm: a matrix reaches outside its slice");
    assert!(epilogue.row_bias.is_none_or(|bias| bias.len() == m), "gemm: the row bias is not {m} long");
    assert!(epilogue.column_bias.is_none_or(|bias| bias.len() == n), "gemm: the column bias is not {n} long");
    let null = std::ptr::null();
    let p = blocked::Product {
        m,
        k,
        n,
        a: pack::Source { start: a.data.as_ptr().wrapping_add(a.offset), step: a.strides[1], across: a.strides[0] },
        b: pack::Source { start: b.data.as_ptr().wrapping_add(b.offset), step: b.strides[0], across: b.strides[1] },
        c: out.as_mut_ptr(),
        c_row: n,
        finish: micro::Finish {
            accumulate: epilogue.accumulate,
            row_bias: epilogue.row_bias.map_or(null, <[T]>::as_ptr),
            column_bias: epilogue.column_bias.map_or(null, <[T]>::as_ptr),
            relu: epilogue.relu,
        },
    };
    if TypeId::of::<T>() == TypeId::of::<f32>() {
        // SAFETY: T is f32; matrices and biases were checked to lie in slices that are borrowed until we return.
        unsafe { run::<f32>(p.cast(), matrixmultiply::sgemm) };
    } else {
        assert!(TypeId::of::<T>() == TypeId::of::<f64>(), "gemm: expected a float dtype");
        // SAFETY: as above, with f64.
        unsafe { run::<f64>(p.cast(), matrixmultiply::dgemm) };
    }
}

/// The level whose vectors `T` has here, as `dispatch!` chooses them.
fn level_of<T>() -> Level {
    match simd::level() {
        Level::Avx512 if size_of::<T>() == 8 => Level::Avx2,
        level => level,
    }
}

/// Lanes of a vector of `T`.
fn lanes<T: Real>(level: Level) -> usize {
    let bytes = match level {
        Level::Avx512 => 64,
        Level::Avx2 => 32,
        Level::Neon | Level::Portable => 16,
    };
    bytes / size_of::<T>()
}

/// Multiply-adds of one task of dot products.
const DOT_WORK: usize = 1 << 15;

/// Chooses the way.
///
/// # Safety
/// Matrices and biases of `p` are valid, C exclusively; m and n are at least 1.
unsafe fn run<T: Real>(mut p: blocked::Product<T>, portable: fallback::Gemm<T>) {
    let level = level_of::<T>();
    if p.n == 1 && p.m > 1 && p.c_row == 1 {
        // A column: the same numbers as the row that is its transpose.
        (p.m, p.n) = (p.n, p.m);
        (p.a, p.b) = (p.b, p.a);
        p.c_row = p.n;
        (p.finish.row_bias, p.finish.column_bias) = (p.finish.column_bias, p.finish.row_bias);
    }
    let along_k = p.b.step == 1 && p.b.across != 1 && (p.a.step == 1 || p.k == 1);
    if p.m > dot::MAX_ROWS || !along_k {
        if level == Level::Portable && p.m * p.k * p.n >= fallback::WORK {
            // SAFETY: the caller's.
            return unsafe { fallback::run(portable, &p) };
        }
        // SAFETY: the caller's.
        return unsafe { blocked::run(level, lanes::<T>(level), &p) };
    }
    let columns = (DOT_WORK / (p.k * p.m).max(1)).max(4) & !3;
    let whole = &p;
    parallel::for_each(p.n.div_ceil(columns), |task| {
        let p = whole;
        let first = task * columns;
        let mut finish = p.finish;
        if !finish.column_bias.is_null() {
            finish.column_bias = finish.column_bias.wrapping_add(first);
        }
        let rows = dot::Rows {
            k: p.k,
            columns: columns.min(p.n - first),
            a: p.a.start,
            a_row: p.a.across,
            b: p.b.at(0, first).start,
            b_row: p.b.across,
            c: p.c.wrapping_add(first),
            c_row: p.c_row,
            finish,
        };
        // SAFETY: the caller's; each task writes columns of its own.
        unsafe {
            match p.m {
                1 => dot::rows::<T, 1>(level, &rows),
                2 => dot::rows::<T, 2>(level, &rows),
                3 => dot::rows::<T, 3>(level, &rows),
                _ => dot::rows::<T, 4>(level, &rows),
            }
        }
    });
}
