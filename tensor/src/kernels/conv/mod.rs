//! Convolution in one, two and three dimensions: forward, gradient in the input (which is the transposed convolution),
//! gradient in the weights.
//!
//! This file holds the three entry points and the one place where an algorithm is chosen; each algorithm has a file.
//! All of them take tensors of logical shape `[n, c, *spatial]` in any memory order, work on NHWC inside and return
//! NHWC (channels-last strides), so that a chain of layers never reorders. Results have the same bits for any number of
//! threads.
//!
//! Source: PyTorch, torch.nn.functional.conv1d, conv2d, conv3d, conv_transpose2d; torch.nn.grad.

mod algorithm;
mod check;
mod depthwise;
mod depthwise_weight_grad;
mod direct;
mod general;
mod pack;
mod pad;
mod plan;
mod planar;
mod planar_weight_grad;
mod planes;
mod problem;
mod tile;
mod unroll;
mod weight_grad;
mod winograd;

pub use algorithm::{ConvAlgorithm, conv_algorithm, set_conv_algorithm};
pub use problem::ConvGeometry;

use algorithm::Method;
use pack::Weights;
use pad::Images;
use plan::Plan;
use tile::Finish;
use winograd::Outputs;

use crate::simd::Real;
use crate::{Element, Layout, MemoryFormat, Tensor, dispatch};

/// What follows a convolution before its result is stored: it costs no pass over memory of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// Added per output channel, `[k]`.
    pub bias: Option<&'a Tensor>,
    /// Whether negative results become 0; NaN stays.
    pub relu: bool,
}

/// `y[n, k, o] = sum over c, t of x[n, c, o * stride + t * dilation - padding] w[k, c, t]`, then the epilogue.
///
/// `x` is `[n, c, *spatial]`, `w` is `[k, c / groups, *kernel]`, the result `[n, k, *output]` in channels-last strides.
///
/// # Panics
/// If dtypes are not one float type, or shapes and geometry do not fit each other.
#[track_caller]
pub fn conv(x: &Tensor, w: &Tensor, geometry: &ConvGeometry, epilogue: Epilogue<'_>) -> Tensor {
    let p = check::forward(x, w, geometry);
    check::bias("conv", epilogue.bias, x, p.k);
    let shape = shape_of(p.n, p.k, &p.output, x.rank());
    dispatch!(float "conv", x.dtype(), T => {
        let bias = epilogue.bias.map(Tensor::contiguous);
        let finish = finish_of::<T>(bias.as_ref(), epilogue.relu);
        match Method::forward::<T>(&p, geometry) {
            Method::General => {
                let (x, w) = (x.contiguous(), w.contiguous());
                build::<T>(&shape, MemoryFormat::Contiguous, |y| {
                    general::forward(&p, slice::<T>(&x), slice::<T>(&w), y);
                    general::finish(p.output_pixels(), bias.as_ref().map(slice::<T>), epilogue.relu, y);
                })
            }
            Method::Direct => build::<T>(&shape, MemoryFormat::ChannelsLast, |y| {
                let (x, w) = (images::<T>(x, p.input), Weights::forward(data::<T>(w), strides(w), p.group_k()));
                // SAFETY: the tensors have the shapes of `p`, and `y` the one of the result.
                unsafe { direct::run(Plan::forward(&p), x, w, finish, y.as_mut_ptr()) }
            }),
            Method::Planar => build::<T>(&shape, MemoryFormat::ChannelsLast, |y| {
                let (x, w) = (images::<T>(x, p.input), Weights::forward(data::<T>(w), strides(w), p.group_k()));
                // SAFETY: the tensors have the shapes of `p`, and `y` the one of the result.
                unsafe { planar::run(&Plan::forward(&p), x, w, finish, y.as_mut_ptr()) }
            }),
            Method::Depthwise => build::<T>(&shape, MemoryFormat::ChannelsLast, |y| {
                let x = channels_last(x);
                let w = Weights::forward(data::<T>(w), strides(w), p.group_k());
                // SAFETY: the tensors have the shapes of `p`, and `y` the one of the result.
                unsafe { depthwise::run(&Plan::forward(&p), images::<T>(&x, p.input), w, finish, y.as_mut_ptr()) }
            }),
            Method::Winograd => build::<T>(&shape, MemoryFormat::ChannelsLast, |y| {
                let x = channels_last(x);
                let w = Weights::forward(data::<T>(w), strides(w), p.k);
                let padding = [p.padding[1] as isize, p.padding[2] as isize];
                let y = Outputs { data: y.as_mut_ptr(), n: p.n, k: p.k, sizes: p.output };
                // SAFETY: the tensors have the shapes of `p`, and `y` the one of the result.
                unsafe { winograd::forward(images::<T>(&x, p.input), w, padding, finish, y) }
            }),
        }
    })
}

/// The gradient of `sum(g * conv(x, w))` in `x`, whose spatial sizes are `input_spatial`.
///
/// `g` is `[n, k, *output]`, `w` is `[k, c / groups, *kernel]`, the result `[n, c, *input_spatial]` in channels-last
/// strides.
///
/// # Panics
/// If dtypes are not one float type, or shapes and geometry do not fit each other.
#[track_caller]
pub fn conv_input_grad(g: &Tensor, w: &Tensor, input_spatial: &[usize], geometry: &ConvGeometry) -> Tensor {
    conv_transpose(g, w, input_spatial, geometry, Epilogue::default())
}

/// [`conv_input_grad`] with an epilogue: the transposed convolution whose output has the sizes `output_spatial`.
///
/// # Panics
/// If dtypes are not one float type, or shapes and geometry do not fit each other.
#[track_caller]
pub fn conv_transpose(
    g: &Tensor,
    w: &Tensor,
    output_spatial: &[usize],
    geometry: &ConvGeometry,
    epilogue: Epilogue<'_>,
) -> Tensor {
    let p = check::input_grad(g, w, output_spatial, geometry);
    check::bias("conv_transpose", epilogue.bias, g, p.c);
    let shape = shape_of(p.n, p.c, &p.input, g.rank());
    dispatch!(float "conv_transpose", g.dtype(), T => {
        let bias = epilogue.bias.map(Tensor::contiguous);
        let finish = finish_of::<T>(bias.as_ref(), epilogue.relu);
        match Method::input_grad::<T>(&p, geometry) {
            Method::General => {
                let (g, w) = (g.contiguous(), w.contiguous());
                build::<T>(&shape, MemoryFormat::Contiguous, |dx| {
                    general::input_grad(&p, slice::<T>(&g), slice::<T>(&w), dx);
                    general::finish(p.input_pixels(), bias.as_ref().map(slice::<T>), epilogue.relu, dx);
                })
            }
            Method::Direct => build::<T>(&shape, MemoryFormat::ChannelsLast, |dx| {
                let (g, w) = (images::<T>(g, p.output), Weights::backward(data::<T>(w), strides(w), p.group_k()));
                // SAFETY: the tensors have the shapes of `p`, and `dx` the one of the result.
                unsafe { direct::run(Plan::input_grad(&p), g, w, finish, dx.as_mut_ptr()) }
            }),
            Method::Planar => build::<T>(&shape, MemoryFormat::ChannelsLast, |dx| {
                let (g, w) = (images::<T>(g, p.output), Weights::backward(data::<T>(w), strides(w), p.group_k()));
                // SAFETY: the tensors have the shapes of `p`, and `dx` the one of the result.
                unsafe { planar::run(&Plan::input_grad(&p), g, w, finish, dx.as_mut_ptr()) }
            }),
            Method::Depthwise => build::<T>(&shape, MemoryFormat::ChannelsLast, |dx| {
                let g = channels_last(g);
                let w = Weights::backward(data::<T>(w), strides(w), p.group_k());
                // SAFETY: the tensors have the shapes of `p`, and `dx` the one of the result.
                unsafe { depthwise::run(&Plan::input_grad(&p), images::<T>(&g, p.output), w, finish, dx.as_mut_ptr()) }
            }),
            Method::Winograd => build::<T>(&shape, MemoryFormat::ChannelsLast, |dx| {
                let g = channels_last(g);
                let w = Weights::backward(data::<T>(w), strides(w), p.k).flipped();
                let padding = [2 - p.padding[1] as isize, 2 - p.padding[2] as isize];
                let dx = Outputs { data: dx.as_mut_ptr(), n: p.n, k: p.c, sizes: p.input };
                // SAFETY: the tensors have the shapes of `p`, and `dx` the one of the result.
                unsafe { winograd::forward(images::<T>(&g, p.output), w, padding, finish, dx) }
            }),
        }
    })
}

/// The gradient of `sum(g * conv(x, w))` in `w`, whose spatial sizes are `kernel_spatial`.
///
/// `x` is `[n, c, *spatial]`, `g` is `[n, k, *output]`, the result `[k, c / groups, *kernel_spatial]`, contiguous.
///
/// # Panics
/// If dtypes are not one float type, or shapes and geometry do not fit each other.
#[track_caller]
pub fn conv_weight_grad(x: &Tensor, g: &Tensor, kernel_spatial: &[usize], geometry: &ConvGeometry) -> Tensor {
    let p = check::weight_grad(x, g, kernel_spatial, geometry);
    let shape = shape_of(p.k, p.group_c(), &p.kernel, x.rank());
    dispatch!(float "conv_weight_grad", x.dtype(), T => match Method::weight_grad::<T>(&p, geometry) {
        Method::General => {
            let (x, g) = (x.contiguous(), g.contiguous());
            build::<T>(&shape, MemoryFormat::Contiguous, |dw| {
                general::weight_grad(&p, slice::<T>(&x), slice::<T>(&g), dw);
            })
        }
        Method::Planar => build::<T>(&shape, MemoryFormat::Contiguous, |dw| {
            let (x, g) = (images::<T>(x, p.input), images::<T>(g, p.output));
            // SAFETY: the tensors have the shapes of `p`, and `dw` the one of the result.
            unsafe { planar_weight_grad::run(&p, x, g, dw) }
        }),
        Method::Direct => build::<T>(&shape, MemoryFormat::Contiguous, |dw| {
            let (x, g) = (images::<T>(x, p.input), images::<T>(g, p.output));
            // SAFETY: the tensors have the shapes of `p`, and `dw` the one of the result.
            unsafe { weight_grad::run(&p, x, g, dw) }
        }),
        Method::Depthwise => build::<T>(&shape, MemoryFormat::Contiguous, |dw| {
            let (x, g) = (channels_last(x), channels_last(g));
            let (x, g) = (images::<T>(&x, p.input), images::<T>(&g, p.output));
            // SAFETY: the tensors have the shapes of `p`, and `dw` the one of the result.
            unsafe { depthwise_weight_grad::run(&p, x, g, dw) }
        }),
        Method::Winograd => build::<T>(&shape, MemoryFormat::Contiguous, |dw| {
            let (x, g) = (channels_last(x), channels_last(g));
            let (x, g) = (images::<T>(&x, p.input), images::<T>(&g, p.output));
            // SAFETY: the tensors have the shapes of `p`, and `dw` the one of the result.
            unsafe { winograd::weight_grad(&p, x, g, dw) }
        }),
    })
}

fn shape_of(n: usize, channels: usize, spatial: &[usize; 3], rank: usize) -> Vec<usize> {
    [&[n, channels], &spatial[5 - rank..]].concat()
}

fn build<T: Element>(shape: &[usize], format: MemoryFormat, fill: impl FnOnce(&mut [T])) -> Tensor {
    Tensor::build(Layout::in_format(shape, format), fill)
}

/// The tensor itself if its channels follow one another, else a copy.
fn channels_last(x: &Tensor) -> Tensor {
    if x.strides()[1] == 1 { x.clone() } else { x.to_memory_format(MemoryFormat::ChannelsLast) }
}

/// A contiguous tensor's elements.
fn slice<T: Element>(x: &Tensor) -> &[T] {
    x.as_slice::<T>().expect("contiguous tensors are slices")
}

/// The element `[0, 0, ...]`.
fn data<T: Element>(x: &Tensor) -> *const T {
    x.view_as::<T>().data()[x.layout().offset()..].as_ptr()
}

/// The strides of `[n, c, *spatial]` with three spatial axes.
fn strides(x: &Tensor) -> [isize; 5] {
    let mut out = [0; 5];
    out[..2].copy_from_slice(&x.strides()[..2]);
    out[7 - x.rank()..].copy_from_slice(&x.strides()[2..]);
    out
}

fn images<T: Element>(x: &Tensor, sizes: [usize; 3]) -> Images<T> {
    Images { data: data::<T>(x), strides: strides(x), channels: x.shape()[1], sizes }
}

fn finish_of<T: Real + Element>(bias: Option<&Tensor>, relu: bool) -> Finish<T> {
    Finish { bias: bias.map_or(std::ptr::null(), |bias| slice::<T>(bias).as_ptr()), relu }
}
