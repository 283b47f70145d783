//! Stochastic gradient descent, the method that everything else refines.

use tensor::kernels::optim::{Lane, Rule};

use super::options::{options, require_non_negative, settable};
use super::{Item, Method, fuse};

options! {
    /// Options of [`Sgd`].
    ///
    /// ```text
    /// g = gradient + weight_decay w          (gradient negated if maximize)
    /// b = momentum b + (1 - dampening) g     (b = g in the first step)
    /// w = w - lr (g + momentum b  if nesterov, else b)
    /// ```
    pub struct SgdOptions for Sgd, "PyTorch: `torch.optim.SGD`." {
        /// The share of the last step that is kept.
        momentum: f64 = 0.0,
        /// What the gradient's share in the momentum lacks.
        dampening: f64 = 0.0,
        /// The L2 penalty.
        weight_decay: f64 = 0.0,
        /// Whether to look ahead along the momentum (Nesterov 1983).
        nesterov: bool = false,
        /// Whether to climb instead of descend.
        maximize: bool = false,
    }
}

#[derive(Clone, Copy)]
struct Descend<const K: usize> {
    options: Plain,
    first: bool,
}

#[derive(Clone, Copy)]
struct Plain {
    lr: f64,
    momentum: f64,
    dampening: f64,
    weight_decay: f64,
    nesterov: bool,
    maximize: bool,
}

/// The gradient as the methods see it: negated for `maximize`, with the L2 penalty's part.
#[inline(always)]
pub(super) fn penalised<V: Lane>(value: V, grad: V, weight_decay: f64, maximize: bool) -> V {
    let grad = if maximize { -grad } else { grad };
    if weight_decay == 0.0 { grad } else { grad + value * value.constant(weight_decay) }
}

impl<const K: usize> Rule<K> for Descend<K> {
    #[inline(always)]
    fn apply<V: Lane>(&self, value: V, grad: V, mut state: [V; K]) -> (V, [V; K]) {
        let o = &self.options;
        let mut g = penalised(value, grad, o.weight_decay, o.maximize);
        if K == 1 {
            let buffer =
                if self.first { g } else { state[0] * g.constant(o.momentum) + g * g.constant(1.0 - o.dampening) };
            state[0] = buffer;
            g = if o.nesterov { g + buffer * g.constant(o.momentum) } else { buffer };
        }
        (value - g * g.constant(o.lr), state)
    }
}

impl Method for SgdOptions {
    const NAME: &'static str = "SGD";
    const STORES_STEP: bool = false;

    fn validate(&self) {
        require_non_negative(
            "SGD",
            &[("lr", self.lr), ("momentum", self.momentum), ("weight_decay", self.weight_decay)],
        );
    }

    fn validate_defaults(&self) {
        if self.nesterov && (self.momentum <= 0.0 || self.dampening != 0.0) {
            tensor::fault!(
                "SGD",
                [],
                "nesterov needs a momentum and no dampening, got momentum {} and dampening {}",
                self.momentum,
                self.dampening
            );
        }
    }

    settable!(momentum);

    fn state_names(&self) -> Vec<&'static str> {
        if self.momentum == 0.0 { Vec::new() } else { vec!["momentum_buffer"] }
    }

    fn update(&self, mut items: Vec<Item<'_>>) {
        let &SgdOptions { lr, momentum, dampening, weight_decay, nesterov, maximize } = self;
        let options = Plain { lr, momentum, dampening, weight_decay, nesterov, maximize };
        if momentum == 0.0 {
            for item in &mut items {
                item.memory.tensors.clear();
            }
            return fuse(items, |_| Descend::<0> { options, first: false });
        }
        for item in &mut items {
            // A scheduler may have switched momentum on after the first step.
            if item.memory.tensors.is_empty() {
                item.memory.tensors.push(item.value.zeros_like());
                item.memory.step = 0;
            }
        }
        fuse(items, |memory| Descend::<1> { options, first: memory.step == 1 });
    }
}
