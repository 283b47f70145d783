//! [`ParameterDict`]: bare parameters by name.

use std::fmt;
use std::ops::Index;

use super::check_name;
use super::parameter_list::line;
use crate::Parameter;
use crate::module::{Copier, Field, Module, ModuleState, Visitor};

/// Parameters by name, in the order in which they were added. PyTorch: `torch.nn.ParameterDict`.
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::{DType, Tensor};
/// let mut scales = ParameterDict::new();
/// scales.insert("left", Parameter::new(Tensor::ones([3], DType::F32)));
/// assert_eq!(scales["left"].shape(), &[3]);
/// ```
#[derive(Debug, Default)]
pub struct ParameterDict {
    parameters: Vec<(String, Parameter)>,
    state: ModuleState,
}

impl ParameterDict {
    /// No parameters.
    pub fn new() -> ParameterDict {
        ParameterDict::default()
    }

    /// Adds a parameter, or replaces the one of that name in its place.
    ///
    /// # Panics
    /// If the name is empty or contains a dot.
    #[track_caller]
    pub fn insert(&mut self, name: &str, parameter: Parameter) -> Option<Parameter> {
        if let Some(entry) = self.parameters.iter_mut().find(|entry| entry.0 == name) {
            return Some(std::mem::replace(&mut entry.1, parameter));
        }
        check_name("parameter_dict", &self.state, std::iter::empty(), name);
        self.parameters.push((name.to_owned(), parameter));
        None
    }

    /// The parameter of that name.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|entry| entry.0 == name).map(|(_, parameter)| parameter)
    }

    /// Whether there is a parameter of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Takes a parameter out. PyTorch: `ParameterDict.pop`.
    pub fn remove(&mut self, name: &str) -> Option<Parameter> {
        let at = self.parameters.iter().position(|entry| entry.0 == name)?;
        Some(self.parameters.remove(at).1)
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parameters.iter().map(|(name, _)| name.as_str())
    }

    /// The number of parameters.
    pub fn len(&self) -> usize {
        self.parameters.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }

    /// Names and parameters, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.parameters.iter().map(|(name, parameter)| (name.as_str(), parameter))
    }
}

impl Index<&str> for ParameterDict {
    type Output = Parameter;

    #[track_caller]
    fn index(&self, name: &str) -> &Parameter {
        match self.get(name) {
            Some(parameter) => parameter,
            None => tensor::fault!("parameter_dict", [], "there is no parameter named \"{name}\""),
        }
    }
}

impl Module for ParameterDict {
    fn type_name(&self) -> &'static str {
        "ParameterDict"
    }

    fn state(&self) -> &ModuleState {
        &self.state
    }

    fn visit_fields<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        for (name, parameter) in &self.parameters {
            visitor.parameter(name, parameter);
        }
    }

    fn extra_repr(&self) -> String {
        self.iter().map(|(name, parameter)| line(name, parameter)).collect::<Vec<_>>().join("\n")
    }

    fn copy_with(&self, copier: &mut Copier) -> ParameterDict {
        let parameters = self.parameters.iter().map(|(name, p)| (name.clone(), p.copy(copier))).collect();
        ParameterDict { parameters, state: self.state.copy(copier) }
    }
}

impl fmt::Display for ParameterDict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::display(self, f)
    }
}
