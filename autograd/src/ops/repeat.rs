//! The same elements again and again: views that are stretched and then reshaped.

use tensor::{Dims, Tensor};

use super::index::index_select;
use super::reduce::expand;
use super::reshape::reshape;
use crate::Variable;

impl Variable {
    /// This again and again: `repeats[i]` times along axis `i`, with new leading axes where more counts are given.
    /// PyTorch: `Tensor.repeat`.
    ///
    /// # Panics
    /// If there are fewer counts than axes.
    #[track_caller]
    pub fn repeat(&self, repeats: &[usize]) -> Variable {
        let Some(lead) = repeats.len().checked_sub(self.rank()) else {
            tensor::fault!("repeat", [input: self.shape()], "{} counts for {} axes", repeats.len(), self.rank());
        };
        let sizes: Dims = std::iter::repeat_n(1, lead).chain(self.shape().iter().copied()).collect();
        let thin: Dims = sizes.iter().flat_map(|&size| [1, size]).collect();
        let wide: Dims = sizes.iter().zip(repeats).flat_map(|(&size, &count)| [count, size]).collect();
        let full: Dims = sizes.iter().zip(repeats).map(|(size, count)| size * count).collect();
        reshape(&expand(&reshape(self, &thin), &wide), &full)
    }

    /// Each part along `axis` `repeats` times in a row. PyTorch: `torch.repeat_interleave`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn repeat_interleave(&self, repeats: usize, axis: isize) -> Variable {
        let at = tensor::shape::axis("repeat_interleave", axis, self.shape());
        if self.rank() == 0 {
            return self.reshape([1]).repeat_interleave(repeats, 0);
        }
        let mut wide = Dims::from_slice(self.shape());
        wide.insert(at + 1, repeats);
        let mut full = Dims::from_slice(self.shape());
        full[at] *= repeats;
        reshape(&expand(&self.unsqueeze(at as isize + 1), &wide), &full)
    }

    /// Part `i` along `axis` `repeats[i]` times in a row. PyTorch: `torch.repeat_interleave` with a tensor.
    ///
    /// # Panics
    /// If there is no such axis, or `repeats` is not 1-dimensional `i64` with one count, not negative, per part.
    #[track_caller]
    pub fn repeat_interleave_tensor(&self, repeats: &Tensor, axis: isize) -> Variable {
        let size = self.size(axis);
        let numbers = Tensor::arange(0.0, size as f64, 1.0, tensor::DType::I64);
        index_select(self, axis, &numbers.repeat_interleave_tensor(repeats, 0))
    }
}

/// Every combination of the elements of 1-dimensional variables: result `i` varies along axis `i` alone.
/// PyTorch: `torch.meshgrid` with `indexing="ij"`; for `"xy"` swap the first two inputs and axes.
///
/// # Panics
/// If a variable has more than one axis.
#[track_caller]
pub fn meshgrid(variables: &[&Variable]) -> Vec<Variable> {
    if let Some(odd) = variables.iter().find(|x| x.rank() > 1) {
        tensor::fault!("meshgrid", [input: odd.shape()], "expected at most 1 axis, got {}", odd.rank());
    }
    let full: Dims = variables.iter().map(|x| x.len()).collect();
    let stretch = |(axis, x): (usize, &&Variable)| {
        let thin: Dims = (0..full.len()).map(|at| if at == axis { full[at] } else { 1 }).collect();
        expand(&reshape(x, &thin), &full)
    };
    variables.iter().enumerate().map(stretch).collect()
}
