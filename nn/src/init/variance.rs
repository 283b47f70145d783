//! Values scaled so that signals keep their variance on the way through a network: fans, gains, Xavier, Kaiming.

use std::str::FromStr;

use autograd::Variable;

use super::Distribution;

/// How many values each output sums, and how many outputs each input reaches: `(fan_in, fan_out)` of a weight
/// `[out, in, ...]`. PyTorch: `torch.nn.init._calculate_fan_in_and_fan_out`.
///
/// # Panics
/// If there are fewer than 2 axes.
#[track_caller]
pub fn calculate_fan_in_and_fan_out(shape: &[usize]) -> (usize, usize) {
    if shape.len() < 2 {
        tensor::fault!("calculate_fan_in_and_fan_out", [parameter: shape], "expected at least 2 axes, got {}", shape.len());
    }
    let field: usize = shape[2..].iter().product();
    (shape[1] * field, shape[0] * field)
}

/// The function behind a layer, whose gain keeps the variance of what passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Nonlinearity {
    /// None; also the name of every linear and convolution layer.
    Linear,
    /// `1 / (1 + e^-x)`.
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `max(x, 0)`.
    Relu,
    /// `x` above 0, a slope below.
    #[default]
    LeakyRelu,
    /// Self-normalising.
    Selu,
}

impl FromStr for Nonlinearity {
    type Err = String;

    /// PyTorch's names, those of linear layers included.
    fn from_str(name: &str) -> Result<Nonlinearity, String> {
        Ok(match name {
            "linear" | "conv1d" | "conv2d" | "conv3d" | "conv_transpose1d" | "conv_transpose2d"
            | "conv_transpose3d" => Nonlinearity::Linear,
            "sigmoid" => Nonlinearity::Sigmoid,
            "tanh" => Nonlinearity::Tanh,
            "relu" => Nonlinearity::Relu,
            "leaky_relu" => Nonlinearity::LeakyRelu,
            "selu" => Nonlinearity::Selu,
            other => return Err(format!("no nonlinearity is called {other}")),
        })
    }
}

/// The gain of a nonlinearity; `slope` is leaky ReLU's, 0.01 if absent. PyTorch: `torch.nn.init.calculate_gain`.
pub fn calculate_gain(nonlinearity: Nonlinearity, slope: Option<f64>) -> f64 {
    match nonlinearity {
        Nonlinearity::Linear | Nonlinearity::Sigmoid => 1.0,
        Nonlinearity::Tanh => 5.0 / 3.0,
        Nonlinearity::Relu => 2f64.sqrt(),
        Nonlinearity::LeakyRelu => (2.0 / (1.0 + slope.unwrap_or(0.01).powi(2))).sqrt(),
        Nonlinearity::Selu => 0.75,
    }
}

/// Which variance is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FanMode {
    /// That of the forward pass.
    #[default]
    FanIn,
    /// That of the backward pass.
    FanOut,
}

impl FanMode {
    #[track_caller]
    fn fan(self, shape: &[usize]) -> f64 {
        let (fan_in, fan_out) = calculate_fan_in_and_fan_out(shape);
        if self == FanMode::FanIn { fan_in as f64 } else { fan_out as f64 }
    }
}

fn symmetric(bound: f64) -> Distribution {
    Distribution::Uniform { low: -bound, high: bound }
}

/// Uniform in `gain sqrt(6 / (fan_in + fan_out))` to either side (Glorot and Bengio 2010).
///
/// # Panics
/// If there are fewer than 2 axes.
#[track_caller]
pub fn xavier_uniform(shape: &[usize], gain: f64) -> Distribution {
    let (fan_in, fan_out) = calculate_fan_in_and_fan_out(shape);
    symmetric(3f64.sqrt() * (gain * (2.0 / (fan_in + fan_out) as f64).sqrt()))
}

/// Fills by [`xavier_uniform`]. PyTorch: `torch.nn.init.xavier_uniform_`.
///
/// # Panics
/// If there are fewer than 2 axes.
#[track_caller]
pub fn xavier_uniform_(parameter: &Variable, gain: f64) {
    xavier_uniform(parameter.shape(), gain).fill_default(parameter);
}

/// Normal with standard deviation `gain sqrt(2 / (fan_in + fan_out))` (Glorot and Bengio 2010).
///
/// # Panics
/// If there are fewer than 2 axes.
#[track_caller]
pub fn xavier_normal(shape: &[usize], gain: f64) -> Distribution {
    let (fan_in, fan_out) = calculate_fan_in_and_fan_out(shape);
    Distribution::Normal { mean: 0.0, std: gain * (2.0 / (fan_in + fan_out) as f64).sqrt() }
}

/// Fills by [`xavier_normal`]. PyTorch: `torch.nn.init.xavier_normal_`.
///
/// # Panics
/// If there are fewer than 2 axes.
#[track_caller]
pub fn xavier_normal_(parameter: &Variable, gain: f64) {
    xavier_normal(parameter.shape(), gain).fill_default(parameter);
}

/// Uniform in `gain sqrt(3 / fan)` to either side, with leaky ReLU's slope `a` (He et al. 2015). With
/// `a = sqrt(5)`, the first values of PyTorch's linear and convolution layers.
///
/// # Panics
/// If there are fewer than 2 axes.
#[track_caller]
pub fn kaiming_uniform(shape: &[usize], a: f64, mode: FanMode, nonlinearity: Nonlinearity) -> Distribution {
    symmetric(3f64.sqrt() * (calculate_gain(nonlinearity, Some(a)) / mode.fan(shape).sqrt()))
}

/// Fills by [`kaiming_uniform`]. PyTorch: `torch.nn.init.kaiming_uniform_`.
///
/// # Panics
/// If there are fewer than 2 axes.
#[track_caller]
pub fn kaiming_uniform_(parameter: &Variable, a: f64, mode: FanMode, nonlinearity: Nonlinearity) {
    if !parameter.is_empty() {
        kaiming_uniform(parameter.shape(), a, mode, nonlinearity).fill_default(parameter);
    }
}

/// Normal with standard deviation `gain / sqrt(fan)`, with leaky ReLU's slope `a` (He et al. 2015).
///
/// # Panics
/// If there are fewer than 2 axes.
#[track_caller]
pub fn kaiming_normal(shape: &[usize], a: f64, mode: FanMode, nonlinearity: Nonlinearity) -> Distribution {
    Distribution::Normal { mean: 0.0, std: calculate_gain(nonlinearity, Some(a)) / mode.fan(shape).sqrt() }
}

/// Fills by [`kaiming_normal`]. PyTorch: `torch.nn.init.kaiming_normal_`.
///
/// # Panics
/// If there are fewer than 2 axes.
#[track_caller]
pub fn kaiming_normal_(parameter: &Variable, a: f64, mode: FanMode, nonlinearity: Nonlinearity) {
    if !parameter.is_empty() {
        kaiming_normal(parameter.shape(), a, mode, nonlinearity).fill_default(parameter);
    }
}
