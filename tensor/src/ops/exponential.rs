//! Exponentials and logarithms, element by element.

use super::elementwise::{map, unary};
use crate::{Element, Tensor, dispatch};

unary! {
    /// `e^x`. PyTorch: `torch.exp`.
    exp float Exp |x: T| x.exp();
    /// `2^x`. PyTorch: `torch.exp2`.
    exp2 float |x: T| x.exp2();
    /// `e^x - 1`, accurate near 0. PyTorch: `torch.expm1`.
    expm1 float |x: T| x.exp_m1();
    /// The natural logarithm. PyTorch: `torch.log`.
    log float Log |x: T| x.ln();
    /// The logarithm to base 2. PyTorch: `torch.log2`.
    log2 float |x: T| x.log2();
    /// The logarithm to base 10. PyTorch: `torch.log10`.
    log10 float |x: T| x.log10();
    /// `log(1 + x)`, accurate near 0. PyTorch: `torch.log1p`.
    log1p float |x: T| x.ln_1p();
}

impl Tensor {
    /// `log(x / (1 - x))`, the inverse of [`sigmoid`](Tensor::sigmoid), with `x` first clamped to `[eps, 1 - eps]` if
    /// `eps` is given. PyTorch: `torch.logit`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([0.5, 1.0]).logit(None).to_vec::<f64>(), [0.0, f64::INFINITY]);
    /// ```
    ///
    /// # Panics
    /// If the dtype is not a float.
    #[track_caller]
    pub fn logit(&self, eps: Option<f64>) -> Tensor {
        dispatch!(float "logit", self.dtype(), T => {
            let (low, high) = match eps {
                Some(eps) => (T::from_f64(eps), 1.0 - T::from_f64(eps)),
                None => (T::NEG_INFINITY, T::INFINITY),
            };
            map(self, |x: T| {
                let x = if x < low { low } else if x > high { high } else { x };
                (x / (1.0 - x)).ln()
            })
        })
    }
}
