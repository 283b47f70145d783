//! Choosing by a mask.

use tensor::{DType, Tensor};

use super::elementwise::compatible;
use super::reduce::{expand, sum_to};
use super::reshape::reshape;
use crate::{Context, Keeps, Op, Variable};

/// A choice by a mask; see [`where_`].
#[derive(Clone, Debug)]
pub struct Where {
    /// Where the first operand is chosen.
    pub condition: Tensor,
}

impl Op<2> for Where {
    const NAME: &'static str = "where";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [a, b]: [&Tensor; 2]) -> (Tensor, ()) {
        (self.condition.where_(a, b), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        let zero = Variable::new(Tensor::zeros([], g.dtype()));
        [
            cx.wants(0).then(|| sum_to(&where_(&self.condition, g, &zero), cx.shape(0))),
            cx.wants(1).then(|| sum_to(&where_(&self.condition, &zero, g), cx.shape(1))),
        ]
    }
}

#[track_caller]
fn expect_mask(op: &str, mask: &Tensor, shape: &[usize]) {
    if mask.dtype() != DType::Bool {
        tensor::fault!(op, [mask: mask.shape()], "the mask must be bool, got {}; convert with to_dtype", mask.dtype());
    }
    tensor::shape::broadcast_for(op, shape, mask.shape());
}

/// `a` where the mask is true, `b` elsewhere, all three broadcast. PyTorch: `torch.where`.
///
/// ```
/// use gradus_autograd::{Variable, ops::mask::where_};
/// use tensor::Tensor;
///
/// let (a, b) = (Variable::leaf(Tensor::from([1.0, 2.0])), Variable::leaf(Tensor::from([8.0, 9.0])));
/// let y = where_(&Tensor::from([true, false]), &a, &b);
/// y.sum(&[], false).backward();
/// assert_eq!(b.grad().unwrap().to_vec::<f64>(), [0.0, 1.0]);
/// ```
///
/// # Panics
/// If the condition is not `bool`, the shapes do not broadcast or the dtypes differ.
#[track_caller]
pub fn where_(condition: &Tensor, a: &Variable, b: &Variable) -> Variable {
    compatible("where", a, b);
    expect_mask("where", condition, a.shape());
    expect_mask("where", condition, b.shape());
    Where { condition: condition.clone() }.apply([a, b])
}

/// `x` with `value` where the mask is true; the mask broadcasts to `x`. PyTorch: `torch.masked_fill`.
///
/// # Panics
/// If the mask is not `bool` or does not broadcast to `x`.
#[track_caller]
pub fn masked_fill(x: &Variable, mask: &Tensor, value: f64) -> Variable {
    expect_mask("masked_fill", mask, x.shape());
    let fill = Variable::new(Tensor::full([], value, x.dtype()));
    Where { condition: mask.clone() }.apply([&fill, x])
}

/// The elements where the mask is true, in logical order, as one axis; both broadcast. PyTorch: `torch.masked_select`.
///
/// ```
/// use gradus_autograd::Variable;
/// use tensor::Tensor;
///
/// let x = Variable::leaf(Tensor::from([1.0, -2.0, 3.0]));
/// let y = x.masked_select(&x.data().gt_scalar(0.0));
/// assert_eq!(y.to_vec::<f64>(), [1.0, 3.0]);
/// ```
///
/// # Panics
/// If the mask is not `bool` or the shapes do not broadcast.
#[track_caller]
pub fn masked_select(x: &Variable, mask: &Tensor) -> Variable {
    expect_mask("masked_select", mask, x.shape());
    let shape = tensor::shape::broadcast_for("masked_select", x.shape(), mask.shape());
    let chosen = mask.expand(&shape).reshape([tensor::shape::len(&shape)]).nonzero();
    let flat = reshape(&expand(x, &shape), &[tensor::shape::len(&shape)]);
    super::gather::gather(&flat, 0, &chosen.reshape([chosen.len()]))
}

impl Variable {
    /// With `value` where the mask is true; see [`masked_fill`].
    ///
    /// # Panics
    /// As [`masked_fill`].
    #[track_caller]
    pub fn masked_fill(&self, mask: &Tensor, value: f64) -> Variable {
        masked_fill(self, mask, value)
    }

    /// The elements where the mask is true, as one axis; see [`masked_select`].
    ///
    /// # Panics
    /// As [`masked_select`].
    #[track_caller]
    pub fn masked_select(&self, mask: &Tensor) -> Variable {
        masked_select(self, mask)
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use proptest::prelude::{Just, Strategy, any};
    use proptest::prop_oneof;
    use proptest::strategy::BoxedStrategy;

    use super::{Tensor, Where};
    use crate::check::strategy::{any_shape, broadcast_pair, mask, two, values};
    use crate::check::{Check, Sample};

    impl Check<2> for Where {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 2>> {
            let same = any_shape().prop_flat_map(|shape| (mask(&shape), Just((shape.clone(), shape))));
            let broadcast =
                (broadcast_pair(), any::<bool>()).prop_flat_map(|(pair, on)| (Just(Tensor::scalar(on)), Just(pair)));
            prop_oneof![same, broadcast]
                .prop_flat_map(|(condition, (a, b))| two(Where { condition }, values(&a), values(&b)))
                .boxed()
        }

        fn reference(&self, [a, b]: [&Tensor; 2]) -> Option<Tensor> {
            if a.shape() != self.condition.shape() || b.shape() != a.shape() {
                return None;
            }
            let pairs = a.to_vec::<f64>().into_iter().zip(b.to_vec::<f64>());
            let chosen = pairs.zip(self.condition.to_vec::<bool>()).map(|((a, b), c)| if c { a } else { b });
            Some(Tensor::from_vec(chosen.collect(), a.shape()))
        }
    }
}
