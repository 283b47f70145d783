//! Masks of elements and of whole channels.

use autograd::check::strategy::{shape_of, values};
use autograd::check::{Check, Sample};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::strategy::BoxedStrategy;
use tensor::Tensor;

use super::Dropout;

impl Check<1> for Dropout {
    const LINEAR: bool = true;

    fn samples() -> BoxedStrategy<Sample<Self, 1>> {
        (shape_of(2..=4, 1..=4), any::<bool>(), 1..8u32)
            .prop_flat_map(|(shape, whole, scale)| {
                let kept = if whole { 2 } else { shape.len() };
                let mask: Vec<usize> = (0..shape.len()).map(|axis| if axis < kept { shape[axis] } else { 1 }).collect();
                let len = tensor::shape::len(&mask);
                (values(&shape), vec(0..2u8, len), Just(mask), Just(f64::from(scale) * 0.5))
            })
            .prop_map(|(x, values, shape, scale)| Sample {
                op: Dropout { mask: Tensor::from_vec(values, shape), scale },
                inputs: [x],
            })
            .boxed()
    }

    fn reference(&self, [x]: [&Tensor; 1]) -> Option<Tensor> {
        let mask = self.mask.expand(x.shape());
        let pairs = x.view_as::<f64>().iter().zip(mask.view_as::<u8>().iter()).collect::<Vec<_>>();
        let y = pairs.into_iter().map(|(x, stays)| f64::from(stays) * x * self.scale);
        Some(y.collect::<Tensor>().reshape(x.shape()))
    }
}
