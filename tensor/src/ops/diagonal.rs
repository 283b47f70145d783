//! Diagonals and triangles of matrices.

use crate::shape::{self, Dims};
use crate::{Element, Layout, Tensor, dispatch, parallel};

/// The two axes of a matrix, which must differ.
#[track_caller]
fn two_axes(op: &str, a: isize, b: isize, shape: &[usize]) -> (usize, usize) {
    if shape.len() < 2 {
        crate::fault!(op, [input: shape], "expected at least 2 axes, got {}", shape.len());
    }
    let (first, second) = (shape::axis(op, a, shape), shape::axis(op, b, shape));
    if first == second {
        crate::fault!(op, [input: shape], "axes {a} and {b} are the same");
    }
    (first, second)
}

impl Tensor {
    /// The diagonal `x[.., i, .., i + offset, ..]` of axes `a` and `b`, which vanish, as a new last axis; a view.
    /// PyTorch: `torch.diagonal`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1i64, 2, 3], [4, 5, 6]]);
    /// assert_eq!(x.diagonal(1, 0, 1).to_vec::<i64>(), [2, 6]);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or both are the same.
    #[track_caller]
    pub fn diagonal(&self, offset: isize, a: isize, b: isize) -> Tensor {
        let (a, b) = two_axes("diagonal", a, b, self.shape());
        let (rows, columns) = (self.shape()[a] as isize, self.shape()[b] as isize);
        let length = (rows.min(rows + offset)).min(columns.min(columns - offset)).max(0) as usize;
        let (row, column) = (self.strides()[a], self.strides()[b]);
        let mut layout = self.layout().clone();
        if length > 0 {
            let start = if offset >= 0 { offset * column } else { -offset * row };
            layout.offset = (layout.offset as isize + start) as usize;
        }
        for axis in [a.max(b), a.min(b)] {
            layout.shape.remove(axis);
            layout.strides.remove(axis);
        }
        layout.shape.push(length);
        layout.strides.push(row + column);
        self.with_layout(layout)
    }

    /// Zeros of `shape` with this tensor on a diagonal: the adjoint of [`diagonal`](Tensor::diagonal).
    ///
    /// # Panics
    /// If that diagonal of `shape` has not this tensor's shape.
    #[track_caller]
    pub fn diagonal_adjoint(&self, shape: &[usize], offset: isize, [a, b]: [isize; 2]) -> Tensor {
        two_axes("diagonal_adjoint", a, b, shape);
        let mut result = Tensor::zeros(shape, self.dtype());
        let window = result.diagonal(offset, a, b).layout().clone();
        if window.shape() != self.shape() {
            crate::fault!("diagonal_adjoint", [input: self.shape(), diagonal: window.shape()], "shapes differ");
        }
        result.write_window(&window, self);
        result
    }

    /// Square matrices along the new axes `a` and `b` of the result, with the last axis on their diagonal and zeros
    /// elsewhere. PyTorch: `torch.diag_embed`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1i64, 2]).diag_embed(0, -2, -1).to_vec::<i64>(), [1, 0, 0, 2]);
    /// ```
    ///
    /// # Panics
    /// If this tensor is 0-dimensional, an axis does not exist or both are the same.
    #[track_caller]
    pub fn diag_embed(&self, offset: isize, a: isize, b: isize) -> Tensor {
        if self.rank() == 0 {
            crate::fault!("diag_embed", [input: self.shape()], "expected at least 1 axis, got 0");
        }
        let side = self.size(-1) + offset.unsigned_abs();
        let mut full = Dims::from_slice(&self.shape()[..self.rank() - 1]);
        full.extend([side, side]);
        // Sizes do not matter for which axes are meant; `full` has the result's rank.
        let (first, second) = two_axes("diag_embed", a, b, &full);
        let matrix = self.diagonal_adjoint(&full, offset, [-2, -1]);
        matrix.movedim(&[-2, -1], &[first as isize, second as isize])
    }

    /// The lower triangles of the matrices in the last two axes: zero where column - row > `diagonal`.
    /// PyTorch: `torch.tril`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([[1i64, 2], [3, 4]]).tril(0).to_vec::<i64>(), [1, 0, 3, 4]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn tril(&self, diagonal: isize) -> Tensor {
        self.triangle("tril", |row, columns| (0, (row + diagonal + 1).clamp(0, columns)))
    }

    /// The upper triangles of the matrices in the last two axes: zero where column - row < `diagonal`.
    /// PyTorch: `torch.triu`.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn triu(&self, diagonal: isize) -> Tensor {
        self.triangle("triu", |row, columns| ((row + diagonal).clamp(0, columns), columns))
    }

    /// Each matrix with only the columns `keep(row, columns)` of each row.
    #[track_caller]
    fn triangle(&self, op: &str, keep: impl Fn(isize, isize) -> (isize, isize) + Sync) -> Tensor {
        if self.rank() < 2 {
            crate::fault!(op, [input: self.shape()], "expected at least 2 axes, got {}", self.rank());
        }
        let (rows, columns) = (self.size(-2), self.size(-1));
        let source = self.contiguous();
        dispatch!(all op, self.dtype(), T => Tensor::build::<T>(Layout::contiguous(self.shape()), |out| {
            let data = source.as_slice::<T>().unwrap_or_default();
            parallel::for_each_chunk(out, columns.max(1) * 64, |first, out| {
                for (r, (out, row)) in out.chunks_mut(columns).zip(data[first..].chunks(columns)).enumerate() {
                    let (start, end) = keep(((first / columns + r) % rows) as isize, columns as isize);
                    let (start, end) = (start as usize, end as usize);
                    out.fill(T::ZERO);
                    if start < end {
                        out[start..end].copy_from_slice(&row[start..end]);
                    }
                }
            });
        }))
    }
}
