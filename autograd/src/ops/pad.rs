//! Padding and its adjoint.

use smallvec::SmallVec;
use tensor::{Dims, PadMode, Tensor};

use crate::{Context, Keeps, Op, Variable};

/// Elements before and after, per axis, for the last axes; negative numbers cut off.
pub type Margins = SmallVec<[(isize, isize); 4]>;

/// See [`pad`].
#[derive(Clone, Debug)]
pub struct Pad {
    /// How much.
    pub margins: Margins,
    /// With what.
    pub mode: PadMode,
}

impl Op<1> for Pad {
    const NAME: &'static str = "pad";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.pad(&self.margins, self.mode), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let shape = Dims::from_slice(cx.shape(0));
        [Some(PadAdjoint { margins: self.margins.clone(), mode: self.mode, shape }.apply([g]))]
    }
}

/// Cuts margins off and adds them to the elements that they repeat.
#[derive(Clone, Debug)]
pub struct PadAdjoint {
    /// How much.
    pub margins: Margins,
    /// What stands in the margins.
    pub mode: PadMode,
    /// The shape of the result.
    pub shape: Dims,
}

impl Op<1> for PadAdjoint {
    const NAME: &'static str = "pad_adjoint";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.pad_adjoint(&self.margins, self.mode, &self.shape), ())
    }

    fn vjp(&self, g: &Variable, _: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let mode = if let PadMode::Constant(_) = self.mode { PadMode::Constant(0.0) } else { self.mode };
        [Some(Pad { margins: self.margins.clone(), mode }.apply([g]))]
    }
}

/// A margin around `x`: `(before, after)` elements per axis, for the last axes if fewer pairs are given. Negative
/// numbers cut off. PyTorch: `torch.nn.functional.pad`.
///
/// ```
/// use gradus_autograd::Variable;
/// use tensor::{PadMode, Tensor};
///
/// let x = Variable::leaf(Tensor::from([1.0, 2.0, 3.0]));
/// let y = x.pad(&[(1, 0)], PadMode::Replicate);
/// y.sum(&[], false).backward();
/// assert_eq!(x.grad().unwrap().to_vec::<f64>(), [2.0, 1.0, 1.0]);
/// ```
///
/// Deviation: pairs stand in the order of the axes, where PyTorch's flat list starts from the last axis.
///
/// # Panics
/// If there are more pairs than axes, more is cut off than there is, or a margin exceeds what the axis can give: its
/// size less 1 for `Reflect`, its size for `Circular`, anything of an empty axis.
#[track_caller]
pub fn pad(x: &Variable, margins: &[(isize, isize)], mode: PadMode) -> Variable {
    Pad { margins: Margins::from_slice(margins), mode }.apply([x])
}

impl Variable {
    /// A margin around this; see [`pad`].
    ///
    /// # Panics
    /// As [`pad`].
    #[track_caller]
    pub fn pad(&self, margins: &[(isize, isize)], mode: PadMode) -> Variable {
        pad(self, margins, mode)
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use proptest::collection::vec;
    use proptest::prelude::{Just, Strategy};
    use proptest::prop_oneof;
    use proptest::strategy::BoxedStrategy;

    use super::{Dims, Pad, PadAdjoint, PadMode, Tensor};
    use crate::check::strategy::{one, shape_of, values};
    use crate::check::{Check, Sample};

    fn pads() -> BoxedStrategy<(Pad, Vec<usize>)> {
        let modes = prop_oneof![
            Just(PadMode::Constant(0.0)),
            Just(PadMode::Constant(1.5)),
            Just(PadMode::Reflect),
            Just(PadMode::Replicate),
            Just(PadMode::Circular),
        ];
        // Sizes of 3 or more, so that margins from -1 to 2 always fit.
        (shape_of(1..=4, 3..=4), modes)
            .prop_flat_map(|(shape, mode)| (vec((-1..=2isize, -1..=2isize), 1..=shape.len()), Just((shape, mode))))
            .prop_map(|(margins, (shape, mode))| (Pad { margins: margins.into(), mode }, shape))
            .boxed()
    }

    impl Check<1> for Pad {
        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            pads().prop_flat_map(|(op, shape)| one(op, values(&shape))).boxed()
        }
    }

    impl Check<1> for PadAdjoint {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            pads()
                .prop_flat_map(|(Pad { margins, mode }, shape)| {
                    let padded = Tensor::zeros(&shape, tensor::DType::F64).pad(&margins, mode);
                    one(PadAdjoint { margins, mode, shape: Dims::from_vec(shape) }, values(padded.shape()))
                })
                .boxed()
        }
    }
}
