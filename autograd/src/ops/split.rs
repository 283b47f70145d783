//! Cutting along an axis, and shifting along one.

use super::cat::cat;
use super::reshape::reshape;
use crate::Variable;

impl Variable {
    /// Pieces of `size` along `axis`, the last perhaps shorter. PyTorch: `torch.split`.
    ///
    /// # Panics
    /// If there is no such axis, or `size` is 0 and the axis is not empty.
    #[track_caller]
    pub fn split(&self, size: usize, axis: isize) -> Vec<Variable> {
        let at = tensor::shape::axis("split", axis, self.shape());
        let length = self.size(axis);
        if self.rank() == 0 || (size == 0 && length > 0) {
            tensor::fault!("split", [input: self.shape()], "pieces of {size} do not fill axis {at} of size {length}");
        }
        if length == 0 {
            return vec![self.clone()];
        }
        (0..length).step_by(size).map(|start| self.narrow(axis, start, size.min(length - start))).collect()
    }

    /// Pieces of the given sizes along `axis`. PyTorch: `torch.split` with a list.
    ///
    /// # Panics
    /// If there is no such axis or the sizes do not sum to its size.
    #[track_caller]
    pub fn split_with_sizes(&self, sizes: &[usize], axis: isize) -> Vec<Variable> {
        let at = tensor::shape::axis("split", axis, self.shape());
        let length = self.size(axis);
        if self.rank() == 0 || sizes.iter().sum::<usize>() != length {
            tensor::fault!("split", [input: self.shape()],
                "pieces of {sizes:?} do not fill axis {at} of size {length}");
        }
        let mut start = 0;
        let piece = |&size: &usize| {
            start += size;
            self.narrow(axis, start - size, size)
        };
        sizes.iter().map(piece).collect()
    }

    /// At most `chunks` pieces of equal size along `axis`, the last perhaps shorter. PyTorch: `torch.chunk`.
    ///
    /// # Panics
    /// If there is no such axis or `chunks` is 0.
    #[track_caller]
    pub fn chunk(&self, chunks: usize, axis: isize) -> Vec<Variable> {
        tensor::shape::axis("chunk", axis, self.shape());
        if chunks == 0 || self.rank() == 0 {
            tensor::fault!("chunk", [input: self.shape()],
                "expected at least 1 piece and 1 axis, got {chunks} pieces");
        }
        match self.size(axis) {
            0 => vec![self.clone(); chunks],
            length => self.split(length.div_ceil(chunks), axis),
        }
    }

    /// The parts at each index of `axis`, which vanishes. PyTorch: `torch.unbind`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn unbind(&self, axis: isize) -> Vec<Variable> {
        if self.rank() == 0 {
            tensor::fault!("unbind", [input: self.shape()], "a 0-dimensional tensor has no parts");
        }
        let at = tensor::shape::axis("unbind", axis, self.shape());
        (0..self.shape()[at]).map(|index| self.select(axis, index as isize)).collect()
    }

    /// The elements shifted by `shifts[i]` along `axes[i]`, round and round; with one shift and no axes, the flattened
    /// tensor is shifted. PyTorch: `torch.roll`.
    ///
    /// # Panics
    /// If there are not as many shifts as axes, or an axis does not exist.
    #[track_caller]
    pub fn roll(&self, shifts: &[isize], axes: &[isize]) -> Variable {
        if axes.is_empty() && shifts.len() == 1 {
            return reshape(&reshape(self, &[self.len()]).roll(shifts, &[0]), self.shape());
        }
        if shifts.len() != axes.len() {
            tensor::fault!("roll", [input: self.shape()], "{} shifts for {} axes", shifts.len(), axes.len());
        }
        let mut result = self.clone();
        for (&shift, &axis) in shifts.iter().zip(axes) {
            tensor::shape::axis("roll", axis, self.shape());
            let size = self.size(axis);
            if self.rank() == 0 || size == 0 {
                continue;
            }
            let cut = (-shift).rem_euclid(size as isize) as usize;
            if cut > 0 {
                let (front, back) = (result.narrow(axis, 0, cut), result.narrow(axis, cut, size - cut));
                result = cat(&[&back, &front], axis);
            }
        }
        result
    }
}
