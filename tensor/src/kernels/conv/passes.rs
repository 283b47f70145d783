//! The three passes by a method that is chosen already, into memory that is given. The general method has its own memory
//! order and is not among them.

use super::algorithm::Method;
use super::pad::Images;
use super::plan::Plan;
use super::prepared::Prepared;
use super::problem::Problem;
use super::tile::Finish;
use super::winograd::Outputs;
use super::{depthwise, depthwise_weight_grad, direct, planar, planar_weight_grad, scatter, weight_grad, winograd};
use crate::Element;
use crate::simd::Real;

/// `y = conv(x, w)`, dense NHWC, by the method that `w` is prepared for.
///
/// # Safety
/// `x` is valid for reads and `y` for writes as `p` says, `w` is prepared for it, and what `finish` points to is valid for
/// as many elements; the channels of `x` follow one another where the method wants it
/// ([`Input::ready`](super::Input::ready)).
pub(super) unsafe fn forward<T: Real + Element>(
    p: &Problem,
    x: Images<T>,
    w: &Prepared<T>,
    (finish, y): (Finish<T>, *mut T),
) {
    // SAFETY: the caller's.
    unsafe {
        match w {
            Prepared::Direct(w) => direct::run(Plan::forward(p), x, w, finish, y),
            Prepared::Planar(w) => planar::run(&Plan::forward(p), x, *w, finish, y),
            Prepared::Scatter(_) => unreachable!("only input gradients scatter"),
            Prepared::Depthwise(w) => depthwise::run(&Plan::forward(p), x, w, finish, y),
            Prepared::Winograd(w) => {
                let padding = [p.padding[1] as isize, p.padding[2] as isize];
                let y = Outputs { data: y, n: p.n, k: p.k, sizes: p.output };
                winograd::forward(x, w, padding, finish, y);
            }
        }
    }
}

/// The gradient in the input, dense NHWC, by the method that `w` is prepared for.
///
/// # Safety
/// As for [`forward`], with `g` in the place of `x`.
pub(super) unsafe fn input_grad<T: Real + Element>(
    p: &Problem,
    g: Images<T>,
    w: &Prepared<T>,
    (finish, dx): (Finish<T>, *mut T),
) {
    // SAFETY: the caller's.
    unsafe {
        match w {
            Prepared::Direct(w) => direct::run(Plan::input_grad(p), g, w, finish, dx),
            Prepared::Planar(w) => planar::run(&Plan::input_grad(p), g, *w, finish, dx),
            Prepared::Scatter(w) => scatter::run(p, g, w, finish, dx),
            Prepared::Depthwise(w) => depthwise::run(&Plan::input_grad(p), g, w, finish, dx),
            Prepared::Winograd(w) => {
                let padding = [2 - p.padding[1] as isize, 2 - p.padding[2] as isize];
                let dx = Outputs { data: dx, n: p.n, k: p.c, sizes: p.input };
                winograd::forward(g, w, padding, finish, dx);
            }
        }
    }
}

/// The gradient in the weights, dense; sums are divided into `most` groups at most.
///
/// # Safety
/// As for [`forward`], with `x` and `g` to read; the channels of both follow one another where the method wants it.
pub(super) unsafe fn weight_grad<T: Real + Element>(
    method: Method,
    p: &Problem,
    [x, g]: [Images<T>; 2],
    most: usize,
    dw: &mut [T],
) {
    // SAFETY: the caller's.
    unsafe {
        match method {
            Method::General => unreachable!("the general method is called by itself"),
            Method::Scatter => unreachable!("only input gradients scatter"),
            Method::Direct => weight_grad::run(p, x, g, most, dw),
            Method::Planar => planar_weight_grad::run(p, x, g, most, dw),
            Method::Depthwise => depthwise_weight_grad::run(p, x, g, most, dw),
            Method::Winograd => winograd::weight_grad(p, x, g, most, dw),
        }
    }
}
