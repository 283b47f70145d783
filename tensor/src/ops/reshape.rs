//! The same elements under another shape: views wherever strides allow.

use smallvec::SmallVec;

use crate::shape;
use crate::{Layout, Tensor};

impl Tensor {
    /// The same elements in logical order under another shape: a view where strides allow, else a copy.
    /// PyTorch: `torch.reshape`; see [`reshape_infer`](Tensor::reshape_infer) for -1.
    ///
    /// # Panics
    /// If the numbers of elements differ.
    #[track_caller]
    pub fn reshape(&self, shape: impl AsRef<[usize]>) -> Tensor {
        let shape = shape.as_ref();
        let count = shape::len(shape);
        if count != self.len() {
            crate::fault!("reshape", [input: self.shape()], "{} elements do not fill {shape:?}", self.len());
        }
        match self.layout().reshape(shape) {
            Some(layout) => self.with_layout(layout),
            None => {
                let copy = self.contiguous();
                copy.with_layout(Layout::contiguous(shape))
            }
        }
    }

    /// [`reshape`](Tensor::reshape) where one size may be -1: what is left over.
    ///
    /// # Panics
    /// If two sizes are negative or the sizes cannot hold the elements.
    #[track_caller]
    pub fn reshape_infer(&self, sizes: impl AsRef<[isize]>) -> Tensor {
        let sizes = sizes.as_ref();
        let known: usize = sizes.iter().filter(|&&size| size >= 0).map(|&size| size as usize).product();
        let unknown = sizes.iter().filter(|&&size| size < 0).count();
        if unknown > 1 || (unknown == 1 && (known == 0 || !self.len().is_multiple_of(known))) {
            crate::fault!("reshape", [input: self.shape()], "{} elements do not fill {sizes:?}", self.len());
        }
        let shape: shape::Dims =
            sizes.iter().map(|&size| if size < 0 { self.len() / known } else { size as usize }).collect();
        self.reshape(shape)
    }

    /// The axes in another order. PyTorch: `torch.permute`.
    ///
    /// # Panics
    /// If `order` does not name each axis exactly once.
    #[track_caller]
    pub fn permute(&self, order: impl AsRef<[isize]>) -> Tensor {
        let order = order.as_ref();
        let mut seen: SmallVec<[bool; 6]> = SmallVec::from_elem(false, self.rank());
        let mut layout = self.layout().clone();
        if order.len() != self.rank() {
            crate::fault!("permute", [input: self.shape()], "{} axes named for {}", order.len(), self.rank());
        }
        for (to, &from) in order.iter().enumerate() {
            let from = shape::axis("permute", from, self.shape());
            if std::mem::replace(&mut seen[from], true) {
                crate::fault!("permute", [input: self.shape()], "axis {from} is named twice in {order:?}");
            }
            layout.shape[to] = self.layout().shape[from];
            layout.strides[to] = self.layout().strides[from];
        }
        self.with_layout(layout)
    }

    /// Two axes swapped. PyTorch: `torch.transpose`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn transpose(&self, a: isize, b: isize) -> Tensor {
        let (a, b) = (shape::axis("transpose", a, self.shape()), shape::axis("transpose", b, self.shape()));
        let mut layout = self.layout().clone();
        if self.rank() > 0 {
            layout.shape.swap(a, b);
            layout.strides.swap(a, b);
        }
        self.with_layout(layout)
    }

    /// A new axis of size 1 at `axis`. PyTorch: `torch.unsqueeze`.
    ///
    /// # Panics
    /// If `axis` is out of range.
    #[track_caller]
    pub fn unsqueeze(&self, axis: isize) -> Tensor {
        let rank = self.rank() as isize;
        if axis < -rank - 1 || axis > rank {
            crate::fault!("unsqueeze", [input: self.shape()], "axis {axis} is out of range for {rank} axes");
        }
        let at = (if axis < 0 { axis + rank + 1 } else { axis }) as usize;
        let mut layout = self.layout().clone();
        let stride = layout.strides.get(at).zip(layout.shape.get(at)).map_or(1, |(&s, &n)| s * n.max(1) as isize);
        layout.shape.insert(at, 1);
        layout.strides.insert(at, stride);
        self.with_layout(layout)
    }

    /// Without `axis`, if its size is 1; else unchanged. PyTorch: `torch.squeeze`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn squeeze(&self, axis: isize) -> Tensor {
        let at = shape::axis("squeeze", axis, self.shape());
        let mut layout = self.layout().clone();
        if layout.shape.get(at) == Some(&1) {
            layout.shape.remove(at);
            layout.strides.remove(at);
        }
        self.with_layout(layout)
    }

    /// Without all axes of size 1.
    pub fn squeeze_all(&self) -> Tensor {
        (0..self.rank()).rev().fold(self.clone(), |x, axis| x.squeeze(axis as isize))
    }

    /// Axes `start..=end` as one. PyTorch: `torch.flatten`.
    ///
    /// # Panics
    /// If an axis does not exist or `start` lies behind `end`.
    #[track_caller]
    pub fn flatten(&self, start: isize, end: isize) -> Tensor {
        let (first, last) = (shape::axis("flatten", start, self.shape()), shape::axis("flatten", end, self.shape()));
        if first > last {
            crate::fault!("flatten", [input: self.shape()], "axis {start} lies behind axis {end}");
        }
        let mut target = shape::Dims::from_slice(&self.shape()[..first.min(self.rank())]);
        target.push(self.shape().get(first..=last).map_or(1, |sizes| sizes.iter().product()));
        target.extend_from_slice(self.shape().get(last + 1..).unwrap_or_default());
        self.reshape(target)
    }

    /// Stretched to `shape` without copying: missing leading axes and axes of size 1 repeat. PyTorch: `Tensor.expand`.
    ///
    /// # Panics
    /// If this tensor does not broadcast to `shape`.
    #[track_caller]
    pub fn expand(&self, shape: impl AsRef<[usize]>) -> Tensor {
        let shape = shape.as_ref();
        if shape == self.shape() {
            return self.clone();
        }
        if shape::broadcast(self.shape(), shape).as_deref() != Ok(shape) {
            crate::fault!("expand", [input: self.shape()], "the input does not broadcast to {shape:?}");
        }
        self.with_layout(self.layout().expand(shape))
    }

    /// `axis` as several axes of the given sizes, one of which may be -1: what is left over; a view.
    /// PyTorch: `torch.unflatten`.
    ///
    /// ```
    /// # use gradus_tensor::{DType, Tensor};
    /// assert_eq!(Tensor::zeros([2, 12], DType::F32).unflatten(1, [3, -1]).shape(), &[2, 3, 4]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or the sizes do not multiply to its size.
    #[track_caller]
    pub fn unflatten(&self, axis: isize, sizes: impl AsRef<[isize]>) -> Tensor {
        let (at, sizes) = (shape::axis("unflatten", axis, self.shape()), sizes.as_ref());
        let size = self.size(axis);
        let known: usize = sizes.iter().filter(|&&size| size >= 0).map(|&size| size as usize).product();
        let unknown = sizes.iter().filter(|&&size| size < 0).count();
        let fits = match unknown {
            0 => known == size,
            1 => known > 0 && size.is_multiple_of(known),
            _ => false,
        };
        if !fits || self.rank() == 0 {
            crate::fault!("unflatten", [input: self.shape()], "axis {at} of size {size} does not split into {sizes:?}");
        }
        let parts = sizes.iter().map(|&part| if part < 0 { size / known } else { part as usize });
        let shape: shape::Dims =
            self.shape()[..at].iter().copied().chain(parts).chain(self.shape()[at + 1..].iter().copied()).collect();
        self.reshape(shape)
    }

    /// Axis `from[i]` moved to position `to[i]`, the others in their order between; a view. PyTorch: `torch.movedim`.
    ///
    /// ```
    /// # use gradus_tensor::{DType, Tensor};
    /// assert_eq!(Tensor::zeros([2, 3, 4], DType::F32).movedim(&[-1], &[0]).shape(), &[4, 2, 3]);
    /// ```
    ///
    /// # Panics
    /// If the lists differ in length, or an axis does not exist or is named twice.
    #[track_caller]
    pub fn movedim(&self, from: &[isize], to: &[isize]) -> Tensor {
        if from.len() != to.len() {
            crate::fault!("movedim", [input: self.shape()], "{} axes to {} places", from.len(), to.len());
        }
        if from.is_empty() || self.rank() == 0 {
            return self.clone();
        }
        let place = |axis: isize| shape::axis("movedim", axis, self.shape());
        shape::axes("movedim", from, self.shape());
        shape::axes("movedim", to, self.shape());
        let mut order: SmallVec<[isize; 6]> = SmallVec::from_elem(-1, self.rank());
        for (&from, &to) in from.iter().zip(to) {
            order[place(to)] = place(from) as isize;
        }
        let moved: SmallVec<[usize; 6]> = from.iter().map(|&axis| place(axis)).collect();
        let mut rest = (0..self.rank()).filter(|axis| !moved.contains(axis));
        for axis in order.iter_mut().filter(|axis| **axis < 0) {
            *axis = rest.next().unwrap_or_default() as isize;
        }
        self.permute(order)
    }
}
