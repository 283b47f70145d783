//! Cases of kind `optimizer`: parameter groups, a few steps with given gradients, the memory in the end.

use std::collections::BTreeMap;

use gradus::autograd::Variable;
use gradus::nn::optim::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, GroupedOptimizer, Method, NAdam, Optimizer, RAdam, RmsProp, Rprop, Sgd,
};
use serde_json::{Map, Value};

use super::case::list;
use super::{Case, Outcome, Tensors, compare};

/// Options by PyTorch's names, over the defaults.
type Options<'a> = &'a Map<String, Value>;

/// `defaults` with `options` in their places; names that do not exist are refused.
fn overridden<M: Method>(defaults: &M, options: Options<'_>) -> Result<M, Outcome> {
    let mut fields = serde_json::to_value(defaults).map_err(|e| Outcome::failed(e.to_string()))?;
    for (name, value) in options {
        match fields.get_mut(name) {
            Some(field) => *field = value.clone(),
            // How PyTorch runs its loops, not what comes out of them.
            None if ["foreach", "fused", "capturable", "differentiable"].contains(&name.as_str()) => {}
            None => return Err(Outcome::unsupported(format!("option {name}"))),
        }
    }
    serde_json::from_value(fields).map_err(|e| Outcome::failed(e.to_string()))
}

fn grouped<M: Method>(
    defaults: M,
    common: Options<'_>,
    groups: &[(Vec<Variable>, Map<String, Value>)],
) -> Result<Box<dyn Optimizer>, Outcome>
where
    GroupedOptimizer<M>: Optimizer + 'static,
{
    let base = overridden(&defaults, common)?;
    let mut optimizer: Option<GroupedOptimizer<M>> = None;
    for (params, options) in groups {
        let options = overridden(&base, options)?;
        match &mut optimizer {
            None => {
                // The constructor's options are checked together, a group's only one by one, as in PyTorch.
                let mut first = GroupedOptimizer::of(params.iter().cloned(), base.clone());
                *first.options_mut(0) = options;
                optimizer = Some(first);
            }
            Some(optimizer) => optimizer.add_param_group(params.iter().cloned(), options),
        }
    }
    Ok(Box::new(optimizer.expect("a case has a group")))
}

/// An optimizer of `torch.optim` over groups of parameters with overriding options.
pub(crate) fn optimizer(
    op: &str,
    args: Options<'_>,
    groups: &[(Vec<Variable>, Map<String, Value>)],
) -> Result<Box<dyn Optimizer>, Outcome> {
    match op {
        "SGD" => grouped(Sgd::builder(1e-3), args, groups),
        "Adam" => grouped(Adam::builder(1e-3), args, groups),
        "AdamW" => grouped(AdamW::builder(1e-3), args, groups),
        "RMSprop" => grouped(RmsProp::builder(1e-2), args, groups),
        "Adagrad" => grouped(Adagrad::builder(1e-2), args, groups),
        "Adadelta" => grouped(Adadelta::builder(1.0), args, groups),
        "Adamax" => grouped(Adamax::builder(2e-3), args, groups),
        "NAdam" => grouped(NAdam::builder(2e-3), args, groups),
        "RAdam" => grouped(RAdam::builder(1e-3), args, groups),
        "Rprop" => grouped(Rprop::builder(1e-2), args, groups),
        _ => Err(Outcome::unsupported(op)),
    }
}

fn object(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// The largest deviation in units of the tolerance.
pub(crate) fn run(case: &Case, tensors: &Tensors) -> Result<f64, Outcome> {
    let params: BTreeMap<String, Variable> = case
        .map("params")
        .into_iter()
        .filter_map(|(name, key)| Some((name, Variable::leaf(tensors.of(&key?)))))
        .collect();
    let mut order = vec![];
    let groups: Vec<(Vec<Variable>, Map<String, Value>)> = list(&case.raw["param_groups"])
        .iter()
        .map(|group| {
            let mut options = object(group);
            options.remove("params");
            let names: Vec<&str> = list(&group["params"]).iter().filter_map(Value::as_str).collect();
            order.extend(names.iter().map(|name| (*name).to_owned()));
            (names.iter().map(|name| params[*name].clone()).collect(), options)
        })
        .collect();
    let mut optimizer = optimizer(&case.op, &object(case.args()), &groups)?;
    let mut worst = 0.0f64;
    for (step, (grads, after)) in list(&case.raw["grads"]).iter().zip(list(&case.raw["params_after"])).enumerate() {
        for (name, param) in &params {
            param.set_grad(grads[name].as_str().map(|key| Variable::new(tensors.of(key))));
        }
        optimizer.step();
        for (name, param) in &params {
            if let Some(key) = after[name].as_str() {
                let what = format!("{name} after step {step}");
                worst = worst.max(compare::close(case, &what, &param.data(), &tensors.of(key))?);
            }
        }
    }
    let state = optimizer.state_dict();
    for (name, entries) in case.raw["state_after"].as_object().into_iter().flatten() {
        let index = order.iter().position(|known| known == name).expect("a parameter of a group");
        for (entry, key) in entries.as_object().into_iter().flatten() {
            let Some(key) = key.as_str() else { continue };
            let expected = tensors.of(key);
            let what = format!("{entry} of {name}");
            let Some(got) = state.state.get(&index).and_then(|memory| memory.get(entry)) else {
                return Err(Outcome::failed(format!("there is no {what}")));
            };
            // Counters are numbers whose dtype is nobody's business.
            let got =
                if entry == "step" { got.to_dtype(expected.dtype()).reshape(expected.shape()) } else { got.clone() };
            worst = worst.max(compare::close(case, &what, &got, &expected)?);
        }
    }
    Ok(worst)
}
