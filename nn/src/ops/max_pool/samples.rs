//! Windows of all kinds over values that differ clearly.

use autograd::check::strategy::{distinct, values};
use autograd::check::{Check, Sample};
use proptest::prelude::{Just, Strategy, any};
use proptest::strategy::BoxedStrategy;
use tensor::Tensor;

use super::{MaxPool, MaxUnpool};
use crate::ops::pool::Pool;

impl Check<1> for MaxPool {
    const LINEAR: bool = false;

    fn samples() -> BoxedStrategy<Sample<Self, 1>> {
        let axis = || (1..4usize, 1..4usize, 0..2usize, 1..3usize);
        ((1..3usize, 1..3usize, 3..6usize, 3..6usize), axis(), axis(), any::<bool>())
            .prop_filter_map("a window fits", |((n, c, h, w), a, b, ceil)| {
                let pool = Pool::<2>::new((a.0, b.0))
                    .stride((a.1, b.1))
                    .padding((a.2.min(a.0 / 2), b.2.min(b.0 / 2)))
                    .dilation((a.3, b.3))
                    .ceil_mode(ceil);
                (!pool.output_size(&[h, w]).contains(&0)).then_some(([n, c, h, w], pool))
            })
            .prop_flat_map(|(shape, pool)| (distinct(&shape), Just(pool)))
            .prop_map(|(x, pool)| Sample {
                op: MaxPool { windows: pool.windows("max_pool2d", x.shape()) },
                inputs: [x],
            })
            .boxed()
    }

    fn reference(&self, [x]: [&Tensor; 1]) -> Option<Tensor> {
        let w = &self.windows;
        let &[n, c, ..] = x.shape() else { return None };
        let mut y = Vec::new();
        for plane in 0..n * c {
            for o in 0..w.output[1] * w.output[2] {
                let (oh, ow) = (o / w.output[2], o % w.output[2]);
                let mut best = f64::NEG_INFINITY;
                for k in 0..w.kernel[1] * w.kernel[2] {
                    let h = oh * w.stride[1] + k / w.kernel[2] * w.dilation[1];
                    let v = ow * w.stride[2] + k % w.kernel[2] * w.dilation[2];
                    let inside =
                        |at: usize, axis: usize| at.checked_sub(w.padding[axis]).filter(|&at| at < w.input[axis]);
                    if let (Some(h), Some(v)) = (inside(h, 1), inside(v, 2)) {
                        best = best.max(x.view_as::<f64>().at(&[plane / c, plane % c, h, v]));
                    }
                }
                y.push(best);
            }
        }
        Some(Tensor::from_vec(y, [n, c, w.output[1], w.output[2]]))
    }
}

impl Check<1> for MaxUnpool {
    const LINEAR: bool = true;

    fn samples() -> BoxedStrategy<Sample<Self, 1>> {
        (1..3usize, 1..3usize, 1..5usize, 0..4usize)
            .prop_flat_map(|(n, c, inputs, more)| {
                let size = inputs + more;
                let places = Just((0..size as i64).collect::<Vec<_>>()).prop_shuffle();
                (values(&[n, c, inputs]), proptest::collection::vec(places, n * c), Just(size))
            })
            .prop_map(|(x, places, size)| {
                let inputs = x.shape()[2];
                let indices = places.iter().flat_map(|places| places[..inputs].to_vec()).collect();
                let indices = Tensor::from_vec::<i64>(indices, x.shape());
                Sample { op: MaxUnpool { indices, size }, inputs: [x] }
            })
            .boxed()
    }

    fn reference(&self, [x]: [&Tensor; 1]) -> Option<Tensor> {
        let &[n, c, inputs] = x.shape() else { return None };
        let mut y = vec![0.0; n * c * self.size];
        for (at, (value, index)) in x.view_as::<f64>().iter().zip(self.indices.view_as::<i64>().iter()).enumerate() {
            y[at / inputs * self.size + index as usize] = value;
        }
        Some(Tensor::from_vec(y, [n, c, self.size]))
    }
}
