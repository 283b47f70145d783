//! Arithmetic and functions, element by element.
//!
//! Binary ops broadcast once, before the op: a recorded [`Expand`](super::reduce::Expand) whose adjoint sums.

use tensor::Tensor;

#[cfg(any(test, feature = "check"))]
mod samples;

use super::reduce::{expand, sum_to};
use crate::deferred::Epilogue;
use crate::{Context, Keeps, Op, Variable};

/// Both operands with the shape that they broadcast to.
#[track_caller]
pub fn broadcast(op: &str, a: &Variable, b: &Variable) -> (Variable, Variable) {
    if a.shape() == b.shape() {
        return (a.clone(), b.clone());
    }
    let shape = tensor::shape::broadcast_for(op, a.shape(), b.shape());
    (expand(a, &shape), expand(b, &shape))
}

#[track_caller]
fn same_dtype(op: &str, a: &Variable, b: &Variable) {
    if a.dtype() != b.dtype() {
        tensor::fault!(op, [lhs: a.shape(), rhs: b.shape()],
            "dtypes differ, {} and {}; convert with to_dtype", a.dtype(), b.dtype());
    }
}

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
        // Broadcasting inside the kernel: no expanded operand is kept, and the sum back is one pass.
        [0, 1].map(|i| cx.wants(i).then(|| sum_to(g, cx.shape(i))))
    }
}

/// `a + b`, broadcast. PyTorch: `torch.add`.
///
/// # Panics
/// If the shapes do not broadcast or the dtypes differ.
#[track_caller]
pub fn add(a: &Variable, b: &Variable) -> Variable {
    same_dtype("add", a, b);
    if a.shape() == b.shape() {
        if let Some(fused) = a.fuse(&Epilogue::Add(b)).or_else(|| b.fuse(&Epilogue::Add(a))) {
            return fused;
        }
    } else {
        tensor::shape::broadcast_for("add", a.shape(), b.shape());
    }
    Add.apply([a, b])
}

/// `a - b`, broadcast. PyTorch: `torch.sub`.
///
/// # Panics
/// If the shapes do not broadcast or the dtypes differ.
#[track_caller]
pub fn sub(a: &Variable, b: &Variable) -> Variable {
    same_dtype("sub", a, b);
    tensor::shape::broadcast_for("sub", a.shape(), b.shape());
    Add.apply([a, &mul_scalar(b, -1.0)])
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
    same_dtype("mul", a, b);
    tensor::shape::broadcast_for("mul", a.shape(), b.shape());
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
            cx.wants(1).then(|| sum_to(&mul_scalar(&mul(&scaled, &cx.output()), -1.0), cx.shape(1))),
        ]
    }
}

/// `a / b`, broadcast. PyTorch: `torch.div`.
///
/// # Panics
/// If the shapes do not broadcast, the dtypes differ or are no floats.
#[track_caller]
pub fn div(a: &Variable, b: &Variable) -> Variable {
    same_dtype("div", a, b);
    tensor::shape::broadcast_for("div", a.shape(), b.shape());
    Div.apply([a, b])
}

/// `x + value`; see [`add_scalar`].
#[derive(Clone, Debug)]
pub struct AddScalar {
    /// What is added.
    pub value: f64,
}

impl Op<1> for AddScalar {
    const NAME: &'static str = "add_scalar";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.add_scalar(self.value), ())
    }

    fn vjp(&self, g: &Variable, _: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(g.clone())]
    }
}

/// `x + value`.
#[track_caller]
pub fn add_scalar(x: &Variable, value: f64) -> Variable {
    AddScalar { value }.apply([x])
}

/// `x value`; see [`mul_scalar`].
#[derive(Clone, Debug)]
pub struct MulScalar {
    /// The factor.
    pub value: f64,
}

impl Op<1> for MulScalar {
    const NAME: &'static str = "mul_scalar";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.mul_scalar(self.value), ())
    }

    fn vjp(&self, g: &Variable, _: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(mul_scalar(g, self.value))]
    }
}

/// `x value`.
#[track_caller]
pub fn mul_scalar(x: &Variable, value: f64) -> Variable {
    MulScalar { value }.apply([x])
}

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
        let n = self.exponent;
        // x^0 is constant, also at 0 where the general formula would say 0 times infinity.
        let slope = if n == 0.0 { mul_scalar(&cx.input(0), 0.0) } else { mul_scalar(&pow_scalar(&cx.input(0), n - 1.0), n) };
        [Some(mul(g, &slope))]
    }
}

/// `x` to the power `exponent`. PyTorch: `torch.pow`.
#[track_caller]
pub fn pow_scalar(x: &Variable, exponent: f64) -> Variable {
    PowScalar { exponent }.apply([x])
}

macro_rules! unary {
    ($($(#[$doc:meta])* $op:ident $name:ident $keeps:expr, |$g:ident, $cx:ident| $vjp:expr;)*) => {$(
        #[doc = concat!("See [`", stringify!($name), "`].")]
        #[derive(Clone, Debug)]
        pub struct $op;

        impl Op<1> for $op {
            const NAME: &'static str = stringify!($name);
            const KEEPS: Keeps = $keeps;
            type Saved = ();

            fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
                (x.$name(), ())
            }

            fn vjp(&self, $g: &Variable, $cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
                [Some($vjp)]
            }
        }

        $(#[$doc])*
        ///
        /// # Panics
        /// If the dtype is not a float.
        #[track_caller]
        pub fn $name(x: &Variable) -> Variable {
            $op.apply([x])
        }
    )*};
}

unary! {
    /// `e^x`. PyTorch: `torch.exp`.
    Exp exp Keeps::OUTPUT, |g, cx| mul(g, &cx.output());
    /// The natural logarithm. PyTorch: `torch.log`.
    Log log Keeps::INPUTS, |g, cx| div(g, &cx.input(0));
    /// The square root. PyTorch: `torch.sqrt`.
    Sqrt sqrt Keeps::OUTPUT, |g, cx| mul_scalar(&div(g, &cx.output()), 0.5);
    /// The hyperbolic tangent. PyTorch: `torch.tanh`.
    Tanh tanh Keeps::OUTPUT, |g, cx| {
        let y = cx.output();
        mul(g, &add_scalar(&mul_scalar(&mul(&y, &y), -1.0), 1.0))
    };
    /// `1 / (1 + e^-x)`. PyTorch: `torch.sigmoid`.
    Sigmoid sigmoid Keeps::OUTPUT, |g, cx| {
        let y = cx.output();
        mul(g, &mul(&y, &add_scalar(&mul_scalar(&y, -1.0), 1.0)))
    };
    /// `1 / x`. PyTorch: `torch.reciprocal`.
    Reciprocal reciprocal Keeps::OUTPUT, |g, cx| {
        let y = cx.output();
        mul_scalar(&mul(g, &mul(&y, &y)), -1.0)
    };
    /// `|x|`; the gradient at 0 is 0. PyTorch: `torch.abs`.
    Abs abs Keeps::INPUTS, |g, cx| mul(g, &Variable::new(cx.input(0).data().sign()));
}

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
        let open = cx.output().data().gt_scalar(0.0);
        let zero = Variable::new(Tensor::zeros([], g.dtype()));
        [Some(where_(&open, g, &zero))]
    }
}

/// `max(x, 0)`; the gradient at 0 is 0. PyTorch: `torch.relu`.
///
/// # Panics
/// If the dtype is not a float.
#[track_caller]
pub fn relu(x: &Variable) -> Variable {
    x.fuse(&Epilogue::Relu).unwrap_or_else(|| Relu.apply([x]))
}

/// A choice by a mask; see [`where_`].
#[derive(Clone, Debug)]
pub struct Where {
    /// Where the first operand is chosen.
    pub condition: Tensor,
}

impl Op<2> for Where {
    const NAME: &'static str = "where";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [a, b]: [&Tensor; 2]) -> (Tensor, ()) {
        (self.condition.where_(a, b), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        let zero = Variable::new(Tensor::zeros([], g.dtype()));
        [
            cx.wants(0).then(|| sum_to(&where_(&self.condition, g, &zero), cx.shape(0))),
            cx.wants(1).then(|| sum_to(&where_(&self.condition, &zero, g), cx.shape(1))),
        ]
    }
}

/// `a` where the mask is true, `b` elsewhere, all three broadcast. PyTorch: `torch.where`.
///
/// # Panics
/// If the condition is not `bool`, the shapes do not broadcast or the dtypes differ.
#[track_caller]
pub fn where_(condition: &Tensor, a: &Variable, b: &Variable) -> Variable {
    same_dtype("where", a, b);
    Where { condition: condition.clone() }.apply([a, b])
}

macro_rules! methods {
    ($($name:ident),*) => {
        impl Variable {$(
            #[doc = concat!("See [`ops::elementwise::", stringify!($name), "`](crate::ops::elementwise::", stringify!($name), ").")]
            ///
            /// # Panics
            /// If the dtype is not a float.
            #[track_caller]
            pub fn $name(&self) -> Variable {
                $name(self)
            }
        )*}
    };
}

methods!(exp, log, sqrt, tanh, sigmoid, reciprocal, abs, relu);

impl Variable {
    /// `x` to the power `exponent`. PyTorch: `torch.pow`.
    #[track_caller]
    pub fn pow_scalar(&self, exponent: f64) -> Variable {
        pow_scalar(self, exponent)
    }
}
