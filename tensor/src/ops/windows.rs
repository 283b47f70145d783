//! Sliding windows along an axis, as a view, and their adjoint, which adds them back.

use crate::layout::Nest;
use crate::shape::{self, Dims};
use crate::{Layout, Number, Tensor, dispatch};

impl Tensor {
    /// All windows of `size` elements, `step` apart, along `axis`: their number takes the place of the axis' size, and
    /// what is inside becomes a new last axis; a view. PyTorch: `Tensor.unfold`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let x = Tensor::from([1i64, 2, 3, 4, 5]).unfold(0, 3, 2);
    /// assert_eq!(x.shape(), &[2, 3]);
    /// assert_eq!(x.to_vec::<i64>(), [1, 2, 3, 3, 4, 5]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis, `size` exceeds it or `step` is 0.
    #[track_caller]
    pub fn unfold(&self, axis: isize, size: usize, step: usize) -> Tensor {
        let at = shape::axis("unfold", axis, self.shape());
        let length = self.size(axis);
        if size > length || step == 0 {
            crate::fault!("unfold", [input: self.shape()],
                "windows of {size}, {step} apart, do not fit axis {at} of size {length}");
        }
        let mut layout = self.layout().clone();
        if self.rank() == 0 {
            layout.shape.push(size);
            layout.strides.push(1);
            return self.with_layout(layout);
        }
        let stride = layout.strides[at];
        layout.shape[at] = (length - size) / step + 1;
        layout.strides[at] = stride * step as isize;
        layout.shape.push(size);
        layout.strides.push(stride);
        self.with_layout(layout)
    }

    /// Zeros with `length` elements along `axis`, into which the windows of this tensor are added at the places that
    /// [`unfold`](Tensor::unfold) took them from: its adjoint.
    ///
    /// # Panics
    /// If windows of a tensor of that length would have another shape, or the dtype is `bool`.
    #[track_caller]
    pub fn unfold_adjoint(&self, axis: isize, length: usize, step: usize) -> Tensor {
        if self.rank() < 2 {
            crate::fault!("unfold_adjoint", [input: self.shape()], "expected at least 2 axes, got {}", self.rank());
        }
        let mut full = Dims::from_slice(&self.shape()[..self.rank() - 1]);
        let at = shape::axis("unfold_adjoint", axis, &full);
        full[at] = length;
        let mut result = Tensor::zeros(&full, self.dtype());
        let window = result.unfold(axis, self.size(-1), step).layout().clone();
        if window.shape() != self.shape() {
            crate::fault!("unfold_adjoint", [input: self.shape(), windows: window.shape()], "shapes differ");
        }
        dispatch!(number "unfold_adjoint", self.dtype(), T => {
            let data = self.view_as::<T>().data();
            let nest = Nest::new(&Layout::contiguous(self.shape()), [&window, self.layout()]);
            let [to, from] = nest.inner();
            let out = result.make_mut::<T>();
            // In logical order, on one thread: windows overlap.
            nest.runs(0..self.len(), |_, count, [start, at]| {
                for i in 0..count as isize {
                    let y = &mut out[(start + i * to) as usize];
                    *y = y.plus(data[(at + i * from) as usize]);
                }
            });
        });
        result
    }
}
