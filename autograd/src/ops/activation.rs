//! The two activations that other array ops are made of; the rest live with the network ops.

use tensor::{Element, Tensor, dispatch};

use super::arithmetic::mul;
use super::elementwise::{expect_float, unary};
use super::mask::where_;
use crate::deferred::Epilogue;
use crate::{Context, Keeps, Op, Variable};

/// `max(x, 0)`; see [`relu`].
#[derive(Clone, Debug)]
pub struct Relu;

impl Op<1> for Relu {
    const NAME: &'static str = "relu";
    const KEEPS: Keeps = Keeps::OUTPUT;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.relu(), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let y = cx.output().data();
        if cx.records() {
            return [Some(where_(&y.le_scalar(0.0), &Variable::new(Tensor::zeros([], g.dtype())), g))];
        }
        [Some(Variable::new(dispatch!(float "relu", y.dtype(), T => {
            g.data().zip_map(&y, |g: T, y: T| if y <= <T as Element>::ZERO { <T as Element>::ZERO } else { g })
        })))]
    }
}

/// `max(x, 0)`; the gradient at 0 is 0. PyTorch: `torch.relu`.
///
/// # Panics
/// If the dtype is not a float.
#[track_caller]
pub fn relu(x: &Variable) -> Variable {
    expect_float("relu", x);
    x.fuse(&Epilogue::Relu).unwrap_or_else(|| Relu.apply([x]))
}

unary! {
    /// `1 / (1 + e^-x)`. PyTorch: `torch.sigmoid`.
    Sigmoid sigmoid Keeps::OUTPUT, |g, cx| SigmoidBackward.apply([g, &cx.output()]), crate::check::strategy::values;
}

/// `g y (1 - y)`, the gradient of [`sigmoid`] by its result.
///
/// Made of products, its own gradient would be `g (1 - y) - g y`, of which nothing is left near `y = 1/2`: it is
/// `g (1 - 2 y)`, where the difference is exact.
#[derive(Clone, Debug)]
pub struct SigmoidBackward;

impl Op<2> for SigmoidBackward {
    const NAME: &'static str = "sigmoid_backward";
    type Saved = ();

    fn forward(&self, [g, y]: [&Tensor; 2]) -> (Tensor, ()) {
        let result = dispatch!(float "sigmoid", g.dtype(), T => {
            g.zip_map(y, |g: T, y: T| g * (y * (<T as Element>::ONE - y)))
        });
        (result, ())
    }

    fn vjp(&self, h: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        let [g, y] = cx.inputs();
        [cx.wants(0).then(|| SigmoidBackward.apply([h, &y])), cx.wants(1).then(|| mul(&mul(h, &g), &(&y * -2.0 + 1.0)))]
    }
}

impl Variable {
    /// `max(x, 0)`; the gradient at 0 is 0. PyTorch: `torch.relu`.
    ///
    /// # Panics
    /// If the dtype is not a float.
    #[track_caller]
    pub fn relu(&self) -> Variable {
        relu(self)
    }
}

#[cfg(any(test, feature = "check"))]
impl crate::check::Check<1> for Relu {
    fn samples() -> proptest::strategy::BoxedStrategy<crate::check::Sample<Self, 1>> {
        crate::check::strategy::unary(Relu, |shape: &[usize]| crate::check::strategy::off_kinks(shape, &[0.0]))
    }
}

#[cfg(any(test, feature = "check"))]
impl crate::check::Check<2> for SigmoidBackward {
    fn samples() -> proptest::strategy::BoxedStrategy<crate::check::Sample<Self, 2>> {
        use crate::check::strategy::{any_shape, two, values, values_in};
        use proptest::prelude::Strategy;
        any_shape().prop_flat_map(|shape| two(SigmoidBackward, values(&shape), values_in(&shape, 0.0, 1.0))).boxed()
    }
}

#[cfg(test)]
mod tests {
    use tensor::Tensor;

    use crate::{GradOptions, Variable, grad_with};

    #[test]
    fn the_second_derivative_of_sigmoid_keeps_its_digits_near_0() {
        let x = Variable::leaf(Tensor::from([1e-3, 1e-5, -1e-6, 1e-8]));
        let y = x.sigmoid();
        let options = GradOptions { create_graph: true, ..GradOptions::default() };
        let first = grad_with(&[&y.sum(&[], false)], &[], &[&x], options).remove(0).expect("a gradient");
        first.sum(&[], false).backward();
        for (second, y) in x.grad().expect("a gradient").to_vec::<f64>().into_iter().zip(y.to_vec::<f64>()) {
            let exact = y * (1.0 - y) * (1.0 - 2.0 * y);
            assert!((second - exact).abs() <= 1e-15 * exact.abs(), "{second}, expected {exact}");
        }
    }
}
