//! Whether ops are recorded: a switch per thread.

use std::cell::Cell;

thread_local! {
    static ENABLED: Cell<bool> = const { Cell::new(true) };
}

/// Restores the switch when a closure ends, by return or by panic.
struct Restore(bool);

impl Drop for Restore {
    fn drop(&mut self) {
        ENABLED.set(self.0);
    }
}

/// Whether ops on this thread are recorded.
pub fn is_grad_enabled() -> bool {
    ENABLED.get()
}

/// Runs `f` without recording ops. PyTorch: `torch.no_grad`.
///
/// ```
/// use gradus_autograd::{Variable, no_grad};
/// use tensor::Tensor;
///
/// let x = Variable::leaf(Tensor::from([1.0, 2.0]));
/// assert!(!no_grad(|| &x * 2.0).requires_grad());
/// ```
pub fn no_grad<R>(f: impl FnOnce() -> R) -> R {
    with(false, f)
}

/// Runs `f` with recording on, inside a [`no_grad`]. PyTorch: `torch.enable_grad`.
pub fn enable_grad<R>(f: impl FnOnce() -> R) -> R {
    with(true, f)
}

pub(crate) fn with<R>(enabled: bool, f: impl FnOnce() -> R) -> R {
    let _restore = Restore(ENABLED.replace(enabled));
    f()
}
