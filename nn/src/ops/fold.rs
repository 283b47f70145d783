//! `unfold` (im2col) and `fold`: windows as columns, and back. Each axis becomes two, by a [`resample`] of ones.

use autograd::Variable;
use tensor::kernels::resample::Taps;

use super::pool::{Batched, Pool};
use super::resample::resample;

/// The map of an axis to `[kernel, windows]`: what tap `k` of window `o` reads.
fn taps<const D: usize>(pool: &Pool<D>, axis: usize, size: usize, windows: usize) -> Taps {
    let rows = (0..pool.kernel_size[axis] * windows).map(|row| {
        let at = row % windows * pool.stride[axis] + row / windows * pool.dilation[axis];
        at.checked_sub(pool.padding[axis]).filter(|&at| at < size).map(|at| (at, 1.0))
    });
    Taps::new(size, rows)
}

#[track_caller]
fn windows(op: &str, x: &Variable, pool: &Pool<2>, spatial: [usize; 2]) -> [usize; 2] {
    if pool.kernel_size.contains(&0) || pool.stride.contains(&0) || pool.dilation.contains(&0) {
        tensor::fault!(op, [input: x.shape()], "kernel size, stride and dilation must be at least 1, got {:?}, {:?}, {:?}",
            pool.kernel_size, pool.stride, pool.dilation);
    }
    let windows = pool.output_size(&spatial);
    if windows.contains(&0) {
        tensor::fault!(op, [input: x.shape()],
            "kernel {:?} does not fit into {spatial:?} padded by {:?}", pool.kernel_size, pool.padding);
    }
    windows
}

/// Every window as a column: `[n, c, h, w]` to `[n, c * kh * kw, windows]`. The stride is 1 in PyTorch unless it is
/// given; here it is what `pool` says. PyTorch: `torch.nn.functional.unfold`.
///
/// ```
/// use autograd::Variable;
/// use gradus_nn::ops::{fold::unfold, pool::Pool};
/// use tensor::{DType, Tensor};
/// let x = Variable::new(Tensor::arange(0.0, 9.0, 1.0, DType::F64).reshape([1, 1, 3, 3]));
/// let y = unfold(&x, Pool::new(2).stride(1));
/// assert_eq!(y.shape(), &[1, 4, 4]);
/// assert_eq!(y.narrow(2, 0, 1).to_vec::<f64>(), [0.0, 1.0, 3.0, 4.0]);
/// ```
///
/// # Panics
/// If a window does not fit into the padded input.
#[track_caller]
pub fn unfold(x: &Variable, pool: impl Into<Pool<2>>) -> Variable {
    let pool = pool.into();
    if x.rank() != 3 && x.rank() != 4 {
        tensor::fault!("unfold", [input: x.shape()], "expected 3 or 4 axes, got {}", x.rank());
    }
    let batched = Batched::new::<2>("unfold", x);
    let x = &batched.x;
    let &[n, c, h, w] = x.shape() else { unreachable!("batched") };
    let ([kh, kw], [oh, ow]) = (pool.kernel_size, windows("unfold", x, &pool, [h, w]));
    let y = resample(x, [(2, taps(&pool, 0, h, oh)), (3, taps(&pool, 1, w, ow))]);
    batched.back(&y.reshape([n, c, kh, oh, kw, ow]).permute([0, 1, 2, 4, 3, 5]).reshape([n, c * kh * kw, oh * ow]))
}

/// Columns added up where their windows were: the adjoint of [`unfold`], `[n, c * kh * kw, windows]` to
/// `[n, c, h, w]` with the sizes `output_size`. PyTorch: `torch.nn.functional.fold`.
///
/// # Panics
/// If the rows are no multiple of the kernel's size, or the columns not as many as there are windows.
#[track_caller]
pub fn fold(x: &Variable, output_size: [usize; 2], pool: impl Into<Pool<2>>) -> Variable {
    let pool = pool.into();
    if x.rank() != 2 && x.rank() != 3 {
        tensor::fault!("fold", [input: x.shape()], "expected 2 or 3 axes, got {}", x.rank());
    }
    let batched = Batched::new::<1>("fold", x);
    let x = &batched.x;
    let &[n, rows, columns] = x.shape() else { unreachable!("batched") };
    let ([kh, kw], [h, w]) = (pool.kernel_size, output_size);
    let [oh, ow] = windows("fold", x, &pool, output_size);
    if !rows.is_multiple_of(kh * kw) || columns != oh * ow {
        tensor::fault!("fold", [input: x.shape()],
            "expected a multiple of {} rows and {} columns, got {rows} and {columns}", kh * kw, oh * ow);
    }
    let c = rows / (kh * kw);
    let y = x.reshape([n, c, kh, kw, oh, ow]).permute([0, 1, 2, 4, 3, 5]).reshape([n, c, kh * oh, kw * ow]);
    batched.back(&resample(&y, [(2, taps(&pool, 0, h, oh).transpose()), (3, taps(&pool, 1, w, ow).transpose())]))
}
