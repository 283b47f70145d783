//! Rounding. Whole numbers do not change under small changes of the input, so these results are constants; only the
//! broken part has a gradient.

use super::elementwise::unary;
use crate::{Keeps, Variable};

macro_rules! constant {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        impl Variable {$(
            $(#[$doc])*
            ///
            /// The result is a constant: the gradient is 0 wherever there is one.
            ///
            /// # Panics
            /// If the dtype is `bool`.
            #[track_caller]
            pub fn $name(&self) -> Variable {
                Variable::new(self.data().$name())
            }
        )*}
    };
}

constant! {
    /// The largest whole number not above `x`. PyTorch: `torch.floor`.
    floor;
    /// The smallest whole number not below `x`. PyTorch: `torch.ceil`.
    ceil;
    /// The nearest whole number, the even one of two equally near. PyTorch: `torch.round`.
    round;
    /// The whole part: rounded toward zero. PyTorch: `torch.trunc`.
    trunc;
    /// -1, 0 or 1 as `x` is negative, zero or positive. PyTorch: `torch.sign`.
    sign;
}

unary! {
    /// `x - trunc(x)`, with the sign of `x`. PyTorch: `torch.frac`.
    Frac frac Keeps::NOTHING, |g, _cx| g.clone(),
        |shape: &[usize]| crate::check::strategy::off_kinks(shape, &[-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]);
}
