//! Circular and hyperbolic functions and their inverses, element by element.

use super::elementwise::{binary, unary};
use crate::Tensor;

unary! {
    /// The sine. PyTorch: `torch.sin`.
    sin float |x: T| x.sin();
    /// The cosine. PyTorch: `torch.cos`.
    cos float |x: T| x.cos();
    /// The tangent. PyTorch: `torch.tan`.
    tan float |x: T| x.tan();
    /// The inverse sine, in [-pi/2, pi/2]; NaN outside [-1, 1]. PyTorch: `torch.asin`.
    asin float |x: T| x.asin();
    /// The inverse cosine, in [0, pi]; NaN outside [-1, 1]. PyTorch: `torch.acos`.
    acos float |x: T| x.acos();
    /// The inverse tangent, in [-pi/2, pi/2]. PyTorch: `torch.atan`.
    atan float |x: T| x.atan();
    /// The hyperbolic sine. PyTorch: `torch.sinh`.
    sinh float |x: T| x.sinh();
    /// The hyperbolic cosine. PyTorch: `torch.cosh`.
    cosh float |x: T| x.cosh();
    /// The hyperbolic tangent. PyTorch: `torch.tanh`.
    tanh float Tanh |x: T| x.tanh();
}

binary! {
    /// The angle of the point `(other, self)`, in [-pi, pi], broadcast. PyTorch: `torch.atan2`.
    atan2 float |y: T, x| y.atan2(x);
}
