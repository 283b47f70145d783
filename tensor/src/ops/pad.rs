//! Padding, and its adjoints.
//!
//! Constant padding is a copy into a larger tensor, whose adjoint cuts the margin off. The other modes repeat elements
//! of the input, so along each axis they are an [`index_select`](Tensor::index_select), whose adjoint is
//! [`index_add`](Tensor::index_add).

use smallvec::SmallVec;

use crate::shape::Dims;
use crate::{Element, Layout, Tensor, dispatch, parallel};

/// What stands in the margin that [`Tensor::pad`] adds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PadMode {
    /// A number.
    Constant(f64),
    /// The input mirrored at its first and last element, which are not repeated: `3 2 | 1 2 3 | 2 1`.
    Reflect,
    /// The first and last element: `1 1 | 1 2 3 | 3 3`.
    Replicate,
    /// The input again and again: `2 3 | 1 2 3 | 1 2`.
    Circular,
}

/// For each place of the padded axis, the place in the input whose element stands there.
#[track_caller]
fn sources(mode: PadMode, size: usize, (before, after): (isize, isize), shape: &[usize]) -> Vec<i64> {
    let n = size as isize;
    let limit = match mode {
        PadMode::Reflect => n - 1,
        PadMode::Circular => n,
        _ => isize::MAX,
    };
    if before > limit || after > limit || n == 0 {
        crate::fault!("pad", [input: shape], "margins {before} and {after} exceed what an axis of size {n} can give");
    }
    let source = |i: isize| match mode {
        PadMode::Reflect if i < 0 => -i,
        PadMode::Reflect if i >= n => 2 * (n - 1) - i,
        PadMode::Circular => i.rem_euclid(n),
        _ => i.clamp(0, n - 1),
    };
    (-before..n + after).map(|i| source(i) as i64).collect()
}

/// The number of axes before the padded ones, of a tensor of `shape`.
#[track_caller]
fn check_padding(padding: &[(isize, isize)], shape: &[usize]) -> usize {
    if padding.len() > shape.len() {
        crate::fault!("pad", [input: shape], "{} pairs for {} axes", padding.len(), shape.len());
    }
    let lead = shape.len() - padding.len();
    for (&(before, after), &size) in padding.iter().zip(&shape[lead..]) {
        let size = size as isize;
        if size + before.min(0) + after.min(0) < 0 || size + before + after < 0 {
            crate::fault!("pad", [input: shape], "margins {before} and {after} cut more off than {size}");
        }
    }
    lead
}

impl Tensor {
    /// A margin around the tensor: `(before, after)` elements per axis, for the last axes if fewer pairs are given.
    /// Negative numbers cut off. PyTorch: `torch.nn.functional.pad`.
    ///
    /// ```
    /// # use gradus_tensor::{PadMode, Tensor};
    /// let x = Tensor::from([1i64, 2, 3]);
    /// assert_eq!(x.pad(&[(2, 1)], PadMode::Reflect).to_vec::<i64>(), [3, 2, 1, 2, 3, 2]);
    /// assert_eq!(x.pad(&[(-1, 1)], PadMode::Constant(9.0)).to_vec::<i64>(), [2, 3, 9]);
    /// ```
    ///
    /// Deviation: pairs stand in the order of the axes, where PyTorch's flat list starts from the last axis.
    ///
    /// # Panics
    /// If there are more pairs than axes, more is cut off than there is, or a margin exceeds what the axis can give: its
    /// size less 1 for `Reflect`, its size for `Circular`, anything of an empty axis.
    #[track_caller]
    pub fn pad(&self, padding: &[(isize, isize)], mode: PadMode) -> Tensor {
        let lead = check_padding(padding, self.shape());
        if let PadMode::Constant(value) = mode {
            return self.pad_value(lead, padding, value);
        }
        let mut result = self.clone();
        for (i, &margin) in padding.iter().enumerate() {
            if margin != (0, 0) {
                let index = sources(mode, self.shape()[lead + i], margin, self.shape());
                let count = index.len();
                result = result.index_select((lead + i) as isize, &Tensor::from_vec(index, [count]));
            }
        }
        result
    }

    /// The adjoint of [`pad`](Tensor::pad) on an input of `shape`: cuts the margin off, and adds it to the elements that
    /// it repeats.
    ///
    /// # Panics
    /// If padding an input of `shape` would not give this tensor's shape, or the dtype is `bool`.
    #[track_caller]
    pub fn pad_adjoint(&self, padding: &[(isize, isize)], mode: PadMode, shape: &[usize]) -> Tensor {
        let lead = check_padding(padding, shape);
        let fits = |axis: usize| {
            let (before, after) = if axis < lead { (0, 0) } else { padding[axis - lead] };
            shape[axis] as isize + before + after == self.shape()[axis] as isize
        };
        if shape.len() != self.rank() || !(0..self.rank()).all(fits) {
            crate::fault!("pad_adjoint", [input: self.shape(), original: shape], "the padding {padding:?} does not fit");
        }
        if let PadMode::Constant(_) = mode {
            let back: SmallVec<[(isize, isize); 4]> =
                padding.iter().map(|&(before, after)| (-before, -after)).collect();
            return self.pad_value(lead, &back, 0.0);
        }
        let mut result = self.clone();
        for (i, &margin) in padding.iter().enumerate() {
            let axis = lead + i;
            if margin != (0, 0) {
                let index = sources(mode, shape[axis], margin, shape);
                let count = index.len();
                let mut sizes = Dims::from_slice(result.shape());
                sizes[axis] = shape[axis];
                let zeros = Tensor::zeros(&sizes, self.dtype());
                result = zeros.index_add(axis as isize, &Tensor::from_vec(index, [count]), &result);
            }
        }
        result
    }

    /// A margin of `value`: `(before, after)` per axis, for the last axes if fewer are given.
    ///
    /// # Panics
    /// If there are more pairs than axes.
    #[track_caller]
    pub fn pad_constant(&self, padding: &[(usize, usize)], value: f64) -> Tensor {
        let padding: SmallVec<[(isize, isize); 4]> =
            padding.iter().map(|&(before, after)| (before as isize, after as isize)).collect();
        self.pad(&padding, PadMode::Constant(value))
    }

    fn pad_value(&self, lead: usize, padding: &[(isize, isize)], value: f64) -> Tensor {
        // What is cut off goes first, as a view.
        let mut inner = self.clone();
        let mut full = Dims::from_slice(self.shape());
        let mut starts = Dims::from_elem(0, self.rank());
        for (i, &(before, after)) in padding.iter().enumerate() {
            let axis = lead + i;
            let (cut, end) = (-before.min(0), self.shape()[axis] as isize + after.min(0));
            inner = inner.narrow(axis as isize, cut as usize, (end - cut) as usize);
            starts[axis] = before.max(0) as usize;
            full[axis] = (end - cut + before.max(0) + after.max(0)) as usize;
        }
        if full.as_slice() == inner.shape() {
            return inner;
        }
        let layout = if inner.is_contiguous() || inner.layout().is_expanded() {
            Layout::contiguous(&full)
        } else {
            Layout::ordered(&full, &inner.layout().order())
        };
        let offset = starts.iter().zip(&layout.strides).map(|(&start, &stride)| start * stride as usize).sum();
        let window = Layout { shape: inner.layout().shape.clone(), strides: layout.strides.clone(), offset };
        let mut result = if value == 0.0 {
            Tensor::zeros_in(layout, self.dtype())
        } else {
            dispatch!(all "pad", self.dtype(), T => Tensor::build::<T>(layout, |out| {
                let value = T::from_f64(value);
                parallel::for_each_chunk(out, 64 * 1024, |_, out| out.fill(value));
            }))
        };
        result.write_window(&window, &inner);
        result
    }
}
