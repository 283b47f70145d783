//! Putting tensors together: along an axis, along a new one, or the same one again and again.

use crate::shape::{self, Dims};
use crate::{Layout, Tensor, dispatch};

impl Tensor {
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
                result.write_window(&window, tensor);
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
        if tensors.is_empty() {
            crate::fault!("stack", [], "expected at least 1 tensor, got 0");
        }
        if let Some(odd) = tensors.iter().find(|tensor| tensor.shape() != tensors[0].shape()) {
            crate::fault!("stack", [first: tensors[0].shape(), other: odd.shape()], "shapes differ");
        }
        let parts: Vec<Tensor> = tensors.iter().map(|tensor| tensor.unsqueeze(axis)).collect();
        Tensor::cat(&parts.iter().collect::<Vec<_>>(), axis)
    }

    /// The tensor again and again: `repeats[i]` times along axis `i`, with new leading axes where more counts are given.
    /// PyTorch: `Tensor.repeat`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1i64, 2]).repeat(&[2, 2]).to_vec::<i64>(), [1, 2, 1, 2, 1, 2, 1, 2]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer counts than axes.
    #[track_caller]
    pub fn repeat(&self, repeats: &[usize]) -> Tensor {
        if repeats.len() < self.rank() {
            crate::fault!("repeat", [input: self.shape()], "{} counts for {} axes", repeats.len(), self.rank());
        }
        let lead = repeats.len() - self.rank();
        let sizes: Dims = (0..repeats.len()).map(|i| if i < lead { 1 } else { self.shape()[i - lead] }).collect();
        let thin: Dims = sizes.iter().flat_map(|&size| [1, size]).collect();
        let wide: Dims = sizes.iter().zip(repeats).flat_map(|(&size, &count)| [count, size]).collect();
        let full: Dims = sizes.iter().zip(repeats).map(|(&size, &count)| size * count).collect();
        self.reshape(thin).expand(wide).reshape(full)
    }

    /// Each part along `axis` `repeats` times in a row. PyTorch: `torch.repeat_interleave`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1i64, 2]).repeat_interleave(2, 0).to_vec::<i64>(), [1, 1, 2, 2]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn repeat_interleave(&self, repeats: usize, axis: isize) -> Tensor {
        let at = shape::axis("repeat_interleave", axis, self.shape());
        if self.rank() == 0 {
            return self.expand([repeats]);
        }
        let mut wide = Dims::from_slice(self.shape());
        wide.insert(at + 1, repeats);
        let mut full = Dims::from_slice(self.shape());
        full[at] *= repeats;
        self.unsqueeze(at as isize + 1).expand(wide).reshape(full)
    }

    /// Part `i` along `axis` `repeats[i]` times in a row. PyTorch: `torch.repeat_interleave` with a tensor.
    ///
    /// # Panics
    /// If there is no such axis, or `repeats` is not 1-dimensional `i64` with one count, not negative, per part.
    #[track_caller]
    pub fn repeat_interleave_tensor(&self, repeats: &Tensor, axis: isize) -> Tensor {
        repeats.expect_dtype("repeat_interleave", "repeats", crate::DType::I64);
        let size = self.size(axis);
        let counts = repeats.to_vec::<i64>();
        if repeats.shape() != [size] || counts.iter().any(|&count| count < 0) {
            crate::fault!("repeat_interleave", [input: self.shape(), repeats: repeats.shape()],
                "expected {size} counts that are not negative");
        }
        let index: Vec<i64> =
            counts.iter().enumerate().flat_map(|(i, &count)| std::iter::repeat_n(i as i64, count as usize)).collect();
        let count = index.len();
        self.index_select(axis, &Tensor::from_vec(index, [count]))
    }

    /// Every combination of the elements of 1-dimensional tensors: tensor `i` of the result varies along axis `i` alone.
    /// PyTorch: `torch.meshgrid` with `indexing="ij"`; for `"xy"` swap the first two inputs and axes.
    ///
    /// # Panics
    /// If a tensor has more than one axis.
    #[track_caller]
    pub fn meshgrid(tensors: &[&Tensor]) -> Vec<Tensor> {
        if let Some(odd) = tensors.iter().find(|tensor| tensor.rank() > 1) {
            crate::fault!("meshgrid", [input: odd.shape()], "expected at most 1 axis, got {}", odd.rank());
        }
        let full: Dims = tensors.iter().map(|tensor| tensor.len()).collect();
        let place = |(i, tensor): (usize, &&Tensor)| {
            let mut thin: Dims = full.iter().map(|_| 1).collect();
            thin[i] = tensor.len();
            tensor.reshape(thin).expand(&full)
        };
        tensors.iter().enumerate().map(place).collect()
    }
}
