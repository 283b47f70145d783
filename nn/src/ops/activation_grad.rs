//! Gradients through activations that were folded into another op.

use autograd::Variable;
use autograd::ops::elementwise::where_;
use tensor::{Tensor, dispatch};

/// The gradient of `<g, max(x, 0)>` in `x`, from the output `y`: `g` where `y > 0`, else 0.
pub(crate) fn relu_grad(g: &Variable, y: &Variable) -> Variable {
    if autograd::is_grad_enabled() {
        let zero = Variable::new(Tensor::zeros([], g.dtype()));
        return where_(&y.data().gt_scalar(0.0), g, &zero);
    }
    let (g, y) = (g.data(), y.data());
    Variable::new(dispatch!(float "relu", g.dtype(), T => {
        g.zip_map(&y, |g: T, y: T| if y > <T as tensor::Element>::ZERO { g } else { <T as tensor::Element>::ZERO })
    }))
}
