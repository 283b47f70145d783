//! Elementary functions of whole slices of `f32`, by the vector forms of [`simd::math`].
//!
//! Plain arithmetic needs no kernel: its loops are vectorised by the compiler inside [`simd::vectorize`]. The functions
//! here would be scalar library calls there.

use crate::simd::{self, Kernel, Simd, math};

/// A function of one `f32`, written for vectors.
pub trait Function: Copy + Send + Sync {
    /// The function of every lane.
    ///
    /// # Safety
    /// The CPU has the instructions of `S`.
    unsafe fn apply<S: Simd<Scalar = f32>>(self, x: S::Vector) -> S::Vector;
}

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident $function:path;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $name;

            impl Function for $name {
                #[inline(always)]
                unsafe fn apply<S: Simd<Scalar = f32>>(self, x: S::Vector) -> S::Vector {
                    // SAFETY: the caller's.
                    unsafe { $function(x) }
                }
            }
        )*
    };
}

functions! {
    /// `e^x`.
    Exp math::exp::<S>;
    /// The natural logarithm.
    Log math::log::<S>;
    /// The hyperbolic tangent.
    Tanh math::tanh::<S>;
    /// `1 / (1 + e^-x)`.
    Sigmoid math::sigmoid::<S>;
    /// The error function.
    Erf math::erf::<S>;
}

/// `x` times the probability that a standard normal number is below `x`, by the error function.
#[derive(Clone, Copy, Debug)]
pub struct GeluErf;

impl Function for GeluErf {
    #[inline(always)]
    unsafe fn apply<S: Simd<Scalar = f32>>(self, x: S::Vector) -> S::Vector {
        // SAFETY: the caller's.
        unsafe {
            let e = math::erf::<S>(S::mul(x, S::splat(std::f32::consts::FRAC_1_SQRT_2)));
            S::mul(S::mul(S::splat(0.5), x), S::add(S::splat(1.0), e))
        }
    }
}

/// [`GeluErf`] approximated by a hyperbolic tangent.
#[derive(Clone, Copy, Debug)]
pub struct GeluTanh;

impl Function for GeluTanh {
    #[inline(always)]
    unsafe fn apply<S: Simd<Scalar = f32>>(self, x: S::Vector) -> S::Vector {
        // SAFETY: the caller's.
        unsafe {
            let cubic = S::mul(S::mul(S::mul(S::splat(0.044_715), x), x), x);
            let t = math::tanh::<S>(S::mul(S::splat(0.797_884_6), S::add(x, cubic)));
            S::mul(S::mul(S::splat(0.5), x), S::add(S::splat(1.0), t))
        }
    }
}

/// `e^(x - top)`.
#[derive(Clone, Copy, Debug)]
pub struct ExpBelow {
    /// What is taken from `x`.
    pub top: f32,
}

impl Function for ExpBelow {
    #[inline(always)]
    unsafe fn apply<S: Simd<Scalar = f32>>(self, x: S::Vector) -> S::Vector {
        // SAFETY: the caller's.
        unsafe { math::exp::<S>(S::sub(x, S::splat(self.top))) }
    }
}

struct Map<'a, F> {
    function: F,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl<F: Function> Kernel<f32> for Map<'_, F> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: Simd<Scalar = f32>>(self) {
        let Map { function, x, y } = self;
        let whole = y.len() - y.len() % (2 * S::LANES);
        // SAFETY: `x` and `y` are equally long; the first loop ends at `whole`, the second takes what exists.
        unsafe {
            let (x, to) = (x.as_ptr(), y.as_mut_ptr());
            let mut i = 0;
            // Two chains of dependent instructions at once.
            while i < whole {
                let (a, b) = (S::load(x.add(i)), S::load(x.add(i + S::LANES)));
                let (a, b) = (function.apply::<S>(a), function.apply::<S>(b));
                S::store(to.add(i), a);
                S::store(to.add(i + S::LANES), b);
                i += 2 * S::LANES;
            }
            while i < y.len() {
                let count = (y.len() - i).min(S::LANES);
                S::store_first(to.add(i), count, function.apply::<S>(S::load_first(x.add(i), count)));
                i += count;
            }
        }
    }
}

/// `y[i] = function(x[i])`; an element's value does not depend on its place.
///
/// # Panics
/// If the slices differ in length.
#[track_caller]
pub fn map<F: Function>(function: F, x: &[f32], y: &mut [f32]) {
    assert!(x.len() == y.len(), "map: {} elements cannot be written to {}", x.len(), y.len());
    // SAFETY: `level` is available, and the lengths agree.
    unsafe { simd::run(simd::level(), Map { function, x, y }) };
}
