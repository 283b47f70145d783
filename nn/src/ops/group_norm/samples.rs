//! Vectors, signals and images in one to three groups, by the definition.

use autograd::check::strategy::{distinct, positive, values};
use autograd::check::{Check, Sample};
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::strategy::BoxedStrategy;
use tensor::Tensor;

use super::GroupNorm;

impl Check<3> for GroupNorm {
    // Differences to the mean cancel.
    const F32_TOLERANCE: f64 = 1e-3;

    fn samples() -> BoxedStrategy<Sample<Self, 3>> {
        let spatial = prop_oneof![
            Just(vec![]),
            (2..5usize).prop_map(|length| vec![length]),
            (1..3usize, 2..4usize).prop_map(|(h, w)| vec![h, w]),
        ];
        (0..4usize, 1..4usize, 1..3usize, spatial)
            .prop_flat_map(|(n, groups, size, spatial)| {
                // A group of one value is its own mean.
                let c = groups * (size + usize::from(spatial.is_empty()));
                let shape = [&[n, c], &spatial[..]].concat();
                (Just(groups), distinct(&shape), positive(&[c]), values(&[c]))
            })
            .prop_map(|(groups, x, weight, bias)| Sample {
                op: GroupNorm { groups, eps: 0.1 },
                inputs: [x, weight, bias],
            })
            .boxed()
    }

    fn reference(&self, [x, weight, bias]: [&Tensor; 3]) -> Option<Tensor> {
        let (c, inner) = (x.shape()[1], x.shape()[2..].iter().product::<usize>());
        let size = c / self.groups * inner;
        let (weight, bias) = (weight.to_vec::<f64>(), bias.to_vec::<f64>());
        let mut y = Vec::new();
        for group in x.to_vec::<f64>().chunks(size) {
            let mean = group.iter().sum::<f64>() / size as f64;
            let variance = group.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / size as f64;
            for x in group {
                let channel = y.len() / inner % c;
                y.push((x - mean) / (variance + self.eps).sqrt() * weight[channel] + bias[channel]);
            }
        }
        Some(y.into_iter().collect::<Tensor>().reshape(x.shape()))
    }
}
