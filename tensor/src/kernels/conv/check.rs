//! The shape checks of the entry points, with messages that name every operand.

use super::problem::{ConvGeometry, Problem};
use crate::{Tensor, fault};

#[track_caller]
fn common(op: &str, a: (&str, &Tensor), b: (&str, &Tensor), geometry: &ConvGeometry) {
    let operands = &[(a.0, a.1.shape()), (b.0, b.1.shape())];
    let rank = a.1.rank();
    if a.1.dtype() != b.1.dtype() {
        let (left, right) = (a.1.dtype(), b.1.dtype());
        crate::error::fail(op, format_args!("dtypes differ, {left} and {right}; convert with to_dtype"), operands);
    }
    if !(3..=5).contains(&rank) || b.1.rank() != rank {
        let other = b.1.rank();
        crate::error::fail(
            op,
            format_args!("expected two tensors of 3, 4 or 5 axes, got {rank} and {other}"),
            operands,
        );
    }
    for (name, dims) in [("stride", &geometry.stride), ("padding", &geometry.padding), ("dilation", &geometry.dilation)]
    {
        if dims.len() != rank - 2 {
            let (axes, given) = (rank - 2, dims.len());
            crate::error::fail(op, format_args!("{name} has {given} values for {axes} spatial axes"), operands);
        }
        if name != "padding" && dims.contains(&0) {
            crate::error::fail(op, format_args!("{name} {:?} contains 0", dims.as_slice()), operands);
        }
    }
    if geometry.groups == 0 {
        crate::error::fail(op, format_args!("groups must be at least 1, got 0"), operands);
    }
}

#[track_caller]
fn divisible(op: &str, what: &str, channels: usize, geometry: &ConvGeometry, operands: &[(&str, &[usize])]) {
    if !channels.is_multiple_of(geometry.groups) {
        let groups = geometry.groups;
        crate::error::fail(op, format_args!("{channels} {what} channels do not divide into {groups} groups"), operands);
    }
}

/// The problem of `conv(x, w)`.
#[track_caller]
pub(super) fn forward(x: &Tensor, w: &Tensor, geometry: &ConvGeometry) -> Problem {
    common("conv", ("input", x), ("weight", w), geometry);
    let (c, k, groups) = (x.shape()[1], w.shape()[0], geometry.groups);
    divisible("conv", "output", k, geometry, &[("input", x.shape()), ("weight", w.shape())]);
    let expected = w.shape()[1] * groups;
    if c != expected {
        fault!("conv", [input: x.shape(), weight: w.shape()],
            "input has {c} channels but weight expects {expected} in {groups} groups");
    }
    let Some(output) = geometry.output_spatial(&x.shape()[2..], &w.shape()[2..]) else {
        let (padding, dilation) = (&geometry.padding, &geometry.dilation);
        fault!("conv", [input: x.shape(), weight: w.shape()],
            "kernel does not fit into the input padded by {padding:?} at dilation {dilation:?}");
    };
    Problem::new([x.shape()[0], c, k], &x.shape()[2..], &output, &w.shape()[2..], geometry)
}

#[track_caller]
fn expect_output(op: &str, sizes: [&[usize]; 3], geometry: &ConvGeometry, operands: &[(&str, &[usize])]) {
    let [input, kernel, output] = sizes;
    let expected = geometry.output_spatial(input, kernel);
    if expected.as_deref() != Some(output) {
        let expected = expected.as_deref().unwrap_or(&[]);
        crate::error::fail(
            op,
            format_args!("kernel {kernel:?} over {input:?} gives {expected:?}, but the gradient has {output:?}"),
            operands,
        );
    }
}

/// The problem of `conv_input_grad(g, w)`.
#[track_caller]
pub(super) fn input_grad(g: &Tensor, w: &Tensor, input: &[usize], geometry: &ConvGeometry) -> Problem {
    common("conv_transpose", ("input", g), ("weight", w), geometry);
    let operands: &[(&str, &[usize])] = &[("input", g.shape()), ("weight", w.shape())];
    let (k, c) = (w.shape()[0], w.shape()[1] * geometry.groups);
    divisible("conv_transpose", "input", k, geometry, operands);
    if g.shape()[1] != k {
        let got = g.shape()[1];
        crate::error::fail("conv_transpose", format_args!("input has {got} channels but weight expects {k}"), operands);
    }
    if input.len() + 2 != g.rank() {
        let (axes, given) = (g.rank() - 2, input.len());
        crate::error::fail("conv_transpose", format_args!("{given} output sizes for {axes} spatial axes"), operands);
    }
    expect_output("conv_transpose", [input, &w.shape()[2..], &g.shape()[2..]], geometry, operands);
    Problem::new([g.shape()[0], c, k], input, &g.shape()[2..], &w.shape()[2..], geometry)
}

/// The problem of `conv_weight_grad(x, g)`.
#[track_caller]
pub(super) fn weight_grad(x: &Tensor, g: &Tensor, kernel: &[usize], geometry: &ConvGeometry) -> Problem {
    common("conv_weight_grad", ("input", x), ("gradient", g), geometry);
    let operands: &[(&str, &[usize])] = &[("input", x.shape()), ("gradient", g.shape())];
    let (n, c, k) = (x.shape()[0], x.shape()[1], g.shape()[1]);
    divisible("conv_weight_grad", "input", c, geometry, operands);
    divisible("conv_weight_grad", "output", k, geometry, operands);
    if g.shape()[0] != n {
        let other = g.shape()[0];
        crate::error::fail("conv_weight_grad", format_args!("batches differ, {n} and {other}"), operands);
    }
    if kernel.len() + 2 != x.rank() {
        let (axes, given) = (x.rank() - 2, kernel.len());
        crate::error::fail("conv_weight_grad", format_args!("{given} kernel sizes for {axes} spatial axes"), operands);
    }
    expect_output("conv_weight_grad", [&x.shape()[2..], kernel, &g.shape()[2..]], geometry, operands);
    Problem::new([n, c, k], &x.shape()[2..], &g.shape()[2..], kernel, geometry)
}

/// Checks an optional bias.
#[track_caller]
pub(super) fn bias(op: &str, bias: Option<&Tensor>, x: &Tensor, channels: usize) {
    if let Some(bias) = bias {
        bias.expect_dtype(op, "bias", x.dtype());
        if bias.shape() != [channels] {
            crate::error::fail(
                op,
                format_args!("expected a bias of {channels} elements"),
                &[("input", x.shape()), ("bias", bias.shape())],
            );
        }
    }
}

/// Checks an optional addend of a result of shape `shape`.
#[track_caller]
pub(super) fn addend(op: &str, addend: Option<&Tensor>, w: &Tensor, shape: &[usize]) {
    if let Some(addend) = addend {
        addend.expect_dtype(op, "addend", w.dtype());
        if addend.shape() != shape {
            let operands = [("addend", addend.shape()), ("result", shape)];
            crate::error::fail(op, format_args!("the addend has another shape than the result"), &operands);
        }
    }
}
