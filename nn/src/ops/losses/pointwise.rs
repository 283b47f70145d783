//! Losses of pairs of numbers, summed, averaged or left alone: one op, generic over the formula.

mod difference;
mod likelihood;
#[cfg(any(test, feature = "check"))]
mod samples;

use std::fmt::Debug;

use autograd::{Context, Keeps, Op, Variable};
use tensor::{Element, Float, Tensor, dispatch};

use crate::loss::Reduction;

pub use difference::{Absolute, HuberError, SmoothAbsolute, Squared};
pub use likelihood::{BinaryCrossEntropy, BinaryCrossEntropyLogits, Divergence, PoissonDeviance, SoftMarginError};

/// A loss of a pair: its value and slopes as plain numbers, and the slopes as differentiable variables.
pub trait Formula: Debug + Clone + Send + Sync + 'static {
    /// The public function's name.
    const NAME: &'static str;
    /// The loss.
    fn value<T: Float>(&self, x: T, t: T) -> T;
    /// Its slope in the input.
    fn slope<T: Float>(&self, x: T, t: T) -> T;
    /// Its slope in the target.
    fn target_slope<T: Float>(&self, x: T, t: T) -> T;
    /// Its slope in the input (`target` false) or the target, as a differentiable formula.
    fn formula(&self, x: &Variable, t: &Variable, target: bool) -> Variable;
}

/// A `Formula` over two tensors of one shape, then a reduction.
#[derive(Clone, Debug)]
pub struct Pointwise<F> {
    /// The loss of a pair.
    pub formula: F,
    /// What becomes of the pairs' losses.
    pub reduction: Reduction,
}

/// The factor of a reduction over `len` pairs with `batch` samples; `None` if nothing is reduced.
fn factor(reduction: Reduction, shape: &[usize]) -> Option<f64> {
    let len: usize = shape.iter().product();
    match reduction {
        Reduction::None => None,
        Reduction::Sum => Some(1.0),
        Reduction::Mean => Some(1.0 / len as f64),
        Reduction::BatchMean => Some(1.0 / shape.first().copied().unwrap_or(1) as f64),
    }
}

/// A variable's elements reduced.
pub(crate) fn reduced(x: &Variable, reduction: Reduction) -> Variable {
    match factor(reduction, x.shape()) {
        None => x.clone(),
        Some(1.0) => x.sum(&[], false),
        // Divided, not multiplied: a mean is exact where its sum is.
        Some(factor) => x.sum(&[], false) / factor.recip().round(),
    }
}

impl<F: Formula> Op<2> for Pointwise<F>
where
    Pointwise<F>: autograd::Registered,
{
    const NAME: &'static str = F::NAME;
    const KEEPS: Keeps = Keeps::INPUTS;
    type Saved = ();

    fn forward(&self, [x, t]: [&Tensor; 2]) -> (Tensor, ()) {
        let losses = dispatch!(float F::NAME, x.dtype(), T => x.zip_map(t, |x: T, t: T| self.formula.value(x, t)));
        let result = match factor(self.reduction, x.shape()) {
            None => losses,
            Some(1.0) => losses.sum(&[], false),
            Some(factor) => losses.sum(&[], false) / factor.recip().round(),
        };
        (result, ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        let (x, t) = (cx.input(0), cx.input(1));
        let factor = factor(self.reduction, x.shape());
        [false, true].map(|target| {
            if !cx.wants(usize::from(target)) {
                return None;
            }
            if cx.records() {
                let slope = self.formula.formula(&x, &t, target) * g;
                return Some(factor.map_or(slope.clone(), |factor| slope * factor));
            }
            let (x, t, g) = (x.data(), t.data(), g.data());
            Some(Variable::new(dispatch!(float F::NAME, x.dtype(), T => {
                let slope = |x: T, t: T| if target { self.formula.target_slope(x, t) } else { self.formula.slope(x, t) };
                match factor {
                    None => x.zip_map(&t, slope).mul(&g),
                    Some(factor) => {
                        let scale = g.item::<T>() * <T as Element>::from_f64(factor);
                        x.zip_map(&t, |x: T, t: T| slope(x, t) * scale)
                    }
                }
            })))
        })
    }
}

fn number<T: Float>(value: f64) -> T {
    <T as Element>::from_f64(value)
}
