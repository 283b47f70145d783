//! The exact text of what a misused layer says, and layers whose behaviour has no derivative to check.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gradus_nn::functional;
use gradus_nn::layers::{
    AvgPool2d, BatchNorm1d, BatchNorm2d, Dropout, Embedding, EmbeddingOptions, Fold, GroupNorm, InstanceNorm2d,
    LayerNorm, MaxPool2d, PReLU, PixelShuffle, ReflectionPad2d, Upsample,
};
use gradus_nn::ops::interpolate::Interpolate;
use gradus_nn::ops::pool::Pool;
use gradus_nn::prelude::*;
use tensor::{DType, Generator, Tensor};

fn zeros(shape: &[usize]) -> Variable {
    Variable::new(Tensor::zeros(shape, DType::F32))
}

fn message(f: impl FnOnce()) -> String {
    let fault = catch_unwind(AssertUnwindSafe(f)).expect_err("expected a fault");
    fault.downcast_ref::<String>().cloned().unwrap_or_default()
}

fn says<M: Forward>(module: M, shape: &[usize]) -> String {
    message(|| {
        module.call(&zeros(shape));
    })
}

#[test]
fn faults_name_the_contradiction() {
    for (got, expected) in [
        (
            says(MaxPool2d::new(5), &[1, 1, 4, 4]),
            "max_pool2d: kernel of extent 5 does not fit into 4 padded positions (input [1, 1, 4, 4]), in MaxPool2d",
        ),
        (
            says(AvgPool2d::new(Pool::new(2).padding(2)), &[1, 1, 4, 4]),
            "avg_pool2d: padding 2 is more than half the kernel's extent 2 (input [1, 1, 4, 4]), in AvgPool2d",
        ),
        (
            says(BatchNorm2d::new(4), &[8, 3, 5, 5]),
            "batch_norm2d: input has 3 channels but the layer 4 (input [8, 3, 5, 5]), in BatchNorm2d",
        ),
        (says(BatchNorm2d::new(3), &[8, 3]), "batch_norm2d: expected 4 axes, got 2 (input [8, 3]), in BatchNorm2d"),
        (
            says(BatchNorm1d::new(3), &[1, 3]),
            "batch_norm: training needs more than 1 value per channel (input [1, 3]), in BatchNorm1d",
        ),
        (
            says(InstanceNorm2d::new(3), &[2, 3, 1, 1]),
            "instance_norm: expected more than 1 value per channel (input [2, 3, 1, 1]), in InstanceNorm2d",
        ),
        (says(GroupNorm::new(2, 4), &[1, 6, 2]), "group_norm: expected 4 channels (input [1, 6, 2]), in GroupNorm"),
        (says(LayerNorm::new([5]), &[2, 4]), "layer_norm: the last axes are not [5] (input [2, 4]), in LayerNorm"),
        (
            says(ReflectionPad2d::new(3), &[1, 1, 3, 3]),
            "pad: reflect padding (3, 3) exceeds 2, the most for axis 3 (input [1, 1, 3, 3]), in ReflectionPad2d",
        ),
        (
            says(PReLU::new(3, 0.25), &[2, 4, 2]),
            "prelu: weight has 3 elements but the input has 4 channels (input [2, 4, 2], weight [3]), in PReLU",
        ),
        (
            says(PixelShuffle::new(2), &[1, 6, 2, 2]),
            "pixel_shuffle: the channels are no multiple of 4 (input [1, 6, 2, 2]), in PixelShuffle",
        ),
        (
            says(Upsample::new(Interpolate::size([2, 2, 2])), &[1, 1, 4, 4]),
            "interpolate: 3 sizes for 2 spatial axes (input [1, 1, 4, 4]), in Upsample",
        ),
        (
            says(Fold::new([4, 4], Pool::new(2)), &[1, 8, 5]),
            "fold: expected a multiple of 4 rows and 4 columns, got 8 and 5 (input [1, 8, 5]), in Fold",
        ),
        (message(|| drop(Dropout::new(1.5))), "dropout: the probability must lie in [0, 1], got 1.5"),
        (
            message(|| drop(Embedding::new(3, 2).call(&Variable::new(Tensor::from([3i64]))))),
            "embedding: index 3 is out of range for 3 rows (weight [3, 2], index [1]), in Embedding",
        ),
        (message(|| drop(GroupNorm::new(4, 6))), "group_norm: 6 channels do not divide into 4 groups"),
    ] {
        assert_eq!(got, expected);
    }
}

#[test]
fn dropout_is_seeded_and_keeps_the_mean() {
    let x = Variable::new(Tensor::ones([64, 100], DType::F32));
    let draw = |seed: u64| Dropout::new(0.3).with_generator(Generator::new(seed)).call(&x).to_vec::<f32>();
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    let mean = draw(3).iter().sum::<f32>() / 6400.0;
    assert!((mean - 1.0).abs() < 0.05, "{mean}");
    let first = || tensor::with_seed(5, || Dropout::new(0.3).call(&x).to_vec::<f32>());
    assert_eq!(first(), first());
    let whole = functional::dropout2d(&zeros(&[2, 3, 4, 4]).relu(), 0.5, &mut Generator::new(1));
    assert_eq!(whole.shape(), &[2, 3, 4, 4]);
}

#[test]
fn a_fused_normalisation_equals_its_parts() {
    let mut random = Generator::new(9);
    let bn = BatchNorm2d::new(3);
    let [x, r] = std::array::from_fn(|_| Variable::leaf(random.randn([4, 3, 5, 5], DType::F32)));
    for training in [true, false] {
        bn.set_training(training);
        let run = |fused: bool| {
            bn.zero_grad();
            [&x, &r].into_iter().for_each(Variable::zero_grad);
            let normal = bn.call(&x);
            if !fused {
                normal.data();
            }
            let sum = normal + &r;
            if !fused {
                sum.data();
            }
            let y = sum.relu();
            let name = y.grad_fn();
            (&y * &y).sum(&[], false).backward();
            let gradient = |v: &Variable| v.grad().expect("it takes part").to_vec::<f32>();
            (name, y.to_vec::<f32>(), [gradient(&x), gradient(&r)].concat())
        };
        let (fused, plain) = (run(true), run(false));
        assert_eq!((fused.0, plain.0), (Some("batch_norm_add"), Some("relu")));
        for (a, b) in fused.1.iter().chain(&fused.2).zip(plain.1.iter().chain(&plain.2)) {
            assert!((a - b).abs() < 1e-4, "{a} and {b}");
        }
    }
}

#[test]
fn a_padding_row_gets_no_gradient() {
    let options = EmbeddingOptions { padding_idx: Some(-1), scale_grad_by_freq: true, ..Default::default() };
    let table = Embedding::with_options(3, 2, options);
    assert_eq!(table.weight.to_vec::<f32>()[4..], [0.0, 0.0]);
    table.call(&Variable::new(Tensor::from([0i64, 0, 2]))).sum(&[], false).backward();
    assert_eq!(table.weight.grad().unwrap().to_vec::<f32>(), [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn softplus_is_straight_from_its_threshold_on() {
    // PyTorch: the first derivative is the curve's at the threshold, the second is 0 there.
    let x = Variable::leaf(Tensor::from([19.0, 20.0, 21.0, f64::NAN]));
    let slope = autograd::grad(&[&Softplus::default().call(&x).sum(&[], false)], &[&x], true).remove(0);
    let curve = |x: f64| 1.0 / (1.0 + (-x).exp());
    assert_eq!(slope.to_vec::<f64>()[..3], [curve(19.0), curve(20.0), 1.0]);
    let second = autograd::grad(&[&slope.sum(&[], false)], &[&x], false).remove(0).to_vec::<f64>();
    assert!((second[0] - curve(19.0) * curve(-19.0)).abs() < 1e-15, "{second:?}");
    assert_eq!(second[1..3], [0.0, 0.0]);
    assert!(slope.to_vec::<f64>()[3].is_nan() && second[3].is_nan());
}

#[test]
fn linear_resizing_copies_along_axes_whose_size_stays() {
    // PyTorch: interpolate(x, scale_factor=(1.2, 1.5), mode="bilinear"), where 1.2 * 2 rounds down to 2 rows.
    let x = Variable::new(Tensor::from([[[[1.0, 3.0], [5.0, 9.0]]]]));
    let options = Interpolate::scales(&[1.2, 1.5]).mode(gradus_nn::ops::interpolate::InterpolateMode::Linear);
    let rows = Upsample::new(options).call(&x).to_vec::<f64>();
    for (got, expected) in rows.iter().zip([1.0, 2.0, 3.0, 5.0, 7.0, 9.0]) {
        assert!((got - expected).abs() < 1e-12, "{rows:?}");
    }
}

#[test]
fn nearest_resizing_of_images_copies_or_doubles_whatever_the_factor() {
    // PyTorch: interpolate(x, scale_factor=factor), of 2 axes alone.
    let at = |shape: &[usize], factors: &[f64]| {
        let x = Variable::new(Tensor::arange(0.0, 3.0, 1.0, DType::F64).reshape(shape));
        Upsample::new(Interpolate::scales(factors)).call(&x).to_vec::<f64>()
    };
    assert_eq!(at(&[1, 1, 3, 1], &[1.2, 1.0]), [0.0, 1.0, 2.0]);
    assert_eq!(at(&[1, 1, 1, 3], &[1.0, 2.269]), [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
    assert_eq!(at(&[1, 1, 3], &[1.2]), [0.0, 0.0, 1.0]);
    assert_eq!(at(&[1, 1, 1, 1, 3], &[1.0, 1.0, 2.269]), [0.0, 0.0, 0.0, 1.0, 1.0, 2.0]);
}

#[test]
fn rows_are_shortened_to_their_largest_entry() {
    let options = EmbeddingOptions { max_norm: Some(0.5), norm_type: f64::INFINITY, ..Default::default() };
    let table = Embedding::with_options(2, 2, options);
    table.weight.set_data(Tensor::from([[1.0, -2.0], [1.0, -2.0]]));
    table.call(&Variable::new(Tensor::from([1i64])));
    let rows = table.weight.to_vec::<f64>();
    assert_eq!(rows[..2], [1.0, -2.0]);
    assert!((rows[2] - 0.25).abs() < 1e-7 && (rows[3] + 0.5).abs() < 1e-7, "{rows:?}");
}

#[test]
fn second_gradients_of_an_empty_batch_are_zero() {
    let bn = BatchNorm2d::new(3);
    bn.to_dtype(DType::F64);
    let x = Variable::leaf(Tensor::zeros([0, 3, 2, 2], DType::F64));
    let y = bn.call(&x);
    let first = autograd::grad(&[&(&y * &y).sum(&[], false)], &[&x], true).remove(0);
    let second = autograd::grad(&[&first.sum(&[], false)], &[bn.weight.as_ref().unwrap().variable()], false);
    assert_eq!(second[0].to_vec::<f64>(), [0.0; 3]);
}

#[test]
fn slopes_of_log_sigmoid_keep_their_digits_far_out() {
    // 1 / (1 + e^x), and -e^-|x| / (1 + e^-|x|)^2.
    let tail = (-30.0f64).exp();
    let near = |got: f64, expected: f64| (got / expected - 1.0).abs() < 1e-12;
    for x in [-30.0, 30.0] {
        let x = Variable::leaf(Tensor::from([x]));
        let gradient = |y: &Variable, record: bool| autograd::grad(&[&y.sum(&[], false)], &[&x], record).remove(0);
        let (plain, first) =
            (gradient(&functional::logsigmoid(&x), false), gradient(&functional::logsigmoid(&x), true));
        let second = gradient(&first, false).item::<f64>();
        let expected = if x.item::<f64>() > 0.0 { tail / (1.0 + tail) } else { 1.0 / (1.0 + tail) };
        assert!(near(plain.item(), expected) && near(first.item(), expected), "{x:?}: {plain:?} {first:?}");
        assert!(near(second, -tail / (1.0 + tail).powi(2)), "{x:?}: {second}");
    }
}

#[test]
fn a_single_class_has_no_gradient_of_any_order() {
    let x = Variable::leaf(Tensor::from([[0.84], [-2.17]]));
    let q = Variable::new(Tensor::from([[1.0], [0.3]]));
    let y = functional::cross_entropy(&x, &q);
    let first = autograd::grad(&[&y], &[&x], true).remove(0);
    assert_eq!(first.to_vec::<f64>(), [0.0; 2]);
    let second =
        autograd::grad(&[&(&first * &Variable::new(Tensor::from([[0.3], [0.7]]))).sum(&[], false)], &[&x], false);
    assert_eq!(second[0].to_vec::<f64>(), [0.0; 2]);
}

#[test]
fn a_divisor_may_be_negative() {
    let x = Variable::new(Tensor::from([[[[1.0, 2.0], [3.0, 4.0]]]]));
    assert_eq!(AvgPool2d::new(Pool::new(2).divisor_override(-2)).call(&x).to_vec::<f64>(), [-5.0]);
}

#[test]
fn functions_are_their_layers() {
    let x = Variable::new(Generator::new(3).uniform_between([2, 3, 6, 5], 0.1, 1.0, DType::F64));
    let same = |a: &Variable, b: &Variable| assert_eq!((a.shape(), a.to_vec::<f64>()), (b.shape(), b.to_vec::<f64>()));
    same(&functional::lp_pool2d(&x, 3.0, (2, 3)), &LPPool2d::new(3.0, (2, 3)).call(&x));
    let pool = MaxPool2d::new((2, 1));
    let (y, indices) = pool.with_indices(&x);
    let back = MaxUnpool2d::new((2, 1)).unpool(&y, &indices, Some([6, 5]));
    same(&functional::max_unpool2d(&y, &indices, (2, 1), Some([6, 5])), &back);
    same(&functional::sigmoid(&x), &Sigmoid::new().call(&x));
    same(&functional::tanh(&x), &Tanh::new().call(&x));
}
