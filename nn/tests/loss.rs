//! Losses at their edges: what they say of wrong operands, what ignored rows and empty batches do.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gradus_nn::loss::{
    BceLoss, CrossEntropyLoss, CtcLoss, DiceLoss, FocalLoss, GaussianNllLoss, MultiMarginLoss, NllLoss, Reduction,
    TripletMarginLoss, cross_entropy, mse_loss, multi_margin_loss, multilabel_margin_loss, nll_loss,
};
use gradus_nn::prelude::*;
use tensor::{DType, Generator, MemoryFormat, Tensor, parallel};

fn said<R>(f: impl FnOnce() -> R) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).err().expect("it should panic");
    panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "another panic".into())
}

fn zeros(shape: &[usize]) -> Variable {
    Variable::new(Tensor::zeros(shape, DType::F32))
}

fn labels(values: &[i64]) -> Variable {
    Variable::new(Tensor::from_slice(values, [values.len()]))
}

#[test]
fn wrong_targets_are_named() {
    let x = zeros(&[32, 10]);
    assert_eq!(
        said(|| cross_entropy(&x, &zeros(&[32]))),
        "cross_entropy: labels must be i64, got f32 (labels [32]); convert with to_dtype"
    );
    assert_eq!(
        said(|| cross_entropy(&x, &labels(&[0; 31]))),
        "cross_entropy: labels must have shape [32] (input [32, 10], labels [31])"
    );
    let mut wrong = vec![0; 32];
    wrong[3] = 12;
    assert_eq!(
        said(|| cross_entropy(&x, &labels(&wrong))),
        "cross_entropy: label 12 at [3] is out of range for 10 classes (input [32, 10], labels [32])"
    );
    assert_eq!(
        said(|| nll_loss(&x, &labels(&[-1; 32]))),
        "nll_loss: label -1 at [0] is out of range for 10 classes (input [32, 10], labels [32])"
    );
    let pixels = Variable::new(Tensor::full([1, 2, 2], 7.0, DType::I64));
    assert_eq!(
        said(|| cross_entropy(&zeros(&[1, 3, 2, 2]), &pixels)),
        "cross_entropy: label 7 at [0, 0, 0] is out of range for 3 classes (input [1, 3, 2, 2], labels [1, 2, 2])"
    );
    assert_eq!(
        said(|| multi_margin_loss(&x, &zeros(&[32]))),
        "multi_margin_loss: labels must be i64, got f32 (labels [32]); convert with to_dtype"
    );
    assert_eq!(
        said(|| multilabel_margin_loss(&zeros(&[1, 2]), &Variable::new(Tensor::from([[5i64, -1]])))),
        "multilabel_margin_loss: label 5 in row 0 is out of range for 2 classes (input [1, 2], labels [1, 2])"
    );
}

#[test]
fn wrong_options_and_operands_are_named() {
    let (x, y) = (zeros(&[2, 3]), labels(&[0, 1]));
    assert_eq!(
        said(|| CrossEntropyLoss::new().weight(Tensor::ones([2], DType::F32)).forward(&x, &y)),
        "cross_entropy: the weight must have one number for each of 3 classes (weight [2])"
    );
    assert_eq!(
        said(|| CrossEntropyLoss::new().label_smoothing(1.5).forward(&x, &y)),
        "cross_entropy: label_smoothing must be in [0, 1], got 1.5"
    );
    assert_eq!(
        said(|| mse_loss(&x, &zeros(&[2]))),
        "mse_loss: shapes do not broadcast at axis -1, 3 and 2 (lhs [2, 3], rhs [2])"
    );
    let double = Variable::new(Tensor::zeros([2, 3], DType::F64));
    assert_eq!(
        said(|| mse_loss(&x, &double)),
        "mse_loss: dtypes differ, f32 and f64; convert with to_dtype (input [2, 3], target [2, 3])"
    );
    let outside = Variable::new(Tensor::from([[0.5f32, 1.5]]));
    assert_eq!(
        said(|| BceLoss::new().forward(&outside, &zeros(&[1, 2]))),
        "binary_cross_entropy: input 1.5 at [0, 1] is outside [0, 1] (input [1, 2])"
    );
    assert_eq!(
        said(|| GaussianNllLoss::new().forward(&x, &x, &Variable::new(Tensor::full([2, 3], -1.0, DType::F32)))),
        "gaussian_nll_loss: a variance must be at least 0, got -1 (var [2, 3])"
    );
    assert_eq!(said(|| MultiMarginLoss::new().p(3u32).forward(&x, &y)), "multi_margin_loss: p must be 1 or 2, got 3");
    let lengths = labels(&[4]);
    assert_eq!(
        said(|| CtcLoss::new().forward(
            &zeros(&[4, 1, 3]),
            &Variable::new(Tensor::from([[0i64]])),
            &lengths,
            &labels(&[1])
        )),
        "ctc_loss: label 0 of sample 0 is the blank or none of 3 classes (log_probs [4, 1, 3])"
    );
}

#[test]
fn ignored_rows_count_nothing() {
    let x = Generator::new(1).randn([4, 3], DType::F64);
    let some = CrossEntropyLoss::new().ignore_index(2);
    let all = cross_entropy(&Variable::new(x.slice(0, Some(0), Some(2), 1)), &labels(&[0, 1]));
    let leaf = Variable::leaf(x.clone());
    let loss = some.forward(&leaf, &labels(&[0, 1, 2, 2]));
    assert!((loss.item::<f64>() - all.item::<f64>()).abs() < 1e-15);
    loss.backward();
    assert_eq!(leaf.grad().unwrap().to_vec::<f64>()[6..], [0.0; 6]);
    // As in PyTorch, the mean of nothing is no number.
    assert!(some.forward(&leaf, &labels(&[2; 4])).item::<f64>().is_nan());
    assert_eq!(some.reduction(Reduction::Sum).forward(&leaf, &labels(&[2; 4])).item::<f64>(), 0.0);
    assert!(NllLoss::new().ignore_index(2).forward(&leaf, &labels(&[2; 4])).item::<f64>().is_nan());
}

#[test]
fn labels_and_their_one_hot_probabilities_agree() {
    let x = Generator::new(2).randn([5, 4, 3], DType::F64);
    let y = Generator::new(3).randint([5, 3], 0, 4);
    let q = Variable::new(y.one_hot(4).permute([0, 2, 1]).to_dtype(DType::F64));
    for smoothing in [0.0, 0.2] {
        let loss = CrossEntropyLoss::new().label_smoothing(smoothing);
        let by_label = loss.forward(&Variable::new(x.clone()), &Variable::new(y.clone())).item::<f64>();
        let by_share = loss.forward(&Variable::new(x.clone()), &q).item::<f64>();
        assert!((by_label - by_share).abs() < 1e-14);
    }
}

#[test]
fn bits_depend_neither_on_threads_nor_on_memory_order() {
    let x = Generator::new(4).randn([8, 16, 40, 40], DType::F32);
    let y = Variable::new(Generator::new(5).randint([8, 40, 40], 0, 16));
    let mut seen = Vec::new();
    for threads in [1, 2, 3] {
        for format in [MemoryFormat::Contiguous, MemoryFormat::ChannelsLast] {
            parallel::set_num_threads(threads);
            let leaf = Variable::leaf(x.to_memory_format(format));
            let loss = cross_entropy(&leaf, &y);
            loss.backward();
            seen.push((loss.item::<f32>().to_bits(), leaf.grad().unwrap().to_vec::<f32>()));
        }
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn focal_and_dice_follow_their_formulas() {
    let (x, t) = ([0.7f64, -1.2, 0.0], [1.0f64, 0.0, 1.0]);
    let expected: f64 = x
        .iter()
        .zip(t)
        .map(|(&x, t)| {
            let p = 1.0 / (1.0 + (-x).exp());
            let (right, share) = if t == 1.0 { (p, 0.25) } else { (1.0 - p, 0.75) };
            -share * (1.0 - right).powi(2) * right.ln()
        })
        .sum();
    let (x, t) = (Variable::new(Tensor::from(x)), Variable::new(Tensor::from(t)));
    let got = FocalLoss::new().reduction(Reduction::Sum).forward(&x, &t).item::<f64>();
    assert!((got - expected).abs() < 1e-14, "{got} {expected}");
    let p = Variable::new(Tensor::from([[[0.5, 1.0]], [[0.0, 0.0]]]));
    let mask = Variable::new(Tensor::from([[[1.0, 1.0]], [[0.0, 0.0]]]));
    let dice = DiceLoss::new().reduction(Reduction::None).forward(&p, &mask);
    assert_eq!(dice.shape(), &[2, 1]);
    assert_eq!(dice.to_vec::<f64>(), [1.0 - 4.0 / 4.5, 0.0]);
}

#[test]
fn equal_points_have_a_finite_gradient() {
    let x = Variable::leaf(Tensor::ones([2, 3], DType::F64));
    let far = Variable::new(Tensor::zeros([2, 3], DType::F64));
    TripletMarginLoss::new().eps(0.0).margin(5.0).forward(&x, &x.detach(), &far).backward();
    assert!(x.grad().unwrap().to_vec::<f64>().iter().all(|g| g.is_finite()));
}
