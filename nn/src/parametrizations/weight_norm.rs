//! Weight normalisation: length and direction of a weight as parameters of their own.

use autograd::Variable;
use tensor::Tensor;

use super::{Parametrization, Parametrized, Weighted, parametrize};
use crate::module::{Hooks, ModuleState};
use crate::{Module, Parameter};

/// `g v / |v|`: for every index of one axis, a length `g` and a direction `v`.
///
/// Salimans and Kingma, 2016. PyTorch: `torch.nn.utils.parametrizations.weight_norm`.
#[derive(Module)]
#[module(name = "_WeightNorm")]
pub struct WeightNorm {
    #[module(skip)]
    axis: Option<usize>,
    state: ModuleState,
}

/// `layer` with a length per output (`parametrizations.weight.original0`) and a direction (`original1`) for its
/// weight. Checkpoints that call them `weight_g` and `weight_v`, as older programs did, load too.
///
/// ```
/// use gradus_nn::parametrizations::weight_norm;
/// use gradus_nn::prelude::*;
/// let layer = weight_norm(Linear::new(3, 2));
/// assert_eq!(layer.state_dict()["parametrizations.weight.original0"].shape(), &[2, 1]);
/// ```
#[track_caller]
pub fn weight_norm<L: Weighted>(layer: L) -> Parametrized<L, WeightNorm> {
    WeightNorm::over(Some(0), layer)
}

impl WeightNorm {
    /// `layer` with a length for every index of another axis of its weight, or with one for the whole weight.
    /// PyTorch: `weight_norm(layer, dim=axis)`.
    ///
    /// # Panics
    /// If the weight has no such axis.
    #[track_caller]
    pub fn over<L: Weighted>(axis: Option<usize>, layer: L) -> Parametrized<L, WeightNorm> {
        let weight = layer.weight();
        if axis.is_some_and(|axis| axis >= weight.rank()) {
            tensor::fault!("weight_norm", [weight: weight.shape()], "there is no axis {}", axis.unwrap_or(0));
        }
        let layer = parametrize(layer, WeightNorm { axis, state: ModuleState::default() });
        layer.register_load_state_dict_pre_hook(|_, dict, prefix| {
            let old = ["g", "v"].map(|letter| format!("{prefix}weight_{letter}"));
            if old.iter().all(|name| dict.contains(name)) {
                for (index, name) in old.iter().enumerate() {
                    dict.rename(name, &format!("{prefix}parametrizations.weight.original{index}"));
                }
            }
        });
        layer
    }

    /// The length of every part.
    fn length(&self, v: &Variable) -> Variable {
        let square = v * v;
        let sum = match self.axis {
            None => square.sum(&[], false),
            Some(kept) => {
                let axes: Vec<isize> = (0..v.rank()).filter(|&axis| axis != kept).map(|axis| axis as isize).collect();
                // No axes at all would mean all of them.
                if axes.is_empty() { square } else { square.sum(&axes, true) }
            }
        };
        sum.pow_scalar(0.5)
    }
}

impl Parametrization for WeightNorm {
    fn weight(&self, originals: &[Parameter]) -> Variable {
        let [g, v] = [originals[0].variable(), originals[1].variable()];
        v * &(g / &self.length(v))
    }

    fn right_inverse(&self, weight: &Tensor) -> Vec<Tensor> {
        vec![self.length(&Variable::new(weight.clone())).data(), weight.clone()]
    }
}
