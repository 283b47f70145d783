//! Remainders of a division, and its whole part.

use tensor::Tensor;

use super::arithmetic::{mul, neg};
use super::elementwise::compatible;
use super::reduce::sum_to;
use crate::{Context, Keeps, Op, Variable};

macro_rules! rest {
    ($($(#[$doc:meta])* $op:ident $name:ident $whole:ident;)*) => {$(
        #[doc = concat!("See [`", stringify!($name), "`].")]
        #[derive(Clone, Debug)]
        pub struct $op;

        impl Op<2> for $op {
            const NAME: &'static str = stringify!($name);
            const KEEPS: Keeps = Keeps::INPUTS;
            type Saved = ();

            fn forward(&self, [a, b]: [&Tensor; 2]) -> (Tensor, ()) {
                (a.$name(b), ())
            }

            fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
                let whole = || {
                    let [a, b] = cx.inputs();
                    Variable::new(a.data().div(&b.data()).$whole())
                };
                [
                    cx.wants(0).then(|| sum_to(g, cx.shape(0))),
                    cx.wants(1).then(|| neg(&sum_to(&mul(g, &whole()), cx.shape(1)))),
                ]
            }
        }

        $(#[$doc])*
        ///
        /// # Panics
        /// If the shapes do not broadcast, the dtypes differ or are `bool`, or an integer divisor is 0.
        #[track_caller]
        pub fn $name(a: &Variable, b: &Variable) -> Variable {
            compatible(stringify!($name), a, b);
            $op.apply([a, b])
        }

        impl Variable {
            $(#[$doc])*
            ///
            /// # Panics
            /// If the shapes do not broadcast, the dtypes differ or are `bool`, or an integer divisor is 0.
            #[track_caller]
            pub fn $name(&self, other: &Variable) -> Variable {
                $name(self, other)
            }
        }

        #[cfg(any(test, feature = "check"))]
        impl crate::check::Check<2> for $op {
            fn samples() -> proptest::strategy::BoxedStrategy<crate::check::Sample<Self, 2>> {
                samples::off_multiples($op)
            }
        }
    )*};
}

rest! {
    /// The remainder of `a / b` with the sign of `a`, broadcast, as C's `fmod`. PyTorch: `torch.fmod`.
    Fmod fmod trunc;
    /// The remainder of `a / b` with the sign of `b`, broadcast, as Python's `%`. PyTorch: `torch.remainder`.
    Remainder remainder floor;
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use std::fmt::Debug;

    use proptest::prelude::Strategy;
    use proptest::strategy::BoxedStrategy;

    use crate::check::Sample;
    use crate::check::strategy::{broadcast_pair, nonzero, off_kinks, two};

    /// Dividends that are no multiples of their divisors: quotients off whole numbers, times the divisors.
    pub(super) fn off_multiples<O: Clone + Debug + 'static>(op: O) -> BoxedStrategy<Sample<O, 2>> {
        broadcast_pair()
            .prop_flat_map(move |(a, b)| {
                let quotient = off_kinks(&a, &[-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]);
                two(op.clone(), quotient, nonzero(&b))
            })
            .prop_map(|sample| {
                let [quotient, b] = sample.inputs;
                Sample { op: sample.op, inputs: [quotient.mul(&b), b] }
            })
            .boxed()
    }
}
