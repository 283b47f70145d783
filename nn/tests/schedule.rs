//! Every schedule, saved halfway and restored into a fresh one, goes on to the bit; so does every optimizer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use gradus_nn::optim::{Adadelta, Adagrad, Adam, AdamW, Adamax, Lion, NAdam, Optimizer, RAdam, RmsProp, Rprop, Sgd};
use gradus_nn::prelude::*;
use gradus_nn::schedule::{
    ChainedScheduler, ConstantLr, CosineAnnealingLr, CosineAnnealingWarmRestarts, CyclicLr, ExponentialLr, LambdaLr,
    LinearLr, MultiStepLr, MultiplicativeLr, OneCycleLr, PolynomialLr, ReduceLrOnPlateau, Scheduler, SequentialLr,
    StepLr,
};
use tensor::{DType, Generator, Tensor};

fn sgd() -> Sgd {
    let [a, b] = [1.0, 2.0].map(|value| Variable::leaf(Tensor::from([value])));
    let mut sgd = Sgd::builder(0.1).momentum(0.9).build([&a]);
    sgd.add_param_group([&b], Sgd::builder(0.03).momentum(0.8));
    sgd
}

fn fault(f: impl FnOnce()) -> String {
    let fault = catch_unwind(AssertUnwindSafe(f)).expect_err("expected a fault");
    fault.downcast_ref::<String>().cloned().unwrap_or_default()
}

type Make = fn(&mut dyn Optimizer) -> Box<dyn Scheduler>;

const EVERY: &[(&str, Make)] = &[
    ("StepLR", |o| Box::new(StepLr::builder(3).build(o))),
    ("MultiStepLR", |o| Box::new(MultiStepLr::builder(vec![2, 7]).build(o))),
    ("ExponentialLR", |o| Box::new(ExponentialLr::builder(0.9).build(o))),
    ("ConstantLR", |o| Box::new(ConstantLr::builder().total_iters(8).build(o))),
    ("LinearLR", |o| Box::new(LinearLr::builder().total_iters(7).build(o))),
    ("PolynomialLR", |o| Box::new(PolynomialLr::builder().total_iters(9).power(2.0).build(o))),
    ("CosineAnnealingLR", |o| Box::new(CosineAnnealingLr::builder(6).build(o))),
    ("CosineAnnealingWarmRestarts", |o| Box::new(CosineAnnealingWarmRestarts::builder(3).t_mult(2).build(o))),
    ("CyclicLR", |o| Box::new(CyclicLr::builder(0.01, 0.2).step_size_up(3).build(o))),
    ("OneCycleLR", |o| Box::new(OneCycleLr::builder([0.5, 0.2], 12).build(o))),
    ("LambdaLR", |o| Box::new(LambdaLr::new(o, |epoch| 1.0 / (1.0 + epoch as f64)))),
    ("MultiplicativeLR", |o| Box::new(MultiplicativeLr::new(o, |epoch| 1.0 - 0.01 * epoch as f64))),
    ("SequentialLR", |o| Box::new(SequentialLr::warmup(o, 0.25, 6, |o| ExponentialLr::builder(0.5).build(o)))),
    ("ChainedScheduler", |o| {
        let parts: Vec<Box<dyn Scheduler>> =
            vec![Box::new(StepLr::builder(4).build(o)), Box::new(ExponentialLr::builder(0.9).build(o))];
        Box::new(ChainedScheduler::new(o, parts))
    }),
];

fn rates(optimizer: &dyn Optimizer) -> Vec<(f64, Option<f64>)> {
    (0..optimizer.groups()).map(|group| (optimizer.lr(group), optimizer.momentum(group))).collect()
}

#[test]
fn schedules_go_on_where_they_were_saved() {
    for (name, make) in EVERY {
        let mut first = sgd();
        let mut schedule = make(&mut first);
        (0..5).for_each(|_| schedule.step(&mut first));
        // Through text, as a checkpoint keeps it.
        let text = schedule.state_dict().to_string();
        let optimizer_state = first.state_dict();

        let mut second = sgd();
        let mut restored = make(&mut second);
        second.load_state_dict(&optimizer_state).unwrap();
        restored.load_state_dict(&serde_json::from_str(&text).unwrap()).unwrap();
        assert_eq!(restored.last_lr(), schedule.last_lr(), "{name}");
        let mut seen = Vec::new();
        for step in 0..6 {
            schedule.step(&mut first);
            restored.step(&mut second);
            assert_eq!(rates(&first), rates(&second), "{name}, step {step}");
            assert_eq!(schedule.last_lr(), [first.lr(0), first.lr(1)], "{name}");
            seen.push(first.lr(0));
        }
        assert!(seen.iter().any(|&lr| lr != seen[0]), "{name} does nothing: {seen:?}");
        let other = if *name == "StepLR" { 1 } else { 0 };
        let wrong = EVERY[other].1(&mut second).state_dict();
        let before = restored.state_dict();
        let fault = restored.load_state_dict(&wrong).unwrap_err().to_string();
        assert_eq!(fault, format!("{name}: the state is of {}", EVERY[other].0));
        assert_eq!(restored.state_dict(), before);
    }
}

/// The rates and momenta of both groups over some steps.
fn course(make: Make) -> Vec<Vec<(f64, Option<f64>)>> {
    let mut optimizer = sgd();
    let mut schedule = make(&mut optimizer);
    let steps = (0..14).map(|_| {
        let now = rates(&optimizer);
        schedule.step(&mut optimizer);
        now
    });
    steps.collect()
}

#[test]
fn every_group_may_have_numbers_of_its_own() {
    let (cyclic, one_cycle): ([Make; 3], [Make; 3]) = (
        [
            |o| Box::new(CyclicLr::builder([0.01, 0.2], [0.6, 0.3]).step_size_up(4).max_momentum([0.9, 0.7]).build(o)),
            |o| Box::new(CyclicLr::builder(0.01, 0.6).step_size_up(4).max_momentum(0.9).build(o)),
            |o| Box::new(CyclicLr::builder(0.2, 0.3).step_size_up(4).max_momentum(0.7).build(o)),
        ],
        [
            |o| Box::new(OneCycleLr::builder([0.5, 0.2], 14).base_momentum(vec![0.8, 0.6]).build(o)),
            |o| Box::new(OneCycleLr::builder(0.5, 14).base_momentum(0.8).build(o)),
            |o| Box::new(OneCycleLr::builder(0.2, 14).base_momentum(0.6).build(o)),
        ],
    );
    for [both, first, second] in [cyclic, one_cycle] {
        let [both, first, second] = [both, first, second].map(course);
        for step in 0..both.len() {
            assert_eq!(both[step], [first[step][0], second[step][1]], "step {step}");
        }
        assert_ne!(first, second);
    }

    let mut optimizer = sgd();
    let mut lambda = LambdaLr::per_group(
        &mut optimizer,
        vec![Box::new(|epoch| 0.5f64.powi(epoch as i32)), Box::new(|epoch| 1.0 + epoch as f64)],
    );
    lambda.step(&mut optimizer);
    lambda.step(&mut optimizer);
    assert_eq!(lambda.last_lr(), [0.1 * 0.25, 0.03 * 3.0]);
    assert_eq!(
        fault(|| drop(MultiplicativeLr::per_group(&mut sgd(), vec![]))),
        "MultiplicativeLR: 0 functions for 2 parameter groups"
    );

    let mut optimizer = sgd();
    let mut plateau = ReduceLrOnPlateau::builder().patience(0).factor(0.5).min_lr([0.04, 0.001]).build(&optimizer);
    for _ in 0..4 {
        plateau.step(1.0, &mut optimizer);
    }
    assert_eq!(plateau.last_lr(), [0.04, 0.03 / 8.0]);

    assert_eq!(
        fault(|| drop(CyclicLr::builder([0.1], 0.2).build(&mut sgd()))),
        "CyclicLR: base_lr has 1 numbers for 2 parameter groups"
    );
    assert_eq!(
        fault(|| drop(OneCycleLr::builder(0.1, 5).max_momentum([0.9; 3]).build(&mut sgd()))),
        "OneCycleLR: max_momentum has 3 numbers for 2 parameter groups"
    );
    assert_eq!(
        fault(|| drop(ReduceLrOnPlateau::builder().min_lr([0.1; 3]).build(&sgd()))),
        "ReduceLROnPlateau: min_lr has 3 numbers for 2 parameter groups"
    );
}

#[test]
fn a_plateau_is_remembered() {
    let make = |sgd: &Sgd| ReduceLrOnPlateau::builder().patience(1u64).cooldown(1u64).factor(0.5).build(sgd);
    let losses = [1.0, 0.9, 0.95, 0.94, 0.93, 0.99, 0.98, 0.97, 0.96, 0.95, 0.94];
    let mut first = sgd();
    let mut plateau = make(&first);
    losses[..5].iter().for_each(|&loss| plateau.step(loss, &mut first));
    let text = plateau.state_dict().to_string();
    let mut second = sgd();
    second.load_state_dict(&first.state_dict()).unwrap();
    let mut restored = make(&second);
    restored.load_state_dict(&serde_json::from_str(&text).unwrap()).unwrap();
    for &loss in &losses[5..] {
        plateau.step(loss, &mut first);
        restored.step(loss, &mut second);
        assert_eq!(rates(&first), rates(&second));
    }
    assert!(first.lr(0) < 0.03 && restored.best() == Some(0.9), "{} {:?}", first.lr(0), restored.best());
}

/// Every method, with all of its memory in use.
fn every(w: &[Variable]) -> Vec<Box<dyn Optimizer>> {
    vec![
        Box::new(Sgd::builder(0.05).momentum(0.9).weight_decay(0.01).build(w)),
        Box::new(Adam::builder(0.05).amsgrad(true).build(w)),
        Box::new(AdamW::new(w, 0.05)),
        Box::new(RmsProp::builder(0.01).momentum(0.5).centered(true).build(w)),
        Box::new(Adagrad::new(w, 0.3)),
        Box::new(Adadelta::new(w, 1.0)),
        Box::new(Adamax::new(w, 0.05)),
        Box::new(NAdam::new(w, 0.05)),
        Box::new(RAdam::new(w, 0.05)),
        Box::new(Rprop::new(w, 0.01)),
        Box::new(Lion::new(w, 0.01)),
    ]
}

#[test]
fn optimizers_go_on_where_they_were_saved() {
    let mut draws = Generator::new(6);
    let gradients: Vec<Tensor> = (0..12).map(|_| draws.randn([7, 3], DType::F32)).collect();
    let start = draws.randn([7, 3], DType::F32);
    for method in 0..11 {
        let step = |optimizer: &mut dyn Optimizer, w: &Variable, at: usize| {
            w.set_grad(Some(Variable::new(gradients[at].clone())));
            optimizer.step();
        };
        let first = Variable::leaf(start.clone());
        let mut whole = every(std::slice::from_ref(&first)).swap_remove(method);
        (0..6).for_each(|at| step(whole.as_mut(), &first, at));
        let (values, state) = (first.data().deep_clone(), whole.state_dict());

        let second = Variable::leaf(values);
        let mut restored = every(std::slice::from_ref(&second)).swap_remove(method);
        let fresh = Variable::leaf(second.data());
        let mut forgetful = every(std::slice::from_ref(&fresh)).swap_remove(method);
        restored.load_state_dict(&state).unwrap();
        for at in 6..12 {
            step(whole.as_mut(), &first, at);
            step(restored.as_mut(), &second, at);
            step(forgetful.as_mut(), &fresh, at);
        }
        assert_eq!(first.to_vec::<f32>(), second.to_vec::<f32>(), "method {method}");
        assert_ne!(first.to_vec::<f32>(), fresh.to_vec::<f32>(), "method {method} has no memory");
    }
}
