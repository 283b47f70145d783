//! The other two of the family: what a convolution does to a gradient on its way to the input and to the weights.

use autograd::{Context, Keeps, Op, Variable};
use smallvec::SmallVec;
use tensor::kernels::conv::{self, ConvGeometry, Epilogue};
use tensor::{Dims, Tensor};

use super::Conv;
use crate::ops::batch_norm::{Normalized, cotangent};

/// The gradients of `<g, conv(x, w)>` that are wanted.
pub(super) fn of_conv(
    geometry: &ConvGeometry,
    g: &Variable,
    [x, w]: [&Variable; 2],
    wants: [bool; 2],
) -> [Option<Variable>; 2] {
    if autograd::is_grad_enabled() {
        let geometry = || geometry.clone();
        return [
            wants[0].then(|| ConvTranspose { geometry: geometry(), output: spatial(x) }.apply([g, w])),
            wants[1].then(|| ConvWeightGrad { geometry: geometry(), kernel: spatial(w) }.apply([x, g])),
        ];
    }
    // A normalisation before the convolution is computed again as it is read, and one after it is differentiated so.
    let normalized = Normalized::waiting(x);
    let plain = normalized.is_none().then(|| x.data());
    let input = normalized.as_ref().map(Normalized::input).or(plain.as_ref().map(conv::Input::from));
    let input = input.expect("one of the two is there");
    let gradients = conv::conv_gradients(input, &w.data(), &cotangent(g), geometry, wants);
    let dx = gradients.input.map(|dx| match (&normalized, gradients.sums) {
        (Some(normalized), Some(sums)) => normalized.gradient(dx, sums),
        _ => Variable::new(dx),
    });
    [dx, gradients.weight.map(Variable::new)]
}

/// The gradients of `<h, conv_transpose(x, w)>` that are wanted.
fn of_transpose(
    geometry: &ConvGeometry,
    h: &Variable,
    [x, w]: [&Variable; 2],
    wants: [bool; 2],
) -> [Option<Variable>; 2] {
    let geometry = || geometry.clone();
    [
        wants[0].then(|| Conv { geometry: geometry() }.apply([h, w])),
        wants[1].then(|| ConvWeightGrad { geometry: geometry(), kernel: spatial(w) }.apply([h, x])),
    ]
}

/// The gradient of `<g, y + b>` in `b [k]`: the sum over images and positions.
pub(super) fn of_bias(g: &Variable) -> Variable {
    let axes: SmallVec<[isize; 5]> = (0..g.rank() as isize).filter(|&axis| axis != 1).collect();
    g.sum(&axes, false)
}

fn spatial(x: &Variable) -> Dims {
    Dims::from_slice(&x.shape()[2..])
}

/// The gradient of a convolution in its input, which is the transposed convolution; see
/// [`conv_transpose2d`](super::conv_transpose2d).
#[derive(Clone, Debug)]
pub struct ConvTranspose {
    /// Of the convolution that this is the transpose of.
    pub geometry: ConvGeometry,
    /// The output's spatial sizes.
    pub output: Dims,
}

impl Op<2> for ConvTranspose {
    const NAME: &'static str = "conv_transpose";
    type Saved = ();

    fn forward(&self, [x, w]: [&Tensor; 2]) -> (Tensor, ()) {
        (conv::conv_transpose(x, w, &self.output, &self.geometry, Epilogue::default()), ())
    }

    fn vjp(&self, h: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        of_transpose(&self.geometry, h, [&cx.input(0), &cx.input(1)], [cx.wants(0), cx.wants(1)])
    }
}

/// A transposed convolution with bias; see [`conv_transpose2d`](super::conv_transpose2d).
#[derive(Clone, Debug)]
pub struct ConvTransposeBias {
    /// Of the convolution that this is the transpose of.
    pub geometry: ConvGeometry,
    /// The output's spatial sizes.
    pub output: Dims,
}

impl Op<3> for ConvTransposeBias {
    const NAME: &'static str = "conv_transpose_bias";
    const KEEPS: Keeps = Keeps::NOTHING.and_input(0).and_input(1);
    type Saved = ();

    fn forward(&self, [x, w, b]: [&Tensor; 3]) -> (Tensor, ()) {
        let epilogue = Epilogue { bias: Some(b), ..Epilogue::default() };
        (conv::conv_transpose(x, w, &self.output, &self.geometry, epilogue), ())
    }

    fn vjp(&self, h: &Variable, cx: Context<'_, Self, 3>) -> [Option<Variable>; 3] {
        let [dx, dw] = of_transpose(&self.geometry, h, [&cx.input(0), &cx.input(1)], [cx.wants(0), cx.wants(1)]);
        [dx, dw, cx.wants(2).then(|| of_bias(h))]
    }
}

/// The gradient of a convolution in its weights, from the input and the gradient of the output.
#[derive(Clone, Debug)]
pub struct ConvWeightGrad {
    /// Of the convolution.
    pub geometry: ConvGeometry,
    /// The weights' spatial sizes.
    pub kernel: Dims,
}

impl Op<2> for ConvWeightGrad {
    const NAME: &'static str = "conv_weight_grad";
    type Saved = ();

    fn forward(&self, [x, g]: [&Tensor; 2]) -> (Tensor, ()) {
        (conv::conv_weight_grad(x, g, &self.kernel, &self.geometry), ())
    }

    fn vjp(&self, v: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        let (x, g) = (cx.input(0), cx.input(1));
        let geometry = || self.geometry.clone();
        [
            cx.wants(0).then(|| ConvTranspose { geometry: geometry(), output: spatial(&x) }.apply([&g, v])),
            cx.wants(1).then(|| Conv { geometry: geometry() }.apply([&x, v])),
        ]
    }
}
