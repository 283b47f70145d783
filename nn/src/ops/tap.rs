//! The identity, as a place where a gradient can be seen and replaced.

use autograd::{Context, Keeps, Op, Variable};
use tensor::Tensor;

/// See [`tap`].
#[derive(Clone, Debug)]
pub struct Tap;

impl Op<1> for Tap {
    const NAME: &'static str = "tap";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.clone(), ())
    }

    fn vjp(&self, g: &Variable, _: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(g.clone())]
    }
}

/// `x` itself as the result of an op: a hook on it sees the gradient of this use of `x` alone.
#[track_caller]
pub fn tap(x: &Variable) -> Variable {
    Tap.apply([x])
}

#[cfg(any(test, feature = "check"))]
impl autograd::check::Check<1> for Tap {
    const LINEAR: bool = true;

    fn samples() -> proptest::prelude::BoxedStrategy<autograd::check::Sample<Self, 1>> {
        use autograd::check::{Sample, strategy};
        use proptest::prelude::Strategy;
        strategy::any_shape()
            .prop_flat_map(|shape| strategy::values(&shape))
            .prop_map(|x| Sample { op: Tap, inputs: [x] })
            .boxed()
    }

    fn reference(&self, [x]: [&Tensor; 1]) -> Option<Tensor> {
        Some(x.clone())
    }
}
