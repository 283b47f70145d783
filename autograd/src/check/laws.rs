//! The laws that one sample is judged by.

use std::sync::{Mutex, PoisonError};

use tensor::{DType, Generator, MemoryFormat, Tensor, dispatch, parallel};

use super::Report;
use crate::gradcheck::{agreement, dot, gradients, random_like};
use crate::node::OUTPUT_READ;
use crate::{Variable, no_grad};

/// A sample with its op's type erased.
pub(super) struct Case<'a> {
    pub(super) name: &'static str,
    pub(super) description: String,
    pub(super) apply: &'a dyn Fn(&[Variable]) -> Variable,
    pub(super) inputs: &'a [Tensor],
    pub(super) linear: bool,
    pub(super) reference: Option<Tensor>,
    pub(super) f32_tolerance: f64,
    pub(super) keeps_dtype: bool,
}

/// What was seen over all samples.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// Samples with a gradient other than zero.
    pub(super) gradients: usize,
    reads: Option<u64>,
}

impl Observed {
    pub(super) fn is_known(&self) -> bool {
        self.reads.is_some()
    }

    pub(super) fn reads_input(&self, index: usize) -> bool {
        self.reads.unwrap_or(0) >> index & 1 == 1
    }

    pub(super) fn reads_output(&self) -> bool {
        self.reads.unwrap_or(0) & OUTPUT_READ != 0
    }
}

/// Output and gradients (of the float inputs) under a given cotangent.
struct Outcome {
    output: Tensor,
    gradients: Vec<Tensor>,
}

impl Outcome {
    fn tensors(&self) -> impl Iterator<Item = (String, &Tensor)> {
        let gradients = self.gradients.iter().enumerate();
        std::iter::once(("the output".to_owned(), &self.output))
            .chain(gradients.map(|(i, g)| (format!("gradient {i}"), g)))
    }
}

impl Case<'_> {
    fn fail<R>(&self, law: impl std::fmt::Display) -> Result<R, String> {
        let mut text = format!("{}: {law}\n  {}", self.name, self.description);
        for (i, x) in self.inputs.iter().enumerate() {
            text.push_str(&format!("\n  input {i} {x}"));
        }
        Err(text)
    }

    /// Runs the op and its vjp on `inputs`.
    fn run(&self, inputs: &[Tensor], cotangent: Option<&Tensor>, observed: Option<&mut Observed>) -> Outcome {
        let inputs = leaves(inputs);
        let y = (self.apply)(&inputs);
        let output = y.data();
        let cotangent = match cotangent {
            Some(u) => u.to_dtype(output.dtype()),
            None => random_like(&output, &mut Generator::new(5)).to_dtype(output.dtype()),
        };
        let u = [Variable::new(cotangent)];
        let creator = y.node().and_then(|node| node.creator());
        let found = no_grad(|| gradients(&[y], &u, &inputs, false)).iter().map(Variable::data).collect();
        if let (Some(observed), Some(creator)) = (observed, creator)
            && creator.name() == self.name
            && let Some(reads) = creator.reads()
        {
            observed.reads = Some(observed.reads.unwrap_or(0) | reads);
        }
        Outcome { output, gradients: found }
    }
}

/// Judges one sample by all laws.
pub(super) fn judge(case: &Case<'_>, report: &mut Report, observed: &mut Observed) -> Result<(), String> {
    let plain = case.run(case.inputs, None, Some(observed));
    if plain.gradients.iter().any(|g| g.to_vec::<f64>().iter().any(|&x| x != 0.0)) {
        observed.gradients += 1;
    }
    shapes_and_dtypes(case, &plain)?;
    reference(case, &plain, report)?;
    inference(case, &plain)?;
    match agreement(case.name, case.apply, case.inputs) {
        Ok(agreement) => {
            report.worst_first = report.worst_first.max(agreement.first);
            report.worst_second = report.worst_second.max(agreement.second);
            report.dtypes.insert(DType::F64);
        }
        Err(mismatch) => return Err(format!("{mismatch}\n  {}", case.description)),
    }
    observe_recorded(case, observed);
    dot_test(case, report)?;
    layouts(case, report)?;
    threads(case)
}

/// Law 5.
fn shapes_and_dtypes(case: &Case<'_>, plain: &Outcome) -> Result<(), String> {
    let floats = case.inputs.iter().filter(|x| x.dtype().is_float());
    for (i, (x, g)) in floats.zip(&plain.gradients).enumerate() {
        if x.shape() != g.shape() || x.dtype() != g.dtype() {
            let found = format!("{:?} {}", g.shape(), g.dtype());
            return case.fail(format_args!("gradient {i} is {found}, but its input is {:?} {}", x.shape(), x.dtype()));
        }
    }
    Ok(())
}

/// Law 7.
fn reference(case: &Case<'_>, plain: &Outcome, report: &mut Report) -> Result<(), String> {
    let Some(expected) = &case.reference else { return Ok(()) };
    report.reference = true;
    match difference(&plain.output, expected, 1e-10, 1e-13) {
        None => Ok(()),
        Some(difference) => case.fail(format_args!("the output differs from the reference: {difference}")),
    }
}

/// The path without recording gives the same.
fn inference(case: &Case<'_>, plain: &Outcome) -> Result<(), String> {
    let inferred = no_grad(|| (case.apply)(&constants(case.inputs))).data();
    match difference(&inferred, &plain.output, 1e-11, 1e-13) {
        None => Ok(()),
        Some(difference) => case.fail(format_args!("the output differs when nothing is recorded: {difference}")),
    }
}

/// Runs the vjp as for a second derivative, to see what it reads then.
fn observe_recorded(case: &Case<'_>, observed: &mut Observed) {
    let inputs = leaves(case.inputs);
    let y = (case.apply)(&inputs);
    let u = [Variable::new(random_like(&y.data(), &mut Generator::new(5)).to_dtype(y.dtype()))];
    let creator = y.node().and_then(|node| node.creator());
    gradients(&[y], &u, &inputs, true);
    if let Some(creator) = creator
        && creator.name() == case.name
        && let Some(reads) = creator.reads()
    {
        observed.reads = Some(observed.reads.unwrap_or(0) | reads);
    }
}

/// Law 6.
fn dot_test(case: &Case<'_>, report: &mut Report) -> Result<(), String> {
    if !case.linear {
        return Ok(());
    }
    report.linear = true;
    let plain = case.run(case.inputs, None, None);
    let y = random_like(&plain.output, &mut Generator::new(5));
    let left = dot(&plain.output, &y);
    let floats: Vec<&Tensor> = case.inputs.iter().filter(|x| x.dtype().is_float()).collect();
    let right: f64 = floats.iter().zip(&plain.gradients).map(|(x, g)| dot(x, g)).sum();
    let size = |a: &Tensor, b: &Tensor| dot(&a.abs(), &b.abs());
    let scale = size(&plain.output, &y) + floats.iter().zip(&plain.gradients).map(|(x, g)| size(x, g)).sum::<f64>();
    if (left - right).abs() <= 1e-12 * scale || left == right {
        return Ok(());
    }
    case.fail(format_args!("linear, but <Ax, y> = {left:e} and <x, A^T y> = {right:e}"))
}

/// Laws 3 and 4.
fn layouts(case: &Case<'_>, report: &mut Report) -> Result<(), String> {
    for (name, view) in LAYOUTS {
        let views: Option<Vec<Tensor>> = case.inputs.iter().map(view).collect();
        let Some(views) = views else { continue };
        let dense: Vec<Tensor> = views.iter().map(Tensor::contiguous).collect();
        // The cotangent lies in the same way.
        let cotangent = random_like(&(case.apply)(&constants(&dense)).data(), &mut Generator::new(5));
        let Some(cotangent) = view(&cotangent) else { continue };
        let expected = case.run(&dense, Some(&cotangent.contiguous()), None);
        let got = case.run(&views, Some(&cotangent), None);
        compare(case, (&got, &expected), (1e-10, 1e-13), format_args!("{name} inputs"))?;
        // In f32, on numbers that f32 holds exactly.
        let single = cast(&dense, DType::F32);
        let again: Option<Vec<Tensor>> = single.iter().map(view).collect();
        let Some(again) = again else { continue };
        let cotangent = cotangent.to_dtype(DType::F32);
        let expected = case.run(&cast(&single, DType::F64), Some(&cotangent.to_dtype(DType::F64).contiguous()), None);
        let got = case.run(&again, Some(&cotangent), None);
        if case.keeps_dtype && got.output.dtype() != DType::F32 {
            return case.fail(format_args!("f32 inputs give {} results", got.output.dtype()));
        }
        if let Some(g) = got.gradients.iter().find(|g| g.dtype() != DType::F32) {
            return case.fail(format_args!("f32 inputs get {} gradients", g.dtype()));
        }
        let tolerance = (case.f32_tolerance, 1e-2 * case.f32_tolerance);
        compare(case, (&got, &expected), tolerance, format_args!("f32, {name} inputs"))?;
        report.layouts.insert(name);
        report.dtypes.insert(DType::F32);
    }
    Ok(())
}

/// The float tensors among `list` as `dtype`.
fn cast(list: &[Tensor], dtype: DType) -> Vec<Tensor> {
    list.iter().map(|x| if x.dtype().is_float() { x.to_dtype(dtype) } else { x.clone() }).collect()
}

fn constants(list: &[Tensor]) -> Vec<Variable> {
    list.iter().map(|x| Variable::new(x.clone())).collect()
}

fn leaves(list: &[Tensor]) -> Vec<Variable> {
    list.iter()
        .map(|x| if x.dtype().is_float() { Variable::leaf(x.clone()) } else { Variable::new(x.clone()) })
        .collect()
}

fn compare(
    case: &Case<'_>,
    (got, expected): (&Outcome, &Outcome),
    (relative, absolute): (f64, f64),
    circumstance: std::fmt::Arguments<'_>,
) -> Result<(), String> {
    for ((name, got), (_, expected)) in got.tensors().zip(expected.tensors()) {
        if let Some(difference) = difference(got, expected, relative, absolute) {
            return case.fail(format_args!("{name} differs for {circumstance}: {difference}"));
        }
    }
    Ok(())
}

/// Where `got` is further from `expected` than `relative` times the largest expected element, plus `absolute`.
fn difference(got: &Tensor, expected: &Tensor, relative: f64, absolute: f64) -> Option<String> {
    if got.shape() != expected.shape() {
        return Some(format!("shapes {:?} and {:?}", got.shape(), expected.shape()));
    }
    let (a, b) = (got.to_dtype(DType::F64).to_vec::<f64>(), expected.to_dtype(DType::F64).to_vec::<f64>());
    let largest = b.iter().filter(|x| x.is_finite()).fold(0f64, |max, x| max.max(x.abs()));
    let at = a.iter().zip(&b).position(|(&x, &y)| {
        let same = x == y || (x.is_nan() && y.is_nan());
        let within = (x - y).abs() <= absolute + relative * largest;
        !same && !within
    })?;
    Some(format!("{:e} instead of {:e} at element {at} of {:?}", a[at], b[at], got.shape()))
}

type Layout = fn(&Tensor) -> Option<Tensor>;

/// Ways to lay the same values out in memory; expanded changes the values first.
const LAYOUTS: [(&str, Layout); 6] = [
    ("contiguous", |x| Some(x.contiguous())),
    ("permuted", |x| {
        let order: Vec<isize> = (0..x.rank() as isize).rev().collect();
        Some(x.permute(&order).contiguous().permute(&order))
    }),
    ("sliced", |x| {
        // Every second element of a larger tensor along every axis, starting at 1.
        Some((0..x.rank() as isize).fold(x.contiguous(), |x, axis| {
            let padded = Tensor::stack(&[&x.zeros_like(), &x], axis + 1);
            let mut shape = x.shape().to_vec();
            shape[axis as usize] *= 2;
            padded.reshape(shape).slice(axis, Some(1), None, 2)
        }))
    }),
    ("reversed", |x| {
        let all: Vec<isize> = (0..x.rank() as isize).collect();
        if all.is_empty() { Some(x.clone()) } else { Some(x.flip(&all).contiguous().flip(&all)) }
    }),
    ("channels last", |x| Some(x.to_memory_format(MemoryFormat::ChannelsLast))),
    ("expanded", |x| {
        // Integers name positions; repeating one keeps it in range.
        let axis = (0..x.rank()).rev().find(|&axis| x.shape()[axis] > 1);
        Some(match axis {
            Some(axis) => x.narrow(axis as isize, 0, 1).expand(x.shape()),
            None => x.clone(),
        })
    }),
];

/// Law 8.
fn threads(case: &Case<'_>) -> Result<(), String> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let single = cast(case.inputs, DType::F32);
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let _restore = Threads(parallel::num_threads());
    let mut first: Option<Vec<Vec<u64>>> = None;
    for count in [1, 2, 3] {
        parallel::set_num_threads(count);
        let outcome = case.run(&single, None, None);
        let bits: Vec<Vec<u64>> = outcome.tensors().map(|(_, x)| bits(x)).collect();
        match &first {
            None => first = Some(bits),
            Some(first) if *first == bits => {}
            Some(_) => return case.fail(format_args!("1 and {count} threads give different bits")),
        }
    }
    Ok(())
}

struct Threads(usize);

impl Drop for Threads {
    fn drop(&mut self) {
        parallel::set_num_threads(self.0);
    }
}

fn bits(x: &Tensor) -> Vec<u64> {
    dispatch!(all "bits", x.dtype(), T => x.to_vec::<T>().into_iter().map(|x| tensor::Element::to_f64(x).to_bits()).collect())
}
