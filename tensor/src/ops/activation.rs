//! The activations that are elementwise functions in their own right; the rest of the family lives with the layers.

use super::elementwise::{map, map_vectors, unary};
use crate::kernels::elementwise::{GeluErf, GeluTanh};
use crate::{DType, Element, Float, Number, Tensor, dispatch};

/// How [`Tensor::gelu`] computes the normal distribution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Gelu {
    /// By the error function. PyTorch: `approximate="none"`.
    #[default]
    Erf,
    /// By a hyperbolic tangent that comes within 0.001. PyTorch: `approximate="tanh"`.
    Tanh,
}

unary! {
    /// `max(x, 0)`; NaN stays NaN. PyTorch: `torch.relu`.
    relu number |x: T| positive_part(x);
    /// `1 / (1 + e^-x)`. PyTorch: `torch.sigmoid`.
    sigmoid float Sigmoid |x: T| {
        // The exponential of a negative number never overflows.
        let e = (-x.abs()).exp();
        if x >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
    };
}

fn positive_part<T: Number>(x: T) -> T {
    if x < T::ZERO { T::ZERO } else { x }
}

impl Tensor {
    /// `log(1 + e^(beta x)) / beta`, and `x` itself where `beta x > threshold`. PyTorch:
    /// `torch.nn.functional.softplus`, where `beta` is 1 and `threshold` 20 by default.
    ///
    /// # Panics
    /// If the dtype is not a float.
    #[track_caller]
    pub fn softplus(&self, beta: f64, threshold: f64) -> Tensor {
        dispatch!(float "softplus", self.dtype(), T => {
            let (beta, threshold) = (T::from_f64(beta), T::from_f64(threshold));
            map(self, |x: T| if beta * x > threshold { x } else { (beta * x).exp().ln_1p() / beta })
        })
    }

    /// `x` times the probability that a standard normal number is below `x`. PyTorch: `torch.nn.functional.gelu`.
    ///
    /// ```
    /// # use gradus_tensor::{Gelu, Tensor};
    /// let y = Tensor::from([1.0]).gelu(Gelu::Erf).item::<f64>();
    /// assert!((y - 0.841344746).abs() < 1e-9);
    /// ```
    ///
    /// # Panics
    /// If the dtype is not a float.
    #[track_caller]
    pub fn gelu(&self, approximate: Gelu) -> Tensor {
        if self.dtype() == DType::F32 {
            return match approximate {
                Gelu::Erf => map_vectors(self, GeluErf),
                Gelu::Tanh => map_vectors(self, GeluTanh),
            };
        }
        dispatch!(float "gelu", self.dtype(), T => match approximate {
            Gelu::Erf => {
                let scale = T::from_f64(std::f64::consts::FRAC_1_SQRT_2);
                map(self, |x: T| 0.5 * x * (1.0 + Float::erf(x * scale)))
            }
            Gelu::Tanh => {
                let scale = T::from_f64((2.0 / std::f64::consts::PI).sqrt());
                map(self, |x: T| 0.5 * x * (1.0 + (scale * (x + 0.044715 * x * x * x)).tanh()))
            }
        })
    }
}
