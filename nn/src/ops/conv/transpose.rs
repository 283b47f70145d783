//! Transposed convolutions: up-sampling with learnt weights.

use autograd::{Op, Variable};
use tensor::Dims;
use tensor::error::fail_with;

use super::{ConvTranspose, ConvTransposeBias, ConvTransposeOptions, expect_bias, expect_operands, pad_around};
use crate::ops::window::PaddingMode;

/// The transposed convolution of `x [n, c, l]` (or `[c, l]`) with `w [c, k / groups, kernel]` and `b [k]`; see
/// [`conv_transpose2d`]. PyTorch: `torch.nn.functional.conv_transpose1d`.
///
/// # Panics
/// If shapes, dtypes and options do not fit each other.
#[track_caller]
pub fn conv_transpose1d(
    x: &Variable,
    w: &Variable,
    bias: Option<&Variable>,
    options: &ConvTransposeOptions<1>,
) -> Variable {
    conv_transpose("conv_transpose1d", x, w, bias, options)
}

/// The transposed convolution `y[n, k, i * stride + t * dilation - padding] += x[n, c, i] w[c, k, t]`, plus `b[k]`, of
/// `x [n, c, h, w]` (or `[c, h, w]`) with `w [c, k / groups, kh, kw]` and `b [k]`. The output's sizes are
/// `(x - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1`.
///
/// PyTorch: `torch.nn.functional.conv_transpose2d`.
///
/// ```
/// use gradus_nn::ops::conv::{ConvTransposeOptions, conv_transpose2d};
/// use autograd::Variable;
/// use tensor::{DType, Tensor};
/// let x = Variable::new(Tensor::ones([1, 8, 14, 14], DType::F32));
/// let w = Variable::new(Tensor::ones([8, 4, 2, 2], DType::F32));
/// assert_eq!(conv_transpose2d(&x, &w, None, &ConvTransposeOptions::new().stride(2)).shape(), &[1, 4, 28, 28]);
/// ```
///
/// # Panics
/// If shapes, dtypes and options do not fit each other.
#[track_caller]
pub fn conv_transpose2d(
    x: &Variable,
    w: &Variable,
    bias: Option<&Variable>,
    options: &ConvTransposeOptions<2>,
) -> Variable {
    conv_transpose("conv_transpose2d", x, w, bias, options)
}

/// The transposed convolution of `x [n, c, d, h, w]` (or `[c, d, h, w]`) with `w [c, k / groups, kd, kh, kw]` and
/// `b [k]`; see [`conv_transpose2d`]. PyTorch: `torch.nn.functional.conv_transpose3d`.
///
/// # Panics
/// If shapes, dtypes and options do not fit each other.
#[track_caller]
pub fn conv_transpose3d(
    x: &Variable,
    w: &Variable,
    bias: Option<&Variable>,
    options: &ConvTransposeOptions<3>,
) -> Variable {
    conv_transpose("conv_transpose3d", x, w, bias, options)
}

fn details<const N: usize>(x: &Variable, w: &Variable, options: &ConvTransposeOptions<N>) -> String {
    format!("input {:?}, weight {:?}, groups {}", x.shape(), w.shape(), options.groups)
}

/// Any of the three, under the name `op`.
#[track_caller]
pub(crate) fn conv_transpose<const N: usize>(
    op: &str,
    x: &Variable,
    w: &Variable,
    bias: Option<&Variable>,
    options: &ConvTransposeOptions<N>,
) -> Variable {
    check(op, x, w, bias, options);
    if x.rank() == N + 1 {
        let y = conv_transpose(op, &x.unsqueeze(0), w, bias, options);
        return y.reshape(&y.shape()[1..]);
    }
    let mut output = Dims::new();
    let mut ends = [(0, 0); N];
    for (axis, end) in ends.iter_mut().enumerate() {
        let (input, kernel, stride) = (x.shape()[axis + 2], w.shape()[axis + 2], options.stride[axis]);
        let window = options.dilation[axis] * (kernel - 1) + 1;
        let size = (input.max(1) - 1) * stride + window + options.output_padding[axis];
        let Some(size) = size.checked_sub(2 * options.padding[axis]).filter(|_| input > 0) else {
            let padding = options.padding;
            fail_with(
                op,
                format_args!("padding {padding:?} leaves no output along axis {}", axis + 2),
                &details(x, w, options),
            );
        };
        output.push(size);
        // More output padding than the stride reaches, which dilation allows: as if the input ended in zeros.
        let windows = (size + 2 * options.padding[axis] - window) / stride + 1;
        *end = (0, windows - input);
    }
    let x = pad_around(x, &ends, PaddingMode::Zeros);
    let geometry = options.geometry();
    match bias {
        Some(bias) => ConvTransposeBias { geometry, output }.apply([&x, w, bias]),
        None => ConvTranspose { geometry, output }.apply([&x, w]),
    }
}

#[track_caller]
fn check<const N: usize>(
    op: &str,
    x: &Variable,
    w: &Variable,
    bias: Option<&Variable>,
    options: &ConvTransposeOptions<N>,
) {
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
    let (c, expected) = (x.shape()[x.rank() - N - 1], w.shape()[0]);
    if c != expected {
        fail_with(op, format_args!("input has {c} channels but weight expects {expected}"), &details());
    }
    if !c.is_multiple_of(groups) {
        fail_with(op, format_args!("{c} input channels do not divide into {groups} groups"), &details());
    }
    if w.shape()[2..].contains(&0) {
        fail_with(op, format_args!("the kernel has no elements"), &details());
    }
    // PyTorch does not look at it where there are no images.
    let is_empty = x.rank() == N + 2 && x.shape()[0] == 0;
    for axis in 0..if is_empty { 0 } else { N } {
        let (extra, most) = (options.output_padding[axis], options.stride[axis].max(options.dilation[axis]));
        if extra >= most {
            fail_with(
                op,
                format_args!("output_padding {extra} must be smaller than stride or dilation, {most}"),
                &details(),
            );
        }
    }
    expect_bias(op, bias, w.shape()[1] * groups, x);
}

/// The output padding that gives an output of `sizes`.
///
/// # Panics
/// If no output padding does.
#[track_caller]
pub(crate) fn output_padding_for<const N: usize>(
    op: &str,
    x: &Variable,
    kernel: [usize; N],
    options: &ConvTransposeOptions<N>,
    sizes: [usize; N],
) -> [usize; N] {
    let input = &x.shape()[x.rank() - N..];
    let smallest: [usize; N] = std::array::from_fn(|axis| {
        let whole = (input[axis].max(1) - 1) * options.stride[axis] + options.dilation[axis] * (kernel[axis] - 1) + 1;
        whole.saturating_sub(2 * options.padding[axis])
    });
    let largest: [usize; N] = std::array::from_fn(|axis| smallest[axis] + options.stride[axis] - 1);
    if (0..N).any(|axis| sizes[axis] < smallest[axis] || sizes[axis] > largest[axis]) {
        tensor::fault!(op, [input: x.shape()],
            "output_size {sizes:?} is not between {smallest:?} and {largest:?}");
    }
    std::array::from_fn(|axis| sizes[axis] - smallest[axis])
}
