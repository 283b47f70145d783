//! Orders along an axis: sorting, the largest or smallest few, the median. NaN counts as larger than every number.

use std::cmp::Ordering;

use crate::shape::{self, Dims};
use crate::{Element, Layout, Tensor, dispatch, parallel};

/// Ascending, with NaN last.
fn ascending<T: Element>(a: T, b: T) -> Ordering {
    // Only NaN is unequal to itself.
    #[allow(clippy::eq_op)]
    a.partial_cmp(&b).unwrap_or_else(|| (a != a).cmp(&(b != b)))
}

impl Tensor {
    /// The elements along `axis` in ascending or descending order, and where they stood (`i64`). Equal elements keep
    /// their order. PyTorch: `torch.sort` with `stable=True`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let (values, indices) = Tensor::from([3.0, 1.0, 2.0]).sort(0, false);
    /// assert_eq!(values.to_vec::<f64>(), [1.0, 2.0, 3.0]);
    /// assert_eq!(indices.to_vec::<i64>(), [1, 2, 0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn sort(&self, axis: isize, descending: bool) -> (Tensor, Tensor) {
        let at = shape::axis("sort", axis, self.shape());
        let index = self.arranged(at, self.size(axis), |order, compare| {
            order.sort_by(|&a, &b| if descending { compare(b, a) } else { compare(a, b) });
        });
        (self.gather(axis, &index), index)
    }

    /// Where the elements stand that [`sort`](Tensor::sort) gives. PyTorch: `torch.argsort` with `stable=True`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn argsort(&self, axis: isize, descending: bool) -> Tensor {
        shape::axis("argsort", axis, self.shape());
        self.sort(axis, descending).1
    }

    /// The `k` largest (or smallest) elements along `axis`, in order, and where they stood (`i64`); of equals the first.
    /// PyTorch: `torch.topk`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let (values, indices) = Tensor::from([3.0, 1.0, 2.0]).topk(2, 0, true);
    /// assert_eq!(values.to_vec::<f64>(), [3.0, 2.0]);
    /// assert_eq!(indices.to_vec::<i64>(), [0, 2]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or `k` exceeds it.
    #[track_caller]
    pub fn topk(&self, k: usize, axis: isize, largest: bool) -> (Tensor, Tensor) {
        let at = shape::axis("topk", axis, self.shape());
        let size = self.size(axis);
        if k > size || (self.rank() == 0 && k == 0) {
            crate::fault!("topk", [input: self.shape()], "{k} elements of an axis {at} of size {size}");
        }
        let index = self.arranged(at, k, |order, compare| {
            let compare = |a: &i64, b: &i64| {
                let by_value = if largest { compare(*b, *a) } else { compare(*a, *b) };
                by_value.then(a.cmp(b))
            };
            if 0 < k && k < size {
                order.select_nth_unstable_by(k - 1, compare);
            }
            order[..k].sort_unstable_by(compare);
        });
        (self.gather(axis, &index), index)
    }

    /// The lower median along `axis` and where it stands; NaN where there is one. PyTorch: `torch.median` with `dim`.
    ///
    /// # Panics
    /// If there is no such axis or it is empty.
    #[track_caller]
    pub fn median(&self, axis: isize, keepdim: bool) -> (Tensor, Tensor) {
        let at = shape::axis("median", axis, self.shape());
        let size = self.size(axis);
        if size == 0 {
            crate::fault!("median", [input: self.shape()], "axis {at} is empty");
        }
        let order = self.argsort(axis, false);
        if self.rank() == 0 {
            return (self.clone(), order);
        }
        let middle = order.narrow(axis, (size - 1) / 2, 1);
        let index = if self.dtype().is_float() {
            // NaNs stand last, the first of them right behind the numbers.
            let nans = self.isnan().count_nonzero(&[axis], true);
            let first = nans.neg().add_scalar(size as f64).clamp_max(size as f64 - 1.0);
            nans.gt_scalar(0.0).where_(&order.gather(axis, &first), &middle)
        } else {
            middle.contiguous()
        };
        let values = self.gather(axis, &index);
        if keepdim { (values, index) } else { (values.squeeze(axis), index.squeeze(axis)) }
    }

    /// For each row along `axis`, the first `count` of its positions after `arrange(positions, comparison)`, `i64`.
    fn arranged(
        &self,
        axis: usize,
        count: usize,
        arrange: impl Fn(&mut [i64], &dyn Fn(i64, i64) -> Ordering) + Sync,
    ) -> Tensor {
        if self.rank() == 0 {
            return Tensor::scalar(0i64);
        }
        let last = self.rank() as isize - 1;
        let rows = self.transpose(axis as isize, last).contiguous();
        let size = rows.size(-1);
        let mut shape = Dims::from_slice(rows.shape());
        shape[last as usize] = count;
        let index = dispatch!(all "sort", self.dtype(), T => {
            let data = rows.as_slice::<T>().unwrap_or_default();
            Tensor::build::<i64>(Layout::contiguous(&shape), |out| {
                if out.is_empty() {
                    return;
                }
                let group = (4096 / size).max(1);
                parallel::for_each_chunk(out, count * group, |first, out| {
                    let mut order: Vec<i64> = vec![];
                    for (r, out) in out.chunks_exact_mut(count).enumerate() {
                        let row = &data[(first / count + r) * size..][..size];
                        order.clear();
                        order.extend(0..size as i64);
                        arrange(&mut order, &|a, b| ascending(row[a as usize], row[b as usize]));
                        out.copy_from_slice(&order[..count]);
                    }
                });
            })
        });
        index.transpose(axis as isize, last).contiguous()
    }
}
