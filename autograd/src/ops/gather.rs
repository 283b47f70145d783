//! Reading, writing and adding at positions that an `i64` tensor names.

use tensor::{Dims, Tensor};

use super::mask::where_;
use crate::{Context, Keeps, Op, Variable};

/// See [`gather`].
#[derive(Clone, Debug)]
pub struct Gather {
    /// The axis along which is read.
    pub axis: isize,
    /// Where.
    pub index: Tensor,
}

impl Op<1> for Gather {
    const NAME: &'static str = "gather";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.gather(self.axis, &self.index), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let shape = Dims::from_slice(cx.shape(0));
        [Some(GatherAdjoint { axis: self.axis, index: self.index.clone(), shape }.apply([g]))]
    }
}

/// Zeros of a shape, into which the input is added at an index.
#[derive(Clone, Debug)]
pub struct GatherAdjoint {
    /// The axis along which is added.
    pub axis: isize,
    /// Where.
    pub index: Tensor,
    /// The shape of the result.
    pub shape: Dims,
}

impl Op<1> for GatherAdjoint {
    const NAME: &'static str = "gather_adjoint";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.gather_adjoint(self.axis, &self.index, &self.shape), ())
    }

    fn vjp(&self, g: &Variable, _: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(Gather { axis: self.axis, index: self.index.clone() }.apply([g]))]
    }
}

/// `y[.., i, ..] = x[.., index[.., i, ..], ..]` along `axis`. PyTorch: `torch.gather`.
///
/// # Panics
/// If the index is not `i64`, exceeds the input along another axis, or holds a number out of range.
#[track_caller]
pub fn gather(x: &Variable, axis: isize, index: &Tensor) -> Variable {
    Gather { axis: check_places("gather", x, axis, index), index: index.clone() }.apply([x])
}

/// Panics unless `index` fits `x`; the axis, not negative.
#[track_caller]
fn check_places(op: &str, x: &Variable, axis: isize, index: &Tensor) -> isize {
    let at = tensor::shape::axis(op, axis, x.shape());
    if index.dtype() != tensor::DType::I64 {
        tensor::fault!(op, [index: index.shape()],
            "index must be i64, got {}; convert with to_dtype", index.dtype());
    }
    let fits =
        index.rank() == x.rank() && (0..x.rank()).all(|axis| axis == at || index.shape()[axis] <= x.shape()[axis]);
    if !fits {
        tensor::fault!(op, [input: x.shape(), index: index.shape()],
            "the index must not exceed the input but along axis {at}");
    }
    at as isize
}

/// See [`scatter`].
#[derive(Clone, Debug)]
pub struct Scatter {
    /// The axis along which is written, not negative.
    pub axis: isize,
    /// Where.
    pub index: Tensor,
}

impl Op<2> for Scatter {
    const NAME: &'static str = "scatter";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x, source]: [&Tensor; 2]) -> (Tensor, ()) {
        (x.scatter(self.axis, &self.index, source), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        let zeros = || Variable::new(Tensor::zeros(self.index.shape(), g.dtype()));
        [
            cx.wants(0).then(|| Scatter { axis: self.axis, index: self.index.clone() }.apply([g, &zeros()])),
            cx.wants(1).then(|| {
                let read = Gather { axis: self.axis, index: self.index.clone() }.apply([g]);
                where_(&self.stays(cx.shape(0)), &read, &zeros())
            }),
        ]
    }
}

impl Scatter {
    /// Which sources are not overwritten by later ones.
    fn stays(&self, shape: &[usize]) -> Tensor {
        let numbers = Tensor::arange(0.0, self.index.len() as f64, 1.0, tensor::DType::I64).reshape(self.index.shape());
        let last = Tensor::zeros(shape, tensor::DType::I64).scatter(self.axis, &self.index, &numbers);
        last.gather(self.axis, &self.index).eq(&numbers)
    }
}

/// `x` with `source` written: `y[.., index[.., i, ..], ..] = source[.., i, ..]`; of several writes to one place the last
/// in logical order stays, and takes the gradient. PyTorch: `torch.scatter`.
///
/// # Panics
/// If the index is not `i64`, exceeds `x` along another axis or holds a number out of range; if `source` is smaller than
/// the index; if dtypes differ.
#[track_caller]
pub fn scatter(x: &Variable, axis: isize, index: &Tensor, source: &Variable) -> Variable {
    let axis = check_places("scatter", x, axis, index);
    Scatter { axis, index: index.clone() }.apply([x, &cut("scatter", source, index)])
}

/// See [`scatter_add`].
#[derive(Clone, Debug)]
pub struct ScatterAdd {
    /// The axis along which is added, not negative.
    pub axis: isize,
    /// Where.
    pub index: Tensor,
}

impl Op<2> for ScatterAdd {
    const NAME: &'static str = "scatter_add";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x, source]: [&Tensor; 2]) -> (Tensor, ()) {
        (x.scatter_add(self.axis, &self.index, source), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        [
            cx.wants(0).then(|| g.clone()),
            cx.wants(1).then(|| Gather { axis: self.axis, index: self.index.clone() }.apply([g])),
        ]
    }
}

/// `x` with `source` added: `y[.., index[.., i, ..], ..] += source[.., i, ..]`. PyTorch: `torch.scatter_add`.
///
/// # Panics
/// As [`scatter`], or if the dtype is `bool`.
#[track_caller]
pub fn scatter_add(x: &Variable, axis: isize, index: &Tensor, source: &Variable) -> Variable {
    let axis = check_places("scatter_add", x, axis, index);
    ScatterAdd { axis, index: index.clone() }.apply([x, &cut("scatter_add", source, index)])
}

/// The part of `source` that the index covers.
#[track_caller]
fn cut(op: &str, source: &Variable, index: &Tensor) -> Variable {
    let covered =
        source.rank() == index.rank() && source.shape().iter().zip(index.shape()).all(|(have, need)| have >= need);
    if !covered {
        tensor::fault!(op, [index: index.shape(), source: source.shape()], "the source is smaller than the index");
    }
    (0..index.rank()).fold(source.clone(), |part, axis| match index.shape()[axis] {
        size if size == part.shape()[axis] => part,
        size => part.narrow(axis as isize, 0, size),
    })
}

impl Variable {
    /// `y[.., i, ..] = x[.., index[.., i, ..], ..]` along `axis`. PyTorch: `torch.gather`.
    ///
    /// # Panics
    /// If the index is not `i64`, exceeds the input along another axis, or holds a number out of range.
    #[track_caller]
    pub fn gather(&self, axis: isize, index: &Tensor) -> Variable {
        gather(self, axis, index)
    }

    /// With `source` written at `index` along `axis`; see [`scatter`].
    ///
    /// # Panics
    /// As [`scatter`].
    #[track_caller]
    pub fn scatter(&self, axis: isize, index: &Tensor, source: &Variable) -> Variable {
        scatter(self, axis, index, source)
    }

    /// With `source` added at `index` along `axis`; see [`scatter_add`].
    ///
    /// # Panics
    /// As [`scatter_add`].
    #[track_caller]
    pub fn scatter_add(&self, axis: isize, index: &Tensor, source: &Variable) -> Variable {
        scatter_add(self, axis, index, source)
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use proptest::prelude::{Just, Strategy};
    use proptest::strategy::BoxedStrategy;

    use super::{Dims, Gather, GatherAdjoint, Scatter, ScatterAdd, Tensor};
    use crate::check::strategy::{indices, one, shape_of, two, values};
    use crate::check::{Check, Sample};

    /// An axis, a shape, and an index into it that is smaller along other axes and longer or shorter along this one.
    fn reads() -> BoxedStrategy<(isize, Vec<usize>, Tensor)> {
        shape_of(1..=4, 1..=4)
            .prop_flat_map(|shape| (0..shape.len(), 0..6usize, Just(shape)))
            .prop_flat_map(|(axis, count, shape)| {
                let mut index = shape.clone();
                index[axis] = count;
                if let Some(other) = index.iter_mut().enumerate().find(|(i, size)| *i != axis && **size > 1) {
                    *other.1 -= 1;
                }
                (Just(axis as isize), indices(&index, shape[axis]), Just(shape))
            })
            .prop_map(|(axis, index, shape)| (axis, shape, index))
            .boxed()
    }

    impl Check<1> for Gather {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            reads().prop_flat_map(|(axis, shape, index)| one(Gather { axis, index }, values(&shape))).boxed()
        }
    }

    impl Check<1> for GatherAdjoint {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            reads()
                .prop_flat_map(|(axis, shape, index)| {
                    let x = values(index.shape());
                    one(GatherAdjoint { axis, index, shape: Dims::from_vec(shape) }, x)
                })
                .boxed()
        }
    }

    impl Check<2> for Scatter {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 2>> {
            reads()
                .prop_flat_map(|(axis, shape, index)| {
                    let source = values(index.shape());
                    two(Scatter { axis, index }, values(&shape), source)
                })
                .boxed()
        }
    }

    impl Check<2> for ScatterAdd {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 2>> {
            reads()
                .prop_flat_map(|(axis, shape, index)| {
                    let source = values(index.shape());
                    two(ScatterAdd { axis, index }, values(&shape), source)
                })
                .boxed()
        }
    }
}
