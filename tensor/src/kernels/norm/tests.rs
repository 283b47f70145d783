//! Against the formulas in `f64`, in both memory formats, with and without activation and addition.

mod groups;

use super::{Activation, Channels, channel_affine, channel_gradient, channel_statistics};
use crate::{DType, Generator, MemoryFormat, Tensor};

fn close(a: &Tensor, b: &[f64], tolerance: f64) {
    for (a, b) in a.to_dtype(DType::F64).to_vec::<f64>().iter().zip(b) {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{a} and {b}");
    }
}

#[test]
fn all_passes_agree_with_the_formulas() {
    let mut random = Generator::new(5);
    for (shape, format) in [
        ([4, 3, 5, 7], MemoryFormat::Contiguous),
        ([4, 3, 5, 7], MemoryFormat::ChannelsLast),
        ([7, 16, 9, 9], MemoryFormat::ChannelsLast),
        ([2, 300, 1, 1], MemoryFormat::Contiguous),
        ([64, 5, 33, 20], MemoryFormat::ChannelsLast),
        ([3, 2, 130, 99], MemoryFormat::Contiguous),
    ] {
        for (dtype, tolerance) in [(DType::F64, 1e-11), (DType::F32, 2e-5)] {
            for (activation, adds) in
                [(Activation::Identity, false), (Activation::Relu, true), (Activation::Relu6, false)]
            {
                // In f32 a value may round to the other side of a corner.
                if dtype == DType::F32 && activation != Activation::Identity {
                    continue;
                }
                // The gradient of two values' normalisation is a difference of equals: f32 keeps few digits of it.
                if dtype == DType::F32 && shape[0] * shape[2] * shape[3] == 2 {
                    continue;
                }
                let [x, g, r] =
                    std::array::from_fn(|_| random.randn(shape, dtype).add_scalar(0.5).to_memory_format(format));
                check((&x, &g, &r), activation, adds, tolerance);
            }
        }
    }
}

fn check((x, g, r): (&Tensor, &Tensor, &Tensor), activation: Activation, adds: bool, tolerance: f64) {
    let (c, inner) = (x.shape()[1], x.shape()[2] * x.shape()[3]);
    let [xs, gs, rs] = [x, g, r].map(|t| t.to_dtype(DType::F64).to_vec::<f64>());
    let channel = |i: usize| i / inner % c;
    let count = (x.len() / c) as f64;
    let (mean, variance) = channel_statistics(x);
    let mut sums = vec![[0.0; 2]; c];
    xs.iter().enumerate().for_each(|(i, x)| sums[channel(i)][0] += x / count);
    xs.iter().enumerate().for_each(|(i, x)| sums[channel(i)][1] += (x - sums[channel(i)][0]).powi(2) / count);
    for k in 0..c {
        assert!((mean[k] - sums[k][0]).abs() < tolerance && (variance[k] - sums[k][1]).abs() < tolerance);
    }
    let deviation: Vec<f64> = variance.iter().map(|v| 1.0 / (v + 1e-5).sqrt()).collect();
    // ReLU6 needs values on both sides of each of its corners.
    let (spread, middle) = if activation == Activation::Relu6 { (4.0, 3.0) } else { (1.0, 0.25) };
    let scale: Vec<f64> = (0..c).map(|k| spread * deviation[k] * (1.0 + k as f64 * 0.01)).collect();
    let tensor = |values: &[f64]| Tensor::from_slice(values, [c]).to_dtype(x.dtype());
    let channels = Channels { mean: tensor(&mean), scale: tensor(&scale), shift: tensor(&vec![middle; c]) };
    let added = adds.then_some(r);
    let before: Vec<f64> = (0..xs.len())
        .map(|i| (xs[i] - mean[channel(i)]) * scale[channel(i)] + middle + if adds { rs[i] } else { 0.0 })
        .collect();
    let top = if activation == Activation::Relu6 { 6.0 } else { f64::INFINITY };
    let identity = activation == Activation::Identity;
    let expected: Vec<f64> = before.iter().map(|&y| if identity { y } else { y.clamp(0.0, top) }).collect();
    let y = channel_affine(x, &channels, added, activation);
    assert_eq!(y.strides(), x.strides());
    close(&y, &expected, tolerance);

    let masked: Vec<f64> =
        (0..xs.len()).map(|i| if identity || (before[i] > 0.0 && before[i] < top) { gs[i] } else { 0.0 }).collect();
    let mut sums = vec![[0.0; 2]; c];
    for i in 0..xs.len() {
        sums[channel(i)][0] += masked[i];
        sums[channel(i)][1] += masked[i] * (xs[i] - mean[channel(i)]);
    }
    let dx: Vec<f64> = (0..xs.len())
        .map(|i| {
            let k = channel(i);
            let centred = (xs[i] - mean[k]) * deviation[k] * deviation[k];
            scale[k] * (masked[i] - sums[k][0] / count - centred * sums[k][1] / count)
        })
        .collect();
    let gradient = channel_gradient([x, g], &channels, (added, activation), Some(&deviation), None);
    close(&gradient.input.compute(), &dx, tolerance);
    let last = x.shape()[0] - 1;
    close(&gradient.input.images(last, 1).compute(), &dx[last * c * inner..], tolerance);
    assert_eq!(gradient.addend.is_some(), adds);
    if let Some(addend) = gradient.addend {
        close(&addend, &masked, tolerance);
    }
    for (k, [sum, product]) in sums.into_iter().enumerate() {
        assert!((gradient.sums.sum[k] - sum).abs() < tolerance * count);
        assert!((gradient.sums.product[k] - product).abs() < tolerance * count);
    }
}

#[test]
fn a_large_mean_costs_no_digits() {
    let x = Generator::new(1).randn([32, 4, 16, 16], DType::F32).add_scalar(1000.0);
    let (mean, variance) = channel_statistics(&x.to_memory_format(MemoryFormat::ChannelsLast));
    for k in 0..4 {
        assert!((mean[k] - 1000.0).abs() < 0.1 && (variance[k] - 1.0).abs() < 0.05, "{} {}", mean[k], variance[k]);
    }
}

#[test]
fn the_gradient_of_a_single_value_is_nothing() {
    let mut random = Generator::new(2);
    for dtype in [DType::F32, DType::F64] {
        let [x, g] = std::array::from_fn(|_| random.randn([1, 37, 1, 1], dtype));
        let scale = random.randn([37], dtype);
        let channels = Channels { mean: x.reshape([37]), scale, shift: Tensor::zeros([37], dtype) };
        let deviation = vec![316.0; 37];
        let gradient = channel_gradient([&x, &g], &channels, (None, Activation::Identity), Some(&deviation), None);
        assert!(gradient.input.compute().to_dtype(DType::F64).to_vec::<f64>().iter().all(|&dx| dx == 0.0));
    }
}

#[test]
#[should_panic(expected = "channel_affine: expected 3 values of f32 for each of mean, scale and shift, got 2 of f32")]
fn every_channel_needs_its_numbers() {
    let [x, two] = [&[4, 3, 2, 2][..], &[2]].map(|shape| Tensor::ones(shape, DType::F32));
    let x = x.to_memory_format(MemoryFormat::ChannelsLast);
    let channels = Channels { mean: two.clone(), scale: two.clone(), shift: two };
    channel_affine(&x, &channels, None, Activation::Identity);
}
