//! The exact text of what misused functions say, family by family; layers are in `layer_faults.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gradus_nn::functional as f;
use gradus_nn::ops::interpolate::{Interpolate, InterpolateMode};
use gradus_nn::ops::pool::Pool;
use gradus_nn::prelude::*;
use tensor::{DType, Generator, Tensor};

fn zeros(shape: &[usize]) -> Variable {
    Variable::new(Tensor::zeros(shape, DType::F32))
}

fn integers(shape: &[usize]) -> Variable {
    Variable::new(Tensor::zeros(shape, DType::I64))
}

#[track_caller]
fn says<R>(call: impl FnOnce() -> R, expected: &str) {
    let fault = catch_unwind(AssertUnwindSafe(call)).err().expect("expected a fault");
    assert_eq!(fault.downcast_ref::<String>().map(String::as_str), Some(expected));
}

#[test]
fn activations() {
    let x = integers(&[2]);
    says(|| f::hardtanh(&x, -1.0, 1.0), "hardtanh: expected a float dtype, got i64; convert with to_dtype");
    says(|| f::elu(&x, 1.0), "scaled_elu: expected a float dtype, got i64; convert with to_dtype");
    says(|| f::celu(&zeros(&[2]), 0.0), "celu: alpha must not be 0 (input [2])");
    says(|| f::glu(&zeros(&[2, 3]), -1), "glu: axis -1 of size 3 has no halves (input [2, 3])");
    let mut generator = Generator::new(1);
    says(|| f::rrelu_train(&zeros(&[2]), 1.0, 0.5, &mut generator), "rrelu: the slopes 1..0.5 are empty (input [2])");
    says(|| f::softmax(&zeros(&[2]), 1), "softmax: axis 1 is out of range for 1 axes (input [2])");
}

#[test]
fn pools() {
    let x = zeros(&[1, 2, 4, 4]);
    says(|| f::max_pool1d(&x, 2), "max_pool1d: expected 2 or 3 axes, got 4 (input [1, 2, 4, 4])");
    says(
        || f::max_pool2d(&x, Pool::new(2).stride(0)),
        "max_pool2d: kernel size, stride and dilation must be at least 1, got [2, 2], [0, 0], [1, 1] (input [1, 2, 4, 4])",
    );
    says(|| f::lp_pool2d(&x, 0.0, 2), "lp_pool: the norm must not be 0 (input [1, 2, 4, 4])");
    says(
        || f::adaptive_avg_pool2d(&zeros(&[1, 2, 0, 4]), [Some(1), Some(1)]),
        "adaptive_avg_pool2d: the input has no positions (input [1, 2, 0, 4])",
    );
    says(
        || f::fractional_max_pool2d(&x, 2, 3, &Tensor::zeros([1, 1, 2], DType::F32)),
        "fractional_max_pool2d: expected samples for 2 planes (input [1, 2, 4, 4], samples [1, 1, 2])",
    );
    says(
        || f::fractional_max_pool2d(&x, 2, 4, &Tensor::zeros([1, 2, 2], DType::F32)),
        "fractional_max_pool2d: [4, 4] windows of [2, 2] do not fit (input [1, 2, 4, 4])",
    );
    let row = zeros(&[1, 1, 2]);
    let indices = Tensor::from([[[0i64, 9]]]);
    says(
        || f::max_unpool1d(&row, &Tensor::from([0i64]), 2, None),
        "max_unpool1d: shapes differ (input [1, 1, 2], indices [1])",
    );
    says(
        || f::max_unpool1d(&row, &indices, 2, None),
        "max_unpool1d: index 9 is out of range for an output of [4] (input [1, 1, 2])",
    );
    says(
        || f::max_unpool1d(&row, &indices, 2, Some([9])),
        "max_unpool1d: output size 9 is not within a stride of 4 along axis 0 (input [1, 1, 2])",
    );
}

#[test]
fn positions() {
    let x = zeros(&[1, 3, 4, 6]);
    says(|| f::pixel_shuffle(&x, 2), "pixel_shuffle: the channels are no multiple of 4 (input [1, 3, 4, 6])");
    says(|| f::pixel_unshuffle(&x, 4), "pixel_unshuffle: height and width are no multiples of 4 (input [1, 3, 4, 6])");
    says(|| f::channel_shuffle(&x, 2), "channel_shuffle: the channels do not form 2 groups (input [1, 3, 4, 6])");
    says(|| f::unfold(&zeros(&[2, 2]), 2), "unfold: expected 3 or 4 axes, got 2 (input [2, 2])");
    says(|| f::unfold(&x, 5), "unfold: kernel [5, 5] does not fit into [4, 6] padded by [0, 0] (input [1, 3, 4, 6])");
    says(|| f::fold(&x, [4, 4], 2), "fold: expected 2 or 3 axes, got 4 (input [1, 3, 4, 6])");
    says(
        || f::pad(&zeros(&[2]), &[[1, 1], [1, 1]], f::PadMode::Zeros),
        "pad: 2 pairs of padding for 1 axes (input [2])",
    );
    says(
        || f::pad(&zeros(&[1, 3]), &[[-2, -2]], f::PadMode::Zeros),
        "pad: padding (-2, -2) takes more than axis 1 has (input [1, 3])",
    );
    says(
        || f::interpolate(&x, &Interpolate::size([0, 6])),
        "interpolate: cannot resize 4 to 0 positions (input [1, 3, 4, 6])",
    );
    says(
        || f::interpolate(&x, &Interpolate::scale(2.0).align_corners(true)),
        "interpolate: align_corners needs a smooth mode, got Nearest (input [1, 3, 4, 6])",
    );
    says(
        || f::interpolate(&zeros(&[1, 1, 4]), &Interpolate::scale(2.0).mode(InterpolateMode::Cubic)),
        "interpolate: cubic and antialiased resizing need 2 spatial axes and a smooth mode, got 1 and Cubic \
         (input [1, 1, 4])",
    );
    says(
        || f::affine_grid(&zeros(&[1, 2, 2]), &[1, 3, 4, 4], false),
        "affine_grid: expected a theta of [n, d, d + 1] (theta [1, 2, 2], size [1, 3, 4, 4])",
    );
    says(
        || f::grid_sample(&x, &zeros(&[1, 2, 2, 3]), f::GridMode::Bilinear, (f::GridPadding::Zeros, false)),
        "grid_sample: expected an input of 4 or 5 axes (4 for bicubic) and a grid [n, *output, 2] of its dtype \
         (input [1, 3, 4, 6], grid [1, 2, 2, 3])",
    );
}

#[test]
fn normalisations() {
    let none = f::Affine::default();
    let x = zeros(&[2, 3, 4]);
    says(|| f::group_norm(&x, 2, none, 1e-5), "group_norm: the channels do not form 2 groups (input [2, 3, 4])");
    says(
        || f::batch_norm(&zeros(&[3]), None, none, (true, 1e-5)),
        "batch_norm: expected at least 2 axes, got 1 (input [3])",
    );
    says(
        || f::batch_norm(&x, None, none, (false, 1e-5)),
        "batch_norm: evaluation needs running statistics (input [2, 3, 4])",
    );
    let [mean, variance] = [3, 2].map(|channels| Buffer::new(Tensor::ones([channels], DType::F32)));
    let running = f::Running { mean: &mean, variance: &variance, momentum: 0.5 };
    says(|| f::batch_norm(&x, Some(running), none, (true, 1e-5)), "batch_norm: the input has 3 channels (running [2])");
    assert_eq!(mean.data().to_vec::<f32>(), [1.0; 3], "nothing is changed before");
    says(
        || f::instance_norm(&zeros(&[2, 3]), None, none, (true, 1e-5)),
        "instance_norm: expected at least 3 axes, got 2 (input [2, 3])",
    );
    says(|| f::layer_norm(&x, &[5], none, 1e-5), "layer_norm: the last axes are not [5] (input [2, 3, 4])");
    says(|| f::rms_norm(&x, &[3], None, None), "rms_norm: the last axes are not [3] (input [2, 3, 4])");
    let weight = zeros(&[3]);
    says(
        || f::layer_norm(&x, &[4], f::Affine { weight: Some(&weight), bias: None }, 1e-5),
        "layer_norm: expected weight and bias of shape [4] (input [2, 3, 4], weight [3])",
    );
    let bias = Variable::new(Tensor::zeros([3], DType::F64));
    says(
        || f::instance_norm(&x, None, f::Affine { weight: Some(&weight), bias: Some(&bias) }, (true, 1e-5)),
        "instance_norm: expected weight and bias of f32, got f64 (input [2, 3, 4], weight [3])",
    );
    says(
        || f::rms_norm(&x, &[4], Some(&weight), None),
        "rms_norm: expected a weight of shape [4] (input [2, 3, 4], weight [3])",
    );
    says(
        || f::local_response_norm(&zeros(&[2, 3]), f::LocalResponse { size: 3, alpha: 1.0, beta: 1.0, k: 1.0 }),
        "local_response_norm: expected at least 3 axes and a size of at least 1 (input [2, 3])",
    );
    says(
        || f::cosine_similarity(&x, &zeros(&[2]), -1, 1e-8),
        "cosine_similarity: shapes do not broadcast at axis -1, 4 and 2 (lhs [2, 3, 4], rhs [2])",
    );
}

#[test]
fn tables_and_products() {
    says(
        || f::embedding(&zeros(&[3, 2]), &Tensor::from([1.0])),
        "embedding: expected a weight of 2 axes and an i64 index, got f64 (weight [3, 2], index [1])",
    );
    says(
        || f::linear(&zeros(&[]), &zeros(&[3, 4]), None),
        "linear: the input needs at least 1 axis (input [], weight [3, 4])",
    );
    says(
        || f::linear(&zeros(&[4]), &zeros(&[4]), None),
        "linear: expected a weight of 2 axes, got 1 (input [4], weight [4])",
    );
    says(
        || f::bilinear(&zeros(&[1, 2]), &zeros(&[1, 3]), &zeros(&[4, 2, 2]), None),
        "bilinear: shapes do not fit (a [1, 2], b [1, 3], weight [4, 2, 2])",
    );
    let mut generator = Generator::new(1);
    says(
        || f::dropout(&zeros(&[2]), -0.5, &mut generator),
        "dropout: the probability must lie in [0, 1], got -0.5 (input [2])",
    );
    says(|| f::dropout2d(&zeros(&[2]), 0.5, &mut generator), "dropout2d: expected 3 or 4 axes, got 1 (input [2])");
    says(
        || f::feature_alpha_dropout(&zeros(&[2]), 0.5, &mut generator),
        "feature_alpha_dropout: expected at least 2 axes, got 1 (input [2])",
    );
}

#[test]
fn first_values() {
    use gradus_nn::init::{dirac_, eye_, orthogonal_, sparse_, trunc_normal_};
    let (vector, matrix) =
        (Variable::leaf(Tensor::zeros([3], DType::F32)), Variable::leaf(Tensor::zeros([3, 2], DType::F32)));
    says(|| eye_(&vector), "eye_: expected 2 axes, got 1 (parameter [3])");
    says(|| dirac_(&matrix, 1), "dirac_: expected 3 to 5 axes, got 2 (parameter [3, 2])");
    let kernel = Variable::leaf(Tensor::zeros([3, 2, 3], DType::F32));
    says(|| dirac_(&kernel, 2), "dirac_: 2 groups do not divide 3 channels (parameter [3, 2, 3])");
    says(|| orthogonal_(&vector, 1.0), "orthogonal_: expected at least 2 axes, got 1 (parameter [3])");
    says(|| sparse_(&matrix, 1.5, 1.0), "sparse_: sparsity must be in [0, 1], got 1.5");
    for (mean, std, bounds) in [(f64::NAN, 1.0, (-1.0, 1.0)), (0.0, 0.0, (-1.0, 1.0)), (0.0, 1.0, (1.0, 1.0))] {
        let (a, b) = bounds;
        says(
            || trunc_normal_(&vector, mean, std, bounds),
            &format!(
                "trunc_normal_: expected a finite mean and std, std > 0 and a < b, got mean {mean}, std {std}, a {a}, b {b}"
            ),
        );
    }
}

#[test]
fn truncated_values_come_from_any_bounds() {
    use gradus_nn::init::trunc_normal_;
    let w = Variable::leaf(Tensor::zeros([500], DType::F64));
    for (a, b) in [(5.0, f64::INFINITY), (10.0, 1e9), (f64::NEG_INFINITY, -7.0), (-1e300, 1e300), (40.0, 41.0)] {
        trunc_normal_(&w, 0.0, 1.0, (a, b));
        let values = w.to_vec::<f64>();
        assert!(values.iter().all(|x| (a..=b).contains(x)), "{a} to {b}");
        // Far out, the rest of the bell falls by e within 1 / a: the mean is nearly there.
        let near = if a > 0.0 { a } else { b };
        if near.abs() < 100.0 {
            let mean = values.iter().map(|x| (x - near).abs()).sum::<f64>() / 500.0;
            assert!((mean * near.abs() - 1.0).abs() < 0.25, "{mean} from {near}");
        }
    }
}
