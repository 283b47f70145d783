//! Sums, differences, products and quotients, of tensors and with numbers.
//!
//! Kernels broadcast by themselves, so no expanded operand is kept; a gradient is summed back over stretched axes.

use tensor::Tensor;

use super::elementwise::{compatible, unary};
use super::reduce::sum_to;
use crate::deferred::Epilogue;
use crate::{Context, Keeps, Op, Variable};

/// `a + b`; see [`add`].
#[derive(Clone, Debug)]
pub struct Add;

impl Op<2> for Add {
    const NAME: &'static str = "add";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [a, b]: [&Tensor; 2]) -> (Tensor, ()) {
        (a.add(b), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        [0, 1].map(|i| cx.wants(i).then(|| sum_to(g, cx.shape(i))))
    }
}

/// `a + b`, broadcast. PyTorch: `torch.add`.
///
/// ```
/// use gradus_autograd::Variable;
/// use tensor::Tensor;
///
/// let (a, b) = (Variable::leaf(Tensor::from([[1.0], [2.0]])), Variable::leaf(Tensor::from([10.0, 20.0])));
/// (&a + &b).sum(&[], false).backward();
/// assert_eq!(a.grad().unwrap().shape(), &[2, 1]);
/// ```
///
/// # Panics
/// If the shapes do not broadcast or the dtypes differ.
#[track_caller]
pub fn add(a: &Variable, b: &Variable) -> Variable {
    compatible("add", a, b);
    if a.shape() == b.shape()
        && let Some(fused) = a.fuse(&Epilogue::Add(b)).or_else(|| b.fuse(&Epilogue::Add(a)))
    {
        return fused;
    }
    Add.apply([a, b])
}

/// `a - b`; see [`sub`].
#[derive(Clone, Debug)]
pub struct Sub;

impl Op<2> for Sub {
    const NAME: &'static str = "sub";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [a, b]: [&Tensor; 2]) -> (Tensor, ()) {
        (a.sub(b), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        [cx.wants(0).then(|| sum_to(g, cx.shape(0))), cx.wants(1).then(|| neg(&sum_to(g, cx.shape(1))))]
    }
}

/// `a - b`, broadcast. PyTorch: `torch.sub`.
///
/// # Panics
/// If the shapes do not broadcast or the dtypes differ.
#[track_caller]
pub fn sub(a: &Variable, b: &Variable) -> Variable {
    compatible("sub", a, b);
    Sub.apply([a, b])
}

/// `a b`; see [`mul`].
#[derive(Clone, Debug)]
pub struct Mul;

impl Op<2> for Mul {
    const NAME: &'static str = "mul";
    type Saved = ();

    fn forward(&self, [a, b]: [&Tensor; 2]) -> (Tensor, ()) {
        (a.mul(b), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        [0, 1].map(|i| cx.wants(i).then(|| sum_to(&mul(g, &cx.input(1 - i)), cx.shape(i))))
    }
}

/// `a b`, broadcast. PyTorch: `torch.mul`.
///
/// # Panics
/// If the shapes do not broadcast or the dtypes differ.
#[track_caller]
pub fn mul(a: &Variable, b: &Variable) -> Variable {
    compatible("mul", a, b);
    Mul.apply([a, b])
}

/// `a / b`; see [`div`].
#[derive(Clone, Debug)]
pub struct Div;

impl Op<2> for Div {
    const NAME: &'static str = "div";
    const KEEPS: Keeps = Keeps::NOTHING.and_input(1).and_output();
    type Saved = ();

    fn forward(&self, [a, b]: [&Tensor; 2]) -> (Tensor, ()) {
        (a.div(b), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        let scaled = div(g, &cx.input(1));
        [
            cx.wants(0).then(|| sum_to(&scaled, cx.shape(0))),
            cx.wants(1).then(|| neg(&sum_to(&mul(&scaled, &cx.output()), cx.shape(1)))),
        ]
    }
}

/// `a / b`, broadcast. PyTorch: `torch.div`.
///
/// # Panics
/// If the shapes do not broadcast, the dtypes differ or are no floats.
#[track_caller]
pub fn div(a: &Variable, b: &Variable) -> Variable {
    compatible("div", a, b);
    super::elementwise::expect_float("div", a);
    Div.apply([a, b])
}

macro_rules! with_number {
    ($($(#[$doc:meta])* $op:ident $name:ident, $linear:literal, |$self:ident, $g:ident| $vjp:expr;)*) => {$(
        #[doc = concat!("See [`", stringify!($name), "`].")]
        #[derive(Clone, Debug)]
        pub struct $op {
            /// The number.
            pub value: f64,
        }

        impl Op<1> for $op {
            const NAME: &'static str = stringify!($name);
            const KEEPS: Keeps = Keeps::NOTHING;
            type Saved = ();

            fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
                (x.$name(self.value), ())
            }

            fn vjp(&$self, $g: &Variable, _: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
                [Some($vjp)]
            }
        }

        $(#[$doc])*
        ///
        /// # Panics
        /// If the dtype has no such op.
        #[track_caller]
        pub fn $name(x: &Variable, value: f64) -> Variable {
            $op { value }.apply([x])
        }

        #[cfg(any(test, feature = "check"))]
        impl crate::check::Check<1> for $op {
            const LINEAR: bool = $linear;

            fn samples() -> proptest::strategy::BoxedStrategy<crate::check::Sample<Self, 1>> {
                use crate::check::strategy::{unary, values};
                use proptest::strategy::Strategy;
                (0.5..3.0).prop_flat_map(|value| unary($op { value }, values)).boxed()
            }
        }
    )*};
}

with_number! {
    /// `x + value`. PyTorch: `torch.add` with a number.
    AddScalar add_scalar, false, |self, g| g.clone();
    /// `value x`. PyTorch: `torch.mul` with a number.
    MulScalar mul_scalar, true, |self, g| mul_scalar(g, self.value);
    /// `x / value`. PyTorch: `torch.div` with a number.
    DivScalar div_scalar, true, |self, g| div_scalar(g, self.value);
}

/// `-x`. PyTorch: `torch.neg`.
///
/// # Panics
/// If the dtype is `bool`.
#[track_caller]
pub fn neg(x: &Variable) -> Variable {
    mul_scalar(x, -1.0)
}

unary! {
    /// `|x|`; the gradient at 0 is 0. PyTorch: `torch.abs`.
    Abs abs Keeps::INPUTS, |g, cx| mul(g, &Variable::new(cx.input(0).data().sign())),
        crate::check::strategy::nonzero;
}

/// `a + weight (b - a)`; see [`lerp`].
#[derive(Clone, Debug)]
pub struct Lerp {
    /// How far from `a` to `b`.
    pub weight: f64,
}

impl Op<2> for Lerp {
    const NAME: &'static str = "lerp";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [a, b]: [&Tensor; 2]) -> (Tensor, ()) {
        (a.lerp(b, self.weight), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        [(0, 1.0 - self.weight), (1, self.weight)]
            .map(|(i, weight)| cx.wants(i).then(|| mul_scalar(&sum_to(g, cx.shape(i)), weight)))
    }
}

/// `a + weight (b - a)`, broadcast. PyTorch: `torch.lerp` with a number.
///
/// # Panics
/// If the shapes do not broadcast, or the dtypes differ or are not floats.
#[track_caller]
pub fn lerp(a: &Variable, b: &Variable, weight: f64) -> Variable {
    compatible("lerp", a, b);
    Lerp { weight }.apply([a, b])
}

/// `a + weight (b - a)` with a weight for each element; see [`lerp_tensor`].
#[derive(Clone, Debug)]
pub struct LerpTensor;

impl Op<3> for LerpTensor {
    const NAME: &'static str = "lerp_tensor";
    type Saved = ();

    fn forward(&self, [a, b, weight]: [&Tensor; 3]) -> (Tensor, ()) {
        (a.lerp_tensor(b, weight), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 3>) -> [Option<Variable>; 3] {
        let [a, b, weight] = cx.inputs();
        [
            cx.wants(0).then(|| sum_to(&(g * (1.0 - &weight)), cx.shape(0))),
            cx.wants(1).then(|| sum_to(&(g * &weight), cx.shape(1))),
            cx.wants(2).then(|| sum_to(&(g * (&b - &a)), cx.shape(2))),
        ]
    }
}

/// `a + weight (b - a)`, all three broadcast. PyTorch: `torch.lerp`.
///
/// # Panics
/// If the shapes do not broadcast, or the dtypes differ or are not floats.
#[track_caller]
pub fn lerp_tensor(a: &Variable, b: &Variable, weight: &Variable) -> Variable {
    compatible("lerp", a, b);
    compatible("lerp", b, weight);
    compatible("lerp", a, weight);
    LerpTensor.apply([a, b, weight])
}

impl Variable {
    /// `self + weight (end - self)`; see [`lerp`].
    ///
    /// # Panics
    /// As [`lerp`].
    #[track_caller]
    pub fn lerp(&self, end: &Variable, weight: f64) -> Variable {
        lerp(self, end, weight)
    }

    /// `x^2`. PyTorch: `torch.square`.
    ///
    /// # Panics
    /// If the dtype is `bool`.
    #[track_caller]
    pub fn square(&self) -> Variable {
        super::power::pow_scalar(self, 2.0)
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use proptest::prelude::Strategy;
    use proptest::strategy::BoxedStrategy;

    use super::{Add, Div, Lerp, LerpTensor, Mul, Sub, Tensor};
    use crate::check::strategy::{binary, broadcast_pair, nonzero, three, two, values};
    use crate::check::{Check, Sample};

    impl Check<2> for Add {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 2>> {
            binary(Add, values)
        }

        fn reference(&self, [a, b]: [&Tensor; 2]) -> Option<Tensor> {
            (a.shape() == b.shape()).then(|| {
                let sums = a.to_vec::<f64>().iter().zip(b.to_vec::<f64>()).map(|(a, b)| a + b).collect();
                Tensor::from_vec(sums, a.shape())
            })
        }
    }

    impl Check<2> for Sub {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 2>> {
            binary(Sub, values)
        }
    }

    impl Check<2> for Mul {
        fn samples() -> BoxedStrategy<Sample<Self, 2>> {
            binary(Mul, values)
        }
    }

    impl Check<2> for Div {
        fn samples() -> BoxedStrategy<Sample<Self, 2>> {
            broadcast_pair().prop_flat_map(|(a, b)| two(Div, values(&a), nonzero(&b))).boxed()
        }
    }

    impl Check<2> for Lerp {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 2>> {
            (-1.0..2.0).prop_flat_map(|weight| binary(Lerp { weight }, values)).boxed()
        }
    }

    impl Check<3> for LerpTensor {
        fn samples() -> BoxedStrategy<Sample<Self, 3>> {
            broadcast_pair().prop_flat_map(|(a, b)| three(LerpTensor, [values(&a), values(&b), values(&a)])).boxed()
        }
    }
}
