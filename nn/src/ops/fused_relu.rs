//! A ReLU folded into the op before it: the waiting result, and the way back through the ReLU.

use autograd::ops::elementwise::where_;
use autograd::{Deferred, Epilogue, Op, Variable};
use tensor::{DType, Dims, Element, Tensor, dispatch};

/// The gradient of `<g, max(x, 0)>` in `x`, from the output `y`: `g` where `y > 0`, else 0.
pub(crate) fn relu_grad(g: &Variable, y: &Variable) -> Variable {
    if autograd::is_grad_enabled() {
        let zero = Variable::new(Tensor::zeros([], g.dtype()));
        return where_(&y.data().gt_scalar(0.0), g, &zero);
    }
    let (g, y) = (g.data(), y.data());
    Variable::new(dispatch!(float "relu", g.dtype(), T => {
        g.zip_map(&y, |g: T, y: T| if y > <T as Element>::ZERO { g } else { <T as Element>::ZERO })
    }))
}

/// The result of `plain`, which becomes the one of `fused` if a ReLU comes next.
#[derive(Debug)]
struct Waiting<P, F> {
    plain: P,
    fused: F,
    inputs: [Variable; 3],
    /// The values at the time of the call: a leaf among the inputs may change before this is computed.
    values: [Tensor; 3],
    shape: Dims,
}

impl<P: Op<3>, F: Op<3>> Deferred for Waiting<P, F> {
    fn shape(&self) -> Dims {
        self.shape.clone()
    }

    fn dtype(&self) -> DType {
        self.values[0].dtype()
    }

    fn compute(&self) -> Tensor {
        self.plain.infer(self.values.each_ref())
    }

    fn fuse(&self, _: &Variable, epilogue: &Epilogue<'_>) -> Option<Variable> {
        let is_unchanged = || self.inputs.iter().zip(&self.values).all(|(x, value)| x.data().shares_storage(value));
        match epilogue {
            Epilogue::Relu if is_unchanged() => Some(self.fused.clone().apply(self.inputs.each_ref())),
            _ => None,
        }
    }
}

/// Records `plain` on `inputs` and leaves its result, of shape `shape`, to be computed when somebody looks at it;
/// `fused` is the same op with a ReLU behind it.
#[track_caller]
pub(crate) fn defer<P: Op<3, Saved = ()>, F: Op<3>>(
    plain: P,
    fused: F,
    inputs: [&Variable; 3],
    shape: Dims,
) -> Variable {
    let waiting = Waiting {
        plain: plain.clone(),
        fused,
        inputs: inputs.map(Variable::clone),
        values: inputs.map(Variable::data),
        shape,
    };
    plain.apply_deferred(inputs, (), Box::new(waiting))
}
