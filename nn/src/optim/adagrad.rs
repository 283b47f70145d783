//! Adagrad (Duchi, Hazan and Singer 2011).

use tensor::Tensor;
use tensor::kernels::optim::{Lane, Rule};

use super::options::{options, require_non_negative, settable};
use super::sgd::penalised;
use super::{Item, Memory, Method, fuse};

options! {
    /// Options of [`Adagrad`].
    ///
    /// ```text
    /// s = s + g^2
    /// w = w - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)
    /// ```
    pub struct AdagradOptions for Adagrad, "PyTorch: `torch.optim.Adagrad`." {
        /// How fast the learning rate falls: `lr / (1 + (t - 1) lr_decay)`.
        lr_decay: f64 = 0.0,
        /// The L2 penalty.
        weight_decay: f64 = 0.0,
        /// Where the sum of squares starts.
        initial_accumulator_value: f64 = 0.0,
        /// What keeps the denominator from 0.
        eps: f64 = 1e-10,
        /// Whether to climb instead of descend.
        maximize: bool = false,
    }
}

#[derive(Clone, Copy)]
struct Accumulate {
    lr: f64,
    eps: f64,
    weight_decay: f64,
    maximize: bool,
}

impl Rule<1> for Accumulate {
    #[inline(always)]
    fn apply<V: Lane>(&self, value: V, grad: V, [sum]: [V; 1]) -> (V, [V; 1]) {
        let g = penalised(value, grad, self.weight_decay, self.maximize);
        let sum = sum + g * g;
        (value - g * value.constant(self.lr) / (sum.sqrt() + value.constant(self.eps)), [sum])
    }
}

impl Method for AdagradOptions {
    const NAME: &'static str = "Adagrad";
    const BEGINS_AT_ONCE: bool = true;

    fn validate(&self) {
        require_non_negative(
            "Adagrad",
            &[
                ("lr", self.lr),
                ("lr_decay", self.lr_decay),
                ("weight_decay", self.weight_decay),
                ("initial_accumulator_value", self.initial_accumulator_value),
                ("eps", self.eps),
            ],
        );
    }

    settable!();

    fn state_names(&self) -> Vec<&'static str> {
        vec!["sum"]
    }

    fn begin(&self, value: &Tensor) -> Memory {
        let sum = value.full_like(self.initial_accumulator_value);
        Memory { tensors: vec![sum], begun: true, ..Memory::default() }
    }

    fn update(&self, items: Vec<Item<'_>>) {
        let &AdagradOptions { lr, lr_decay, weight_decay, eps, maximize, .. } = self;
        fuse(items, |memory| {
            let lr = lr / (1.0 + (memory.step - 1) as f64 * lr_decay);
            Accumulate { lr, eps, weight_decay, maximize }
        });
    }
}
