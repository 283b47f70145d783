//! Making tensors from numbers: constants, ranges, nested arrays, slices and vectors.

use crate::{DType, Element, Layout, MemoryFormat, Number, Tensor, dispatch, shape};

impl Tensor {
    /// A tensor of zeros.
    ///
    /// ```
    /// # use gradus_tensor::{DType, Tensor};
    /// assert_eq!(Tensor::zeros([2, 3], DType::F32).shape(), &[2, 3]);
    /// ```
    ///
    /// # Panics
    /// If the number of elements overflows.
    #[track_caller]
    pub fn zeros(shape: impl AsRef<[usize]>, dtype: DType) -> Tensor {
        shape::len(shape.as_ref());
        Tensor::zeros_in(Layout::contiguous(shape.as_ref()), dtype)
    }

    /// A tensor of ones.
    ///
    /// # Panics
    /// If the number of elements overflows.
    #[track_caller]
    pub fn ones(shape: impl AsRef<[usize]>, dtype: DType) -> Tensor {
        Tensor::full(shape, 1.0, dtype)
    }

    /// A tensor whose elements are all `value`, converted to `dtype`.
    ///
    /// # Panics
    /// If the number of elements overflows.
    #[track_caller]
    pub fn full(shape: impl AsRef<[usize]>, value: f64, dtype: DType) -> Tensor {
        shape::len(shape.as_ref());
        dispatch!(all "full", dtype, T => Tensor::build::<T>(Layout::contiguous(shape.as_ref()), |out| {
            out.fill(T::from_f64(value));
        }))
    }

    /// Zeros with another tensor's shape, dtype and memory order.
    pub fn zeros_like(&self) -> Tensor {
        Tensor::zeros_in(self.layout().like(), self.dtype())
    }

    /// Ones with another tensor's shape, dtype and memory order.
    pub fn ones_like(&self) -> Tensor {
        self.full_like(1.0)
    }

    /// `value` everywhere, with another tensor's shape, dtype and memory order.
    pub fn full_like(&self, value: f64) -> Tensor {
        dispatch!(all "full_like", self.dtype(), T => {
            Tensor::build::<T>(self.layout().like(), |out| out.fill(T::from_f64(value)))
        })
    }

    /// A dense tensor in a memory format whose elements `fill` writes in memory order; before, they are unspecified.
    ///
    /// The way for kernels outside this crate to make a result without clearing it first.
    #[track_caller]
    pub fn from_fill<T: Element>(
        shape: impl AsRef<[usize]>,
        format: MemoryFormat,
        fill: impl FnOnce(&mut [T]),
    ) -> Tensor {
        shape::len(shape.as_ref());
        Tensor::build(Layout::in_format(shape.as_ref(), format), fill)
    }

    /// A 0-dimensional tensor.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::scalar(3i64).shape(), &[] as &[usize]);
    /// ```
    pub fn scalar<T: Element>(value: T) -> Tensor {
        Tensor::build(Layout::contiguous(&[]), |out| out[0] = value)
    }

    /// The elements of `slice` under `shape`, row by row.
    ///
    /// # Panics
    /// If the shape does not hold exactly as many elements.
    #[track_caller]
    pub fn from_slice<T: Element>(slice: &[T], shape: impl AsRef<[usize]>) -> Tensor {
        let shape = shape.as_ref();
        if shape::len(shape) != slice.len() {
            crate::fault!("from_slice", [shape: shape], "{} elements do not fill the shape", slice.len());
        }
        Tensor::build(Layout::contiguous(shape), |out| out.copy_from_slice(slice))
    }

    /// The elements of `vec` under `shape`, row by row.
    ///
    /// # Panics
    /// If the shape does not hold exactly as many elements.
    #[track_caller]
    pub fn from_vec<T: Element>(vec: Vec<T>, shape: impl AsRef<[usize]>) -> Tensor {
        Tensor::from_slice(&vec, shape)
    }

    /// `start, start + step, ...` up to but without `end`.
    ///
    /// ```
    /// # use gradus_tensor::{DType, Tensor};
    /// assert_eq!(Tensor::arange(0.0, 1.0, 0.25, DType::F64).to_vec::<f64>(), [0.0, 0.25, 0.5, 0.75]);
    /// ```
    ///
    /// # Panics
    /// If `step` is 0, or leads away from `end`.
    #[track_caller]
    pub fn arange(start: f64, end: f64, step: f64, dtype: DType) -> Tensor {
        let count = ((end - start) / step).ceil();
        if !count.is_finite() || count < 0.0 {
            crate::fault!("arange", [], "step {step} does not lead from {start} to {end}");
        }
        dispatch!(number "arange", dtype, T => Tensor::build::<T>(Layout::contiguous(&[count as usize]), |out| {
            for (i, x) in out.iter_mut().enumerate() {
                *x = T::from_f64(start + i as f64 * step);
            }
        }))
    }

    /// `count` values from `start` to `end`, both included, evenly spaced.
    pub fn linspace(start: f64, end: f64, count: usize, dtype: DType) -> Tensor {
        let step = if count > 1 { (end - start) / (count - 1) as f64 } else { 0.0 };
        dispatch!(number "linspace", dtype, T => Tensor::build::<T>(Layout::contiguous(&[count]), |out| {
            // From both ends, so that the last value is `end` itself.
            for (i, x) in out.iter_mut().enumerate() {
                *x = T::from_f64(if 2 * i < count {
                    start + i as f64 * step
                } else {
                    end - (count - 1 - i) as f64 * step
                });
            }
        }))
    }

    /// The `rows` x `columns` matrix with ones on the diagonal.
    pub fn eye(rows: usize, columns: usize, dtype: DType) -> Tensor {
        dispatch!(all "eye", dtype, T => Tensor::build::<T>(Layout::contiguous(&[rows, columns]), |out| {
            out.fill(T::ZERO);
            for i in 0..rows.min(columns) {
                out[i * columns + i] = T::ONE;
            }
        }))
    }
}

impl<T: Element, const A: usize> From<[T; A]> for Tensor {
    fn from(array: [T; A]) -> Tensor {
        Tensor::from_slice(&array, [A])
    }
}

impl<T: Element, const A: usize, const B: usize> From<[[T; B]; A]> for Tensor {
    fn from(array: [[T; B]; A]) -> Tensor {
        Tensor::from_slice(array.as_flattened(), [A, B])
    }
}

impl<T: Element, const A: usize, const B: usize, const C: usize> From<[[[T; C]; B]; A]> for Tensor {
    fn from(array: [[[T; C]; B]; A]) -> Tensor {
        Tensor::from_slice(array.as_flattened().as_flattened(), [A, B, C])
    }
}

impl<T: Element, const A: usize, const B: usize, const C: usize, const D: usize> From<[[[[T; D]; C]; B]; A]>
    for Tensor
{
    fn from(array: [[[[T; D]; C]; B]; A]) -> Tensor {
        Tensor::from_slice(array.as_flattened().as_flattened().as_flattened(), [A, B, C, D])
    }
}

impl<T: Number> FromIterator<T> for Tensor {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Tensor {
        let values: Vec<T> = values.into_iter().collect();
        let len = values.len();
        Tensor::from_vec(values, [len])
    }
}
