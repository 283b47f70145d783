//! Flush-to-zero of denormal numbers on the current thread: arithmetic on them falls back to microcode on many CPUs, and
//! they mean nothing to training.
//!
//! Rust assumes the default floating-point environment, so the mode is changed by inline assembly, for the time of
//! kernels only. What the compiler may get wrong under this mode is the value of a denormal: one that it computes itself
//! at compile time is not flushed.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use std::arch::asm;
use std::cell::Cell;

thread_local! {
    static FLUSHING: Cell<bool> = const { Cell::new(false) };
}

/// Flushes denormals on this thread until it is dropped.
pub(super) struct Flush {
    /// The control register before, unless an outer guard flushes already.
    before: Option<u64>,
}

impl Flush {
    #[inline]
    pub(super) fn begin() -> Flush {
        if FLUSHING.replace(true) {
            return Flush { before: None };
        }
        let before = control();
        set_control(before | FLUSH_BITS);
        Flush { before: Some(before) }
    }
}

impl Drop for Flush {
    #[inline]
    fn drop(&mut self) {
        if let Some(before) = self.before {
            set_control(before);
            FLUSHING.set(false);
        }
    }
}

/// Flush-to-zero (results) and denormals-are-zero (operands) of MXCSR.
#[cfg(target_arch = "x86_64")]
const FLUSH_BITS: u64 = 1 << 15 | 1 << 6;
/// The FZ bit of FPCR, for operands and results.
#[cfg(target_arch = "aarch64")]
const FLUSH_BITS: u64 = 1 << 24;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const FLUSH_BITS: u64 = 0;

#[cfg(target_arch = "x86_64")]
#[inline]
fn control() -> u64 {
    let mut control = 0u32;
    // SAFETY: stores the 4 bytes of MXCSR in `control`.
    unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut control, options(nostack, preserves_flags)) };
    u64::from(control)
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn set_control(control: u64) {
    let control = control as u32;
    // SAFETY: loads MXCSR with a value read from it, at most with the two flush bits added; no exception is unmasked.
    unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const control, options(nostack, preserves_flags)) };
}

#[cfg(target_arch = "aarch64")]
#[inline]
fn control() -> u64 {
    let control: u64;
    // SAFETY: reads FPCR.
    unsafe { asm!("mrs {}, fpcr", out(reg) control, options(nostack, preserves_flags)) };
    control
}

#[cfg(target_arch = "aarch64")]
#[inline]
fn set_control(control: u64) {
    // SAFETY: writes FPCR with a value read from it, at most with the flush bit added.
    unsafe { asm!("msr fpcr, {}", in(reg) control, options(nostack, preserves_flags)) };
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn control() -> u64 {
    0
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn set_control(_control: u64) {}
