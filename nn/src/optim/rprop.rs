//! Rprop, steps by the sign of the gradient alone (Riedmiller and Braun 1993); for whole batches.

use tensor::Tensor;
use tensor::kernels::optim::{Lane, Rule};

use super::options::{options, require, require_non_negative, settable};
use super::sgd::penalised;
use super::{Item, Memory, Method, fuse};

options! {
    /// Options of [`Rprop`].
    ///
    /// ```text
    /// s = clamp(s etaplus, min, max)             where g has the sign of the last g
    /// s = clamp(s etaminus, min, max),  g = 0    where the sign changed
    /// w = w - sign(g) s
    /// ```
    pub struct RpropOptions for Rprop, "PyTorch: `torch.optim.Rprop`." {
        /// The factors of a step size after a change of sign, and after none.
        etas: (f64, f64) = (0.5, 1.2),
        /// The smallest and the largest step size.
        step_sizes: (f64, f64) = (1e-6, 50.0),
        /// Whether to climb instead of descend.
        maximize: bool = false,
    }
}

#[derive(Clone, Copy)]
struct Resilient {
    etas: (f64, f64),
    step_sizes: (f64, f64),
    maximize: bool,
}

impl Rule<2> for Resilient {
    #[inline(always)]
    fn apply<V: Lane>(&self, value: V, grad: V, [last, size]: [V; 2]) -> (V, [V; 2]) {
        let c = |number: f64| value.constant(number);
        let g = penalised(value, grad, 0.0, self.maximize);
        let agreement = g * last;
        let turned = -agreement;
        let factor = agreement.if_positive(c(self.etas.1), turned.if_positive(c(self.etas.0), c(1.0)));
        let size = (size * factor).max(c(self.step_sizes.0)).min(c(self.step_sizes.1));
        let g = turned.if_positive(c(0.0), g);
        (value - g.sign() * size, [g, size])
    }
}

impl Method for RpropOptions {
    const NAME: &'static str = "Rprop";

    fn validate(&self) {
        require_non_negative("Rprop", &[("lr", self.lr)]);
        require("Rprop", self.etas.0 > 0.0 && self.etas.0 < 1.0, "etaminus", "in (0, 1)", self.etas.0);
        require("Rprop", self.etas.1 > 1.0, "etaplus", "above 1", self.etas.1);
    }

    settable!();

    fn state_names(&self) -> Vec<&'static str> {
        vec!["prev", "step_size"]
    }

    fn begin(&self, value: &Tensor) -> Memory {
        let tensors = vec![value.zeros_like(), value.full_like(self.lr)];
        Memory { tensors, begun: true, ..Memory::default() }
    }

    fn update(&self, items: Vec<Item<'_>>) {
        let &RpropOptions { etas, step_sizes, maximize, .. } = self;
        fuse(items, |_| Resilient { etas, step_sizes, maximize });
    }
}
