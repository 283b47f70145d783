//! Cutting a tensor into views along an axis.

use crate::{Tensor, shape};

impl Tensor {
    /// Pieces of `size` along `axis`, the last perhaps shorter; views. PyTorch: `torch.split`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let parts = Tensor::from([1i64, 2, 3]).split(2, 0);
    /// assert_eq!(parts[1].to_vec::<i64>(), [3]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis, or `size` is 0 and the axis is not empty.
    #[track_caller]
    pub fn split(&self, size: usize, axis: isize) -> Vec<Tensor> {
        let at = shape::axis("split", axis, self.shape());
        let length = self.size(axis);
        if self.rank() == 0 || (size == 0 && length > 0) {
            crate::fault!("split", [input: self.shape()], "pieces of {size} do not fill axis {at} of size {length}");
        }
        if length == 0 {
            return vec![self.clone()];
        }
        (0..length).step_by(size).map(|start| self.narrow(axis, start, size.min(length - start))).collect()
    }

    /// Pieces of the given sizes along `axis`; views. PyTorch: `torch.split` with a list.
    ///
    /// # Panics
    /// If there is no such axis or the sizes do not sum to its size.
    #[track_caller]
    pub fn split_with_sizes(&self, sizes: &[usize], axis: isize) -> Vec<Tensor> {
        let at = shape::axis("split", axis, self.shape());
        let length = self.size(axis);
        if self.rank() == 0 || sizes.iter().sum::<usize>() != length {
            crate::fault!("split", [input: self.shape()], "pieces of {sizes:?} do not fill axis {at} of size {length}");
        }
        let mut start = 0;
        let piece = |&size: &usize| {
            start += size;
            self.narrow(axis, start - size, size)
        };
        sizes.iter().map(piece).collect()
    }

    /// At most `chunks` pieces of equal size along `axis`, the last perhaps shorter; views. PyTorch: `torch.chunk`.
    ///
    /// # Panics
    /// If there is no such axis or `chunks` is 0.
    #[track_caller]
    pub fn chunk(&self, chunks: usize, axis: isize) -> Vec<Tensor> {
        shape::axis("chunk", axis, self.shape());
        if chunks == 0 || self.rank() == 0 {
            crate::fault!("chunk", [input: self.shape()], "expected at least 1 piece and 1 axis, got {chunks} pieces");
        }
        match self.size(axis) {
            0 => vec![self.clone(); chunks],
            length => self.split(length.div_ceil(chunks), axis),
        }
    }

    /// The parts at each index of `axis`, which vanishes; views. PyTorch: `torch.unbind`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn unbind(&self, axis: isize) -> Vec<Tensor> {
        if self.rank() == 0 {
            crate::fault!("unbind", [input: self.shape()], "a 0-dimensional tensor has no parts");
        }
        (0..self.size(axis)).map(|index| self.select(axis, index as isize)).collect()
    }
}
