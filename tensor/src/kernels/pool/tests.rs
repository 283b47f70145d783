//! Against a loop over windows, in both memory formats, for window shapes with and without fast paths.

use super::{Windows, max_pool, max_pool_adjoint, max_pool_values, tap_indices};
use crate::simd::{available_levels, with_level};
use crate::{DType, Generator, MemoryFormat, Tensor};

fn windows(input: [usize; 3], options: [[usize; 3]; 4]) -> Windows {
    let [kernel, stride, padding, dilation] = options;
    let output = std::array::from_fn(|axis| {
        (input[axis] + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1) / stride[axis] + 1
    });
    Windows { kernel, stride, padding, dilation, input, output }
}

#[test]
fn maxima_and_taps_agree_with_a_loop() {
    let mut random = Generator::new(3);
    for (c, w) in [
        (6, windows([1, 8, 8], [[1, 2, 2], [1, 2, 2], [0; 3], [1; 3]])),
        (6, windows([1, 9, 7], [[1, 2, 2], [1, 2, 2], [0; 3], [1; 3]])),
        (3, windows([2, 8, 9], [[1, 2, 2], [1, 2, 3], [0; 3], [1; 3]])),
        (20, windows([1, 6, 10], [[1, 2, 2], [1, 2, 2], [0; 3], [1; 3]])),
        (2, windows([1, 6, 12], [[1, 2, 2], [1, 2, 2], [0; 3], [1; 3]])),
        (20, windows([1, 9, 7], [[1, 3, 3], [1, 2, 2], [0, 1, 1], [1; 3]])),
        (1, windows([1, 9, 7], [[1, 3, 2], [1, 1, 3], [0, 1, 1], [1, 2, 1]])),
        (3, windows([5, 6, 7], [[2, 3, 2], [2, 1, 2], [1, 1, 0], [2, 1, 3]])),
        (17, windows([1, 20, 20], [[1, 17, 17], [1, 1, 1], [0; 3], [1; 3]])),
        (33, windows([1, 1, 30], [[1, 1, 4], [1, 1, 4], [0; 3], [1; 3]])),
    ] {
        for (dtype, format) in [
            (DType::F32, MemoryFormat::Contiguous),
            (DType::F32, MemoryFormat::ChannelsLast),
            (DType::F64, MemoryFormat::Contiguous),
            (DType::F64, MemoryFormat::ChannelsLast),
        ] {
            // Few values, so that there are ties.
            let x = random.randint([2, c, w.input[0], w.input[1], w.input[2]], -3, 4).to_dtype(dtype);
            check(&x.to_memory_format(format), &w, &mut random);
        }
    }
}

fn check(x: &Tensor, w: &Windows, random: &mut Generator) {
    let (y, taps) = max_pool(x, w);
    let values = max_pool_values(x, w);
    assert_eq!((values.shape(), values.strides()), (y.shape(), y.strides()));
    assert_eq!(values.to_dtype(DType::F64).to_vec::<f64>(), y.to_dtype(DType::F64).to_vec::<f64>(), "{w:?}");
    let indices = tap_indices(&taps, w).to_vec::<i64>();
    let xs = x.to_dtype(DType::F64).to_vec::<f64>();
    let ys = y.to_dtype(DType::F64).to_vec::<f64>();
    let g = random.randint(y.shape(), -5, 6).to_dtype(x.dtype());
    let gs = g.to_dtype(DType::F64).to_vec::<f64>();
    let mut dx = vec![0.0; xs.len()];
    let mut out = 0;
    for plane in 0..x.shape()[0] * x.shape()[1] {
        for o in 0..w.outputs() {
            let [_, h, wide] = w.output;
            let (mut best, mut at) = (f64::NEG_INFINITY, 0);
            for d in w.inside(0, o / (h * wide)) {
                for y in w.inside(1, o / wide % h) {
                    for x in w.inside(2, o % wide) {
                        let source = w.source(o, (d * w.kernel[1] + y) * w.kernel[2] + x);
                        let value = xs[plane * w.inputs() + source];
                        if value > best {
                            (best, at) = (value, source);
                        }
                    }
                }
            }
            assert_eq!((ys[out], indices[out]), (best, at as i64), "{w:?}");
            dx[plane * w.inputs() + at] += gs[out];
            out += 1;
        }
    }
    assert_eq!(out, ys.len());
    // The memory that the gradient is likely to get: no element may keep what is there.
    drop(x.add_scalar(f64::NAN));
    assert_eq!(max_pool_adjoint(&g, &taps, w).to_dtype(DType::F64).to_vec::<f64>(), dx, "{w:?}");
}

#[test]
fn not_a_number_wins() {
    let w = windows([1, 2, 4], [[1, 2, 2], [1, 2, 2], [0; 3], [1; 3]]);
    let x = Tensor::from([1.0f32, f64::NAN as f32, 9.0, 2.0, 3.0, 7.0, 1.0, 4.0]).reshape([1, 1, 2, 4]);
    for format in [MemoryFormat::Contiguous, MemoryFormat::ChannelsLast] {
        let x = x.expand([1, 3, 2, 4]).to_memory_format(format);
        let (y, taps) = max_pool(&x, &w);
        assert_eq!(taps.to_vec::<u8>(), [1, 0, 1, 0, 1, 0]);
        for y in [y, max_pool_values(&x, &w)].map(|y| y.to_vec::<f32>()) {
            assert!(y.chunks(2).all(|y| y[0].is_nan() && y[1] == 9.0), "{y:?}");
        }
    }
}

/// What a loop takes of window `o`: NaN is largest, and of equal values the first is taken.
fn largest(x: &[f64], w: &Windows, o: usize) -> (f64, i64) {
    let [_, h, wide] = w.output;
    let mut best: Option<(f64, i64)> = None;
    for d in w.inside(0, o / (h * wide)) {
        for y in w.inside(1, o / wide % h) {
            for tap in w.inside(2, o % wide) {
                let source = w.source(o, (d * w.kernel[1] + y) * w.kernel[2] + tap);
                let value = x[source];
                if best.is_none_or(|(best, _)| value > best || (value.is_nan() && !best.is_nan())) {
                    best = Some((value, source as i64));
                }
            }
        }
    }
    best.expect("windows meet the input")
}

#[test]
fn planes_of_any_width_agree_with_a_loop() {
    let mut random = Generator::new(5);
    let special = [f64::NAN, f64::NEG_INFINITY, -0.0, 0.0, f64::INFINITY, 1.0, 2.0];
    for (kernel, stride, padding, dilation) in
        [(1, 2, 0, 1), (2, 2, 0, 1), (2, 2, 1, 1), (3, 2, 1, 1), (5, 2, 2, 1), (3, 2, 1, 2), (3, 1, 1, 1), (2, 3, 0, 1)]
    {
        for width in (kernel - 1) * dilation + 1..75 {
            let options = [[1, 2, kernel], [1, 2, stride], [0, 1, padding], [1, 1, dilation]];
            let w = windows([1, 3, width], options);
            let kinds = random.randint([4, 1, 1, 3, width], 0, special.len() as i64).to_vec::<i64>();
            let inputs = w.inputs();
            let x: Vec<f64> = kinds.iter().map(|&kind| special[kind as usize]).collect();
            // Taps lie inside even where nothing is larger than what surrounds the plane.
            let x: Vec<f64> = x.iter().enumerate().map(|(i, &x)| if i < inputs { special[1] } else { x }).collect();
            let expected: Vec<(f64, i64)> =
                x.chunks(inputs).flat_map(|x| (0..w.outputs()).map(|o| largest(x, &w, o))).collect();
            for (level, dtype) in available_levels().into_iter().flat_map(|l| [(l, DType::F32), (l, DType::F64)]) {
                let x = Tensor::from(x.clone()).reshape([4, 1, 1, 3, width]).to_dtype(dtype);
                let (y, indices, values) = with_level(level, || {
                    let (y, taps) = max_pool(&x, &w);
                    (y, tap_indices(&taps, &w), max_pool_values(&x, &w))
                });
                let bits = |x: f64| if x.is_nan() { 0 } else { x.to_bits() };
                let [y, values] = [y, values].map(|y| y.to_dtype(DType::F64).to_vec::<f64>());
                let indices = indices.to_vec::<i64>();
                for (o, &(value, index)) in expected.iter().enumerate() {
                    let what = format!("window {o} of {w:?} at {level}");
                    assert_eq!((bits(y[o]), bits(values[o])), (bits(value), bits(value)), "{what}");
                    assert_eq!(indices[o], index, "{what}");
                }
            }
        }
    }
}
