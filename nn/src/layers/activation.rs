//! The elementwise activations as layers, with PyTorch's names and default options.

use autograd::Variable;

use super::text::{Printed, float};

use crate::module::{Forward, ModuleState};
use crate::ops::activation as op;
use crate::ops::softmax;
use crate::{Module, Parameter};

macro_rules! activations {
    ($(
        $(#[$doc:meta])*
        $name:ident($($option:ident: $type:ty = $default:expr),*) for $input:tt gives $output:tt, $x:ident => $body:expr;
    )*) => {$(
        $(#[$doc])*
        ///
        /// ```
        #[doc = concat!("use gradus_nn::layers::", stringify!($name), ";")]
        /// use gradus_nn::prelude::*;
        /// use tensor::Tensor;
        #[doc = concat!("let x = Variable::new(Tensor::from(", stringify!($input), "));")]
        #[doc = concat!("let y = ", stringify!($name), "::default().call(&x).to_vec::<f64>();")]
        /// let rounded: Vec<f64> = y.iter().map(|y| (y * 1e3).round() / 1e3).collect();
        #[doc = concat!("assert_eq!(rounded, ", stringify!($output), ");")]
        /// ```
        #[derive(Debug, Module)]
        #[module(extra_repr = options_text)]
        pub struct $name {
            $(
                /// As in PyTorch.
                #[module(skip)]
                pub $option: $type,
            )*
            state: ModuleState,
        }

        impl $name {
            /// The layer with these options; `default()` has PyTorch's.
            #[allow(clippy::new_without_default)] // it has one, below
            pub fn new($($option: $type),*) -> $name {
                $name { $($option,)* state: ModuleState::default() }
            }

            fn options_text(&self) -> String {
                let options: Vec<String> = vec![$(self.$option.printed(stringify!($option))),*];
                options.join(", ")
            }
        }

        impl Default for $name {
            fn default() -> $name {
                $name::new($($default),*)
            }
        }

        impl Forward for $name {
            fn forward(&self, $x: &Variable) -> Variable {
                $(let $option = self.$option;)*
                $body
            }
        }
    )*};
}

activations! {
    /// `min(max(x, 0), 6)`. PyTorch: `torch.nn.ReLU6`.
    ReLU6() for [-2.0, 0.5, 4.0] gives [0.0, 0.5, 4.0], x => op::relu6(x);
    /// `x` where positive, `negative_slope x` elsewhere. PyTorch: `torch.nn.LeakyReLU`.
    LeakyReLU(negative_slope: f64 = 0.01) for [-2.0, 0.5, 4.0] gives [-0.02, 0.5, 4.0], x => op::leaky_relu(x, negative_slope);
    /// `x` where positive, `alpha (e^x - 1)` elsewhere. PyTorch: `torch.nn.ELU`.
    ELU(alpha: f64 = 1.0) for [-2.0, 0.5, 4.0] gives [-0.865, 0.5, 4.0], x => op::elu(x, alpha);
    /// The self-normalising ELU. PyTorch: `torch.nn.SELU`.
    SELU() for [-2.0, 0.5, 4.0] gives [-1.52, 0.525, 4.203], x => op::selu(x);
    /// `max(x, 0) + min(alpha (e^(x / alpha) - 1), 0)`. PyTorch: `torch.nn.CELU`.
    CELU(alpha: f64 = 1.0) for [-2.0, 0.5, 4.0] gives [-0.865, 0.5, 4.0], x => op::celu(x, alpha);
    /// `x` times the normal distribution's probability below `x`, by the error function, or by a hyperbolic tangent if
    /// `tanh`. PyTorch: `torch.nn.GELU`, `GELU(approximate="tanh")`.
    GELU(tanh: bool = false) for [-2.0, 0.5, 4.0] gives [-0.046, 0.346, 4.0], x => if tanh { op::gelu_tanh(x) } else { op::gelu(x) };
    /// `x sigmoid(x)`. PyTorch: `torch.nn.SiLU`.
    SiLU() for [-2.0, 0.5, 4.0] gives [-0.238, 0.311, 3.928], x => op::silu(x);
    /// `x tanh(log(1 + e^x))`. PyTorch: `torch.nn.Mish`.
    Mish() for [-2.0, 0.5, 4.0] gives [-0.253, 0.375, 3.997], x => op::mish(x);
    /// `1 / (1 + e^-x)`. PyTorch: `torch.nn.Sigmoid`.
    Sigmoid() for [-2.0, 0.5, 4.0] gives [0.119, 0.622, 0.982], x => x.sigmoid();
    /// The hyperbolic tangent. PyTorch: `torch.nn.Tanh`.
    Tanh() for [-2.0, 0.5, 4.0] gives [-0.964, 0.462, 0.999], x => x.tanh();
    /// `x` kept within `[min_val, max_val]`. PyTorch: `torch.nn.Hardtanh`.
    Hardtanh(min_val: f64 = -1.0, max_val: f64 = 1.0) for [-2.0, 0.5, 4.0] gives [-1.0, 0.5, 1.0], x => op::hardtanh(x, min_val, max_val);
    /// `min(max(x + 3, 0), 6) / 6`. PyTorch: `torch.nn.Hardsigmoid`.
    Hardsigmoid() for [-2.0, 0.5, 4.0] gives [0.167, 0.583, 1.0], x => op::hardsigmoid(x);
    /// `x min(max(x + 3, 0), 6) / 6`. PyTorch: `torch.nn.Hardswish`.
    Hardswish() for [-2.0, 0.5, 4.0] gives [-0.333, 0.292, 4.0], x => op::hardswish(x);
    /// `log(1 + e^(beta x)) / beta`, and `x` where `beta x > threshold`. PyTorch: `torch.nn.Softplus`.
    Softplus(beta: f64 = 1.0, threshold: f64 = 20.0) for [-2.0, 0.5, 4.0] gives [0.127, 0.974, 4.018], x => op::softplus(x, beta, threshold);
    /// `x / (1 + |x|)`. PyTorch: `torch.nn.Softsign`.
    Softsign() for [-2.0, 0.5, 4.0] gives [-0.667, 0.333, 0.8], x => op::softsign(x);
    /// `x` brought nearer to 0 by `lambd`. PyTorch: `torch.nn.Softshrink`.
    Softshrink(lambd: f64 = 0.5) for [-2.0, 0.5, 4.0] gives [-1.5, 0.0, 3.5], x => op::softshrink(x, lambd);
    /// `x` outside `[-lambd, lambd]`, else 0. PyTorch: `torch.nn.Hardshrink`.
    Hardshrink(lambd: f64 = 0.5) for [-2.0, 0.5, 4.0] gives [-2.0, 0.0, 4.0], x => op::hardshrink(x, lambd);
    /// `x - tanh(x)`. PyTorch: `torch.nn.Tanhshrink`.
    Tanhshrink() for [-2.0, 0.5, 4.0] gives [-1.036, 0.038, 3.001], x => op::tanhshrink(x);
    /// `log(sigmoid(x))`. PyTorch: `torch.nn.LogSigmoid`.
    LogSigmoid() for [-2.0, 0.5, 4.0] gives [-2.127, -0.474, -0.018], x => op::log_sigmoid(x);
    /// The first half along `dim` times the sigmoid of the second. PyTorch: `torch.nn.GLU`.
    GLU(dim: isize = -1) for [-2.0, 0.5, 4.0, 0.0] gives [-1.964, 0.25], x => op::glu(x, dim);
    /// `e^x / sum e^x` along `dim`. PyTorch: `torch.nn.Softmax`.
    Softmax(dim: isize = -1) for [-2.0, 0.5, 4.0] gives [0.002, 0.029, 0.968], x => softmax::softmax(x, dim);
    /// `Softmax` of `-x`. PyTorch: `torch.nn.Softmin`.
    Softmin(dim: isize = -1) for [-2.0, 0.5, 4.0] gives [0.922, 0.076, 0.002], x => softmax::softmin(x, dim);
    /// The logarithm of `Softmax`. PyTorch: `torch.nn.LogSoftmax`.
    LogSoftmax(dim: isize = -1) for [-2.0, 0.5, 4.0] gives [-6.032, -3.532, -0.032], x => softmax::log_softmax(x, dim);
    /// `Softmax` over the channels of images. PyTorch: `torch.nn.Softmax2d`.
    Softmax2d() for [[[-2.0]], [[0.5]], [[4.0]]] gives [0.002, 0.029, 0.968], x => {
        if x.rank() != 3 && x.rank() != 4 {
            tensor::fault!("softmax2d", [input: x.shape()], "expected 3 or 4 axes, got {}", x.rank());
        }
        softmax::softmax(x, -3)
    };
}

/// `x` where `x > threshold`, else `value`. PyTorch: `torch.nn.Threshold`.
///
/// ```
/// use gradus_nn::layers::Threshold;
/// use gradus_nn::prelude::*;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([0.5, 3.0]));
/// assert_eq!(Threshold::new(1.0, -7.0).call(&x).to_vec::<f64>(), [-7.0, 3.0]);
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = options_text)]
pub struct Threshold {
    #[module(skip)]
    threshold: f64,
    #[module(skip)]
    value: f64,
    state: ModuleState,
}

impl Threshold {
    /// The layer.
    pub fn new(threshold: f64, value: f64) -> Threshold {
        Threshold { threshold, value, state: ModuleState::default() }
    }

    fn options_text(&self) -> String {
        format!("threshold={}, value={}", float(self.threshold), float(self.value))
    }
}

impl Forward for Threshold {
    fn forward(&self, x: &Variable) -> Variable {
        op::threshold(x, self.threshold, self.value)
    }
}

/// `x` where positive, `weight x` elsewhere: one learned slope, or one per channel. PyTorch: `torch.nn.PReLU`.
///
/// ```
/// use gradus_nn::layers::PReLU;
/// use gradus_nn::prelude::*;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([[-1.0f32, -1.0], [2.0, 2.0]]));
/// let prelu = PReLU::new(2, 0.5);
/// assert_eq!(prelu.call(&x).to_vec::<f32>(), [-0.5, -0.5, 2.0, 2.0]);
/// assert_eq!(prelu.parameter_count(), 2);
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = options_text)]
pub struct PReLU {
    /// The slopes.
    pub weight: Parameter,
    state: ModuleState,
}

impl PReLU {
    /// `num_parameters` slopes (1 or as many as channels) that start at `init`; PyTorch's defaults are 1 and 0.25.
    #[track_caller]
    pub fn new(num_parameters: usize, init: f64) -> PReLU {
        let weight = tensor::Tensor::full([num_parameters], init, tensor::DType::F32);
        PReLU { weight: Parameter::new(weight), state: ModuleState::default() }
    }

    fn options_text(&self) -> String {
        format!("num_parameters={}", self.weight.len())
    }
}

impl Default for PReLU {
    fn default() -> PReLU {
        PReLU::new(1, 0.25)
    }
}

impl Forward for PReLU {
    fn forward(&self, x: &Variable) -> Variable {
        op::prelu(x, &self.weight)
    }
}

/// Random slopes from `[lower, upper)` for negative numbers in training, their mean in evaluation.
/// PyTorch: `torch.nn.RReLU`.
///
/// ```
/// use gradus_nn::layers::RReLU;
/// use gradus_nn::prelude::*;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([-1.0, 2.0]));
/// let rrelu = RReLU::new(0.25, 0.75);
/// assert!((-0.75..=-0.25).contains(&rrelu.call(&x).to_vec::<f64>()[0]));
/// rrelu.eval();
/// assert_eq!(rrelu.call(&x).to_vec::<f64>(), [-0.5, 2.0]);
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = options_text)]
pub struct RReLU {
    #[module(skip)]
    lower: f64,
    #[module(skip)]
    upper: f64,
    state: ModuleState,
}

impl RReLU {
    /// The layer; it draws from the default generator.
    pub fn new(lower: f64, upper: f64) -> RReLU {
        RReLU { lower, upper, state: ModuleState::default() }
    }

    fn options_text(&self) -> String {
        format!("lower={}, upper={}", float(self.lower), float(self.upper))
    }
}

impl Default for RReLU {
    fn default() -> RReLU {
        RReLU::new(1.0 / 8.0, 1.0 / 3.0)
    }
}

impl Forward for RReLU {
    fn forward(&self, x: &Variable) -> Variable {
        if self.is_training() {
            tensor::with_default_generator(|generator| op::rrelu_train(x, self.lower, self.upper, generator))
        } else {
            op::rrelu(x, self.lower, self.upper)
        }
    }
}
