//! Convolution, bias and ReLU in one pass over memory.

use autograd::{Context, Keeps, Op, Variable};
use tensor::Tensor;
use tensor::kernels::conv::{self, ConvGeometry, Epilogue};
use tensor::kernels::norm::Activation;

use super::adjoint;
use crate::ops::fused_relu::relu_grad;

/// `max(conv(x, w) + b, 0)`: what becomes of [`conv2d`](super::conv2d) followed by a ReLU.
#[derive(Clone, Debug)]
pub struct ConvRelu {
    /// Stride, padding, dilation, groups.
    pub geometry: ConvGeometry,
}

impl Op<3> for ConvRelu {
    const NAME: &'static str = "conv_relu";
    const KEEPS: Keeps = Keeps::NOTHING.and_input(0).and_input(1).and_output();
    type Saved = ();

    fn forward(&self, [x, w, b]: [&Tensor; 3]) -> (Tensor, ()) {
        (
            conv::conv(
                x,
                w,
                &self.geometry,
                Epilogue { bias: Some(b), activation: Activation::Relu, ..Epilogue::default() },
            ),
            (),
        )
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 3>) -> [Option<Variable>; 3] {
        let g = relu_grad(g, &cx.output());
        let [dx, dw] = adjoint::of_conv(&self.geometry, &g, [&cx.input(0), &cx.input(1)], [cx.wants(0), cx.wants(1)]);
        [dx, dw, cx.wants(2).then(|| adjoint::of_bias(&g))]
    }
}
