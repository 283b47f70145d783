//! Weights in the form in which a method reads them: made once for a pass, however many parts it is cut into.

use super::algorithm::Method;
use super::pack::{Packed, Weights};
use super::plan::Plan;
use super::problem::Problem;
use super::tile::Shape;
use super::{data, depthwise, scatter, strides, winograd};
use crate::kernels::scratch::Scratch;
use crate::simd::Real;
use crate::{Element, Tensor};

pub(super) enum Prepared<T> {
    Direct(Packed<T>),
    /// As they are: they are few.
    Planar(Weights<T>),
    Scatter(Scratch<T>),
    Depthwise(Scratch<T>),
    Winograd(Scratch<T>),
}

impl<T: Real + Element> Prepared<T> {
    /// For `y = conv(x, w)`, any number of images.
    ///
    /// # Safety
    /// `w` has the shape that `p` says, and outlives the result.
    pub(super) unsafe fn forward(method: Method, p: &Problem, w: &Tensor) -> Prepared<T> {
        let weights = Weights::forward(data::<T>(w), strides(w), p.group_k());
        // SAFETY: the caller's.
        unsafe { Prepared::new(method, &Plan::forward(p), weights, weights) }
    }

    /// For the gradient in the input.
    ///
    /// # Safety
    /// As for [`forward`](Prepared::forward).
    pub(super) unsafe fn input_grad(method: Method, p: &Problem, w: &Tensor) -> Prepared<T> {
        let weights = Weights::backward(data::<T>(w), strides(w), p.group_k());
        if method == Method::Scatter {
            // SAFETY: the caller's.
            return Prepared::Scatter(unsafe { scatter::packed(p, weights) });
        }
        // SAFETY: the caller's.
        unsafe { Prepared::new(method, &Plan::input_grad(p), weights, weights.flipped()) }
    }

    /// `filters` are what Winograd's method convolves with.
    ///
    /// # Safety
    /// As for [`forward`](Prepared::forward).
    unsafe fn new(method: Method, plan: &Plan, weights: Weights<T>, filters: Weights<T>) -> Prepared<T> {
        match method {
            Method::General => unreachable!("the general method is called by itself"),
            Method::Scatter => unreachable!("only input gradients scatter"),
            Method::Direct => Prepared::Direct(Packed::new(plan, Shape::current::<T>(), weights)),
            Method::Planar => Prepared::Planar(weights),
            Method::Depthwise => Prepared::Depthwise(depthwise::packed(plan, weights)),
            // SAFETY: the caller's.
            Method::Winograd => Prepared::Winograd(unsafe { winograd::filters(filters, plan.c, plan.k) }),
        }
    }
}
