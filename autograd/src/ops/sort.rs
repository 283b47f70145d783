//! Orders along an axis. Where elements end up is found on plain numbers; the values are then gathered, and so is the
//! gradient.

use tensor::Tensor;

use super::gather::gather;
use crate::Variable;

/// The elements along `axis` in ascending or descending order, and where they stood (`i64`). Equal elements keep their
/// order. PyTorch: `torch.sort` with `stable=True`.
///
/// ```
/// use gradus_autograd::{Variable, ops::sort::sort};
/// use tensor::Tensor;
///
/// let x = Variable::leaf(Tensor::from([3.0, 1.0, 2.0]));
/// let (y, _) = sort(&x, 0, false);
/// (y * Variable::new(Tensor::from([1.0, 10.0, 100.0]))).sum(&[], false).backward();
/// assert_eq!(x.grad().unwrap().to_vec::<f64>(), [100.0, 1.0, 10.0]);
/// ```
///
/// # Panics
/// If there is no such axis.
#[track_caller]
pub fn sort(x: &Variable, axis: isize, descending: bool) -> (Variable, Tensor) {
    tensor::shape::axis("sort", axis, x.shape());
    let index = x.data().argsort(axis, descending);
    (gather(x, axis, &index), index)
}

/// The `k` largest (or smallest) elements along `axis`, in order, and where they stood (`i64`); of equals the first.
/// PyTorch: `torch.topk`.
///
/// # Panics
/// If there is no such axis or `k` exceeds it.
#[track_caller]
pub fn topk(x: &Variable, k: usize, axis: isize, largest: bool) -> (Variable, Tensor) {
    let (_, index) = x.data().topk(k, axis, largest);
    (gather(x, axis, &index), index)
}

/// The lower median along `axis`, which stays with size 1 if `keepdim`, and where it stands. PyTorch: `torch.median`.
///
/// # Panics
/// If there is no such axis or it is empty.
#[track_caller]
pub fn median(x: &Variable, axis: isize, keepdim: bool) -> (Variable, Tensor) {
    let (_, index) = x.data().median(axis, true);
    let values = gather(x, axis, &index);
    if keepdim { (values, index) } else { (values.squeeze(axis), index.squeeze(axis)) }
}

impl Variable {
    /// The elements along `axis` in order, and where they stood; see [`sort`].
    ///
    /// # Panics
    /// As [`sort`].
    #[track_caller]
    pub fn sort(&self, axis: isize, descending: bool) -> (Variable, Tensor) {
        sort(self, axis, descending)
    }

    /// The `k` largest (or smallest) elements along `axis`; see [`topk`].
    ///
    /// # Panics
    /// As [`topk`].
    #[track_caller]
    pub fn topk(&self, k: usize, axis: isize, largest: bool) -> (Variable, Tensor) {
        topk(self, k, axis, largest)
    }
}
