//! [`ParameterList`]: bare parameters by position.

use std::fmt;
use std::ops::Index;

use crate::Parameter;
use crate::module::{Copier, Field, Module, ModuleState, Visitor};

/// A list of parameters, named by position. PyTorch: `torch.nn.ParameterList`.
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::{DType, Tensor};
/// let scales: ParameterList = (0..2).map(|_| Parameter::new(Tensor::ones([3], DType::F32))).collect();
/// assert_eq!(scales.named_parameters()[1].0, "1");
/// assert_eq!(scales[1].shape(), &[3]);
/// ```
#[derive(Debug, Default)]
pub struct ParameterList {
    parameters: Vec<Parameter>,
    state: ModuleState,
}

impl ParameterList {
    /// No parameters.
    pub fn new() -> ParameterList {
        ParameterList::default()
    }

    /// Adds a parameter at the end.
    pub fn push(&mut self, parameter: Parameter) {
        self.parameters.push(parameter);
    }

    /// The number of parameters.
    pub fn len(&self) -> usize {
        self.parameters.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }

    /// The parameters, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Parameter> {
        self.parameters.iter()
    }

    fn options_text(&self) -> String {
        self.iter().enumerate().map(|(index, p)| line(&index.to_string(), p)).collect::<Vec<_>>().join("\n")
    }
}

/// `  (0): Parameter containing: [f32 of size 2x3]`, with PyTorch's additional indentation.
pub(super) fn line(name: &str, parameter: &Parameter) -> String {
    let sizes: Vec<String> = parameter.shape().iter().map(usize::to_string).collect();
    format!("  ({name}): Parameter containing: [{} of size {}]", parameter.dtype(), sizes.join("x"))
}

impl Index<usize> for ParameterList {
    type Output = Parameter;

    #[track_caller]
    fn index(&self, index: usize) -> &Parameter {
        match self.parameters.get(index) {
            Some(parameter) => parameter,
            None => tensor::fault!("parameter_list", [], "there is no parameter {index} among {}", self.len()),
        }
    }
}

impl<'a> IntoIterator for &'a ParameterList {
    type Item = &'a Parameter;
    type IntoIter = std::slice::Iter<'a, Parameter>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Extend<Parameter> for ParameterList {
    fn extend<I: IntoIterator<Item = Parameter>>(&mut self, parameters: I) {
        self.parameters.extend(parameters);
    }
}

impl FromIterator<Parameter> for ParameterList {
    fn from_iter<I: IntoIterator<Item = Parameter>>(parameters: I) -> ParameterList {
        ParameterList { parameters: parameters.into_iter().collect(), state: ModuleState::default() }
    }
}

impl Module for ParameterList {
    fn type_name(&self) -> &'static str {
        "ParameterList"
    }

    fn state(&self) -> &ModuleState {
        &self.state
    }

    fn visit_fields<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        for (index, parameter) in self.parameters.iter().enumerate() {
            visitor.parameter(&index.to_string(), parameter);
        }
    }

    fn extra_repr(&self) -> String {
        self.options_text()
    }

    fn copy_with(&self, copier: &mut Copier) -> ParameterList {
        let parameters = self.parameters.iter().map(|parameter| parameter.copy(copier)).collect();
        ParameterList { parameters, state: self.state.copy(copier) }
    }
}

impl fmt::Display for ParameterList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::display(self, f)
    }
}
