//! Running sums and products along an axis.

use crate::{Element, Layout, Tensor, dispatch, parallel, shape};

/// Runs `push` along `axis`; every output is what was accumulated up to and with its element.
fn scan<T: Element, A: Copy + Send + Sync, U: Element>(
    x: &Tensor,
    axis: usize,
    start: A,
    push: impl Fn(A, T) -> A + Sync,
    finish: impl Fn(A) -> U + Sync,
) -> Tensor {
    let input = x.contiguous();
    let length = x.shape().get(axis).copied().unwrap_or(1);
    let inner: usize = x.shape().iter().skip(axis + 1).product();
    let data = input.as_slice::<T>().unwrap_or_default();
    Tensor::build::<U>(Layout::contiguous(x.shape()), |out| {
        if out.is_empty() {
            return;
        }
        parallel::for_each_chunk(out, length * inner, |first, out| {
            let data = &data[first..first + out.len()];
            if inner == 1 {
                let mut running = start;
                for (y, &x) in out.iter_mut().zip(data) {
                    running = push(running, x);
                    *y = finish(running);
                }
                return;
            }
            let mut running = vec![start; inner];
            for (out, row) in out.chunks_exact_mut(inner).zip(data.chunks_exact(inner)) {
                for ((y, &x), running) in out.iter_mut().zip(row).zip(&mut running) {
                    *running = push(*running, x);
                    *y = finish(*running);
                }
            }
        });
    })
}

impl Tensor {
    /// The sum of the elements up to and with each one along `axis`; `bool` and `u8` count as `i64`, floats are added in
    /// `f64`. PyTorch: `torch.cumsum`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1i64, 2, 3]).cumsum(0).to_vec::<i64>(), [1, 3, 6]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn cumsum(&self, axis: isize) -> Tensor {
        let axis = shape::axis("cumsum", axis, self.shape());
        if self.dtype().is_float() {
            dispatch!(float "cumsum", self.dtype(), T =>
                scan(self, axis, 0.0, |sum: f64, x: T| sum + x.to_f64(), T::from_f64))
        } else {
            dispatch!(all "cumsum", self.dtype(), T =>
                scan(self, axis, 0i64, |sum, x: T| sum.wrapping_add(x.to_i64()), |sum| sum))
        }
    }

    /// The product of the elements up to and with each one along `axis`; `bool` and `u8` count as `i64`.
    /// PyTorch: `torch.cumprod`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn cumprod(&self, axis: isize) -> Tensor {
        let axis = shape::axis("cumprod", axis, self.shape());
        if self.dtype().is_float() {
            dispatch!(float "cumprod", self.dtype(), T =>
                scan(self, axis, 1.0, |product: f64, x: T| product * x.to_f64(), T::from_f64))
        } else {
            dispatch!(all "cumprod", self.dtype(), T =>
                scan(self, axis, 1i64, |product, x: T| product.wrapping_mul(x.to_i64()), |product| product))
        }
    }
}
