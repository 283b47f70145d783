//! Variance, standard deviation, norms and the logarithm of a sum of exponentials, over any axes.

use super::fold::{Fold, fold, fold_vectors};
use crate::kernels::reduce::{Add, AddSize, AddSquare};
use crate::{Element, Tensor, dispatch, shape};

/// Count, mean and sum of squared differences from the mean, updated by Welford's method and merged by Chan's, so that
/// nothing cancels.
#[derive(Clone, Copy)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    const NONE: Moments = Moments { count: 0.0, mean: 0.0, squares: 0.0 };

    #[inline(always)]
    fn push(self, x: f64) -> Moments {
        let count = self.count + 1.0;
        let delta = x - self.mean;
        let mean = self.mean + delta / count;
        Moments { count, mean, squares: self.squares + delta * (x - mean) }
    }

    fn merge(self, other: Moments) -> Moments {
        if self.count == 0.0 {
            return other;
        }
        if other.count == 0.0 {
            return self;
        }
        let count = self.count + other.count;
        let delta = other.mean - self.mean;
        Moments {
            count,
            mean: self.mean + delta * (other.count / count),
            squares: self.squares + other.squares + delta * delta * (self.count * other.count / count),
        }
    }

    fn variance(self, correction: f64) -> f64 {
        self.squares / (self.count - correction).max(0.0)
    }
}

impl Tensor {
    /// The variance over `axes`: squared differences from the mean, summed and divided by the count less `correction`
    /// (1: the unbiased estimate of a sample; 0: of a population). PyTorch: `torch.var`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let x = Tensor::from([1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(x.var(&[], 0.0, false).item::<f64>(), 1.25);
    /// ```
    ///
    /// # Panics
    /// If the dtype is not a float, or an axis is out of range or named twice.
    #[track_caller]
    pub fn var(&self, axes: &[isize], correction: f64, keepdim: bool) -> Tensor {
        let axes = shape::axes("var", axes, self.shape());
        dispatch!(float "var", self.dtype(), T => fold(self, &axes, keepdim, &Fold {
            start: Moments::NONE,
            push: |moments: Moments, x: T, _| moments.push(x.to_f64()),
            merge: Moments::merge,
            finish: |moments: Moments| T::from_f64(moments.variance(correction)),
        }))
    }

    /// The standard deviation over `axes`: the square root of [`var`](Tensor::var). PyTorch: `torch.std`.
    ///
    /// # Panics
    /// If the dtype is not a float, or an axis is out of range or named twice.
    #[track_caller]
    pub fn std(&self, axes: &[isize], correction: f64, keepdim: bool) -> Tensor {
        let axes = shape::axes("std", axes, self.shape());
        dispatch!(float "std", self.dtype(), T => fold(self, &axes, keepdim, &Fold {
            start: Moments::NONE,
            push: |moments: Moments, x: T, _| moments.push(x.to_f64()),
            merge: Moments::merge,
            finish: |moments: Moments| T::from_f64(moments.variance(correction).sqrt()),
        }))
    }

    /// The norm of order `p` over `axes`: `(sum |x|^p)^(1/p)`; for `p` infinite the largest `|x|`, for minus infinity the
    /// smallest, for 0 the number of elements that are not 0. PyTorch: `torch.linalg.vector_norm`, `torch.norm`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let x = Tensor::from([3.0, -4.0]);
    /// assert_eq!(x.norm(2.0, &[], false).item::<f64>(), 5.0);
    /// assert_eq!(x.norm(f64::INFINITY, &[], false).item::<f64>(), 4.0);
    /// ```
    ///
    /// # Panics
    /// If the dtype is not a float, an axis is out of range or named twice, or `p` is negative or infinite and a reduced
    /// stretch empty.
    #[track_caller]
    pub fn norm(&self, p: f64, axes: &[isize], keepdim: bool) -> Tensor {
        if !self.dtype().is_float() {
            crate::error::unsupported("norm", self.dtype(), "a float");
        }
        if p == f64::INFINITY || p < 0.0 {
            self.nonempty_axes("norm", axes);
        }
        if p == f64::INFINITY {
            return self.abs().amax(axes, keepdim);
        }
        if p == f64::NEG_INFINITY {
            return self.abs().amin(axes, keepdim);
        }
        if p == 0.0 {
            return self.power_sum(axes, keepdim, |x| f64::from(u8::from(x != 0.0)), |sum| sum);
        }
        if p == 1.0 {
            let axes = shape::axes("norm", axes, self.shape());
            return dispatch!(float "norm", self.dtype(), T =>
                fold_vectors::<f64, T, T>(self, (&axes, keepdim), 0.0, (AddSize, Add), T::from_f64));
        }
        if p == 2.0 {
            let axes = shape::axes("norm", axes, self.shape());
            return dispatch!(float "norm", self.dtype(), T =>
                fold_vectors::<f64, T, T>(self, (&axes, keepdim), 0.0, (AddSquare, Add), |sum| T::from_f64(sum.sqrt())));
        }
        self.power_sum(axes, keepdim, |x| x.abs().powf(p), |sum| sum.powf(1.0 / p))
    }

    #[track_caller]
    fn power_sum(
        &self,
        axes: &[isize],
        keepdim: bool,
        term: impl Fn(f64) -> f64 + Sync,
        root: impl Fn(f64) -> f64 + Sync,
    ) -> Tensor {
        let axes = shape::axes("norm", axes, self.shape());
        dispatch!(float "norm", self.dtype(), T => fold(self, &axes, keepdim, &Fold {
            start: 0.0,
            push: |sum: f64, x: T, _| sum + term(x.to_f64()),
            merge: |a, b| a + b,
            finish: |sum| T::from_f64(root(sum)),
        }))
    }

    /// `log(sum(e^x))` over `axes`, without overflow. PyTorch: `torch.logsumexp`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let y = Tensor::from([1000.0, 1000.0]).logsumexp(&[], false).item::<f64>();
    /// assert!((y - (1000.0 + 2f64.ln())).abs() < 1e-9);
    /// ```
    ///
    /// # Panics
    /// If the dtype is not a float, or an axis is out of range or named twice.
    #[track_caller]
    pub fn logsumexp(&self, axes: &[isize], keepdim: bool) -> Tensor {
        let list = shape::axes("logsumexp", axes, self.shape());
        // The largest exponent so far, and the sum of all exponentials divided by its own.
        dispatch!(float "logsumexp", self.dtype(), T => fold(self, &list, keepdim, &Fold {
            start: (f64::NEG_INFINITY, 0.0),
            push: |(top, sum): (f64, f64), x: T, _| {
                let x = x.to_f64();
                if x <= top { (top, sum + relative(x, top)) } else { (x, sum * relative(top, x) + relative(x, x)) }
            },
            merge: |a: (f64, f64), b: (f64, f64)| {
                let (high, low) = if a.0 >= b.0 || a.0.is_nan() { (a, b) } else { (b, a) };
                (high.0, high.1 + low.1 * relative(low.0, high.0))
            },
            finish: |(top, sum): (f64, f64)| T::from_f64(top + sum.ln()),
        }))
    }
}

/// `e^(x - top)`, where equal infinities are no distance apart.
#[inline(always)]
fn relative(x: f64, top: f64) -> f64 {
    if x == top { 1.0 } else { (x - top).exp() }
}
