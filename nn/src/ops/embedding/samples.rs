//! Rows that occur never, once and often. The options change the gradient on purpose, so they are tested apart.

use autograd::check::strategy::{indices, shape_of, values};
use autograd::check::{Check, Sample};
use proptest::prelude::Strategy;
use proptest::strategy::BoxedStrategy;
use tensor::Tensor;

use super::Embedding;

impl Check<1> for Embedding {
    const LINEAR: bool = true;

    fn samples() -> BoxedStrategy<Sample<Self, 1>> {
        (1..5usize, 1..4usize, shape_of(0..=2, 1..=3))
            .prop_flat_map(|(rows, width, shape)| (values(&[rows, width]), indices(&shape, rows)))
            .prop_map(|(weight, index)| Sample {
                op: Embedding { index, padding_idx: None, scale_grad_by_freq: false },
                inputs: [weight],
            })
            .boxed()
    }

    fn reference(&self, [weight]: [&Tensor; 1]) -> Option<Tensor> {
        let width = weight.shape()[1];
        let mut y = Vec::new();
        for row in self.index.view_as::<i64>().iter() {
            (0..width).for_each(|k| y.push(weight.view_as::<f64>().at(&[row as usize, k])));
        }
        Some(Tensor::from_vec(y, [self.index.shape(), &[width]].concat()))
    }
}
