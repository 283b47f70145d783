//! Convolutions in one, two and three dimensions.
//!
//! `<y, x * w>` has three slots; leaving one of them open gives [`Conv`], [`ConvTranspose`] and [`ConvWeightGrad`],
//! and the vjp of each is the other two. So derivatives of every order come from these three kernels.
//!
//! Bias and ReLU are added by the same kernel that convolves: [`conv2d`] returns a deferred variable, and a
//! [`relu`](Variable::relu) that comes next makes one op of both. A normalisation that comes before is computed by the
//! kernel as it reads, so that its result is never stored.

mod adjoint;
mod fused;
mod inference;
mod options;
#[cfg(any(test, feature = "check"))]
mod samples;
mod transpose;

use autograd::{Context, Op, Variable};
use tensor::error::fail_with;
use tensor::kernels::conv::{self, ConvGeometry, Epilogue};
use tensor::{Dims, Tensor};

pub use adjoint::{ConvTranspose, ConvTransposeBias, ConvWeightGrad};
pub use fused::ConvRelu;
pub use options::{ConvOptions, ConvTransposeOptions};
pub(crate) use transpose::{conv_transpose, output_padding_for};
pub use transpose::{conv_transpose1d, conv_transpose2d, conv_transpose3d};

use super::batch_norm::Normalized;
use super::fused_relu::defer;
use super::pad::{PadMode, pad};
use super::window::PaddingMode;

/// A convolution without bias; see [`conv2d`].
#[derive(Clone, Debug)]
pub struct Conv {
    /// Stride, padding, dilation, groups.
    pub geometry: ConvGeometry,
}

impl Op<2> for Conv {
    const NAME: &'static str = "conv";
    type Saved = ();

    fn forward(&self, [x, w]: [&Tensor; 2]) -> (Tensor, ()) {
        (conv::conv(x, w, &self.geometry, Epilogue::default()), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        let wants = [cx.wants(0), cx.wants(1)];
        adjoint::of_conv(&self.geometry, g, [&cx.input(0), &cx.input(1)], wants)
    }
}

/// A convolution with bias; see [`conv2d`].
#[derive(Clone, Debug)]
pub struct ConvBias {
    /// Stride, padding, dilation, groups.
    pub geometry: ConvGeometry,
}

impl Op<3> for ConvBias {
    const NAME: &'static str = "conv_bias";
    const KEEPS: autograd::Keeps = autograd::Keeps::NOTHING.and_input(0).and_input(1);
    type Saved = ();

    fn forward(&self, [x, w, b]: [&Tensor; 3]) -> (Tensor, ()) {
        (conv::conv(x, w, &self.geometry, Epilogue { bias: Some(b), ..Epilogue::default() }), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 3>) -> [Option<Variable>; 3] {
        let wants = [cx.wants(0), cx.wants(1)];
        // First, since it looks at a gradient that may wait.
        let db = cx.wants(2).then(|| adjoint::of_bias(g));
        let [dx, dw] = adjoint::of_conv(&self.geometry, g, [&cx.input(0), &cx.input(1)], wants);
        [dx, dw, db]
    }
}

/// The convolution `y[n, k, o] = b[k] + sum over c, t of x[n, c, o * stride + t * dilation - padding] w[k, c, t]` of
/// `x [n, c, l]` (or `[c, l]`) with `w [k, c / groups, kernel]` and `b [k]`.
///
/// PyTorch: `torch.nn.functional.conv1d`.
///
/// # Panics
/// If shapes, dtypes and options do not fit each other.
#[track_caller]
pub fn conv1d(x: &Variable, w: &Variable, bias: Option<&Variable>, options: &ConvOptions<1>) -> Variable {
    convolve("conv1d", x, w, bias, options)
}

/// The convolution `y[n, k, o] = b[k] + sum over c, t of x[n, c, o * stride + t * dilation - padding] w[k, c, t]` of
/// `x [n, c, h, w]` (or `[c, h, w]`) with `w [k, c / groups, kh, kw]` and `b [k]`.
///
/// PyTorch: `torch.nn.functional.conv2d`.
///
/// ```
/// use gradus_nn::ops::conv::{ConvOptions, conv2d};
/// use autograd::Variable;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]]));
/// let w = Variable::new(Tensor::from([[[[1.0, -1.0]]]]));
/// let y = conv2d(&x, &w, None, &ConvOptions::new());
/// assert_eq!(y.shape(), &[1, 1, 2, 2]);
/// assert_eq!(y.to_vec::<f64>(), [-1.0; 4]);
/// ```
///
/// # Panics
/// If shapes, dtypes and options do not fit each other.
#[track_caller]
pub fn conv2d(x: &Variable, w: &Variable, bias: Option<&Variable>, options: &ConvOptions<2>) -> Variable {
    convolve("conv2d", x, w, bias, options)
}

/// The convolution `y[n, k, o] = b[k] + sum over c, t of x[n, c, o * stride + t * dilation - padding] w[k, c, t]` of
/// `x [n, c, d, h, w]` (or `[c, d, h, w]`) with `w [k, c / groups, kd, kh, kw]` and `b [k]`.
///
/// PyTorch: `torch.nn.functional.conv3d`.
///
/// # Panics
/// If shapes, dtypes and options do not fit each other.
#[track_caller]
pub fn conv3d(x: &Variable, w: &Variable, bias: Option<&Variable>, options: &ConvOptions<3>) -> Variable {
    convolve("conv3d", x, w, bias, options)
}

/// Any of the three, under the name `op`.
#[track_caller]
pub(crate) fn convolve<const N: usize>(
    op: &str,
    x: &Variable,
    w: &Variable,
    bias: Option<&Variable>,
    options: &ConvOptions<N>,
) -> Variable {
    check(op, x, w, bias, options);
    if x.rank() == N + 1 {
        let y = convolve(op, &x.unsqueeze(0), w, bias, options);
        return y.reshape(&y.shape()[1..]);
    }
    let kernel: [usize; N] = std::array::from_fn(|axis| w.shape()[axis + 2]);
    let amounts = options.padding.amounts(kernel, options.dilation);
    // The kernel pads alike on both sides, with zeros; what is more than that is put around the input before.
    let inner = match options.padding_mode {
        PaddingMode::Zeros => amounts.map(|(before, after)| before.min(after)),
        _ => [0; N],
    };
    let outer: [(usize, usize); N] =
        std::array::from_fn(|axis| (amounts[axis].0 - inner[axis], amounts[axis].1 - inner[axis]));
    let padded = pad_around(x, &outer, options.padding_mode);
    let geometry = options.geometry(inner);
    if geometry.output_spatial(&padded.shape()[2..], &kernel).is_none() {
        let window: [usize; N] = std::array::from_fn(|axis| options.dilation[axis] * (kernel[axis] - 1) + 1);
        let around: [usize; N] = std::array::from_fn(|axis| padded.shape()[axis + 2] + 2 * inner[axis]);
        fail_with(
            op,
            format_args!("kernel {window:?} is larger than the padded input {around:?}"),
            &details(x, w, options),
        );
    }
    let spatial = geometry.output_spatial(&padded.shape()[2..], &kernel).expect("just checked");
    let mut shape = Dims::from_slice(&[padded.shape()[0], w.shape()[0]]);
    shape.extend_from_slice(&spatial);
    if let Some(waiting) = inference::defer([&padded, w], bias, &geometry, shape.clone()) {
        return waiting;
    }
    if let Some(normalized) = Normalized::waiting(&padded) {
        let bias_data = bias.map(Variable::data);
        let epilogue = Epilogue { bias: bias_data.as_ref(), ..Epilogue::default() };
        let y = conv::conv(normalized.input(), &w.data(), &geometry, epilogue);
        return match bias {
            Some(bias) => ConvBias { geometry }.apply_known([&padded, w, bias], y, ()),
            None => Conv { geometry }.apply_known([&padded, w], y, ()),
        };
    }
    match bias {
        Some(bias) => defer(ConvBias { geometry: geometry.clone() }, ConvRelu { geometry }, [&padded, w, bias], shape),
        None => Conv { geometry }.apply([&padded, w]),
    }
}

/// `x` with so much before and after each of its last axes.
#[track_caller]
fn pad_around(x: &Variable, amounts: &[(usize, usize)], mode: PaddingMode) -> Variable {
    if amounts.iter().all(|&amounts| amounts == (0, 0)) {
        return x.clone();
    }
    let pairs: Vec<[isize; 2]> =
        amounts.iter().rev().map(|&(before, after)| [before as isize, after as isize]).collect();
    let mode = match mode {
        PaddingMode::Zeros => PadMode::Zeros,
        PaddingMode::Reflect => PadMode::Reflect,
        PaddingMode::Replicate => PadMode::Replicate,
        PaddingMode::Circular => PadMode::Circular,
    };
    pad(x, &pairs, mode)
}

/// The operands, as messages show them.
fn details<const N: usize>(x: &Variable, w: &Variable, options: &ConvOptions<N>) -> String {
    let ConvOptions { stride, dilation, groups, .. } = options;
    let mut text = format!("input {:?}, weight {:?}, groups {groups}", x.shape(), w.shape());
    if *stride != [1; N] {
        text.push_str(&format!(", stride {stride:?}"));
    }
    if *dilation != [1; N] {
        text.push_str(&format!(", dilation {dilation:?}"));
    }
    text
}

#[track_caller]
fn check<const N: usize>(op: &str, x: &Variable, w: &Variable, bias: Option<&Variable>, options: &ConvOptions<N>) {
    let details = || details(x, w, options);
    expect_operands(op, x, w, (N, details()));
    let groups = options.groups;
    for (name, values) in [("stride", options.stride), ("dilation", options.dilation)] {
        if values.contains(&0) {
            fail_with(op, format_args!("{name} {values:?} contains 0"), &details());
        }
    }
    if groups == 0 {
        fail_with(op, format_args!("groups must be at least 1, got 0"), &details());
    }
    let k = w.shape()[0];
    if !k.is_multiple_of(groups) {
        fail_with(op, format_args!("{k} output channels do not divide into {groups} groups"), &details());
    }
    let (c, expected) = (x.shape()[x.rank() - N - 1], w.shape()[1] * groups);
    if c != expected {
        fail_with(op, format_args!("input has {c} channels but weight expects {expected}"), &details());
    }
    if w.shape()[2..].contains(&0) {
        fail_with(op, format_args!("the kernel has no elements"), &details());
    }
    if options.padding == super::window::Padding::Same && options.stride != [1; N] {
        fail_with(op, format_args!("padding \"same\" needs stride 1, got {:?}", options.stride), &details());
    }
    expect_bias(op, bias, k, x);
}

/// Panics unless `x` is `[n, c, *spatial]` or `[c, *spatial]`, and `w` has `axes` spatial axes and the same dtype.
#[track_caller]
fn expect_operands(op: &str, x: &Variable, w: &Variable, (axes, details): (usize, String)) {
    if x.rank() != axes + 1 && x.rank() != axes + 2 {
        let (one, all) = (axes + 1, axes + 2);
        fail_with(op, format_args!("expected an input of {one} or {all} axes, got {}", x.rank()), &details);
    }
    if w.rank() != axes + 2 {
        fail_with(op, format_args!("expected a weight of {} axes, got {}", axes + 2, w.rank()), &details);
    }
    if x.dtype() != w.dtype() {
        let (a, b) = (x.dtype(), w.dtype());
        fail_with(op, format_args!("dtypes differ, {a} and {b}; convert with to_dtype"), &details);
    }
    if !x.dtype().is_float() {
        tensor::error::unsupported(op, x.dtype(), "a float");
    }
}

#[track_caller]
fn expect_bias(op: &str, bias: Option<&Variable>, channels: usize, x: &Variable) {
    let Some(bias) = bias else { return };
    if bias.shape() != [channels] {
        tensor::fault!(op, [input: x.shape(), bias: bias.shape()], "expected a bias of {channels} elements");
    }
    if bias.dtype() != x.dtype() {
        tensor::fault!(op, [input: x.shape(), bias: bias.shape()],
            "bias must be {}, got {}; convert with to_dtype", x.dtype(), bias.dtype());
    }
}
