//! The smaller and the larger of two, and values held between bounds. Where two operands are equal each takes half of
//! the gradient, as in PyTorch.

use tensor::{Element, Tensor, dispatch};

use super::arithmetic::mul;
use super::elementwise::compatible;
use super::mask::where_;
use super::reduce::sum_to;
use crate::{Context, Keeps, Op, Variable};

/// How much of the gradient the first operand takes where it is compared with the second: all, half or nothing.
fn share(winner: &Tensor, loser: &Tensor) -> Variable {
    let share = dispatch!(float "maximum", winner.dtype(), T => winner.zip_map(loser, |a: T, b: T| {
        if a < b {
            <T as Element>::ZERO
        } else if a == b {
            <T as Element>::from_f64(0.5)
        } else {
            <T as Element>::ONE
        }
    }));
    Variable::new(share)
}

macro_rules! of_two {
    ($($(#[$doc:meta])* $op:ident $name:ident |$a:ident, $b:ident| [$first:expr, $second:expr];)*) => {$(
        #[doc = concat!("See [`", stringify!($name), "`].")]
        #[derive(Clone, Debug)]
        pub struct $op;

        impl Op<2> for $op {
            const NAME: &'static str = stringify!($name);
            type Saved = ();

            fn forward(&self, [a, b]: [&Tensor; 2]) -> (Tensor, ()) {
                (a.$name(b), ())
            }

            fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
                let [$a, $b] = &cx.inputs().map(|x| x.data());
                [
                    cx.wants(0).then(|| sum_to(&mul(g, &$first), cx.shape(0))),
                    cx.wants(1).then(|| sum_to(&mul(g, &$second), cx.shape(1))),
                ]
            }
        }

        $(#[$doc])*
        ///
        /// # Panics
        /// If the shapes do not broadcast, or the dtypes differ or are `bool`.
        #[track_caller]
        pub fn $name(a: &Variable, b: &Variable) -> Variable {
            compatible(stringify!($name), a, b);
            $op.apply([a, b])
        }

        impl Variable {
            $(#[$doc])*
            ///
            /// # Panics
            /// If the shapes do not broadcast, or the dtypes differ or are `bool`.
            #[track_caller]
            pub fn $name(&self, other: &Variable) -> Variable {
                $name(self, other)
            }
        }

        #[cfg(any(test, feature = "check"))]
        impl crate::check::Check<2> for $op {
            fn samples() -> proptest::strategy::BoxedStrategy<crate::check::Sample<Self, 2>> {
                samples::apart($op)
            }
        }
    )*};
}

of_two! {
    /// The smaller of each pair, NaN where either is; equals share the gradient. PyTorch: `torch.minimum`.
    Minimum minimum |a, b| [share(b, a), share(a, b)];
    /// The larger of each pair, NaN where either is; equals share the gradient. PyTorch: `torch.maximum`.
    Maximum maximum |a, b| [share(a, b), share(b, a)];
}

/// See [`clamp`].
#[derive(Clone, Debug)]
pub struct Clamp {
    /// The smallest value that stays.
    pub low: f64,
    /// The largest value that stays.
    pub high: f64,
}

impl Op<1> for Clamp {
    const NAME: &'static str = "clamp";
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.clamp(self.low, self.high), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let x = cx.input(0).data();
        let inside = x.ge_scalar(self.low).logical_and(&x.le_scalar(self.high));
        [Some(where_(&inside, g, &Variable::new(Tensor::zeros([], g.dtype()))))]
    }
}

/// Each element, but not below `low` nor above `high` (which decides if they contradict); NaN stays. Infinite bounds
/// are none. The gradient is 1 from `low` to `high`, both included. PyTorch: `torch.clamp`.
///
/// ```
/// use gradus_autograd::Variable;
/// use tensor::Tensor;
///
/// let x = Variable::leaf(Tensor::from([-2.0, 0.5, 2.0]));
/// let y = x.clamp(-1.0, 1.0);
/// y.sum(&[], false).backward();
/// assert_eq!(y.to_vec::<f64>(), [-1.0, 0.5, 1.0]);
/// assert_eq!(x.grad().unwrap().to_vec::<f64>(), [0.0, 1.0, 0.0]);
/// ```
///
/// # Panics
/// If the dtype is `bool`.
#[track_caller]
pub fn clamp(x: &Variable, low: f64, high: f64) -> Variable {
    Clamp { low, high }.apply([x])
}

/// See [`clamp_tensor`].
#[derive(Clone, Debug)]
pub struct ClampTensor;

impl Op<3> for ClampTensor {
    const NAME: &'static str = "clamp_tensor";
    const KEEPS: Keeps = Keeps::INPUTS;
    type Saved = ();

    fn forward(&self, [x, low, high]: [&Tensor; 3]) -> (Tensor, ()) {
        (x.clamp_tensor(Some(low), Some(high)), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 3>) -> [Option<Variable>; 3] {
        let [x, low, high] = &cx.inputs().map(|x| x.data());
        let zero = Variable::new(Tensor::zeros([], g.dtype()));
        let masks = [
            x.ge(low).logical_and(&x.le(high)),
            low.lt(high).logical_and(&x.lt(low)),
            high.lt(low).logical_or(&x.gt(high)),
        ];
        [0, 1, 2].map(|i| cx.wants(i).then(|| sum_to(&where_(&masks[i], g, &zero), cx.shape(i))))
    }
}

/// Each element, but not below `low` nor above `high`, all broadcast; NaN where any is. PyTorch: `torch.clamp` with
/// tensors.
///
/// # Panics
/// If the shapes do not broadcast, or the dtypes differ or are not floats.
#[track_caller]
pub fn clamp_tensor(x: &Variable, low: Option<&Variable>, high: Option<&Variable>) -> Variable {
    super::elementwise::expect_float("clamp", x);
    let none = |bound: f64| Variable::new(Tensor::full([], bound, x.dtype()));
    let (low, high) =
        (low.cloned().unwrap_or_else(|| none(f64::NEG_INFINITY)), high.cloned().unwrap_or_else(|| none(f64::INFINITY)));
    compatible("clamp", x, &low);
    compatible("clamp", x, &high);
    compatible("clamp", &low, &high);
    ClampTensor.apply([x, &low, &high])
}

impl Variable {
    /// Each element, but not below `low` nor above `high`; see [`clamp`].
    ///
    /// # Panics
    /// If the dtype is `bool`.
    #[track_caller]
    pub fn clamp(&self, low: f64, high: f64) -> Variable {
        clamp(self, low, high)
    }

    /// Each element, but not below `low`. PyTorch: `torch.clamp` with `min` alone.
    ///
    /// # Panics
    /// If the dtype is `bool`.
    #[track_caller]
    pub fn clamp_min(&self, low: f64) -> Variable {
        clamp(self, low, f64::INFINITY)
    }

    /// Each element, but not above `high`. PyTorch: `torch.clamp` with `max` alone.
    ///
    /// # Panics
    /// If the dtype is `bool`.
    #[track_caller]
    pub fn clamp_max(&self, high: f64) -> Variable {
        clamp(self, f64::NEG_INFINITY, high)
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use std::fmt::Debug;

    use proptest::prelude::{Just, Strategy};
    use proptest::prop_oneof;
    use proptest::strategy::BoxedStrategy;

    use super::{Clamp, ClampTensor};
    use crate::check::strategy::{broadcast_pair, distinct, off_kinks, three, two, unary};
    use crate::check::{Check, Sample};

    /// Two operands that never come closer than 1/32: they lie on grids of 1/16 that are shifted by half a step.
    pub(super) fn apart<O: Clone + Debug + 'static>(op: O) -> BoxedStrategy<Sample<O, 2>> {
        broadcast_pair()
            .prop_flat_map(move |(a, b)| {
                two(op.clone(), distinct(&a), distinct(&b).prop_map(|b| (&b * 3.0).add_scalar(-0.02875)))
            })
            .boxed()
    }

    impl Check<1> for Clamp {
        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            let bounds = prop_oneof![
                Just((-1.0, 1.0)),
                Just((f64::NEG_INFINITY, 0.5)),
                Just((-0.5, f64::INFINITY)),
                Just((0.0, 2.0)),
            ];
            bounds
                .prop_flat_map(|(low, high)| {
                    unary(Clamp { low, high }, move |shape: &[usize]| off_kinks(shape, &[low, high]))
                })
                .boxed()
        }
    }

    impl Check<3> for ClampTensor {
        fn samples() -> BoxedStrategy<Sample<Self, 3>> {
            broadcast_pair()
                .prop_flat_map(|(a, b)| {
                    // Bounds, some of them the wrong way round, on grids of 1/16 that are shifted by a third each.
                    let x = distinct(&a);
                    let low = distinct(&b).prop_map(|low| (&low * 2.0).add_scalar(-0.0092)).boxed();
                    let high = distinct(&b).prop_map(|high| (&high * 2.0).add_scalar(0.0117)).boxed();
                    three(ClampTensor, [x, low, high])
                })
                .boxed()
        }
    }
}
