//! The rates and momenta that PyTorch 2.15 gives, from rate 0.1 and momentum 0.9, over twelve steps.

use gradus_nn::optim::{Optimizer, Sgd};
use gradus_nn::prelude::*;
use gradus_nn::schedule::{
    Anneal, ChainedScheduler, ConstantLr, CosineAnnealingLr, CosineAnnealingWarmRestarts, CycleMode, CyclicLr,
    ExponentialLr, LambdaLr, LinearLr, MultiStepLr, MultiplicativeLr, OneCycleLr, PolynomialLr, ReduceLrOnPlateau,
    ScaleMode, Scheduler, SequentialLr, StepLr, ThresholdMode,
};
use tensor::Tensor;

use crate::assert_close;

fn sgd() -> Sgd {
    Sgd::builder(0.1).momentum(0.9).build([Variable::leaf(Tensor::from([0.0]))])
}

/// Rates and momenta at once and after each step.
fn run<S: Scheduler>(make: impl FnOnce(&mut dyn Optimizer) -> S) -> (Vec<f64>, Vec<f64>) {
    let mut sgd = sgd();
    let mut schedule = make(&mut sgd);
    let mut seen = vec![(sgd.lr(0), sgd.momentum(0).unwrap_or_default())];
    for _ in 0..12 {
        sgd.step();
        schedule.step(&mut sgd);
        seen.push((sgd.lr(0), sgd.momentum(0).unwrap_or_default()));
    }
    seen.into_iter().unzip()
}

macro_rules! rates {
    ($($name:ident: $make:expr, $rates:expr $(, $momenta:expr)?;)*) => {$(
        #[test]
        fn $name() {
            #[allow(unused_variables)]
            let (rates, momenta) = run($make);
            assert_close("rates", &rates, &$rates);
            $(assert_close("momenta", &momenta, &$momenta);)?
        }
    )*};
}

rates! {
    steps: |o| StepLr::builder(3).gamma(0.5).build(o),
        [0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.0125, 0.0125, 0.0125, 0.00625];
    milestones: |o| MultiStepLr::builder(vec![2, 5, 5]).gamma(0.5).build(o),
        [0.1, 0.1, 0.05, 0.05, 0.05, 0.0125, 0.0125, 0.0125, 0.0125, 0.0125, 0.0125, 0.0125, 0.0125];
    exponential: |o| ExponentialLr::builder(0.9).build(o),
        [0.1, 0.09, 0.081, 0.0729, 0.06561, 0.059049, 0.0531441, 0.04782969, 0.043046721, 0.0387420489, 0.03486784401, 0.031381059609, 0.0282429536481];
    constant: |o| ConstantLr::builder().factor(0.25).total_iters(4).build(o),
        [0.025, 0.025, 0.025, 0.025, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1];
    linear: |o| LinearLr::builder().start_factor(0.2).end_factor(0.8).total_iters(6).build(o),
        [0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.08, 0.08, 0.08, 0.08, 0.08, 0.08];
    polynomial: |o| PolynomialLr::builder().total_iters(8).power(2.0).build(o),
        [0.1, 0.0765625, 0.05625, 0.0390625, 0.025, 0.0140625, 0.00625, 0.0015625, 0.0, 0.0, 0.0, 0.0, 0.0];
    cosine: |o| CosineAnnealingLr::builder(5).eta_min(0.01).build(o),
        [0.1, 0.091405764746873, 0.068905764746873, 0.041094235253127, 0.018594235253127, 0.01, 0.018594235253127, 0.041094235253127, 0.068905764746873, 0.091405764746873, 0.1, 0.091405764746873, 0.068905764746873];
    cosine_with_restarts: |o| CosineAnnealingWarmRestarts::builder(2).t_mult(2).eta_min(0.01).build(o),
        [0.1, 0.055, 0.1, 0.086819805153395, 0.055, 0.023180194846605, 0.1, 0.096574578963008, 0.086819805153395, 0.072220754456429, 0.055, 0.037779245543571, 0.023180194846605];
    triangles: |o| CyclicLr::builder(0.01, 0.2).step_size_up(2).step_size_down(3).mode(CycleMode::Triangular2).build(o),
        [0.01, 0.105, 0.2, 0.136666666666667, 0.073333333333333, 0.01, 0.0575, 0.105, 0.073333333333333, 0.041666666666667, 0.01, 0.03375, 0.0575],
        [0.9, 0.85, 0.8, 0.833333333333333, 0.866666666666667, 0.9, 0.875, 0.85, 0.866666666666667, 0.883333333333333, 0.9, 0.8875, 0.875];
    falling_triangles: |o| CyclicLr::builder(0.01, 0.2).step_size_up(3).mode(CycleMode::ExpRange).gamma(0.9).build(o),
        [0.01, 0.067, 0.1126, 0.14851, 0.093106, 0.0473977, 0.01, 0.040292137, 0.0645258466, 0.08360989291, 0.054165935746, 0.0298746710857, 0.01],
        [0.9, 0.87, 0.846, 0.8271, 0.85626, 0.880317, 0.9, 0.88405677, 0.871302186, 0.8612579511, 0.87675477066, 0.889539646797, 0.9];
    triangles_by_a_function_of_the_cycle: |o| CyclicLr::builder(0.01, 0.2).step_size_up(2).scale_fn(|cycle| 1.0 / (1 + cycle) as f64).build(o),
        [0.01, 0.0575, 0.105, 0.0575, 0.01, 0.041666666666667, 0.073333333333333, 0.041666666666667, 0.01, 0.03375, 0.0575, 0.03375, 0.01],
        [0.9, 0.875, 0.85, 0.875, 0.9, 0.883333333333333, 0.866666666666667, 0.883333333333333, 0.9, 0.8875, 0.875, 0.8875, 0.9];
    triangles_by_a_function_of_the_step: |o| {
        let builder = CyclicLr::builder(0.01, 0.2).step_size_up(2).scale_mode(ScaleMode::Iterations);
        builder.scale_fn(|step| 1.0 / (1 + step) as f64).build(o)
    },
        [0.01, 0.0575, 0.073333333333333, 0.03375, 0.01, 0.025833333333333, 0.037142857142857, 0.021875, 0.01, 0.0195, 0.027272727272727, 0.017916666666667, 0.01],
        [0.9, 0.875, 0.866666666666667, 0.8875, 0.9, 0.891666666666667, 0.885714285714286, 0.89375, 0.9, 0.895, 0.890909090909091, 0.895833333333333, 0.9];
    one_cycle: |o| OneCycleLr::builder(0.5, 13).build(o),
        [0.02, 0.14758197423205, 0.394684895686972, 0.499851035733627, 0.482189131275085, 0.437127938532027, 0.369984889552469, 0.288683178968236, 0.202816789874366, 0.12251835883507, 0.05726347725443, 0.014752527157061, 2e-06],
        [0.95, 0.92342042203499, 0.871940646731881, 0.850029792972446, 0.853562187993735, 0.862574462591445, 0.876003126102011, 0.892263533260486, 0.909436879772646, 0.925496630219507, 0.938547658739749, 0.947049882768119, 0.95];
    one_cycle_in_three_phases: |o| OneCycleLr::builder(0.5, 13).anneal_strategy(Anneal::Linear).three_phase(true).build(o),
        [0.02, 0.18551724137931, 0.351034482758621, 0.483448275862069, 0.317931034482759, 0.152413793103448, 0.019354903225806, 0.016129419354839, 0.012903935483871, 0.009678451612903, 0.006452967741935, 0.003227483870968, 2e-06],
        [0.95, 0.91551724137931, 0.881034482758621, 0.853448275862069, 0.887931034482759, 0.922413793103448, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95];
    a_function: |o| LambdaLr::new(o, |epoch| 1.0 / (1.0 + epoch as f64)),
        [0.1, 0.05, 0.033333333333333, 0.025, 0.02, 0.016666666666667, 0.014285714285714, 0.0125, 0.011111111111111, 0.01, 0.009090909090909, 0.008333333333333, 0.007692307692308];
    factors: |o| MultiplicativeLr::new(o, |epoch| 1.0 - 0.01 * epoch as f64),
        [0.1, 0.099, 0.09702, 0.0941094, 0.090345024, 0.0858277728, 0.080678106432, 0.07503063898176, 0.069028187863219, 0.062815650955529, 0.056534085859977, 0.050315336415379, 0.044277496045534];
    warmup_and_decay: |o| SequentialLr::warmup(o, 0.25, 4, |o| ExponentialLr::builder(0.5).build(o)),
        [0.025, 0.04375, 0.0625, 0.08125, 0.1, 0.05, 0.025, 0.0125, 0.00625, 0.003125, 0.0015625, 0.00078125, 0.000390625];
    two_at_once: |o| {
        let steps = Box::new(StepLr::builder(4).build(o));
        let decay = Box::new(ExponentialLr::builder(0.9).build(o));
        ChainedScheduler::new(o, vec![steps, decay])
    },
        [0.1, 0.09, 0.081, 0.0729, 0.006561, 0.0059049, 0.00531441, 0.004782969, 0.00043046721, 0.000387420489, 0.0003486784401, 0.00031381059609, 2.8242953648e-05];
}

#[test]
fn a_factor_of_0_ends_at_the_base_rate() {
    // PyTorch divides by 0 when the epochs are over.
    let (rates, _) = run(|o| ConstantLr::builder().factor(0.0).total_iters(2).build(o));
    assert_eq!(rates[..4], [0.0, 0.0, 0.1, 0.1]);
}

#[test]
fn plateaus() {
    let metrics = [1.0, 0.95, 0.94, 0.8, 0.79, 0.78, 0.77, 0.76, 0.75, 0.74, 0.5, 0.5];
    for mode in [ThresholdMode::Rel, ThresholdMode::Abs] {
        let mut sgd = sgd();
        let builder = ReduceLrOnPlateau::builder().factor(0.5).patience(1u64).cooldown(1u64).threshold(0.1);
        let mut schedule = builder.threshold_mode(mode).build(&sgd);
        let rates: Vec<f64> = metrics
            .iter()
            .map(|&metric| {
                sgd.step();
                schedule.step(metric, &mut sgd);
                sgd.lr(0)
            })
            .collect();
        let expected = [0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.0125, 0.0125, 0.0125, 0.0125];
        assert_close("rates", &rates, &expected);
    }
}

#[test]
fn a_function_of_the_users_stays_when_a_state_is_restored() {
    let make =
        |o: &mut dyn Optimizer| CyclicLr::builder(0.01, 0.2).step_size_up(2).scale_fn(|c| 0.5 / c as f64).build(o);
    let (mut first, mut second) = (sgd(), sgd());
    let (mut saved, mut restored) = (make(&mut first), make(&mut second));
    (0..3).for_each(|_| saved.step(&mut first));
    restored.load_state_dict(&saved.state_dict()).unwrap();
    (0..4).for_each(|_| {
        [(&mut saved, &mut first), (&mut restored, &mut second)].into_iter().for_each(|(s, o)| s.step(o))
    });
    assert_eq!(first.lr(0), second.lr(0));
    assert_close("rate", &[first.lr(0)], &[0.01 + 0.19 * 0.5 * 0.25]);
}
