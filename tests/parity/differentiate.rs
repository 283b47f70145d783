//! The part that modules, losses and functions share: inputs through view recipes, outputs, first and second order.

use std::collections::BTreeMap;

use gradus::autograd::{GradOptions, Variable, grad_with};
use gradus::tensor::Tensor;
use serde_json::Value;

use super::case::list;
use super::{Case, Outcome, Tensors, compare};

/// The inputs of a case: the stored leaves, and what is passed after the view recipes.
pub(crate) struct Inputs {
    stored: Vec<Variable>,
    pub(crate) passed: Vec<Variable>,
}

impl Inputs {
    pub(crate) fn new(case: &Case, tensors: &Tensors) -> Inputs {
        let wanted = case.keys("grad_inputs");
        let second = case.keys("grad_grad_v");
        let mut inputs = Inputs { stored: vec![], passed: vec![] };
        for (i, key) in case.keys("inputs").into_iter().flatten().enumerate() {
            let tensor = tensors.of(&key);
            let differentiates =
                wanted.get(i).is_some_and(Option::is_some) || second.get(i).is_some_and(Option::is_some);
            let variable = if differentiates { Variable::leaf(tensor) } else { Variable::new(tensor) };
            inputs.passed.push(list(&case.raw["views"][&key]).iter().fold(variable.clone(), view));
            inputs.stored.push(variable);
        }
        inputs
    }
}

fn view(x: Variable, step: &Value) -> Variable {
    let int = |field: &str| step[field].as_i64().map(|value| value as isize);
    let ints =
        |field: &str| list(&step[field]).iter().filter_map(|v| v.as_i64()).map(|v| v as isize).collect::<Vec<_>>();
    match step["op"].as_str().unwrap_or_default() {
        "permute" => x.permute(ints("dims")),
        "slice" => x.slice(int("dim").unwrap_or(0), int("start"), int("end"), int("step").unwrap_or(1)),
        "select" => x.select(int("dim").unwrap_or(0), int("index").unwrap_or(0)),
        "expand" => {
            let shape = ints("shape");
            let lead = shape.len() - x.rank();
            let shape: Vec<usize> = shape
                .iter()
                .enumerate()
                .map(|(axis, &size)| if size < 0 { x.shape()[axis - lead] } else { size as usize })
                .collect();
            x.expand(shape)
        }
        "log_softmax" => gradus::nn::functional::log_softmax(&x, int("dim").unwrap_or(-1)),
        other => panic!("unknown view {other}"),
    }
}

/// Compares outputs, and where the case has them gradients and second-order gradients, of `params` too.
pub(crate) fn check(
    case: &Case,
    tensors: &Tensors,
    inputs: &Inputs,
    params: &BTreeMap<String, Variable>,
    outputs: &[Variable],
) -> Result<f64, Outcome> {
    let expected: Vec<Tensor> = case.keys("outputs").into_iter().flatten().map(|key| tensors.of(&key)).collect();
    if expected.len() != outputs.len() {
        return Err(Outcome::failed(format!("{} outputs, expected {}", outputs.len(), expected.len())));
    }
    let mut worst = 0.0f64;
    for (i, (output, expected)) in outputs.iter().zip(&expected).enumerate() {
        worst = worst.max(compare::close(case, &format!("output {i}"), &output.data(), expected)?);
    }
    if case.flag("nondiff") {
        return Ok(worst);
    }
    let mut roots = vec![];
    let mut seeds = vec![];
    let seed_keys = case.keys("grad_outputs");
    for (output, key) in outputs.iter().zip(&seed_keys) {
        if let Some(key) = key {
            roots.push(output.clone());
            seeds.push(Variable::leaf(tensors.of(key)));
        }
    }
    let second = !case.raw["grad_grad_v"].is_null();
    let leaves: Vec<(String, Variable)> = leaves(inputs, params);
    let first = gradients(&roots, &seeds, &leaves, second);
    for (i, key) in case.keys("grad_inputs").iter().enumerate() {
        worst = worst.max(compare_gradient(case, tensors, &format!("input {i}"), &first, key.as_deref())?);
    }
    for (name, key) in case.map("grad_params") {
        worst = worst.max(compare_gradient(case, tensors, &name, &first, key.as_deref())?);
    }
    if !second {
        return Ok(worst);
    }
    // s = sum over inputs of <gradient, v>.
    let directions = case.keys("grad_grad_v");
    let s = directions
        .iter()
        .enumerate()
        .filter_map(|(i, key)| {
            let g = first.get(&format!("input {i}"))?.as_ref()?;
            Some((g * &Variable::new(tensors.of(key.as_ref()?))).sum(&[], false))
        })
        .reduce(|a, b| &a + &b);
    let mut all = leaves.clone();
    all.extend(seeds.iter().enumerate().map(|(i, seed)| (format!("grad output {i}"), seed.clone())));
    let again = match s.filter(Variable::requires_grad) {
        Some(s) => gradients(&[s], &[], &all, false),
        None => all.iter().map(|(name, _)| (name.clone(), None)).collect(),
    };
    for (i, key) in case.keys("grad_grad_inputs").iter().enumerate() {
        let name = format!("input {i}");
        worst = worst.max(compare_gradient(case, tensors, &name, &again, key.as_deref()).map_err(second_order)?);
    }
    for (name, key) in case.map("grad_grad_params") {
        worst = worst.max(compare_gradient(case, tensors, &name, &again, key.as_deref()).map_err(second_order)?);
    }
    let mut position = 0;
    for (i, key) in case.keys("grad_grad_grad_outputs").iter().enumerate() {
        if seed_keys.get(i).is_some_and(Option::is_some) {
            let name = format!("grad output {position}");
            position += 1;
            worst = worst.max(compare_gradient(case, tensors, &name, &again, key.as_deref()).map_err(second_order)?);
        }
    }
    Ok(worst)
}

fn second_order(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Failed(text) => Outcome::Failed(format!("second order: {text}")),
        other => other,
    }
}

fn leaves(inputs: &Inputs, params: &BTreeMap<String, Variable>) -> Vec<(String, Variable)> {
    let stored = inputs.stored.iter().enumerate().map(|(i, x)| (format!("input {i}"), x.clone()));
    stored.chain(params.iter().map(|(name, p)| (name.clone(), p.clone()))).filter(|(_, x)| x.requires_grad()).collect()
}

fn gradients(
    roots: &[Variable],
    seeds: &[Variable],
    leaves: &[(String, Variable)],
    create_graph: bool,
) -> BTreeMap<String, Option<Variable>> {
    let options = GradOptions { create_graph, retain_graph: true, allow_unused: true };
    let pairs: Vec<usize> = (0..roots.len()).filter(|&i| roots[i].requires_grad()).collect();
    let roots: Vec<&Variable> = pairs.iter().map(|&i| &roots[i]).collect();
    let seeds: Vec<&Variable> = if seeds.is_empty() { vec![] } else { pairs.iter().map(|&i| &seeds[i]).collect() };
    let variables: Vec<&Variable> = leaves.iter().map(|(_, variable)| variable).collect();
    let found =
        if roots.is_empty() { vec![None; leaves.len()] } else { grad_with(&roots, &seeds, &variables, options) };
    leaves.iter().map(|(name, _)| name.clone()).zip(found).collect()
}

/// A missing gradient counts as zeros, on either side.
fn compare_gradient(
    case: &Case,
    tensors: &Tensors,
    name: &str,
    found: &BTreeMap<String, Option<Variable>>,
    key: Option<&str>,
) -> Result<f64, Outcome> {
    let what = format!("gradient of {name}");
    match (found.get(name).and_then(Option::as_ref), key) {
        (None, None) => Ok(0.0),
        (Some(g), Some(key)) => compare::close(case, &what, &g.data(), &tensors.of(key)),
        (Some(g), None) => compare::close(case, &what, &g.data(), &g.data().zeros_like()),
        (None, Some(key)) => {
            let expected = tensors.of(key);
            compare::close(case, &what, &expected.zeros_like(), &expected)
        }
    }
}
