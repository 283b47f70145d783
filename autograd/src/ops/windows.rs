//! Sliding windows along an axis, and their adjoint, which adds them back.

use tensor::Tensor;

use crate::{Context, Keeps, Op, Variable};

/// See [`unfold`].
#[derive(Clone, Debug)]
pub struct Unfold {
    /// The axis along which windows slide, not negative.
    pub axis: isize,
    /// The length of a window.
    pub size: usize,
    /// From one window to the next.
    pub step: usize,
}

impl Op<1> for Unfold {
    const NAME: &'static str = "unfold";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.unfold(self.axis, self.size, self.step), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let length = cx.shape(0)[self.axis as usize];
        [Some(UnfoldAdjoint { axis: self.axis, length, step: self.step }.apply([g]))]
    }
}

/// Zeros into which windows (the last axis) are added where [`unfold`] took them from.
#[derive(Clone, Debug)]
pub struct UnfoldAdjoint {
    /// The axis along which windows slide, not negative.
    pub axis: isize,
    /// The length of that axis in the result.
    pub length: usize,
    /// From one window to the next.
    pub step: usize,
}

impl Op<1> for UnfoldAdjoint {
    const NAME: &'static str = "unfold_adjoint";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.unfold_adjoint(self.axis, self.length, self.step), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let size = cx.shape(0).last().copied().unwrap_or(1);
        [Some(Unfold { axis: self.axis, size, step: self.step }.apply([g]))]
    }
}

/// All windows of `size` elements, `step` apart, along `axis`: their number takes the place of the axis' size, and what
/// is inside becomes a new last axis. PyTorch: `Tensor.unfold`.
///
/// # Panics
/// If there is no such axis, `size` exceeds it or `step` is 0.
#[track_caller]
pub fn unfold(x: &Variable, axis: isize, size: usize, step: usize) -> Variable {
    let at = tensor::shape::axis("unfold", axis, x.shape());
    if x.rank() == 0 || size > x.size(axis) || step == 0 {
        tensor::fault!("unfold", [input: x.shape()], "windows of {size}, {step} apart, do not fit axis {at}");
    }
    Unfold { axis: at as isize, size, step }.apply([x])
}

impl Variable {
    /// All windows of `size` elements, `step` apart, along `axis`; see [`unfold`].
    ///
    /// # Panics
    /// As [`unfold`].
    #[track_caller]
    pub fn unfold(&self, axis: isize, size: usize, step: usize) -> Variable {
        unfold(self, axis, size, step)
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use proptest::prelude::{Just, Strategy};
    use proptest::strategy::BoxedStrategy;

    use super::{Unfold, UnfoldAdjoint};
    use crate::check::strategy::{one, shape_of, values};
    use crate::check::{Check, Sample};

    fn windows() -> BoxedStrategy<(Unfold, Vec<usize>)> {
        (shape_of(1..=3, 1..=3), 1..=3usize, 1..=3usize, 0..=4usize)
            .prop_flat_map(|(shape, size, step, extra)| (0..shape.len(), Just((shape, size, step, extra))))
            .prop_map(|(axis, (mut shape, size, step, extra))| {
                shape[axis] = size + extra;
                (Unfold { axis: axis as isize, size, step }, shape)
            })
            .boxed()
    }

    impl Check<1> for Unfold {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            windows().prop_flat_map(|(op, shape)| one(op, values(&shape))).boxed()
        }
    }

    impl Check<1> for UnfoldAdjoint {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            windows()
                .prop_flat_map(|(Unfold { axis, size, step }, mut shape)| {
                    let length = shape[axis as usize];
                    shape[axis as usize] = (length - size) / step + 1;
                    shape.push(size);
                    one(UnfoldAdjoint { axis, length, step }, values(&shape))
                })
                .boxed()
        }
    }
}
