//! Random sparse maps along random axes, against sums over all inputs.

use std::sync::Arc;

use autograd::check::strategy::{shape_of, values};
use autograd::check::{Check, Sample};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy};
use proptest::strategy::BoxedStrategy;
use tensor::Tensor;
use tensor::kernels::resample::Taps;

use super::Resample;

/// Weights are odd eighths: exact in f32, so that taps of one input cancel either to 0 or not at all.
fn taps(input: usize) -> BoxedStrategy<Taps> {
    let entry = (0..input, -8..9i32).prop_map(|(index, weight)| (index, f64::from(weight) * 0.25 + 0.125));
    vec(vec(entry, 0..4), 1..5).prop_map(move |rows| Taps::new(input, rows)).boxed()
}

impl Check<1> for Resample {
    const LINEAR: bool = true;

    fn samples() -> BoxedStrategy<Sample<Self, 1>> {
        shape_of(1..=4, 1..=4)
            .prop_flat_map(|shape| {
                let last = shape.len() - 1;
                (values(&shape), taps(shape[last]), taps(shape[0]), Just(last))
            })
            .prop_map(|(x, along_last, along_first, last)| {
                let mut axes = vec![(last, Arc::new(along_last))];
                if last > 0 {
                    axes.push((0, Arc::new(along_first)));
                }
                Sample { op: Resample { axes: axes.into() }, inputs: [x] }
            })
            .boxed()
    }

    fn reference(&self, [x]: [&Tensor; 1]) -> Option<Tensor> {
        let mut y = x.clone();
        for (axis, taps) in &self.axes {
            let parts: Vec<Tensor> = (0..taps.output())
                .map(|o| {
                    let zero = y.narrow(*axis as isize, 0, 1).mul_scalar(0.0);
                    taps.row(o).fold(zero, |sum, (i, w)| sum.add(&y.narrow(*axis as isize, i, 1).mul_scalar(w)))
                })
                .collect();
            y = Tensor::cat(&parts.iter().collect::<Vec<_>>(), *axis as isize);
        }
        Some(y)
    }
}
