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
