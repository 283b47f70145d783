//! Every method of `torch.optim` against its documented formula, on one number at a time.

use gradus_nn::optim::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, NAdam, Optimizer, RAdam, RmsProp, Rprop, Sgd, clip_grad_norm_, grad_norm,
};
use gradus_nn::prelude::*;
use tensor::Tensor;

use crate::assert_close;

/// From a weight and its gradient to the next weight.
type Step = Box<dyn FnMut(f64, f64) -> f64>;

const START: [f64; 3] = [1.0, -2.0, 0.5];
const GRADIENTS: [[f64; 3]; 9] = [
    [1.0, -1.0, 0.25],
    [-0.1, 3.0, 0.2],
    [-4.0, 0.5, -0.1],
    [0.0, 0.7, 0.3],
    [0.3, 0.0, 2.0],
    [0.2, -0.4, 1.5],
    [0.25, -0.3, -1.0],
    [1e-3, 2.0, 0.0],
    [-2.0, 0.1, 0.4],
];

/// Nine steps of an optimizer beside as many of a formula, which gets the negated gradient to climb.
#[track_caller]
fn agree<O: Optimizer>(what: &str, maximize: bool, build: impl Fn(&Variable) -> O, formula: impl Fn() -> Step) {
    let w = Variable::leaf(Tensor::from(START));
    let mut optimizer = build(&w);
    let mut steps: Vec<Step> = START.iter().map(|_| formula()).collect();
    let mut values = START;
    for gradient in GRADIENTS {
        w.set_grad(Some(Variable::new(Tensor::from(gradient))));
        optimizer.step();
        for ((value, step), g) in values.iter_mut().zip(&mut steps).zip(gradient) {
            *value = step(*value, if maximize { -g } else { g });
        }
        assert_close(what, &w.to_vec::<f64>(), &values);
    }
}

/// Both ways, with and without weight decay.
fn settings() -> [(bool, f64); 4] {
    [(false, 0.0), (true, 0.0), (false, 0.1), (true, 0.1)]
}

#[test]
fn sgd() {
    for (maximize, decay) in settings() {
        for (momentum, dampening, nesterov) in
            [(0.0, 0.0, false), (0.9, 0.0, false), (0.9, 0.3, false), (0.5, 0.0, true)]
        {
            let build = |w: &Variable| {
                let builder = Sgd::builder(0.1).momentum(momentum).dampening(dampening).nesterov(nesterov);
                builder.weight_decay(decay).maximize(maximize).build([w])
            };
            agree("SGD", maximize, build, || {
                let mut buffer = None;
                Box::new(move |w, g| {
                    let g = g + decay * w;
                    let b = buffer.map_or(g, |b: f64| momentum * b + (1.0 - dampening) * g);
                    buffer = (momentum != 0.0).then_some(b);
                    w - 0.1 * if nesterov { g + momentum * b } else { b }
                })
            });
        }
    }
}

#[test]
fn a_group_of_sgd_may_have_nesterovs_momentum_with_dampening() {
    let (first, second) = (Variable::leaf(Tensor::from([0.0])), Variable::leaf(Tensor::from([1.0])));
    let mut sgd = Sgd::builder(0.1).momentum(0.5).nesterov(true).build([&first]);
    sgd.add_param_group([&second], sgd.options(0).clone().dampening(0.4));
    for _ in 0..2 {
        second.set_grad(Some(Variable::new(Tensor::from([1.0]))));
        sgd.step();
    }
    // The buffer is 1, then 0.5 + 0.6.
    assert_close("SGD", &second.to_vec::<f64>(), &[1.0 - 0.1 * (1.0 + 0.5) - 0.1 * (1.0 + 0.5 * 1.1)]);
}

#[test]
fn adam() {
    let (lr, beta1, beta2, eps) = (0.05, 0.8, 0.95, 1e-3);
    for (maximize, decay) in settings() {
        for (amsgrad, decoupled) in [(false, false), (true, false), (false, true), (true, true)] {
            let formula = || -> Step {
                let (mut t, mut m, mut v, mut most) = (0, 0.0, 0.0, 0.0f64);
                Box::new(move |w, g| {
                    t += 1;
                    let (w, g) = if decoupled { (w - lr * decay * w, g) } else { (w, g + decay * w) };
                    m = beta1 * m + (1.0 - beta1) * g;
                    v = beta2 * v + (1.0 - beta2) * g * g;
                    most = most.max(v);
                    let square = if amsgrad { most } else { v };
                    let denominator = (square / (1.0 - beta2.powi(t))).sqrt() + eps;
                    w - lr * m / (1.0 - beta1.powi(t)) / denominator
                })
            };
            let options = Adam::builder(lr).betas((beta1, beta2)).eps(eps).weight_decay(decay).amsgrad(amsgrad);
            let options = options.maximize(maximize).decoupled_weight_decay(decoupled);
            agree("Adam", maximize, |w| options.clone().build([w]), formula);
            if decoupled {
                let options = AdamW::builder(lr).betas((beta1, beta2)).eps(eps).weight_decay(decay).amsgrad(amsgrad);
                agree("AdamW", maximize, |w| options.clone().maximize(maximize).build([w]), formula);
            }
        }
    }
}

#[test]
fn rmsprop() {
    let (lr, alpha, eps) = (0.02, 0.8, 1e-3);
    for (maximize, decay) in settings() {
        for (momentum, centered) in [(0.0, false), (0.0, true), (0.7, false), (0.7, true)] {
            let build = |w: &Variable| {
                let builder = RmsProp::builder(lr).alpha(alpha).eps(eps).momentum(momentum).centered(centered);
                builder.weight_decay(decay).maximize(maximize).build([w])
            };
            agree("RMSprop", maximize, build, || {
                let (mut square, mut mean, mut buffer) = (0.0, 0.0, 0.0);
                Box::new(move |w, g| {
                    let g = g + decay * w;
                    square = alpha * square + (1.0 - alpha) * g * g;
                    mean = if centered { alpha * mean + (1.0 - alpha) * g } else { 0.0 };
                    buffer = momentum * buffer + g / ((square - mean * mean).sqrt() + eps);
                    w - lr * buffer
                })
            });
        }
    }
}

#[test]
fn adagrad() {
    for (maximize, decay) in settings() {
        for (lr_decay, start) in [(0.0, 0.0), (0.2, 0.5)] {
            let build = |w: &Variable| {
                let builder = Adagrad::builder(0.3).lr_decay(lr_decay).initial_accumulator_value(start).eps(1e-3);
                builder.weight_decay(decay).maximize(maximize).build([w])
            };
            agree("Adagrad", maximize, build, || {
                let (mut t, mut sum) = (0.0, start);
                Box::new(move |w, g| {
                    let g = g + decay * w;
                    sum += g * g;
                    t += 1.0;
                    w - 0.3 / (1.0 + (t - 1.0) * lr_decay) * g / (sum.sqrt() + 1e-3)
                })
            });
        }
    }
}

#[test]
fn adadelta() {
    let (lr, rho, eps) = (0.7, 0.8, 1e-3);
    for (maximize, decay) in settings() {
        let options = Adadelta::builder(lr).rho(rho).eps(eps).weight_decay(decay).maximize(maximize);
        agree(
            "Adadelta",
            maximize,
            |w| options.clone().build([w]),
            || {
                let (mut square, mut moved) = (0.0, 0.0);
                Box::new(move |w, g| {
                    let g = g + decay * w;
                    square = rho * square + (1.0 - rho) * g * g;
                    let step = f64::sqrt((moved + eps) / (square + eps)) * g;
                    moved = rho * moved + (1.0 - rho) * step * step;
                    w - lr * step
                })
            },
        );
    }
}

#[test]
fn adamax() {
    let (lr, beta1, beta2, eps) = (0.05, 0.8, 0.9, 1e-3);
    for (maximize, decay) in settings() {
        let options = Adamax::builder(lr).betas((beta1, beta2)).eps(eps).weight_decay(decay).maximize(maximize);
        agree(
            "Adamax",
            maximize,
            |w| options.clone().build([w]),
            || {
                let (mut t, mut m, mut largest) = (0, 0.0, 0.0f64);
                Box::new(move |w, g| {
                    let g = g + decay * w;
                    t += 1;
                    m = beta1 * m + (1.0 - beta1) * g;
                    largest = (beta2 * largest).max(g.abs() + eps);
                    w - lr / (1.0 - beta1.powi(t)) * m / largest
                })
            },
        );
    }
}

#[test]
fn nadam() {
    let (lr, beta1, beta2, eps, psi) = (0.05, 0.8, 0.9, 1e-3, 0.1);
    for (maximize, decay) in settings() {
        for decoupled in [false, true] {
            let options = NAdam::builder(lr).betas((beta1, beta2)).eps(eps).momentum_decay(psi).weight_decay(decay);
            let options = options.maximize(maximize).decoupled_weight_decay(decoupled);
            agree(
                "NAdam",
                maximize,
                |w| options.clone().build([w]),
                || {
                    let (mut t, mut m, mut v, mut product) = (0, 0.0, 0.0, 1.0);
                    let mu = move |t: i32| beta1 * (1.0 - 0.5 * 0.96f64.powf(f64::from(t) * psi));
                    Box::new(move |w, g| {
                        let (w, g) = if decoupled { (w - lr * decay * w, g) } else { (w, g + decay * w) };
                        t += 1;
                        // PyTorch keeps the product in f32.
                        product = f64::from(product as f32 * mu(t) as f32);
                        m = beta1 * m + (1.0 - beta1) * g;
                        v = beta2 * v + (1.0 - beta2) * g * g;
                        let denominator = f64::sqrt(v / (1.0 - beta2.powi(t))) + eps;
                        let ahead = mu(t + 1) * m / (1.0 - product * mu(t + 1)) + (1.0 - mu(t)) * g / (1.0 - product);
                        w - lr * ahead / denominator
                    })
                },
            );
        }
    }
}

#[test]
fn radam() {
    let (lr, beta1, beta2, eps) = (0.05, 0.8, 0.9, 1e-3);
    for (maximize, decay) in settings() {
        for decoupled in [false, true] {
            let options = RAdam::builder(lr).betas((beta1, beta2)).eps(eps).weight_decay(decay);
            let options = options.maximize(maximize).decoupled_weight_decay(decoupled);
            agree(
                "RAdam",
                maximize,
                |w| options.clone().build([w]),
                || {
                    let (mut t, mut m, mut v) = (0, 0.0, 0.0);
                    let end: f64 = 2.0 / (1.0 - beta2) - 1.0;
                    Box::new(move |w, g| {
                        let (w, g) = if decoupled { (w - lr * decay * w, g) } else { (w, g + decay * w) };
                        t += 1;
                        m = beta1 * m + (1.0 - beta1) * g;
                        v = beta2 * v + (1.0 - beta2) * g * g;
                        let mean = m / (1.0 - beta1.powi(t));
                        let rho = end - 2.0 * f64::from(t) * beta2.powi(t) / (1.0 - beta2.powi(t));
                        if rho <= 5.0 {
                            return w - lr * mean;
                        }
                        let share = (rho - 4.0) * (rho - 2.0) * end / ((end - 4.0) * (end - 2.0) * rho);
                        w - lr * mean * share.sqrt() * (1.0 - beta2.powi(t)).sqrt() / (f64::sqrt(v) + eps)
                    })
                },
            );
        }
    }
}

#[test]
fn rprop() {
    for maximize in [false, true] {
        let options = Rprop::builder(0.1).etas((0.4, 1.5)).step_sizes((0.02, 0.3)).maximize(maximize);
        agree(
            "Rprop",
            maximize,
            |w| options.clone().build([w]),
            || {
                let (mut before, mut size) = (0.0, 0.1f64);
                Box::new(move |w, g| {
                    let agreement: f64 = g * before;
                    let factor = if agreement > 0.0 {
                        1.5
                    } else if agreement < 0.0 {
                        0.4
                    } else {
                        1.0
                    };
                    size = (size * factor).clamp(0.02, 0.3);
                    before = if agreement < 0.0 { 0.0 } else { g };
                    w - if before == 0.0 { 0.0 } else { size * before.signum() }
                })
            },
        );
    }
}

#[test]
fn norms_of_gradients_have_any_order() {
    let params = [[3.0, 0.0], [0.0, 0.0], [-4.0, 1.0]].map(|g| {
        let param = Variable::leaf(Tensor::from([0.0, 0.0]));
        param.set_grad(Some(Variable::new(Tensor::from(g))));
        param
    });
    // PyTorch: torch.nn.utils.get_total_norm; order 0 counts gradients.
    for (order, expected) in [(0.0, 2.0), (1.0, 8.0), (3.0, 92f64.cbrt()), (f64::INFINITY, 4.0)] {
        assert_close("grad_norm", &[grad_norm(&params, order)], &[expected]);
    }
    assert_close("grad_norm", &[grad_norm(&params[2..], -1.0)], &[0.8]);
    assert_close("clip_grad_norm_", &[clip_grad_norm_(&params, 1.0, 0.0)], &[2.0]);
    assert_close("clip_grad_norm_", &params[0].grad().unwrap().to_vec::<f64>(), &[3.0 / (2.0 + 1e-6), 0.0]);
}
