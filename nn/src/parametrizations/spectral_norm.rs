//! Spectral normalisation: a weight whose largest singular value is 1.

use autograd::{Variable, no_grad};
use tensor::{Tensor, with_default_generator};

use super::{Parametrization, Parametrized, Weighted, parametrize};
use crate::module::ModuleState;
use crate::{Buffer, Module, Parameter};

/// `W / sigma`, where `sigma = u^T W v` estimates the largest singular value of `W`, taken as a matrix of one row per
/// output. `u` and `v` come closer to its singular vectors at every use in training mode, by power iteration:
/// `v = W^T u / |W^T u|`, `u = W v / |W v|`; the gradient takes them for constants. In evaluation mode they stay.
///
/// Miyato et al., 2018. PyTorch: `torch.nn.utils.parametrizations.spectral_norm`.
#[derive(Module)]
#[module(name = "_SpectralNorm")]
pub struct SpectralNorm {
    /// The left singular vector; a weight of one axis has none.
    #[module(rename = "_u")]
    left: Option<Buffer>,
    #[module(rename = "_v")]
    right: Option<Buffer>,
    #[module(skip)]
    options: SpectralNormBuilder,
    #[module(skip)]
    axis: usize,
    state: ModuleState,
}

/// `layer` with spectral normalisation: one power iteration per call.
///
/// ```
/// use gradus_nn::parametrizations::spectral_norm;
/// use gradus_nn::prelude::*;
/// use tensor::{DType, Tensor};
///
/// let critic = sequential![spectral_norm(Conv2d::new(1, 8, 3)), ReLU::new()];
/// assert_eq!(critic.call(&Variable::new(Tensor::zeros([2, 1, 8, 8], DType::F32))).shape(), &[2, 8, 6, 6]);
/// let names: Vec<_> = critic.state_dict().names().map(str::to_owned).collect();
/// assert_eq!(names[1..], [
///     "0.parametrizations.weight.original",
///     "0.parametrizations.weight.0._u",
///     "0.parametrizations.weight.0._v",
/// ]);
/// ```
#[track_caller]
pub fn spectral_norm<L: Weighted>(layer: L) -> Parametrized<L, SpectralNorm> {
    SpectralNorm::builder().build(layer)
}

impl SpectralNorm {
    /// For other options.
    pub fn builder() -> SpectralNormBuilder {
        SpectralNormBuilder { n_power_iterations: 1, eps: 1e-12, axis: None }
    }

    /// `[outputs, everything else]`.
    fn matrix(&self, weight: &Variable) -> Variable {
        weight.movedim(&[self.axis as isize], &[0]).flatten(1)
    }

    fn iterate(&self, matrix: &Tensor, times: usize) {
        let (Some(left), Some(right)) = (&self.left, &self.right) else { return };
        for _ in 0..times {
            left.set_data(unit(&matrix.matmul(&right.data()), self.options.eps));
            right.set_data(unit(&matrix.transpose(0, 1).matmul(&left.data()), self.options.eps));
        }
    }
}

/// `x / max(|x|, eps)`.
fn unit(x: &Tensor, eps: f64) -> Tensor {
    no_grad(|| crate::functional::normalize(&Variable::new(x.clone()), 2.0, 0, eps)).data()
}

impl Parametrization for SpectralNorm {
    fn weight(&self, originals: &[Parameter]) -> Variable {
        let weight = originals[0].variable();
        let (Some(left), Some(right)) = (&self.left, &self.right) else {
            return crate::functional::normalize(weight, 2.0, 0, self.options.eps);
        };
        let matrix = self.matrix(weight);
        if self.is_training() {
            self.iterate(&matrix.data(), self.options.n_power_iterations);
        }
        let sigma = (matrix.matmul(&right.variable()) * left.variable()).sum(&[], false);
        weight / sigma
    }
}

/// Options of a [`SpectralNorm`] that is being made.
#[derive(Clone, Debug)]
pub struct SpectralNormBuilder {
    n_power_iterations: usize,
    eps: f64,
    axis: Option<usize>,
}

impl SpectralNormBuilder {
    /// Power iterations per call in training mode; 1 unless set.
    pub fn n_power_iterations(mut self, times: usize) -> Self {
        self.n_power_iterations = times;
        self
    }

    /// Vectors shorter than this are not made longer; `1e-12` unless set.
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// The axis of the weight that counts outputs; the layer's own unless set. PyTorch: `dim`.
    pub fn axis(mut self, axis: usize) -> Self {
        self.axis = Some(axis);
        self
    }

    /// `layer` with spectral normalisation; `u` and `v` are drawn from the default generator and iterated 15 times.
    ///
    /// # Panics
    /// If the weight has no such axis, or there are no power iterations.
    #[track_caller]
    pub fn build<L: Weighted>(self, layer: L) -> Parametrized<L, SpectralNorm> {
        let weight = layer.weight().data();
        let axis = self.axis.unwrap_or_else(|| layer.output_axis());
        if axis >= weight.rank() {
            tensor::fault!("spectral_norm", [weight: weight.shape()], "there is no axis {axis}");
        }
        if self.n_power_iterations == 0 {
            tensor::fault!("spectral_norm", [], "n_power_iterations must be at least 1, got 0");
        }
        let eps = self.eps;
        let draw = |len: usize| Buffer::new(unit(&with_default_generator(|g| g.randn([len], weight.dtype())), eps));
        let has_vectors = weight.rank() > 1;
        let rows = weight.shape()[axis];
        let norm = SpectralNorm {
            left: has_vectors.then(|| draw(rows)),
            right: has_vectors.then(|| draw(weight.len().checked_div(rows).unwrap_or(0))),
            options: self,
            axis,
            state: ModuleState::default(),
        };
        if has_vectors {
            norm.iterate(&norm.matrix(&Variable::new(weight)).data(), 15);
        }
        parametrize(layer, norm)
    }
}
