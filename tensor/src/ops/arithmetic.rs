//! Sums, products, quotients, remainders, powers, extremes of two, and clamping, element by element.
//!
//! Scalars adapt to the tensor's dtype. Integers wrap; dividing them by zero panics.

use super::elementwise::{binary, map, unary, update, zip, zip3};
use crate::{Element, Float, Number, Tensor, dispatch};

binary! {
    /// `self + other`, broadcast. PyTorch: `torch.add`.
    add number |x: T, y| x.plus(y);
    /// `self - other`, broadcast. PyTorch: `torch.sub`.
    sub number |x: T, y| x.minus(y);
    /// `self * other`, broadcast. PyTorch: `torch.mul`.
    mul number |x: T, y| x.times(y);
    /// `self / other`, broadcast; both must be floats. PyTorch: `torch.div`.
    div float |x: T, y| x / y;
    /// The smaller of each pair, NaN where either is. PyTorch: `torch.minimum`.
    minimum number |x: T, y| x.least(y);
    /// The larger of each pair, NaN where either is. PyTorch: `torch.maximum`.
    maximum number |x: T, y| x.greatest(y);
}

unary! {
    /// `-x`. PyTorch: `torch.neg`.
    neg number |x: T| negative(x);
    /// `|x|`. PyTorch: `torch.abs`.
    abs number |x: T| magnitude(x);
    /// -1, 0 or 1 as `x` is negative, zero or positive; 0 for NaN. PyTorch: `torch.sign`.
    sign number |x: T| signum(x);
    /// `x^2`. PyTorch: `torch.square`.
    square number |x: T| x.times(x);
    /// `1 / x`. PyTorch: `torch.reciprocal`.
    reciprocal float |x: T| 1.0 / x;
    /// The square root. PyTorch: `torch.sqrt`.
    sqrt float |x: T| x.sqrt();
    /// `1 / sqrt(x)`. PyTorch: `torch.rsqrt`.
    rsqrt float |x: T| 1.0 / x.sqrt();
}

fn negative<T: Number>(x: T) -> T {
    // -1 * x keeps the sign of zero, which 0 - x does not.
    T::ZERO.minus(T::ONE).times(x)
}

fn magnitude<T: Number>(x: T) -> T {
    if x < T::ZERO { T::ZERO.minus(x) } else { x.plus(T::ZERO) }
}

fn signum<T: Number>(x: T) -> T {
    if x > T::ZERO {
        T::ONE
    } else if x < T::ZERO {
        T::ZERO.minus(T::ONE)
    } else {
        T::ZERO
    }
}

/// The remainder of a division, in the two conventions.
trait Remainder: Number {
    /// With the dividend's sign.
    fn truncated(self, other: Self) -> Self;
    /// With the divisor's sign.
    fn floored(self, other: Self) -> Self {
        let rest = self.truncated(other);
        if rest != Self::ZERO && (rest < Self::ZERO) != (other < Self::ZERO) { rest.plus(other) } else { rest }
    }
}

impl Remainder for f32 {
    fn truncated(self, other: f32) -> f32 {
        self % other
    }
}
impl Remainder for f64 {
    fn truncated(self, other: f64) -> f64 {
        self % other
    }
}
impl Remainder for i64 {
    fn truncated(self, other: i64) -> i64 {
        self.wrapping_rem(other)
    }
}
impl Remainder for u8 {
    fn truncated(self, other: u8) -> u8 {
        self % other
    }
}

/// Powers, which integers have for exponents that are not negative.
trait Power: Number {
    fn power(self, exponent: Self) -> Self;
}

impl Power for f32 {
    fn power(self, exponent: f32) -> f32 {
        self.powf(exponent)
    }
}
impl Power for f64 {
    fn power(self, exponent: f64) -> f64 {
        self.powf(exponent)
    }
}
impl Power for i64 {
    fn power(self, exponent: i64) -> i64 {
        whole_power(self, exponent as u64)
    }
}
impl Power for u8 {
    fn power(self, exponent: u8) -> u8 {
        whole_power(self, u64::from(exponent))
    }
}

/// By squaring, wrapping.
fn whole_power<T: Number>(mut base: T, mut exponent: u64) -> T {
    let mut result = T::ONE;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result = result.times(base);
        }
        base = base.times(base);
        exponent >>= 1;
    }
    result
}

/// `x^exponent`, by the exact operations that a few exponents have.
fn float_power<T: Float>(x: &Tensor, exponent: f64) -> Tensor {
    let recip = num_traits::Float::recip;
    match exponent {
        0.0 => x.ones_like(),
        1.0 => x.clone(),
        2.0 => map(x, |x: T| x * x),
        3.0 => map(x, |x: T| x * x * x),
        -1.0 => map(x, |x: T| recip(x)),
        -2.0 => map(x, |x: T| recip(x * x)),
        0.5 => map(x, |x: T| num_traits::Float::sqrt(x)),
        -0.5 => map(x, |x: T| recip(num_traits::Float::sqrt(x))),
        _ => {
            let exponent = T::from_f64(exponent);
            map(x, |x: T| num_traits::Float::powf(x, exponent))
        }
    }
}

impl Tensor {
    /// `x + value`. PyTorch: `torch.add`.
    ///
    /// # Panics
    /// If the dtype is `bool`.
    #[track_caller]
    pub fn add_scalar(&self, value: f64) -> Tensor {
        dispatch!(number "add", self.dtype(), T => {
            let value = T::from_f64(value);
            map(self, |x: T| x.plus(value))
        })
    }

    /// `x - value`. PyTorch: `torch.sub`.
    ///
    /// # Panics
    /// If the dtype is `bool`.
    #[track_caller]
    pub fn sub_scalar(&self, value: f64) -> Tensor {
        dispatch!(number "sub", self.dtype(), T => {
            let value = T::from_f64(value);
            map(self, |x: T| x.minus(value))
        })
    }

    /// `x * value`. PyTorch: `torch.mul`.
    ///
    /// # Panics
    /// If the dtype is `bool`.
    #[track_caller]
    pub fn mul_scalar(&self, value: f64) -> Tensor {
        dispatch!(number "mul", self.dtype(), T => {
            let value = T::from_f64(value);
            map(self, |x: T| x.times(value))
        })
    }

    /// `x / value`. PyTorch: `torch.div`.
    ///
    /// # Panics
    /// If the dtype is not a float.
    #[track_caller]
    pub fn div_scalar(&self, value: f64) -> Tensor {
        dispatch!(float "div", self.dtype(), T => {
            let value = T::from_f64(value);
            map(self, |x: T| x / value)
        })
    }

    /// `self` to the power `other`, broadcast; integers wrap. PyTorch: `torch.pow`.
    ///
    /// # Panics
    /// If the shapes do not broadcast, the dtypes differ or are `bool`, or an integer exponent is negative.
    #[track_caller]
    pub fn pow(&self, other: &Tensor) -> Tensor {
        self.expect_same_dtype("pow", other);
        if !self.dtype().is_float() && other.lt_scalar(0.0).any(&[], false).item::<bool>() {
            crate::fault!("pow", [lhs: self.shape(), rhs: other.shape()], "an integer exponent is negative");
        }
        dispatch!(number "pow", self.dtype(), T => zip("pow", self, other, |x: T, y: T| x.power(y)))
    }

    /// `x` to the power `exponent`; integers wrap. PyTorch: `torch.pow`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-2.0, 3.0]).pow_scalar(3.0).to_vec::<f64>(), [-8.0, 27.0]);
    /// ```
    ///
    /// # Panics
    /// If the dtype is `bool`, or an integer and the exponent negative or not whole.
    #[track_caller]
    pub fn pow_scalar(&self, exponent: f64) -> Tensor {
        if self.dtype().is_float() {
            return dispatch!(float "pow", self.dtype(), T => float_power::<T>(self, exponent));
        }
        if exponent < 0.0 || exponent.fract() != 0.0 {
            crate::fault!("pow", [input: self.shape()], "an integer has no power {exponent}; convert with to_dtype");
        }
        dispatch!(number "pow", self.dtype(), T => map(self, |x: T| whole_power(x, exponent as u64)))
    }

    /// `base` to the power of every element. PyTorch: `torch.pow` with a number on the left.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::scalar_pow(2.0, &Tensor::from([0.0, 3.0])).to_vec::<f64>(), [1.0, 8.0]);
    /// ```
    ///
    /// # Panics
    /// If the dtype is `bool`, or an integer and an exponent negative.
    #[track_caller]
    pub fn scalar_pow(base: f64, exponent: &Tensor) -> Tensor {
        Tensor::full([], base, exponent.dtype()).pow(exponent)
    }

    /// The remainder of `self / other` with the sign of `self`, broadcast, as C's `fmod`. PyTorch: `torch.fmod`.
    ///
    /// # Panics
    /// If the shapes do not broadcast, the dtypes differ or are `bool`, or an integer divisor is 0.
    #[track_caller]
    pub fn fmod(&self, other: &Tensor) -> Tensor {
        self.check_divisor("fmod", other);
        dispatch!(number "fmod", self.dtype(), T => zip("fmod", self, other, |x: T, y: T| x.truncated(y)))
    }

    /// The remainder of `self / other` with the sign of `other`, broadcast, as Python's `%`. PyTorch: `torch.remainder`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let (x, y) = (Tensor::from([-5i64, 5]), Tensor::from([3i64, -3]));
    /// assert_eq!(x.remainder(&y).to_vec::<i64>(), [1, -1]);
    /// assert_eq!(x.fmod(&y).to_vec::<i64>(), [-2, 2]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast, the dtypes differ or are `bool`, or an integer divisor is 0.
    #[track_caller]
    pub fn remainder(&self, other: &Tensor) -> Tensor {
        self.check_divisor("remainder", other);
        dispatch!(number "remainder", self.dtype(), T => zip("remainder", self, other, |x: T, y: T| x.floored(y)))
    }

    #[track_caller]
    fn check_divisor(&self, op: &str, other: &Tensor) {
        self.expect_same_dtype(op, other);
        if !self.dtype().is_float() && other.eq_scalar(0.0).any(&[], false).item::<bool>() {
            crate::fault!(op, [lhs: self.shape(), rhs: other.shape()], "an integer is divided by 0");
        }
    }

    /// `self + weight (end - self)`. PyTorch: `torch.lerp`.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or the dtypes differ or are not floats.
    #[track_caller]
    pub fn lerp(&self, end: &Tensor, weight: f64) -> Tensor {
        self.lerp_tensor(end, &Tensor::full([], weight, self.dtype()))
    }

    /// `self + weight (end - self)`, all three broadcast. PyTorch: `torch.lerp`.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or the dtypes differ or are not floats.
    #[track_caller]
    pub fn lerp_tensor(&self, end: &Tensor, weight: &Tensor) -> Tensor {
        self.expect_same_dtype("lerp", end);
        self.expect_same_dtype("lerp", weight);
        dispatch!(float "lerp", self.dtype(), T => zip3("lerp", [self, end, weight], |a: T, b: T, w: T| {
            // From the nearer end, so that weights 0 and 1 give the ends exactly.
            if w.abs() < 0.5 { a + w * (b - a) } else { b - (b - a) * (1.0 - w) }
        }))
    }

    /// Each element, but not below `low` nor above `high` (which decides if they contradict); NaN stays.
    /// PyTorch: `torch.clamp`.
    ///
    /// # Panics
    /// If the dtype is `bool`.
    #[track_caller]
    pub fn clamp(&self, low: f64, high: f64) -> Tensor {
        dispatch!(number "clamp", self.dtype(), T => {
            let (low, high) = (T::from_f64(low), T::from_f64(high));
            map(self, |x: T| bounded(x, low, high))
        })
    }

    /// Each element, but not below `low`; NaN stays. PyTorch: `torch.clamp` with `min` alone.
    ///
    /// # Panics
    /// If the dtype is `bool`.
    #[track_caller]
    pub fn clamp_min(&self, low: f64) -> Tensor {
        self.clamp(low, f64::INFINITY)
    }

    /// Each element, but not above `high`; NaN stays. PyTorch: `torch.clamp` with `max` alone.
    ///
    /// # Panics
    /// If the dtype is `bool`.
    #[track_caller]
    pub fn clamp_max(&self, high: f64) -> Tensor {
        self.clamp(f64::NEG_INFINITY, high)
    }

    /// Each element, but not below `low` nor above `high`, all broadcast; NaN where any is. PyTorch: `torch.clamp` with
    /// tensors.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or the dtypes differ or are `bool`.
    #[track_caller]
    pub fn clamp_tensor(&self, low: Option<&Tensor>, high: Option<&Tensor>) -> Tensor {
        for bound in low.iter().chain(&high) {
            self.expect_same_dtype("clamp", bound);
        }
        dispatch!(number "clamp", self.dtype(), T => match (low, high) {
            (Some(low), Some(high)) => zip3("clamp", [self, low, high], bounded::<T>),
            (Some(low), None) => zip("clamp", self, low, |x: T, low: T| x.greatest(low)),
            (None, Some(high)) => zip("clamp", self, high, |x: T, high: T| x.least(high)),
            (None, None) => self.clone(),
        })
    }

    /// Adds `other`, broadcast, into this tensor: in place where nobody shares it.
    ///
    /// # Panics
    /// If `other` does not broadcast to this shape, or the dtypes differ or are `bool`.
    #[track_caller]
    pub fn add_assign(&mut self, other: &Tensor) {
        dispatch!(number "add_assign", self.dtype(), T =>
            update("add_assign", self, other, |y: T, x: T| y.plus(x)));
    }
}

fn bounded<T: Number>(x: T, low: T, high: T) -> T {
    x.greatest(low).least(high)
}
