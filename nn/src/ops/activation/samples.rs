//! Samples for the checks of the activations, with each function written down once more.

use autograd::Op;
use autograd::check::strategy::{any_shape, off_kinks};
use autograd::check::{Check, Sample};
use proptest::prelude::Strategy;
use proptest::strategy::BoxedStrategy;
use tensor::Tensor;

use super::{
    Elu, Gelu, GeluTanh, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, LeakyRelu, LogSigmoid, Mish, NormalCdf, Silu,
    Softplus, Softshrink, Softsign, Tanhshrink, Threshold,
};

fn sample<O: Op<1>>(op: O, kinks: &'static [f64]) -> BoxedStrategy<Sample<O, 1>> {
    any_shape()
        .prop_flat_map(move |shape| off_kinks(&shape, kinks))
        .prop_map(move |x| Sample { op: op.clone(), inputs: [x] })
        .boxed()
}

macro_rules! samples {
    ($($op:ident { $($option:ident: $value:expr),* } [$($kink:expr),*] |$x:ident| $y:expr;)*) => {$(
        impl Check<1> for $op {
            fn samples() -> BoxedStrategy<Sample<Self, 1>> {
                sample($op { $($option: $value),* }, &[$($kink),*])
            }

            fn reference(&self, [x]: [&Tensor; 1]) -> Option<Tensor> {
                $(let $option = self.$option;)*
                Some(x.view_as::<f64>().iter().map(|$x| $y).collect::<Tensor>().reshape(x.shape()))
            }
        }
    )*};
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

samples! {
    LeakyRelu { negative_slope: 0.2 } [0.0] |x| x.max(0.0) + negative_slope * x.min(0.0);
    Hardtanh { low: -1.2, high: 0.7 } [-1.2, 0.7] |x| x.max(low).min(high);
    Hardsigmoid {} [-3.0, 3.0] |x| (x / 6.0 + 0.5).clamp(0.0, 1.0);
    Hardshrink { lambd: 0.6 } [-0.6, 0.6] |x| if x.abs() > lambd { x } else { 0.0 };
    Softshrink { lambd: 0.6 } [-0.6, 0.6] |x| x.signum() * (x.abs() - lambd).max(0.0);
    Threshold { threshold: 0.3, value: -2.0 } [0.3] |x| if x > threshold { x } else { value };
    Hardswish {} [-3.0, 3.0] |x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0);
    Elu { alpha: 1.3, scale: 0.8, input_scale: 0.6, gradient_scale: 0.6 } [0.0]
        |x| {
            // The gradient alone reads the second scale.
            let _ = gradient_scale;
            scale * if x > 0.0 { x } else { alpha * ((input_scale * x).exp() - 1.0) }
        };
    Softplus { beta: 1.5, threshold: 3.0 } [2.0] |x| if beta * x > threshold { x } else { (1.0 + (beta * x).exp()).ln() / beta };
    Softsign {} [0.0] |x| if x > 0.0 { x / (1.0 + x) } else { x / (1.0 - x) };
    Tanhshrink {} [] |x| x - (2.0 * sigmoid(2.0 * x) - 1.0);
    Silu {} [] |x| x * sigmoid(x);
    LogSigmoid {} [] |x| sigmoid(x).ln();
    Mish {} [] |x| x * (1.0 + x.exp()).ln().tanh();
    NormalCdf {} [] |x| 0.5 + 0.5 * tensor::Float::erf(x * 0.5f64.sqrt());
    Gelu {} [] |x| x * (0.5 + 0.5 * tensor::Float::erf(x * 0.5f64.sqrt()));
    GeluTanh {} [] |x| x * sigmoid(2.0 * (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3)));
}
