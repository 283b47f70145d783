//! Sums, means, products, and whether any or all elements are true, over any axes.

use super::fold::{Fold, fold, fold_vectors};
use crate::kernels::reduce::{Add, Multiply};
use crate::{DType, Element, Tensor, dispatch, shape};

impl Tensor {
    /// The sum over `axes`; `bool` and `u8` count as `i64`. PyTorch: `torch.sum`.
    ///
    /// Floats are added in `f64` and rounded once; of a long row of `f32`, pairs are added in `f32` first.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum(&[0], false).to_vec::<f64>(), [4.0, 6.0]);
    /// assert_eq!(x.sum(&[], false).item::<f64>(), 10.0);
    /// ```
    ///
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn sum(&self, axes: &[isize], keepdim: bool) -> Tensor {
        let axes = shape::axes("sum", axes, self.shape());
        self.sum_scaled(&axes, keepdim, 1.0)
    }

    /// The sum, for floats divided by `divisor` before it is rounded.
    fn sum_scaled(&self, axes: &[usize], keepdim: bool, divisor: f64) -> Tensor {
        if self.dtype().is_float() {
            dispatch!(float "sum", self.dtype(), T =>
                fold_vectors::<f64, T, T>(self, (axes, keepdim), 0.0, (Add, Add), |sum| T::from_f64(sum / divisor)))
        } else {
            dispatch!(all "sum", self.dtype(), T => fold(self, axes, keepdim, &Fold {
                start: 0,
                push: |sum: i64, x: T, _| sum.wrapping_add(x.to_i64()),
                merge: i64::wrapping_add,
                finish: |sum| sum,
            }))
        }
    }

    /// Sums over the axes that broadcasting `shape` to this tensor's shape stretches: the adjoint of `expand`.
    ///
    /// # Panics
    /// If `shape` does not broadcast to this tensor's.
    #[track_caller]
    pub fn sum_to(&self, shape: &[usize]) -> Tensor {
        if shape == self.shape() {
            return self.clone();
        }
        if shape::broadcast(shape, self.shape()).as_deref() != Ok(self.shape()) {
            crate::fault!("sum_to", [input: self.shape()], "{shape:?} does not broadcast to the input");
        }
        let lead = self.rank() - shape.len();
        let axes: Vec<isize> = (0..self.rank())
            .filter(|&axis| axis < lead || (shape[axis - lead] == 1 && self.shape()[axis] != 1))
            .map(|axis| axis as isize)
            .collect();
        let summed = if axes.is_empty() { self.clone() } else { self.sum(&axes, true) };
        summed.reshape(shape)
    }

    /// The mean over `axes`; NaN for an empty stretch. PyTorch: `torch.mean`.
    ///
    /// # Panics
    /// If the dtype is not a float, or an axis is out of range or named twice.
    #[track_caller]
    pub fn mean(&self, axes: &[isize], keepdim: bool) -> Tensor {
        if !self.dtype().is_float() {
            crate::error::unsupported("mean", self.dtype(), "a float");
        }
        let axes = shape::axes("mean", axes, self.shape());
        let count: usize = axes.iter().map(|&axis| self.shape()[axis]).product();
        self.sum_scaled(&axes, keepdim, count as f64)
    }

    /// The product over `axes`; `bool` and `u8` count as `i64`. PyTorch: `torch.prod`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([[1i64, 2], [3, 4]]).prod(&[1], false).to_vec::<i64>(), [2, 12]);
    /// ```
    ///
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn prod(&self, axes: &[isize], keepdim: bool) -> Tensor {
        let axes = shape::axes("prod", axes, self.shape());
        if self.dtype().is_float() {
            dispatch!(float "prod", self.dtype(), T =>
                fold_vectors::<f64, T, T>(self, (&axes, keepdim), 1.0, (Multiply, Multiply), T::from_f64))
        } else {
            dispatch!(all "prod", self.dtype(), T => fold(self, &axes, keepdim, &Fold {
                start: 1,
                push: |product: i64, x: T, _| product.wrapping_mul(x.to_i64()),
                merge: i64::wrapping_mul,
                finish: |product| product,
            }))
        }
    }

    /// Whether any element over `axes` is true (not 0), as `bool`. PyTorch: `torch.any`.
    ///
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn any(&self, axes: &[isize], keepdim: bool) -> Tensor {
        let axes = shape::axes("any", axes, self.shape());
        dispatch!(all "any", self.dtype(), T => fold(self, &axes, keepdim, &Fold {
            start: false,
            push: |found, x: T, _| found | (x != T::ZERO),
            merge: |a, b| a | b,
            finish: |found| found,
        }))
    }

    /// Whether all elements over `axes` are true (not 0), as `bool`. PyTorch: `torch.all`.
    ///
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn all(&self, axes: &[isize], keepdim: bool) -> Tensor {
        let axes = shape::axes("all", axes, self.shape());
        dispatch!(all "all", self.dtype(), T => fold(self, &axes, keepdim, &Fold {
            start: true,
            push: |held, x: T, _| held & (x != T::ZERO),
            merge: |a, b| a & b,
            finish: |held| held,
        }))
    }

    /// How many elements over `axes` are not 0, as `i64`. PyTorch: `torch.count_nonzero`.
    ///
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn count_nonzero(&self, axes: &[isize], keepdim: bool) -> Tensor {
        let axes = shape::axes("count_nonzero", axes, self.shape());
        dispatch!(all "count_nonzero", self.dtype(), T => fold(self, &axes, keepdim, &Fold {
            start: 0,
            push: |count: i64, x: T, _| count + i64::from(x != T::ZERO),
            merge: |a, b| a + b,
            finish: |count| count,
        }))
    }

    /// The axes of a reduction that has no value for nothing.
    #[track_caller]
    pub(crate) fn nonempty_axes(&self, op: &str, axes: &[isize]) -> smallvec::SmallVec<[usize; 6]> {
        let list = shape::axes(op, axes, self.shape());
        let empty = list.iter().find(|&&axis| self.shape()[axis] == 0);
        // Where no output asks for a value, none is missing.
        let outputs = (0..self.rank()).filter(|axis| !list.contains(axis)).all(|axis| self.shape()[axis] != 0);
        if let (Some(axis), true) = (empty, outputs) {
            crate::fault!(op, [input: self.shape()], "axis {axis} is empty");
        }
        list
    }

    /// Whether every element equals that of `other` within `atol + rtol |other|`; NaN equals nothing, or NaN if
    /// `equal_nan`. PyTorch: `torch.allclose`.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or the dtypes differ.
    #[track_caller]
    pub fn allclose(&self, other: &Tensor, [rtol, atol]: [f64; 2], equal_nan: bool) -> bool {
        self.expect_same_dtype("allclose", other);
        let (a, b) = (self.to_dtype(DType::F64), other.to_dtype(DType::F64));
        a.zip_map(&b, |a: f64, b: f64| {
            a == b
                || (equal_nan && a.is_nan() && b.is_nan())
                || (b.is_finite() && (a - b).abs() <= atol + rtol * b.abs())
        })
        .all(&[], false)
        .item::<bool>()
    }
}
