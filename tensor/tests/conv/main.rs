//! Every algorithm against naive loops in `f64`, over random geometry, memory orders, SIMD levels and thread counts.

mod cases;

use std::panic::{AssertUnwindSafe, catch_unwind};

use cases::{
    Case, cases, depthwise_cases, dims, numbers, pointwise_cases, scattered_cases, wide_cases, winograd_cases,
};
use proptest::prelude::{prop_assert, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;

use gradus_tensor::kernels::conv::{
    ConvAlgorithm, ConvGeometry, Cotangent, Epilogue, Gradients, Input, Prologue, conv, conv_gradients,
    conv_input_grad, conv_transpose, conv_weight_grad,
};
use gradus_tensor::kernels::norm::{Activation, Channels, channel_affine, channel_gradient, channel_statistics};
use gradus_tensor::simd::{available_levels, with_level};
use gradus_tensor::{DType, MemoryFormat, Tensor, manual_seed, parallel};

fn close(name: &str, got: &Tensor, want: &[f64], tolerance: f64) -> Result<(), TestCaseError> {
    let got = got.to_dtype(DType::F64).to_vec::<f64>();
    prop_assert!(got.len() == want.len(), "{name}: {} elements for {}", got.len(), want.len());
    let scale = want.iter().fold(1.0f64, |a, b| a.max(b.abs()));
    for (i, (a, b)) in got.iter().zip(want).enumerate() {
        prop_assert!((a - b).abs() <= tolerance * scale, "{name}[{i}]: {a} for {b} (scale {scale})");
    }
    Ok(())
}

/// The three passes of `case` in `dtype` against the loops.
fn check(case: &Case, dtype: DType, tolerance: f64) -> Result<(), TestCaseError> {
    let (x, w, g) = (case.x(), case.w(), case.g());
    let (xs, ws, gs) = (x.to_vec::<f64>(), w.to_vec::<f64>(), g.to_vec::<f64>());
    let (mut y, mut dx, mut dw) = (vec![0.0; gs.len()], vec![0.0; xs.len()], vec![0.0; ws.len()]);
    case.products(|o, i, t| {
        y[o] += xs[i] * ws[t];
        dx[i] += gs[o] * ws[t];
        dw[t] += gs[o] * xs[i];
    });
    let [x, w, g] = [x, w, g].map(|t| t.to_dtype(dtype));
    let geometry = &case.geometry;
    close("forward", &conv(&x, &w, geometry, Epilogue::default()), &y, tolerance)?;
    close("input_grad", &conv_input_grad(&g, &w, &case.input, geometry), &dx, tolerance)?;
    close("weight_grad", &conv_weight_grad(&x, &g, &case.kernel, geometry), &dw, tolerance)?;
    // The epilogues: bias and rectifier.
    let bias = numbers(&[case.k], case.seed ^ 5, false);
    let biases = bias.to_vec::<f64>();
    let pixels: usize = case.output().iter().product();
    let rectified: Vec<f64> =
        y.iter().enumerate().map(|(i, y)| (y + biases[i / pixels.max(1) % case.k]).max(0.0)).collect();
    let bias = bias.to_dtype(dtype);
    let epilogue = Epilogue { bias: Some(&bias), activation: Activation::Relu, ..Epilogue::default() };
    close("epilogue", &conv(&x, &w, geometry, epilogue), &rectified, tolerance)?;
    let clipped: Vec<f64> = y.iter().zip(&gs).map(|(y, g)| (y + 3.0 * g).clamp(0.0, 6.0)).collect();
    let addend = g.mul_scalar(3.0);
    let epilogue = Epilogue { addend: Some(&addend), activation: Activation::Relu6, ..Epilogue::default() };
    close("addend", &conv(&x, &w, geometry, epilogue), &clipped, tolerance)?;
    prologues(case, [&x, &w, &g])?;
    let bias = numbers(&[case.c], case.seed ^ 6, false);
    let biases = bias.to_vec::<f64>();
    let pixels: usize = case.input.iter().product();
    let rectified: Vec<f64> =
        dx.iter().enumerate().map(|(i, dx)| (dx + biases[i / pixels.max(1) % case.c]).max(0.0)).collect();
    let bias = bias.to_dtype(dtype);
    let epilogue = Epilogue { bias: Some(&bias), activation: Activation::Relu, ..Epilogue::default() };
    close("transpose", &conv_transpose(&g, &w, &case.input, geometry, epilogue), &rectified, tolerance)
}

/// A normalisation that is applied as the input is read gives the bits of one that is computed before.
fn prologues(case: &Case, [x, w, g]: [&Tensor; 3]) -> Result<(), TestCaseError> {
    let vector = |seed: u64| numbers(&[case.c], case.seed ^ seed, false).to_dtype(x.dtype());
    let channels = Channels { mean: vector(1), scale: vector(2).mul_scalar(4.0), shift: vector(3) };
    let activation = [Activation::Identity, Activation::Relu, Activation::Relu6][case.seed as usize % 3];
    let before = channel_affine(x, &channels, None, activation);
    let input = Input { tensor: x, prologue: Some(Prologue { channels: &channels, activation }) };
    let bits = |t: Tensor| t.to_dtype(DType::F64).to_vec::<f64>().into_iter().map(f64::to_bits).collect::<Vec<_>>();
    let geometry = &case.geometry;
    let [read, computed] =
        [input, Input::from(&before)].map(|input| bits(conv(input, w, geometry, Epilogue::default())));
    prop_assert!(read == computed, "forward with a prologue");
    let [read, computed] =
        [input, Input::from(&before)].map(|input| bits(conv_weight_grad(input, g, &case.kernel, geometry)));
    prop_assert!(read == computed, "weight_grad with a prologue");
    Ok(())
}

/// The input gradient of a `g` that is a part of another tensor, with its axes in another order, has the bits of a
/// dense one's.
fn views(case: &Case) -> Result<(), TestCaseError> {
    let g = case.g().to_dtype(DType::F32);
    let order: Vec<isize> = (0..g.rank() as isize).rev().collect();
    let larger: Vec<usize> = g.shape().iter().rev().map(|size| size + 2).collect();
    let room = numbers(&larger, case.seed ^ 3, false).to_dtype(DType::F32).permute(&order);
    let view = (0..g.rank()).fold(room, |room, axis| room.narrow(axis as isize, 1, g.shape()[axis]));
    let dense = view.contiguous().to_memory_format(MemoryFormat::ChannelsLast);
    let w = case.w().to_dtype(DType::F32);
    let [view, dense] = [view, dense].map(|g| {
        let values = conv_input_grad(&g, &w, &case.input, &case.geometry).to_vec::<f32>();
        values.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    });
    prop_assert!(view == dense, "input_grad of a view");
    Ok(())
}

proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(64))]

    #[test]
    fn depthwise_passes_equal_the_loops_at_every_level(case in depthwise_cases()) {
        check(&case, DType::F64, 1e-11)?;
        for level in available_levels() {
            with_level(level, || check(&case, DType::F32, 1e-5))?;
        }
    }

    #[test]
    fn passes_equal_the_loops_in_f64(case in cases()) {
        check(&case, DType::F64, 1e-11)?;
    }

    #[test]
    fn passes_equal_the_loops_at_every_level(case in cases()) {
        for level in available_levels() {
            with_level(level, || check(&case, DType::F32, 1e-4))?;
        }
    }

    #[test]
    fn winograd_equals_the_loops_at_every_level(case in winograd_cases()) {
        check(&case, DType::F64, 1e-11)?;
        for level in available_levels() {
            with_level(level, || check(&case, DType::F32, 5e-5))?;
        }
    }

    #[test]
    fn bits_do_not_depend_on_threads(
        case in prop_oneof![
            cases(), winograd_cases(), wide_cases(), depthwise_cases(), pointwise_cases(), scattered_cases(),
        ],
    ) {
        let [x, w, g] = [case.x(), case.w(), case.g()].map(|t| t.to_dtype(DType::F32));
        let passes = || {
            let results = [
                conv(&x, &w, &case.geometry, Epilogue::default()),
                conv_input_grad(&g, &w, &case.input, &case.geometry),
                conv_weight_grad(&x, &g, &case.kernel, &case.geometry),
            ];
            results.map(|t| t.to_vec::<f32>().iter().map(|x| x.to_bits()).collect::<Vec<_>>())
        };
        let threads = parallel::num_threads();
        parallel::set_num_threads(1);
        let alone = passes();
        for count in [2, 3] {
            parallel::set_num_threads(count);
            prop_assert!(passes() == alone, "{count} threads");
        }
        parallel::set_num_threads(threads);
    }

    #[test]
    fn wide_images_equal_the_loops_at_every_level(case in wide_cases()) {
        check(&case, DType::F64, 1e-11)?;
        for level in available_levels() {
            with_level(level, || check(&case, DType::F32, 1e-4))?;
        }
    }

    #[test]
    fn scattered_gradients_equal_the_loops_at_every_level(case in scattered_cases()) {
        for level in available_levels() {
            with_level(level, || {
                check(&case, DType::F64, 1e-11)?;
                check(&case, DType::F32, 1e-4)?;
                views(&case)
            })?;
        }
    }

    #[test]
    fn pointwise_passes_equal_the_loops_at_every_level(case in pointwise_cases()) {
        check(&case, DType::F64, 1e-11)?;
        for level in available_levels() {
            with_level(level, || check(&case, DType::F32, 1e-4))?;
        }
    }

    #[test]
    fn general_loops_equal_the_naive_ones(case in cases()) {
        let geometry = ConvGeometry { algorithm: ConvAlgorithm::General, ..case.geometry.clone() };
        check(&Case { geometry, ..case }, DType::F64, 1e-11)?;
    }
}

/// The bounds that `ConvAlgorithm` documents, for sums over many channels of normally distributed numbers.
#[test]
fn errors_stay_below_the_documented_bounds() {
    manual_seed(7);
    for channels in [16, 64, 128] {
        let x = Tensor::randn([2, channels, 16, 16], DType::F64);
        let w = Tensor::randn([channels, channels, 3, 3], DType::F64);
        let g = Tensor::randn([2, channels, 16, 16], DType::F64);
        let passes = |x: &Tensor, w: &Tensor, g: &Tensor, algorithm| {
            let geometry = ConvGeometry { padding: dims(&[1, 1]), algorithm, ..ConvGeometry::unit(2) };
            [
                conv(x, w, &geometry, Epilogue::default()),
                conv_input_grad(g, w, &[16, 16], &geometry),
                conv_weight_grad(x, g, &[3, 3], &geometry),
            ]
            .map(|t| t.to_dtype(DType::F64).to_vec::<f64>())
        };
        let truth = passes(&x, &w, &g, ConvAlgorithm::Exact);
        let [x, w, g] = [x, w, g].map(|t| t.to_dtype(DType::F32));
        for (algorithm, largest, typical) in [(ConvAlgorithm::Exact, 2e-6, 4e-7), (ConvAlgorithm::Auto, 2e-5, 3e-6)] {
            for (got, want) in passes(&x, &w, &g, algorithm).iter().zip(&truth) {
                let scale = want.iter().fold(0.0f64, |a, b| a.max(b.abs()));
                let errors = got.iter().zip(want).map(|(a, b)| (a - b).abs() / scale);
                let worst = errors.clone().fold(0.0, f64::max);
                let mean_square = errors.map(|e| e * e).sum::<f64>() / want.len() as f64;
                assert!(worst < largest, "{algorithm:?} with {channels} channels errs by {worst:e}");
                assert!(mean_square.sqrt() < typical, "{algorithm:?} with {channels} channels: {mean_square:e}");
            }
        }
    }
}

/// What is not finite reaches the values that it is a part of, and no neighbour.
#[test]
fn input_gradients_spread_infinities_as_the_loops_do() {
    for (c, k, kernel, stride) in [(6, 16, [5, 5], 1), (3, 8, [3, 5], 2), (10, 8, [2, 4], 1), (3, 64, [11, 11], 4)] {
        let geometry =
            ConvGeometry { stride: dims(&[stride, stride]), padding: dims(&[1, 2]), ..ConvGeometry::unit(2) };
        let input = [23, 19];
        let output = geometry.output_spatial(&input, &kernel).expect("it fits").to_vec();
        let shape = [2, k, output[0], output[1]];
        let mut values = numbers(&shape, 5, false).to_vec::<f64>();
        let pixels = output[0] * output[1];
        for (pixel, value) in [(0, f64::INFINITY), (pixels / 2, f64::NAN), (pixels - 1, f64::NEG_INFINITY)] {
            values[(k - 1) * pixels + pixel] = value;
        }
        let g = Tensor::from_vec(values, shape).to_dtype(DType::F32);
        let w = numbers(&[k, c, kernel[0], kernel[1]], 6, false).to_dtype(DType::F32);
        let kinds = |algorithm| {
            let geometry = ConvGeometry { algorithm, ..geometry.clone() };
            let values = conv_input_grad(&g, &w, &input, &geometry).to_vec::<f32>();
            // Of NaN the sign may differ.
            let kind = |x: f32| {
                if x.is_nan() {
                    f32::NAN
                } else if x.is_finite() {
                    0.0
                } else {
                    x
                }
                .to_bits()
            };
            values.into_iter().map(kind).collect::<Vec<_>>()
        };
        let want = kinds(ConvAlgorithm::General);
        for level in available_levels() {
            assert!(
                with_level(level, || kinds(ConvAlgorithm::Exact)) == want,
                "{c} {k} {kernel:?} {stride}: {level:?}"
            );
        }
    }
}

/// Rows that are too long for the second-level cache are cut into segments.
#[test]
fn input_gradients_of_long_rows_equal_the_loops() {
    for (c, kernel, stride) in [(9, 5, 1), (4, 7, 3), (6, 5, 2)] {
        let geometry = ConvGeometry { stride: dims(&[stride]), padding: dims(&[3]), ..ConvGeometry::unit(1) };
        let input = vec![4000 * stride + 1];
        let case = Case { n: 1, c, k: 8, input, kernel: vec![kernel], geometry, seed: 8, format: true };
        let mut want = vec![0.0; case.c * case.input[0]];
        let (w, g) = (case.w(), case.g());
        let (ws, gs) = (w.to_vec::<f64>(), g.to_vec::<f64>());
        case.products(|o, i, t| want[i] += gs[o] * ws[t]);
        for level in available_levels() {
            let got = with_level(level, || conv_input_grad(&g, &w, &case.input, &case.geometry));
            close("input_grad", &got, &want, 1e-11).unwrap();
        }
    }
}

/// Images that are cut into parts: input and weight gradient together, around normalisations before and behind.
#[test]
fn both_gradients_at_once_equal_them_apart() {
    let wide = [(24, 1, 1, 1), (128, 3, 128, 1), (16, 3, 1, 1), (16, 3, 1, 2), (3, 3, 1, 1)].map(|case| (128, case));
    // The input gradient of the last one scatters.
    let cases = wide.into_iter().chain([(10, (128, 5, 1, 1))]);
    for (seed, (c, (k, kernel, groups, stride))) in (0..).zip(cases) {
        let padding = dims(&[kernel / 2, kernel / 2]);
        let geometry = ConvGeometry { stride: dims(&[stride, stride]), padding, groups, ..ConvGeometry::unit(2) };
        let of = |shape: &[usize], seed: u64| numbers(shape, seed, true).to_dtype(DType::F32);
        let x = of(&[9, c, 33, 32], seed);
        let w = of(&[k, c / groups, kernel, kernel], seed + 10);
        let y = conv(&x, &w, &geometry, Epilogue::default());
        let g = of(y.shape(), seed + 20);
        let norm = |x: &Tensor, seed: u64| {
            let (mean, variance) = channel_statistics(x);
            let deviation: Vec<f64> = variance.iter().map(|v| 1.0 / (v + 1e-5).sqrt()).collect();
            let vector = |values: &[f64]| Tensor::from_slice(values, [values.len()]).to_dtype(DType::F32);
            let shift = of(&[mean.len()], seed);
            (Channels { mean: vector(&mean), scale: vector(&deviation), shift }, deviation)
        };
        let ((before, own), (behind, deviation)) = (norm(&x, seed + 30), norm(&y, seed + 40));
        let relu = (None, Activation::Relu);
        let normalized = channel_gradient([&y, &g], &behind, relu, Some(&deviation), None).input;
        let prologue = Prologue { channels: &before, activation: Activation::Relu6 };
        let input = Input { tensor: &x, prologue: Some(prologue) };
        let cotangent = Cotangent::Normalized(Box::new(normalized.clone()));
        let threads = parallel::num_threads();
        let [all, alone] = [threads.max(2), 1].map(|count| {
            parallel::set_num_threads(count);
            conv_gradients(input, &w, &cotangent, &geometry, [true, true])
        });
        parallel::set_num_threads(threads);
        let both = |g: &Gradients| [g.input.clone().unwrap(), g.weight.clone().unwrap()];
        let bits = |g: &Gradients| both(g).map(|t| t.to_vec::<f32>().into_iter().map(f32::to_bits).collect::<Vec<_>>());
        assert!(bits(&all) == bits(&alone), "{c} {k} {kernel} {groups} {stride}: threads");
        let g = normalized.compute();
        let apart = [
            conv_input_grad(&g, &w, &x.shape()[2..], &geometry),
            conv_weight_grad(input, &g, &w.shape()[2..], &geometry),
        ];
        for (got, want) in both(&all).iter().zip(&apart) {
            let want = want.to_dtype(DType::F64).to_vec::<f64>();
            close("gradients", got, &want, 1e-5).unwrap();
        }
        let sums = all.sums.expect("of parts");
        let masked = (None, Activation::Relu6);
        let want = channel_gradient([&x, &apart[0]], &before, masked, Some(&own), None).sums;
        for (got, want) in [(sums.sum, want.sum), (sums.product, want.product)] {
            close("sums", &Tensor::from_slice(&got, [got.len()]), &want, 1e-4).unwrap();
        }
        // The weights alone, as in a first layer.
        let weight = conv_gradients(input, &w, &cotangent, &geometry, [false, true]).weight.unwrap();
        assert_eq!(weight.to_vec::<f32>(), all.weight.unwrap().to_vec::<f32>());
    }
}

/// A mistake in shapes is reported with every operand.
#[test]
#[should_panic(
    expected = "conv: input has 3 channels but weight expects 1 in 1 groups (input [8, 3, 28, 28], weight [6, 1, 5, 5])"
)]
fn channels_that_differ_are_reported() {
    let (x, w) = (Tensor::zeros([8, 3, 28, 28], DType::F32), Tensor::zeros([6, 1, 5, 5], DType::F32));
    conv(&x, &w, &ConvGeometry::unit(2), Epilogue::default());
}

/// The same for a kernel larger than its input.
#[test]
#[should_panic(expected = "kernel does not fit into the input padded by [1, 0] at dilation [1, 1]")]
fn kernels_that_do_not_fit_are_reported() {
    let (x, w) = (Tensor::zeros([1, 1, 4, 4], DType::F32), Tensor::zeros([1, 1, 3, 5], DType::F32));
    let geometry = ConvGeometry { padding: dims(&[1, 0]), ..ConvGeometry::unit(2) };
    conv(&x, &w, &geometry, Epilogue::default());
}

/// And numbers for too few channels before a convolution, which would be read past their end.
#[test]
fn a_prologue_needs_a_number_for_every_channel() {
    let x = Tensor::ones([2, 16, 8, 8], DType::F32).to_memory_format(MemoryFormat::ChannelsLast);
    let [w, few] = [&[16, 16, 3, 3][..], &[15]].map(|shape| Tensor::ones(shape, DType::F32));
    let channels = Channels { mean: few.clone(), scale: few.clone(), shift: few };
    let prologue = Some(Prologue { channels: &channels, activation: Activation::Relu });
    let (input, geometry) = (Input { tensor: &x, prologue }, ConvGeometry::unit(2));
    let g = Tensor::ones([2, 16, 6, 6], DType::F32);
    let all = Cotangent::Tensor(g.clone());
    let calls: [(&str, &dyn Fn()); 3] = [
        ("conv", &|| drop(conv(input, &w, &geometry, Epilogue::default()))),
        ("conv_weight_grad", &|| drop(conv_weight_grad(input, &g, &[3, 3], &geometry))),
        ("conv_gradients", &|| drop(conv_gradients(input, &w, &all, &geometry, [true; 2]))),
    ];
    for (op, call) in calls {
        let payload = catch_unwind(AssertUnwindSafe(call)).expect_err("nothing was said");
        assert_eq!(
            payload.downcast_ref::<String>().unwrap(),
            &format!(
                "{op}: expected 16 values of f32 for each of mean, scale and shift, got 15 of f32 (input [2, 16, 8, 8])"
            )
        );
    }
}
