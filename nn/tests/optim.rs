//! Optimizers through their public face: reports, groups, state, messages, and the same bits for any number of threads.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gradus_nn::optim::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Ema, Lion, NAdam, Optimizer, RAdam, RmsProp, Rprop, Sgd, StepReport,
    clip_grad_norm_, clip_grad_value_, grad_norm,
};
use gradus_nn::prelude::*;
use gradus_nn::schedule::{ReduceLrOnPlateau, Scheduler, SequentialLr, StepLr};
use tensor::{DType, Generator, MemoryFormat, Tensor, parallel};

fn said<R>(f: impl FnOnce() -> R) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).err().expect("it should panic");
    panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "another panic".into())
}

fn leaf(values: &[f64]) -> Variable {
    Variable::leaf(Tensor::from_slice(values, [values.len()]))
}

/// Every method, with its memory.
fn all(params: &[Variable]) -> Vec<Box<dyn Optimizer>> {
    vec![
        Box::new(Sgd::builder(0.05).momentum(0.9).nesterov(true).weight_decay(0.01).build(params)),
        Box::new(Adam::builder(0.05).amsgrad(true).build(params)),
        Box::new(AdamW::new(params, 0.05)),
        Box::new(RmsProp::builder(0.01).momentum(0.5).centered(true).build(params)),
        Box::new(Adagrad::new(params, 0.3)),
        Box::new(Adadelta::new(params, 1.0)),
        Box::new(Adamax::new(params, 0.05)),
        Box::new(NAdam::new(params, 0.05)),
        Box::new(RAdam::new(params, 0.05)),
        Box::new(Rprop::new(params, 0.01)),
        Box::new(Lion::new(params, 0.01)),
    ]
}

#[test]
fn every_method_descends_with_the_same_bits_on_any_number_of_threads() {
    let start = Generator::new(1).randn([3, 40, 13, 31], DType::F32);
    for method in 0..11 {
        let mut seen: Vec<Vec<f32>> = Vec::new();
        for threads in [1, 2, 3] {
            parallel::set_num_threads(threads);
            let w = Variable::leaf(start.clone());
            let mut optimizer = all(std::slice::from_ref(&w)).swap_remove(method);
            let norm = |w: &Variable| w.data().to_dtype(DType::F64).to_vec::<f64>().iter().map(|x| x * x).sum::<f64>();
            let before = norm(&w);
            for step in 0..10 {
                // The gradient of w^2 / 2, in another memory order than the parameter.
                let format = if step % 2 == 0 { MemoryFormat::ChannelsLast } else { MemoryFormat::Contiguous };
                w.set_grad(Some(Variable::new(w.data().to_memory_format(format))));
                assert_eq!(optimizer.step(), StepReport { updated: 1, without_gradient: 0 });
            }
            assert!(norm(&w) < before, "method {method}");
            seen.push(w.to_vec::<f32>());
        }
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "method {method}");
    }
}

#[test]
fn parameters_without_gradient_stay_and_are_counted() {
    let (a, b) = (leaf(&[1.0]), leaf(&[2.0]));
    for mut optimizer in all(&[a.clone(), b.clone()]) {
        a.set_grad(Some(Variable::new(Tensor::from([1.0]))));
        assert_eq!(optimizer.step(), StepReport { updated: 1, without_gradient: 1 });
        assert_eq!(b.to_vec::<f64>(), [2.0]);
        optimizer.zero_grad();
        assert!(a.grad().is_none());
    }
}

#[test]
fn groups_have_options_of_their_own() {
    let (a, b) = (leaf(&[1.0]), leaf(&[1.0]));
    let mut sgd = Sgd::new([&a], 0.1);
    sgd.add_param_group([&b], Sgd::builder(0.5));
    for w in [&a, &b] {
        w.set_grad(Some(Variable::new(Tensor::from([1.0]))));
    }
    sgd.step();
    assert_eq!((a.to_vec::<f64>(), b.to_vec::<f64>()), (vec![0.9], vec![0.5]));
    assert_eq!((sgd.groups(), sgd.lr(1)), (2, 0.5));
}

#[test]
fn a_step_leaves_what_a_graph_saved() {
    let w = leaf(&[3.0]);
    let y = &w * &w;
    w.set_grad(Some(Variable::new(Tensor::from([1.0]))));
    Sgd::new([&w], 1.0).step();
    w.zero_grad();
    y.backward();
    assert_eq!(w.grad().unwrap().to_vec::<f64>(), [6.0]);
}

#[test]
fn faults_are_named() {
    let w = leaf(&[1.0]);
    assert_eq!(said(|| Sgd::new([&w], -1.0)), "SGD: lr must be at least 0, got -1");
    assert_eq!(said(|| Adam::builder(1e-3).betas((1.0, 0.9)).build([&w])), "Adam: beta1 must be in [0, 1), got 1");
    assert_eq!(
        said(|| Sgd::builder(0.1).nesterov(true).build([&w])),
        "SGD: nesterov needs a momentum and no dampening, got momentum 0 and dampening 0"
    );
    assert_eq!(said(|| Sgd::new([&w, &w], 0.1)), "SGD: parameter 1 appears twice (parameter [1])");
    assert_eq!(said(|| Sgd::new(Vec::<Variable>::new(), 0.1)), "SGD: there are no parameters");
    assert_eq!(said(|| Sgd::new([&w * 2.0], 0.1)), "SGD: parameter 0 is the result of an op (parameter [1])");
    let mut sgd = Sgd::new([&w], 0.1);
    assert_eq!(said(|| StepLr::builder(0).build(&mut sgd)), "StepLR: step_size must be at least 1, got 0");
    assert_eq!(
        said(|| SequentialLr::new(&mut sgd, vec![], vec![3])),
        "SequentialLR: 0 schedulers need 0 milestones, got 1"
    );
    assert_eq!(
        said(|| ReduceLrOnPlateau::builder().factor(1.0).build(&sgd)),
        "ReduceLROnPlateau: factor must be below 1, got 1"
    );
}

#[test]
fn states_that_do_not_fit_are_refused_and_change_nothing() {
    let (a, b) = (leaf(&[1.0, 2.0]), leaf(&[1.0]));
    let mut adam = Adam::new([&a], 0.1);
    a.set_grad(Some(Variable::new(Tensor::from([1.0, 1.0]))));
    adam.step();
    let state = adam.state_dict();
    let error = Adam::new([&b], 0.1).load_state_dict(&state).unwrap_err().to_string();
    assert_eq!(error, "exp_avg of parameter 0: expected floats of shape [1], found f64 of shape [2]");
    let error = Adam::new([&a, &b], 0.1).load_state_dict(&state).unwrap_err().to_string();
    assert_eq!(error, "parameters of group 0: expected 2, found 1");
    let mut amsgrad = state.clone();
    amsgrad.param_groups[0].insert("amsgrad".into(), true.into());
    assert_eq!(adam.load_state_dict(&amsgrad).unwrap_err().to_string(), "parameter 0 has no max_exp_avg_sq");
    assert_eq!(adam.state_dict().param_groups, state.param_groups);
    let mut schedule = StepLr::builder(2).build(&mut adam);
    let other = gradus_nn::schedule::ExponentialLr::builder(0.5).build(&mut adam);
    let error = schedule.load_state_dict(&other.state_dict()).unwrap_err().to_string();
    assert_eq!(error, "StepLR: the state is of ExponentialLR");
}

#[test]
fn gradients_are_clipped_together_or_one_by_one() {
    let (a, b) = (leaf(&[0.0, 0.0]), leaf(&[0.0]));
    let set = || {
        a.set_grad(Some(Variable::new(Tensor::from([3.0, 0.0]))));
        b.set_grad(Some(Variable::new(Tensor::from([-4.0]))));
    };
    set();
    assert_eq!(grad_norm([&a, &b], 2.0), 5.0);
    assert_eq!(grad_norm([&a, &b], f64::INFINITY), 4.0);
    assert_eq!(grad_norm([&a, &b], 1.0), 7.0);
    assert_eq!(clip_grad_norm_([&a, &b], 10.0, 2.0), 5.0);
    assert_eq!(a.grad().unwrap().to_vec::<f64>(), [3.0, 0.0]);
    clip_grad_norm_([&a, &b], 1.0, 2.0);
    assert!((grad_norm([&a, &b], 2.0) - 1.0).abs() < 1e-6);
    set();
    clip_grad_value_([&a, &b], 2.0);
    assert_eq!(b.grad().unwrap().to_vec::<f64>(), [-2.0]);
}

#[test]
fn moving_averages_follow_slowly() {
    let w = leaf(&[1.0]);
    let mut ema = Ema::new([&w], 0.9);
    w.set_data(Tensor::from([2.0]));
    ema.update();
    assert!((ema.averages()[0].item::<f64>() - 1.1).abs() < 1e-15);
}

#[test]
fn lion_steps_by_the_sign_of_a_mean() {
    // Chen et al. (2023), algorithm 2; PyTorch has no Lion to compare with.
    let (lr, beta1, beta2, decay) = (0.1, 0.8, 0.5, 0.25);
    let start = [1.0, -2.0, 0.5];
    let gradients = [[1.0, -1.0, 0.0], [-0.1, 3.0, 0.2], [-4.0, 0.5, -0.1]];
    for maximize in [false, true] {
        let w = leaf(&start);
        let mut lion = Lion::builder(lr).betas((beta1, beta2)).weight_decay(decay).maximize(maximize).build([&w]);
        let (mut values, mut means) = (start, [0.0f64; 3]);
        for gradient in gradients {
            w.set_grad(Some(Variable::new(Tensor::from(gradient))));
            lion.step();
            for ((value, mean), g) in values.iter_mut().zip(&mut means).zip(gradient) {
                let g = if maximize { -g } else { g };
                let mixed = beta1 * *mean + (1.0 - beta1) * g;
                let direction = if mixed == 0.0 { 0.0 } else { mixed.signum() };
                *value -= lr * (direction + decay * *value);
                *mean = beta2 * *mean + (1.0 - beta2) * g;
            }
        }
        for (got, expected) in w.to_vec::<f64>().iter().zip(values) {
            assert!((got - expected).abs() < 1e-14, "{got} and {expected}");
        }
    }
}
