//! Losses: how wrong a network is, as one number that has a gradient.
//!
//! A loss is a struct of options with PyTorch's names and defaults, and a `forward`; for the default options there is a
//! function. Losses have no parameters, so unlike PyTorch's they are not modules. Where PyTorch broadcasts
//! inputs against targets, so do they.
//!
//! ```
//! use autograd::Variable;
//! use gradus_nn::loss::{CrossEntropyLoss, cross_entropy};
//! use tensor::Tensor;
//!
//! let logits = Variable::leaf(Tensor::from([[2.0f32, 0.5, -1.0], [0.1, 0.2, 3.0]]));
//! let labels = Variable::new(Tensor::from([0i64, 2]));
//! let loss = cross_entropy(&logits, &labels);
//! assert!((loss.item::<f32>() - 0.175).abs() < 1e-3);
//! let smooth = CrossEntropyLoss::new().label_smoothing(0.1).forward(&logits, &labels);
//! assert!(smooth.item::<f32>() > loss.item::<f32>());
//! ```

mod classification;
mod cross_entropy;
mod ctc;
mod distribution;
mod embedding;
mod margin;
mod regression;
mod segmentation;
mod target;

pub use classification::{
    BceLoss, BceWithLogitsLoss, MultiLabelSoftMarginLoss, SoftMarginLoss, binary_cross_entropy,
    binary_cross_entropy_with_logits, multilabel_soft_margin_loss, soft_margin_loss,
};
pub use cross_entropy::{CrossEntropyLoss, NllLoss, cross_entropy, nll_loss};
pub use ctc::{CtcLoss, ctc_loss};
pub use distribution::{GaussianNllLoss, KlDivLoss, PoissonNllLoss, gaussian_nll_loss, kl_div, poisson_nll_loss};
pub use embedding::{
    CosineEmbeddingLoss, Distance, TripletMarginLoss, TripletMarginWithDistanceLoss, cosine_embedding_loss,
    triplet_margin_loss, triplet_margin_with_distance_loss,
};
pub use margin::{
    HingeEmbeddingLoss, MarginRankingLoss, MultiLabelMarginLoss, MultiMarginLoss, hinge_embedding_loss,
    margin_ranking_loss, multi_margin_loss, multilabel_margin_loss,
};
pub use regression::{HuberLoss, L1Loss, MseLoss, SmoothL1Loss, huber_loss, l1_loss, mse_loss, smooth_l1_loss};
pub use segmentation::{DiceLoss, FocalLoss, dice_loss, sigmoid_focal_loss};

/// What becomes of the losses of single elements or samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Reduction {
    /// They stay.
    None,
    /// Their mean; weighted where there are class weights.
    #[default]
    Mean,
    /// Their sum.
    Sum,
    /// Their sum over the size of the first axis. PyTorch: `"batchmean"`.
    BatchMean,
}

/// Declares a loss: a struct of options, `new` with PyTorch's defaults, and a setter for each option.
macro_rules! loss {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$doc:meta])* $field:ident: $type:ty = $default:expr,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $name {
            reduction: $crate::loss::Reduction,
            $($field: $type,)*
        }

        impl Default for $name {
            fn default() -> $name {
                $name { reduction: $crate::loss::Reduction::Mean, $($field: $default,)* }
            }
        }

        impl $name {
            /// The loss with default options.
            pub fn new() -> $name {
                $name::default()
            }

            /// What becomes of the single losses; the mean by default.
            #[must_use]
            pub fn reduction(mut self, reduction: $crate::loss::Reduction) -> $name {
                self.reduction = reduction;
                self
            }

            $(
                $(#[$doc])*
                #[must_use]
                pub fn $field(mut self, $field: impl Into<$type>) -> $name {
                    self.$field = $field.into();
                    self
                }
            )*
        }
    };
}
use loss;
