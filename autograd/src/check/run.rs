//! Runs the laws over an op's samples, shrinking a failure.

use std::sync::Mutex;

use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use tensor::Tensor;

use super::laws::{self, Case, Observed};
use super::mutation::{self, Mutants};
use super::quiet::catch;
use super::{Check, CheckVariadic, Entry, Report, Sample, VariadicSample};
use crate::Variable;

/// The number of samples per op: `PROPTEST_CASES`, else 32.
pub fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(32)
}

/// A runner with a fixed seed, so that a test fails always or never; `PROPTEST_RNG_SEED` gives others.
fn runner(cases: u32) -> TestRunner {
    let seed = std::env::var("PROPTEST_RNG_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(2);
    TestRunner::new(Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 512,
        ..Config::default()
    })
}

fn describe(sample: &impl std::fmt::Debug, inputs: &[Tensor]) -> String {
    let op = format!("{sample:?}");
    let list: Vec<String> = inputs.iter().map(|x| format!("{:?} {}", x.shape(), x.dtype())).collect();
    format!("{op} on {}", list.join(", "))
}

/// Kinds of ops, [`Check`] and [`CheckVariadic`], told apart by the compiler: `K` is inferred.
#[doc(hidden)]
pub trait Family<K>: Sized + 'static {
    /// The op's name.
    fn name() -> &'static str;
    /// What [`check_op`] does.
    fn check(cases: u32) -> Result<Report, String>;
    /// What [`Entry::mutate`] does.
    fn mutate(cases: u32) -> Mutants;
}

/// Marks ops of `N` inputs.
#[doc(hidden)]
#[derive(Debug)]
pub struct Fixed<const N: usize>;

/// Marks ops of any number of inputs.
#[doc(hidden)]
#[derive(Debug)]
pub struct Variadic;

impl<O: Check<N>, const N: usize> Family<Fixed<N>> for O {
    fn name() -> &'static str {
        O::NAME
    }

    fn check(cases: u32) -> Result<Report, String> {
        let keeps = (0..N).filter(|&i| O::KEEPS.keeps_input(i)).collect();
        run_all(O::NAME, cases, O::samples(), (keeps, O::KEEPS.keeps_output()), |sample: &Sample<O, N>, run| {
            let apply = apply(&sample.op);
            run(&Case {
                name: O::NAME,
                description: describe(&sample.op, &sample.inputs),
                apply: &apply,
                inputs: &sample.inputs,
                linear: O::LINEAR,
                reference: sample.op.reference(sample.inputs.each_ref()),
                f32_tolerance: O::F32_TOLERANCE,
                keeps_dtype: O::KEEPS_DTYPE,
            })
        })
    }

    fn mutate(cases: u32) -> Mutants {
        let mut mutants = Mutants::new(O::NAME);
        for sample in draw(O::samples(), cases) {
            mutation::plant(&mut mutants, &apply(&sample.op), &sample.inputs);
        }
        mutants
    }
}

fn apply<O: Check<N>, const N: usize>(op: &O) -> impl Fn(&[Variable]) -> Variable + use<'_, O, N> {
    |inputs| op.clone().call(std::array::from_fn(|i| &inputs[i]))
}

impl<O: CheckVariadic> Family<Variadic> for O {
    fn name() -> &'static str {
        O::NAME
    }

    fn check(cases: u32) -> Result<Report, String> {
        run_all(O::NAME, cases, O::samples(), (Vec::new(), false), |sample: &VariadicSample<O>, run| {
            let refs: Vec<&Tensor> = sample.inputs.iter().collect();
            run(&Case {
                name: O::NAME,
                description: describe(&sample.op, &sample.inputs),
                apply: &|inputs| sample.op.clone().apply(&inputs.iter().collect::<Vec<_>>()),
                inputs: &sample.inputs,
                linear: O::LINEAR,
                reference: sample.op.reference(&refs),
                f32_tolerance: O::F32_TOLERANCE,
                keeps_dtype: true,
            })
        })
    }

    fn mutate(cases: u32) -> Mutants {
        let mut mutants = Mutants::new(O::NAME);
        for sample in draw(O::samples(), cases) {
            let apply = |inputs: &[Variable]| sample.op.clone().apply(&inputs.iter().collect::<Vec<_>>());
            mutation::plant(&mut mutants, &apply, &sample.inputs);
        }
        mutants
    }
}

/// Checks an op on `cases` samples; `K` is inferred: `check_op::<Mul, _>(32)`.
///
/// # Errors
/// The law that the op breaks, with the smallest sample found that shows it.
pub fn check_op<O: Family<K>, K>(cases: u32) -> Result<Report, String> {
    O::check(cases)
}

/// The entry of an op for a registry; `K` is inferred.
pub fn entry<O: Family<K>, K>() -> Entry {
    Entry { name: O::name(), check: O::check, mutate: O::mutate }
}

/// Panics with the report if the op of `entry` breaks a law on [`cases`] samples.
///
/// # Panics
/// If it does.
#[track_caller]
pub fn assert_entry(entry: Entry) {
    if let Err(report) = entry.check(cases()) {
        panic!("{report}");
    }
}

fn draw<T: std::fmt::Debug>(strategy: BoxedStrategy<T>, cases: u32) -> Vec<T> {
    let mut runner = runner(cases);
    (0..cases).filter_map(|_| strategy.new_tree(&mut runner).ok()).map(|tree| tree.current()).collect()
}

type Judge<'a> = dyn Fn(&Case<'_>) -> Result<(), String> + 'a;

fn run_all<T: std::fmt::Debug>(
    name: &str,
    cases: u32,
    strategy: BoxedStrategy<T>,
    (kept, keeps_output): (Vec<usize>, bool),
    with_case: impl Fn(&T, &Judge<'_>) -> Result<(), String>,
) -> Result<Report, String> {
    let seen = Mutex::new((Report::default(), Observed::default()));
    let judge = |case: &Case<'_>| {
        let mut seen = seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (report, observed) = &mut *seen;
        laws::judge(case, report, observed)
    };
    let outcome = runner(cases).run(&strategy, |sample| {
        catch(|| with_case(&sample, &judge))
            .unwrap_or_else(|panic| Err(format!("{name}: {panic}\n  {sample:?}")))
            .map_err(TestCaseError::fail)
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(reason, _)) => return Err(reason.to_string()),
        Err(TestError::Abort(reason)) => return Err(format!("{name}: samples cannot be drawn: {reason}")),
    }
    let (mut report, observed) = seen.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    report.samples = cases;
    if observed.gradients == 0 {
        return Err(format!("{name}: no sample has a gradient other than zero"));
    }
    if observed.is_known() {
        if let Some(i) = kept.into_iter().find(|&i| !observed.reads_input(i)) {
            return Err(format!("{name}: KEEPS keeps input {i}, which the vjp never reads"));
        }
        if keeps_output && !observed.reads_output() {
            return Err(format!("{name}: KEEPS keeps the output, which the vjp never reads"));
        }
    }
    Ok(report)
}
