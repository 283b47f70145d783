//! Lookup tables, and the bilinear form: layers whose input is not one float variable.

use autograd::Variable;
use tensor::{DType, Tensor, with_default_generator};

use super::text::float;

use crate::module::{Forward, ModuleState};
use crate::ops::{bilinear, embedding as op};
use crate::{Module, Parameter};

/// A learned vector for each of a number of things, looked up by `i64` number. PyTorch: `torch.nn.Embedding`.
///
/// ```
/// use gradus_nn::layers::Embedding;
/// use gradus_nn::prelude::*;
/// use tensor::Tensor;
/// let digits = Embedding::new(10, 3);
/// assert_eq!(digits.call(&Variable::new(Tensor::from([[1i64, 2], [3, 9]]))).shape(), &[2, 2, 3]);
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = options_text)]
pub struct Embedding {
    /// `[num_embeddings, embedding_dim]`.
    pub weight: Parameter,
    #[module(skip)]
    options: EmbeddingOptions,
    state: ModuleState,
}

/// The options of an [`Embedding`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EmbeddingOptions {
    /// A row that starts at 0 and gets no gradient; negative numbers count from the end.
    pub padding_idx: Option<isize>,
    /// Rows that are looked up are first shortened, in place, to this norm.
    pub max_norm: Option<f64>,
    /// Which norm that is.
    pub norm_type: f64,
    /// Whether gradients are divided by how often a row is looked up.
    pub scale_grad_by_freq: bool,
}

impl Default for EmbeddingOptions {
    fn default() -> EmbeddingOptions {
        EmbeddingOptions { padding_idx: None, max_norm: None, norm_type: 2.0, scale_grad_by_freq: false }
    }
}

impl Embedding {
    /// `num_embeddings` standard normal vectors.
    #[track_caller]
    pub fn new(num_embeddings: usize, embedding_dim: usize) -> Embedding {
        Embedding::with_options(num_embeddings, embedding_dim, EmbeddingOptions::default())
    }

    /// With all options.
    ///
    /// # Panics
    /// If the padding row does not exist.
    #[track_caller]
    pub fn with_options(num_embeddings: usize, embedding_dim: usize, options: EmbeddingOptions) -> Embedding {
        let mut weight = with_default_generator(|g| g.randn([num_embeddings, embedding_dim], DType::F32));
        if let Some(padding) = options.padding_idx {
            let rows = num_embeddings as isize;
            if !(-rows..rows).contains(&padding) {
                tensor::fault!("embedding", [], "padding_idx {padding} is out of range for {rows} rows");
            }
            let row = padding.rem_euclid(rows) as usize * embedding_dim;
            weight.make_mut::<f32>()[row..row + embedding_dim].fill(0.0);
        }
        Embedding { weight: Parameter::new(weight), options, state: ModuleState::default() }
    }

    fn options_text(&self) -> String {
        let shape = self.weight.shape();
        let mut text = format!("{}, {}", shape[0], shape[1]);
        if let Some(padding) = self.options.padding_idx {
            text.push_str(&format!(", padding_idx={}", padding.rem_euclid(shape[0] as isize)));
        }
        if let Some(norm) = self.options.max_norm {
            text.push_str(&format!(", max_norm={}", float(norm)));
        }
        if self.options.norm_type != 2.0 {
            text.push_str(&format!(", norm_type={}", float(self.options.norm_type)));
        }
        if self.options.scale_grad_by_freq {
            text.push_str(", scale_grad_by_freq=True");
        }
        text
    }
}

impl Forward for Embedding {
    fn forward(&self, x: &Variable) -> Variable {
        let index = x.data();
        let options = op::Embedding {
            index: index.clone(),
            padding_idx: self.options.padding_idx.map(|row| row.rem_euclid(self.weight.shape()[0] as isize) as usize),
            scale_grad_by_freq: self.options.scale_grad_by_freq,
        };
        if let Some(max_norm) = self.options.max_norm
            && index.dtype() == DType::I64
        {
            let weight = op::renormalize(&self.weight.data(), &index, max_norm, self.options.norm_type);
            self.weight.update(|value| *value = weight);
        }
        op::lookup(&self.weight, options)
    }
}

/// `y[o] = a W[o] b + bias[o]`. PyTorch: `torch.nn.Bilinear`.
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::{DType, Tensor};
/// let [a, b] = [[8, 3], [8, 4]].map(|shape| Variable::new(Tensor::zeros(shape, DType::F32)));
/// assert_eq!(Bilinear::new(3, 4, 5, true).combine(&a, &b).shape(), &[8, 5]);
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = options_text)]
pub struct Bilinear {
    /// `[out_features, in1_features, in2_features]`.
    pub weight: Parameter,
    /// `[out_features]`.
    pub bias: Option<Parameter>,
    state: ModuleState,
}

impl Bilinear {
    /// Weights uniform within `1 / sqrt(in1_features)`, as PyTorch's.
    #[track_caller]
    pub fn new(in1_features: usize, in2_features: usize, out_features: usize, has_bias: bool) -> Bilinear {
        let bound = 1.0 / (in1_features.max(1) as f64).sqrt();
        let draw = |shape: &[usize]| -> Tensor {
            with_default_generator(|g| g.uniform_between(shape, -bound, bound, DType::F32))
        };
        let weight = Parameter::new(draw(&[out_features, in1_features, in2_features]));
        let bias = has_bias.then(|| Parameter::new(draw(&[out_features])));
        Bilinear { weight, bias, state: ModuleState::default() }
    }

    /// The form of `a` and `b`. Takes two inputs, so this is no [`Forward`].
    ///
    /// # Panics
    /// If the last axes do not fit the weight or the others differ.
    #[track_caller]
    pub fn combine(&self, a: &Variable, b: &Variable) -> Variable {
        bilinear::bilinear(a, b, &self.weight, self.bias.as_ref().map(Parameter::variable))
    }

    fn options_text(&self) -> String {
        let shape = self.weight.shape();
        let bias = if self.bias.is_some() { "True" } else { "False" };
        format!("in1_features={}, in2_features={}, out_features={}, bias={bias}", shape[1], shape[2], shape[0])
    }
}
