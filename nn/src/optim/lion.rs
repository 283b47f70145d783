//! Lion, evolved sign momentum (Chen et al. 2023).

use tensor::kernels::optim::{Lane, Rule};

use super::options::{options, require_betas, require_non_negative, settable};
use super::sgd::penalised;
use super::{Item, Method, fuse};

options! {
    /// Options of [`Lion`].
    ///
    /// ```text
    /// w = (1 - lr weight_decay) w - lr sign(beta1 m + (1 - beta1) g)
    /// m = beta2 m + (1 - beta2) g
    /// ```
    pub struct LionOptions for Lion, "PyTorch has none; the paper's defaults." {
        /// How much of the momentum the step sees, and how much of it is kept.
        betas: (f64, f64) = (0.9, 0.99),
        /// The decoupled decay.
        weight_decay: f64 = 0.0,
        /// Whether to climb instead of descend.
        maximize: bool = false,
    }
}

#[derive(Clone, Copy)]
struct SignMomentum {
    lr: f64,
    beta1: f64,
    beta2: f64,
    weight_decay: f64,
    maximize: bool,
}

impl Rule<1> for SignMomentum {
    #[inline(always)]
    fn apply<V: Lane>(&self, value: V, grad: V, [mean]: [V; 1]) -> (V, [V; 1]) {
        let c = |number: f64| value.constant(number);
        let g = penalised(value, grad, 0.0, self.maximize);
        let direction = (mean * c(self.beta1) + g * c(1.0 - self.beta1)).sign();
        let mean = mean * c(self.beta2) + g * c(1.0 - self.beta2);
        (value * c(1.0 - self.lr * self.weight_decay) - direction * c(self.lr), [mean])
    }
}

impl Method for LionOptions {
    const NAME: &'static str = "Lion";
    const STORES_STEP: bool = false;

    fn validate(&self) {
        require_non_negative("Lion", &[("lr", self.lr), ("weight_decay", self.weight_decay)]);
        require_betas("Lion", self.betas);
    }

    settable!(betas.0);

    fn state_names(&self) -> Vec<&'static str> {
        vec!["exp_avg"]
    }

    fn update(&self, items: Vec<Item<'_>>) {
        let &LionOptions { lr, betas: (beta1, beta2), weight_decay, maximize } = self;
        fuse(items, |_| SignMomentum { lr, beta1, beta2, weight_decay, maximize });
    }
}
