//! An optimizer's options and memory as plain data, in PyTorch's form: what checkpoints store.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tensor::{DType, Tensor};

use super::grouped::{GroupedOptimizer, Memory, Method};

/// Options and memory of an optimizer. PyTorch: the dictionary of `Optimizer.state_dict`.
#[derive(Clone, Debug)]
pub struct OptimizerState {
    /// The method's name in PyTorch.
    pub method: String,
    /// By the number of the parameter, then by PyTorch's name (`exp_avg`); parameters without memory are absent.
    pub state: BTreeMap<usize, BTreeMap<String, Tensor>>,
    /// Per group: its options, `initial_lr` where a scheduler set it, and `params`, the numbers of its parameters.
    pub param_groups: Vec<Map<String, Value>>,
}

/// Why a state does not fit an optimizer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptimizerStateError {
    /// The state is another method's.
    #[error("the state is of {found}, the optimizer is {expected}")]
    Method {
        /// The optimizer's method.
        expected: String,
        /// The state's.
        found: String,
    },
    /// The number of groups or parameters differs.
    #[error("{place}: expected {expected}, found {found}")]
    Count {
        /// What was counted, and where.
        place: String,
        /// The optimizer's number.
        expected: usize,
        /// The state's number.
        found: usize,
    },
    /// Options are missing or of another type.
    #[error("group {group}: {reason}")]
    Options {
        /// The group's number.
        group: usize,
        /// What is wrong.
        reason: String,
    },
    /// A tensor is missing.
    #[error("parameter {parameter} has no {name}")]
    Missing {
        /// The parameter's number.
        parameter: usize,
        /// The tensor's name.
        name: String,
    },
    /// A tensor has another shape or dtype.
    #[error("{name} of parameter {parameter}: expected {expected}, found {found}")]
    Mismatch {
        /// The parameter's number.
        parameter: usize,
        /// The tensor's name.
        name: String,
        /// The expected shape.
        expected: String,
        /// The shape found.
        found: String,
    },
}

/// A number as PyTorch stores it, a 0-dimensional f32; f64 where that would lose digits.
fn number(value: f64) -> Tensor {
    if f64::from(value as f32) == value { Tensor::scalar(value as f32) } else { Tensor::scalar(value) }
}

fn names<M: Method>(options: &M) -> Vec<&'static str> {
    let mut names = options.state_names();
    names.extend(M::STORES_STEP.then_some("step"));
    names.extend(M::SCALAR);
    names
}

impl OptimizerState {
    pub(super) fn of<M: Method>(optimizer: &GroupedOptimizer<M>) -> OptimizerState {
        let (mut state, mut param_groups, mut next) = (BTreeMap::new(), Vec::new(), 0);
        for group in &optimizer.groups {
            let mut options = match serde_json::to_value(&group.options) {
                Ok(Value::Object(options)) => options,
                other => unreachable!("options are plain structs: {other:?}"),
            };
            if let Some(lr) = group.initial_lr {
                options.insert("initial_lr".into(), lr.into());
            }
            options.insert("params".into(), (next..next + group.entries.len()).collect());
            param_groups.push(options);
            for (index, entry) in group.entries.iter().enumerate().filter(|(_, entry)| entry.memory.begun) {
                let memory = &entry.memory;
                let mut tensors = BTreeMap::new();
                for (name, tensor) in group.options.state_names().into_iter().zip(&memory.tensors) {
                    tensors.insert(name.to_string(), tensor.clone());
                }
                if M::STORES_STEP {
                    tensors.insert("step".into(), number(memory.step as f64));
                }
                if let Some(name) = M::SCALAR {
                    tensors.insert(name.into(), number(memory.scalar));
                }
                if !tensors.is_empty() {
                    state.insert(next + index, tensors);
                }
            }
            next += group.entries.len();
        }
        OptimizerState { method: M::NAME.into(), state, param_groups }
    }

    pub(super) fn restore<M: Method>(&self, optimizer: &mut GroupedOptimizer<M>) -> Result<(), OptimizerStateError> {
        if self.method != M::NAME {
            return Err(OptimizerStateError::Method { expected: M::NAME.into(), found: self.method.clone() });
        }
        if self.param_groups.len() != optimizer.groups.len() {
            return Err(OptimizerStateError::Count {
                place: "parameter groups".into(),
                expected: optimizer.groups.len(),
                found: self.param_groups.len(),
            });
        }
        let (mut restored, mut next) = (Vec::new(), 0);
        for (number, (group, saved)) in optimizer.groups.iter().zip(&self.param_groups).enumerate() {
            let count = saved.get("params").and_then(Value::as_array).map_or(0, Vec::len);
            if count != group.entries.len() {
                return Err(OptimizerStateError::Count {
                    place: format!("parameters of group {number}"),
                    expected: group.entries.len(),
                    found: count,
                });
            }
            let options: M = serde_json::from_value(Value::Object(saved.clone()))
                .map_err(|error| OptimizerStateError::Options { group: number, reason: error.to_string() })?;
            let mut memories = Vec::new();
            for (index, entry) in group.entries.iter().enumerate() {
                memories.push(self.memory(next + index, &options, entry.param.shape())?);
            }
            next += group.entries.len();
            restored.push((options, saved.get("initial_lr").and_then(Value::as_f64), memories));
        }
        for (group, (options, initial_lr, memories)) in optimizer.groups.iter_mut().zip(restored) {
            group.options = options;
            group.initial_lr = initial_lr;
            for (entry, memory) in group.entries.iter_mut().zip(memories) {
                entry.memory = memory;
            }
        }
        Ok(())
    }

    fn memory<M: Method>(&self, parameter: usize, options: &M, shape: &[usize]) -> Result<Memory, OptimizerStateError> {
        let Some(saved) = self.state.get(&parameter) else { return Ok(Memory::default()) };
        let find = |name: &str, shape: &[usize]| {
            let tensor =
                saved.get(name).ok_or_else(|| OptimizerStateError::Missing { parameter, name: name.to_string() })?;
            if tensor.shape() != shape || !tensor.dtype().is_float() {
                return Err(OptimizerStateError::Mismatch {
                    parameter,
                    name: name.to_string(),
                    expected: format!("floats of shape {shape:?}"),
                    found: format!("{} of shape {:?}", tensor.dtype(), tensor.shape()),
                });
            }
            Ok(tensor.clone())
        };
        let number = |name: &str| Ok(find(name, &[])?.to_dtype(DType::F64).item::<f64>());
        // PyTorch gives a parameter without tensors of its own (SGD without momentum) no entry, or an empty one.
        let begun = names(options).iter().any(|name| saved.contains_key(*name));
        if !begun {
            return Ok(Memory::default());
        }
        let tensors = options.state_names().iter().map(|name| find(name, shape)).collect::<Result<_, _>>()?;
        let step = if M::STORES_STEP { number("step")? as u64 } else { 1 };
        let scalar = M::SCALAR.map_or(Ok(0.0), number)?;
        Ok(Memory { step, scalar, tensors, begun: true })
    }
}
