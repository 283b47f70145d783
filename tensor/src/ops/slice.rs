//! Parts of a tensor, and putting parts together.

use crate::layout::Nest;
use crate::shape::{self, Dims};
use crate::{Element, Layout, Tensor, dispatch};

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
        dispatch!(all "slice_adjoint", self.dtype(), T => write_window::<T>(&mut result, &window, self));
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

    /// Zeros around the tensor: `(before, after)` per axis, for the last axes if fewer are given.
    ///
    /// # Panics
    /// If there are more pairs than axes.
    #[track_caller]
    pub fn pad_constant(&self, padding: &[(usize, usize)], value: f64) -> Tensor {
        if padding.len() > self.rank() {
            crate::fault!("pad", [input: self.shape()], "{} pairs for {} axes", padding.len(), self.rank());
        }
        let lead = self.rank() - padding.len();
        let mut full = Dims::from_slice(self.shape());
        let mut window = self.layout().clone();
        for (axis, &(before, after)) in padding.iter().enumerate() {
            full[lead + axis] += before + after;
        }
        let format = if self.is_contiguous() {
            Layout::contiguous(&full)
        } else {
            Layout::ordered(&full, &self.layout().order())
        };
        window.strides.copy_from_slice(&format.strides);
        window.offset =
            padding.iter().enumerate().map(|(i, &(before, _))| before * format.strides[lead + i] as usize).sum();
        dispatch!(all "pad", self.dtype(), T => {
            let mut result = Tensor::build::<T>(format, |out| out.fill(T::from_f64(value)));
            write_window::<T>(&mut result, &window, self);
            result
        })
    }

    /// Tensors one after the other along `axis`. PyTorch: `torch.cat`.
    ///
    /// # Panics
    /// If there are none, or their dtypes or their sizes along other axes differ.
    #[track_caller]
    pub fn cat(tensors: &[&Tensor], axis: isize) -> Tensor {
        let Some(first) = tensors.first() else {
            crate::fault!("cat", [], "expected at least 1 tensor, got 0");
        };
        let at = shape::axis("cat", axis, first.shape());
        if first.rank() == 0 {
            crate::fault!("cat", [input: first.shape()], "0-dimensional tensors cannot be joined; use stack");
        }
        let mut full = Dims::from_slice(first.shape());
        full[at] = 0;
        for (i, tensor) in tensors.iter().enumerate() {
            first.expect_same_dtype("cat", tensor);
            let fits = tensor.rank() == first.rank()
                && (0..first.rank()).all(|axis| axis == at || tensor.shape()[axis] == first.shape()[axis]);
            if !fits {
                crate::fault!("cat", [first: first.shape(), other: tensor.shape()],
                    "tensor {i} differs from the first in more than axis {at}");
            }
            full[at] += tensor.shape()[at];
        }
        let layout = if first.layout().is_dense() && !first.is_contiguous() {
            Layout::ordered(&full, &first.layout().order())
        } else {
            Layout::contiguous(&full)
        };
        dispatch!(all "cat", first.dtype(), T => {
            let mut result = Tensor::build::<T>(layout, |_| {});
            let mut start = 0;
            for tensor in tensors {
                let length = tensor.shape()[at];
                let window = result.narrow(axis, start, length).layout().clone();
                write_window::<T>(&mut result, &window, tensor);
                start += length;
            }
            result
        })
    }

    /// Tensors of one shape side by side along a new axis. PyTorch: `torch.stack`.
    ///
    /// # Panics
    /// If there are none, or their dtypes or shapes differ.
    #[track_caller]
    pub fn stack(tensors: &[&Tensor], axis: isize) -> Tensor {
        if let Some(odd) = tensors.iter().find(|tensor| tensor.shape() != tensors[0].shape()) {
            crate::fault!("stack", [first: tensors[0].shape(), other: odd.shape()], "shapes differ");
        }
        let parts: Vec<Tensor> = tensors.iter().map(|tensor| tensor.unsqueeze(axis)).collect();
        Tensor::cat(&parts.iter().collect::<Vec<_>>(), axis)
    }
}

/// Writes `source` to the places of `target` that `window` names; `target` must be new, and so unshared.
fn write_window<T: Element>(target: &mut Tensor, window: &Layout, source: &Tensor) {
    if source.is_empty() {
        return;
    }
    let nest = Nest::new(window, [window, source.layout()]);
    let [to, from] = nest.inner();
    let data = source.view_as::<T>().data();
    let out = target.make_mut::<T>();
    // Windows of different tasks interleave in memory, so one thread writes; the copy is bound by memory anyway.
    nest.runs(0..source.len(), |_, length, [start, at]| {
        if to == 1 && from == 1 {
            out[start as usize..start as usize + length].copy_from_slice(&data[at as usize..at as usize + length]);
        } else {
            for i in 0..length as isize {
                out[(start + i * to) as usize] = data[(at + i * from) as usize];
            }
        }
    });
}
