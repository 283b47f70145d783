//! Softmax and its logarithm along the last axis, and their gradients.

use crate::simd::Real;
use crate::{Element, Float, Layout, Tensor, dispatch, parallel};

/// Elements per task: an exponential each.
const GRAIN: usize = 4096;

fn rows<T: Element>(x: &[T], g: &[T], y: &mut [T], size: usize, row: impl Fn(&[T], &[T], &mut [T]) + Sync + Send) {
    if y.is_empty() {
        return;
    }
    let each = (GRAIN / size).max(1) * size;
    parallel::for_each_chunk(y, each, |first, y| {
        for (i, y) in y.chunks_mut(size).enumerate() {
            let at = first + i * size;
            row(&x[at..at + size], &g[at..at + size], y);
        }
    });
}

/// The largest element, and the sum of exponentials relative to it.
fn total<T: Real + Float>(x: &[T]) -> (T, T) {
    let top = x.iter().fold(<T as Real>::NEG_INFINITY, |top, &x| top.greatest(x));
    (top, x.iter().fold(<T as Real>::ZERO, |sum, &x| sum + num_traits::Float::exp(x - top)))
}

/// `e^x / sum e^x` along the last axis of a contiguous copy of `x`, or the logarithm of it.
///
/// # Panics
/// If the dtype is no float.
#[track_caller]
pub fn softmax(x: &Tensor, logarithm: bool) -> Tensor {
    let (x, size) = (x.contiguous(), x.shape().last().copied().unwrap_or(1));
    dispatch!(float "softmax", x.dtype(), T => {
        let data = x.as_slice::<T>().expect("contiguous");
        Tensor::build::<T>(Layout::contiguous(x.shape()), |y| rows(data, data, y, size, |x, _, y| {
            let (top, sum) = total(x);
            if logarithm {
                let shift = num_traits::Float::ln(sum);
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = x - top - shift);
            } else {
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = num_traits::Float::exp(x - top) / sum);
            }
        }))
    })
}

/// The gradient of `<g, softmax(x)>` given `y = softmax(x)` (or its logarithm): `y (g - sum y g)`, `g - e^y sum g`.
///
/// # Panics
/// If dtypes differ or are no floats.
#[track_caller]
pub fn softmax_gradient(y: &Tensor, g: &Tensor, logarithm: bool) -> Tensor {
    let (y, g, size) = (y.contiguous(), g.contiguous(), y.shape().last().copied().unwrap_or(1));
    dispatch!(float "softmax", y.dtype(), T => {
        let (ys, gs) = (y.as_slice::<T>().expect("contiguous"), g.as_slice::<T>().expect("contiguous"));
        Tensor::build::<T>(Layout::contiguous(y.shape()), |dx| rows(ys, gs, dx, size, |y, g, dx| {
            let zero = <T as Element>::ZERO;
            if logarithm {
                let sum = g.iter().fold(zero, |sum, &g| sum + g);
                dx.iter_mut().zip(y.iter().zip(g)).for_each(|(dx, (&y, &g))| *dx = g - num_traits::Float::exp(y) * sum);
            } else {
                let sum = y.iter().zip(g).fold(zero, |sum, (&y, &g)| sum + y * g);
                dx.iter_mut().zip(y.iter().zip(g)).for_each(|(dx, (&y, &g))| *dx = y * (g - sum));
            }
        }))
    })
}
