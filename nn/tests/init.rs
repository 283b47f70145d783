//! First values: what is drawn follows the distribution that is promised, what is not drawn is exact.

use std::panic::{AssertUnwindSafe, catch_unwind};

use autograd::Variable;
use gradus_nn::init::{self, FanMode, Nonlinearity};
use gradus_nn::prelude::*;
use tensor::{DType, Tensor, with_seed};

fn drawn(shape: &[usize], fill: impl Fn(&Variable)) -> Vec<f64> {
    let parameter = Variable::leaf(Tensor::zeros(shape, DType::F64));
    fill(&parameter);
    parameter.to_vec()
}

/// The largest distance between the share of values below x and `cumulative(x)` (Kolmogorov and Smirnov).
fn distance(mut values: Vec<f64>, cumulative: impl Fn(f64) -> f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let gap =
        |(i, &x): (usize, &f64)| (cumulative(x) - i as f64 / n).abs().max((cumulative(x) - (i + 1) as f64 / n).abs());
    values.iter().enumerate().map(gap).fold(0.0, f64::max)
}

fn normal(mean: f64, std: f64) -> impl Fn(f64) -> f64 {
    move |x| 0.5 * (1.0 + tensor::Float::erf((x - mean) / std / std::f64::consts::SQRT_2))
}

fn uniform(low: f64, high: f64) -> impl Fn(f64) -> f64 {
    move |x| ((x - low) / (high - low)).clamp(0.0, 1.0)
}

/// A right distribution comes so far off once in e^16 tries.
#[track_caller]
fn follows(values: Vec<f64>, cumulative: impl Fn(f64) -> f64) {
    let limit = 2.9 / (values.len() as f64).sqrt();
    let distance = distance(values, cumulative);
    assert!(distance < limit, "off by {distance}, allowed {limit}");
}

#[test]
fn values_follow_their_distributions() {
    with_seed(3, || {
        let shape = [40, 10, 3, 4];
        let (fan_in, fan_out) = (120.0f64, 480.0f64);
        follows(drawn(&shape, |w| init::uniform_(w, -1.0, 3.0)), uniform(-1.0, 3.0));
        follows(drawn(&shape, |w| init::normal_(w, 2.0, 0.5)), normal(2.0, 0.5));
        let bound = 1.5 * (6.0 / (fan_in + fan_out)).sqrt();
        follows(drawn(&shape, |w| init::xavier_uniform_(w, 1.5)), uniform(-bound, bound));
        let std = 1.5 * (2.0 / (fan_in + fan_out)).sqrt();
        follows(drawn(&shape, |w| init::xavier_normal_(w, 1.5)), normal(0.0, std));
        let bound = (6.0 / fan_in).sqrt();
        let relu = Nonlinearity::Relu;
        follows(drawn(&shape, |w| init::kaiming_uniform_(w, 0.0, FanMode::FanIn, relu)), uniform(-bound, bound));
        let std = (2.0 / fan_out).sqrt();
        follows(drawn(&shape, |w| init::kaiming_normal_(w, 0.0, FanMode::FanOut, relu)), normal(0.0, std));
        // Cut where most values lie, and far out where few do.
        for (mean, std, low, high) in [(0.0, 1.0, -2.0, 2.0), (1.0, 2.0, 4.0, 9.0), (0.0, 0.1, -5.0, 5.0)] {
            let whole = normal(mean, std);
            let (below, inside) = (whole(low), whole(high) - whole(low));
            let values = drawn(&shape, |w| init::trunc_normal_(w, mean, std, (low, high)));
            assert!(values.iter().all(|x| (low..=high).contains(x)));
            follows(values, |x| (whole(x) - below) / inside);
        }
    })
}

#[test]
fn layers_start_as_pytorchs() {
    with_seed(4, || {
        let of = |parameters: Vec<Parameter>, at: usize| parameters[at].data().to_dtype(DType::F64).to_vec::<f64>();
        let cases: [(Vec<Parameter>, f64); 4] = [
            (Linear::new(64, 200).parameters(), 64.0),
            (Conv2d::builder(32, 120, 3).groups(2).build().parameters(), 16.0 * 9.0),
            // The fan is that of the weight [in, out / groups, ...], as PyTorch counts it.
            (ConvTranspose2d::new(24, 150, 3).parameters(), 150.0 * 9.0),
            (Bilinear::new(10, 30, 40, true).parameters(), 10.0),
        ];
        for (parameters, fan_in) in cases {
            let bound = 1.0 / fan_in.sqrt();
            follows(of(parameters.clone(), 0), uniform(-bound, bound));
            follows(of(parameters, 1), uniform(-bound, bound));
        }
        follows(of(Embedding::new(100, 50).parameters(), 0), normal(0.0, 1.0));
        let plain = |value: f32, parameter: &Parameter| parameter.to_vec::<f32>().iter().all(|&x| x == value);
        for parameters in
            [BatchNorm2d::new(5).parameters(), GroupNorm::new(1, 5).parameters(), LayerNorm::new([5]).parameters()]
        {
            assert!(plain(1.0, &parameters[0]) && plain(0.0, &parameters[1]));
        }
        assert!(plain(0.25, &PReLU::default().parameters()[0]));
    })
}

#[test]
fn structured_values_are_exact() {
    with_seed(5, || {
        for shape in [[6, 4], [4, 6]] {
            let w = Tensor::from_vec(drawn(&shape, |w| init::orthogonal_(w, 2.0)), shape);
            let product = if shape[0] < shape[1] { w.matmul(&w.transpose(0, 1)) } else { w.transpose(0, 1).matmul(&w) };
            let off = product.sub(&Tensor::eye(4, 4, DType::F64).mul_scalar(4.0)).abs().to_vec::<f64>();
            assert!(off.iter().all(|x| *x < 1e-12));
        }
        let sparse = Tensor::from_vec(drawn(&[10, 7], |w| init::sparse_(w, 0.25, 0.01)), [10, 7]);
        assert_eq!(sparse.eq_scalar(0.0).to_dtype(DType::I64).sum(&[0], false).to_vec::<i64>(), [3; 7]);
        assert_eq!(drawn(&[2, 3], init::eye_), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        // A convolution that changes nothing.
        let conv = Conv2d::builder(3, 3, 3).padding(1).bias(false).build();
        init::dirac_(&conv.weight, 1);
        let x = Variable::new(Tensor::randn([1, 3, 5, 5], DType::F32));
        assert_eq!(conv.call(&x).to_vec::<f32>(), x.to_vec::<f32>());
        assert_eq!(drawn(&[2], init::ones_), [1.0; 2]);
        assert_eq!(drawn(&[2], init::zeros_), [0.0; 2]);
        assert_eq!(drawn(&[2], |w| init::constant_(w, 3.5)), [3.5; 2]);
    })
}

#[test]
fn misuse_is_told() {
    let said = |shape: &[usize], fill: fn(&Variable)| {
        let panic = catch_unwind(AssertUnwindSafe(|| drop(drawn(shape, fill)))).unwrap_err();
        panic.downcast_ref::<String>().cloned().unwrap()
    };
    for (got, expected) in [
        (said(&[2], init::eye_), "eye_: expected 2 axes, got 1 (parameter [2])"),
        (said(&[2, 2], |w| init::dirac_(w, 1)), "dirac_: expected 3 to 5 axes, got 2 (parameter [2, 2])"),
        (said(&[3, 2, 1], |w| init::dirac_(w, 2)), "dirac_: 2 groups do not divide 3 channels (parameter [3, 2, 1])"),
        (said(&[4], |w| init::orthogonal_(w, 1.0)), "orthogonal_: expected at least 2 axes, got 1 (parameter [4])"),
        (said(&[4, 4], |w| init::sparse_(w, 1.5, 1.0)), "sparse_: sparsity must be in [0, 1], got 1.5"),
        (
            said(&[4], |w| init::xavier_normal_(w, 1.0)),
            "calculate_fan_in_and_fan_out: expected at least 2 axes, got 1 (parameter [4])",
        ),
        (
            said(&[4], |w| init::trunc_normal_(w, 0.0, -1.0, (0.0, 1.0))),
            "trunc_normal_: expected a finite mean and std, std > 0 and a < b, got mean 0, std -1, a 0, b 1",
        ),
    ] {
        assert_eq!(got, expected);
    }
}
