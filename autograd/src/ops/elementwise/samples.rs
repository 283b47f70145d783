//! Samples for the checks of elementwise ops.

use proptest::prelude::{Just, Strategy, any};
use proptest::prop_oneof;
use proptest::strategy::BoxedStrategy;
use tensor::Tensor;

use super::{
    Abs, Add, AddScalar, Div, Exp, Log, Mul, MulScalar, PowScalar, Reciprocal, Relu, Sigmoid, Sqrt, Tanh, Where,
};
use crate::check::strategy::{
    any_shape, binary, broadcast_pair, mask, nonzero, off_kinks, positive, two, unary, values,
};
use crate::check::{Check, Sample};

impl Check<2> for Add {
    const LINEAR: bool = true;

    fn samples() -> BoxedStrategy<Sample<Self, 2>> {
        binary(Add, values)
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

impl Check<1> for AddScalar {
    fn samples() -> BoxedStrategy<Sample<Self, 1>> {
        (-3.0..3.0).prop_flat_map(|value| unary(AddScalar { value }, values)).boxed()
    }
}

impl Check<1> for MulScalar {
    const LINEAR: bool = true;

    fn samples() -> BoxedStrategy<Sample<Self, 1>> {
        (0.5..3.0).prop_flat_map(|value| unary(MulScalar { value }, values)).boxed()
    }
}

impl Check<1> for PowScalar {
    fn samples() -> BoxedStrategy<Sample<Self, 1>> {
        let whole = prop_oneof![Just(0.0), Just(1.0), Just(2.0), Just(3.0), Just(-1.0), Just(-2.0)]
            .prop_flat_map(|exponent| unary(PowScalar { exponent }, nonzero));
        let broken = (-2.0..3.0).prop_flat_map(|exponent| unary(PowScalar { exponent }, positive));
        prop_oneof![whole, broken].boxed()
    }
}

macro_rules! unary_samples {
    ($($op:ident $values:expr;)*) => {$(
        impl Check<1> for $op {
            fn samples() -> BoxedStrategy<Sample<Self, 1>> {
                unary($op, $values)
            }
        }
    )*};
}

unary_samples! {
    Exp values;
    Log positive;
    Sqrt positive;
    Tanh values;
    Sigmoid values;
    Reciprocal nonzero;
    Abs nonzero;
    Relu |shape: &[usize]| off_kinks(shape, &[0.0]);
}

impl Check<2> for Where {
    const LINEAR: bool = true;

    fn samples() -> BoxedStrategy<Sample<Self, 2>> {
        let same = any_shape().prop_flat_map(|shape| (mask(&shape), Just((shape.clone(), shape))));
        let broadcast = (broadcast_pair(), any::<bool>())
            .prop_flat_map(|(pair, on)| (Just(Tensor::scalar(on)), Just(pair)));
        prop_oneof![same, broadcast]
            .prop_flat_map(|(condition, (a, b))| two(Where { condition }, values(&a), values(&b)))
            .boxed()
    }
}
