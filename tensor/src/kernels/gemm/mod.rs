//! Matrix products of strided matrices.

use std::any::TypeId;

use crate::Element;

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

/// `out = a b`, row-major, for `f32` and `f64`, with sizes `[m, k, n]` all at least 1.
///
/// # Panics
/// If a matrix reaches outside its slice, or `T` is no float.
pub fn product<T: Element>(a: Matrix<'_, T>, b: Matrix<'_, T>, [m, k, n]: [usize; 3], out: &mut [T]) {
    assert!(a.fits(m, k) && b.fits(k, n) && out.len() == m * n, "gemm: a matrix reaches outside its slice");
    let (pa, pb, pc) = (a.data[a.offset..].as_ptr(), b.data[b.offset..].as_ptr(), out.as_mut_ptr());
    let ([ra, ca], [rb, cb]) = (a.strides, b.strides);
    if TypeId::of::<T>() == TypeId::of::<f32>() {
        // SAFETY: T is f32, all three matrices were checked to lie inside their slices, and `out` is exclusive.
        unsafe {
            matrixmultiply::sgemm(m, k, n, 1.0, pa.cast(), ra, ca, pb.cast(), rb, cb, 0.0, pc.cast(), n as isize, 1);
        }
    } else {
        assert!(TypeId::of::<T>() == TypeId::of::<f64>(), "gemm: expected a float dtype");
        // SAFETY: T is f64, all three matrices were checked to lie inside their slices, and `out` is exclusive.
        unsafe {
            matrixmultiply::dgemm(m, k, n, 1.0, pa.cast(), ra, ca, pb.cast(), rb, cb, 0.0, pc.cast(), n as isize, 1);
        }
    }
}
