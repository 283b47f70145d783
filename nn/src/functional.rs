//! Network functions without state, with PyTorch's names: `torch.nn.functional`.
//!
//! Most are the functions of [`ops`](crate::ops), re-exported; options that PyTorch passes one by one stand in small
//! structs such as [`Pool`].

use std::sync::Arc;

use autograd::Variable;
use tensor::kernels::norm::group_statistics;
use tensor::{Element, Tensor, dispatch};

use crate::Buffer;
use crate::ops::batch_norm::{self as bn, Source, Statistics};
use crate::ops::{avg_pool as avg, dropout as drop, group_norm as groups, max_pool as max};

pub use crate::loss::{
    binary_cross_entropy, binary_cross_entropy_with_logits, cosine_embedding_loss, cross_entropy, ctc_loss, dice_loss,
    gaussian_nll_loss, hinge_embedding_loss, huber_loss, kl_div, l1_loss, margin_ranking_loss, mse_loss,
    multi_margin_loss, multilabel_margin_loss, multilabel_soft_margin_loss, nll_loss, poisson_nll_loss,
    sigmoid_focal_loss, smooth_l1_loss, soft_margin_loss, triplet_margin_loss, triplet_margin_with_distance_loss,
};
pub use crate::ops::activation::{
    celu, elu, gelu, gelu_tanh, glu, hardshrink, hardsigmoid, hardswish, hardtanh, leaky_relu,
    log_sigmoid as logsigmoid, mish, prelu, relu6, rrelu, rrelu_train, selu, silu, softplus, softshrink, softsign,
    tanhshrink, threshold,
};
pub use crate::ops::batch_norm::Affine;
pub use crate::ops::bilinear::bilinear;
pub use crate::ops::conv::{
    ConvOptions, ConvTransposeOptions, conv_transpose1d, conv_transpose2d, conv_transpose3d, conv1d, conv2d, conv3d,
};
pub use crate::ops::dropout::{alpha_dropout, dropout, feature_alpha_dropout};
pub use crate::ops::embedding::embedding;
pub use crate::ops::fold::{fold, unfold};
pub use crate::ops::grid_sample::{GridMode, GridPadding, affine_grid, grid_sample};
pub use crate::ops::group_norm::{group_norm, layer_norm};
pub use crate::ops::interpolate::{Interpolate, InterpolateMode, interpolate};
pub use crate::ops::linear::linear;
pub use crate::ops::max_pool::fractional_max_pool2d;
pub use crate::ops::norm::{
    LocalResponse, cosine_similarity, local_response_norm, normalize, pairwise_distance, rms_norm,
};
pub use crate::ops::pad::{PadMode, pad};
pub use crate::ops::pool::Pool;
pub use crate::ops::shuffle::{channel_shuffle, pixel_shuffle, pixel_unshuffle};
pub use crate::ops::softmax::{log_softmax, softmax, softmin};
pub use autograd::ops::elementwise::{sigmoid, tanh};

/// `max(x, 0)`. PyTorch: `torch.nn.functional.relu`.
///
/// # Panics
/// If the dtype is no float.
#[track_caller]
pub fn relu(x: &Variable) -> Variable {
    x.relu()
}

/// The maximum of every window; see [`max_pool`](crate::ops::max_pool::max_pool).
///
/// ```
/// use autograd::Variable;
/// use gradus_nn::functional::max_pool2d;
/// use tensor::{DType, Tensor};
/// let x = Variable::new(Tensor::zeros([8, 16, 28, 28], DType::F32));
/// assert_eq!(max_pool2d(&x, 2).shape(), &[8, 16, 14, 14]);
/// ```
///
/// PyTorch: `torch.nn.functional.max_pool2d`.
///
/// # Panics
/// If the input has not as many axes, or the options do not fit it.
#[track_caller]
pub fn max_pool2d(x: &Variable, pool: impl Into<Pool<2>>) -> Variable {
    max::max_pool(x, pool)
}

macro_rules! pools {
    ($($function:ident $generic:path, $n:literal;)*) => {$(
        #[doc = concat!("See [`", stringify!($generic), "`]. PyTorch: `torch.nn.functional.", stringify!($function), "`.")]
        ///
        /// # Panics
        /// If the input has not as many axes, or the options do not fit it.
        #[track_caller]
        pub fn $function(x: &Variable, pool: impl Into<Pool<$n>>) -> Variable {
            $generic(x, pool)
        }
    )*};
}

pools! {
    max_pool1d max::max_pool, 1;
    max_pool3d max::max_pool, 3;
    avg_pool1d avg::avg_pool, 1;
    avg_pool2d avg::avg_pool, 2;
    avg_pool3d avg::avg_pool, 3;
}

macro_rules! further_pools {
    ($($power:ident $inverse:ident $n:literal;)*) => {$(
        #[doc = concat!("See [`lp_pool`](avg::lp_pool). PyTorch: `torch.nn.functional.", stringify!($power), "`.")]
        ///
        /// # Panics
        /// If the input has not as many axes, the options do not fit it, or `norm_type` is 0.
        #[track_caller]
        pub fn $power(x: &Variable, norm_type: f64, pool: impl Into<Pool<$n>>) -> Variable {
            avg::lp_pool(x, norm_type, pool)
        }

        #[doc = concat!("See [`max_unpool`](max::max_unpool). PyTorch: `torch.nn.functional.", stringify!($inverse), "`.")]
        ///
        /// # Panics
        /// If shapes differ, an index is out of range, or the output size is further than a stride from the usual one.
        #[track_caller]
        pub fn $inverse(
            x: &Variable,
            indices: &Tensor,
            pool: impl Into<Pool<$n>>,
            output_size: Option<[usize; $n]>,
        ) -> Variable {
            max::max_unpool(x, indices, pool, output_size)
        }
    )*};
}

further_pools! {
    lp_pool1d max_unpool1d 1;
    lp_pool2d max_unpool2d 2;
    lp_pool3d max_unpool3d 3;
}

macro_rules! adaptive {
    ($($function:ident $generic:path, $n:literal, $out:ty;)*) => {$(
        #[doc = concat!("See [`", stringify!($generic), "`]. PyTorch: `torch.nn.functional.", stringify!($function), "`.")]
        ///
        /// # Panics
        /// If the input has not as many axes, or has no positions.
        #[track_caller]
        pub fn $function(x: &Variable, output_size: [Option<usize>; $n]) -> $out {
            $generic(x, output_size)
        }
    )*};
}

adaptive! {
    adaptive_avg_pool1d avg::adaptive_avg_pool, 1, Variable;
    adaptive_avg_pool2d avg::adaptive_avg_pool, 2, Variable;
    adaptive_avg_pool3d avg::adaptive_avg_pool, 3, Variable;
    adaptive_max_pool1d max::adaptive_max_pool, 1, (Variable, Tensor);
    adaptive_max_pool2d max::adaptive_max_pool, 2, (Variable, Tensor);
    adaptive_max_pool3d max::adaptive_max_pool, 3, (Variable, Tensor);
}

macro_rules! channel_dropouts {
    ($($function:ident $n:literal;)*) => {$(
        /// Whole channels with probability `p` set to 0, the others divided by `1 - p`.
        #[doc = concat!("PyTorch: `torch.nn.functional.", stringify!($function), "(training=True)`.")]
        ///
        /// # Panics
        /// If `p` is not in `[0, 1]`, or the input has not as many axes.
        #[track_caller]
        pub fn $function(x: &Variable, p: f64, generator: &mut tensor::Generator) -> Variable {
            drop::channel_dropout::<$n>(x, p, generator)
        }
    )*};
}

channel_dropouts! {
    dropout1d 1;
    dropout2d 2;
    dropout3d 3;
}

/// Running statistics, and with what weight a batch enters them.
#[derive(Clone, Copy, Debug)]
pub struct Running<'a> {
    /// The running mean, `[c]`.
    pub mean: &'a Buffer,
    /// The running variance, `[c]`.
    pub variance: &'a Buffer,
    /// The weight of a new batch.
    pub momentum: f64,
}

impl Running<'_> {
    #[track_caller]
    fn update(&self, mean: &[f64], variance: &[f64]) {
        for running in [self.mean.data(), self.variance.data()] {
            if running.shape() != [mean.len()] {
                tensor::fault!("batch_norm", [running: running.shape()], "the input has {} channels", mean.len());
            }
        }
        for (buffer, new) in [(self.mean, mean), (self.variance, variance)] {
            buffer.update(|old| dispatch!(float "batch_norm", old.dtype(), T => {
                let mix = |(old, new): (T, &f64)| T::from_f64((1.0 - self.momentum) * old.to_f64() + self.momentum * new);
                *old = Tensor::from_vec(old.to_vec::<T>().into_iter().zip(new).map(mix).collect(), old.shape());
            }));
        }
    }

    fn statistics(&self) -> Statistics {
        let values = |buffer: &Buffer| buffer.data().to_dtype(tensor::DType::F64).to_vec::<f64>();
        Statistics { mean: values(self.mean), variance: values(self.variance), count: 0 }
    }
}

/// Divided by `n - 1`, as running variances are.
fn unbiased(variance: &[f64], count: usize) -> Vec<f64> {
    let correction = count as f64 / (count as f64 - 1.0);
    variance.iter().map(|variance| variance * correction).collect()
}

/// `(x - mean) / sqrt(variance + eps) * weight + bias` per channel, by the batch's own statistics if `training` (which
/// then enter the running ones), else by the running ones. PyTorch: `torch.nn.functional.batch_norm`.
///
/// # Panics
/// If shapes or dtypes do not fit, there is 1 value per channel in training, or no running statistics otherwise.
#[track_caller]
pub fn batch_norm(
    x: &Variable,
    running: Option<Running<'_>>,
    affine: Affine<'_>,
    (training, eps): (bool, f64),
) -> Variable {
    let source = match (training, running) {
        (false, Some(running)) => Source::fixed(running.statistics(), eps),
        (false, None) => tensor::fault!("batch_norm", [input: x.shape()], "evaluation needs running statistics"),
        (true, running) => {
            let count = x.shape().iter().enumerate().filter(|(axis, _)| *axis != 1).map(|(_, size)| size).product();
            if count == 1usize {
                tensor::fault!("batch_norm", [input: x.shape()], "training needs more than 1 value per channel");
            }
            if x.rank() < 2 || !x.dtype().is_float() {
                return bn::batch_norm(x, affine, Source::own(eps));
            }
            let statistics = Arc::new(Statistics::of(&x.data()));
            if let Some(running) = running
                && !x.is_empty()
            {
                running.update(&statistics.mean, &unbiased(&statistics.variance, count));
            }
            Source { known: Some(statistics), ..Source::own(eps) }
        }
    };
    bn::batch_norm(x, affine, source)
}

/// Every channel of every image normalised by its own statistics if `use_input_stats` (whose means over the batch then
/// enter the running ones), else by the running ones. PyTorch: `torch.nn.functional.instance_norm`.
///
/// # Panics
/// If shapes or dtypes do not fit, there is 1 value per channel, or no running statistics where they are asked for.
#[track_caller]
pub fn instance_norm(
    x: &Variable,
    running: Option<Running<'_>>,
    affine: Affine<'_>,
    (use_input_stats, eps): (bool, f64),
) -> Variable {
    if !use_input_stats {
        return batch_norm(x, running, affine, (false, eps));
    }
    let y = groups::instance_norm(x, affine, eps);
    if let Some(running) = running
        && !x.is_empty()
    {
        let (n, c) = (x.shape()[0], x.shape()[1]);
        let statistics = group_statistics(&x.data(), c);
        let over_batch = |values: &[f64]| -> Vec<f64> {
            (0..c).map(|k| (0..n).map(|i| values[i * c + k]).sum::<f64>() / n as f64).collect()
        };
        let variance = unbiased(&statistics.variance, x.len() / (n * c));
        running.update(&over_batch(&statistics.mean), &over_batch(&variance));
    }
    y
}
