//! Own and given statistics, with and without activation, kept off the activation's corners.

use autograd::check::strategy::{distinct, positive, values};
use autograd::check::{Check, Sample};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::strategy::BoxedStrategy;
use tensor::Tensor;
use tensor::kernels::norm::Activation;

use super::{BatchNorm, BatchNormAdd, Source, Statistics};

#[derive(Clone, Debug)]
struct Draw {
    inputs: [Tensor; 4],
    source: Source,
    activation: Activation,
}

fn draw(adds: bool) -> BoxedStrategy<Draw> {
    let activation = prop_oneof![Just(Activation::Identity), Just(Activation::Relu), Just(Activation::Relu6)];
    let shape = prop_oneof![
        (3..6usize, 1..3usize).prop_map(|(n, c)| vec![n, c]),
        (0..3usize, 1..4usize, 2..4usize).prop_map(|(n, c, l)| vec![n, c, l]),
        (1..3usize, 1..3usize, 1..3usize).prop_map(|(n, c, w)| vec![n, c, 2, w]),
    ];
    (shape, activation, any::<bool>())
        .prop_flat_map(|(shape, activation, own)| {
            let c = shape[1];
            let fixed = (vec(-1.0..1.0f64, c), vec(0.3..2.0f64, c));
            let inputs = (distinct(&shape), positive(&[c]), values(&[c]), values(&shape));
            (inputs, fixed, Just(activation), Just(own))
        })
        .prop_map(|((x, weight, mut bias, addend), (mean, variance), activation, own)| {
            if activation == Activation::Relu6 {
                bias = bias.add_scalar(4.0);
            }
            let eps = 0.1;
            let source = match own {
                true => Source::own(eps),
                false => Source::fixed(Statistics { mean, variance, count: 1 }, eps),
            };
            // Small, so that few values come near a corner.
            Draw { inputs: [x, weight, bias, addend], source, activation }
        })
        .prop_filter("near a corner", move |draw| {
            let Draw { inputs: [x, weight, bias, addend], source, .. } = draw;
            let y = naive(source, Activation::Identity, [x, weight, bias], adds.then_some(addend));
            y.view_as::<f64>().iter().all(|y| y.abs() > 0.05 && (y - 6.0).abs() > 0.05)
        })
        .boxed()
}

/// The definition, element by element.
fn naive(source: &Source, activation: Activation, [x, weight, bias]: [&Tensor; 3], addend: Option<&Tensor>) -> Tensor {
    let c = x.shape()[1];
    let inner: usize = x.shape()[2..].iter().product();
    let xs = x.to_vec::<f64>();
    let channel = |at: usize| at / inner % c;
    let count = (xs.len() / c) as f64;
    let (mut mean, mut variance) = (vec![0.0; c], vec![0.0; c]);
    match &source.fixed {
        Some(fixed) => (mean, variance) = (fixed.mean.clone(), fixed.variance.clone()),
        None => {
            xs.iter().enumerate().for_each(|(at, x)| mean[channel(at)] += x / count);
            xs.iter().enumerate().for_each(|(at, x)| variance[channel(at)] += (x - mean[channel(at)]).powi(2) / count);
        }
    }
    let (weight, bias) = (weight.to_vec::<f64>(), bias.to_vec::<f64>());
    let added = addend.map_or_else(|| vec![0.0; xs.len()], Tensor::to_vec::<f64>);
    let y = (0..xs.len()).map(|at| {
        let k = channel(at);
        let y = (xs[at] - mean[k]) / (variance[k] + source.eps).sqrt() * weight[k] + bias[k] + added[at];
        match activation {
            Activation::Identity => y,
            Activation::Relu => y.max(0.0),
            Activation::Relu6 => y.clamp(0.0, 6.0),
        }
    });
    y.collect::<Tensor>().reshape(x.shape())
}

impl Check<3> for BatchNorm {
    // Differences to the mean cancel.
    const F32_TOLERANCE: f64 = 1e-3;

    fn samples() -> BoxedStrategy<Sample<Self, 3>> {
        draw(false)
            .prop_map(|Draw { inputs: [x, weight, bias, _], source, activation }| Sample {
                op: BatchNorm { source, activation },
                inputs: [x, weight, bias],
            })
            .boxed()
    }

    fn reference(&self, inputs: [&Tensor; 3]) -> Option<Tensor> {
        Some(naive(&self.source, self.activation, inputs, None))
    }
}

impl Check<4> for BatchNormAdd {
    const F32_TOLERANCE: f64 = 1e-3;

    fn samples() -> BoxedStrategy<Sample<Self, 4>> {
        draw(true)
            .prop_map(|Draw { inputs, source, activation }| Sample { op: BatchNormAdd { source, activation }, inputs })
            .boxed()
    }

    fn reference(&self, [x, weight, bias, addend]: [&Tensor; 4]) -> Option<Tensor> {
        Some(naive(&self.source, self.activation, [x, weight, bias], Some(addend)))
    }
}
