//! Circular and hyperbolic functions and their inverses.

use tensor::{Tensor, dispatch};

use super::arithmetic::{add_scalar, div, mul, mul_scalar, neg};
use super::elementwise::{compatible, expect_float, unary};
use super::power::{pow_scalar, sqrt};
use super::reduce::sum_to;
use crate::{Context, Keeps, Op, Variable};

/// `1 - y^2`.
fn one_minus_square(y: &Variable) -> Variable {
    add_scalar(&neg(&pow_scalar(y, 2.0)), 1.0)
}

/// `g (1 - y^2)` in one pass.
fn tanh_backward(g: &Tensor, y: &Tensor) -> Tensor {
    dispatch!(float "tanh", g.dtype(), T => g.zip_map(y, |g: T, y: T| g * (<T as tensor::Element>::ONE - y * y)))
}

unary! {
    /// The sine. PyTorch: `torch.sin`.
    Sin sin Keeps::INPUTS, |g, cx| mul(g, &cos(&cx.input(0))), crate::check::strategy::values;
    /// The cosine. PyTorch: `torch.cos`.
    Cos cos Keeps::INPUTS, |g, cx| neg(&mul(g, &sin(&cx.input(0)))), crate::check::strategy::values;
    /// The tangent. PyTorch: `torch.tan`.
    Tan tan Keeps::OUTPUT, |g, cx| mul(g, &add_scalar(&pow_scalar(&cx.output(), 2.0), 1.0)),
        |shape: &[usize]| crate::check::strategy::values_in(shape, -1.3, 1.3);
    /// The inverse sine, in [-pi/2, pi/2]; NaN outside [-1, 1]. PyTorch: `torch.asin`.
    Asin asin Keeps::INPUTS, |g, cx| div(g, &sqrt(&one_minus_square(&cx.input(0)))),
        |shape: &[usize]| crate::check::strategy::values_in(shape, -0.9, 0.9);
    /// The inverse cosine, in [0, pi]; NaN outside [-1, 1]. PyTorch: `torch.acos`.
    Acos acos Keeps::INPUTS, |g, cx| neg(&div(g, &sqrt(&one_minus_square(&cx.input(0))))),
        |shape: &[usize]| crate::check::strategy::values_in(shape, -0.9, 0.9);
    /// The inverse tangent, in [-pi/2, pi/2]. PyTorch: `torch.atan`.
    Atan atan Keeps::INPUTS, |g, cx| div(g, &add_scalar(&pow_scalar(&cx.input(0), 2.0), 1.0)),
        crate::check::strategy::values;
    /// The hyperbolic sine. PyTorch: `torch.sinh`.
    Sinh sinh Keeps::INPUTS, |g, cx| mul(g, &cosh(&cx.input(0))), crate::check::strategy::values;
    /// The hyperbolic cosine. PyTorch: `torch.cosh`.
    Cosh cosh Keeps::INPUTS, |g, cx| mul(g, &sinh(&cx.input(0))), crate::check::strategy::values;
    /// The hyperbolic tangent. PyTorch: `torch.tanh`.
    Tanh tanh Keeps::OUTPUT, |g, cx| {
        let y = cx.output();
        if cx.records() { mul(g, &one_minus_square(&y)) } else { Variable::new(tanh_backward(&g.data(), &y.data())) }
    }, crate::check::strategy::values;
}

/// See [`atan2`].
#[derive(Clone, Debug)]
pub struct Atan2;

impl Op<2> for Atan2 {
    const NAME: &'static str = "atan2";
    type Saved = ();

    fn forward(&self, [y, x]: [&Tensor; 2]) -> (Tensor, ()) {
        (y.atan2(x), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        let [y, x] = cx.inputs();
        let scaled = div(g, &(&pow_scalar(&x, 2.0) + &pow_scalar(&y, 2.0)));
        [
            cx.wants(0).then(|| sum_to(&mul(&scaled, &x), cx.shape(0))),
            cx.wants(1).then(|| mul_scalar(&sum_to(&mul(&scaled, &y), cx.shape(1)), -1.0)),
        ]
    }
}

/// The angle of the point `(x, y)`, in [-pi, pi], broadcast. PyTorch: `torch.atan2`.
///
/// # Panics
/// If the shapes do not broadcast, or the dtypes differ or are not floats.
#[track_caller]
pub fn atan2(y: &Variable, x: &Variable) -> Variable {
    compatible("atan2", y, x);
    expect_float("atan2", y);
    Atan2.apply([y, x])
}

impl Variable {
    /// The angle of the point `(other, self)`; see [`atan2`].
    ///
    /// # Panics
    /// As [`atan2`].
    #[track_caller]
    pub fn atan2(&self, other: &Variable) -> Variable {
        atan2(self, other)
    }
}

#[cfg(any(test, feature = "check"))]
impl crate::check::Check<2> for Atan2 {
    fn samples() -> proptest::strategy::BoxedStrategy<crate::check::Sample<Self, 2>> {
        crate::check::strategy::binary(Atan2, crate::check::strategy::nonzero)
    }
}
