//! Convolution in one, two and three dimensions: forward, gradient in the input (which is the transposed convolution),
//! gradient in the weights.
//!
//! This file holds the three entry points, `algorithm.rs` the one place where an algorithm is chosen; each algorithm has a
//! file. All of them take tensors of logical shape `[n, c, *spatial]` in any memory order, work on NHWC inside and return
//! NHWC (channels-last strides), so that a chain of layers never reorders. Results have the same bits for any number of
//! threads.
//!
//! Source: PyTorch, torch.nn.functional.conv1d, conv2d, conv3d, conv_transpose2d; torch.nn.grad.

mod ahead;
mod algorithm;
mod chain;
mod check;
mod depthwise;
mod depthwise_tile;
mod depthwise_weight_grad;
mod direct;
mod general;
mod gradients;
mod pack;
mod pad;
mod passes;
mod plan;
mod planar;
mod planar_weight_grad;
mod planes;
mod prepared;
mod problem;
mod prologue;
mod scatter;
mod tile;
mod unroll;
mod weight_grad;
mod winograd;

pub use algorithm::{ConvAlgorithm, conv_algorithm, set_conv_algorithm};
pub use chain::{Link, conv_chain};
pub use gradients::{Cotangent, Gradients, conv_gradients};
pub use problem::ConvGeometry;
pub use prologue::{Input, Prologue};

use algorithm::Method;
use pad::Images;
use prepared::Prepared;
use problem::Problem;
use tile::Finish;

use crate::kernels::norm::{Activation, Channels, channel_affine};
use crate::simd::Real;
use crate::{Element, Layout, MemoryFormat, Tensor, dispatch};

/// What follows a convolution before its result is stored: it costs no pass over memory of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// Added per output channel, `[k]`.
    pub bias: Option<&'a Tensor>,
    /// Added per output, of the result's shape; only [`conv`] takes it.
    pub addend: Option<&'a Tensor>,
    /// What comes last.
    pub activation: Activation,
}

/// `y[n, k, o] = sum over c, t of x[n, c, o * stride + t * dilation - padding] w[k, c, t]`, then the epilogue.
///
/// `x` is `[n, c, *spatial]`, `w` is `[k, c / groups, *kernel]`, the result `[n, k, *output]` in channels-last strides.
///
/// # Panics
/// If dtypes are not one float type, or shapes and geometry do not fit each other.
#[track_caller]
pub fn conv<'a>(x: impl Into<Input<'a>>, w: &Tensor, geometry: &ConvGeometry, epilogue: Epilogue<'_>) -> Tensor {
    forward(x.into(), w, geometry, epilogue)
}

/// [`conv`] without type parameters: those would have every crate that calls it compile the kernels again.
#[track_caller]
fn forward(input: Input<'_>, w: &Tensor, geometry: &ConvGeometry, epilogue: Epilogue<'_>) -> Tensor {
    let p = check::forward(input.tensor, w, geometry);
    input.check("conv");
    check::bias("conv", epilogue.bias, input.tensor, p.k);
    let shape = shape_of(p.n, p.k, &p.output, w.rank());
    check::addend("conv", epilogue.addend, w, &shape);
    dispatch!(float "conv", w.dtype(), T => {
        let method = Method::forward::<T>(&p, geometry);
        if method.takes(&epilogue) {
            // SAFETY: the shape was checked.
            let w = unsafe { Prepared::<T>::forward(method, &p, w) };
            return build::<T>(&shape, MemoryFormat::ChannelsLast, |y| write((method, &p), input, &w, epilogue, y));
        }
        if method == Method::General && epilogue.addend.is_none() {
            let bias = epilogue.bias.map(Tensor::contiguous);
            let (x, w) = (input.ready(method, &p).tensor.contiguous(), w.contiguous());
            return build::<T>(&shape, MemoryFormat::Contiguous, |y| {
                general::forward(&p, slice::<T>(&x), slice::<T>(&w), y);
                general::finish(p.output_pixels(), bias.as_ref().map(slice::<T>), epilogue.activation, y);
            });
        }
        let addend = epilogue.addend.map(|addend| addend.to_memory_format(MemoryFormat::ChannelsLast));
        let before = Epilogue { addend: None, activation: Activation::Identity, ..epilogue };
        activated(&forward(input, w, geometry, before), addend.as_ref(), epilogue.activation)
    })
}

/// A forward pass by a method that takes the epilogue, into `y`, dense NHWC.
fn write<T: Real + Element>(
    (method, p): (Method, &Problem),
    input: Input<'_>,
    w: &Prepared<T>,
    epilogue: Epilogue<'_>,
    y: &mut [T],
) {
    let x = input.ready(method, p);
    let bias = epilogue.bias.map(Tensor::contiguous);
    let addend = epilogue.addend.map(|addend| addend.to_memory_format(MemoryFormat::ChannelsLast));
    let finish = finish_of::<T>(bias.as_ref(), addend.as_ref(), epilogue.activation);
    assert_eq!(y.len(), p.n * p.k * p.output_pixels(), "conv: the result has another size");
    // SAFETY: the tensors have the shapes of `p`, and `y` the one of the result.
    unsafe { passes::forward(p, x.images::<T>(p), w, (finish, y.as_mut_ptr())) }
}

/// `activation(y + addend)` in passes of its own.
fn activated(y: &Tensor, addend: Option<&Tensor>, activation: Activation) -> Tensor {
    let one = |value: f64| Tensor::full([y.shape()[1]], value, y.dtype());
    let channels = Channels { mean: one(0.0), scale: one(1.0), shift: one(0.0) };
    channel_affine(y, &channels, addend, activation)
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
        let method = Method::input_grad::<T>(&p, geometry);
        if method == Method::General {
            let (g, w) = (g.contiguous(), w.contiguous());
            return build::<T>(&shape, MemoryFormat::Contiguous, |dx| {
                general::input_grad(&p, slice::<T>(&g), slice::<T>(&w), dx);
                general::finish(p.input_pixels(), bias.as_ref().map(slice::<T>), epilogue.activation, dx);
            });
        }
        let finish = finish_of::<T>(bias.as_ref(), None, epilogue.activation);
        let g = method.ordered(g);
        build::<T>(&shape, MemoryFormat::ChannelsLast, |dx| {
            // SAFETY: the tensors have the shapes of `p`, and `dx` the one of the result.
            unsafe {
                let w = Prepared::<T>::input_grad(method, &p, w);
                passes::input_grad(&p, images::<T>(&g, p.output), &w, (finish, dx.as_mut_ptr()));
            }
        })
    })
}

/// The gradient of `sum(g * conv(x, w))` in `w`, whose spatial sizes are `kernel_spatial`.
///
/// `x` is `[n, c, *spatial]`, `g` is `[n, k, *output]`, the result `[k, c / groups, *kernel_spatial]`, contiguous.
///
/// # Panics
/// If dtypes are not one float type, or shapes and geometry do not fit each other.
#[track_caller]
pub fn conv_weight_grad<'a>(
    x: impl Into<Input<'a>>,
    g: &Tensor,
    kernel_spatial: &[usize],
    geometry: &ConvGeometry,
) -> Tensor {
    weight_grad_of(x.into(), g, kernel_spatial, geometry)
}

/// [`conv_weight_grad`] without type parameters, as [`forward`] is [`conv`].
#[track_caller]
fn weight_grad_of(input: Input<'_>, g: &Tensor, kernel_spatial: &[usize], geometry: &ConvGeometry) -> Tensor {
    let p = check::weight_grad(input.tensor, g, kernel_spatial, geometry);
    input.check("conv_weight_grad");
    let shape = shape_of(p.k, p.group_c(), &p.kernel, g.rank());
    dispatch!(float "conv_weight_grad", g.dtype(), T => {
        let method = Method::weight_grad::<T>(&p, geometry);
        let x = input.ready(method, &p);
        let g = method.ordered(g);
        build::<T>(&shape, MemoryFormat::Contiguous, |dw| {
            if method == Method::General {
                let (x, g) = (x.tensor.contiguous(), g.contiguous());
                return general::weight_grad(&p, slice::<T>(&x), slice::<T>(&g), dw);
            }
            let both = [x.images::<T>(&p), images::<T>(&g, p.output)];
            // SAFETY: the tensors have the shapes of `p`, and `dw` the one of the result.
            unsafe { passes::weight_grad(method, &p, both, usize::MAX, dw) }
        })
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

fn images<T: Real + Element>(x: &Tensor, sizes: [usize; 3]) -> Images<T> {
    Images { data: data::<T>(x), strides: strides(x), channels: x.shape()[1], sizes, map: None }
}

fn finish_of<T: Real + Element>(bias: Option<&Tensor>, addend: Option<&Tensor>, activation: Activation) -> Finish<T> {
    let start = |x: Option<&Tensor>| x.map_or(std::ptr::null(), data::<T>);
    Finish { bias: start(bias), addend: start(addend), activation }
}
