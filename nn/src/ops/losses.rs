//! The ops under the losses: each computes value and gradient in one walk, and gives its gradient as a formula in
//! variables too, for derivatives of higher order.

mod cross_entropy;
mod ctc;
mod pointwise;

pub use cross_entropy::CrossEntropy;
pub use ctc::Ctc;
pub(crate) use pointwise::reduced;
pub use pointwise::{
    Absolute, BinaryCrossEntropy, BinaryCrossEntropyLogits, Divergence, HuberError, Pointwise, PoissonDeviance,
    SmoothAbsolute, SoftMarginError, Squared,
};

/// `mean` over squared differences.
pub type Mse = Pointwise<Squared>;
/// Over absolute differences.
pub type L1 = Pointwise<Absolute>;
/// Over absolute differences, smooth near 0.
pub type SmoothL1 = Pointwise<SmoothAbsolute>;
/// Huber's function of the difference.
pub type Huber = Pointwise<HuberError>;
/// Cross entropy of probabilities.
pub type Bce = Pointwise<BinaryCrossEntropy>;
/// Cross entropy of logits.
pub type BceWithLogits = Pointwise<BinaryCrossEntropyLogits>;
/// The Kullback-Leibler divergence.
pub type KlDiv = Pointwise<Divergence>;
/// The deviance of a Poisson distribution.
pub type PoissonNll = Pointwise<PoissonDeviance>;
/// The logistic function of the margin.
pub type SoftMargin = Pointwise<SoftMarginError>;
