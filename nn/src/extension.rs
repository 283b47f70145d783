//! Network functions as methods of [`Variable`], so that a forward pass reads from left to right.

use autograd::Variable;

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
}

impl VariableExt for Variable {
    #[track_caller]
    fn apply<M: Forward + ?Sized>(&self, module: &M) -> Variable {
        module.call(self)
    }
}
