//! Gradients of the layers through their modules, in training and in evaluation, parameters included.

use proptest::prelude::{Just, Strategy, any, prop_assert, proptest};
use proptest::test_runner::Config;
use tensor::{DType, Generator, Tensor};

use super::{
    AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, BatchNorm2d, CELU, ChannelShuffle, CircularPad2d, ConstantPad2d,
    Dropout, ELU, Fold, GELU, GLU, GroupNorm, Hardsigmoid, Hardswish, InstanceNorm2d, LPPool2d, LayerNorm, LeakyReLU,
    LocalResponseNorm, LogSigmoid, LogSoftmax, MaxPool2d, Mish, PReLU, PixelShuffle, PixelUnshuffle, RMSNorm, ReLU6,
    ReflectionPad2d, ReplicationPad2d, SELU, SiLU, Sigmoid, Softmax, Softmax2d, Softmin, Softplus, Softsign, Tanh,
    Tanhshrink, Unfold, Upsample, ZeroPad2d,
};
use crate::check::check_module;
use crate::module::Forward;
use crate::ops::interpolate::{Interpolate, InterpolateMode};
use crate::ops::norm::LocalResponse;
use crate::ops::pool::Pool;

/// Values around 0 that differ by an eighth and keep away from 0, 3 and 6, in random order.
fn ladder(shape: &[usize]) -> Tensor {
    let len = tensor::shape::len(shape);
    let mut values: Vec<f64> = (0..len).map(|k| (k as f64 - len as f64 / 2.0) * 0.125 + 0.0625).collect();
    Generator::new(len as u64).shuffle(&mut values);
    Tensor::from_vec(values, shape)
}

fn positive(shape: &[usize]) -> Tensor {
    Generator::new(3).uniform_between(shape, 0.5, 2.0, DType::F64)
}

#[track_caller]
fn check(layer: impl Forward, x: &Tensor) {
    if let Err(fault) = check_module(&layer, x) {
        panic!("{}: {fault}", layer.type_name());
    }
}

#[test]
fn activations() {
    let x = &ladder(&[2, 4, 3, 2]);
    check(ReLU6::new(), x);
    check(LeakyReLU::default(), x);
    check(ELU::new(1.3), x);
    check(SELU::new(), x);
    check(CELU::new(0.7), x);
    check(GELU::new(false), x);
    check(GELU::new(true), x);
    check(SiLU::new(), x);
    check(Mish::new(), x);
    check(Sigmoid::new(), x);
    check(Tanh::new(), x);
    check(Hardsigmoid::new(), x);
    check(Hardswish::new(), x);
    check(Softplus::default(), x);
    check(Softsign::new(), x);
    check(Tanhshrink::new(), x);
    check(LogSigmoid::new(), x);
    check(GLU::new(1), x);
    check(Softmax::new(1), x);
    check(Softmin::new(-1), x);
    check(Softmax2d::new(), x);
    check(LogSoftmax::new(2), x);
    check(PReLU::new(4, 0.3), x);
    check(PReLU::default(), x);
    check(Dropout::new(0.0), x);
    check(Dropout::new(1.0), x);
}

#[test]
fn normalisations() {
    let x = &ladder(&[2, 4, 3, 2]);
    for affine in [true, false] {
        check(GroupNorm::with_options(2, 4, 1e-2, affine), x);
        check(LayerNorm::with_options([3, 2], 1e-2, affine, true), x);
        check(RMSNorm::with_options([2], Some(1e-2), affine), x);
    }
    check(LocalResponseNorm::with_options(LocalResponse { size: 3, alpha: 0.5, beta: 0.75, k: 1.0 }), x);
}

#[test]
fn positions() {
    let x = &ladder(&[1, 4, 4, 4]);
    check(PixelShuffle::new(2), x);
    check(PixelUnshuffle::new(2), x);
    check(ChannelShuffle::new(2), x);
    check(Unfold::new(Pool::new((2, 3)).stride(1).padding(1)), x);
    check(Fold::new([4, 4], Pool::new(2).stride(2)), &ladder(&[1, 8, 4]));
    for mode in [InterpolateMode::Nearest, InterpolateMode::NearestExact, InterpolateMode::Area] {
        check(Upsample::new(Interpolate::size([3, 7]).mode(mode)), x);
    }
    for (align, antialias) in [(false, false), (true, false), (false, true)] {
        for mode in [InterpolateMode::Linear, InterpolateMode::Cubic] {
            let options = Interpolate::size([3, 6]).mode(mode).align_corners(align).antialias(antialias);
            check(Upsample::new(options), x);
        }
    }
    check(ZeroPad2d::new([[1, -1], [0, 2]]), x);
    check(ConstantPad2d::new(1, 2.5), x);
    check(ReflectionPad2d::new([[3, 1], [0, 2]]), x);
    check(ReplicationPad2d::new([[3, 1], [0, 2]]), x);
    check(CircularPad2d::new([[3, 1], [0, 2]]), x);
}

proptest! {
    #![proptest_config(Config { cases: 24, ..Config::default() })]

    #[test]
    fn batch_norms(affine in any::<bool>(), track in any::<bool>(), c in 1..3usize, w in 2..4usize) {
        let x = ladder(&[2, c, 2, w]);
        let layer = BatchNorm2d::builder(c).eps(1e-2).affine(affine).track_running_stats(track).build();
        prop_assert!(check_module(&layer, &x) == Ok(()));
        let layer = InstanceNorm2d::builder(c).eps(1e-2).affine(affine).track_running_stats(track).build();
        prop_assert!(check_module(&layer, &x) == Ok(()));
    }

    #[test]
    fn pools(
        (kernel, padding) in (1..4usize, 1..4usize).prop_flat_map(|(h, w)| (Just((h, w)), (0..=h / 2, 0..=w / 2))),
        stride in (1..3usize, 1..3usize),
        ceil in any::<bool>(),
        count in any::<bool>(),
    ) {
        let pool = Pool::new(kernel).padding(padding).stride(stride).ceil_mode(ceil);
        let x = ladder(&[1, 2, 5, 4]);
        prop_assert!(check_module(&MaxPool2d::new(pool), &x) == Ok(()));
        prop_assert!(check_module(&AvgPool2d::new(pool.count_include_pad(count)), &x) == Ok(()));
        let flat = pool.padding(0);
        prop_assert!(check_module(&LPPool2d::new(3.0, flat), &positive(&[1, 2, 5, 4])) == Ok(()));
        prop_assert!(check_module(&AdaptiveAvgPool2d::new(kernel), &x) == Ok(()));
        prop_assert!(check_module(&AdaptiveMaxPool2d::new(kernel), &x) == Ok(()));
    }
}
