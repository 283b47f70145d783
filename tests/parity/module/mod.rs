//! Cases of kind `module`: a layer with its options, parameters and buffers, forward, backward and what it changed.

mod build;
mod plain;
mod window;

use std::collections::BTreeMap;
use std::sync::Arc;

use gradus::autograd::Variable;
use gradus::nn::{Forward, Module, StateDict};
use gradus::tensor::DType;

pub(crate) use build::build;

use super::arguments::Arguments;
use super::differentiate::{Inputs, check};
use super::{Case, Outcome, Tensors, compare};

type Run = Box<dyn Fn(&[Variable], &Arguments<'_>) -> Vec<Variable>>;

/// A layer, and how it turns a case's inputs and further arguments of forward into outputs.
pub(crate) struct Layer {
    module: Arc<dyn Module>,
    forward: Option<Arc<dyn Forward>>,
    run: Run,
}

impl Layer {
    /// One input, one output.
    fn plain(layer: impl Forward) -> Layer {
        Layer::special(layer, |layer, inputs, _| vec![layer.call(&inputs[0])])
    }

    /// A layer that a case may run otherwise than a model does.
    fn special<M: Forward>(
        layer: M,
        run: impl Fn(&M, &[Variable], &Arguments<'_>) -> Vec<Variable> + 'static,
    ) -> Layer {
        let layer = Arc::new(layer);
        let forward: Arc<dyn Forward> = layer.clone();
        Layer { module: layer.clone(), forward: Some(forward), run: Box::new(move |x, args| run(&layer, x, args)) }
    }

    /// A layer whose forward takes more than one input.
    fn several<M: Module>(layer: M, run: impl Fn(&M, &[Variable], &Arguments<'_>) -> Vec<Variable> + 'static) -> Layer {
        let layer = Arc::new(layer);
        Layer { module: layer.clone(), forward: None, run: Box::new(move |x, args| run(&layer, x, args)) }
    }

    /// Parameters, buffers and mode.
    pub(crate) fn module(&self) -> &dyn Module {
        self.module.as_ref()
    }

    /// The layer as a part of a model, if it has one input and one output.
    pub(crate) fn forward(&self) -> Option<Arc<dyn Forward>> {
        self.forward.clone()
    }
}

/// Converts a module to `dtype` and gives it the values of a case; names on one side alone are a failure.
pub(crate) fn load<'k>(
    module: &dyn Module,
    dtype: DType,
    entries: impl IntoIterator<Item = (&'k String, &'k Option<String>)>,
    tensors: &Tensors,
) -> Result<(), Outcome> {
    module.to_dtype(dtype);
    let mut dict = StateDict::new();
    for (name, key) in entries {
        if let Some(key) = key {
            dict.insert(name.clone(), tensors.of(key));
        }
    }
    module.load_state_dict(&dict, true).map_err(|fault| Outcome::failed(fault.to_string()))?;
    Ok(())
}

/// Compares the values of a module with those of a case by name.
pub(crate) fn compare_state<'k>(
    case: &Case,
    tensors: &Tensors,
    module: &dyn Module,
    entries: impl IntoIterator<Item = (&'k String, &'k Option<String>)>,
) -> Result<f64, Outcome> {
    let dict = module.state_dict();
    let mut worst = 0.0f64;
    for (name, key) in entries {
        let Some(key) = key else { continue };
        let got = dict.get(name).ok_or_else(|| Outcome::failed(format!("there is no {name} after the call")))?;
        worst = worst.max(compare::close(case, &format!("{name} after the call"), got, &tensors.of(key))?);
    }
    Ok(worst)
}

/// The largest deviation in units of the tolerance.
pub(crate) fn run(case: &Case, tensors: &Tensors) -> Result<f64, Outcome> {
    let layer = build(&case.op, case.args(), tensors)?;
    let (params, buffers) = (case.map("params"), case.map("buffers"));
    load(layer.module(), case.dtype, params.iter().chain(&buffers), tensors)?;
    layer.module().set_training(case.raw["mode"] == "train");

    let inputs = Inputs::new(case, tensors);
    let forward_args = Arguments::new(&case.raw["forward_args"], tensors);
    let outputs = (layer.run)(&inputs.passed, &forward_args);
    forward_args.finish()?;

    // A parameter that is not said to change stays as it was.
    let mut after = params.clone();
    after.extend(case.map("params_after"));
    let changed = compare_state(case, tensors, layer.module(), after.iter().chain(&case.map("buffers_after")))?;
    let variables: BTreeMap<String, Variable> = layer
        .module()
        .named_parameters()
        .into_iter()
        .map(|(name, parameter)| (name, parameter.variable().clone()))
        .collect();
    Ok(changed.max(check(case, tensors, &inputs, &variables, &outputs)?))
}

/// Whether a layer prints as PyTorch's `repr` does.
pub(crate) fn print(case: &Case, tensors: &Tensors) -> Result<f64, Outcome> {
    let printed = build(&case.op, case.args(), tensors)?.module().to_string();
    let expected = case.raw["expected"].as_str().unwrap_or_default();
    if printed == expected { Ok(0.0) } else { Err(Outcome::failed(format!("prints {printed}, expected {expected}"))) }
}
