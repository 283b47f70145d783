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
