//! Parts of a tensor: `slice` and `slice_adjoint` (zeros with the part put back) are each other's adjoints.

use tensor::Tensor;

use crate::{Context, Keeps, Op, Variable};

/// The arguments of a Python slice along one axis.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// The axis, not negative.
    pub axis: isize,
    /// The first index.
    pub start: Option<isize>,
    /// The index before which it ends.
    pub end: Option<isize>,
    /// The step, not 0.
    pub step: isize,
}

/// See [`slice()`].
#[derive(Clone, Debug)]
pub struct Slice(pub Range);

impl Op<1> for Slice {
    const NAME: &'static str = "slice";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        let Range { axis, start, end, step } = self.0;
        (x.slice(axis, start, end, step), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(SliceAdjoint { range: self.0, size: cx.shape(0)[self.0.axis as usize] }.apply([g]))]
    }
}

/// Zeros of `size` along the axis with the input at the range.
#[derive(Clone, Debug)]
pub struct SliceAdjoint {
    /// Where the input goes.
    pub range: Range,
    /// The size of the axis.
    pub size: usize,
}

impl Op<1> for SliceAdjoint {
    const NAME: &'static str = "slice_adjoint";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        let Range { axis, start, end, step } = self.range;
        (x.slice_adjoint(axis, self.size, (start, end, step)), ())
    }

    fn vjp(&self, g: &Variable, _: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(Slice(self.range).apply([g]))]
    }
}

/// `x[.., start:end:step, ..]` along `axis`, with Python's rules.
///
/// # Panics
/// If there is no such axis or the step is 0.
#[track_caller]
pub fn slice(x: &Variable, range: Range) -> Variable {
    let axis = tensor::shape::axis("slice", range.axis, x.shape()) as isize;
    if range.step == 0 || x.rank() == 0 {
        tensor::fault!("slice", [input: x.shape()], "expected an axis and a step other than 0, got step {}", range.step);
    }
    Slice(Range { axis, ..range }).apply([x])
}

impl Variable {
    /// `self[.., start:end:step, ..]` along `axis`, with Python's rules.
    ///
    /// # Panics
    /// If there is no such axis or the step is 0.
    #[track_caller]
    pub fn slice(&self, axis: isize, start: Option<isize>, end: Option<isize>, step: isize) -> Variable {
        slice(self, Range { axis, start, end, step })
    }

    /// `length` elements from `start` on along `axis`. PyTorch: `torch.narrow`.
    ///
    /// # Panics
    /// If there is no such axis or the range leaves it.
    #[track_caller]
    pub fn narrow(&self, axis: isize, start: usize, length: usize) -> Variable {
        let at = tensor::shape::axis("narrow", axis, self.shape());
        let (size, end) = (self.shape().get(at).copied().unwrap_or(1), start.saturating_add(length));
        if end > size {
            tensor::fault!("narrow", [input: self.shape()], "{start}..{end} leaves axis {at} of size {size}");
        }
        self.slice(axis, Some(start as isize), Some((start + length) as isize), 1)
    }
}

impl Variable {
    /// The part at `index` of `axis`, which vanishes. PyTorch: `torch.select`.
    ///
    /// # Panics
    /// If there is no such axis or index.
    #[track_caller]
    pub fn select(&self, axis: isize, index: isize) -> Variable {
        let at = tensor::shape::axis("select", axis, self.shape());
        let size = self.size(axis) as isize;
        if self.rank() == 0 || index < -size || index >= size {
            tensor::fault!("select", [input: self.shape()], "index {index} is out of range for axis {at} of size {size}");
        }
        let start = if index < 0 { index + size } else { index } as usize;
        self.narrow(axis, start, 1).squeeze(axis)
    }

    /// The order of the elements along `axes` reversed. PyTorch: `torch.flip`.
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[track_caller]
    pub fn flip(&self, axes: &[isize]) -> Variable {
        if axes.is_empty() {
            return self.clone();
        }
        let list = tensor::shape::axes("flip", axes, self.shape());
        list.iter().fold(self.clone(), |x, &axis| x.slice(axis as isize, None, None, -1))
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use proptest::option;
    use proptest::prelude::{Just, Strategy};
    use proptest::prop_oneof;
    use proptest::strategy::BoxedStrategy;

    use super::{Range, Slice, SliceAdjoint, Tensor};
    use crate::check::strategy::{one, shape_of, values};
    use crate::check::{Check, Sample};

    fn ranges() -> BoxedStrategy<(Range, Vec<usize>)> {
        shape_of(1..=4, 1..=5)
            .prop_flat_map(|shape| (0..shape.len() as isize, Just(shape)))
            .prop_flat_map(|(axis, shape)| {
                let bound = || option::of(-6..7isize);
                let step = prop_oneof![Just(1isize), Just(2), Just(3), Just(-1), Just(-2)];
                (bound(), bound(), step, Just((axis, shape)))
            })
            .prop_map(|(start, end, step, (axis, shape))| (Range { axis, start, end, step }, shape))
            .boxed()
    }

    impl Check<1> for Slice {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            ranges().prop_flat_map(|(range, shape)| one(Slice(range), values(&shape))).boxed()
        }
    }

    impl Check<1> for SliceAdjoint {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            ranges()
                .prop_flat_map(|(range, shape)| {
                    let Range { axis, start, end, step } = range;
                    let window = Tensor::zeros(&shape, tensor::DType::F64).slice(axis, start, end, step);
                    one(SliceAdjoint { range, size: shape[axis as usize] }, values(window.shape()))
                })
                .boxed()
        }
    }
}
