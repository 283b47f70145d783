//! Cases of kind `function`: the op's name and arguments become a call of this library.

mod elementwise;
mod indexing;
mod network;
mod reduce;
mod shape;

use std::collections::BTreeMap;

use gradus::autograd::Variable;

use super::arguments::Arguments;
use super::differentiate::{Inputs, check};
use super::{Case, Outcome, Tensors};

/// One call: the op's name, its arguments, and the inputs by keyword.
pub(crate) struct Call<'a> {
    pub(crate) op: &'a str,
    pub(crate) args: Arguments<'a>,
    pub(crate) inputs: &'a [Variable],
    names: Vec<String>,
}

impl Call<'_> {
    /// The first input.
    pub(crate) fn x(&self) -> &Variable {
        &self.inputs[0]
    }

    /// An input by its keyword, if it was given as a tensor.
    pub(crate) fn input(&self, name: &str) -> Option<&Variable> {
        self.names.iter().position(|known| known == name).map(|i| &self.inputs[i])
    }

    /// The second input, or a number in its place.
    pub(crate) fn other(&self, name: &str) -> Result<&Variable, f64> {
        match self.input(name) {
            Some(variable) => Ok(variable),
            None => Err(self.args.float(name).unwrap_or_else(|| panic!("neither tensor nor number {name}"))),
        }
    }

    /// The argument `dim` or `axis` as a list; empty means all.
    pub(crate) fn dims(&self) -> Vec<isize> {
        self.args.ints("dim").unwrap_or_default()
    }
}

/// The largest deviation in units of the tolerance.
pub(crate) fn run(case: &Case, tensors: &Tensors) -> Result<f64, Outcome> {
    let inputs = Inputs::new(case, tensors);
    let names = if case.flag("input_list") { vec![] } else { case.keys("input_names").into_iter().flatten().collect() };
    let call = Call { op: &case.op, args: Arguments::new(case.args(), tensors), inputs: &inputs.passed, names };
    let found = elementwise::call(&call)
        .or_else(|| reduce::call(&call))
        .or_else(|| shape::call(&call))
        .or_else(|| indexing::call(&call))
        .or_else(|| network::call(&call))
        .ok_or_else(|| Outcome::unsupported(case.op.as_str()))?;
    call.args.finish()?;
    check(case, tensors, &inputs, &BTreeMap::new(), &found)
}

/// One result.
pub(crate) fn one(y: Variable) -> Option<Vec<Variable>> {
    Some(vec![y])
}

/// A result that carries no gradient.
pub(crate) fn plain(y: gradus::tensor::Tensor) -> Option<Vec<Variable>> {
    Some(vec![Variable::new(y)])
}
