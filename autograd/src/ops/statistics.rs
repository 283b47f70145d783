//! Variance, norms and `logsumexp`: reductions whose gradient reads the input again.

use tensor::Tensor;

use super::arithmetic::{add_scalar, div, mul, mul_scalar, sub};
use super::bounds::clamp;
use super::elementwise::{compatible, expect_float};
use super::exponential::exp;
use super::mask::where_;
use super::power::pow_scalar;
use super::reduce::{Axes, axes_of, depth, mean, restore, sum};
use crate::{Context, Keeps, Op, Variable};

fn zero(like: &Variable) -> Variable {
    Variable::new(Tensor::zeros([], like.dtype()))
}

fn one(like: &Variable) -> Variable {
    Variable::new(Tensor::ones([], like.dtype()))
}

/// `2 (x - mean) g / (n - correction)`.
fn var_backward(g: &Variable, x: &Variable, axes: &[isize], correction: f64) -> Variable {
    let factor = 2.0 / (depth(axes, x.shape()) as f64 - correction);
    mul(&mul_scalar(g, factor), &sub(x, &mean(x, axes, true)))
}

/// A variance over axes; see [`var`].
#[derive(Clone, Debug)]
pub struct Var {
    /// The axes.
    pub axes: Axes,
    /// What the count is lessened by.
    pub correction: f64,
    /// Whether reduced axes stay with size 1.
    pub keepdim: bool,
}

impl Op<1> for Var {
    const NAME: &'static str = "var";
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.var(&self.axes, self.correction, self.keepdim), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(var_backward(&restore(g, &self.axes, cx.shape(0)), &cx.input(0), &self.axes, self.correction))]
    }
}

/// The variance over `axes` (all if empty): squared differences from the mean, summed and divided by the count less
/// `correction` (1: the unbiased estimate of a sample; 0: of a population). PyTorch: `torch.var`.
///
/// # Panics
/// If the dtype is not a float, or an axis is out of range or named twice.
#[track_caller]
pub fn var(x: &Variable, axes: &[isize], correction: f64, keepdim: bool) -> Variable {
    expect_float("var", x);
    Var { axes: axes_of("var", axes, x), correction, keepdim }.apply([x])
}

/// A standard deviation over axes; see [`std()`].
#[derive(Clone, Debug)]
pub struct Std {
    /// The axes.
    pub axes: Axes,
    /// What the count is lessened by.
    pub correction: f64,
    /// Whether reduced axes stay with size 1.
    pub keepdim: bool,
}

impl Op<1> for Std {
    const NAME: &'static str = "std";
    const KEEPS: Keeps = Keeps::ALL;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.std(&self.axes, self.correction, self.keepdim), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let y = cx.output();
        // Where nothing deviates the root has no slope; 0 is taken, as in PyTorch.
        let flat = y.data().eq_scalar(0.0);
        let g = where_(&flat, &zero(g), &div(g, &mul_scalar(&where_(&flat, &one(g), &y), 2.0)));
        [Some(var_backward(&restore(&g, &self.axes, cx.shape(0)), &cx.input(0), &self.axes, self.correction))]
    }
}

/// The standard deviation over `axes` (all if empty): the square root of [`var`]. PyTorch: `torch.std`.
///
/// # Panics
/// If the dtype is not a float, or an axis is out of range or named twice.
#[track_caller]
pub fn std(x: &Variable, axes: &[isize], correction: f64, keepdim: bool) -> Variable {
    expect_float("std", x);
    Std { axes: axes_of("std", axes, x), correction, keepdim }.apply([x])
}

/// See [`logsumexp`].
#[derive(Clone, Debug)]
pub struct LogSumExp {
    /// The axes.
    pub axes: Axes,
    /// Whether reduced axes stay with size 1.
    pub keepdim: bool,
}

impl Op<1> for LogSumExp {
    const NAME: &'static str = "logsumexp";
    const KEEPS: Keeps = Keeps::ALL;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.logsumexp(&self.axes, self.keepdim), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let y = cx.output();
        // Minus infinity less itself is NaN; less 0 it stays what it is, and its share 0.
        let y = where_(&y.data().abs().eq_scalar(f64::INFINITY), &zero(g), &y);
        let shares = exp(&sub(&cx.input(0), &restore(&y, &self.axes, cx.shape(0))));
        [Some(mul(&restore(g, &self.axes, cx.shape(0)), &shares))]
    }
}

/// `log(sum(e^x))` over `axes` (all if empty), without overflow. PyTorch: `torch.logsumexp`.
///
/// # Panics
/// If the dtype is not a float, or an axis is out of range or named twice.
#[track_caller]
pub fn logsumexp(x: &Variable, axes: &[isize], keepdim: bool) -> Variable {
    expect_float("logsumexp", x);
    LogSumExp { axes: axes_of("logsumexp", axes, x), keepdim }.apply([x])
}

/// A norm over axes; see [`norm`].
#[derive(Clone, Debug)]
pub struct Norm {
    /// The order.
    pub p: f64,
    /// The axes.
    pub axes: Axes,
    /// Whether reduced axes stay with size 1.
    pub keepdim: bool,
}

impl Op<1> for Norm {
    const NAME: &'static str = "norm";
    const KEEPS: Keeps = Keeps::ALL;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.norm(self.p, &self.axes, self.keepdim), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let (x, shape) = (cx.input(0), cx.shape(0));
        let g = restore(g, &self.axes, shape);
        let y = restore(&cx.output(), &self.axes, shape);
        let sign = || Variable::new(x.data().sign());
        if self.p == 0.0 {
            return [None];
        }
        if self.p == 1.0 {
            return [Some(mul(&g, &sign()))];
        }
        if self.p.is_infinite() {
            // Equally large elements share the gradient evenly.
            let winners = x.data().abs().eq(&y.data()).to_dtype(x.dtype());
            let shares = winners.div(&winners.sum(&self.axes, true));
            return [Some(mul(&g, &mul(&sign(), &Variable::new(shares))))];
        }
        // At the norm 0 there is no slope; 0 is taken, as in PyTorch.
        let flat = y.data().eq_scalar(0.0);
        let safe = where_(&flat, &one(&y), &y);
        if self.p == 2.0 {
            return [Some(where_(&flat, &zero(&g), &mul(&x, &div(&g, &safe))))];
        }
        let still = x.data().eq_scalar(0.0);
        let size = where_(&still, &one(&x), &super::arithmetic::abs(&x));
        let slope = mul(&mul(&sign(), &pow_scalar(&size, self.p - 1.0)), &div(&g, &pow_scalar(&safe, self.p - 1.0)));
        [Some(where_(&flat.logical_or(&still), &zero(&g), &slope))]
    }
}

/// The norm of order `p` over `axes` (all if empty): `(sum |x|^p)^(1/p)`; for `p` infinite the largest `|x|`, for minus
/// infinity the smallest, for 0 the number of elements that are not 0. The gradient at 0 is 0.
/// PyTorch: `torch.linalg.vector_norm`, `torch.norm`.
///
/// ```
/// use gradus_autograd::Variable;
/// use tensor::Tensor;
///
/// let x = Variable::leaf(Tensor::from([3.0, -4.0]));
/// x.norm(2.0, &[], false).backward();
/// let g = x.grad().unwrap().to_vec::<f64>();
/// assert!((g[0] - 0.6).abs() < 1e-15 && (g[1] + 0.8).abs() < 1e-15);
/// ```
///
/// # Panics
/// If the dtype is not a float, an axis is out of range or named twice, or `p` is negative or infinite and a reduced
/// stretch empty.
#[track_caller]
pub fn norm(x: &Variable, p: f64, axes: &[isize], keepdim: bool) -> Variable {
    expect_float("norm", x);
    Norm { p, axes: axes_of("norm", axes, x), keepdim }.apply([x])
}

/// `x` divided by its norm of order `p` along `axis`, which is at least `eps` (1e-12 in PyTorch).
/// PyTorch: `torch.nn.functional.normalize`.
///
/// # Panics
/// As [`norm`].
#[track_caller]
pub fn normalize(x: &Variable, p: f64, axis: isize, eps: f64) -> Variable {
    expect_float("normalize", x);
    div(x, &clamp(&norm(x, p, &[axis], true), eps, f64::INFINITY))
}

/// `<a, b> / (|a| |b|)` along `axis`, each norm at least `eps` (1e-8 in PyTorch); shapes broadcast.
/// PyTorch: `torch.nn.functional.cosine_similarity`.
///
/// # Panics
/// If the shapes do not broadcast, the dtypes differ or are not floats, or there is no such axis.
#[track_caller]
pub fn cosine_similarity(a: &Variable, b: &Variable, axis: isize, eps: f64) -> Variable {
    compatible("cosine_similarity", a, b);
    let (a, b) = super::elementwise::broadcast("cosine_similarity", a, b);
    sum(&mul(&normalize(&a, 2.0, axis, eps), &normalize(&b, 2.0, axis, eps)), &[axis], false)
}

/// The norm of order `p` of `a - b + eps` along the last axis (`eps` is 1e-6 in PyTorch); shapes broadcast.
/// PyTorch: `torch.nn.functional.pairwise_distance`.
///
/// # Panics
/// If the shapes do not broadcast, or the dtypes differ or are not floats.
#[track_caller]
pub fn pairwise_distance(a: &Variable, b: &Variable, p: f64, eps: f64, keepdim: bool) -> Variable {
    compatible("pairwise_distance", a, b);
    norm(&add_scalar(&sub(a, b), eps), p, &[-1], keepdim)
}

impl Variable {
    /// The variance over `axes`; see [`var`].
    ///
    /// # Panics
    /// As [`var`].
    #[track_caller]
    pub fn var(&self, axes: &[isize], correction: f64, keepdim: bool) -> Variable {
        var(self, axes, correction, keepdim)
    }

    /// The standard deviation over `axes`; see [`std()`].
    ///
    /// # Panics
    /// As [`std()`].
    #[track_caller]
    pub fn std(&self, axes: &[isize], correction: f64, keepdim: bool) -> Variable {
        std(self, axes, correction, keepdim)
    }

    /// `log(sum(e^x))` over `axes`; see [`logsumexp`].
    ///
    /// # Panics
    /// As [`logsumexp`].
    #[track_caller]
    pub fn logsumexp(&self, axes: &[isize], keepdim: bool) -> Variable {
        logsumexp(self, axes, keepdim)
    }

    /// The norm of order `p` over `axes`; see [`norm`].
    ///
    /// # Panics
    /// As [`norm`].
    #[track_caller]
    pub fn norm(&self, p: f64, axes: &[isize], keepdim: bool) -> Variable {
        norm(self, p, axes, keepdim)
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use proptest::prelude::{Just, Strategy};
    use proptest::prop_oneof;
    use proptest::strategy::BoxedStrategy;

    use super::{LogSumExp, Norm, Std, Tensor, Var};
    use crate::check::strategy::{distinct, reduction, values};
    use crate::check::{Check, Sample};

    /// Distinct values with 4 elements or more along every axis, so that no stretch has too few.
    fn wide(shape: &[usize]) -> BoxedStrategy<Tensor> {
        let shape: Vec<usize> = shape.iter().take(2).map(|&size| size.max(1) + 3).collect();
        distinct(&if shape.is_empty() { vec![5] } else { shape })
    }

    fn spread<O: Clone + std::fmt::Debug + 'static>(
        op: impl Fn(super::Axes, bool) -> O + Copy + 'static,
    ) -> BoxedStrategy<Sample<O, 1>> {
        reduction(op, wide)
    }

    impl Check<1> for Var {
        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            prop_oneof![Just(0.0), Just(1.0), Just(2.0)]
                .prop_flat_map(|correction| {
                    spread(move |axes, keepdim| Var { axes: fitting(axes), correction, keepdim })
                })
                .boxed()
        }
    }

    impl Check<1> for Std {
        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            prop_oneof![Just(0.0), Just(1.0), Just(2.0)]
                .prop_flat_map(|correction| {
                    spread(move |axes, keepdim| Std { axes: fitting(axes), correction, keepdim })
                })
                .boxed()
        }
    }

    /// Axis 0 for a tensor that `wide` widened from none, and none past the two that it leaves.
    fn fitting(mut axes: super::Axes) -> super::Axes {
        axes.retain(|axis| *axis < 2);
        if axes.is_empty() {
            axes.push(0);
        }
        axes
    }

    impl Check<1> for LogSumExp {
        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            let nonempty = |shape: &[usize]| values(&shape.iter().map(|&size| size.max(1)).collect::<Vec<_>>());
            reduction(|axes, keepdim| LogSumExp { axes, keepdim }, nonempty)
        }
    }

    impl Check<1> for Norm {
        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            let orders = prop_oneof![
                Just(1.0),
                Just(2.0),
                Just(3.0),
                Just(0.5),
                Just(1.7),
                Just(f64::INFINITY),
                Just(f64::NEG_INFINITY),
            ];
            // Magnitudes that differ, so that the largest and the smallest are clear.
            let magnitudes = |shape: &[usize]| {
                let shape: Vec<usize> = shape.iter().map(|&size| size.max(1)).collect();
                let shift = tensor::shape::len(&shape) as f64 * 0.0625 + 0.17;
                (distinct(&shape), values(&shape)).prop_map(move |(x, sign)| (&x + shift).mul(&sign.sign())).boxed()
            };
            orders.prop_flat_map(move |p| reduction(move |axes, keepdim| Norm { p, axes, keepdim }, magnitudes)).boxed()
        }
    }
}
