//! Normalisation layers against their formulas, and which parameters each option leaves.

use gradus_nn::functional::LocalResponse;
use gradus_nn::prelude::*;
use tensor::{DType, Generator, Tensor};

use crate::assert_close;

fn names(layer: &dyn Module) -> Vec<String> {
    layer.state_dict().names().map(str::to_owned).collect()
}

#[test]
fn options_decide_which_parameters_there_are() {
    const NONE: [&str; 0] = [];
    let running = ["running_mean", "running_var", "num_batches_tracked"];
    assert_eq!(names(&LayerNorm::new([3])), ["weight", "bias"]);
    assert_eq!(names(&LayerNorm::with_options([3], 1e-5, true, false)), ["weight"]);
    assert_eq!(names(&LayerNorm::with_options([3], 1e-5, false, true)), NONE);
    assert_eq!(names(&RMSNorm::with_options([3], None, true)), ["weight"]);
    assert_eq!(names(&RMSNorm::with_options([3], None, false)), NONE);
    assert_eq!(names(&GroupNorm::with_options(1, 4, 1e-5, true, true)), ["weight", "bias"]);
    assert_eq!(names(&GroupNorm::with_options(1, 4, 1e-5, true, false)), ["weight"]);
    assert_eq!(names(&GroupNorm::with_options(1, 4, 1e-5, false, true)), NONE);
    assert_eq!(names(&BatchNorm2d::new(4)), [&["weight", "bias"][..], &running[..]].concat());
    assert_eq!(names(&BatchNorm2d::builder(4).affine(false).build()), running);
    assert_eq!(names(&BatchNorm2d::builder(4).track_running_stats(false).build()), ["weight", "bias"]);
    assert_eq!(names(&InstanceNorm2d::new(4)), NONE);
    assert_eq!(names(&InstanceNorm2d::builder(4).affine(true).build()), ["weight", "bias"]);
    assert_eq!(names(&Conv2d::builder(2, 2, 3).bias(false).build()), ["weight"]);
    assert_eq!(names(&ConvTranspose2d::builder(2, 2, 3).bias(false).build()), ["weight"]);
}

/// A layer with factors 2 and 3, shifted by 0.5 and -0.5, so that no mistake hides behind ones and zeros.
fn prepared<L: Module>(layer: L) -> L {
    layer.to_dtype(DType::F64);
    for (name, parameter) in layer.named_parameters() {
        let values = if name == "weight" { [2.0, 3.0] } else { [0.5, -0.5] };
        let values: Vec<f64> = values.into_iter().cycle().take(parameter.len()).collect();
        parameter.set_data(Tensor::from_vec(values, parameter.shape()));
    }
    layer
}

/// What a layer makes of `[2, 2, 3]` numbers in training, and those numbers.
fn run<L: Forward>(layer: &L) -> (Vec<f64>, Vec<f64>) {
    let x = Generator::new(3).randn([2, 2, 3], DType::F64);
    (layer.call(&Variable::new(x.clone())).to_vec::<f64>(), x.to_vec::<f64>())
}

/// `(x - mean) / sqrt(var + eps) * weight + bias`, where numbers with the same `group` share mean and variance.
fn normalised(x: &[f64], eps: f64, group: impl Fn(usize) -> usize, affine: impl Fn(usize) -> (f64, f64)) -> Vec<f64> {
    let shared = |i: usize| (0..x.len()).filter(|&j| group(j) == group(i)).map(|j| x[j]).collect::<Vec<f64>>();
    (0..x.len())
        .map(|i| {
            let all = shared(i);
            let mean = all.iter().sum::<f64>() / all.len() as f64;
            let variance = all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / all.len() as f64;
            let (weight, bias) = affine(i);
            (x[i] - mean) / (variance + eps).sqrt() * weight + bias
        })
        .collect()
}

#[test]
fn normalisations_follow_their_formula() {
    let channel = |i: usize| i / 3 % 2;
    let by_channel = |i: usize| [(2.0, 0.5), (3.0, -0.5)][channel(i)];
    let (y, x) = run(&prepared(BatchNorm1d::builder(2).eps(0.1).build()));
    assert_close("batch_norm", &y, &normalised(&x, 0.1, channel, by_channel));
    let (y, x) = run(&prepared(InstanceNorm1d::builder(2).eps(0.1).affine(true).build()));
    assert_close("instance_norm", &y, &normalised(&x, 0.1, |i| i / 3, by_channel));
    let (y, x) = run(&prepared(GroupNorm::with_options(1, 2, 0.1, true, true)));
    assert_close("group_norm", &y, &normalised(&x, 0.1, |i| i / 6, by_channel));
    let (y, x) = run(&prepared(LayerNorm::with_options([2, 3], 0.1, true, true)));
    let by_place = |i: usize| [(2.0, 0.5), (3.0, -0.5)][i % 2];
    assert_close("layer_norm", &y, &normalised(&x, 0.1, |i| i / 6, by_place));
    let (y, x) = run(&prepared(LayerNorm::with_options([2, 3], 0.1, true, false)));
    assert_close("layer_norm", &y, &normalised(&x, 0.1, |i| i / 6, |i| (by_place(i).0, 0.0)));
    let (y, x) = run(&prepared(RMSNorm::with_options([2, 3], Some(0.1), true)));
    let mean = |i: usize| x[i / 6 * 6..][..6].iter().map(|x| x * x).sum::<f64>() / 6.0;
    let expected: Vec<f64> = (0..12).map(|i| x[i] / (mean(i) + 0.1).sqrt() * by_place(i).0).collect();
    assert_close("rms_norm", &y, &expected);
}

#[test]
fn local_responses_follow_their_formula() {
    let options = LocalResponse { size: 3, alpha: 0.6, beta: 0.5, k: 2.0 };
    let x = Generator::new(4).randn([1, 4, 2], DType::F64);
    let got = LocalResponseNorm::with_options(options).call(&Variable::new(x.clone())).to_vec::<f64>();
    let x = x.to_vec::<f64>();
    let expected: Vec<f64> = (0..8)
        .map(|i| {
            let near = (0..8).filter(|j| j % 2 == i % 2 && (j / 2usize).abs_diff(i / 2) <= 1);
            let sum: f64 = near.map(|j| x[j] * x[j]).sum();
            x[i] / (2.0 + 0.6 / 3.0 * sum).sqrt()
        })
        .collect();
    assert_close("local_response_norm", &got, &expected);
}

#[test]
fn running_statistics_follow_a_batch() {
    let bn = prepared(BatchNorm1d::builder(2).momentum(Some(0.25)).build());
    let (_, x) = run(&bn);
    let state = bn.state_dict();
    let of = |channel: usize| -> Vec<f64> { (0..12).filter(|i| i / 3 % 2 == channel).map(|i| x[i]).collect() };
    for channel in 0..2 {
        let values = of(channel);
        let mean = values.iter().sum::<f64>() / 6.0;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 5.0;
        assert_close("running_mean", &[state["running_mean"].to_vec::<f64>()[channel]], &[0.25 * mean]);
        assert_close("running_var", &[state["running_var"].to_vec::<f64>()[channel]], &[0.75 + 0.25 * variance]);
    }
    assert_eq!(state["num_batches_tracked"].item::<i64>(), 1);
}
