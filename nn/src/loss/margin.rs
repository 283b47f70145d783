//! Hinge losses: what is right by a margin costs nothing.

use autograd::Variable;
use tensor::{DType, Tensor};

use super::loss;
use super::target::{check_labels, clamp_min_zero, class_weight, only, same};
use crate::ops::losses::reduced;

loss! {
    /// `x` for targets 1 and `max(0, margin - x)` for targets -1. PyTorch: `torch.nn.HingeEmbeddingLoss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::HingeEmbeddingLoss;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([0.5, 0.25]));
    /// let t = Variable::new(Tensor::from([1.0, -1.0]));
    /// let loss = HingeEmbeddingLoss::new().forward(&x, &t).item::<f64>();
    /// assert!((loss - 0.625).abs() < 1e-5);
    /// ```
    pub struct HingeEmbeddingLoss {
        /// 1 by default.
        margin: f64 = 1.0,
    }
}

impl HingeEmbeddingLoss {
    /// The loss of distances against targets 1 (alike) and -1 (different).
    ///
    /// # Panics
    /// If shapes or dtypes differ.
    #[track_caller]
    pub fn forward(&self, input: &Variable, target: &Variable) -> Variable {
        same("hinge_embedding_loss", input, target);
        let t = target.data();
        let apart = only(&t.ne_scalar(1.0), &clamp_min_zero(&(self.margin - input)));
        let together = only(&t.ne_scalar(-1.0), input);
        reduced(&(apart + together), self.reduction)
    }
}

/// The mean of [`HingeEmbeddingLoss`] with margin 1. PyTorch: `torch.nn.functional.hinge_embedding_loss`.
///
/// # Panics
/// If shapes or dtypes differ.
#[track_caller]
pub fn hinge_embedding_loss(input: &Variable, target: &Variable) -> Variable {
    HingeEmbeddingLoss::new().forward(input, target)
}

loss! {
    /// `max(0, margin - t (x1 - x2))`: `t = 1` wants `x1` the larger, `t = -1` wants `x2`. PyTorch:
    /// `torch.nn.MarginRankingLoss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::MarginRankingLoss;
    /// use tensor::Tensor;
    /// let x1 = Variable::new(Tensor::from([2.0]));
    /// let x2 = Variable::new(Tensor::from([1.0]));
    /// let target = Variable::new(Tensor::from([-1.0]));
    /// let loss = MarginRankingLoss::new().forward(&x1, &x2, &target).item::<f64>();
    /// assert!((loss - 1.0).abs() < 1e-5);
    /// ```
    pub struct MarginRankingLoss {
        /// 0 by default.
        margin: f64 = 0.0,
    }
}

impl MarginRankingLoss {
    /// The loss of two inputs of one shape against targets 1 and -1.
    ///
    /// # Panics
    /// If shapes or dtypes differ.
    #[track_caller]
    pub fn forward(&self, input1: &Variable, input2: &Variable, target: &Variable) -> Variable {
        same("margin_ranking_loss", input1, input2);
        same("margin_ranking_loss", input1, target);
        reduced(&clamp_min_zero(&(-target * (input1 - input2) + self.margin)), self.reduction)
    }
}

/// The mean of [`MarginRankingLoss`] with margin 0. PyTorch: `torch.nn.functional.margin_ranking_loss`.
///
/// # Panics
/// If shapes or dtypes differ.
#[track_caller]
pub fn margin_ranking_loss(input1: &Variable, input2: &Variable, target: &Variable) -> Variable {
    MarginRankingLoss::new().forward(input1, input2, target)
}

loss! {
    /// `sum_{i != y} w_y max(0, margin - x_y + x_i)^p / C` for scores `[N, C]` and labels `[N]`. PyTorch:
    /// `torch.nn.MultiMarginLoss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::MultiMarginLoss;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([[1.0, 3.0]]));
    /// let t = Variable::new(Tensor::from([0i64]));
    /// let loss = MultiMarginLoss::new().forward(&x, &t).item::<f64>();
    /// assert!((loss - 1.5).abs() < 1e-5);
    /// ```
    pub struct MultiMarginLoss {
        /// 1 or 2; 1 by default.
        p: u32 = 1u32,
        /// 1 by default.
        margin: f64 = 1.0,
        /// A weight `[C]` per class; none by default.
        weight: Option<Tensor> = None,
    }
}

impl MultiMarginLoss {
    /// The loss of scores `[N, C]` or `[C]` against labels.
    ///
    /// # Panics
    /// If labels are not `i64`, have another shape or are out of range, `p` is neither 1 nor 2, or the weight does not
    /// fit.
    #[track_caller]
    pub fn forward(&self, input: &Variable, target: &Variable) -> Variable {
        const NAME: &str = "multi_margin_loss";
        if self.p != 1 && self.p != 2 {
            tensor::fault!(NAME, [], "p must be 1 or 2, got {}", self.p);
        }
        let labels = target.data();
        check_labels(NAME, input, &labels, None);
        let axis = input.rank() as isize - 1;
        let classes = input.size(-1);
        let index = labels.unsqueeze(axis);
        let z = self.margin - input.gather(axis, &index) + input;
        let others = index.one_hot(classes).reshape(input.shape()).eq_scalar(0.0);
        let mut costs = only(&others, &only(&z.data().gt_scalar(0.0), &z));
        if self.p == 2 {
            costs = &costs * &costs;
        }
        if let Some(weight) = &self.weight {
            let weight = class_weight(NAME, weight, classes);
            let share = index.map(|y: i64| weight[y as usize]).to_dtype(input.dtype());
            costs = costs * Variable::new(share);
        }
        reduced(&costs.mean(&[-1], false), self.reduction)
    }
}

/// The mean of [`MultiMarginLoss`] with default options. PyTorch: `torch.nn.functional.multi_margin_loss`.
///
/// # Panics
/// As [`MultiMarginLoss::forward`].
#[track_caller]
pub fn multi_margin_loss(input: &Variable, target: &Variable) -> Variable {
    MultiMarginLoss::new().forward(input, target)
}

loss! {
    /// `sum_{j in y, i not in y} max(0, 1 - x_j + x_i) / C` for scores `[N, C]` and lists `y` of classes `[N, C]`, each
    /// ended by -1. PyTorch: `torch.nn.MultiLabelMarginLoss`.
    ///
    /// ```
    /// use autograd::Variable;
    /// use gradus_nn::loss::MultiLabelMarginLoss;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([[1.0, 3.0]]));
    /// let t = Variable::new(Tensor::from([[0i64, -1]]));
    /// let loss = MultiLabelMarginLoss::new().forward(&x, &t).item::<f64>();
    /// assert!((loss - 1.5).abs() < 1e-5);
    /// ```
    pub struct MultiLabelMarginLoss {}
}

impl MultiLabelMarginLoss {
    /// The loss of scores `[N, C]` or `[C]` against lists of classes of the same shape.
    ///
    /// # Panics
    /// If targets are not `i64`, have another shape, or hold a number that is neither a class nor -1.
    #[track_caller]
    pub fn forward(&self, input: &Variable, target: &Variable) -> Variable {
        const NAME: &str = "multilabel_margin_loss";
        if target.dtype() != DType::I64 {
            let (got, shape) = (target.dtype(), target.shape());
            tensor::fault!(NAME, [], "labels must be i64, got {got} (labels {shape:?}); convert with to_dtype");
        }
        if input.shape() != target.shape() || input.rank() == 0 {
            tensor::fault!(NAME, [input: input.shape(), labels: target.shape()], "shapes differ or have no axis of classes");
        }
        let classes = input.size(-1);
        let mut labels = target.to_vec::<i64>();
        let mut member = vec![false; labels.len()];
        for (row, list) in labels.chunks_mut(classes.max(1)).enumerate() {
            let end = list.iter().position(|&label| label < 0).unwrap_or(list.len());
            if let Some(label) = list.iter().find(|&&label| label < -1 || label >= classes as i64) {
                tensor::fault!(NAME, [input: input.shape(), labels: target.shape()],
                    "label {label} in row {row} is out of range for {classes} classes");
            }
            list[..end].iter().for_each(|&label| member[row * classes + label as usize] = true);
            list[end..].fill(-1);
        }
        let labels = Tensor::from_vec(labels, input.shape());
        let axis = input.rank() as isize - 1;
        // z[.., j, i] = 1 - x[y_j] + x[i], for listed j and unlisted i.
        let chosen = input.gather(axis, &labels.map(|y: i64| y.max(0)));
        let z = 1.0 - chosen.unsqueeze(-1) + input.unsqueeze(axis);
        let listed = labels.ge_scalar(0.0).unsqueeze(-1);
        let unlisted = Tensor::from_vec(member, input.shape()).logical_not().unsqueeze(axis);
        let counts = listed.zip_map(&unlisted, |a: bool, b: bool| a && b);
        let costs = only(&counts, &only(&z.data().gt_scalar(0.0), &z));
        reduced(&(costs.sum(&[-2, -1], false) / classes as f64), self.reduction)
    }
}

/// The mean of [`MultiLabelMarginLoss`]. PyTorch: `torch.nn.functional.multilabel_margin_loss`.
///
/// # Panics
/// As [`MultiLabelMarginLoss::forward`].
#[track_caller]
pub fn multilabel_margin_loss(input: &Variable, target: &Variable) -> Variable {
    MultiLabelMarginLoss::new().forward(input, target)
}
