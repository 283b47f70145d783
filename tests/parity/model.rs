//! Cases of kind `model`: whole networks through some training steps.

use std::sync::Arc;

use gradus::autograd::{Variable, ops};
use gradus::nn;
use gradus::nn::{Copier, Forward, Module, ModuleState, Sequential, Visitor};
use gradus::tensor::Tensor;
use serde_json::{Map, Value};

use super::arguments::{Arguments, number};
use super::case::list;
use super::module::{build, compare_state, load};
use super::optimizer::optimizer;
use super::{Case, Outcome, Tensors, compare, loss};

/// `body(x) + shortcut(x)`, or `+ x` without one.
#[derive(Module)]
struct Residual {
    body: Sequential,
    shortcut: Option<Sequential>,
    state: ModuleState,
}

impl Forward for Residual {
    fn forward(&self, x: &Variable) -> Variable {
        match &self.shortcut {
            Some(shortcut) => &self.body.call(x) + &shortcut.call(x),
            None => &self.body.call(x) + x,
        }
    }
}

/// What all branches give for one input, joined along the channels. The branches are its children by their own names.
struct Concat {
    branches: Sequential,
    state: ModuleState,
}

impl Module for Concat {
    fn type_name(&self) -> &'static str {
        "Concat"
    }

    fn state(&self) -> &ModuleState {
        &self.state
    }

    fn visit_fields<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        self.branches.visit_fields(visitor);
    }

    fn copy_with(&self, copier: &mut Copier) -> Concat {
        Concat { branches: self.branches.copy_with(copier), state: self.state.copy(copier) }
    }
}

impl Forward for Concat {
    fn forward(&self, x: &Variable) -> Variable {
        let parts: Vec<Variable> = self.branches.iter().map(|branch| branch.call(x)).collect();
        ops::cat::cat(&parts.iter().collect::<Vec<_>>(), 1)
    }
}

/// Nodes in a row, each under its name.
fn row(nodes: &Value, tensors: &Tensors) -> Result<Sequential, Outcome> {
    let mut row = Sequential::new();
    for (at, node) in list(nodes).iter().enumerate() {
        let name = node["name"].as_str().map_or_else(|| at.to_string(), str::to_owned);
        row.push_named(name, module(node, tensors)?);
    }
    Ok(row)
}

/// One node: a layer, or an arrangement of layers.
fn module(node: &Value, tensors: &Tensors) -> Result<Arc<dyn Forward>, Outcome> {
    let state = ModuleState::default();
    Ok(match node["op"].as_str().unwrap_or_default() {
        "Sequential" => Arc::new(row(&node["layers"], tensors)?),
        "Residual" => {
            let body = row(&node["body"], tensors)?;
            let has_shortcut = !list(&node["shortcut"]).is_empty();
            let shortcut = has_shortcut.then(|| row(&node["shortcut"], tensors)).transpose()?;
            Arc::new(Residual { body, shortcut, state })
        }
        "Concat" => {
            let mut branches = Sequential::new();
            for branch in list(&node["branches"]) {
                branches.push_named(branch["name"].as_str().unwrap_or_default(), row(&branch["layers"], tensors)?);
            }
            Arc::new(Concat { branches, state })
        }
        op => build(op, &node["args"], tensors)?.forward().ok_or_else(|| Outcome::unsupported(op))?,
    })
}

/// The expected numbers of a field, as a tensor is expected.
fn scalar(case: &Case, what: &str, got: f64, expected: &Value) -> Result<f64, Outcome> {
    let expected = number(expected).ok_or_else(|| Outcome::failed(format!("{what} has no expected value")))?;
    compare::close(case, what, &Tensor::scalar(got), &Tensor::scalar(expected))
}

/// The 2-norm of every parameter's gradient.
fn grad_norms(case: &Case, model: &dyn Module) -> Result<f64, Outcome> {
    let mut worst = 0.0f64;
    let expected = case.raw["grad_norms"].as_object().cloned().unwrap_or_default();
    let parameters = model.named_parameters();
    if parameters.len() != expected.len() {
        return Err(Outcome::failed(format!("{} parameters, expected {}", parameters.len(), expected.len())));
    }
    for (name, parameter) in parameters {
        let grad = parameter.grad().map_or_else(|| parameter.data().zeros_like(), |grad| grad.data());
        let values = grad.to_dtype(gradus::tensor::DType::F64).to_vec::<f64>();
        let norm = values.iter().map(|x| x * x).sum::<f64>().sqrt();
        let value = expected.get(&name).unwrap_or(&Value::Null);
        worst = worst.max(scalar(case, &format!("norm of the gradient of {name}"), norm, value)?);
    }
    Ok(worst)
}

/// The loss of a model's output as the case says.
fn loss_of(case: &Case, tensors: &Tensors, output: &Variable, target: &Variable) -> Result<Variable, Outcome> {
    let op = case.raw["loss"]["op"].as_str().unwrap_or_default();
    let args = Arguments::new(&case.raw["loss"]["args"], tensors);
    let value = loss::loss(op, &args, &[output.clone(), target.clone()]).ok_or_else(|| Outcome::unsupported(op))?;
    args.finish()?;
    Ok(value)
}

/// The largest deviation in units of the tolerance.
pub(crate) fn run(case: &Case, tensors: &Tensors) -> Result<f64, Outcome> {
    let model = row(&case.raw["model"], tensors)?;
    load(&model, case.dtype, &case.map("state"), tensors)?;
    model.train();
    let options = case.raw["optimizer"]["args"].as_object().cloned().unwrap_or_default();
    let parameters = model.parameters().iter().map(|parameter| parameter.variable().clone()).collect();
    let op = case.raw["optimizer"]["op"].as_str().unwrap_or_default();
    let mut optimizer = optimizer(op, &options, &[(parameters, Map::new())])?;

    let constants = |field: &str| -> Vec<Variable> {
        case.keys(field).iter().flatten().map(|key| Variable::new(tensors.of(key))).collect()
    };
    let (inputs, targets, expected) = (constants("inputs"), constants("targets"), constants("outputs"));
    let losses = list(&case.raw["losses"]);
    if [targets.len(), expected.len(), losses.len()] != [inputs.len(); 3] {
        return Err(Outcome::failed("the case has not as many inputs, targets, outputs and losses"));
    }
    let mut worst = 0.0f64;
    for (step, input) in inputs.iter().enumerate() {
        optimizer.zero_grad();
        let output = model.call(input);
        let loss = loss_of(case, tensors, &output, &targets[step])?;
        loss.backward();
        if step == 0 {
            worst = worst.max(grad_norms(case, &model)?);
        }
        optimizer.step();
        let value = loss.data().to_dtype(gradus::tensor::DType::F64).item::<f64>();
        worst = worst.max(scalar(case, &format!("loss {step}"), value, &losses[step])?).max(compare::close(
            case,
            &format!("output {step}"),
            &output.data(),
            &expected[step].data(),
        )?);
    }
    worst = worst.max(compare_state(case, tensors, &model, &case.map("state_after"))?);
    model.eval();
    let key = case.raw["eval_output"].as_str().ok_or_else(|| Outcome::failed("the case has no eval_output"))?;
    Ok(worst.max(compare::close(case, "output in eval mode", &model.call(&inputs[0]).data(), &tensors.of(key))?))
}
