//! Network functions as methods of [`Variable`], so that a forward pass reads from left to right.

use autograd::Variable;

use crate::functional::{self, Pool};
use crate::module::Forward;

/// `x.apply(&layer)` and what else networks do to a variable.
pub trait VariableExt {
    /// What `module` makes of this variable: [`Forward::call`].
    ///
    /// ```
    /// use gradus_nn::prelude::*;
    /// use tensor::{DType, Tensor};
    /// let x = Variable::new(Tensor::zeros([2, 3], DType::F32));
    /// assert_eq!(x.apply(&Linear::new(3, 5)).shape(), &[2, 5]);
    /// ```
    #[track_caller]
    fn apply<M: Forward + ?Sized>(&self, module: &M) -> Variable;

    /// The largest value of each window; see [`max_pool2d`](crate::functional::max_pool2d).
    #[track_caller]
    fn max_pool2d(&self, pool: impl Into<Pool<2>>) -> Variable;

    /// The mean of each window; see [`avg_pool2d`](crate::functional::avg_pool2d).
    #[track_caller]
    fn avg_pool2d(&self, pool: impl Into<Pool<2>>) -> Variable;

    /// Shares that sum to 1 along `axis`; see [`softmax`](crate::functional::softmax).
    #[track_caller]
    fn softmax(&self, axis: isize) -> Variable;

    /// The logarithm of [`softmax`](VariableExt::softmax); see [`log_softmax`](crate::functional::log_softmax).
    #[track_caller]
    fn log_softmax(&self, axis: isize) -> Variable;
}

impl VariableExt for Variable {
    #[track_caller]
    fn apply<M: Forward + ?Sized>(&self, module: &M) -> Variable {
        module.call(self)
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
    fn softmax(&self, axis: isize) -> Variable {
        functional::softmax(self, axis)
    }

    #[track_caller]
    fn log_softmax(&self, axis: isize) -> Variable {
        functional::log_softmax(self, axis)
    }
}
