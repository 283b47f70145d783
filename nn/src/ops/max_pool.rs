//! Maximum pooling: fixed windows, adaptive windows, fractional windows.
//!
//! The fixed one keeps the place of each maximum in one byte and has a kernel for its gradient; when the gradient
//! itself is differentiated, the closed family gather and scatter-add takes over, which the others use from the start.

#[cfg(any(test, feature = "check"))]
mod samples;

use autograd::ops::gather::GatherAdjoint;
use autograd::{Context, Keeps, Op, Variable};
use tensor::kernels::pool::{self, Windows};
use tensor::{Dims, Tensor};

use super::avg_pool::adaptive_window;
use super::pool::{Batched, Pool};
use super::window::Size;

/// See [`max_pool`].
#[derive(Clone, Debug)]
pub struct MaxPool {
    /// The windows, over three axes of which the last ones are the input's.
    pub windows: Windows,
}

impl Op<1> for MaxPool {
    const NAME: &'static str = "max_pool";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = Tensor;

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, Tensor) {
        pool::max_pool(x, &self.windows)
    }

    fn infer(&self, [x]: [&Tensor; 1]) -> Tensor {
        pool::max_pool_values(x, &self.windows)
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let taps = cx.saved();
        if !cx.records() {
            return [Some(Variable::new(pool::max_pool_adjoint(&g.data(), taps, &self.windows)))];
        }
        let index = flat(&pool::tap_indices(taps, &self.windows));
        let shape = cx.shape(0);
        let planes = Dims::from_slice(&[shape[0], shape[1], shape[2..].iter().product()]);
        let dx = GatherAdjoint { axis: 2, index, shape: planes }.apply([&g.reshape(flat_shape(g.shape()))]);
        [Some(dx.reshape(shape))]
    }
}

fn flat_shape(shape: &[usize]) -> [usize; 3] {
    [shape[0], shape[1], shape[2..].iter().product()]
}

fn flat(x: &Tensor) -> Tensor {
    x.reshape(flat_shape(x.shape()))
}

/// The values of `x` at `indices` into its flattened spatial axes.
fn read(x: &Variable, indices: &Tensor) -> Variable {
    x.reshape(flat_shape(x.shape())).gather(2, &flat(indices)).reshape(indices.shape())
}

/// The maximum of every window. PyTorch: `torch.nn.functional.max_pool1d`, `max_pool2d`, `max_pool3d`.
///
/// `y[n, c, o] = max over k of x[n, c, o * stride + k * dilation - padding]`. The gradient goes to the first maximum.
///
/// ```
/// use autograd::Variable;
/// use gradus_nn::ops::max_pool::max_pool;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([[[1.0, 3.0, 7.0, 5.0]]]));
/// assert_eq!(max_pool::<1>(&x, 2).to_vec::<f64>(), [3.0, 7.0]);
/// ```
///
/// # Panics
/// If a window does not fit into the padded input, or padding exceeds half the kernel.
#[track_caller]
pub fn max_pool<const D: usize>(x: &Variable, pool: impl Into<Pool<D>>) -> Variable {
    let (pool, op) = (pool.into(), ["max_pool1d", "max_pool2d", "max_pool3d"][D - 1]);
    let batched = Batched::new::<D>(op, x);
    let windows = pool.windows(op, batched.x.shape());
    batched.back(&MaxPool { windows }.apply([&batched.x]))
}

/// [`max_pool`] and the `i64` positions of the maxima in the flattened spatial axes. PyTorch: `return_indices=True`.
///
/// # Panics
/// As [`max_pool`].
#[track_caller]
pub fn max_pool_with_indices<const D: usize>(x: &Variable, pool: impl Into<Pool<D>>) -> (Variable, Tensor) {
    let (pool, op) = (pool.into(), ["max_pool1d", "max_pool2d", "max_pool3d"][D - 1]);
    let batched = Batched::new::<D>(op, x);
    let windows = pool.windows(op, batched.x.shape());
    let indices = pool::tap_indices(&pool::max_pool(&batched.x.data(), &windows).1, &windows);
    at_indices(&batched, indices)
}

/// The values at `indices`, and these.
fn at_indices(batched: &Batched, indices: Tensor) -> (Variable, Tensor) {
    let y = batched.back(&read(&batched.x, &indices));
    let indices = if indices.rank() > y.rank() { indices.reshape(y.shape()) } else { indices };
    (y, indices)
}

/// The maxima of windows that divide the input into `output_size` parts, `None` keeping the input's size, and their
/// positions in the flattened spatial axes. PyTorch: `torch.nn.functional.adaptive_max_pool1d`, `adaptive_max_pool2d`,
/// `adaptive_max_pool3d` with `return_indices=True`.
///
/// # Panics
/// If the input has not `D + 1` or `D + 2` axes, or is empty where the output is not.
#[track_caller]
pub fn adaptive_max_pool<const D: usize>(x: &Variable, output_size: [Option<usize>; D]) -> (Variable, Tensor) {
    let op = ["adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"][D - 1];
    let batched = Batched::new::<D>(op, x);
    let x = &batched.x;
    if x.shape()[2..].contains(&0) {
        tensor::fault!(op, [input: x.shape()], "the input has no positions");
    }
    let mut axes = [const { Vec::new() }; 3];
    for (at, windows) in axes.iter_mut().enumerate() {
        let Some(axis) = (at + D).checked_sub(3) else {
            windows.push(0..1);
            continue;
        };
        let size = x.shape()[axis + 2];
        let outputs = output_size[axis].unwrap_or(size);
        windows.extend((0..outputs).map(|o| adaptive_window(size, outputs, o)));
    }
    let indices = pool::window_indices(&x.data(), |_| axes.clone());
    at_indices(&batched, indices)
}

/// The maxima of overlapping or touching windows of `kernel_size` whose places are drawn at random, and their
/// positions in the flattened spatial axes (Graham, 2014). PyTorch: `torch.nn.functional.fractional_max_pool2d`.
///
/// `samples`, `[n, c, 2]` in `[0, 1)`, shifts the windows of each plane along the width (first) and the height.
///
/// # Panics
/// If windows do not fit into the input or the samples' shape does not fit.
#[track_caller]
pub fn fractional_max_pool2d(
    x: &Variable,
    kernel_size: impl Size<2>,
    output_size: impl Size<2>,
    samples: &Tensor,
) -> (Variable, Tensor) {
    let (kernel, output) = (kernel_size.size(), output_size.size());
    let batched = Batched::new::<2>("fractional_max_pool2d", x);
    let x = &batched.x;
    let planes = x.shape()[0] * x.shape()[1];
    if samples.len() != 2 * planes {
        tensor::fault!("fractional_max_pool2d", [input: x.shape(), samples: samples.shape()],
            "expected samples for {planes} planes");
    }
    for axis in 0..2 {
        if output[axis] == 0 || output[axis] + kernel[axis] - 1 > x.shape()[axis + 2] {
            tensor::fault!("fractional_max_pool2d", [input: x.shape()],
                "{output:?} windows of {kernel:?} do not fit");
        }
    }
    // The windows' places are computed in the input's own precision, as PyTorch does.
    let single = x.dtype() == tensor::DType::F32;
    let samples = samples.to_dtype(tensor::DType::F64).to_vec::<f64>();
    let along = |size: usize, axis: usize, sample: f64| -> Vec<std::ops::Range<usize>> {
        starts(size, output[axis], kernel[axis], (sample, single)).map(|at| at..at + kernel[axis]).collect()
    };
    let (h, w) = (x.shape()[2], x.shape()[3]);
    let indices = pool::window_indices(&x.data(), |plane| {
        #[allow(clippy::single_range_in_vec_init)] // one window along the missing axis
        let depth = vec![0..1];
        [depth, along(h, 0, samples[2 * plane + 1]), along(w, 1, samples[2 * plane])]
    });
    at_indices(&batched, indices)
}

/// Where the windows of fractional pooling begin.
fn starts(size: usize, outputs: usize, kernel: usize, (sample, single): (f64, bool)) -> impl Iterator<Item = usize> {
    // Samples outside [0, 1), which PyTorch takes too, must not lead outside the input.
    let inside = move |at: isize| at.clamp(0, (size - kernel) as isize) as usize;
    let alpha = if outputs > 1 { (size - kernel) as f64 / (outputs - 1) as f64 } else { 0.0 };
    (0..outputs).map(move |i| {
        if i + 1 == outputs {
            size - kernel
        } else if single {
            let (alpha, sample) = ((size - kernel) as f32 / (outputs - 1) as f32, sample as f32);
            inside((((i as f32 + sample) * alpha) as isize) - ((sample * alpha) as isize))
        } else {
            inside((((i as f64 + sample) * alpha) as isize) - ((sample * alpha) as isize))
        }
    })
}

/// See [`max_unpool`].
#[derive(Clone, Debug)]
pub struct MaxUnpool {
    /// Positions in the flattened output, `[n, c, inputs]`.
    pub indices: Tensor,
    /// Positions of the flattened output.
    pub size: usize,
}

impl Op<1> for MaxUnpool {
    const NAME: &'static str = "max_unpool";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        let [n, c, _] = flat_shape(x.shape());
        (Tensor::zeros([n, c, self.size], x.dtype()).scatter(2, &self.indices, x), ())
    }

    fn vjp(&self, g: &Variable, _: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(g.gather(2, &self.indices))]
    }
}

/// Zeros of the size that was pooled, with the values of `x` put back where they came from.
/// PyTorch: `torch.nn.functional.max_unpool1d`, `max_unpool2d`, `max_unpool3d`.
///
/// Of several values for one place the last stays (and all get its gradient). The output has the sizes
/// `(i - 1) stride - 2 padding + kernel_size` unless `output_size` says otherwise.
///
/// # Panics
/// If shapes differ, an index is out of range, or the output size is further than a stride from the usual one.
#[track_caller]
pub fn max_unpool<const D: usize>(
    x: &Variable,
    indices: &Tensor,
    pool: impl Into<Pool<D>>,
    output_size: Option<[usize; D]>,
) -> Variable {
    let (pool, op) = (pool.into(), ["max_unpool1d", "max_unpool2d", "max_unpool3d"][D - 1]);
    if x.shape() != indices.shape() {
        tensor::fault!(op, [input: x.shape(), indices: indices.shape()], "shapes differ");
    }
    let batched = Batched::new::<D>(op, x);
    let x = &batched.x;
    let usual: [usize; D] = std::array::from_fn(|axis| {
        ((x.shape()[axis + 2].max(1) - 1) * pool.stride[axis] + pool.kernel_size[axis])
            .saturating_sub(2 * pool.padding[axis])
    });
    let sizes = output_size.unwrap_or(usual);
    for axis in 0..D {
        if sizes[axis].abs_diff(usual[axis]) >= pool.stride[axis] && sizes != usual {
            tensor::fault!(op, [input: x.shape()],
                "output size {} is not within a stride of {} along axis {axis}", sizes[axis], usual[axis]);
        }
    }
    let size: usize = sizes.iter().product();
    let indices = indices.reshape(flat_shape(x.shape()));
    if let Some(bad) = indices.view_as::<i64>().iter().find(|&i| i < 0 || i as usize >= size) {
        tensor::fault!(op, [input: x.shape()], "index {bad} is out of range for an output of {sizes:?}");
    }
    let y = MaxUnpool { indices, size }.apply([&x.reshape(flat_shape(x.shape()))]);
    batched.back(&y.reshape([&x.shape()[..2], &sizes[..]].concat()))
}
