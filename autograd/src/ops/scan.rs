//! Running sums and products.

use tensor::Tensor;

use super::arithmetic::{add, div, mul};
use super::cat::cat;
use super::elementwise::expect_float;
use crate::{Context, Keeps, Op, Variable};

/// See [`cumsum`].
#[derive(Clone, Debug)]
pub struct CumSum {
    /// The axis, not negative.
    pub axis: isize,
}

impl Op<1> for CumSum {
    const NAME: &'static str = "cumsum";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.cumsum(self.axis), ())
    }

    fn vjp(&self, g: &Variable, _: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(sum_from_here_on(g, self.axis))]
    }
}

/// The sum of the elements from each one on: the adjoint of [`cumsum`].
fn sum_from_here_on(x: &Variable, axis: isize) -> Variable {
    if x.rank() == 0 {
        return x.clone();
    }
    let reversed = |x: &Variable| x.slice(axis, None, None, -1);
    reversed(&cumsum(&reversed(x), axis))
}

/// The sum of the elements up to and with each one along `axis`. PyTorch: `torch.cumsum`.
///
/// # Panics
/// If there is no such axis.
#[track_caller]
pub fn cumsum(x: &Variable, axis: isize) -> Variable {
    CumSum { axis: tensor::shape::axis("cumsum", axis, x.shape()) as isize }.apply([x])
}

/// See [`cumprod`].
#[derive(Clone, Debug)]
pub struct CumProd {
    /// The axis, not negative.
    pub axis: isize,
}

impl Op<1> for CumProd {
    const NAME: &'static str = "cumprod";
    const KEEPS: Keeps = Keeps::ALL;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.cumprod(self.axis), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let (x, y) = (cx.input(0), cx.output());
        if x.rank() == 0 || x.is_empty() {
            return [Some(g.clone())];
        }
        if !x.data().eq_scalar(0.0).any(&[], false).item::<bool>() {
            return [Some(div(&sum_from_here_on(&mul(g, &y), self.axis), &x))];
        }
        // Without a division: the product of all before, times t_i = g_i + x_(i+1) t_(i+1).
        let axis = self.axis;
        let at = |x: &Variable, i: usize| x.narrow(axis, i, 1);
        let length = x.size(axis);
        let mut later = vec![at(g, length - 1)];
        for i in (0..length - 1).rev() {
            let next = mul(&at(&x, i + 1), &later[later.len() - 1]);
            later.push(add(&at(g, i), &next));
        }
        let mut before = vec![Variable::new(Tensor::ones(at(&x, 0).shape(), x.dtype()))];
        for i in 1..length {
            before.push(mul(&before[i - 1], &at(&x, i - 1)));
        }
        let parts: Vec<Variable> = before.iter().zip(later.iter().rev()).map(|(a, b)| mul(a, b)).collect();
        [Some(cat(&parts.iter().collect::<Vec<_>>(), axis))]
    }
}

/// The product of the elements up to and with each one along `axis`; right also where elements are 0.
/// PyTorch: `torch.cumprod`.
///
/// # Panics
/// If the dtype is not a float, or there is no such axis.
#[track_caller]
pub fn cumprod(x: &Variable, axis: isize) -> Variable {
    expect_float("cumprod", x);
    CumProd { axis: tensor::shape::axis("cumprod", axis, x.shape()) as isize }.apply([x])
}

impl Variable {
    /// The sum of the elements up to and with each one along `axis`. PyTorch: `torch.cumsum`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn cumsum(&self, axis: isize) -> Variable {
        cumsum(self, axis)
    }

    /// The product of the elements up to and with each one along `axis`. PyTorch: `torch.cumprod`.
    ///
    /// # Panics
    /// As [`cumprod`].
    #[track_caller]
    pub fn cumprod(&self, axis: isize) -> Variable {
        cumprod(self, axis)
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use proptest::prelude::{Just, Strategy};
    use proptest::prop_oneof;
    use proptest::strategy::BoxedStrategy;

    use super::{CumProd, CumSum};
    use crate::check::strategy::{any_shape, mask, one, values};
    use crate::check::{Check, Sample};

    fn along() -> BoxedStrategy<(isize, Vec<usize>)> {
        any_shape().prop_flat_map(|shape| (0..shape.len().max(1) as isize, Just(shape))).boxed()
    }

    impl Check<1> for CumSum {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            along().prop_flat_map(|(axis, shape)| one(CumSum { axis }, values(&shape))).boxed()
        }
    }

    impl Check<1> for CumProd {
        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            let plain = along().prop_flat_map(|(axis, shape)| one(CumProd { axis }, values(&shape)));
            let zeros = along().prop_flat_map(|(axis, shape)| {
                let x = (values(&shape), mask(&shape)).prop_map(|(x, zero)| x.masked_fill(&zero, 0.0));
                one(CumProd { axis }, x)
            });
            prop_oneof![plain, zeros].boxed()
        }
    }
}
