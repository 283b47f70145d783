//! First values of parameters: every function of `torch.nn.init`.
//!
//! Each takes a parameter and fills it from the default generator (see [`tensor::manual_seed`]). The functions without a
//! trailing underscore give the [`Distribution`] instead, which fills with any generator.
//!
//! ```
//! use autograd::Variable;
//! use gradus_nn::init::{self, FanMode, Nonlinearity};
//! use tensor::{DType, Generator, Tensor};
//!
//! let w = Variable::leaf(Tensor::zeros([16, 3, 5, 5], DType::F32));
//! init::kaiming_normal_(&w, 0.0, FanMode::FanOut, Nonlinearity::Relu);
//! init::xavier_uniform(w.shape(), 1.0).fill(&w, &mut Generator::new(7));
//! let bound = (6.0f32 / (75.0 + 400.0)).sqrt();
//! assert!(w.to_vec::<f32>().iter().all(|w| w.abs() <= bound));
//! ```

use std::str::FromStr;

use autograd::Variable;
use tensor::{DType, Float, Generator, Tensor, with_default_generator};

/// What single values are drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// Always the same value.
    Constant {
        /// The value.
        value: f64,
    },
    /// Every value in `[low, high)` alike.
    Uniform {
        /// The smallest value.
        low: f64,
        /// The end, not included.
        high: f64,
    },
    /// The normal distribution.
    Normal {
        /// Its mean.
        mean: f64,
        /// Its standard deviation.
        std: f64,
    },
    /// The normal distribution within `[low, high]`.
    TruncatedNormal {
        /// The mean before it is cut.
        mean: f64,
        /// The standard deviation before it is cut.
        std: f64,
        /// The smallest value.
        low: f64,
        /// The largest value.
        high: f64,
    },
}

impl Distribution {
    /// A tensor of independent values.
    ///
    /// # Panics
    /// If `dtype` is not a float.
    #[track_caller]
    pub fn sample(&self, shape: &[usize], dtype: DType, generator: &mut Generator) -> Tensor {
        match *self {
            Distribution::Constant { value } => Tensor::full(shape, value, dtype),
            Distribution::Uniform { low, high } => generator.uniform_between(shape, low, high, dtype),
            Distribution::Normal { mean, std } => {
                generator.randn(shape, DType::F64).mul_scalar(std).add_scalar(mean).to_dtype(dtype)
            }
            Distribution::TruncatedNormal { mean, std, low, high } => {
                let count = tensor::shape::len(shape);
                let values = (0..count).map(|_| truncated(mean, std, (low, high), generator)).collect();
                // Rounding to f32 must not leave the bounds.
                Tensor::from_vec::<f64>(values, shape).to_dtype(dtype).clamp(low, high)
            }
        }
    }

    /// Fills a parameter.
    #[track_caller]
    pub fn fill(&self, parameter: &Variable, generator: &mut Generator) {
        parameter.set_data(self.sample(parameter.shape(), parameter.dtype(), generator));
    }

    #[track_caller]
    fn fill_default(&self, parameter: &Variable) {
        with_default_generator(|generator| self.fill(parameter, generator));
    }
}

/// A normal number within bounds, by rejection: of normal numbers where most fit, of uniform ones where few do.
fn truncated(mean: f64, std: f64, (low, high): (f64, f64), generator: &mut Generator) -> f64 {
    let below = |x: f64| 0.5 * (1.0 + Float::erf((x - mean) / std / std::f64::consts::SQRT_2));
    if below(high) - below(low) > 0.3 {
        loop {
            let x = mean + std * generator.normal();
            if (low..=high).contains(&x) {
                return x;
            }
        }
    }
    let density = |x: f64| -0.5 * ((x - mean) / std).powi(2);
    let peak = density(mean.clamp(low, high));
    loop {
        let x = low + (high - low) * generator.uniform();
        if (1.0 - generator.uniform()).ln() <= density(x) - peak {
            return x;
        }
    }
}

/// Uniform values in `[a, b)`. PyTorch: `torch.nn.init.uniform_`.
#[track_caller]
pub fn uniform_(parameter: &Variable, a: f64, b: f64) {
    Distribution::Uniform { low: a, high: b }.fill_default(parameter);
}

/// Normal values. PyTorch: `torch.nn.init.normal_`.
#[track_caller]
pub fn normal_(parameter: &Variable, mean: f64, std: f64) {
    Distribution::Normal { mean, std }.fill_default(parameter);
}

/// Normal values within `[a, b]`. PyTorch: `torch.nn.init.trunc_normal_`.
///
/// # Panics
/// If `std` is not above 0 or `a >= b`.
#[track_caller]
pub fn trunc_normal_(parameter: &Variable, mean: f64, std: f64, (a, b): (f64, f64)) {
    if std.is_nan() || std <= 0.0 || a.is_nan() || b.is_nan() || a >= b {
        tensor::fault!("trunc_normal_", [], "expected std > 0 and a < b, got std {std}, a {a}, b {b}");
    }
    Distribution::TruncatedNormal { mean, std, low: a, high: b }.fill_default(parameter);
}

/// The same value everywhere. PyTorch: `torch.nn.init.constant_`.
#[track_caller]
pub fn constant_(parameter: &Variable, value: f64) {
    Distribution::Constant { value }.fill_default(parameter);
}

/// Ones. PyTorch: `torch.nn.init.ones_`.
#[track_caller]
pub fn ones_(parameter: &Variable) {
    constant_(parameter, 1.0);
}

/// Zeros. PyTorch: `torch.nn.init.zeros_`.
#[track_caller]
pub fn zeros_(parameter: &Variable) {
    constant_(parameter, 0.0);
}

/// Ones on the diagonal of a matrix. PyTorch: `torch.nn.init.eye_`.
///
/// # Panics
/// If there are not 2 axes.
#[track_caller]
pub fn eye_(parameter: &Variable) {
    let &[rows, columns] = parameter.shape() else {
        tensor::fault!("eye_", [parameter: parameter.shape()], "expected 2 axes, got {}", parameter.rank());
    };
    parameter.set_data(Tensor::eye(rows, columns, parameter.dtype()));
}

/// A convolution's weight `[K, C / groups, ...]` that passes on as many channels as it can, unchanged. PyTorch:
/// `torch.nn.init.dirac_`.
///
/// # Panics
/// If there are not 3 to 5 axes, or `groups` does not divide the first.
#[track_caller]
pub fn dirac_(parameter: &Variable, groups: usize) {
    let shape = parameter.shape();
    if !(3..=5).contains(&shape.len()) {
        tensor::fault!("dirac_", [parameter: shape], "expected 3 to 5 axes, got {}", shape.len());
    }
    if groups == 0 || !shape[0].is_multiple_of(groups) {
        tensor::fault!("dirac_", [parameter: shape], "{groups} groups do not divide {} channels", shape[0]);
    }
    let per_group = shape[0] / groups;
    let strides: Vec<usize> = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
    let center: usize = (2..shape.len()).map(|axis| shape[axis] / 2 * strides[axis]).sum();
    let mut values = vec![0.0; parameter.len()];
    if !values.is_empty() {
        for group in 0..groups {
            for channel in 0..per_group.min(shape[1]) {
                values[(group * per_group + channel) * strides[0] + channel * strides[1] + center] = 1.0;
            }
        }
    }
    parameter.set_data(Tensor::from_vec::<f64>(values, shape).to_dtype(parameter.dtype()));
}

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

/// A random matrix `[rows, all other axes]` with orthonormal rows or columns, whichever are fewer, times `gain` (Saxe et
/// al. 2014). PyTorch: `torch.nn.init.orthogonal_`.
///
/// # Panics
/// If there are fewer than 2 axes.
#[track_caller]
pub fn orthogonal_(parameter: &Variable, gain: f64) {
    let shape = parameter.shape();
    if shape.len() < 2 {
        tensor::fault!("orthogonal_", [parameter: shape], "expected at least 2 axes, got {}", shape.len());
    }
    if parameter.is_empty() {
        return;
    }
    let (rows, columns) = (shape[0], parameter.len() / shape[0]);
    let (few, long) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<Vec<f64>> =
        with_default_generator(|generator| (0..few).map(|_| (0..long).map(|_| generator.normal()).collect()).collect());
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for k in 0..few {
        let (done, rest) = vectors.split_at_mut(k);
        let own = &mut rest[0];
        // Twice is enough (Kahan and Parlett): the second pass removes what rounding left.
        for other in done.iter().chain(done.iter()) {
            let share = dot(other, own);
            own.iter_mut().zip(other).for_each(|(own, other)| *own -= share * other);
        }
        let norm = dot(own, own).sqrt();
        own.iter_mut().for_each(|x| *x /= norm);
    }
    let matrix = Tensor::from_vec::<f64>(vectors.concat(), [few, long]);
    let matrix = if rows <= columns { matrix } else { matrix.transpose(0, 1).contiguous() };
    parameter.set_data(matrix.mul_scalar(gain).reshape(shape).to_dtype(parameter.dtype()));
}

/// Normal values, of which the share `sparsity` in each column is 0 (Martens 2010). PyTorch: `torch.nn.init.sparse_`.
///
/// # Panics
/// If there are not 2 axes, or `sparsity` is not in [0, 1].
#[track_caller]
pub fn sparse_(parameter: &Variable, sparsity: f64, std: f64) {
    let &[rows, columns] = parameter.shape() else {
        tensor::fault!("sparse_", [parameter: parameter.shape()], "expected 2 axes, got {}", parameter.rank());
    };
    if !(0.0..=1.0).contains(&sparsity) {
        tensor::fault!("sparse_", [], "sparsity must be in [0, 1], got {sparsity}");
    }
    let zeros = (sparsity * rows as f64).ceil() as usize;
    let values = with_default_generator(|generator| {
        let mut values: Vec<f64> = (0..rows * columns).map(|_| std * generator.normal()).collect();
        let mut order: Vec<usize> = (0..rows).collect();
        for column in 0..columns {
            generator.shuffle(&mut order);
            order[..zeros].iter().for_each(|row| values[row * columns + column] = 0.0);
        }
        values
    });
    parameter.set_data(Tensor::from_vec(values, [rows, columns]).to_dtype(parameter.dtype()));
}
