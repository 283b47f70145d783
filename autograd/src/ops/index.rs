//! Slicing with the syntax of Rust's ranges, and reading or adding whole parts at the places that tensors name.

use tensor::ops::index::{Step, plan, row_plan};
use tensor::{Dims, Picks, Span, Tensor};

use super::arithmetic::add;
use super::reshape::{permute, reshape};
use crate::{Context, Keeps, Op, Variable};

/// See [`index_select`].
#[derive(Clone, Debug)]
pub struct IndexSelect {
    /// The axis, not negative.
    pub axis: isize,
    /// Which parts.
    pub index: Tensor,
}

impl Op<1> for IndexSelect {
    const NAME: &'static str = "index_select";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.index_select(self.axis, &self.index), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let size = cx.shape(0)[self.axis as usize];
        [Some(IndexSelectAdjoint { axis: self.axis, index: self.index.clone(), size }.apply([g]))]
    }
}

/// Zeros, to which parts are added at an index along an axis.
#[derive(Clone, Debug)]
pub struct IndexSelectAdjoint {
    /// The axis, not negative.
    pub axis: isize,
    /// Where the parts go.
    pub index: Tensor,
    /// The size of the axis in the result.
    pub size: usize,
}

impl Op<1> for IndexSelectAdjoint {
    const NAME: &'static str = "index_select_adjoint";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        let mut shape = Dims::from_slice(x.shape());
        shape[self.axis as usize] = self.size;
        (Tensor::zeros(&shape, x.dtype()).index_add(self.axis, &self.index, x), ())
    }

    fn vjp(&self, g: &Variable, _: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(IndexSelect { axis: self.axis, index: self.index.clone() }.apply([g]))]
    }
}

#[track_caller]
fn check_index(op: &str, x: &Variable, axis: isize, index: &Tensor) -> isize {
    let at = tensor::shape::axis(op, axis, x.shape());
    if x.rank() == 0 || index.rank() != 1 || index.dtype() != tensor::DType::I64 {
        tensor::fault!(op, [input: x.shape(), index: index.shape()],
            "the index must be i64 with 1 axis and the input have at least 1, got {}", index.dtype());
    }
    at as isize
}

/// The parts at `index` (1-dimensional) of `axis`, one after the other. PyTorch: `torch.index_select`.
///
/// # Panics
/// If the index is not 1-dimensional `i64` or holds a number out of range.
#[track_caller]
pub fn index_select(x: &Variable, axis: isize, index: &Tensor) -> Variable {
    IndexSelect { axis: check_index("index_select", x, axis, index), index: index.clone() }.apply([x])
}

/// `x` with the parts of `source` added at `index` of `axis`. PyTorch: `torch.index_add`.
///
/// # Panics
/// If the index is not 1-dimensional `i64` or holds a number out of range, or shapes or dtypes do not fit.
#[track_caller]
pub fn index_add(x: &Variable, axis: isize, index: &Tensor, source: &Variable) -> Variable {
    let axis = check_index("index_add", x, axis, index);
    let mut expected = Dims::from_slice(x.shape());
    expected[axis as usize] = index.len();
    if source.shape() != expected.as_slice() {
        tensor::fault!("index_add", [source: source.shape(), expected: &expected], "the source does not fit the index");
    }
    let size = x.shape()[axis as usize];
    let spread = IndexSelectAdjoint { axis, index: index.clone(), size }.apply([source]);
    add(x, &spread)
}

/// The elements at the places that the tensors name, one per axis from the first on (`None`: all of it); `i64` tensors
/// broadcast together, `bool` ones count as the list of places where they are true. The tensors' axes come where the
/// first one stood if all are neighbours, else first. PyTorch: `x[a, :, b]`.
///
/// # Panics
/// If there are more tensors than axes, indices are out of range or do not broadcast, or a mask's shape does not fit.
#[track_caller]
pub fn index(x: &Variable, indices: &[Option<&Tensor>]) -> Variable {
    let plan = row_plan("index", x.shape(), indices);
    let rows = index_select(&reshape(&permute(x, &plan.order), &plan.rows), 0, &plan.index);
    permute(&reshape(&rows, &plan.taken), &plan.back)
}

impl Variable {
    /// The part that the entries name, one per axis from the first on: ranges and numbers (both may be negative),
    /// stepped ranges, new axes, an ellipsis, `i64` or `bool` tensors; see [`Tensor::i`].
    ///
    /// ```
    /// use gradus_autograd::Variable;
    /// use tensor::Tensor;
    ///
    /// let x = Variable::leaf(Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
    /// x.i((.., -1)).sum(&[], false).backward();
    /// assert_eq!(x.grad().unwrap().to_vec::<f64>(), [0.0, 1.0, 0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If there are more entries than axes, a number is out of range, or a mask's shape does not fit.
    #[track_caller]
    pub fn i(&self, picks: impl Picks) -> Variable {
        let mut x = self.clone();
        for step in plan(picks, self.shape()) {
            x = match step {
                Step::Slice(axis, Span { start, end, step }) => x.slice(axis, start, end, step),
                Step::Select(axis, index) => x.select(axis, index),
                Step::Unsqueeze(axis) => x.unsqueeze(axis),
                Step::Index(tensors) => index(&x, &tensors.iter().map(Option::as_ref).collect::<Vec<_>>()),
            };
        }
        x
    }

    /// The parts at `index` of `axis`, one after the other; see [`index_select`].
    ///
    /// # Panics
    /// As [`index_select`].
    #[track_caller]
    pub fn index_select(&self, axis: isize, index: &Tensor) -> Variable {
        index_select(self, axis, index)
    }

    /// With the parts of `source` added at `index` of `axis`; see [`index_add`].
    ///
    /// # Panics
    /// As [`index_add`].
    #[track_caller]
    pub fn index_add(&self, axis: isize, index: &Tensor, source: &Variable) -> Variable {
        index_add(self, axis, index, source)
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use proptest::prelude::{Just, Strategy};
    use proptest::strategy::BoxedStrategy;

    use super::{IndexSelect, IndexSelectAdjoint, Tensor};
    use crate::check::strategy::{indices, one, shape_of, values};
    use crate::check::{Check, Sample};

    fn parts() -> BoxedStrategy<(isize, Tensor, Vec<usize>)> {
        shape_of(1..=4, 1..=4)
            .prop_flat_map(|shape| (0..shape.len(), 0..6usize, Just(shape)))
            .prop_flat_map(|(axis, count, shape)| (Just(axis as isize), indices(&[count], shape[axis]), Just(shape)))
            .boxed()
    }

    impl Check<1> for IndexSelect {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            parts().prop_flat_map(|(axis, index, shape)| one(IndexSelect { axis, index }, values(&shape))).boxed()
        }
    }

    impl Check<1> for IndexSelectAdjoint {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            parts()
                .prop_flat_map(|(axis, index, mut shape)| {
                    let size = std::mem::replace(&mut shape[axis as usize], index.len());
                    one(IndexSelectAdjoint { axis, index, size }, values(&shape))
                })
                .boxed()
        }
    }
}
