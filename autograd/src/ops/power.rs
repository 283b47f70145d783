//! Powers and roots.

use tensor::Tensor;

use super::arithmetic::{div, div_scalar, mul, mul_scalar, neg};
use super::elementwise::{compatible, expect_float, unary};
use super::exponential::log;
use super::mask::where_;
use super::reduce::sum_to;
use crate::{Context, Keeps, Op, Variable};

/// `x` to a constant power; see [`pow_scalar`].
#[derive(Clone, Debug)]
pub struct PowScalar {
    /// The power.
    pub exponent: f64,
}

impl Op<1> for PowScalar {
    const NAME: &'static str = "pow_scalar";
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.pow_scalar(self.exponent), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let (n, x) = (self.exponent, cx.input(0));
        // x^0 is constant, also at 0 where the general formula would say 0 times infinity.
        let slope = match n {
            0.0 => mul_scalar(&x, 0.0),
            2.0 => mul_scalar(&x, 2.0),
            _ => mul_scalar(&pow_scalar(&x, n - 1.0), n),
        };
        [Some(mul(g, &slope))]
    }
}

/// `x` to the power `exponent`. PyTorch: `torch.pow`.
///
/// ```
/// use gradus_autograd::{Variable, ops::power::pow_scalar};
/// use tensor::Tensor;
///
/// let x = Variable::leaf(Tensor::scalar(2.0));
/// pow_scalar(&x, 3.0).backward();
/// assert_eq!(x.grad().unwrap().item::<f64>(), 12.0);
/// ```
///
/// # Panics
/// If the dtype is `bool`, or an integer and the exponent negative or not whole.
#[track_caller]
pub fn pow_scalar(x: &Variable, exponent: f64) -> Variable {
    PowScalar { exponent }.apply([x])
}

/// A power of two tensors; see [`pow`].
#[derive(Clone, Debug)]
pub struct Pow;

impl Op<2> for Pow {
    const NAME: &'static str = "pow";
    const KEEPS: Keeps = Keeps::ALL;
    type Saved = ();

    fn forward(&self, [x, exponent]: [&Tensor; 2]) -> (Tensor, ()) {
        (x.pow(exponent), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        let [x, n] = cx.inputs();
        let zero = Variable::new(Tensor::zeros([], g.dtype()));
        let one = Variable::new(Tensor::ones([], g.dtype()));
        let in_base = || {
            let slope = mul(&n, &pow(&x, &(&n - 1.0)));
            mul(g, &where_(&n.data().eq_scalar(0.0), &zero, &slope))
        };
        let in_exponent = || {
            // 0^n stays 0 for all n >= 0, although its logarithm is infinite.
            let flat = x.data().eq_scalar(0.0).logical_and(&n.data().ge_scalar(0.0));
            mul(g, &where_(&flat, &zero, &mul(&cx.output(), &log(&where_(&flat, &one, &x)))))
        };
        [cx.wants(0).then(|| sum_to(&in_base(), cx.shape(0))), cx.wants(1).then(|| sum_to(&in_exponent(), cx.shape(1)))]
    }
}

/// `x` to the power `exponent`, broadcast. PyTorch: `torch.pow`.
///
/// # Panics
/// If the shapes do not broadcast, the dtypes differ or are `bool`, or an integer exponent is negative.
#[track_caller]
pub fn pow(x: &Variable, exponent: &Variable) -> Variable {
    compatible("pow", x, exponent);
    Pow.apply([x, exponent])
}

/// A constant to the power of a tensor; see [`scalar_pow`].
#[derive(Clone, Debug)]
pub struct ScalarPow {
    /// The base.
    pub base: f64,
}

impl Op<1> for ScalarPow {
    const NAME: &'static str = "scalar_pow";
    const KEEPS: Keeps = Keeps::OUTPUT;
    type Saved = ();

    fn forward(&self, [exponent]: [&Tensor; 1]) -> (Tensor, ()) {
        (Tensor::scalar_pow(self.base, exponent), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        if self.base != 0.0 {
            return [Some(mul(g, &mul_scalar(&cx.output(), self.base.ln())))];
        }
        // 0^n stays 0 for all n >= 0 and is infinite below: there is no finite slope but 0.
        let flat = cx.output().data().le_scalar(1.0);
        let zero = Variable::new(Tensor::zeros([], g.dtype()));
        [Some(mul(g, &where_(&flat, &zero, &neg(&cx.output()))))]
    }
}

/// `base` to the power of every element. PyTorch: `torch.pow` with a number on the left.
///
/// # Panics
/// If the dtype is not a float.
#[track_caller]
pub fn scalar_pow(base: f64, exponent: &Variable) -> Variable {
    expect_float("pow", exponent);
    ScalarPow { base }.apply([exponent])
}

unary! {
    /// The square root. PyTorch: `torch.sqrt`.
    Sqrt sqrt Keeps::OUTPUT, |g, cx| div_scalar(&div(g, &cx.output()), 2.0), crate::check::strategy::positive;
    /// `1 / sqrt(x)`. PyTorch: `torch.rsqrt`.
    Rsqrt rsqrt Keeps::OUTPUT, |g, cx| mul_scalar(&mul(g, &pow_scalar(&cx.output(), 3.0)), -0.5),
        crate::check::strategy::positive;
    /// `1 / x`. PyTorch: `torch.reciprocal`.
    Reciprocal reciprocal Keeps::OUTPUT, |g, cx| neg(&mul(g, &pow_scalar(&cx.output(), 2.0))),
        crate::check::strategy::nonzero;
}

impl Variable {
    /// `x` to the power `exponent`. PyTorch: `torch.pow`.
    ///
    /// # Panics
    /// As [`pow_scalar`].
    #[track_caller]
    pub fn pow_scalar(&self, exponent: f64) -> Variable {
        pow_scalar(self, exponent)
    }

    /// `x` to the power `exponent`, broadcast. PyTorch: `torch.pow`.
    ///
    /// # Panics
    /// As [`pow`].
    #[track_caller]
    pub fn pow(&self, exponent: &Variable) -> Variable {
        pow(self, exponent)
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use proptest::prelude::{Just, Strategy};
    use proptest::prop_oneof;
    use proptest::strategy::BoxedStrategy;

    use super::{Pow, PowScalar, ScalarPow};
    use crate::check::strategy::{broadcast_pair, nonzero, positive, two, unary, values};
    use crate::check::{Check, Sample};

    impl Check<1> for PowScalar {
        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            let whole = prop_oneof![Just(0.0), Just(1.0), Just(2.0), Just(3.0), Just(-1.0), Just(-2.0)]
                .prop_flat_map(|exponent| unary(PowScalar { exponent }, nonzero));
            let broken = (-2.0..3.0).prop_flat_map(|exponent| unary(PowScalar { exponent }, positive));
            prop_oneof![whole, broken].boxed()
        }
    }

    impl Check<2> for Pow {
        fn samples() -> BoxedStrategy<Sample<Self, 2>> {
            broadcast_pair().prop_flat_map(|(a, b)| two(Pow, positive(&a), values(&b))).boxed()
        }
    }

    impl Check<1> for ScalarPow {
        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            (0.3..4.0).prop_flat_map(|base| unary(ScalarPow { base }, values)).boxed()
        }
    }
}
