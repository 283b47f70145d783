//! Reading at positions that an `i64` tensor names, and its adjoint, adding there.

use tensor::{Dims, Tensor};

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
    Gather { axis, index: index.clone() }.apply([x])
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
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use proptest::prelude::{Just, Strategy};
    use proptest::strategy::BoxedStrategy;

    use super::{Dims, Gather, GatherAdjoint, Tensor};
    use crate::check::strategy::{indices, one, shape_of, values};
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
}
