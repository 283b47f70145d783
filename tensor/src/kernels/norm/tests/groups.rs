//! Normalised groups against the formulas in `f64`, at every level, however images lie and threads share them.

use super::close;
use crate::kernels::norm::{GroupStatistics, group_gradient, group_norm, group_statistics};
use crate::simd::{available_levels, with_level};
use crate::{DType, Generator, MemoryFormat, Tensor, parallel};

const EPS: f64 = 1e-3;

/// Normalised values, and the gradients in input, weight and bias.
fn naive([x, g, weight, bias]: [&Tensor; 4], groups: usize) -> [Vec<f64>; 4] {
    let (n, c) = (x.shape()[0], x.shape()[1]);
    let [xs, gs, weight, bias] = [x, g, weight, bias].map(|t| t.to_dtype(DType::F64).to_vec::<f64>());
    let inner = xs.len() / n / c;
    let size = c / groups * inner;
    let channel = |i: usize| i / inner % c;
    let [mut y, mut dx] = [vec![0.0; xs.len()], vec![0.0; xs.len()]];
    let [mut d_weight, mut d_bias] = [vec![0.0; c], vec![0.0; c]];
    for first in (0..xs.len()).step_by(size) {
        let all = first..first + size;
        let mean_of = |f: &dyn Fn(usize) -> f64| all.clone().map(f).sum::<f64>() / size as f64;
        let mean = mean_of(&|i| xs[i]);
        let deviation = 1.0 / (mean_of(&|i| (xs[i] - mean).powi(2)) + EPS).sqrt();
        let normal = |i: usize| (xs[i] - mean) * deviation;
        let weighted = |i: usize| gs[i] * weight[channel(i)];
        let (sum, product) = (mean_of(&weighted), mean_of(&|i| weighted(i) * normal(i)));
        for i in all.clone() {
            y[i] = normal(i) * weight[channel(i)] + bias[channel(i)];
            dx[i] = (weighted(i) - sum - normal(i) * product) * deviation;
            d_weight[channel(i)] += gs[i] * normal(i);
            d_bias[channel(i)] += gs[i];
        }
    }
    [y, dx, d_weight, d_bias]
}

fn run([x, g, weight, bias]: [&Tensor; 4], groups: usize) -> ([Tensor; 4], GroupStatistics) {
    let (y, statistics) = group_norm(x, groups, [weight, bias], EPS);
    let [dx, d_weight, d_bias] = group_gradient([x, g], groups, weight, (&statistics, EPS));
    ([y, dx, d_weight, d_bias], statistics)
}

const SHAPES: [(&[usize], usize); 10] = [
    (&[1, 4, 5, 7], 2),
    (&[3, 6, 5, 7], 3),
    (&[9, 64, 6, 6], 8),
    (&[5, 3, 130], 3),
    (&[4, 300, 3], 1),
    (&[33, 10], 2),
    (&[300, 200], 1),
    (&[2, 1000], 1),
    (&[7, 128, 1, 1], 4),
    (&[2, 16, 2, 50, 31], 4),
];

fn inputs(shape: &[usize], dtype: DType, format: MemoryFormat) -> [Tensor; 4] {
    let mut random = Generator::new(shape.iter().sum::<usize>() as u64);
    let [x, g] = std::array::from_fn(|_| random.randn(shape, dtype).add_scalar(0.5).to_memory_format(format));
    let [weight, bias] = std::array::from_fn(|_| random.randn([shape[1]], dtype));
    [x, g, weight, bias]
}

#[test]
fn values_and_gradients_follow_their_formulas() {
    for (shape, groups) in SHAPES {
        for format in [MemoryFormat::Contiguous, MemoryFormat::ChannelsLast] {
            for (dtype, tolerance) in [(DType::F64, 1e-11), (DType::F32, 1e-4)] {
                let inputs = inputs(shape, dtype, format);
                let expected = naive(inputs.each_ref(), groups);
                for level in available_levels() {
                    let (found, statistics) = with_level(level, || run(inputs.each_ref(), groups));
                    assert!(found[..2].iter().all(|found| found.layout().is_in_format(format)));
                    for (found, expected) in found.iter().zip(&expected) {
                        close(found, expected, tolerance);
                    }
                    let alone = with_level(level, || group_statistics(&inputs[0], groups));
                    assert_eq!((alone.mean, alone.variance), (statistics.mean, statistics.variance));
                }
            }
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let bits = |tensors: &[Tensor]| -> Vec<u32> {
        tensors.iter().flat_map(|tensor| tensor.to_vec::<f32>()).map(f32::to_bits).collect()
    };
    for (shape, groups) in SHAPES {
        for format in [MemoryFormat::Contiguous, MemoryFormat::ChannelsLast] {
            let inputs = inputs(shape, DType::F32, format);
            let all: Vec<Vec<u32>> = [1, 2, 3, 5]
                .into_iter()
                .map(|threads| {
                    parallel::set_num_threads(threads);
                    bits(&run(inputs.each_ref(), groups).0)
                })
                .collect();
            assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{shape:?} {format:?}");
        }
    }
}

#[test]
fn a_large_mean_costs_no_digits() {
    for (shape, groups) in [(&[4, 6, 16, 16][..], 2), (&[4, 600], 2)] {
        for format in [MemoryFormat::Contiguous, MemoryFormat::ChannelsLast] {
            let x = Generator::new(1).randn(shape, DType::F32).add_scalar(1000.0).to_memory_format(format);
            let found = group_statistics(&x, groups);
            for (mean, variance) in found.mean.iter().zip(&found.variance) {
                assert!((mean - 1000.0).abs() < 0.3 && (variance - 1.0).abs() < 0.3, "{mean} {variance}");
            }
        }
    }
}

#[test]
fn nothing_gives_nothing() {
    for shape in [&[0, 4, 3][..], &[2, 0, 3], &[2, 4, 0], &[0, 4], &[2, 0]] {
        let [x, weight] = [shape, &shape[1..2]].map(|shape| Tensor::zeros(shape, DType::F32));
        let (found, statistics) = run([&x, &x, &weight, &weight], 2);
        assert_eq!(found.each_ref().map(|found| found.shape()), [shape, shape, &shape[1..2], &shape[1..2]]);
        assert_eq!(statistics.mean, vec![0.0; shape[0] * 2]);
        assert!(found[2..].iter().all(|gradient| gradient.to_vec::<f32>().iter().all(|&value| value == 0.0)));
    }
}

#[test]
#[should_panic(expected = "group_norm: the channels do not form 3 groups (input [2, 4, 3])")]
fn groups_divide_the_channels() {
    let [x, weight] = [&[2, 4, 3][..], &[4]].map(|shape| Tensor::zeros(shape, DType::F32));
    group_norm(&x, 3, [&weight, &weight], EPS);
}

#[test]
#[should_panic(expected = "group_norm: expected 4 numbers of f32 (input [2, 4, 3], weight [3])")]
fn every_channel_needs_its_numbers() {
    let [x, weight, bias] = [&[2, 4, 3][..], &[4], &[3]].map(|shape| Tensor::zeros(shape, DType::F32));
    group_norm(&x, 2, [&weight, &bias], EPS);
}

#[test]
#[should_panic(expected = "group_gradient: expected mean and variance of 4 groups, got [2, 4] (input [2, 4, 3])")]
fn every_group_needs_its_statistics() {
    let [x, weight] = [&[2, 4, 3][..], &[4]].map(|shape| Tensor::zeros(shape, DType::F32));
    let statistics = GroupStatistics { mean: vec![0.0; 2], variance: vec![1.0; 4] };
    group_gradient([&x, &x], 2, &weight, (&statistics, EPS));
}
