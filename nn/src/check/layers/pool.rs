//! Pooling.

use autograd::Variable;
use proptest::prelude::{Strategy, any, prop_oneof};
use tensor::{DType, Generator};

use super::{array, check, each, ladder, lead, positive};
use crate::Module;
use crate::layers::{
    AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, FractionalMaxPool2d, FractionalSize, LPPool, MaxPool, MaxUnpool,
};
use crate::module::{Forward, ModuleState};
use crate::ops::pool::Pool;

/// Windows, and an input's shape that they fit into.
fn windows<const N: usize>(dilates: bool, pads: bool) -> impl Strategy<Value = (Pool<N>, Vec<usize>)> {
    let axis = (1..=3usize, 1..=3usize, 1..=2usize, 0..=2usize, 0..=2usize);
    (proptest::collection::vec(axis, N), lead(), any::<bool>()).prop_map(move |(axes, lead, ceil)| {
        let dilation: [usize; N] = std::array::from_fn(|i| if dilates { axes[i].2 } else { 1 });
        let extent: [usize; N] = std::array::from_fn(|i| dilation[i] * (axes[i].0 - 1) + 1);
        let padding = std::array::from_fn(|i| if pads { axes[i].3.min(axes[i].0 / 2) } else { 0 });
        let spatial: [usize; N] = std::array::from_fn(|i| extent[i] + axes[i].4);
        let pool = Pool::<N>::new(std::array::from_fn(|i| axes[i].0))
            .stride(std::array::from_fn(|i| axes[i].1))
            .dilation(dilation)
            .padding(padding)
            .ceil_mode(ceil);
        (pool, [&lead[..], &spatial].concat())
    })
}

pub(super) fn max<const N: usize>() {
    each(&windows::<N>(true, true), |(pool, shape)| check(&MaxPool::new(pool), &ladder(&shape)));
}

pub(super) fn avg<const N: usize>() {
    let options = (any::<bool>(), proptest::option::of(prop_oneof![1..=5isize, -3..=-1isize]));
    each(&(windows::<N>(false, true), options), |((pool, shape), (count_include_pad, divisor_override))| {
        check(&AvgPool::new(Pool { count_include_pad, divisor_override, ..pool }), &ladder(&shape))
    });
}

pub(super) fn lp<const N: usize>() {
    each(&(windows::<N>(false, false), 1..=4u32), |((pool, shape), p)| {
        check(&LPPool::new(f64::from(p), pool), &positive(&shape))
    });
}

fn outputs<const N: usize>() -> impl Strategy<Value = (Vec<usize>, [Option<usize>; N])> {
    let sizes = proptest::collection::vec(proptest::option::of(1..=5usize), N);
    (lead(), array::<N>(1..=4), sizes)
        .prop_map(|(lead, spatial, sizes)| ([&lead[..], &spatial].concat(), std::array::from_fn(|axis| sizes[axis])))
}

pub(super) fn adaptive_avg<const N: usize>() {
    each(&outputs::<N>(), |(shape, sizes)| check(&AdaptiveAvgPool::new(sizes), &ladder(&shape)));
}

pub(super) fn adaptive_max<const N: usize>() {
    each(&outputs::<N>(), |(shape, sizes)| check(&AdaptiveMaxPool::new(sizes), &ladder(&shape)));
}

pub(super) fn fractional_max() {
    let options = (array::<2>(1..=3), array::<2>(0..=3), any::<bool>());
    each(&(lead(), options, any::<u64>()), |(lead, (kernel, more, by_ratio), seed)| {
        let spatial = [0, 1].map(|axis: usize| kernel[axis] + more[axis] + 1);
        let output = if by_ratio {
            FractionalSize::Ratio([0.5, 0.5])
        } else {
            FractionalSize::Size([0, 1].map(|axis: usize| more[axis] / 2 + 1))
        };
        let fits = match output {
            FractionalSize::Size(size) => size,
            FractionalSize::Ratio(_) => spatial.map(|size| size / 2),
        };
        if (0..2).any(|axis| fits[axis] == 0 || fits[axis] + kernel[axis] - 1 > spatial[axis]) {
            return Ok(());
        }
        let channels = *lead.last().expect("there is a channel axis");
        let n = if lead.len() == 2 { lead[0] } else { 1 };
        let samples = Generator::new(seed).rand([n, channels, 2], DType::F64);
        /// Keeps its places, which are a buffer, out of what the check fills.
        #[derive(Module)]
        struct AtPlaces {
            #[module(skip)]
            layer: std::sync::Arc<FractionalMaxPool2d>,
            state: ModuleState,
        }
        impl Forward for AtPlaces {
            fn forward(&self, x: &Variable) -> Variable {
                self.layer.call(x)
            }
        }
        let layer = std::sync::Arc::new(FractionalMaxPool2d::new(kernel, output).with_samples(samples));
        super::see(&layer);
        check(&AtPlaces { layer, state: ModuleState::default() }, &ladder(&[&lead[..], &spatial].concat()))
    });
}

pub(super) fn unpool<const N: usize>() {
    /// Maxima, put back where they were.
    #[derive(Module)]
    struct ThereAndBack<const N: usize> {
        pool: MaxPool<N>,
        unpool: MaxUnpool<N>,
        state: ModuleState,
    }
    impl<const N: usize> Forward for ThereAndBack<N> {
        fn forward(&self, x: &Variable) -> Variable {
            let (y, indices) = self.pool.with_indices(x);
            let spatial = std::array::from_fn(|axis| x.shape()[x.rank() - N + axis]);
            self.unpool.unpool(&(&y * &y), &indices, Some(spatial))
        }
    }
    each(&(lead(), array::<N>(1..=3), array::<N>(0..=1), array::<N>(1..=2)), |(lead, kernel, rest, windows)| {
        // Windows side by side, so that no position is put back twice; some positions may be left over.
        let spatial: [usize; N] = std::array::from_fn(|i| kernel[i] * windows[i] + rest[i].min(kernel[i] - 1));
        let pool = Pool::<N>::new(kernel);
        let layer =
            ThereAndBack { pool: MaxPool::new(pool), unpool: MaxUnpool::new(pool), state: ModuleState::default() };
        check(&layer, &ladder(&[&lead[..], &spatial].concat()))
    });
}
