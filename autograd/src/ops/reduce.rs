//! Sums, means and products over axes, and stretching: `expand` and `sum_to` are each other's adjoints.

use smallvec::SmallVec;
use tensor::{Dims, Tensor};

use super::arithmetic::{div, mul};
use super::elementwise::expect_float;
use super::reshape::{permute, reshape};
use crate::{Context, Keeps, Op, Variable};

/// Axes of a reduction, ascending and not negative; empty for 0-dimensional tensors alone.
pub type Axes = SmallVec<[isize; 6]>;

/// The axes that possibly negative numbers name, all if none.
#[track_caller]
pub(super) fn axes_of(op: &str, axes: &[isize], x: &Variable) -> Axes {
    tensor::shape::axes(op, axes, x.shape()).iter().map(|&axis| axis as isize).collect()
}

/// `g` with the reduced axes as axes of size 1, whether they were kept or not, so that it broadcasts to `shape`.
pub(super) fn restore(g: &Variable, axes: &[isize], shape: &[usize]) -> Variable {
    let mut kept = Dims::from_slice(shape);
    for &axis in axes {
        kept[axis as usize] = 1;
    }
    reshape(g, &kept)
}

/// The number of elements behind each element of a reduction over `axes`.
pub(super) fn depth(axes: &[isize], shape: &[usize]) -> usize {
    axes.iter().map(|&axis| shape[axis as usize]).product()
}

/// A sum over axes; see [`sum`].
#[derive(Clone, Debug)]
pub struct Sum {
    /// The axes.
    pub axes: Axes,
    /// Whether summed axes stay with size 1.
    pub keepdim: bool,
}

impl Op<1> for Sum {
    const NAME: &'static str = "sum";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.sum(&self.axes, self.keepdim), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(expand(&restore(g, &self.axes, cx.shape(0)), cx.shape(0)))]
    }
}

/// The sum over `axes` (all if empty). PyTorch: `torch.sum`.
///
/// # Panics
/// If an axis is out of range or named twice.
#[track_caller]
pub fn sum(x: &Variable, axes: &[isize], keepdim: bool) -> Variable {
    Sum { axes: axes_of("sum", axes, x), keepdim }.apply([x])
}

/// A mean over axes; see [`mean`].
#[derive(Clone, Debug)]
pub struct Mean {
    /// The axes.
    pub axes: Axes,
    /// Whether averaged axes stay with size 1.
    pub keepdim: bool,
}

impl Op<1> for Mean {
    const NAME: &'static str = "mean";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.mean(&self.axes, self.keepdim), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let shape = cx.shape(0);
        let part = super::arithmetic::div_scalar(g, depth(&self.axes, shape) as f64);
        [Some(expand(&restore(&part, &self.axes, shape), shape))]
    }
}

/// The mean over `axes` (all if empty); NaN for an empty stretch. PyTorch: `torch.mean`.
///
/// # Panics
/// If the dtype is not a float, or an axis is out of range or named twice.
#[track_caller]
pub fn mean(x: &Variable, axes: &[isize], keepdim: bool) -> Variable {
    expect_float("mean", x);
    Mean { axes: axes_of("mean", axes, x), keepdim }.apply([x])
}

/// A product over axes; see [`prod`].
#[derive(Clone, Debug)]
pub struct Prod {
    /// The axes.
    pub axes: Axes,
    /// Whether multiplied axes stay with size 1.
    pub keepdim: bool,
}

impl Op<1> for Prod {
    const NAME: &'static str = "prod";
    const KEEPS: Keeps = Keeps::ALL;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.prod(&self.axes, self.keepdim), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let (x, shape) = (cx.input(0), cx.shape(0));
        let g = restore(g, &self.axes, shape);
        let y = restore(&cx.output(), &self.axes, shape);
        if !x.data().eq_scalar(0.0).any(&[], false).item::<bool>() {
            return [Some(mul(&g, &div(&y, &x)))];
        }
        [Some(mul(&g, &product_of_others(&x, &self.axes)))]
    }
}

/// For each element the product of all others of its stretch: without a division, so that zeros do no harm.
fn product_of_others(x: &Variable, axes: &[isize]) -> Variable {
    let rank = x.rank() as isize;
    let order: Axes = (0..rank).filter(|axis| !axes.contains(axis)).chain(axes.iter().copied()).collect();
    let permuted = permute(x, &order);
    let length = depth(axes, x.shape());
    let rows = reshape(&permuted, &[x.len() / length.max(1), length]);
    let part = |at: usize| rows.narrow(1, at, 1);
    let mut before = vec![Variable::new(Tensor::ones([rows.shape()[0], 1], x.dtype()))];
    let mut after = before.clone();
    for at in 1..length {
        before.push(mul(&before[at - 1], &part(at - 1)));
        after.push(mul(&after[at - 1], &part(length - at)));
    }
    let others: Vec<Variable> = before.iter().zip(after.iter().rev()).map(|(a, b)| mul(a, b)).collect();
    let joined = super::cat::cat(&others.iter().collect::<Vec<_>>(), 1);
    let mut back: Axes = order.clone();
    for (to, &from) in order.iter().enumerate() {
        back[from as usize] = to as isize;
    }
    permute(&reshape(&joined, permuted.shape()), &back)
}

/// The product over `axes` (all if empty); right also where elements are 0. PyTorch: `torch.prod`.
///
/// # Panics
/// If the dtype is not a float, or an axis is out of range or named twice.
#[track_caller]
pub fn prod(x: &Variable, axes: &[isize], keepdim: bool) -> Variable {
    expect_float("prod", x);
    Prod { axes: axes_of("prod", axes, x), keepdim }.apply([x])
}

/// See [`expand`].
#[derive(Clone, Debug)]
pub struct Expand {
    /// The target.
    pub shape: Dims,
}

impl Op<1> for Expand {
    const NAME: &'static str = "expand";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.expand(&self.shape), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(sum_to(g, cx.shape(0)))]
    }
}

/// `x` stretched to `shape` without copying. PyTorch: `Tensor.expand`.
///
/// # Panics
/// If `x` does not broadcast to `shape`.
#[track_caller]
pub fn expand(x: &Variable, shape: &[usize]) -> Variable {
    if x.shape() == shape {
        return x.clone();
    }
    if tensor::shape::broadcast(x.shape(), shape).as_deref() != Ok(shape) {
        tensor::fault!("expand", [input: x.shape()], "the input does not broadcast to {shape:?}");
    }
    Expand { shape: Dims::from_slice(shape) }.apply([x])
}

/// See [`sum_to`].
#[derive(Clone, Debug)]
pub struct SumTo {
    /// The target.
    pub shape: Dims,
}

impl Op<1> for SumTo {
    const NAME: &'static str = "sum_to";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.sum_to(&self.shape), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(expand(g, cx.shape(0)))]
    }
}

/// The sum over the axes that broadcasting `shape` to `x`'s shape stretches.
///
/// # Panics
/// If `shape` does not broadcast to `x`'s.
#[track_caller]
pub fn sum_to(x: &Variable, shape: &[usize]) -> Variable {
    if x.shape() == shape {
        return x.clone();
    }
    if tensor::shape::broadcast(shape, x.shape()).as_deref() != Ok(x.shape()) {
        tensor::fault!("sum_to", [input: x.shape()], "{shape:?} does not broadcast to the input");
    }
    SumTo { shape: Dims::from_slice(shape) }.apply([x])
}

impl Variable {
    /// The sum over `axes` (all if empty). PyTorch: `torch.sum`.
    ///
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn sum(&self, axes: &[isize], keepdim: bool) -> Variable {
        sum(self, axes, keepdim)
    }

    /// The mean over `axes` (all if empty). PyTorch: `torch.mean`.
    ///
    /// # Panics
    /// As [`mean`].
    #[track_caller]
    pub fn mean(&self, axes: &[isize], keepdim: bool) -> Variable {
        mean(self, axes, keepdim)
    }

    /// The product over `axes` (all if empty). PyTorch: `torch.prod`.
    ///
    /// # Panics
    /// As [`prod`].
    #[track_caller]
    pub fn prod(&self, axes: &[isize], keepdim: bool) -> Variable {
        prod(self, axes, keepdim)
    }

    /// Stretched to `shape` without copying. PyTorch: `Tensor.expand`.
    ///
    /// # Panics
    /// If this does not broadcast to `shape`.
    #[track_caller]
    pub fn expand(&self, shape: impl AsRef<[usize]>) -> Variable {
        expand(self, shape.as_ref())
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use proptest::prelude::Strategy;
    use proptest::prop_oneof;
    use proptest::strategy::BoxedStrategy;

    use super::{Dims, Expand, Mean, Prod, Sum, SumTo, Tensor};
    use crate::check::strategy::{broadcast_pair, mask, one, reduction, values};
    use crate::check::{Check, Sample};

    impl Check<1> for Sum {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            reduction(|axes, keepdim| Sum { axes, keepdim }, values)
        }
    }

    impl Check<1> for Mean {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            reduction(|axes, keepdim| Mean { axes, keepdim }, nonempty)
        }
    }

    /// A mean of nothing is NaN: one element more along empty axes.
    fn nonempty(shape: &[usize]) -> BoxedStrategy<Tensor> {
        values(&shape.iter().map(|&size| size.max(1)).collect::<Vec<_>>())
    }

    impl Check<1> for Prod {
        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            // A product of many factors is as steep as they are near 0: differences would not follow it there. Where
            // some factors are 0, the others stay below 1, so that the steps of the zeros are small beside them.
            let up_to = |size: f64| {
                move |shape: &[usize]| {
                    values(shape).prop_map(move |x| x.map(|x: f64| x.signum() * size * (0.25 + 0.25 * x.abs()))).boxed()
                }
            };
            // One tensor in two has zeros, some of them two in one stretch.
            let zeros = move |shape: &[usize]| {
                (up_to(1.0)(shape), mask(shape)).prop_map(|(x, zero)| x.masked_fill(&zero, 0.0)).boxed()
            };
            let prod = |axes, keepdim| Prod { axes, keepdim };
            prop_oneof![reduction(prod, up_to(1.5)), reduction(prod, zeros)].boxed()
        }
    }

    impl Check<1> for Expand {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            broadcast_pair()
                .prop_flat_map(|(a, b)| {
                    let shape = tensor::shape::broadcast(&a, &b).unwrap_or_default();
                    one(Expand { shape }, values(&a))
                })
                .boxed()
        }
    }

    impl Check<1> for SumTo {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            broadcast_pair()
                .prop_flat_map(|(a, b)| {
                    let full = tensor::shape::broadcast(&a, &b).unwrap_or_default();
                    one(SumTo { shape: Dims::from_slice(&a) }, values(&full))
                })
                .boxed()
        }
    }
}
