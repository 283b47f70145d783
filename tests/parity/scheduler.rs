//! Cases of kind `scheduler`: the rates of every group after each epoch.

use gradus::autograd::Variable;
use gradus::nn::optim::Optimizer;
use gradus::nn::schedule::{
    Anneal, ChainedScheduler, ConstantLr, CosineAnnealingLr, CosineAnnealingWarmRestarts, CycleMode, CyclicLr,
    ExponentialLr, LinearLr, MultiStepLr, OneCycleLr, PerGroup, PlateauMode, PolynomialLr, ReduceLrOnPlateau,
    Scheduler, SequentialLr, StepLr, ThresholdMode,
};
use gradus::tensor::{DType, Tensor};
use serde_json::{Map, Value, json};

use super::arguments::{Arguments, number};
use super::case::{Tensors, list};
use super::{Case, Outcome, optimizer};

/// What steps once per epoch.
enum Steps {
    Plain(Box<dyn Scheduler>),
    Plateau(Box<ReduceLrOnPlateau>),
}

/// A number for all groups, or one for each.
fn per_group(args: &Arguments<'_>, name: &str, default: f64) -> PerGroup {
    match args.floats(name) {
        None => PerGroup::All(default),
        Some(_) if args.raw(name).is_array() => PerGroup::Each(args.floats(name).unwrap_or_default()),
        Some(values) => PerGroup::All(values[0]),
    }
}

fn plain(op: &str, value: &Value, optimizer: &mut dyn Optimizer) -> Result<Box<dyn Scheduler>, Outcome> {
    let tensors = Tensors::default();
    let args = Arguments::new(value, &tensors);
    let int = |name: &str, default: isize| args.int_or(name, default) as i64;
    let float = |name: &str, default: f64| args.float_or(name, default);
    let scheduler: Box<dyn Scheduler> = match op {
        "StepLR" => Box::new(StepLr::builder(int("step_size", 1)).gamma(float("gamma", 0.1)).build(optimizer)),
        "MultiStepLR" => {
            let milestones = args.ints("milestones").unwrap_or_default().iter().map(|&m| m as i64).collect();
            Box::new(MultiStepLr::builder(milestones).gamma(float("gamma", 0.1)).build(optimizer))
        }
        "ExponentialLR" => Box::new(ExponentialLr::builder(float("gamma", 0.1)).build(optimizer)),
        "LinearLR" => Box::new(
            LinearLr::builder()
                .start_factor(float("start_factor", 1.0 / 3.0))
                .end_factor(float("end_factor", 1.0))
                .total_iters(int("total_iters", 5))
                .build(optimizer),
        ),
        "ConstantLR" => Box::new(
            ConstantLr::builder()
                .factor(float("factor", 1.0 / 3.0))
                .total_iters(int("total_iters", 5))
                .build(optimizer),
        ),
        "PolynomialLR" => Box::new(
            PolynomialLr::builder().total_iters(int("total_iters", 5)).power(float("power", 1.0)).build(optimizer),
        ),
        "CosineAnnealingLR" => {
            Box::new(CosineAnnealingLr::builder(int("T_max", 1)).eta_min(float("eta_min", 0.0)).build(optimizer))
        }
        "CosineAnnealingWarmRestarts" => Box::new(
            CosineAnnealingWarmRestarts::builder(int("T_0", 1))
                .t_mult(int("T_mult", 1))
                .eta_min(float("eta_min", 0.0))
                .build(optimizer),
        ),
        "OneCycleLR" => {
            let total = match args.int("total_steps") {
                Some(total) => total as i64,
                None => int("epochs", 1) * int("steps_per_epoch", 1),
            };
            let linear = args.text("anneal_strategy", "cos") == "linear";
            Box::new(
                OneCycleLr::builder(per_group(&args, "max_lr", 0.1), total)
                    .pct_start(float("pct_start", 0.3))
                    .anneal_strategy(if linear { Anneal::Linear } else { Anneal::Cos })
                    .cycle_momentum(args.flag("cycle_momentum", true))
                    .base_momentum(per_group(&args, "base_momentum", 0.85))
                    .max_momentum(per_group(&args, "max_momentum", 0.95))
                    .div_factor(float("div_factor", 25.0))
                    .final_div_factor(float("final_div_factor", 1e4))
                    .three_phase(args.flag("three_phase", false))
                    .build(optimizer),
            )
        }
        "CyclicLR" => {
            // Only for a scale_fn, which JSON cannot write.
            args.text("scale_mode", "cycle");
            let mode = match args.text("mode", "triangular") {
                "triangular2" => CycleMode::Triangular2,
                "exp_range" => CycleMode::ExpRange,
                _ => CycleMode::Triangular,
            };
            Box::new(
                CyclicLr::builder(per_group(&args, "base_lr", 0.0), per_group(&args, "max_lr", 0.0))
                    .step_size_up(int("step_size_up", 2000))
                    .step_size_down(args.int("step_size_down").map(|size| size as i64))
                    .mode(mode)
                    .gamma(float("gamma", 1.0))
                    .cycle_momentum(args.flag("cycle_momentum", true))
                    .base_momentum(per_group(&args, "base_momentum", 0.8))
                    .max_momentum(per_group(&args, "max_momentum", 0.9))
                    .build(optimizer),
            )
        }
        "SequentialLR" | "ChainedScheduler" => {
            let parts = list(args.raw("schedulers"))
                .iter()
                .map(|part| plain(part["op"].as_str().unwrap_or_default(), &part["args"], optimizer))
                .collect::<Result<Vec<_>, Outcome>>()?;
            if op == "ChainedScheduler" {
                Box::new(ChainedScheduler::new(optimizer, parts))
            } else {
                let milestones = args.ints("milestones").unwrap_or_default().iter().map(|&m| m as i64).collect();
                Box::new(SequentialLr::new(optimizer, parts, milestones))
            }
        }
        _ => return Err(Outcome::unsupported(op)),
    };
    args.finish()?;
    Ok(scheduler)
}

fn plateau(value: &Value, optimizer: &dyn Optimizer) -> Result<ReduceLrOnPlateau, Outcome> {
    let tensors = Tensors::default();
    let args = Arguments::new(value, &tensors);
    let builder = ReduceLrOnPlateau::builder()
        .mode(if args.text("mode", "min") == "max" { PlateauMode::Max } else { PlateauMode::Min })
        .factor(args.float_or("factor", 0.1))
        .patience(args.int_or("patience", 10) as u64)
        .threshold(args.float_or("threshold", 1e-4))
        .threshold_mode(if args.text("threshold_mode", "rel") == "abs" {
            ThresholdMode::Abs
        } else {
            ThresholdMode::Rel
        })
        .cooldown(args.int_or("cooldown", 0) as u64)
        .min_lr(per_group(&args, "min_lr", 0.0))
        .eps(args.float_or("eps", 1e-8));
    args.finish()?;
    Ok(builder.build(optimizer))
}

/// The largest deviation in units of the tolerance.
pub(crate) fn run(case: &Case) -> Result<f64, Outcome> {
    let inner = &case.raw["optimizer"];
    let groups: Vec<(Vec<Variable>, Map<String, Value>)> = list(&case.raw["base_lrs"])
        .iter()
        .map(|lr| {
            let params = vec![Variable::leaf(Tensor::zeros([1], DType::F64))];
            (params, json!({ "lr": lr }).as_object().cloned().unwrap_or_default())
        })
        .collect();
    let options = inner["args"].as_object().cloned().unwrap_or_default();
    let mut optimizer = optimizer::optimizer(inner["op"].as_str().unwrap_or_default(), &options, &groups)?;
    let mut scheduler = if case.op == "ReduceLROnPlateau" {
        Steps::Plateau(Box::new(plateau(case.args(), optimizer.as_ref())?))
    } else {
        Steps::Plain(plain(&case.op, case.args(), optimizer.as_mut())?)
    };
    let (rates, momenta) = (list(&case.raw["lrs"]), list(&case.raw["momenta"]));
    let mut worst = 0.0f64;
    for (epoch, expected) in rates.iter().enumerate() {
        if epoch > 0 {
            optimizer.step();
            match &mut scheduler {
                Steps::Plain(scheduler) => scheduler.step(optimizer.as_mut()),
                Steps::Plateau(scheduler) => {
                    let metric = number(&case.raw["metrics"][epoch - 1]).unwrap_or(f64::NAN);
                    scheduler.step(metric, optimizer.as_mut());
                }
            }
        }
        let mut compare = |what: &str, got: f64, expected: &Value| {
            let expected = number(expected).unwrap_or(f64::NAN);
            let deviation = (got - expected).abs() / (case.atol + case.rtol * expected.abs());
            worst = worst.max(deviation);
            if deviation <= 1.0 {
                return Ok(());
            }
            Err(Outcome::failed(format!("{what} after {epoch} epochs is {got:e}, expected {expected:e}")))
        };
        for group in 0..optimizer.groups() {
            compare("the rate", optimizer.lr(group), &expected[group])?;
            if let Some(momenta) = momenta.get(epoch) {
                compare("the momentum", optimizer.momentum(group).unwrap_or(f64::NAN), &momenta[group])?;
            }
        }
    }
    Ok(worst)
}
