//! The fully connected layer.

use autograd::Variable;
use tensor::DType;

use super::conv::initial;
use crate::module::{Forward, ModuleState};
use crate::ops::linear::linear;
use crate::parametrizations::Weighted;
use crate::{Module, Parameter};

/// An affine map of the last axis: `y = x w^T + b`, `[.., in_features]` to `[.., out_features]`.
///
/// PyTorch: `torch.nn.Linear`, with the same initial distribution.
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::{DType, Tensor};
///
/// let fc = Linear::new(400, 120);
/// assert_eq!(fc.call(&Variable::new(Tensor::zeros([8, 400], DType::F32))).shape(), &[8, 120]);
/// assert_eq!(fc.to_string(), "Linear(in_features=400, out_features=120, bias=True)");
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = options_text, multiply_adds = work)]
pub struct Linear {
    /// `[out_features, in_features]`.
    pub weight: Parameter,
    /// `[out_features]`.
    pub bias: Option<Parameter>,
    state: ModuleState,
}

impl Linear {
    /// With bias.
    #[track_caller]
    pub fn new(in_features: usize, out_features: usize) -> Linear {
        Linear::builder(in_features, out_features).build()
    }

    /// For other options.
    pub fn builder(in_features: usize, out_features: usize) -> LinearBuilder {
        LinearBuilder { features: [in_features, out_features], has_bias: true, dtype: DType::F32 }
    }

    /// Numbers that a vector has before.
    pub fn in_features(&self) -> usize {
        self.weight.shape()[1]
    }

    /// Numbers that a vector has after.
    pub fn out_features(&self) -> usize {
        self.weight.shape()[0]
    }

    fn options_text(&self) -> String {
        let bias = if self.bias.is_some() { "True" } else { "False" };
        format!("in_features={}, out_features={}, bias={bias}", self.in_features(), self.out_features())
    }

    fn work(&self, _: &[usize], output: &[usize]) -> u64 {
        output.iter().product::<usize>() as u64 * self.in_features() as u64
    }
}

impl Forward for Linear {
    fn forward(&self, x: &Variable) -> Variable {
        self.forward_with(x, &self.weight)
    }
}

impl Weighted for Linear {
    fn weight(&self) -> &Parameter {
        &self.weight
    }

    fn forward_with(&self, x: &Variable, weight: &Variable) -> Variable {
        linear(x, weight, self.bias.as_ref().map(Parameter::variable))
    }

    fn parametrized_name(&self) -> &'static str {
        "ParametrizedLinear"
    }
}

/// Options of a [`Linear`] that is being made.
#[derive(Clone, Debug)]
pub struct LinearBuilder {
    features: [usize; 2],
    has_bias: bool,
    dtype: DType,
}

impl LinearBuilder {
    /// Whether a bias is added; it is unless set.
    pub fn bias(mut self, has_bias: bool) -> Self {
        self.has_bias = has_bias;
        self
    }

    /// The parameters' dtype; `f32` unless set.
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.dtype = dtype;
        self
    }

    /// The layer, with weights drawn from the default generator.
    #[track_caller]
    pub fn build(self) -> Linear {
        let [inputs, outputs] = self.features;
        let (weight, bias) = initial(&[outputs, inputs], outputs, self.has_bias, self.dtype);
        Linear { weight, bias, state: ModuleState::default() }
    }
}
