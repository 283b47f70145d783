//! Average pooling, and adaptive average pooling: separable weighted sums.

use autograd::Variable;
use tensor::kernels::resample::Taps;

use super::pool::{Batched, Pool};
use super::resample::resample;

/// The mean of every window. PyTorch: `torch.nn.functional.avg_pool1d`, `avg_pool2d`, `avg_pool3d`.
///
/// `y[n, c, o] = sum over the window x[n, c, i] / divisor`, where the divisor is the window's size, without padding if
/// `count_include_pad` is off, or `divisor_override`.
///
/// ```
/// use autograd::Variable;
/// use gradus_nn::ops::avg_pool::avg_pool;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([[[1.0, 3.0, 5.0, 7.0]]]));
/// assert_eq!(avg_pool::<1>(&x, 2).to_vec::<f64>(), [2.0, 6.0]);
/// ```
///
/// # Panics
/// If a window does not fit into the padded input, padding exceeds half the kernel, dilation is set, or the divisor
/// is 0.
#[track_caller]
pub fn avg_pool<const D: usize>(x: &Variable, pool: impl Into<Pool<D>>) -> Variable {
    let pool = pool.into();
    let op = ["avg_pool1d", "avg_pool2d", "avg_pool3d"][D - 1];
    if pool.divisor_override == Some(0) || pool.dilation != [1; D] {
        tensor::fault!(op, [input: x.shape()], "expected a divisor other than 0 and no dilation, got {pool:?}");
    }
    let batched = Batched::new::<D>(op, x);
    let x = &batched.x;
    let windows = pool.windows(op, x.shape());
    let y = resample(
        x,
        (0..D).map(|axis| {
            let at = axis + 3 - D;
            let (size, padding) = (windows.input[at], windows.padding[at]);
            let rows: Vec<Vec<(usize, f64)>> = (0..windows.output[at])
                .map(|o| {
                    let first = o * windows.stride[at];
                    // Windows may stick out of the padded input in ceil mode: that part never counts.
                    let end = (first + windows.kernel[at]).min(size + 2 * padding);
                    let (from, to) = (first.max(padding) - padding, end.min(size + padding).max(padding) - padding);
                    let count = if pool.count_include_pad { end - first } else { to - from };
                    let divisor = match pool.divisor_override {
                        Some(divisor) if axis == 0 => divisor as f64,
                        Some(_) => 1.0,
                        None => count as f64,
                    };
                    (from..to).map(|i| (i, 1.0 / divisor)).collect()
                })
                .collect();
            (axis + 2, Taps::new(size, rows))
        }),
    );
    batched.back(&y)
}

/// The window of output `o` of `outputs` over `size` positions, where windows cover all of them as evenly as can be.
pub(crate) fn adaptive_window(size: usize, outputs: usize, o: usize) -> std::ops::Range<usize> {
    o * size / outputs..((o + 1) * size).div_ceil(outputs)
}

/// The means of windows that divide the input into `output_size` parts, `None` keeping the input's size.
/// PyTorch: `torch.nn.functional.adaptive_avg_pool1d`, `adaptive_avg_pool2d`, `adaptive_avg_pool3d`.
///
/// ```
/// use autograd::Variable;
/// use gradus_nn::ops::avg_pool::adaptive_avg_pool;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([[[1.0, 3.0, 5.0]]]));
/// assert_eq!(adaptive_avg_pool::<1>(&x, [Some(2)]).to_vec::<f64>(), [2.0, 4.0]);
/// ```
///
/// # Panics
/// If the input has not `D + 1` or `D + 2` axes, or is empty where the output is not.
#[track_caller]
pub fn adaptive_avg_pool<const D: usize>(x: &Variable, output_size: [Option<usize>; D]) -> Variable {
    let op = ["adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"][D - 1];
    let batched = Batched::new::<D>(op, x);
    let x = &batched.x;
    let sizes: [usize; D] = std::array::from_fn(|axis| x.shape()[axis + 2]);
    if sizes.contains(&0) {
        tensor::fault!(op, [input: x.shape()], "the input has no positions");
    }
    let y = resample(
        x,
        (0..D).map(|axis| {
            let (size, outputs) = (sizes[axis], output_size[axis].unwrap_or(sizes[axis]));
            let rows = (0..outputs).map(|o| {
                let window = adaptive_window(size, outputs, o);
                let weight = 1.0 / window.len() as f64;
                window.map(move |i| (i, weight))
            });
            (axis + 2, Taps::new(size, rows))
        }),
    );
    batched.back(&y)
}

/// `(sum of x^p over the window)^(1 / p)`. PyTorch: `torch.nn.functional.lp_pool1d`, `lp_pool2d`, `lp_pool3d`.
///
/// # Panics
/// If a window does not fit into the input or `norm_type` is 0.
#[track_caller]
pub fn lp_pool<const D: usize>(x: &Variable, norm_type: f64, pool: impl Into<Pool<D>>) -> Variable {
    let pool = pool.into();
    if norm_type == 0.0 {
        tensor::fault!("lp_pool", [input: x.shape()], "the norm must not be 0");
    }
    if norm_type.is_infinite() {
        let sign = norm_type.signum();
        return super::max_pool::max_pool(&(x.abs() * sign), pool) * sign;
    }
    let mean = avg_pool(&x.pow_scalar(norm_type), pool);
    // Zeros by multiplication with the sign, as PyTorch does, so that the root of a negative sum is not NaN.
    let sign = Variable::new(mean.data().sign());
    let area: usize = pool.kernel_size.iter().product();
    ((sign * mean.abs().relu()) * area as f64).pow_scalar(1.0 / norm_type)
}
