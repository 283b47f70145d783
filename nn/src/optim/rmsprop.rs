//! RMSprop (Hinton 2012), with the centered variant of Graves (2013).

use tensor::kernels::optim::{Lane, Rule};

use super::options::{options, require_non_negative, settable};
use super::sgd::penalised;
use super::{Item, Method, fuse};

options! {
    /// Options of [`RmsProp`].
    ///
    /// ```text
    /// v = alpha v + (1 - alpha) g^2
    /// d = g / (sqrt(v) + eps)                    (centered: v less the square of the mean gradient)
    /// w = w - lr d, or with momentum: b = momentum b + d, w = w - lr b
    /// ```
    pub struct RmsPropOptions for RmsProp, "PyTorch: `torch.optim.RMSprop`." {
        /// How much of the average of squares is kept from step to step.
        alpha: f64 = 0.99,
        /// What keeps the denominator from 0.
        eps: f64 = 1e-8,
        /// The L2 penalty.
        weight_decay: f64 = 0.0,
        /// The share of the last step that is kept.
        momentum: f64 = 0.0,
        /// Whether the denominator is the deviation from the mean gradient.
        centered: bool = false,
        /// Whether to climb instead of descend.
        maximize: bool = false,
    }
}

#[derive(Clone, Copy)]
struct RootMeanSquare {
    lr: f64,
    alpha: f64,
    eps: f64,
    weight_decay: f64,
    momentum: f64,
    centered: bool,
    maximize: bool,
}

impl<const K: usize> Rule<K> for RootMeanSquare {
    #[inline(always)]
    fn apply<V: Lane>(&self, value: V, grad: V, mut state: [V; K]) -> (V, [V; K]) {
        let c = |number: f64| value.constant(number);
        let g = penalised(value, grad, self.weight_decay, self.maximize);
        state[0] = state[0] * c(self.alpha) + g * g * c(1.0 - self.alpha);
        let mut square = state[0];
        if self.centered {
            state[K - 1] = state[K - 1].lerp(g, 1.0 - self.alpha);
            square = square - state[K - 1] * state[K - 1];
        }
        let mut direction = g / (square.sqrt() + c(self.eps));
        if self.momentum > 0.0 && K > 1 {
            state[1] = state[1] * c(self.momentum) + direction;
            direction = state[1];
        }
        (value - direction * c(self.lr), state)
    }
}

impl Method for RmsPropOptions {
    const NAME: &'static str = "RMSprop";

    fn validate(&self) {
        require_non_negative(
            "RMSprop",
            &[
                ("lr", self.lr),
                ("eps", self.eps),
                ("weight_decay", self.weight_decay),
                ("momentum", self.momentum),
                ("alpha", self.alpha),
            ],
        );
    }

    settable!(momentum);

    fn state_names(&self) -> Vec<&'static str> {
        let mut names = vec!["square_avg"];
        names.extend((self.momentum > 0.0).then_some("momentum_buffer"));
        names.extend(self.centered.then_some("grad_avg"));
        names
    }

    fn update(&self, items: Vec<Item<'_>>) {
        let &RmsPropOptions { lr, alpha, eps, weight_decay, momentum, centered, maximize } = self;
        let rule = RootMeanSquare { lr, alpha, eps, weight_decay, momentum, centered, maximize };
        let mut items = items;
        for item in &mut items {
            // A scheduler may have switched momentum on after the first step.
            if momentum > 0.0 && item.memory.tensors.len() == 1 + usize::from(centered) {
                item.memory.tensors.insert(1, item.value.zeros_like());
            } else if momentum <= 0.0 && item.memory.tensors.len() == 2 + usize::from(centered) {
                item.memory.tensors.remove(1);
            }
        }
        match self.state_names().len() {
            1 => fuse::<_, 1>(items, |_| rule),
            2 => fuse::<_, 2>(items, |_| rule),
            _ => fuse::<_, 3>(items, |_| rule),
        }
    }
}
