//! State dicts: a model's values by name, in PyTorch's order and under PyTorch's names.

use std::collections::{HashMap, HashSet};
use std::fmt;

use tensor::{DType, Tensor};

use super::Module;
use super::visit::{Members, join};
use crate::{Buffer, Parameter};

/// Tensors by name, in order. PyTorch: the `OrderedDict` of `Module.state_dict`.
///
/// ```
/// use gradus_nn::prelude::*;
/// let mut dict = Linear::new(3, 2).state_dict();
/// assert_eq!(dict.names().collect::<Vec<_>>(), ["weight", "bias"]);
/// dict.rename("bias", "b");
/// assert_eq!(dict["b"].shape(), &[2]);
/// ```
#[derive(Clone, Default)]
pub struct StateDict {
    entries: Vec<(String, Tensor)>,
    index: HashMap<String, usize>,
}

impl StateDict {
    /// No entries.
    pub fn new() -> StateDict {
        StateDict::default()
    }

    /// Adds an entry at the end, or replaces the tensor of that name in its place.
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor) -> Option<Tensor> {
        let name = name.into();
        if let Some(&at) = self.index.get(&name) {
            return Some(std::mem::replace(&mut self.entries[at].1, tensor));
        }
        self.index.insert(name.clone(), self.entries.len());
        self.entries.push((name, tensor));
        None
    }

    /// Takes an entry out.
    pub fn remove(&mut self, name: &str) -> Option<Tensor> {
        let at = self.index.remove(name)?;
        let (_, tensor) = self.entries.remove(at);
        for place in self.index.values_mut().filter(|place| **place > at) {
            *place -= 1;
        }
        Some(tensor)
    }

    /// Gives an entry another name in its place; an entry that had that name is dropped. Returns whether there was one
    /// to rename.
    pub fn rename(&mut self, from: &str, to: &str) -> bool {
        if from == to || !self.index.contains_key(from) {
            return self.index.contains_key(from);
        }
        self.remove(to);
        if let Some(at) = self.index.remove(from) {
            self.entries[at].0 = to.to_owned();
            self.index.insert(to.to_owned(), at);
        }
        true
    }

    /// The tensor of that name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.index.get(name).map(|&at| &self.entries[at].1)
    }

    /// Whether there is an entry of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.index.contains_key(name)
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// The entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.entries.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }
}

impl std::ops::Index<&str> for StateDict {
    type Output = Tensor;

    #[track_caller]
    fn index(&self, name: &str) -> &Tensor {
        match self.get(name) {
            Some(tensor) => tensor,
            None => tensor::fault!("state_dict", [], "there is no entry named \"{name}\""),
        }
    }
}

impl<N: Into<String>> FromIterator<(N, Tensor)> for StateDict {
    fn from_iter<I: IntoIterator<Item = (N, Tensor)>>(entries: I) -> StateDict {
        let mut dict = StateDict::new();
        for (name, tensor) in entries {
            dict.insert(name, tensor);
        }
        dict
    }
}

impl IntoIterator for StateDict {
    type Item = (String, Tensor);
    type IntoIter = std::vec::IntoIter<(String, Tensor)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl fmt::Debug for StateDict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.iter().map(|(name, tensor)| (name, format!("{} {:?}", tensor.dtype(), tensor.shape())));
        f.debug_map().entries(entries).finish()
    }
}

/// Names that a load that was not strict did not match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incompatible {
    /// In the model, but not in the state dict.
    pub missing: Vec<String>,
    /// In the state dict, but not in the model.
    pub unexpected: Vec<String>,
}

/// An entry whose tensor does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The entry.
    pub name: String,
    /// What the model has there.
    pub model: (DType, Vec<usize>),
    /// What the state dict has there.
    pub file: (DType, Vec<usize>),
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mismatch { name, model, file } = self;
        if model.1 != file.1 {
            write!(f, "{name}: model {:?}, file {:?}", model.1, file.1)
        } else {
            write!(f, "{name}: model {}, file {}", model.0, file.0)
        }
    }
}

/// Why a state dict was not loaded: everything that is wrong with it, at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("load_state_dict: {}", describe(.missing, .unexpected, .mismatched))]
pub struct LoadError {
    /// In the model, but not in the state dict.
    pub missing: Vec<String>,
    /// In the state dict, but not in the model.
    pub unexpected: Vec<String>,
    /// In both, but of another shape, or float here and not there.
    pub mismatched: Vec<Mismatch>,
}

fn describe(missing: &[String], unexpected: &[String], mismatched: &[Mismatch]) -> String {
    let mismatched: Vec<String> = mismatched.iter().map(Mismatch::to_string).collect();
    [("missing", missing), ("unexpected", unexpected), ("mismatched", &mismatched)]
        .iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(what, list)| format!("{} {what} ({})", list.len(), list.join(", ")))
        .collect::<Vec<_>>()
        .join(", ")
}

pub(super) fn save(root: &dyn Module) -> StateDict {
    let mut dict = StateDict::new();
    collect(root, "", &mut dict);
    dict
}

/// Own parameters, own persistent buffers, then the modules below; then the module's hooks.
fn collect(module: &dyn Module, path: &str, dict: &mut StateDict) {
    let members = Members::of(module);
    for (name, parameter) in &members.parameters {
        dict.insert(join(path, name), parameter.data());
    }
    for (name, buffer) in members.buffers.iter().filter(|entry| entry.1.is_persistent()) {
        dict.insert(join(path, name), buffer.data());
    }
    for (name, child) in &members.modules {
        collect(*child, &join(path, name), dict);
    }
    if let Some(hooks) = module.state().hooks() {
        for hook in hooks.state_dict.snapshot() {
            hook(module, dict, &prefix(path));
        }
    }
}

fn prefix(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}.") }
}

/// Where a value goes.
enum Target<'a> {
    Parameter(&'a Parameter),
    Buffer(&'a Buffer),
}

impl Target<'_> {
    fn data(&self) -> Tensor {
        match self {
            Target::Parameter(parameter) => parameter.data(),
            Target::Buffer(buffer) => buffer.data(),
        }
    }

    fn set(&self, value: Tensor) {
        match self {
            Target::Parameter(parameter) => parameter.set_data(value),
            Target::Buffer(buffer) => buffer.set_data(value),
        }
    }
}

pub(super) fn load(root: &dyn Module, dict: &StateDict, strict: bool) -> Result<Incompatible, LoadError> {
    let mut dict = dict.clone();
    prepare(root, "", &mut dict);
    let mut targets = Vec::new();
    find(root, "", &mut targets);

    let known: HashSet<&str> = targets.iter().map(|(name, _)| name.as_str()).collect();
    let unexpected: Vec<String> = dict.names().filter(|name| !known.contains(name)).map(str::to_owned).collect();
    let (mut missing, mut mismatched, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for (name, target) in &targets {
        let Some(value) = dict.get(name) else {
            missing.push(name.clone());
            continue;
        };
        let current = target.data();
        if current.shape() != value.shape() || current.dtype().is_float() != value.dtype().is_float() {
            let of = |tensor: &Tensor| (tensor.dtype(), tensor.shape().to_vec());
            mismatched.push(Mismatch { name: name.clone(), model: of(&current), file: of(value) });
            continue;
        }
        values.push((target, value.to_dtype(current.dtype())));
    }
    if !mismatched.is_empty() || strict && !(missing.is_empty() && unexpected.is_empty()) {
        let (missing, unexpected) = if strict { (missing, unexpected) } else { Default::default() };
        return Err(LoadError { missing, unexpected, mismatched });
    }
    for (target, value) in values {
        target.set(value);
    }
    Ok(Incompatible { missing, unexpected })
}

/// Runs the load-state-dict-pre hooks, parents first.
fn prepare(module: &dyn Module, path: &str, dict: &mut StateDict) {
    if let Some(hooks) = module.state().hooks() {
        for hook in hooks.load_state_dict_pre.snapshot() {
            hook(module, dict, &prefix(path));
        }
    }
    for (name, child) in Members::of(module).modules {
        prepare(child, &join(path, &name), dict);
    }
}

fn find<'a>(module: &'a dyn Module, path: &str, targets: &mut Vec<(String, Target<'a>)>) {
    let members = Members::of(module);
    for (name, parameter) in members.parameters {
        targets.push((join(path, &name), Target::Parameter(parameter)));
    }
    for (name, buffer) in members.buffers.into_iter().filter(|entry| entry.1.is_persistent()) {
        targets.push((join(path, &name), Target::Buffer(buffer)));
    }
    for (name, child) in members.modules {
        find(child, &join(path, &name), targets);
    }
}
