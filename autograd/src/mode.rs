//! Switches per thread: whether ops are recorded, and whether backward passes look for gradients that are no numbers.

use std::cell::Cell;

thread_local! {
    static ENABLED: Cell<bool> = const { Cell::new(true) };
    static ANOMALY: Cell<bool> = const { Cell::new(false) };
}

/// Restores the switch when a closure ends, by return or by panic.
pub(crate) struct Restore(bool);

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
    let _restore = set(enabled);
    f()
}

/// Sets the switch until the guard is dropped. Unlike a closure, what runs meanwhile knows the line that called it.
pub(crate) fn set(enabled: bool) -> Restore {
    Restore(ENABLED.replace(enabled))
}

/// Runs `f`; backward passes in it stop at the first op whose gradient is not finite, with a panic that names the op and
/// the line of the program that called it. PyTorch: `torch.autograd.detect_anomaly`.
///
/// ```should_panic
/// use gradus_autograd::{Variable, detect_anomaly};
/// use tensor::Tensor;
///
/// let x = Variable::leaf(Tensor::from([0.0, 1.0]));
/// detect_anomaly(|| x.sqrt().sum(&[], false).backward());
/// ```
///
/// # Panics
/// If a gradient is not finite.
pub fn detect_anomaly<R>(f: impl FnOnce() -> R) -> R {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            ANOMALY.set(self.0);
        }
    }
    let _before = Before(ANOMALY.replace(true));
    f()
}

pub(crate) fn detects_anomaly() -> bool {
    ANOMALY.get()
}
