//! Layers whose weight is computed anew at every call from other parameters: spectral and weight normalisation, and
//! your own [`Parametrization`]s.
//!
//! [`Parametrized`] stands in for the layer: it has the layer's hooks, mode and entries, but under
//! `parametrizations.weight` the parameters and buffers that the weight comes from, named as PyTorch's
//! `torch.nn.utils.parametrizations` names them.

mod spectral_norm;
mod weight_norm;
mod weighted;

use std::fmt;

use autograd::{Variable, no_grad};
use tensor::Tensor;

use crate::module::{Copier, Forward, ModuleState, Visitor};
use crate::{Module, Parameter};

pub use spectral_norm::{SpectralNorm, SpectralNormBuilder, spectral_norm};
pub use weight_norm::{WeightNorm, weight_norm};
pub use weighted::Weighted;

/// How a weight comes from the parameters that are trained in its place.
///
/// PyTorch: a module handed to `torch.nn.utils.parametrize.register_parametrization`.
///
/// ```
/// use gradus_nn::parametrizations::{Parametrization, parametrize};
/// use gradus_nn::prelude::*;
///
/// /// A square weight that equals its own transpose.
/// #[derive(Module)]
/// struct Symmetric {
///     state: ModuleState,
/// }
///
/// impl Parametrization for Symmetric {
///     fn weight(&self, originals: &[Parameter]) -> Variable {
///         (originals[0].variable() + &originals[0].transpose(0, 1)) * 0.5
///     }
/// }
///
/// let layer = parametrize(Linear::new(3, 3), Symmetric { state: ModuleState::default() });
/// let w = layer.weight().data();
/// assert_eq!(w.to_vec::<f32>(), w.transpose(0, 1).to_vec::<f32>());
/// assert_eq!(layer.named_parameters()[1].0, "parametrizations.weight.original");
/// ```
pub trait Parametrization: Module {
    /// The weight that `originals` stand for.
    #[track_caller]
    fn weight(&self, originals: &[Parameter]) -> Variable;

    /// Values of the originals from which `weight` comes back; `weight` itself unless defined otherwise.
    fn right_inverse(&self, weight: &Tensor) -> Vec<Tensor> {
        vec![weight.clone()]
    }
}

/// `layer` with a weight that `parametrization` computes at every call; it starts with the layer's values.
/// PyTorch: `torch.nn.utils.parametrize.register_parametrization(layer, "weight", parametrization)`.
pub fn parametrize<L: Weighted, P: Parametrization>(layer: L, parametrization: P) -> Parametrized<L, P> {
    let weight = layer.weight();
    let mut values = parametrization.right_inverse(&weight.data());
    // An original of the weight's own shape takes over its handle: optimizers may hold it already.
    let own = values.pop_if(|last| last.shape() == weight.shape());
    let mut originals: Vec<Parameter> = values.into_iter().map(Parameter::new).collect();
    for original in &originals {
        original.set_requires_grad(weight.requires_grad());
    }
    if let Some(value) = own {
        weight.set_data(value);
        originals.push(weight.clone());
    }
    let list = ParametrizationList { originals, parametrization, state: ModuleState::default() };
    Parametrized { layer, parametrizations: Parametrizations { weight: list, state: ModuleState::default() } }
}

/// A layer whose weight is computed; made by [`spectral_norm`], [`weight_norm`] and [`parametrize`].
///
/// ```
/// use gradus_nn::parametrizations::weight_norm;
/// use gradus_nn::prelude::*;
/// let layer = weight_norm(Linear::new(20, 40));
/// let names: Vec<String> = layer.named_parameters().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"]);
/// ```
pub struct Parametrized<L, P: Parametrization> {
    layer: L,
    parametrizations: Parametrizations<P>,
}

#[derive(Module)]
#[module(name = "ModuleDict")]
struct Parametrizations<P: Parametrization> {
    weight: ParametrizationList<P>,
    state: ModuleState,
}

struct ParametrizationList<P: Parametrization> {
    originals: Vec<Parameter>,
    parametrization: P,
    state: ModuleState,
}

impl<L: Weighted, P: Parametrization> Parametrized<L, P> {
    /// The weight as a call now sees it. PyTorch: `layer.weight`.
    #[track_caller]
    pub fn weight(&self) -> Variable {
        let list = &self.parametrizations.weight;
        list.parametrization.weight(&list.originals)
    }

    /// The layer inside; its own weight is what the computed one comes from.
    pub fn layer(&self) -> &L {
        &self.layer
    }

    /// How the weight is computed.
    pub fn parametrization(&self) -> &P {
        &self.parametrizations.weight.parametrization
    }

    /// The plain layer, with the weight of now for its own.
    /// PyTorch: `torch.nn.utils.parametrize.remove_parametrizations`.
    ///
    /// ```
    /// use gradus_nn::parametrizations::spectral_norm;
    /// use gradus_nn::prelude::*;
    /// let layer = spectral_norm(Linear::new(3, 2));
    /// layer.eval();
    /// let weight = layer.weight().to_vec::<f32>();
    /// assert_eq!(layer.into_layer().weight.to_vec::<f32>(), weight);
    /// ```
    pub fn into_layer(self) -> L {
        self.layer.weight().set_data(no_grad(|| self.weight()).data());
        self.layer
    }
}

impl<L: Weighted, P: Parametrization> Module for Parametrized<L, P> {
    fn type_name(&self) -> &'static str {
        self.layer.parametrized_name()
    }

    // Hooks, mode and entries are the layer's own: this is that layer, seen with another weight.
    fn state(&self) -> &ModuleState {
        self.layer.state()
    }

    fn visit_fields<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        self.layer.visit_fields(&mut WithoutWeight { weight: self.layer.weight(), visitor });
        visitor.module("parametrizations", &self.parametrizations);
    }

    fn copy_with(&self, copier: &mut Copier) -> Self {
        Parametrized { layer: self.layer.copy_with(copier), parametrizations: self.parametrizations.copy_with(copier) }
    }

    fn extra_repr(&self) -> String {
        self.layer.extra_repr()
    }

    fn multiply_adds(&self, input: &[usize], output: &[usize]) -> u64 {
        self.layer.multiply_adds(input, output)
    }
}

impl<L: Weighted, P: Parametrization> Forward for Parametrized<L, P> {
    fn forward(&self, x: &Variable) -> Variable {
        self.layer.forward_with(x, &self.weight())
    }
}

impl<L: Weighted, P: Parametrization> fmt::Display for Parametrized<L, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::display(self, f)
    }
}

impl<L: Weighted, P: Parametrization> fmt::Debug for Parametrized<L, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::display(self, f)
    }
}

/// Hands on everything but the weight, which appears below `parametrizations`.
struct WithoutWeight<'v, 'a> {
    weight: &'a Parameter,
    visitor: &'v mut dyn Visitor<'a>,
}

impl<'a> Visitor<'a> for WithoutWeight<'_, 'a> {
    fn parameter(&mut self, name: &str, parameter: &'a Parameter) {
        if !parameter.is_same(self.weight) {
            self.visitor.parameter(name, parameter);
        }
    }

    fn buffer(&mut self, name: &str, buffer: &'a crate::Buffer) {
        self.visitor.buffer(name, buffer);
    }

    fn module(&mut self, name: &str, module: &'a dyn Module) {
        self.visitor.module(name, module);
    }
}

impl<P: Parametrization> Module for ParametrizationList<P> {
    fn type_name(&self) -> &'static str {
        "ParametrizationList"
    }

    fn state(&self) -> &ModuleState {
        &self.state
    }

    fn visit_fields<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        match &self.originals[..] {
            [original] => visitor.parameter("original", original),
            several => {
                for (index, original) in several.iter().enumerate() {
                    visitor.parameter(&format!("original{index}"), original);
                }
            }
        }
        visitor.module("0", &self.parametrization);
    }

    fn copy_with(&self, copier: &mut Copier) -> Self {
        ParametrizationList {
            originals: self.originals.iter().map(|original| crate::Field::copy(original, copier)).collect(),
            parametrization: self.parametrization.copy_with(copier),
            state: self.state.copy(copier),
        }
    }
}
