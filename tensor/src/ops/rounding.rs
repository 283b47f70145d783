//! Rounding to whole numbers, element by element; integers are whole already and stay.

use super::elementwise::{map, unary};
use crate::{Tensor, dispatch};

macro_rules! rounding {
    ($($(#[$doc:meta])* $name:ident |$x:ident| $body:expr;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            ///
            /// # Panics
            /// If the dtype is `bool`.
            #[track_caller]
            pub fn $name(&self) -> Tensor {
                match self.dtype() {
                    crate::DType::I64 | crate::DType::U8 => self.clone(),
                    dtype => dispatch!(float stringify!($name), dtype, T => map(self, |$x: T| $body)),
                }
            }
        )*}
    };
}

rounding! {
    /// The largest whole number not above `x`. PyTorch: `torch.floor`.
    floor |x| x.floor();
    /// The smallest whole number not below `x`. PyTorch: `torch.ceil`.
    ceil |x| x.ceil();
    /// The nearest whole number, the even one of two equally near. PyTorch: `torch.round`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([0.5, 1.5, 2.5]).round().to_vec::<f64>(), [0.0, 2.0, 2.0]);
    /// ```
    round |x| x.round_ties_even();
    /// The whole part: rounded toward zero. PyTorch: `torch.trunc`.
    trunc |x| x.trunc();
}

unary! {
    /// `x - trunc(x)`, with the sign of `x`. PyTorch: `torch.frac`.
    frac float |x: T| x - x.trunc();
}
