//! The two activations that other array ops are made of; the rest live with the network ops.

use tensor::{Element, Tensor, dispatch};

use super::arithmetic::{mul, neg};
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

/// `g y (1 - y)` in one pass.
fn sigmoid_backward(g: &Tensor, y: &Tensor) -> Tensor {
    dispatch!(float "sigmoid", g.dtype(), T => g.zip_map(y, |g: T, y: T| g * (y * (<T as Element>::ONE - y))))
}

unary! {
    /// `1 / (1 + e^-x)`. PyTorch: `torch.sigmoid`.
    Sigmoid sigmoid Keeps::OUTPUT, |g, cx| {
        let y = cx.output();
        if cx.records() {
            mul(g, &mul(&y, &(neg(&y) + 1.0)))
        } else {
            Variable::new(sigmoid_backward(&g.data(), &y.data()))
        }
    }, crate::check::strategy::values;
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
