//! Network functions as methods of [`Variable`], so that a forward pass reads from left to right.

use autograd::Variable;

use crate::functional;
use crate::module::Forward;
use crate::ops::pool::Pool;
use crate::ops::window::Size;

/// `x.apply(&layer)` and what else networks do to a variable.
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::{DType, Tensor};
/// let x = Variable::new(Tensor::zeros([2, 3, 8, 8], DType::F32));
/// let y = x.apply(&Conv2d::new(3, 5, 3)).relu().max_pool2d(2).flatten(1);
/// assert_eq!(y.shape(), &[2, 45]);
/// assert_eq!(x.adaptive_avg_pool2d(1).shape(), &[2, 3, 1, 1]);
/// ```
pub trait VariableExt {
    /// What `module` makes of this variable: [`Forward::call`].
    #[track_caller]
    fn apply<M: Forward + ?Sized>(&self, module: &M) -> Variable;

    /// The maximum of every window; see [`functional::max_pool2d`].
    ///
    /// # Panics
    /// If the input is no image, or the window does not fit into it.
    #[track_caller]
    fn max_pool2d(&self, pool: impl Into<Pool<2>>) -> Variable;

    /// The mean of every window; see [`functional::avg_pool2d`].
    ///
    /// # Panics
    /// If the input is no image, or the window does not fit into it.
    #[track_caller]
    fn avg_pool2d(&self, pool: impl Into<Pool<2>>) -> Variable;

    /// Means of windows chosen so that the output has these sizes; see [`functional::adaptive_avg_pool2d`].
    ///
    /// # Panics
    /// If the input is no image, or has no positions.
    #[track_caller]
    fn adaptive_avg_pool2d(&self, output_size: impl Size<2>) -> Variable;

    /// `e^x / sum e^x` along an axis; see [`functional::softmax`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    fn softmax(&self, axis: isize) -> Variable;

    /// The logarithm of [`softmax`](VariableExt::softmax); see [`functional::log_softmax`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    fn log_softmax(&self, axis: isize) -> Variable;
}

impl VariableExt for Variable {
    #[track_caller]
    fn apply<M: Forward + ?Sized>(&self, module: &M) -> Variable {
        tensor::error::blame_caller(crate::SOURCE, || module.call(self))
    }

    #[track_caller]
    fn max_pool2d(&self, pool: impl Into<Pool<2>>) -> Variable {
        functional::max_pool2d(self, pool)
    }

    #[track_caller]
    fn avg_pool2d(&self, pool: impl Into<Pool<2>>) -> Variable {
        functional::avg_pool2d(self, pool)
    }

    #[track_caller]
    fn adaptive_avg_pool2d(&self, output_size: impl Size<2>) -> Variable {
        functional::adaptive_avg_pool2d(self, output_size.size().map(Some))
    }

    #[track_caller]
    fn softmax(&self, axis: isize) -> Variable {
        functional::softmax(self, axis)
    }

    #[track_caller]
    fn log_softmax(&self, axis: isize) -> Variable {
        functional::log_softmax(self, axis)
    }
}
