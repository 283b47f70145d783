//! Losses element by element against their formulas, and every way of reducing them.

use gradus_nn::functional::pairwise_distance;
use gradus_nn::loss::{
    BceLoss, BceWithLogitsLoss, CosineEmbeddingLoss, CrossEntropyLoss, GaussianNllLoss, HingeEmbeddingLoss, HuberLoss,
    KlDivLoss, L1Loss, MarginRankingLoss, MseLoss, MultiLabelMarginLoss, MultiLabelSoftMarginLoss, MultiMarginLoss,
    NllLoss, PoissonNllLoss, Reduction, SmoothL1Loss, SoftMarginLoss, TripletMarginLoss, TripletMarginWithDistanceLoss,
    kl_div, triplet_margin_with_distance_loss,
};
use gradus_nn::prelude::*;
use tensor::Tensor;

use crate::assert_close;

const X: [[f64; 3]; 2] = [[0.7, -1.2, 0.1], [2.5, 0.3, -0.6]];
const T: [[f64; 3]; 2] = [[1.0, -0.4, 0.0], [0.2, 1.9, -0.6]];
/// Probabilities.
const P: [[f64; 3]; 2] = [[0.2, 0.5, 0.3], [0.9, 0.06, 0.04]];
const Q: [[f64; 3]; 2] = [[0.6, 0.0, 0.4], [0.25, 0.25, 0.5]];
/// Sides.
const S: [[f64; 3]; 2] = [[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]];

fn constant(values: [[f64; 3]; 2]) -> Variable {
    Variable::new(Tensor::from(values))
}

fn elementwise(x: [[f64; 3]; 2], t: [[f64; 3]; 2], f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    x.as_flattened().iter().zip(t.as_flattened()).map(|(&x, &t)| f(x, t)).collect()
}

/// The losses alone, their sum, their mean, and their sum over the 2 samples.
#[track_caller]
fn agree(what: &str, loss: impl Fn(Reduction) -> Variable, expected: &[f64]) {
    assert_close(what, &loss(Reduction::None).to_vec::<f64>(), expected);
    let sum: f64 = expected.iter().sum();
    let ways = [
        (Reduction::Sum, sum),
        (Reduction::Mean, sum / expected.len() as f64),
        (Reduction::BatchMean, sum / if expected.len() == 6 { 2.0 } else { expected.len() as f64 }),
    ];
    for (reduction, expected) in ways {
        assert_close(&format!("{what}, {reduction:?}"), &[loss(reduction).item::<f64>()], &[expected]);
    }
}

#[test]
fn differences() {
    let (x, t) = (constant(X), constant(T));
    agree("mse", |r| MseLoss::new().reduction(r).forward(&x, &t), &elementwise(X, T, |x, t| (x - t).powi(2)));
    agree("l1", |r| L1Loss::new().reduction(r).forward(&x, &t), &elementwise(X, T, |x, t| (x - t).abs()));
    let half = |d: f64, beta: f64| if d < beta { 0.5 * d * d / beta } else { d - 0.5 * beta };
    let smooth = elementwise(X, T, |x, t| half((x - t).abs(), 0.6));
    agree("smooth_l1", |r| SmoothL1Loss::new().beta(0.6).reduction(r).forward(&x, &t), &smooth);
    let huber = elementwise(X, T, |x, t| 0.6 * half((x - t).abs(), 0.6));
    agree("huber", |r| HuberLoss::new().delta(0.6).reduction(r).forward(&x, &t), &huber);
}

#[test]
fn likelihoods() {
    let (x, p, q) = (constant(X), constant(P), constant(Q));
    let cross = |p: f64, q: f64| -(q * p.ln() + (1.0 - q) * (1.0 - p).ln());
    agree("bce", |r| BceLoss::new().reduction(r).forward(&p, &q), &elementwise(P, Q, cross));
    let weight = Tensor::from([1.0, 2.0, 0.5]);
    let weights = [1.0, 2.0, 0.5].repeat(2);
    let weighted: Vec<f64> = elementwise(P, Q, cross).iter().zip(&weights).map(|(loss, w)| loss * w).collect();
    agree("bce, weighted", |r| BceLoss::new().weight(weight.clone()).reduction(r).forward(&p, &q), &weighted);
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let positive = |x: f64, q: f64| -(3.0 * q * sigmoid(x).ln() + (1.0 - q) * (1.0 - sigmoid(x)).ln());
    let logits = |r| BceWithLogitsLoss::new().pos_weight(Tensor::from([3.0])).reduction(r).forward(&x, &q);
    agree("bce_with_logits", logits, &elementwise(X, Q, positive));

    let divergence = |x: f64, q: f64| if q == 0.0 { 0.0 } else { q * (q.ln() - x) };
    agree("kl_div", |r| KlDivLoss::new().reduction(r).forward(&x, &q), &elementwise(X, Q, divergence));
    let logarithmic = |r| KlDivLoss::new().log_target(true).reduction(r).forward(&x, &constant(T));
    agree("kl_div, log_target", logarithmic, &elementwise(X, T, |x, t| t.exp() * (t - x)));
    assert_close("kl_div", &[kl_div(&x, &q).item::<f64>()], &[elementwise(X, Q, divergence).iter().sum::<f64>() / 6.0]);

    let poisson = |r| PoissonNllLoss::new().reduction(r).forward(&x, &q);
    agree("poisson_nll", poisson, &elementwise(X, Q, |x, q| x.exp() - q * x));
    let stirling = |q: f64| if q > 1.0 { q * q.ln() - q + 0.5 * (2.0 * std::f64::consts::PI * q).ln() } else { 0.0 };
    let counts = Q.map(|row| row.map(|q| 10.0 * q));
    let full =
        |r| PoissonNllLoss::new().log_input(false).full(true).eps(0.01).reduction(r).forward(&p, &constant(counts));
    agree("poisson_nll, full", full, &elementwise(P, counts, |p, q| p - q * (p + 0.01).ln() + stirling(q)));

    let gaussian = |x: f64, t: f64, v: f64| 0.5 * (v.ln() + (x - t).powi(2) / v);
    let expected: Vec<f64> =
        (0..6).map(|i| gaussian(X.as_flattened()[i], T.as_flattened()[i], P.as_flattened()[i].max(0.1))).collect();
    agree("gaussian_nll", |r| GaussianNllLoss::new().eps(0.1).reduction(r).forward(&x, &constant(T), &p), &expected);
    let constant_term = 0.5 * (2.0 * std::f64::consts::PI).ln();
    let full: Vec<f64> = expected.iter().map(|loss| loss + constant_term).collect();
    let loss = |r| GaussianNllLoss::new().eps(0.1).full(true).reduction(r).forward(&x, &constant(T), &p);
    agree("gaussian_nll, full", loss, &full);
}

#[test]
fn margins() {
    let (x, t, s) = (constant(X), constant(T), constant(S));
    let hinge = elementwise(X, S, |x, s| if s > 0.0 { x } else { (0.8 - x).max(0.0) });
    agree("hinge", |r| HingeEmbeddingLoss::new().margin(0.8).reduction(r).forward(&x, &s), &hinge);
    let ranking: Vec<f64> =
        (0..6).map(|i| (0.3 - S.as_flattened()[i] * (X.as_flattened()[i] - T.as_flattened()[i])).max(0.0)).collect();
    agree("ranking", |r| MarginRankingLoss::new().margin(0.3).reduction(r).forward(&x, &t, &s), &ranking);
    let soft = elementwise(X, S, |x, s| (-s * x).exp().ln_1p());
    agree("soft_margin", |r| SoftMarginLoss::new().reduction(r).forward(&x, &s), &soft);

    let labels = Variable::new(Tensor::from([2i64, 0]));
    let weights = [1.5, 1.0, 0.5];
    for power in [1, 2] {
        let expected: Vec<f64> = [(X[0], 2usize), (X[1], 0)]
            .iter()
            .map(|&(row, y)| {
                let wrong = (0..3).filter(|&j| j != y);
                wrong.map(|j| weights[y] * (0.9 - row[y] + row[j]).max(0.0).powi(power)).sum::<f64>() / 3.0
            })
            .collect();
        let loss = MultiMarginLoss::new().p(power as u32).margin(0.9).weight(Tensor::from(weights));
        agree("multi_margin", |r| loss.clone().reduction(r).forward(&x, &labels), &expected);
    }
    // The labels of a row end at -1.
    let sets = Variable::new(Tensor::from([[1i64, -1, 0], [2, 0, -1]]));
    let over = |row: [f64; 3], yes: &[usize], no: &[usize]| -> f64 {
        yes.iter().flat_map(|&y| no.iter().map(move |&j| (1.0 - row[y] + row[j]).max(0.0))).sum::<f64>() / 3.0
    };
    let expected = [over(X[0], &[1], &[0, 2]), over(X[1], &[2, 0], &[1])];
    agree("multilabel_margin", |r| MultiLabelMarginLoss::new().reduction(r).forward(&x, &sets), &expected);
    let log_sigmoid = |x: f64| -(-x).exp().ln_1p();
    let each = elementwise(X, Q, |x, q| -(q * log_sigmoid(x) + (1.0 - q) * log_sigmoid(-x)));
    let rows: Vec<f64> = each.chunks(3).map(|row| row.iter().sum::<f64>() / 3.0).collect();
    agree("multilabel_soft_margin", |r| MultiLabelSoftMarginLoss::new().reduction(r).forward(&x, &constant(Q)), &rows);
}

#[test]
fn classes() {
    let x = constant(X);
    let labels = Variable::new(Tensor::from([2i64, 0]));
    let weights = [1.5, 1.0, 0.5];
    let log_softmax = X.map(|row| row.map(|x| x - row.iter().map(|x| x.exp()).sum::<f64>().ln()));
    let smooth = 0.2;
    let expected: Vec<f64> = [(log_softmax[0], 2usize), (log_softmax[1], 0)]
        .iter()
        .map(|&(row, y)| {
            let all: f64 = row.iter().zip(weights).map(|(l, w)| w * l).sum();
            -(1.0 - smooth) * weights[y] * row[y] - smooth / 3.0 * all
        })
        .collect();
    let loss = |r| {
        let loss = CrossEntropyLoss::new().weight(Tensor::from(weights)).label_smoothing(smooth);
        loss.reduction(r).forward(&x, &labels)
    };
    assert_close("cross_entropy", &loss(Reduction::None).to_vec::<f64>(), &expected);
    // The mean is over the weights of the labels.
    let sum: f64 = expected.iter().sum();
    assert_close("cross_entropy", &[loss(Reduction::Sum).item(), loss(Reduction::Mean).item()], &[sum, sum / 2.0]);
    let nll = |r| NllLoss::new().weight(Tensor::from(weights)).reduction(r).forward(&constant(log_softmax), &labels);
    let expected = [-0.5 * log_softmax[0][2], -1.5 * log_softmax[1][0]];
    assert_close("nll_loss", &nll(Reduction::None).to_vec::<f64>(), &expected);
    assert_close("nll_loss", &[nll(Reduction::Mean).item()], &[(expected[0] + expected[1]) / 2.0]);
}

fn norm(values: impl Iterator<Item = f64>, p: f64) -> f64 {
    values.map(|x| x.abs().powf(p)).sum::<f64>().powf(1.0 / p)
}

#[test]
fn embeddings() {
    let (a, b, c) = (constant(X), constant(T), constant(P));
    let dot = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let cosine = |a, b| dot(a, b) / ((dot(a, a) + 1e-12) * (dot(b, b) + 1e-12)).sqrt();
    let target = Variable::new(Tensor::from([1i64, -1]));
    let expected = [1.0 - cosine(X[0], T[0]), (cosine(X[1], T[1]) + 0.5).max(0.0)];
    agree("cosine", |r| CosineEmbeddingLoss::new().margin(-0.5).reduction(r).forward(&a, &b, &target), &expected);
    for (p, swap) in [(1.0, false), (2.0, true), (3.0, true)] {
        let d = |a: [f64; 3], b: [f64; 3]| norm(a.iter().zip(b).map(|(a, b)| a - b + 0.01), p);
        let expected: Vec<f64> = (0..2)
            .map(|i| {
                let far = d(X[i], P[i]);
                (d(X[i], T[i]) - if swap { far.min(d(T[i], P[i])) } else { far } + 2.0).max(0.0)
            })
            .collect();
        let loss = TripletMarginLoss::new().margin(2.0).p(p).eps(0.01).swap(swap);
        agree("triplet", |r| loss.clone().reduction(r).forward(&a, &b, &c), &expected);
        // The same distance as a function of the user's.
        let distance = move |a: &Variable, b: &Variable| pairwise_distance(a, b, p, (0.01, false));
        let loss = TripletMarginWithDistanceLoss::new().distance_function(distance).margin(2.0).swap(swap);
        agree("triplet with distance", |r| loss.clone().reduction(r).forward(&a, &b, &c), &expected);
    }
    let city = |a: &Variable, b: &Variable| (a - b).abs().sum(&[-1], false);
    let got = triplet_margin_with_distance_loss(&a, &b, &c, city).item::<f64>();
    let plain = TripletMarginLoss::new().p(1.0).eps(0.0).forward(&a, &b, &c).item::<f64>();
    assert_close("triplet with distance", &[got], &[plain]);
}
