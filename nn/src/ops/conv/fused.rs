//! Convolution, bias and ReLU in one pass over memory.

use autograd::{Context, Deferred, Keeps, Op, Variable};
use tensor::kernels::conv::{self, ConvGeometry, Epilogue};
use tensor::{DType, Dims, Tensor};

use super::{ConvBias, adjoint};
use crate::ops::activation_grad::relu_grad;

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
        (conv::conv(x, w, &self.geometry, Epilogue { bias: Some(b), relu: true }), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 3>) -> [Option<Variable>; 3] {
        let g = relu_grad(g, &cx.output());
        let [dx, dw] = adjoint::of_conv(&self.geometry, &g, [&cx.input(0), &cx.input(1)], [cx.wants(0), cx.wants(1)]);
        [dx, dw, cx.wants(2).then(|| adjoint::of_bias(&g))]
    }
}

/// A convolution with bias that waits to see whether a ReLU follows.
#[derive(Debug)]
struct Waiting {
    op: ConvBias,
    inputs: [Variable; 3],
    /// The values at the time of the call: a leaf among the inputs may change before this is computed.
    values: [Tensor; 3],
    shape: Dims,
}

impl Deferred for Waiting {
    fn shape(&self) -> Dims {
        self.shape.clone()
    }

    fn dtype(&self) -> DType {
        self.values[0].dtype()
    }

    fn compute(&self) -> Tensor {
        self.op.infer(self.values.each_ref())
    }

    fn fuse(&self, _: &Variable, epilogue: &autograd::Epilogue<'_>) -> Option<Variable> {
        let is_unchanged = || self.inputs.iter().zip(&self.values).all(|(x, value)| x.data().shares_storage(value));
        match epilogue {
            autograd::Epilogue::Relu if is_unchanged() => {
                Some(ConvRelu { geometry: self.op.geometry.clone() }.apply(self.inputs.each_ref()))
            }
            _ => None,
        }
    }
}

#[track_caller]
pub(super) fn conv_bias(x: &Variable, w: &Variable, bias: &Variable, geometry: ConvGeometry) -> Variable {
    let spatial = geometry.output_spatial(&x.shape()[2..], &w.shape()[2..]).expect("checked by the caller");
    let mut shape = Dims::from_slice(&[x.shape()[0], w.shape()[0]]);
    shape.extend_from_slice(&spatial);
    let op = ConvBias { geometry };
    let inputs = [x, w, bias];
    let waiting = Waiting {
        op: op.clone(),
        inputs: inputs.map(Variable::clone),
        values: inputs.map(Variable::data),
        shape,
    };
    op.apply_deferred(inputs, (), Box::new(waiting))
}
