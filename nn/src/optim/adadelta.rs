//! Adadelta (Zeiler 2012).

use tensor::kernels::optim::{Lane, Rule};

use super::options::{options, require, require_non_negative, settable};
use super::sgd::penalised;
use super::{Item, Method, fuse};

options! {
    /// Options of [`Adadelta`].
    ///
    /// ```text
    /// v = rho v + (1 - rho) g^2
    /// d = sqrt(u + eps) / sqrt(v + eps) g
    /// u = rho u + (1 - rho) d^2,  w = w - lr d
    /// ```
    pub struct AdadeltaOptions for Adadelta, "PyTorch: `torch.optim.Adadelta`." {
        /// How much of the two averages is kept from step to step.
        rho: f64 = 0.9,
        /// What keeps both roots from 0.
        eps: f64 = 1e-6,
        /// The L2 penalty.
        weight_decay: f64 = 0.0,
        /// Whether to climb instead of descend.
        maximize: bool = false,
    }
}

#[derive(Clone, Copy)]
struct Delta {
    lr: f64,
    rho: f64,
    eps: f64,
    weight_decay: f64,
    maximize: bool,
}

impl Rule<2> for Delta {
    #[inline(always)]
    fn apply<V: Lane>(&self, value: V, grad: V, [square, moved]: [V; 2]) -> (V, [V; 2]) {
        let c = |number: f64| value.constant(number);
        let g = penalised(value, grad, self.weight_decay, self.maximize);
        let square = square * c(self.rho) + g * g * c(1.0 - self.rho);
        let step = (moved + c(self.eps)).sqrt() / (square + c(self.eps)).sqrt() * g;
        let moved = moved * c(self.rho) + step * step * c(1.0 - self.rho);
        (value - step * c(self.lr), [square, moved])
    }
}

impl Method for AdadeltaOptions {
    const NAME: &'static str = "Adadelta";

    fn validate(&self) {
        require_non_negative("Adadelta", &[("lr", self.lr), ("eps", self.eps), ("weight_decay", self.weight_decay)]);
        require("Adadelta", (0.0..=1.0).contains(&self.rho), "rho", "in [0, 1]", self.rho);
    }

    settable!();

    fn state_names(&self) -> Vec<&'static str> {
        vec!["square_avg", "acc_delta"]
    }

    fn update(&self, items: Vec<Item<'_>>) {
        let &AdadeltaOptions { lr, rho, eps, weight_decay, maximize } = self;
        fuse(items, |_| Delta { lr, rho, eps, weight_decay, maximize });
    }
}
