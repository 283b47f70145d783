//! Normalisation without running statistics.

use autograd::Variable;
use tensor::{DType, Tensor};

use super::text::{flag, float, tuple};
use crate::module::{Forward, ModuleState};
use crate::ops::batch_norm::Affine;
use crate::ops::group_norm;
use crate::ops::norm::{self, LocalResponse};
use crate::{Module, Parameter};

fn ones(shape: &[usize]) -> Parameter {
    Parameter::new(Tensor::ones(shape, DType::F32))
}

fn zeros(shape: &[usize]) -> Parameter {
    Parameter::new(Tensor::zeros(shape, DType::F32))
}

fn affine<'a>(weight: &'a Option<Parameter>, bias: &'a Option<Parameter>) -> Affine<'a> {
    Affine { weight: weight.as_ref().map(Parameter::variable), bias: bias.as_ref().map(Parameter::variable) }
}

/// Groups of channels of every image normalised (Wu and He, 2018). PyTorch: `torch.nn.GroupNorm`.
///
/// ```
/// use gradus_nn::layers::GroupNorm;
/// use gradus_nn::prelude::*;
/// use tensor::{DType, Tensor};
/// let x = Variable::new(Tensor::randn([2, 6, 5, 5], DType::F32));
/// assert_eq!(GroupNorm::new(3, 6).call(&x).shape(), &[2, 6, 5, 5]);
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = options_text)]
pub struct GroupNorm {
    /// The factor per channel.
    pub weight: Option<Parameter>,
    /// The offset per channel.
    pub bias: Option<Parameter>,
    #[module(skip)]
    sizes: [usize; 2],
    #[module(skip)]
    eps: f64,
    state: ModuleState,
}

impl GroupNorm {
    /// `num_groups` groups of `num_channels` channels, `eps` 1e-5, with factors and offsets.
    ///
    /// # Panics
    /// If the channels do not divide into as many groups.
    #[track_caller]
    pub fn new(num_groups: usize, num_channels: usize) -> GroupNorm {
        GroupNorm::with_options(num_groups, num_channels, 1e-5, true, true)
    }

    /// With all options: what is added to the variance, whether factors are learned, and whether offsets are as well.
    ///
    /// # Panics
    /// If the channels do not divide into as many groups.
    #[track_caller]
    pub fn with_options(
        num_groups: usize,
        num_channels: usize,
        eps: f64,
        has_affine: bool,
        has_bias: bool,
    ) -> GroupNorm {
        if num_groups == 0 || !num_channels.is_multiple_of(num_groups) {
            tensor::fault!("group_norm", [], "{num_channels} channels do not divide into {num_groups} groups");
        }
        let weight = has_affine.then(|| ones(&[num_channels]));
        let bias = (has_affine && has_bias).then(|| zeros(&[num_channels]));
        GroupNorm { weight, bias, sizes: [num_groups, num_channels], eps, state: ModuleState::default() }
    }

    fn options_text(&self) -> String {
        let [groups, channels] = self.sizes;
        let (affine, bias) = (flag(self.weight.is_some()), flag(self.bias.is_some()));
        format!("{groups}, {channels}, eps={}, affine={affine}, bias={bias}", float(self.eps))
    }
}

impl Forward for GroupNorm {
    fn forward(&self, x: &Variable) -> Variable {
        let [groups, channels] = self.sizes;
        if x.rank() < 2 || x.shape()[1] != channels {
            tensor::fault!("group_norm", [input: x.shape()], "expected {channels} channels");
        }
        group_norm::group_norm(x, groups, affine(&self.weight, &self.bias), self.eps)
    }
}

/// The last axes normalised together (Ba et al., 2016). PyTorch: `torch.nn.LayerNorm`.
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([[1.0f32, 3.0], [-4.0, 4.0]]));
/// let y = LayerNorm::new([2]).call(&x).to_vec::<f32>();
/// assert!(y.iter().zip([-1.0, 1.0, -1.0, 1.0]).all(|(y, expected)| (y - expected).abs() < 1e-5));
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = options_text)]
pub struct LayerNorm {
    /// The factors, of the normalised shape.
    pub weight: Option<Parameter>,
    /// The offsets, of the normalised shape.
    pub bias: Option<Parameter>,
    #[module(skip)]
    shape: Vec<usize>,
    #[module(skip)]
    eps: f64,
    state: ModuleState,
}

impl LayerNorm {
    /// Last axes of sizes `normalized_shape`, `eps` 1e-5, with factors and offsets.
    pub fn new(normalized_shape: impl Into<Vec<usize>>) -> LayerNorm {
        LayerNorm::with_options(normalized_shape, 1e-5, true, true)
    }

    /// With all options; without factors there are no offsets either.
    pub fn with_options(
        normalized_shape: impl Into<Vec<usize>>,
        eps: f64,
        elementwise_affine: bool,
        bias: bool,
    ) -> LayerNorm {
        let shape = normalized_shape.into();
        LayerNorm {
            weight: elementwise_affine.then(|| ones(&shape)),
            bias: (elementwise_affine && bias).then(|| zeros(&shape)),
            shape,
            eps,
            state: ModuleState::default(),
        }
    }

    fn options_text(&self) -> String {
        let (affine, bias) = (flag(self.weight.is_some()), flag(self.bias.is_some()));
        format!("{}, eps={}, elementwise_affine={affine}, bias={bias}", tuple(&self.shape), float(self.eps))
    }
}

impl Forward for LayerNorm {
    fn forward(&self, x: &Variable) -> Variable {
        group_norm::layer_norm(x, &self.shape, affine(&self.weight, &self.bias), self.eps)
    }
}

/// The last axes divided by their root mean square (Zhang and Sennrich, 2019). PyTorch: `torch.nn.RMSNorm`.
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([[1.0f32, 7.0]]));
/// let y = RMSNorm::new([2]).call(&x).to_vec::<f32>();
/// assert!((y[0] - 0.2).abs() < 1e-6 && (y[1] - 1.4).abs() < 1e-6);
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = options_text)]
pub struct RMSNorm {
    /// The factors, of the normalised shape.
    pub weight: Option<Parameter>,
    #[module(skip)]
    shape: Vec<usize>,
    #[module(skip)]
    eps: Option<f64>,
    state: ModuleState,
}

impl RMSNorm {
    /// Last axes of sizes `normalized_shape`, with factors, the dtype's precision as `eps`.
    pub fn new(normalized_shape: impl Into<Vec<usize>>) -> RMSNorm {
        RMSNorm::with_options(normalized_shape, None, true)
    }

    /// With all options.
    pub fn with_options(
        normalized_shape: impl Into<Vec<usize>>,
        eps: Option<f64>,
        elementwise_affine: bool,
    ) -> RMSNorm {
        let shape = normalized_shape.into();
        RMSNorm { weight: elementwise_affine.then(|| ones(&shape)), shape, eps, state: ModuleState::default() }
    }

    fn options_text(&self) -> String {
        let eps = self.eps.map_or("None".to_owned(), float);
        format!("{}, eps={eps}, elementwise_affine={}", tuple(&self.shape), flag(self.weight.is_some()))
    }
}

impl Forward for RMSNorm {
    fn forward(&self, x: &Variable) -> Variable {
        norm::rms_norm(x, &self.shape, self.weight.as_ref().map(Parameter::variable), self.eps)
    }
}

/// Channels divided by the size of their neighbours; see
/// [`local_response_norm`](crate::ops::norm::local_response_norm). PyTorch: `torch.nn.LocalResponseNorm`.
///
/// ```
/// use gradus_nn::prelude::*;
/// use gradus_nn::functional::LocalResponse;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([[[2.0], [2.0]]]));
/// let options = LocalResponse { size: 3, alpha: 3.0, beta: 1.0, k: 0.0 };
/// assert_eq!(LocalResponseNorm::with_options(options).call(&x).to_vec::<f64>(), [0.25, 0.25]);
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = options_text)]
pub struct LocalResponseNorm {
    #[module(skip)]
    options: LocalResponse,
    state: ModuleState,
}

impl LocalResponseNorm {
    /// `size` channels, `alpha` 1e-4, `beta` 0.75, `k` 1.
    pub fn new(size: usize) -> LocalResponseNorm {
        LocalResponseNorm::with_options(LocalResponse { size, alpha: 1e-4, beta: 0.75, k: 1.0 })
    }

    /// With all options.
    pub fn with_options(options: LocalResponse) -> LocalResponseNorm {
        LocalResponseNorm { options, state: ModuleState::default() }
    }

    fn options_text(&self) -> String {
        let LocalResponse { size, alpha, beta, k } = self.options;
        format!("{size}, alpha={}, beta={}, k={}", float(alpha), float(beta), float(k))
    }
}

impl Forward for LocalResponseNorm {
    fn forward(&self, x: &Variable) -> Variable {
        norm::local_response_norm(x, self.options)
    }
}
