//! Adamax, Adam with the infinity norm (Kingma and Ba 2015).

use tensor::kernels::optim::{Lane, Rule};

use super::options::{options, require_betas, require_non_negative, settable};
use super::sgd::penalised;
use super::{Item, Method, fuse};

options! {
    /// Options of [`Adamax`].
    ///
    /// ```text
    /// m = beta1 m + (1 - beta1) g,  u = max(beta2 u, |g| + eps)
    /// w = w - lr / (1 - beta1^t) m / u
    /// ```
    pub struct AdamaxOptions for Adamax, "PyTorch: `torch.optim.Adamax`." {
        /// How much of the two averages is kept from step to step.
        betas: (f64, f64) = (0.9, 0.999),
        /// What keeps the denominator from 0.
        eps: f64 = 1e-8,
        /// The L2 penalty.
        weight_decay: f64 = 0.0,
        /// Whether to climb instead of descend.
        maximize: bool = false,
    }
}

#[derive(Clone, Copy)]
struct InfinityNorm {
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
    maximize: bool,
    /// `lr / (1 - beta1^t)`.
    step_size: f64,
}

impl Rule<2> for InfinityNorm {
    #[inline(always)]
    fn apply<V: Lane>(&self, value: V, grad: V, [mean, norm]: [V; 2]) -> (V, [V; 2]) {
        let c = |number: f64| value.constant(number);
        let g = penalised(value, grad, self.weight_decay, self.maximize);
        let mean = mean.lerp(g, 1.0 - self.beta1);
        let norm = (norm * c(self.beta2)).max(g.abs() + c(self.eps));
        (value - mean * c(self.step_size) / norm, [mean, norm])
    }
}

impl Method for AdamaxOptions {
    const NAME: &'static str = "Adamax";

    fn validate(&self) {
        require_non_negative("Adamax", &[("lr", self.lr), ("eps", self.eps), ("weight_decay", self.weight_decay)]);
        require_betas("Adamax", self.betas);
    }

    settable!(betas.0);

    fn state_names(&self) -> Vec<&'static str> {
        vec!["exp_avg", "exp_inf"]
    }

    fn update(&self, items: Vec<Item<'_>>) {
        let &AdamaxOptions { lr, betas: (beta1, beta2), eps, weight_decay, maximize } = self;
        fuse(items, |memory| {
            let step_size = lr / (1.0 - beta1.powf(memory.step as f64));
            InfinityNorm { beta1, beta2, eps, weight_decay, maximize, step_size }
        });
    }
}
