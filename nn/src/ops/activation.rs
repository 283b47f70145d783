//! The elementwise activations of `torch.nn`.
//!
//! Each op has its function and its slope in plain numbers, for one pass each way, and its slope in differentiable ops
//! for gradients of gradients. At corners the slope is PyTorch's choice.

mod gated;
mod macros;
#[cfg(any(test, feature = "check"))]
mod samples;

pub use gated::{glu, prelu, rrelu, rrelu_train};
use macros::activation;

use std::f64::consts::FRAC_1_SQRT_2;

use autograd::ops::elementwise::where_;
use autograd::{Context, Epilogue, Op, Variable};
use tensor::{Element, Float, Tensor, dispatch};

/// `1 / sqrt(2 pi)`, the density of the standard normal distribution at 0.
const NORMAL_DENSITY: f64 = 0.398_942_280_401_432_7;

/// A sixth, as PyTorch's `hardsigmoid` has it in its gradient: rounded to `f32` for every dtype.
const SIXTH: f64 = (1.0f32 / 6.0) as f64;

/// `sqrt(2 / pi)`.
const GELU_SLOPE: f64 = 0.797_884_560_802_865_4;

/// `yes` where `mask` holds, else `no`.
fn choose(mask: &Tensor, yes: &Variable, no: f64) -> Variable {
    where_(mask, yes, &Variable::new(Tensor::full([], no, yes.dtype())))
}

/// `x` where it is positive, else 0, without a gradient to other places: keeps exponentials from overflowing.
fn negative_part(x: &Variable) -> Variable {
    choose(&x.data().neg().gt_scalar(0.0), x, 0.0)
}

activation! {
    /// `x` where `x > 0`, `negative_slope x` elsewhere. PyTorch: `torch.nn.functional.leaky_relu`.
    LeakyRelu leaky_relu(negative_slope: f64);
    |x| if x > 0.0 { x } else { x * negative_slope };
    |x| if x > 0.0 { 1.0 } else { negative_slope };

    /// `low` below `low`, `high` above `high`, else `x`. PyTorch: `torch.nn.functional.hardtanh`; with 0 and 6 `relu6`.
    Hardtanh hardtanh(low: f64, high: f64);
    |x| if x < low { low } else if x > high { high } else { x };
    |x| if x > low && x < high { 1.0 } else { 0.0 };

    /// `min(max(x + 3, 0), 6) / 6`. PyTorch: `torch.nn.functional.hardsigmoid`.
    Hardsigmoid hardsigmoid() with sixth = SIXTH;
    |x| (x + 3.0).clamp(0.0, 6.0) / 6.0;
    |x| if x > -3.0 && x < 3.0 { sixth } else { 0.0 };

    /// `x` outside `[-lambd, lambd]`, else 0. PyTorch: `torch.nn.functional.hardshrink`.
    Hardshrink hardshrink(lambd: f64);
    |x| if x >= -lambd && x <= lambd { 0.0 } else { x };
    |x| if x >= -lambd && x <= lambd { 0.0 } else { 1.0 };

    /// `x` brought nearer to 0 by `lambd`, 0 within it. PyTorch: `torch.nn.functional.softshrink`.
    Softshrink softshrink(lambd: f64);
    |x| if x > lambd { x - lambd } else if x < -lambd { x + lambd } else { x * 0.0 };
    |x| if x >= -lambd && x <= lambd { 0.0 } else { 1.0 };

    /// `x` where `x > threshold`, else `value`. PyTorch: `torch.nn.functional.threshold`.
    Threshold threshold(threshold: f64, value: f64);
    |x| if x <= threshold { value } else { x };
    |x| if x <= threshold { 0.0 } else { 1.0 };

    /// `x min(max(x + 3, 0), 6) / 6`. PyTorch: `torch.nn.functional.hardswish`.
    Hardswish hardswish();
    |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0;
    |x| if x <= -3.0 { 0.0 } else if x < 3.0 { x / 3.0 + 0.5 } else { 1.0 };
    => |x| {
        let inside = x.data().abs().neg().gt_scalar(-3.0);
        let slope = choose(&inside, &(x * (1.0 / 3.0) + 0.5), 0.0);
        let beyond = x.data().neg().gt_scalar(-3.0).logical_not().to_dtype(x.dtype());
        slope + Variable::new(beyond)
    };

    /// `scale x` where `x > 0`, `scale alpha (e^(input_scale x) - 1)` elsewhere. PyTorch: `torch.nn.functional.elu` with
    /// scales 1, `selu` and `celu` with constants of their own.
    Elu scaled_elu(alpha: f64, scale: f64, input_scale: f64, gradient_scale: f64);
    |x| if x > 0.0 { x * scale } else { (x * input_scale).exp_m1() * (alpha * scale) };
    |x| if x > 0.0 { scale } else { (x * gradient_scale).exp() * (alpha * scale * gradient_scale) };
    => |x| {
        let positive = x.data().gt_scalar(0.0);
        let curve = (negative_part(x) * *gradient_scale).exp() * (alpha * scale * gradient_scale);
        choose(&positive.logical_not(), &curve, *scale)
    };

    /// `log(1 + e^(beta x)) / beta`, and `x` where `beta x > threshold`. PyTorch: `torch.nn.functional.softplus`.
    Softplus softplus(beta: f64, threshold: f64);
    |x| if x * beta > threshold { x } else { ((x * beta).exp()).ln_1p() / beta };
    |x| if x * beta > threshold { 1.0 } else { 1.0 / (1.0 + (-(x * beta)).exp()) };
    => |x| {
        let scaled = x * *beta;
        let curve = scaled.sigmoid();
        // At the threshold itself the slope is the curve's, but a constant, as in PyTorch.
        let at_or_above = choose(&scaled.data().gt_scalar(*threshold).logical_not(), &curve.detach(), 1.0);
        where_(&scaled.data().ge_scalar(*threshold), &at_or_above, &curve)
    };

    /// `x / (1 + |x|)`. PyTorch: `torch.nn.functional.softsign`.
    Softsign softsign();
    |x| x / (1.0 + x.abs());
    |x| 1.0 / ((1.0 + x.abs()) * (1.0 + x.abs()));
    => |x| (x.abs() + 1.0).pow_scalar(-2.0);

    /// `x - tanh(x)`. PyTorch: `torch.nn.functional.tanhshrink`.
    Tanhshrink tanhshrink();
    |x| x - x.tanh();
    |x| x.tanh() * x.tanh();
    => |x| x.tanh().pow_scalar(2.0);

    /// `x sigmoid(x)`. PyTorch: `torch.nn.functional.silu`.
    Silu silu();
    |x| x / (1.0 + (-x).exp());
    |x| { let s = 1.0 / (1.0 + (-x).exp()); s * (1.0 + x * (1.0 - s)) };
    => |x| {
        let s = x.sigmoid();
        &s * (x * (1.0 - &s) + 1.0)
    };

    /// `log(sigmoid(x))`. PyTorch: `torch.nn.functional.logsigmoid`.
    LogSigmoid log_sigmoid();
    |x| x.min(0.0) - (-x.abs()).exp().ln_1p();
    |x| 1.0 / (1.0 + x.exp());
    => |x| {
        // Either form alone cancels on one side when it is differentiated.
        let negative = x.data().neg().gt_scalar(0.0);
        where_(&negative, &(1.0 - x.sigmoid()), &(-x).sigmoid())
    };

    /// `x tanh(log(1 + e^x))`. PyTorch: `torch.nn.functional.mish`.
    Mish mish();
    |x| x * x.exp().ln_1p().tanh();
    |x| { let t = x.exp().ln_1p().tanh(); t + x * (1.0 - t * t) / (1.0 + (-x).exp()) };
    => |x| {
        let t = softplus(x, 1.0, 20.0).tanh();
        &t + x * (1.0 - &t * &t) * x.sigmoid()
    };

    /// The probability that a standard normal number is below `x`.
    NormalCdf normal_cdf() with half = FRAC_1_SQRT_2, density = NORMAL_DENSITY;
    |x| 0.5 * Float::erfc(-x * half);
    |x| (x * x * -0.5).exp() * density;
    => |x| (x * x * -0.5).exp() * NORMAL_DENSITY;

    /// `x` times the probability that a standard normal number is below `x`. PyTorch: `torch.nn.functional.gelu`.
    Gelu gelu() with half = FRAC_1_SQRT_2, density = NORMAL_DENSITY;
    |x| x * 0.5 * Float::erfc(-x * half);
    |x| 0.5 * Float::erfc(-x * half) + x * (x * x * -0.5).exp() * density;
    => |x| normal_cdf(x) + x * (x * x * -0.5).exp() * NORMAL_DENSITY;

    /// `gelu` with the probability approximated by a hyperbolic tangent. PyTorch: `gelu(approximate="tanh")`.
    GeluTanh gelu_tanh() with slope = GELU_SLOPE;
    |x| 0.5 * x * (1.0 + (slope * (x + 0.044715 * x * x * x)).tanh());
    |x| {
        let t = (slope * (x + 0.044715 * x * x * x)).tanh();
        0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope * (1.0 + 0.134145 * x * x)
    };
    => |x| {
        let square = x * x;
        let t = (x * (&square * 0.044715 + 1.0) * GELU_SLOPE).tanh();
        (&t + 1.0) * 0.5 + x * (1.0 - &t * &t) * (square * 0.134145 + 1.0) * (0.5 * GELU_SLOPE)
    };
}

/// `min(max(x, 0), 6)`. PyTorch: `torch.nn.functional.relu6`.
///
/// # Panics
/// If the dtype is no float.
#[track_caller]
pub fn relu6(x: &Variable) -> Variable {
    x.fuse(&Epilogue::Relu6).unwrap_or_else(|| hardtanh(x, 0.0, 6.0))
}

/// `x` where `x > 0`, `alpha (e^x - 1)` elsewhere. PyTorch: `torch.nn.functional.elu`.
///
/// # Panics
/// If the dtype is no float.
#[track_caller]
pub fn elu(x: &Variable, alpha: f64) -> Variable {
    scaled_elu(x, alpha, 1.0, 1.0, 1.0)
}

/// `elu` with the constants for which activations keep mean 0 and variance 1 (Klambauer et al., 2017).
/// PyTorch: `torch.nn.functional.selu`.
///
/// # Panics
/// If the dtype is no float.
#[track_caller]
pub fn selu(x: &Variable) -> Variable {
    scaled_elu(x, 1.673_263_242_354_377_2, 1.050_700_987_355_480_5, 1.0, 1.0)
}

/// `max(x, 0) + min(alpha (e^(x / alpha) - 1), 0)`. PyTorch: `torch.nn.functional.celu`.
///
/// # Panics
/// If the dtype is no float or `alpha` is 0.
#[track_caller]
pub fn celu(x: &Variable, alpha: f64) -> Variable {
    if alpha == 0.0 {
        tensor::fault!("celu", [input: x.shape()], "alpha must not be 0");
    }
    // PyTorch rounds alpha to f32 in the gradient, whatever the dtype.
    scaled_elu(x, alpha, 1.0, 1.0 / alpha, 1.0 / f64::from(alpha as f32))
}
