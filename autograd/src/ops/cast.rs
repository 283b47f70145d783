//! Changing the dtype.

use tensor::{DType, Tensor};

use crate::{Context, Keeps, Op, Variable};

/// See [`Variable::to_dtype`].
#[derive(Clone, Debug)]
pub struct Cast {
    /// The target, a float.
    pub dtype: DType,
}

impl Op<1> for Cast {
    const NAME: &'static str = "to_dtype";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = DType;

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, DType) {
        (x.to_dtype(self.dtype), x.dtype())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(g.to_dtype(*cx.saved()))]
    }
}

impl Variable {
    /// The same values as another dtype; the gradient is converted back. To integers or `bool` the result is a constant.
    /// PyTorch: `Tensor.to`.
    ///
    /// ```
    /// use gradus_autograd::Variable;
    /// use tensor::{DType, Tensor};
    ///
    /// let x = Variable::leaf(Tensor::from([1.0f32, 2.0]));
    /// (x.to_dtype(DType::F64) * 3.0).sum(&[], false).backward();
    /// assert_eq!(x.grad().unwrap().to_vec::<f32>(), [3.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn to_dtype(&self, dtype: DType) -> Variable {
        if dtype == self.dtype() {
            return self.clone();
        }
        if !dtype.is_float() {
            return Variable::new(self.data().to_dtype(dtype));
        }
        Cast { dtype }.apply([self])
    }
}

#[cfg(any(test, feature = "check"))]
impl crate::check::Check<1> for Cast {
    const LINEAR: bool = true;
    const KEEPS_DTYPE: bool = false;

    fn samples() -> proptest::strategy::BoxedStrategy<crate::check::Sample<Self, 1>> {
        crate::check::strategy::unary(Cast { dtype: DType::F64 }, crate::check::strategy::values)
    }
}
