//! Adam (Kingma and Ba 2015), AMSGrad (Reddi et al. 2018) and AdamW (Loshchilov and Hutter 2019).

use autograd::Variable;
use serde::{Deserialize, Serialize};
use tensor::kernels::optim::{Lane, Rule};

use super::options::{require_betas, require_non_negative, settable};
use super::sgd::penalised;
use super::{GroupedOptimizer, Item, Method, fuse};

/// Options of [`Adam`] (`DECOUPLED = false`) and [`AdamW`] (`true`), which differ in defaults alone.
///
/// ```text
/// m = beta1 m + (1 - beta1) g        v = beta2 v + (1 - beta2) g^2
/// w = w - lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + eps)
/// ```
/// where `g` holds the L2 penalty `weight_decay w`, unless it is decoupled: then `w` shrinks by `lr weight_decay w`.
///
/// ```
/// use autograd::Variable;
/// use gradus_nn::optim::{Adam, AdamW, Optimizer};
/// use tensor::Tensor;
/// let w = Variable::leaf(Tensor::from([3.0]));
/// let mut adam = Adam::builder(0.1).betas((0.9, 0.99)).amsgrad(true).build([&w]);
/// (&w * &w).backward();
/// adam.step();
/// assert!((w.item::<f64>() - 2.9).abs() < 1e-6);
/// assert_eq!(AdamW::new([&w], 0.1).lr(0), 0.1);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamOptions<const DECOUPLED: bool> {
    lr: f64,
    betas: (f64, f64),
    eps: f64,
    weight_decay: f64,
    amsgrad: bool,
    maximize: bool,
    decoupled_weight_decay: bool,
}

/// Adaptive moments. PyTorch: `torch.optim.Adam`.
pub type Adam = GroupedOptimizer<AdamOptions<false>>;
/// Adam with decoupled weight decay, 0.01 by default. PyTorch: `torch.optim.AdamW`.
pub type AdamW = GroupedOptimizer<AdamOptions<true>>;

impl<const DECOUPLED: bool> AdamOptions<DECOUPLED> {
    /// The default options with a learning rate.
    pub fn new(lr: f64) -> Self {
        AdamOptions {
            lr,
            betas: (0.9, 0.999),
            eps: 1e-8,
            weight_decay: if DECOUPLED { 0.01 } else { 0.0 },
            amsgrad: false,
            maximize: false,
            decoupled_weight_decay: DECOUPLED,
        }
    }

    /// How much of the two averages is kept from step to step.
    #[must_use]
    pub fn betas(mut self, betas: (f64, f64)) -> Self {
        self.betas = betas;
        self
    }

    /// What keeps the denominator from 0.
    #[must_use]
    pub fn eps(mut self, eps: f64) -> Self {
        self.eps = eps;
        self
    }

    /// The L2 penalty, or the decoupled decay.
    #[must_use]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// Whether the denominator never shrinks.
    #[must_use]
    pub fn amsgrad(mut self, amsgrad: bool) -> Self {
        self.amsgrad = amsgrad;
        self
    }

    /// Whether to climb instead of descend.
    #[must_use]
    pub fn maximize(mut self, maximize: bool) -> Self {
        self.maximize = maximize;
        self
    }

    /// Whether weights decay on their own instead of through the gradient.
    #[must_use]
    pub fn decoupled_weight_decay(mut self, decoupled: bool) -> Self {
        self.decoupled_weight_decay = decoupled;
        self
    }

    /// The optimizer of `params`.
    ///
    /// # Panics
    /// If there are no parameters, one appears twice or is not a leaf, or an option is out of range.
    #[track_caller]
    pub fn build<P: Into<Variable>>(self, params: impl IntoIterator<Item = P>) -> GroupedOptimizer<Self> {
        GroupedOptimizer::of(params, self)
    }
}

impl<const DECOUPLED: bool> GroupedOptimizer<AdamOptions<DECOUPLED>> {
    /// The optimizer of `params` with the default options.
    ///
    /// # Panics
    /// If there are no parameters, one appears twice or is not a leaf, or `lr` is negative.
    #[track_caller]
    pub fn new<P: Into<Variable>>(params: impl IntoIterator<Item = P>, lr: f64) -> Self {
        AdamOptions::new(lr).build(params)
    }

    /// The default options, to be changed before `build`.
    pub fn builder(lr: f64) -> AdamOptions<DECOUPLED> {
        AdamOptions::new(lr)
    }
}

#[derive(Clone, Copy)]
struct Moments {
    beta1: f64,
    beta2: f64,
    weight_decay: f64,
    shrink: f64,
    maximize: bool,
    /// `lr / (1 - beta1^t)`.
    step_size: f64,
    /// `1 / sqrt(1 - beta2^t)`.
    scale: f64,
    eps: f64,
}

impl<const K: usize> Rule<K> for Moments {
    #[inline(always)]
    fn apply<V: Lane>(&self, value: V, grad: V, mut state: [V; K]) -> (V, [V; K]) {
        let c = |number: f64| value.constant(number);
        let g = penalised(value, grad, self.weight_decay, self.maximize);
        state[0] = state[0].lerp(g, 1.0 - self.beta1);
        state[1] = state[1] * c(self.beta2) + g * g * c(1.0 - self.beta2);
        let mut square = state[1];
        if K == 3 {
            state[2] = state[2].max(square);
            square = state[2];
        }
        let denominator = square.sqrt() * c(self.scale) + c(self.eps);
        (value * c(self.shrink) - state[0] * c(self.step_size) / denominator, state)
    }
}

impl<const DECOUPLED: bool> Method for AdamOptions<DECOUPLED> {
    const NAME: &'static str = if DECOUPLED { "AdamW" } else { "Adam" };

    fn validate(&self) {
        require_non_negative(Self::NAME, &[("lr", self.lr), ("eps", self.eps), ("weight_decay", self.weight_decay)]);
        require_betas(Self::NAME, self.betas);
    }

    settable!(betas.0);

    fn state_names(&self) -> Vec<&'static str> {
        let mut names = vec!["exp_avg", "exp_avg_sq"];
        names.extend(self.amsgrad.then_some("max_exp_avg_sq"));
        names
    }

    fn update(&self, items: Vec<Item<'_>>) {
        let &AdamOptions { lr, betas: (beta1, beta2), eps, weight_decay, maximize, decoupled_weight_decay, .. } = self;
        let rule = |step: u64| Moments {
            beta1,
            beta2,
            weight_decay: if decoupled_weight_decay { 0.0 } else { weight_decay },
            shrink: if decoupled_weight_decay { 1.0 - lr * weight_decay } else { 1.0 },
            maximize,
            step_size: lr / (1.0 - beta1.powf(step as f64)),
            scale: 1.0 / (1.0 - beta2.powf(step as f64)).sqrt(),
            eps,
        };
        if self.amsgrad {
            fuse::<_, 3>(items, |memory| rule(memory.step));
        } else {
            fuse::<_, 2>(items, |memory| rule(memory.step));
        }
    }
}
