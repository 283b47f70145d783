//! Losses of embeddings: what belongs together should lie together.

use std::fmt;
use std::sync::Arc;

use autograd::Variable;
use autograd::ops::elementwise::where_;
use tensor::Tensor;

use super::loss;
use super::target::{clamp_min_zero, only, same};
use crate::ops::losses::reduced;
use crate::ops::norm::pairwise_distance;

loss! {
    /// `1 - cos(x1, x2)` for targets 1, `max(0, cos(x1, x2) - margin)` for targets -1. PyTorch:
    /// `torch.nn.CosineEmbeddingLoss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::CosineEmbeddingLoss;
    /// use tensor::Tensor;
    /// let x1 = Variable::new(Tensor::from([[1.0, 0.0]]));
    /// let x2 = Variable::new(Tensor::from([[0.0, 2.0]]));
    /// let target = Variable::new(Tensor::from([1i64]));
    /// let loss = CosineEmbeddingLoss::new().forward(&x1, &x2, &target).item::<f64>();
    /// assert!((loss - 1.0).abs() < 1e-5);
    /// ```
    pub struct CosineEmbeddingLoss {
        /// 0 by default.
        margin: f64 = 0.0,
    }
}

impl CosineEmbeddingLoss {
    /// The loss of pairs `[N, D]` (or `[D]`) against targets `[N]` (or `[]`) of 1 and -1.
    ///
    /// # Panics
    /// If the inputs' shapes or dtypes differ, or the target's shape is not theirs without the last axis.
    #[track_caller]
    pub fn forward(&self, input1: &Variable, input2: &Variable, target: &Variable) -> Variable {
        const NAME: &str = "cosine_embedding_loss";
        same(NAME, input1, input2);
        if input1.rank() == 0 || target.shape() != &input1.shape()[..input1.rank() - 1] {
            tensor::fault!(NAME, [input1: input1.shape(), target: target.shape()],
                "the target must have the inputs' shape without the last axis");
        }
        let product = |a: &Variable, b: &Variable| (a * b).sum(&[-1], false);
        // PyTorch's guard against a division by 0.
        let square = |x: &Variable| product(x, x) + 1e-12;
        let cosine = product(input1, input2) / (square(input1) * square(input2)).sqrt();
        let t = target.data();
        let together = only(&t.eq_scalar(1.0), &(1.0 - &cosine));
        let apart = only(&t.eq_scalar(-1.0), &clamp_min_zero(&(cosine - self.margin)));
        reduced(&(together + apart), self.reduction)
    }
}

/// The mean of [`CosineEmbeddingLoss`] with margin 0. PyTorch: `torch.nn.functional.cosine_embedding_loss`.
///
/// # Panics
/// As [`CosineEmbeddingLoss::forward`].
#[track_caller]
pub fn cosine_embedding_loss(input1: &Variable, input2: &Variable, target: &Variable) -> Variable {
    CosineEmbeddingLoss::new().forward(input1, input2, target)
}

loss! {
    /// `max(0, d(anchor, positive) - d(anchor, negative) + margin)` with the `p`-norm distance `d`. PyTorch:
    /// `torch.nn.TripletMarginLoss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::TripletMarginLoss;
    /// use tensor::Tensor;
    /// let anchor = Variable::new(Tensor::from([[0.0, 0.0]]));
    /// let positive = Variable::new(Tensor::from([[3.0, 4.0]]));
    /// let negative = Variable::new(Tensor::from([[0.0, 1.0]]));
    /// let loss = TripletMarginLoss::new().forward(&anchor, &positive, &negative).item::<f64>();
    /// assert!((loss - 5.0).abs() < 1e-5);
    /// ```
    pub struct TripletMarginLoss {
        /// 1 by default.
        margin: f64 = 1.0,
        /// The norm's order; 2 by default.
        p: f64 = 2.0,
        /// What is added to every difference; 1e-6 by default.
        eps: f64 = 1e-6,
        /// Whether the negative is compared with the nearer of anchor and positive; not by default.
        swap: bool = false,
    }
}

impl TripletMarginLoss {
    /// The loss of triplets of one shape `[N, D]` (or `[D]`), with distances along the last axis.
    ///
    /// # Panics
    /// If shapes or dtypes differ, or there is no axis.
    #[track_caller]
    pub fn forward(&self, anchor: &Variable, positive: &Variable, negative: &Variable) -> Variable {
        const NAME: &str = "triplet_margin_loss";
        same(NAME, anchor, positive);
        same(NAME, anchor, negative);
        if anchor.rank() == 0 {
            tensor::fault!(NAME, [anchor: anchor.shape()], "the inputs have no axis");
        }
        let distance = |a: &Variable, b: &Variable| norm(&(a - b + self.eps), self.p);
        reduced(&triplets(&distance, [anchor, positive, negative], self.margin, self.swap), self.reduction)
    }
}

/// `max(0, d(anchor, positive) - d(anchor, negative) + margin)` of every triplet.
fn triplets(
    distance: &dyn Fn(&Variable, &Variable) -> Variable,
    [anchor, positive, negative]: [&Variable; 3],
    margin: f64,
    swap: bool,
) -> Variable {
    let near = distance(anchor, positive);
    let mut far = distance(anchor, negative);
    if swap {
        far = far.minimum(&distance(positive, negative));
    }
    clamp_min_zero(&(near - far + margin))
}

/// The `p`-norm along the last axis; its gradient at 0 is 0.
fn norm(x: &Variable, p: f64) -> Variable {
    if p == 1.0 {
        return x.abs().sum(&[-1], false);
    }
    if p.is_infinite() {
        let size = x.data().abs();
        let chosen = size.eq(&size.amax(&[-1], true)).to_dtype(x.dtype());
        let share = chosen.div(&chosen.sum(&[-1], true));
        return (x.abs() * Variable::new(share)).sum(&[-1], false);
    }
    let powers = if p == 2.0 { x * x } else { x.abs().pow_scalar(p) };
    let sum = powers.sum(&[-1], false);
    let positive = sum.data().gt_scalar(0.0);
    let one = Variable::new(Tensor::ones([], x.dtype()));
    let safe = where_(&positive, &sum, &one);
    only(&positive, &if p == 2.0 { safe.sqrt() } else { safe.pow_scalar(1.0 / p) })
}

/// The mean of [`TripletMarginLoss`] with default options. PyTorch: `torch.nn.functional.triplet_margin_loss`.
///
/// # Panics
/// As [`TripletMarginLoss::forward`].
#[track_caller]
pub fn triplet_margin_loss(anchor: &Variable, positive: &Variable, negative: &Variable) -> Variable {
    TripletMarginLoss::new().forward(anchor, positive, negative)
}

type DistanceFunction = dyn Fn(&Variable, &Variable) -> Variable + Send + Sync;

/// How far apart two inputs are.
#[derive(Clone)]
pub struct Distance(Arc<DistanceFunction>);

impl fmt::Debug for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a function")
    }
}

impl Default for Distance {
    /// [`pairwise_distance`] of order 2.
    fn default() -> Distance {
        Distance::from(|a: &Variable, b: &Variable| pairwise_distance(a, b, 2.0, (1e-6, false)))
    }
}

impl<F: Fn(&Variable, &Variable) -> Variable + Send + Sync + 'static> From<F> for Distance {
    fn from(function: F) -> Distance {
        Distance(Arc::new(function))
    }
}

loss! {
    /// [`TripletMarginLoss`] with any distance `d`. PyTorch: `torch.nn.TripletMarginWithDistanceLoss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::functional::cosine_similarity;
    /// use gradus_nn::loss::TripletMarginWithDistanceLoss;
    /// use tensor::Tensor;
    /// let cosine = |a: &Variable, b: &Variable| 1.0 - cosine_similarity(a, b, 1, 1e-8);
    /// let anchor = Variable::new(Tensor::from([[1.0, 0.0]]));
    /// let positive = Variable::new(Tensor::from([[0.0, 2.0]]));
    /// let negative = Variable::new(Tensor::from([[-3.0, 0.0]]));
    /// let loss = TripletMarginWithDistanceLoss::new().distance_function(cosine).margin(1.5);
    /// assert_eq!(loss.forward(&anchor, &positive, &negative).item::<f64>(), 0.5);
    /// ```
    pub struct TripletMarginWithDistanceLoss {
        /// How far apart two inputs are; [`pairwise_distance`] of order 2 by default.
        distance_function: Distance = Distance::default(),
        /// 1 by default.
        margin: f64 = 1.0,
        /// Whether the negative is compared with the nearer of anchor and positive; not by default.
        swap: bool = false,
    }
}

impl TripletMarginWithDistanceLoss {
    /// The loss of triplets; what shapes they may have is up to the distance function.
    ///
    /// # Panics
    /// Where the distance function does, or distances do not broadcast.
    #[track_caller]
    pub fn forward(&self, anchor: &Variable, positive: &Variable, negative: &Variable) -> Variable {
        let distance = self.distance_function.0.as_ref();
        reduced(&triplets(distance, [anchor, positive, negative], self.margin, self.swap), self.reduction)
    }
}

/// The mean of [`TripletMarginWithDistanceLoss`] with a distance function and default options. PyTorch:
/// `torch.nn.functional.triplet_margin_with_distance_loss`.
///
/// # Panics
/// As [`TripletMarginWithDistanceLoss::forward`].
#[track_caller]
pub fn triplet_margin_with_distance_loss(
    anchor: &Variable,
    positive: &Variable,
    negative: &Variable,
    distance_function: impl Into<Distance>,
) -> Variable {
    TripletMarginWithDistanceLoss::new().distance_function(distance_function).forward(anchor, positive, negative)
}
