//! Exponentials and logarithms.

use std::f64::consts::{LN_2, LN_10};

use tensor::Tensor;

use super::arithmetic::{add_scalar, div, mul, mul_scalar};
use super::elementwise::{expect_float, unary};
use super::mask::where_;
use crate::{Context, Keeps, Op, Variable};

unary! {
    /// `e^x`. PyTorch: `torch.exp`.
    Exp exp Keeps::OUTPUT, |g, cx| mul(g, &cx.output()), crate::check::strategy::values;
    /// `2^x`. PyTorch: `torch.exp2`.
    Exp2 exp2 Keeps::OUTPUT, |g, cx| mul_scalar(&mul(g, &cx.output()), LN_2), crate::check::strategy::values;
    /// `e^x - 1`, accurate near 0. PyTorch: `torch.expm1`.
    Expm1 expm1 Keeps::OUTPUT, |g, cx| mul(g, &add_scalar(&cx.output(), 1.0)), crate::check::strategy::values;
    /// The natural logarithm. PyTorch: `torch.log`.
    Log log Keeps::INPUTS, |g, cx| div(g, &cx.input(0)), crate::check::strategy::positive;
    /// The logarithm to base 2. PyTorch: `torch.log2`.
    Log2 log2 Keeps::INPUTS, |g, cx| div(g, &mul_scalar(&cx.input(0), LN_2)), crate::check::strategy::positive;
    /// The logarithm to base 10. PyTorch: `torch.log10`.
    Log10 log10 Keeps::INPUTS, |g, cx| div(g, &mul_scalar(&cx.input(0), LN_10)), crate::check::strategy::positive;
    /// `log(1 + x)`, accurate near 0. PyTorch: `torch.log1p`.
    Log1p log1p Keeps::INPUTS, |g, cx| div(g, &add_scalar(&cx.input(0), 1.0)),
        |shape: &[usize]| crate::check::strategy::values_in(shape, -0.8, 3.0);
}

/// See [`logit`].
#[derive(Clone, Debug)]
pub struct Logit {
    /// How close to 0 and 1 the input may come.
    pub eps: Option<f64>,
}

impl Op<1> for Logit {
    const NAME: &'static str = "logit";
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.logit(self.eps), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let x = cx.input(0);
        let slope = div(g, &mul(&x, &(1.0 - &x)));
        let Some(eps) = self.eps else { return [Some(slope)] };
        let clamped = x.data().lt_scalar(eps).logical_or(&x.data().gt_scalar(1.0 - eps));
        [Some(where_(&clamped, &Variable::new(Tensor::zeros([], g.dtype())), &slope))]
    }
}

/// `log(x / (1 - x))`, the inverse of `sigmoid`, with `x` first clamped to `[eps, 1 - eps]` if `eps` is given.
/// PyTorch: `torch.logit`.
///
/// # Panics
/// If the dtype is not a float.
#[track_caller]
pub fn logit(x: &Variable, eps: Option<f64>) -> Variable {
    expect_float("logit", x);
    Logit { eps }.apply([x])
}

impl Variable {
    /// `log(x / (1 - x))`; see [`logit`].
    ///
    /// # Panics
    /// If the dtype is not a float.
    #[track_caller]
    pub fn logit(&self, eps: Option<f64>) -> Variable {
        logit(self, eps)
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use proptest::prelude::{Just, Strategy};
    use proptest::prop_oneof;
    use proptest::strategy::BoxedStrategy;

    use super::Logit;
    use crate::check::strategy::{unary, values_in};
    use crate::check::{Check, Sample};

    impl Check<1> for Logit {
        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            let values = |shape: &[usize]| {
                let off = |x: f64, kink: f64| if (x - kink).abs() < 0.02 { kink + 0.03 } else { x };
                values_in(shape, 0.1, 0.9).prop_map(move |x| x.map(|x: f64| off(off(x, 0.25), 0.75))).boxed()
            };
            prop_oneof![Just(None), Just(Some(0.25))].prop_flat_map(move |eps| unary(Logit { eps }, values)).boxed()
        }
    }
}
