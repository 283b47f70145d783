//! Losses of the difference between input and target.

use autograd::Variable;
use autograd::ops::elementwise::where_;
use tensor::Float;

use super::{Formula, number};

/// `-1`, `0` or `1`.
fn sign<T: Float>(x: T) -> T {
    if x > T::ZERO {
        T::ONE
    } else if x < T::ZERO {
        -T::ONE
    } else {
        x * T::ZERO
    }
}

fn negated_if(target: bool, x: Variable) -> Variable {
    if target { -x } else { x }
}

/// `(x - t)^2`.
#[derive(Clone, Debug)]
pub struct Squared;

impl Formula for Squared {
    const NAME: &'static str = "mse_loss";
    fn value<T: Float>(&self, x: T, t: T) -> T {
        (x - t) * (x - t)
    }
    fn slope<T: Float>(&self, x: T, t: T) -> T {
        let difference = x - t;
        difference + difference
    }
    fn target_slope<T: Float>(&self, x: T, t: T) -> T {
        -self.slope(x, t)
    }
    fn formula(&self, x: &Variable, t: &Variable, target: bool) -> Variable {
        negated_if(target, (x - t) * 2.0)
    }
}

/// `|x - t|`.
#[derive(Clone, Debug)]
pub struct Absolute;

impl Formula for Absolute {
    const NAME: &'static str = "l1_loss";
    fn value<T: Float>(&self, x: T, t: T) -> T {
        (x - t).abs()
    }
    fn slope<T: Float>(&self, x: T, t: T) -> T {
        sign(x - t)
    }
    fn target_slope<T: Float>(&self, x: T, t: T) -> T {
        -sign(x - t)
    }
    fn formula(&self, x: &Variable, t: &Variable, target: bool) -> Variable {
        negated_if(target, Variable::new((&x.data() - &t.data()).sign()))
    }
}

/// `(x - t)^2 / (2 beta)` within `beta`, else `|x - t| - beta / 2`.
#[derive(Clone, Debug)]
pub struct SmoothAbsolute {
    /// Where the parabola ends; 0 gives `|x - t|`.
    pub beta: f64,
}

impl Formula for SmoothAbsolute {
    const NAME: &'static str = "smooth_l1_loss";
    fn value<T: Float>(&self, x: T, t: T) -> T {
        let (z, beta, half) = ((x - t).abs(), number::<T>(self.beta), number::<T>(0.5));
        if z < beta { half * z * z / beta } else { z - half * beta }
    }
    fn slope<T: Float>(&self, x: T, t: T) -> T {
        let (z, beta) = (x - t, number::<T>(self.beta));
        if z.abs() < beta { z / beta } else { sign(z) }
    }
    fn target_slope<T: Float>(&self, x: T, t: T) -> T {
        -self.slope(x, t)
    }
    fn formula(&self, x: &Variable, t: &Variable, target: bool) -> Variable {
        let difference = x - t;
        let z = difference.data();
        let near = z.abs().lt_scalar(self.beta);
        let slope = if self.beta == 0.0 {
            Variable::new(z.sign())
        } else {
            where_(&near, &(difference / self.beta), &Variable::new(z.sign()))
        };
        negated_if(target, slope)
    }
}

/// `(x - t)^2 / 2` within `delta`, else `delta (|x - t| - delta / 2)`.
#[derive(Clone, Debug)]
pub struct HuberError {
    /// Where the parabola ends.
    pub delta: f64,
}

impl Formula for HuberError {
    const NAME: &'static str = "huber_loss";
    fn value<T: Float>(&self, x: T, t: T) -> T {
        let (z, delta, half) = ((x - t).abs(), number::<T>(self.delta), number::<T>(0.5));
        if z <= delta { half * z * z } else { delta * (z - half * delta) }
    }
    fn slope<T: Float>(&self, x: T, t: T) -> T {
        let delta = number::<T>(self.delta);
        (x - t).max(-delta).min(delta)
    }
    fn target_slope<T: Float>(&self, x: T, t: T) -> T {
        -self.slope(x, t)
    }
    fn formula(&self, x: &Variable, t: &Variable, target: bool) -> Variable {
        let difference = x - t;
        let z = difference.data();
        let near = z.abs().le_scalar(self.delta);
        negated_if(target, where_(&near, &difference, &Variable::new(z.sign().mul_scalar(self.delta))))
    }
}
