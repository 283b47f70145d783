//! NAdam, Adam with Nesterov momentum (Dozat 2016).

use tensor::Tensor;
use tensor::kernels::optim::{Lane, Rule};

use super::options::{options, require_betas, require_non_negative, settable};
use super::sgd::penalised;
use super::{Item, Memory, Method, fuse};

options! {
    /// Options of [`NAdam`].
    ///
    /// ```text
    /// mu_t = beta1 (1 - 0.5 0.96^(t momentum_decay))
    /// m, v as in Adam
    /// w = w - lr ((1 - mu_t) / (1 - mu_1..mu_t) g + mu_(t+1) / (1 - mu_1..mu_(t+1)) m) / (sqrt(v / (1 - beta2^t)) + eps)
    /// ```
    pub struct NAdamOptions for NAdam, "PyTorch: `torch.optim.NAdam`." {
        /// How much of the two averages is kept from step to step.
        betas: (f64, f64) = (0.9, 0.999),
        /// What keeps the denominator from 0.
        eps: f64 = 1e-8,
        /// The L2 penalty.
        weight_decay: f64 = 0.0,
        /// How fast the momentum grows towards beta1.
        momentum_decay: f64 = 4e-3,
        /// Whether weights decay on their own instead of through the gradient.
        decoupled_weight_decay: bool = false,
        /// Whether to climb instead of descend.
        maximize: bool = false,
    }
}

#[derive(Clone, Copy)]
struct LookAhead {
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
    shrink: f64,
    maximize: bool,
    /// The factors of the gradient and of the mean.
    steps: (f64, f64),
    /// `1 / (1 - beta2^t)`.
    correction: f64,
}

impl Rule<2> for LookAhead {
    #[inline(always)]
    fn apply<V: Lane>(&self, value: V, grad: V, [mean, square]: [V; 2]) -> (V, [V; 2]) {
        let c = |number: f64| value.constant(number);
        let g = penalised(value, grad, self.weight_decay, self.maximize);
        let mean = mean.lerp(g, 1.0 - self.beta1);
        let square = square * c(self.beta2) + g * g * c(1.0 - self.beta2);
        let denominator = (square * c(self.correction)).sqrt() + c(self.eps);
        let step = (g * c(self.steps.0) + mean * c(self.steps.1)) / denominator;
        (value * c(self.shrink) - step, [mean, square])
    }
}

impl Method for NAdamOptions {
    const NAME: &'static str = "NAdam";
    const SCALAR: Option<&'static str> = Some("mu_product");

    fn validate(&self) {
        let non_negative = [
            ("lr", self.lr),
            ("eps", self.eps),
            ("weight_decay", self.weight_decay),
            ("momentum_decay", self.momentum_decay),
        ];
        require_non_negative("NAdam", &non_negative);
        require_betas("NAdam", self.betas);
    }

    settable!(betas.0);

    fn state_names(&self) -> Vec<&'static str> {
        vec!["exp_avg", "exp_avg_sq"]
    }

    fn begin(&self, value: &Tensor) -> Memory {
        Memory { scalar: 1.0, tensors: vec![value.zeros_like(), value.zeros_like()], begun: true, step: 0 }
    }

    fn update(&self, items: Vec<Item<'_>>) {
        let &NAdamOptions { lr, betas: (beta1, beta2), eps, weight_decay, momentum_decay, maximize, .. } = self;
        let decoupled = self.decoupled_weight_decay;
        fuse(items, |memory| {
            let t = memory.step as f64;
            let mu = |t: f64| beta1 * (1.0 - 0.5 * 0.96f64.powf(t * momentum_decay));
            // PyTorch keeps the product in f32.
            memory.scalar = f64::from(memory.scalar as f32 * mu(t) as f32);
            let (product, next) = (memory.scalar, memory.scalar * mu(t + 1.0));
            LookAhead {
                beta1,
                beta2,
                eps,
                weight_decay: if decoupled { 0.0 } else { weight_decay },
                shrink: if decoupled { 1.0 - lr * weight_decay } else { 1.0 },
                maximize,
                steps: (lr * (1.0 - mu(t)) / (1.0 - product), lr * mu(t + 1.0) / (1.0 - next)),
                correction: 1.0 / (1.0 - beta2.powf(t)),
            }
        });
    }
}
