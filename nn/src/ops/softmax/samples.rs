//! Any axis of any shape, against exponentials without a shift.

use autograd::Op;
use autograd::check::strategy::{ranked_shape, values};
use autograd::check::{Check, Sample};
use proptest::prelude::{Just, Strategy};
use proptest::strategy::BoxedStrategy;
use tensor::Tensor;

use super::{LogSoftmax, Softmax};

fn samples<O: Op<1>>(op: fn(isize) -> O) -> BoxedStrategy<Sample<O, 1>> {
    ranked_shape(1..=4)
        .prop_flat_map(|shape| (values(&shape), 0..shape.len() as isize, Just(())))
        .prop_map(move |(x, axis, ())| Sample { op: op(axis), inputs: [x] })
        .boxed()
}

fn naive(x: &Tensor, axis: isize) -> Tensor {
    let e = x.exp();
    e.div(&e.sum(&[axis], true))
}

impl Check<1> for Softmax {
    fn samples() -> BoxedStrategy<Sample<Self, 1>> {
        samples(|axis| Softmax { axis })
    }

    fn reference(&self, [x]: [&Tensor; 1]) -> Option<Tensor> {
        Some(naive(x, self.axis))
    }
}

impl Check<1> for LogSoftmax {
    fn samples() -> BoxedStrategy<Sample<Self, 1>> {
        samples(|axis| LogSoftmax { axis })
    }

    fn reference(&self, [x]: [&Tensor; 1]) -> Option<Tensor> {
        Some(naive(x, self.axis).log())
    }
}
