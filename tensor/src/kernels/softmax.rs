//! Softmax and its logarithm along the last axis, and their gradients.

use super::elementwise::{self, ExpBelow};
use super::reduce::{self, Add, Largest, Source};
use crate::simd::{self, Real};
use crate::{Element, Float, Layout, Tensor, dispatch, parallel};

/// Elements per task: an exponential each.
const GRAIN: usize = 4096;

/// A float with exponentials of whole rows.
pub(super) trait Row: Real + Float + Source<Self> + Source<f64> {
    /// `y = e^(x - top)`.
    fn exp_below(x: &[Self], top: Self, y: &mut [Self]);
}

impl Row for f32 {
    fn exp_below(x: &[f32], top: f32, y: &mut [f32]) {
        elementwise::map(ExpBelow { top }, x, y);
    }
}

impl Row for f64 {
    fn exp_below(x: &[f64], top: f64, y: &mut [f64]) {
        y.iter_mut().zip(x).for_each(|(y, &x)| *y = (x - top).exp());
    }
}

fn sum<T: Row>(x: &[T]) -> T {
    <T as Element>::from_f64(reduce::total::<f64, T>((Add, Add), 0.0, x))
}

/// `y = e^(x - top)` with the largest element `top` of `x`, which is returned with the sum of `y`.
pub(super) fn exponentials<T: Row>(x: &[T], y: &mut [T]) -> (T, T) {
    let top = reduce::total::<T, T>((Largest, Largest), T::NEG_INFINITY, x);
    T::exp_below(x, top, y);
    (top, sum(y))
}

fn rows<T: Row>(x: &[T], g: &[T], y: &mut [T], size: usize, row: impl Fn(&[T], &[T], &mut [T]) + Sync + Send) {
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
            let (top, sum) = exponentials(x, y);
            if logarithm {
                let shift = sum.ln();
                simd::vectorize(|| y.iter_mut().zip(x).for_each(|(y, &x)| *y = x - top - shift));
            } else {
                simd::vectorize(|| y.iter_mut().for_each(|y| *y /= sum));
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
            if logarithm {
                let sum = sum(g);
                T::exp_below(y, <T as Element>::ZERO, dx);
                simd::vectorize(|| dx.iter_mut().zip(g).for_each(|(dx, &g)| *dx = g - *dx * sum));
            } else {
                simd::vectorize(|| dx.iter_mut().zip(y.iter().zip(g)).for_each(|(dx, (&y, &g))| *dx = y * g));
                let sum = sum(dx);
                simd::vectorize(|| dx.iter_mut().zip(y.iter().zip(g)).for_each(|(dx, (&y, &g))| *dx = y * (g - sum)));
            }
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Generator};

    #[test]
    fn single_precision_is_near_double_at_every_level() {
        let mut random = Generator::new(3);
        for size in [1, 2, 7, 8, 15, 33, 1000] {
            let (x, g) = (random.randn([3, size], DType::F64).mul_scalar(4.0), random.randn([3, size], DType::F64));
            let (single, cotangent) = (x.to_dtype(DType::F32), g.to_dtype(DType::F32));
            for logarithm in [false, true] {
                let y = softmax(&x, logarithm);
                let dx = softmax_gradient(&y, &g, logarithm);
                for level in simd::available_levels() {
                    simd::with_level(level, || {
                        let near = softmax(&single, logarithm);
                        let slope = softmax_gradient(&near, &cotangent, logarithm);
                        for (found, exact) in [(near, &y), (slope, &dx)] {
                            for (a, b) in found.to_vec::<f32>().iter().zip(exact.to_vec::<f64>()) {
                                let close = (f64::from(*a) - b).abs() <= 2e-5 * b.abs().max(0.1);
                                assert!(close, "{a} for {b}, {size} elements at {level}, logarithm: {logarithm}");
                            }
                        }
                    });
                }
            }
        }
    }
}
