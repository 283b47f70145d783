//! Against a loop over windows, in both memory formats, for window shapes with and without fast paths.

use super::planes::{Shared, TOGETHER};
use super::{Windows, max_pool, max_pool_adjoint, max_pool_values, tap_indices};
use crate::simd::{MOST_LANES, available_levels, with_level};
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
            let mut x: Vec<f64> = kinds.iter().map(|&kind| special[kind as usize]).collect();
            // Taps lie inside even where nothing is larger than what surrounds the plane.
            x[..w.inputs()].fill(f64::NEG_INFINITY);
            check_every_level(&x, &w);
        }
    }
}

/// Bits and taps of the planes `x`, as many as there are, against [`largest`].
fn check_every_level(x: &[f64], w: &Windows) {
    let expected: Vec<(f64, i64)> =
        x.chunks(w.inputs()).flat_map(|x| (0..w.outputs()).map(|o| largest(x, w, o))).collect();
    let [d, h, wide] = w.input;
    for (level, dtype) in available_levels().into_iter().flat_map(|l| [(l, DType::F32), (l, DType::F64)]) {
        let x = Tensor::from(x.to_vec()).reshape([x.len() / w.inputs(), 1, d, h, wide]).to_dtype(dtype);
        let (y, indices, values) = with_level(level, || {
            let (y, taps) = max_pool(&x, w);
            (y, tap_indices(&taps, w), max_pool_values(&x, w))
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

/// Windows that meet more lines than are copied at a time, most of them more than twice as many.
fn high_windows() -> Vec<Windows> {
    let blocks = [TOGETHER, TOGETHER + 1, 2 * TOGETHER, 2 * TOGETHER + 1, 3 * TOGETHER, 3 * TOGETHER + 1];
    let edges = blocks.map(|high| windows([1, high + 4, 21], [[1, high, 3], [1, 2, 1], [0, 0, 1], [1; 3]]));
    let (high, wide) = (2 * TOGETHER + 4, 40);
    let others = [
        windows([1, high + 9, wide], [[1, high, 3], [1, 3, 2], [0, 5, 1], [1; 3]]),
        windows([1, 2 * high + 5, wide], [[1, high, 3], [1, 4, 3], [0, high - 1, 2], [1, 2, 3]]),
        windows([1, high, wide], [[1, high, wide], [1, high, wide], [0; 3], [1; 3]]),
        windows([1, high + 2, wide], [[1, high, 5], [1, 1, wide], [0, 1, 2], [1, 1, 2]]),
        windows([1, high, 2 * wide + 3], [[1, high, wide], [1, high, wide], [0; 3], [1; 3]]),
        windows([7, 8, 19], [[5, 5, 2], [1, 2, 1], [0; 3], [1; 3]]),
        windows([9, 9, 35], [[7, 7, 3], [2, 3, 2], [3, 2, 1], [1; 3]]),
        windows([11, 12, 6], [[7, 6, 2], [2, 1, 2], [2, 3, 0], [1, 2, 2]]),
        // Far from one another, and a line with more behind the only window.
        windows([1, 3, wide], [[1, 2, 2], [1, 2, 19], [0; 3], [1, 1, 3]]),
        windows([1, 3, wide], [[1, 2, 2], [1, 2, 50], [0, 0, 1], [1, 1, 3]]),
    ];
    [&edges[..], &others].concat()
}

#[test]
fn windows_of_many_lines_agree_with_a_loop() {
    let mut random = Generator::new(7);
    for w in high_windows() {
        let (inputs, [d, h, wide]) = (w.inputs(), w.input);
        // Ties within and between lines, little but negative infinity, and all different: the largest last.
        let mut ties = random.randint([inputs], -1, 2).to_vec::<i64>();
        let rare = random.randint([inputs], 0, 40).to_vec::<i64>();
        let special =
            |&kind: &i64| *[f64::NAN, 2.0, -0.0, 0.0, f64::INFINITY].get(kind as usize).unwrap_or(&-f64::INFINITY);
        let planes = [
            vec![f64::NEG_INFINITY; inputs],
            ties.iter().map(|&x| x as f64).collect(),
            rare.iter().map(special).collect(),
            random.randn([inputs], DType::F32).to_dtype(DType::F64).to_vec::<f64>(),
            (0..inputs).map(|i| i as f64).collect(),
            (0..inputs).map(|i| -(i as f64) - 7.0).collect(),
        ];
        check_every_level(&planes.concat(), &w);
        ties.extend_from_within(..);
        for dtype in [DType::F32, DType::F64] {
            check(&Tensor::from(ties.clone()).reshape([2, 1, d, h, wide]).to_dtype(dtype), &w, &mut random);
        }
    }
}

#[test]
fn gradients_of_windows_with_more_taps_than_a_table_has() {
    let mut random = Generator::new(9);
    let w = windows([3, 30, 25], [[2, 26, 21], [1, 3, 2], [1, 2, 3], [1; 3]]);
    let x = random.randint([2, 2, 3, 30, 25], -50, 50).to_dtype(DType::F64);
    check(&x, &w, &mut random);
    let w = Windows { output: [1, 1, 1], ..w };
    let (g, taps) = (Tensor::ones([1, 1, 1, 1, 1], DType::F64), Tensor::from(vec![w.taps() as i64]));
    let outside = || max_pool_adjoint(&g, &taps.reshape([1, 1, 1, 1, 1]), &w);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(outside)).is_err());
}

#[test]
fn large_windows_take_little_memory() {
    let room = |w: Windows| Shared::<f32>::new(&w).room();
    let global = room(windows([1, 1000, 1000], [[1, 1000, 1000], [1, 1000, 1000], [0; 3], [1; 3]]));
    assert!(global <= TOGETHER * (1000 + MOST_LANES), "{global}");
    let high = |high| room(windows([3, high, 100], [[3, high, 5], [1, 1, 2], [0; 3], [1; 3]]));
    assert_eq!(high(TOGETHER), high(5000));
    let small = room(windows([1, 56, 56], [[1, 2, 2], [1, 2, 2], [0; 3], [1; 3]]));
    assert_eq!(small, 2 * 2 * 32);
}

#[test]
fn taps_are_exact_beyond_the_whole_numbers_of_f32() {
    let side = 4099;
    let w = windows([1, side, side], [[1, side, side], [1, 1, 1], [0; 3], [1; 3]]);
    let odd = (1 << 24) + 1;
    let mut x = vec![0.0f32; side * side];
    x[odd] = 1.0;
    let (y, taps) = max_pool(&Tensor::from_vec(x, [1, 1, 1, side, side]), &w);
    assert_eq!((y.to_vec::<f32>(), taps.to_vec::<i64>()), (vec![1.0], vec![odd as i64]));
}
