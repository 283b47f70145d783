//! Samples for the checks: pairs off the kinks of each formula.

use autograd::check::strategy::{nonzero, positive, ranked_shape, values, values_in};
use autograd::check::{Check, Sample};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::strategy::BoxedStrategy;
use tensor::Tensor;

use super::{
    Absolute, BinaryCrossEntropy, BinaryCrossEntropyLogits, Divergence, Formula, HuberError, Pointwise,
    PoissonDeviance, SmoothAbsolute, SoftMarginError, Squared,
};
use crate::loss::Reduction;

/// A formula with inputs and targets off its kinks, for any shape.
trait Samples: Formula {
    fn pairs(shape: Vec<usize>) -> BoxedStrategy<(Self, Tensor, Tensor)>;
}

impl<F: Samples> Check<2> for Pointwise<F>
where
    Pointwise<F>: autograd::Registered,
{
    fn samples() -> BoxedStrategy<Sample<Self, 2>> {
        let reduction =
            prop_oneof![Just(Reduction::None), Just(Reduction::Sum), Just(Reduction::Mean), Just(Reduction::BatchMean)];
        // A mean over nothing is NaN; that is a test of its own.
        (ranked_shape(1..=4).prop_filter("empty", |shape| !shape.contains(&0)), reduction)
            .prop_flat_map(|(shape, reduction)| (F::pairs(shape), Just(reduction)))
            .prop_map(|((formula, x, t), reduction)| Sample { op: Pointwise { formula, reduction }, inputs: [x, t] })
            .boxed()
    }

    fn reference(&self, [x, t]: [&Tensor; 2]) -> Option<Tensor> {
        let pairs = x.to_vec::<f64>().into_iter().zip(t.to_vec::<f64>());
        let losses: Vec<f64> = pairs.map(|(x, t)| self.formula.value(x, t)).collect();
        let sum: f64 = losses.iter().sum();
        Some(match self.reduction {
            Reduction::None => Tensor::from_vec(losses, x.shape()),
            Reduction::Sum => Tensor::scalar(sum),
            Reduction::Mean => Tensor::scalar(sum / losses.len() as f64),
            Reduction::BatchMean => Tensor::scalar(sum / x.shape()[0] as f64),
        })
    }
}

/// Targets, and inputs that differ from them by values off the kinks at 0 and at a width between 0.45 and 0.55.
fn apart(shape: &[usize]) -> BoxedStrategy<(Tensor, Tensor)> {
    let difference =
        nonzero(shape).prop_map(|x| x.map(|x: f64| if (x.abs() - 0.5).abs() < 0.15 { x * 2.0 } else { x }));
    (values(shape), difference).prop_map(|(t, z)| (&t + &z, t)).boxed()
}

macro_rules! samples {
    ($($formula:ty, |$shape:ident| $pairs:expr;)*) => {$(
        impl Samples for $formula {
            fn pairs($shape: Vec<usize>) -> BoxedStrategy<(Self, Tensor, Tensor)> {
                ($pairs).prop_map(|(formula, (x, t))| (formula, x, t)).boxed()
            }
        }
    )*};
}

samples! {
    Squared, |shape| (Just(Squared), (values(&shape), values(&shape)));
    Absolute, |shape| (Just(Absolute), apart(&shape));
    SmoothAbsolute, |shape| (Just(SmoothAbsolute { beta: 0.5 }), apart(&shape));
    HuberError, |shape| (Just(HuberError { delta: 0.5 }), apart(&shape));
    BinaryCrossEntropy, |shape|
        (Just(BinaryCrossEntropy), (values_in(&shape, 0.1, 0.9), values_in(&shape, 0.0, 1.0)));
    BinaryCrossEntropyLogits, |shape|
        (Just(BinaryCrossEntropyLogits), (values(&shape), values_in(&shape, 0.0, 1.0)));
    Divergence, |shape|
        (any::<bool>().prop_map(|log_target| Divergence { log_target }), (values(&shape), positive(&shape)));
    PoissonDeviance, |shape| (
        (any::<bool>(), any::<bool>()).prop_map(|(log_input, full)| PoissonDeviance { log_input, full, eps: 0.01 }),
        (positive(&shape), positive(&shape).prop_map(|t| {
            t.map(|t: f64| if (t - 1.0).abs() < 0.15 { t + 1.0 } else { t })
        })));
    SoftMarginError, |shape| (Just(SoftMarginError), (values(&shape), values(&shape)));
}
