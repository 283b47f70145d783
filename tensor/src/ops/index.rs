//! Slicing with a syntax that Rust's ranges give, and reading or writing at the places that tensors name.
//!
//! `x.i((.., 1..3, -1, step(0..10, 2)))` is Python's `x[:, 1:3, -1, 0:10:2]`: one entry per axis, each a range, a number
//! (whose axis vanishes), a stepped range, [`NewAxis`], [`Ellipsis`], or a tensor of numbers or truth values. Ranges
//! follow Python: negative numbers count from the end, and what leaves the axis is cut off. Rust cannot overload `x[..]`
//! to return a new tensor, hence the method.

use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use smallvec::SmallVec;

use super::slice::Span;
use crate::shape::{self, Dims};
use crate::{DType, Tensor};

/// What is taken along one axis (or, for the last two, several or none); made by `into()` from what users write.
#[derive(Clone, Debug)]
pub enum Pick {
    /// A range of indices.
    Span(Span),
    /// One index; the axis vanishes.
    Index(isize),
    /// The places that an `i64` tensor names, or where a `bool` tensor is true.
    Tensor(Tensor),
    /// A new axis of size 1.
    NewAxis,
    /// As many whole axes as the other entries leave.
    Ellipsis,
}

/// A new axis of size 1 in [`Tensor::i`]. PyTorch: `None`.
#[derive(Clone, Copy, Debug)]
pub struct NewAxis;

/// As many whole axes as the other entries of [`Tensor::i`] leave. PyTorch: `...`.
#[derive(Clone, Copy, Debug)]
pub struct Ellipsis;

impl From<NewAxis> for Pick {
    fn from(_: NewAxis) -> Pick {
        Pick::NewAxis
    }
}
impl From<Ellipsis> for Pick {
    fn from(_: Ellipsis) -> Pick {
        Pick::Ellipsis
    }
}
impl From<Span> for Pick {
    fn from(span: Span) -> Pick {
        Pick::Span(span)
    }
}
impl From<Tensor> for Pick {
    fn from(tensor: Tensor) -> Pick {
        Pick::Tensor(tensor)
    }
}
impl From<&Tensor> for Pick {
    fn from(tensor: &Tensor) -> Pick {
        Pick::Tensor(tensor.clone())
    }
}
impl From<RangeFull> for Span {
    fn from(_: RangeFull) -> Span {
        Span { start: None, end: None, step: 1 }
    }
}
impl From<RangeFull> for Pick {
    fn from(range: RangeFull) -> Pick {
        Pick::Span(range.into())
    }
}

/// The index behind an inclusive end; behind the last one, -1, there is no end.
fn behind(last: isize) -> Option<isize> {
    (last != -1).then_some(last + 1)
}

macro_rules! picks {
    ($($t:ty)*) => {$(
        impl From<$t> for Pick {
            fn from(index: $t) -> Pick {
                Pick::Index(index as isize)
            }
        }
        picks!(@range $t, Range<$t>, |r| (Some(r.start as isize), Some(r.end as isize), 1));
        picks!(@range $t, RangeFrom<$t>, |r| (Some(r.start as isize), None, 1));
        picks!(@range $t, RangeTo<$t>, |r| (None, Some(r.end as isize), 1));
        picks!(@range $t, RangeInclusive<$t>, |r| (Some(*r.start() as isize), behind(*r.end() as isize), 1));
        picks!(@range $t, RangeToInclusive<$t>, |r| (None, behind(r.end as isize), 1));
    )*};
    (@range $t:ty, $range:ty, |$r:ident| $span:expr) => {
        impl From<$range> for Span {
            fn from($r: $range) -> Span {
                Span::from($span)
            }
        }
        impl From<$range> for Pick {
            fn from(range: $range) -> Pick {
                Pick::Span(range.into())
            }
        }
    };
}
picks!(i32 isize usize);

/// Every `by`-th index of a range, as Python's `start:end:by`; a negative step goes backward from the range's start.
///
/// ```
/// use gradus_tensor::{Tensor, step};
/// let x = Tensor::from([0i64, 1, 2, 3, 4]);
/// assert_eq!(x.i(step(1.., 2)).to_vec::<i64>(), [1, 3]);
/// assert_eq!(x.i(step(.., -1)).to_vec::<i64>(), [4, 3, 2, 1, 0]);
/// ```
pub fn step(range: impl Into<Span>, by: isize) -> Span {
    Span { step: by, ..range.into() }
}

/// Entries for [`Tensor::i`]: one, or a tuple of up to eight, or a list of [`Pick`]s.
pub trait Picks {
    /// The entries in order.
    fn into_picks(self) -> Vec<Pick>;
}

impl<P: Into<Pick>> Picks for P {
    fn into_picks(self) -> Vec<Pick> {
        vec![self.into()]
    }
}
impl Picks for Vec<Pick> {
    fn into_picks(self) -> Vec<Pick> {
        self
    }
}
macro_rules! tuple_picks {
    ($(($($p:ident)+))*) => {$(
        impl<$($p: Into<Pick>),+> Picks for ($($p,)+) {
            #[allow(non_snake_case)] // the type's name serves as the variable's
            fn into_picks(self) -> Vec<Pick> {
                let ($($p,)+) = self;
                vec![$($p.into()),+]
            }
        }
    )*};
}
tuple_picks! { (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H) }

/// One op of a plan that [`plan`] makes.
#[derive(Clone, Debug)]
pub enum Step {
    /// [`Tensor::slice`].
    Slice(isize, Span),
    /// [`Tensor::select`].
    Select(isize, isize),
    /// [`Tensor::unsqueeze`].
    Unsqueeze(isize),
    /// [`Tensor::index`].
    Index(Vec<Option<Tensor>>),
}

/// The ops that give `x.i(picks)` on an input of `shape`, in order; for [`Tensor::i`] and for variables.
///
/// # Panics
/// If there are more entries than axes, or two ellipses.
#[track_caller]
pub fn plan(picks: impl Picks, shape: &[usize]) -> Vec<Step> {
    let mut picks = picks.into_picks();
    let width = |pick: &Pick| match pick {
        Pick::NewAxis | Pick::Ellipsis => 0,
        Pick::Tensor(tensor) if tensor.dtype() == DType::Bool => tensor.rank(),
        _ => 1,
    };
    let named: usize = picks.iter().map(width).sum();
    if named > shape.len() {
        crate::fault!("i", [input: shape], "{named} entries for {} axes", shape.len());
    }
    match picks.iter().filter(|pick| matches!(pick, Pick::Ellipsis)).count() {
        0 => picks.push(Pick::Ellipsis),
        1 => {}
        count => crate::fault!("i", [input: shape], "expected at most 1 ellipsis, got {count}"),
    }
    let mut steps = vec![];
    let mut tensors: Vec<Option<Tensor>> = vec![];
    let mut axis = 0isize;
    for pick in picks {
        match pick {
            Pick::Index(index) => steps.push(Step::Select(axis, index)),
            Pick::Span(span) => {
                if span != Span::from(..) {
                    steps.push(Step::Slice(axis, span));
                }
                tensors.push(None);
                axis += 1;
            }
            Pick::NewAxis => {
                steps.push(Step::Unsqueeze(axis));
                tensors.push(None);
                axis += 1;
            }
            Pick::Ellipsis => {
                let count = shape.len() - named;
                tensors.extend(std::iter::repeat_n(None, count));
                axis += count as isize;
            }
            Pick::Tensor(tensor) => {
                axis += width(&Pick::Tensor(tensor.clone())) as isize;
                tensors.push(Some(tensor));
            }
        }
    }
    if tensors.iter().any(Option::is_some) {
        steps.push(Step::Index(tensors));
    }
    steps
}

/// How reading at the places that tensors name comes down to [`Tensor::index_select`] of rows.
#[derive(Clone, Debug)]
pub struct RowPlan {
    /// The order of the input's axes that puts the indexed ones first.
    pub order: SmallVec<[isize; 6]>,
    /// Then the shape with the indexed axes as one: rows.
    pub rows: Dims,
    /// The rows that are taken, 1-dimensional.
    pub index: Tensor,
    /// The shape of what is taken: the index's axes, then the others.
    pub taken: Dims,
    /// The order of those axes that puts the index's where the result has them.
    pub back: SmallVec<[isize; 6]>,
}

/// Plans [`Tensor::index`] and [`Tensor::index_put`] in ops that have adjoints; `op` names the caller in messages.
///
/// # Panics
/// As [`Tensor::index`].
#[track_caller]
pub fn row_plan(op: &str, shape: &[usize], indices: &[Option<&Tensor>]) -> RowPlan {
    // A mask is the list of the places where it is true, one tensor per axis that it covers.
    let mut list: SmallVec<[Option<Tensor>; 6]> = SmallVec::new();
    for index in indices {
        match index {
            Some(mask) if mask.dtype() == DType::Bool => {
                let covered = shape.get(list.len()..list.len() + mask.rank());
                if covered != Some(mask.shape()) || mask.rank() == 0 {
                    crate::fault!(op, [input: shape, mask: mask.shape()], "the mask does not fit axis {} and on", list.len());
                }
                let places = mask.nonzero();
                list.extend((0..mask.rank()).map(|axis| Some(places.select(1, axis as isize))));
            }
            Some(index) => {
                index.expect_dtype(op, "index", DType::I64);
                list.push(Some((*index).clone()));
            }
            None => list.push(None),
        }
    }
    if list.len() > shape.len() {
        crate::fault!(op, [input: shape], "{} indices for {} axes", list.len(), shape.len());
    }
    let indexed: SmallVec<[usize; 6]> = (0..list.len()).filter(|&axis| list[axis].is_some()).collect();
    let others: SmallVec<[usize; 6]> = (0..shape.len()).filter(|axis| !indexed.contains(axis)).collect();
    let mut common = Dims::new();
    for index in list.iter().flatten() {
        common = match shape::broadcast(&common, index.shape()) {
            Ok(common) => common,
            Err(_) => crate::fault!(op, [input: shape, index: index.shape()],
                "index shapes do not broadcast, {:?} and {:?}", common.as_slice(), index.shape()),
        };
    }
    let mut flat = Tensor::zeros(&common, DType::I64);
    for &axis in &indexed {
        let (size, index) = (shape[axis] as i64, list[axis].clone().unwrap_or_else(|| unreachable!("chosen above")));
        if let Some(bad) = index.view_as::<i64>().iter().find(|&i| i < -size || i >= size) {
            crate::fault!(op, [input: shape, index: index.shape()], "index {bad} is out of range for axis {axis} of size {size}");
        }
        let index = index.map(|i: i64| if i < 0 { i + size } else { i });
        flat = flat.mul_scalar(size as f64).add(&index);
    }
    let pick = |axes: &[usize]| axes.iter().map(|&axis| shape[axis]).collect::<Dims>();
    let mut rows = Dims::from_slice(&[pick(&indexed).iter().product()]);
    rows.extend(pick(&others));
    let mut taken = common.clone();
    taken.extend(pick(&others));
    // Neighbouring indices leave their axes where the first one stood; others, as in NumPy, at the front.
    let neighbours = indexed.windows(2).all(|pair| pair[1] == pair[0] + 1);
    let lead = if neighbours { indexed.first().copied().unwrap_or(0) } else { 0 };
    let width = common.len();
    let back =
        (width..width + lead).chain(0..width).chain(width + lead..taken.len()).map(|axis| axis as isize).collect();
    RowPlan {
        order: indexed.iter().chain(&others).map(|&axis| axis as isize).collect(),
        rows,
        index: flat.reshape([flat.len()]),
        taken,
        back,
    }
}

impl Tensor {
    /// The part that the entries name, one per axis from the first on: ranges and numbers (both may be negative),
    /// [`step`]ped ranges, [`NewAxis`], [`Ellipsis`], `i64` or `bool` tensors. A view, but for tensors.
    ///
    /// ```
    /// use gradus_tensor::{DType, Ellipsis, NewAxis, Tensor, step};
    /// let x = Tensor::arange(0.0, 24.0, 1.0, DType::I64).reshape([2, 3, 4]);
    /// assert_eq!(x.i((.., 1..3, -1)).to_vec::<i64>(), [7, 11, 19, 23]);
    /// assert_eq!(x.i((1, 0, step(.., -2))).to_vec::<i64>(), [15, 13]);
    /// assert_eq!(x.i((Ellipsis, NewAxis, 0)).shape(), &[2, 3, 1]);
    /// assert_eq!(x.i((0, &Tensor::from([2i64, 0]), ..2)).to_vec::<i64>(), [8, 9, 0, 1]);
    /// ```
    ///
    /// # Panics
    /// If there are more entries than axes, a number is out of range, or a mask's shape does not fit.
    #[track_caller]
    pub fn i(&self, picks: impl Picks) -> Tensor {
        let mut x = self.clone();
        for step in plan(picks, self.shape()) {
            x = match step {
                Step::Slice(axis, Span { start, end, step }) => x.slice(axis, start, end, step),
                Step::Select(axis, index) => x.select(axis, index),
                Step::Unsqueeze(axis) => x.unsqueeze(axis),
                Step::Index(tensors) => x.index(&tensors.iter().map(Option::as_ref).collect::<Vec<_>>()),
            };
        }
        x
    }

    /// The elements at the places that the tensors name, one per axis from the first on (`None`: all of it); `i64`
    /// tensors broadcast together, `bool` ones count as the list of places where they are true. The tensors' axes come
    /// where the first one stood if all are neighbours, else first. PyTorch: `x[a, :, b]`.
    ///
    /// # Panics
    /// If there are more tensors than axes, indices are out of range or do not broadcast, or a mask's shape does not fit.
    #[track_caller]
    pub fn index(&self, indices: &[Option<&Tensor>]) -> Tensor {
        let plan = row_plan("index", self.shape(), indices);
        let rows = self.permute(plan.order).reshape(plan.rows).index_select(0, &plan.index);
        rows.reshape(plan.taken).permute(plan.back)
    }

    /// A copy with `values`, broadcast, written (or added, if `accumulate`) at the places that
    /// [`index`](Tensor::index) would read; of several writes to one place the last stays. PyTorch: `torch.index_put`.
    ///
    /// # Panics
    /// As `index`, or if `values` has another dtype or does not broadcast to what `index` would read.
    #[track_caller]
    pub fn index_put(&self, indices: &[Option<&Tensor>], values: &Tensor, accumulate: bool) -> Tensor {
        self.expect_same_dtype("index_put", values);
        let plan = row_plan("index_put", self.shape(), indices);
        let read: Dims = plan.back.iter().map(|&axis| plan.taken[axis as usize]).collect();
        if shape::broadcast(values.shape(), &read).as_deref() != Ok(&read[..]) {
            crate::fault!("index_put", [values: values.shape(), places: &read[..]], "the values do not broadcast to the places");
        }
        let mut source_rows = plan.rows.clone();
        source_rows[0] = plan.index.len();
        let source = values.expand(&read).permute(inverse(&plan.back)).reshape(source_rows);
        let moved = self.permute(&plan.order);
        let rows = moved.reshape(&plan.rows);
        let rows =
            if accumulate { rows.index_add(0, &plan.index, &source) } else { rows.index_copy(0, &plan.index, &source) };
        rows.reshape(moved.shape()).permute(inverse(&plan.order))
    }
}

/// The order that undoes an order of axes.
fn inverse(order: &[isize]) -> SmallVec<[isize; 6]> {
    let mut result = SmallVec::from_elem(0, order.len());
    for (to, &from) in order.iter().enumerate() {
        result[from as usize] = to as isize;
    }
    result
}
