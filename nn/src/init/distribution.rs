//! [`Distribution`]: independent values, and the functions that fill a parameter with them.

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
    pub(super) fn fill_default(&self, parameter: &Variable) {
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
    let likeliest = mean.clamp(low, high);
    let peak = density(likeliest);
    // Beyond, the density is e^-40 of the peak's: without the cut, far or infinite bounds would hardly ever be met.
    let reach = std * (((likeliest - mean) / std).powi(2) + 80.0).sqrt();
    let (low, high) = (low.max(mean - reach), high.min(mean + reach));
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
/// If `mean` or `std` is not finite, `std` is not above 0, or `a >= b`.
#[track_caller]
pub fn trunc_normal_(parameter: &Variable, mean: f64, std: f64, (a, b): (f64, f64)) {
    if !mean.is_finite() || !std.is_finite() || std <= 0.0 || a.is_nan() || b.is_nan() || a >= b {
        tensor::fault!(
            "trunc_normal_",
            [],
            "expected a finite mean and std, std > 0 and a < b, got mean {mean}, std {std}, a {a}, b {b}"
        );
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
