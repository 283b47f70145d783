//! From a level known at run time to code compiled for it: the only `#[target_feature]` functions of gradus.

use super::{Level, Real, Simd, level};

/// A kernel whose arguments are fields; [`run`] compiles it once per level.
///
/// Implementations mark [`Kernel::run`] `#[inline(always)]`.
pub trait Kernel<T: Real> {
    /// What the kernel returns.
    type Output;

    /// Does the work with the vectors of `S`.
    ///
    /// # Safety
    /// The CPU has the instructions of `S`; what else must hold is up to the kernel.
    unsafe fn run<S: Simd<Scalar = T>>(self) -> Self::Output;
}

/// Runs `kernel` with the vectors of `level`.
///
/// # Safety
/// `level` is available on this CPU, and whatever `kernel` itself asks for holds.
#[inline]
pub unsafe fn run<T: Real, K: Kernel<T>>(level: Level, kernel: K) -> K::Output {
    dispatch! {
        @every_level unsafe fn kernel_at<T>[K: Kernel<T>](kernel: K) -> K::Output = run_kernel;
    }
    #[inline(always)]
    unsafe fn run_kernel<S: Simd, K: Kernel<S::Scalar>>(kernel: K) -> K::Output {
        // SAFETY: the caller's.
        unsafe { kernel.run::<S>() }
    }
    // SAFETY: the caller's.
    unsafe { kernel_at::<T, K>(level, kernel) }
}

/// Makes `unsafe fn name<T: Real, ..>(level: Level, args..)` that runs the generic `kernel::<S, ..>(args..)` with the
/// vectors of `level`, compiled once per level in a thin `#[target_feature]` wrapper; it is never inlined, so that callers
/// of that level have no copies of their own.
///
/// Further generic parameters stand in brackets: `unsafe fn name<T>[const N: usize, F: Map](args) = kernel;` calls
/// `kernel::<S, N, F>`. The safety contract is the kernel's, and that `level` is available.
///
/// `f64`, in which networks are checked rather than trained, has AVX2's vectors at AVX-512 too: without kernels of its own
/// there, programs are a twentieth smaller. What begins with `@every_level` has them: reductions add up `f32` in `f64`.
macro_rules! dispatch {
    (
        @every_level $vis:vis unsafe fn $name:ident<$T:ident> $([$($extra:tt)*])?
        ($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? = $kernel:ident;
    ) => {
        $crate::simd::dispatch! {
            @names [8, $vis] $name $T [] [$($($extra)*)?] [$($($extra)*)?]
            [$($arg: $ty),*] [$(-> $ret)?] $kernel
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis unsafe fn $name:ident<$T:ident> $([$($extra:tt)*])?
        ($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? = $kernel:ident;
    ) => {
        $crate::simd::dispatch! {
            @names [4, $(#[$meta])* $vis] $name $T [] [$($($extra)*)?] [$($($extra)*)?]
            [$($arg: $ty),*] [$(-> $ret)?] $kernel
        }
    };
    // Collects the names of the further parameters, to hand them on: `const N: usize, F: Map<T>` gives `N, F`.
    (@names $head:tt $name:ident $T:ident [$($done:ident)*] [const $n:ident: $t:ty $(, $($rest:tt)*)?] $($tail:tt)*) => {
        $crate::simd::dispatch! { @names $head $name $T [$($done)* $n] [$($($rest)*)?] $($tail)* }
    };
    (@names $head:tt $name:ident $T:ident [$($done:ident)*]
        [$n:ident: $bound:ident $(<$($of:ident),+>)? $(, $($rest:tt)*)?] $($tail:tt)*) => {
        $crate::simd::dispatch! { @names $head $name $T [$($done)* $n] [$($($rest)*)?] $($tail)* }
    };
    (@names [$widest:literal, $(#[$meta:meta])* $vis:vis] $name:ident $T:ident [$($names:ident)*] [] [$($extra:tt)*]
        [$($arg:ident: $ty:ty),*] [$($ret:tt)*] $kernel:ident) => {
        $(#[$meta])*
        #[inline]
        #[allow(clippy::too_many_arguments)] // the level comes on top of the kernel's own
        $vis unsafe fn $name<$T: $crate::simd::Real, $($extra)*>(level: $crate::simd::Level, $($arg: $ty),*) $($ret)* {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            #[inline(never)]
            unsafe fn avx512<$T: $crate::simd::Real, $($extra)*>($($arg: $ty),*) $($ret)* {
                // SAFETY: the caller's, and this function has the instructions.
                unsafe { $kernel::<$T::Avx512, $($names),*>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[inline(never)]
            unsafe fn avx2<$T: $crate::simd::Real, $($extra)*>($($arg: $ty),*) $($ret)* {
                // SAFETY: the caller's, and this function has the instructions.
                unsafe { $kernel::<$T::Avx2, $($names),*>($($arg),*) }
            }
            #[cfg(target_arch = "aarch64")]
            #[target_feature(enable = "neon")]
            #[inline(never)]
            unsafe fn neon<$T: $crate::simd::Real, $($extra)*>($($arg: $ty),*) $($ret)* {
                // SAFETY: the caller's, and this function has the instructions.
                unsafe { $kernel::<$T::Neon, $($names),*>($($arg),*) }
            }
            #[inline(never)]
            unsafe fn portable<$T: $crate::simd::Real, $($extra)*>($($arg: $ty),*) $($ret)* {
                // SAFETY: the caller's.
                unsafe { $kernel::<$T::Portable, $($names),*>($($arg),*) }
            }
            // SAFETY: the caller's: the level is available and the kernel's own conditions hold.
            unsafe {
                match level {
                    #[cfg(target_arch = "x86_64")]
                    $crate::simd::Level::Avx512 => {
                        // A constant block, so that nothing is compiled for what is never called.
                        if const { size_of::<$T>() <= $widest } {
                            avx512::<$T, $($names),*>($($arg),*)
                        } else {
                            avx2::<$T, $($names),*>($($arg),*)
                        }
                    }
                    #[cfg(target_arch = "x86_64")]
                    $crate::simd::Level::Avx2 => avx2::<$T, $($names),*>($($arg),*),
                    #[cfg(target_arch = "aarch64")]
                    $crate::simd::Level::Neon => neon::<$T, $($names),*>($($arg),*),
                    _ => portable::<$T, $($names),*>($($arg),*),
                }
            }
        }
    };
}
pub(crate) use dispatch;

/// Runs `f`, a plain loop, in a function compiled for [`level`]'s instructions, so that the compiler vectorises the loop
/// with them instead of the target's oldest ones. The result has the same bits at every level: the compiler neither
/// reorders nor fuses floating-point arithmetic.
///
/// Marking the closure's callees `#[inline(always)]` matters; a function called from the loop is compiled without the
/// instructions.
#[inline]
pub fn vectorize<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn avx2<R>(f: impl FnOnce() -> R) -> R {
        f()
    }
    match level() {
        // SAFETY: `level` returns only what the CPU has.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 | Level::Avx2 => unsafe { avx2(f) },
        _ => f(),
    }
}

/// Asks for the cache lines of elements that are used soon.
pub(crate) fn prefetch<T>(from: *const T, length: usize) {
    ask::<T, false>(from, length);
}

/// Asks for the cache lines of elements that are used later, into the second-level cache.
pub(crate) fn prefetch_far<T>(from: *const T, length: usize) {
    ask::<T, true>(from, length);
}

#[inline(always)]
fn ask<T, const FAR: bool>(from: *const T, length: usize) {
    #[cfg(target_arch = "x86_64")]
    for at in (0..length).step_by(64 / size_of::<T>()) {
        use std::arch::x86_64::{_MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
        let line = from.wrapping_add(at).cast();
        // SAFETY: a prefetch reads nothing, and every x86-64 processor has it.
        unsafe { if FAR { _mm_prefetch::<_MM_HINT_T1>(line) } else { _mm_prefetch::<_MM_HINT_T0>(line) } };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (from, length);
}

/// The address itself, in a register of its own: what is read around it is then read by that register and a constant,
/// which costs some cores less than a base and an index.
#[inline(always)]
#[allow(clippy::pointers_in_nomem_asm_block)] // nothing is read through the address
pub(crate) fn in_register<T>(address: *const T) -> *const T {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        let mut address = address;
        // SAFETY: no instruction is executed.
        unsafe { std::arch::asm!("/* {0} */", inout(reg) address, options(pure, nomem, nostack, preserves_flags)) };
        address
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    address
}
