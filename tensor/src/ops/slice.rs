//! Parts of a tensor along an axis, as views.

use crate::shape::{self, Dims};
use crate::{Layout, Tensor};

/// A Python slice `start:end:step`; what is not given is the end that the step comes from or goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first index; negative numbers count from the end.
    pub start: Option<isize>,
    /// The index before which to stop; negative numbers count from the end.
    pub end: Option<isize>,
    /// From one index to the next; not 0.
    pub step: isize,
}

impl From<(Option<isize>, Option<isize>, isize)> for Span {
    fn from((start, end, step): (Option<isize>, Option<isize>, isize)) -> Span {
        Span { start, end, step }
    }
}

/// The first index, the count and the step of a Python slice `start:end:step` on an axis of `size` elements.
#[track_caller]
fn resolve(op: &str, size: usize, start: Option<isize>, end: Option<isize>, step: isize) -> (usize, usize) {
    if step == 0 {
        crate::fault!(op, [], "the step of a slice must not be 0");
    }
    let size = size as isize;
    let (low, high) = if step > 0 { (0, size) } else { (-1, size - 1) };
    let bound = |index: isize| (if index < 0 { index + size } else { index }).clamp(low, high);
    let first = start.map_or(if step > 0 { low } else { high }, bound);
    let stop = end.map_or(if step > 0 { high } else { low }, bound);
    let count = if step > 0 { (stop - first).max(0) as usize } else { (first - stop).max(0) as usize };
    (first.max(0) as usize, count.div_ceil(step.unsigned_abs()))
}

impl Tensor {
    /// `self[.., start:end:step, ..]` along `axis`, with Python's rules for bounds and negative steps; a view.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let x = Tensor::from([0i64, 1, 2, 3, 4]);
    /// assert_eq!(x.slice(0, Some(1), None, 2).to_vec::<i64>(), [1, 3]);
    /// assert_eq!(x.slice(0, None, None, -2).to_vec::<i64>(), [4, 2, 0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or the step is 0.
    #[track_caller]
    pub fn slice(&self, axis: isize, start: Option<isize>, end: Option<isize>, step: isize) -> Tensor {
        let axis = shape::axis("slice", axis, self.shape());
        if self.rank() == 0 {
            crate::fault!("slice", [input: self.shape()], "a 0-dimensional tensor has no axis to slice");
        }
        let (first, count) = resolve("slice", self.shape()[axis], start, end, step);
        let mut layout = self.layout().clone();
        if count > 0 {
            layout.offset = (layout.offset as isize + first as isize * layout.strides[axis]) as usize;
        }
        layout.shape[axis] = count;
        layout.strides[axis] *= step;
        self.with_layout(layout)
    }

    /// Zeros of `size` along `axis` with this tensor at `start:..:step`: the adjoint of [`slice`](Tensor::slice).
    ///
    /// # Panics
    /// If the slice would not have this tensor's size along `axis`.
    #[track_caller]
    pub fn slice_adjoint(&self, axis: isize, size: usize, span: impl Into<Span>) -> Tensor {
        let Span { start, end, step } = span.into();
        let at = shape::axis("slice_adjoint", axis, self.shape());
        let mut full = Dims::from_slice(self.shape());
        full[at] = size;
        let mut result = Tensor::zeros_in(Layout::contiguous(&full), self.dtype());
        let window = result.slice(axis, start, end, step).layout().clone();
        if window.shape() != self.shape() {
            crate::fault!("slice_adjoint", [input: self.shape(), window: window.shape()], "sizes along axis {at} differ");
        }
        result.write_window(&window, self);
        result
    }

    /// `length` elements from `start` on along `axis`; a view. PyTorch: `torch.narrow`.
    ///
    /// # Panics
    /// If there is no such axis or the range leaves it.
    #[track_caller]
    pub fn narrow(&self, axis: isize, start: usize, length: usize) -> Tensor {
        let at = shape::axis("narrow", axis, self.shape());
        let size = self.size(axis);
        if self.rank() == 0 || start + length > size {
            crate::fault!("narrow", [input: self.shape()], "{start}..{} leaves axis {at} of size {size}", start + length);
        }
        self.slice(axis, Some(start as isize), Some((start + length) as isize), 1)
    }

    /// The part at `index` of `axis`, which vanishes; a view. PyTorch: `torch.select`.
    ///
    /// # Panics
    /// If there is no such axis or index.
    #[track_caller]
    pub fn select(&self, axis: isize, index: isize) -> Tensor {
        let at = shape::axis("select", axis, self.shape());
        let size = self.size(axis) as isize;
        if self.rank() == 0 || index < -size || index >= size {
            crate::fault!("select", [input: self.shape()], "index {index} is out of range for axis {at} of size {size}");
        }
        let index = if index < 0 { index + size } else { index };
        let mut layout = self.layout().clone();
        layout.offset = (layout.offset as isize + index * layout.strides[at]) as usize;
        layout.shape.remove(at);
        layout.strides.remove(at);
        self.with_layout(layout)
    }

    /// The order of the elements along `axes` reversed; a view. PyTorch: `torch.flip`.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    pub fn flip(&self, axes: &[isize]) -> Tensor {
        if axes.is_empty() {
            return self.clone();
        }
        let list = shape::axes("flip", axes, self.shape());
        list.iter().fold(self.clone(), |x, &axis| x.slice(axis as isize, None, None, -1))
    }
}
