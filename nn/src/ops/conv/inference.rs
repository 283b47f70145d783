//! Convolutions of which nothing is recorded: they wait for all that can be folded into them.

use autograd::{Deferred, Epilogue, Variable};
use tensor::kernels::conv::{self, ConvGeometry};
use tensor::kernels::norm::Activation;
use tensor::{DType, Dims, Tensor};

/// A convolution that is computed when somebody looks at it. A scale per channel (batch normalisation by constant
/// statistics) goes into its weights; bias, addition and activation into the pass that stores its results.
#[derive(Clone, Debug)]
struct Waiting {
    x: Tensor,
    w: Tensor,
    bias: Option<Tensor>,
    addend: Option<Tensor>,
    activation: Activation,
    geometry: ConvGeometry,
    shape: Dims,
}

impl Waiting {
    fn scaled(&self, scale: &Tensor, shift: &Tensor) -> Waiting {
        let mut wide = vec![1; self.w.rank()];
        wide[0] = scale.len();
        let bias = self.bias.as_ref().map_or_else(|| shift.clone(), |bias| bias.mul(scale).add(shift));
        Waiting { w: self.w.mul(&scale.reshape(wide)), bias: Some(bias), ..self.clone() }
    }
}

impl Deferred for Waiting {
    fn shape(&self) -> Dims {
        self.shape.clone()
    }

    fn dtype(&self) -> DType {
        self.x.dtype()
    }

    fn compute(&self) -> Tensor {
        let (bias, addend) = (self.bias.as_ref(), self.addend.as_ref());
        let epilogue = conv::Epilogue { bias, addend, activation: self.activation };
        conv::conv(&self.x, &self.w, &self.geometry, epilogue)
    }

    fn fuse(&self, _: &Variable, epilogue: &Epilogue<'_>) -> Option<Variable> {
        if self.activation != Activation::Identity {
            return None;
        }
        let with = |activation| Waiting { activation, ..self.clone() };
        let fused = match epilogue {
            Epilogue::Relu => with(Activation::Relu),
            Epilogue::Relu6 => with(Activation::Relu6),
            Epilogue::Add(other) if self.addend.is_none() && !is_recorded(other) => {
                Waiting { addend: Some(other.data()), ..self.clone() }
            }
            Epilogue::Scale { scale, shift } if self.addend.is_none() => self.scaled(scale, shift),
            _ => return None,
        };
        Some(Variable::lazy(Box::new(fused)))
    }
}

fn is_recorded(x: &Variable) -> bool {
    autograd::is_grad_enabled() && x.requires_grad()
}

/// The convolution as a variable that waits, if nothing of it is recorded.
pub(super) fn defer(
    [x, w]: [&Variable; 2],
    bias: Option<&Variable>,
    geometry: &ConvGeometry,
    shape: Dims,
) -> Option<Variable> {
    let all = [Some(x), Some(w), bias];
    (!all.into_iter().flatten().any(is_recorded)).then(|| {
        Variable::lazy(Box::new(Waiting {
            x: x.data(),
            w: w.data(),
            bias: bias.map(Variable::data),
            addend: None,
            activation: Activation::Identity,
            geometry: geometry.clone(),
            shape,
        }))
    })
}
