//! Sums and stretching: `expand` and `sum_to` are each other's adjoints.

use smallvec::SmallVec;
use tensor::{Dims, Tensor};

use crate::{Context, Keeps, Op, Variable};

/// A sum over axes; see [`sum`].
#[derive(Clone, Debug)]
pub struct Sum {
    /// The axes, ascending.
    pub axes: SmallVec<[isize; 6]>,
    /// Whether summed axes stay with size 1.
    pub keepdim: bool,
}

impl Op<1> for Sum {
    const NAME: &'static str = "sum";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (if self.axes.is_empty() { x.clone() } else { x.sum(&self.axes, self.keepdim) }, ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let shape = cx.shape(0);
        let mut kept = Dims::from_slice(shape);
        for &axis in &self.axes {
            kept[axis as usize] = 1;
        }
        [Some(expand(&super::reshape::reshape(g, &kept), shape))]
    }
}

/// The sum over `axes` (all if empty). PyTorch: `torch.sum`.
///
/// # Panics
/// If an axis is out of range or named twice.
#[track_caller]
pub fn sum(x: &Variable, axes: &[isize], keepdim: bool) -> Variable {
    let axes = tensor::shape::axes("sum", axes, x.shape()).iter().map(|&axis| axis as isize).collect();
    Sum { axes, keepdim }.apply([x])
}

/// The mean over `axes` (all if empty). PyTorch: `torch.mean`.
///
/// # Panics
/// If an axis is out of range or named twice.
#[track_caller]
pub fn mean(x: &Variable, axes: &[isize], keepdim: bool) -> Variable {
    let list = tensor::shape::axes("mean", axes, x.shape());
    let count: usize = list.iter().map(|&axis| x.shape()[axis]).product();
    sum(x, axes, keepdim) / count as f64
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
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn mean(&self, axes: &[isize], keepdim: bool) -> Variable {
        mean(self, axes, keepdim)
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
    use proptest::prelude::{Just, Strategy, any};
    use proptest::strategy::BoxedStrategy;

    use super::{Dims, Expand, Sum, SumTo};
    use crate::check::strategy::{any_shape, axes_of, broadcast_pair, one, values};
    use crate::check::{Check, Sample};

    impl Check<1> for Sum {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            any_shape()
                .prop_flat_map(|shape| (axes_of(shape.len()), any::<bool>(), Just(shape)))
                .prop_flat_map(|(axes, keepdim, shape)| {
                    let axes = tensor::shape::axes("sum", &axes, &shape).iter().map(|&axis| axis as isize).collect();
                    one(Sum { axes, keepdim }, values(&shape))
                })
                .boxed()
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
