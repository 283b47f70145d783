//! RAdam, Adam whose adaptive rate is rectified while its variance is unknown (Liu et al. 2020).

use tensor::kernels::optim::{Lane, Rule};

use super::options::{options, require_betas, require_non_negative, settable};
use super::sgd::penalised;
use super::{Item, Method, fuse};

options! {
    /// Options of [`RAdam`].
    ///
    /// ```text
    /// m, v as in Adam;  rho_inf = 2 / (1 - beta2) - 1,  rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t)
    /// r_t = sqrt((rho_t - 4) (rho_t - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho_t))
    /// w = w - lr m / (1 - beta1^t) r_t sqrt(1 - beta2^t) / (sqrt(v) + eps)   if rho_t > 5
    /// w = w - lr m / (1 - beta1^t)                                           else
    /// ```
    pub struct RAdamOptions for RAdam, "PyTorch: `torch.optim.RAdam`." {
        /// How much of the two averages is kept from step to step.
        betas: (f64, f64) = (0.9, 0.999),
        /// What keeps the denominator from 0.
        eps: f64 = 1e-8,
        /// The L2 penalty.
        weight_decay: f64 = 0.0,
        /// Whether weights decay on their own instead of through the gradient.
        decoupled_weight_decay: bool = false,
        /// Whether to climb instead of descend.
        maximize: bool = false,
    }
}

#[derive(Clone, Copy)]
struct Rectified {
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
    shrink: f64,
    maximize: bool,
    adaptive: bool,
    step_size: f64,
}

impl Rule<2> for Rectified {
    #[inline(always)]
    fn apply<V: Lane>(&self, value: V, grad: V, [mean, square]: [V; 2]) -> (V, [V; 2]) {
        let c = |number: f64| value.constant(number);
        let g = penalised(value, grad, self.weight_decay, self.maximize);
        let mean = mean.lerp(g, 1.0 - self.beta1);
        let square = square * c(self.beta2) + g * g * c(1.0 - self.beta2);
        let mut step = mean * c(self.step_size);
        if self.adaptive {
            step = step / (square.sqrt() + c(self.eps));
        }
        (value * c(self.shrink) - step, [mean, square])
    }
}

impl Method for RAdamOptions {
    const NAME: &'static str = "RAdam";

    fn validate(&self) {
        require_non_negative("RAdam", &[("lr", self.lr), ("eps", self.eps), ("weight_decay", self.weight_decay)]);
        require_betas("RAdam", self.betas);
    }

    settable!(betas.0);

    fn state_names(&self) -> Vec<&'static str> {
        vec!["exp_avg", "exp_avg_sq"]
    }

    fn update(&self, items: Vec<Item<'_>>) {
        let &RAdamOptions { lr, betas: (beta1, beta2), eps, weight_decay, decoupled_weight_decay: decoupled, maximize } =
            self;
        fuse(items, |memory| {
            let t = memory.step as f64;
            let correction2 = 1.0 - beta2.powf(t);
            let limit = 2.0 / (1.0 - beta2) - 1.0;
            let rho = limit - 2.0 * t * beta2.powf(t) / correction2;
            let adaptive = rho > 5.0;
            let rectification = if adaptive {
                ((rho - 4.0) * (rho - 2.0) * limit / ((limit - 4.0) * (limit - 2.0) * rho)).sqrt() * correction2.sqrt()
            } else {
                1.0
            };
            Rectified {
                beta1,
                beta2,
                eps,
                weight_decay: if decoupled { 0.0 } else { weight_decay },
                shrink: if decoupled { 1.0 - lr * weight_decay } else { 1.0 },
                maximize,
                adaptive,
                step_size: lr / (1.0 - beta1.powf(t)) * rectification,
            }
        });
    }
}
