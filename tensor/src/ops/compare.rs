//! Comparisons, logic on masks, and choosing by a mask.

use super::elementwise::{CHUNK, common_layout, zip};
use crate::layout::Nest;
use crate::{DType, Element, Tensor, dispatch, parallel, shape};

macro_rules! comparison {
    ($($(#[$doc:meta])* $name:ident |$x:ident, $y:ident| $body:expr;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            ///
            /// # Panics
            /// If the shapes do not broadcast or the dtypes differ.
            #[track_caller]
            pub fn $name(&self, other: &Tensor) -> Tensor {
                self.expect_same_dtype(stringify!($name), other);
                dispatch!(all stringify!($name), self.dtype(), T =>
                    zip(stringify!($name), self, other, |$x: T, $y: T| $body))
            }
        )*}
    };
}

comparison! {
    /// Where `self == other`, broadcast. PyTorch: `torch.eq`.
    eq |x, y| x == y;
    /// Where `self != other`, broadcast. PyTorch: `torch.ne`.
    ne |x, y| x != y;
    /// Where `self < other`, broadcast. PyTorch: `torch.lt`.
    lt |x, y| x < y;
    /// Where `self <= other`, broadcast. PyTorch: `torch.le`.
    le |x, y| x <= y;
    /// Where `self > other`, broadcast. PyTorch: `torch.gt`.
    gt |x, y| x > y;
    /// Where `self >= other`, broadcast. PyTorch: `torch.ge`.
    ge |x, y| x >= y;
    /// Where both are true (not 0), broadcast. PyTorch: `torch.logical_and`.
    logical_and |x, y| x != T::ZERO && y != T::ZERO;
    /// Where either is true (not 0), broadcast. PyTorch: `torch.logical_or`.
    logical_or |x, y| x != T::ZERO || y != T::ZERO;
}

impl Tensor {
    /// Where `self > value`.
    #[track_caller]
    pub fn gt_scalar(&self, value: f64) -> Tensor {
        dispatch!(all "gt", self.dtype(), T => self.map(|x: T| x.to_f64() > value))
    }

    /// Where `self == value`.
    #[track_caller]
    pub fn eq_scalar(&self, value: f64) -> Tensor {
        dispatch!(all "eq", self.dtype(), T => self.map(|x: T| x.to_f64() == value))
    }

    /// Where the mask is false (or 0).
    pub fn logical_not(&self) -> Tensor {
        dispatch!(all "logical_not", self.dtype(), T => self.map(|x: T| x == T::ZERO))
    }

    /// `a` where this mask is true, `b` elsewhere, all three broadcast. PyTorch: `torch.where`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let (a, b) = (Tensor::from([1.0, 2.0]), Tensor::from([9.0, 8.0]));
    /// assert_eq!(Tensor::from([true, false]).where_(&a, &b).to_vec::<f64>(), [1.0, 8.0]);
    /// ```
    ///
    /// # Panics
    /// If this tensor is not `bool`, the shapes do not broadcast or the dtypes differ.
    #[track_caller]
    pub fn where_(&self, a: &Tensor, b: &Tensor) -> Tensor {
        self.expect_dtype("where", "condition", DType::Bool);
        a.expect_same_dtype("where", b);
        let pair = shape::broadcast_for("where", a.shape(), b.shape());
        let target = shape::broadcast_for("where", self.shape(), &pair);
        let layouts = [self, a, b].map(|operand| operand.layout().expand(&target));
        let layout = common_layout(&layouts[1], &layouts[2]);
        let nest = Nest::new(&layout, [&layouts[0], &layouts[1], &layouts[2]]);
        let steps = nest.inner();
        let mask = self.view_as::<bool>().data();
        dispatch!(all "where", a.dtype(), T => {
            let (xs, ys) = (a.view_as::<T>().data(), b.view_as::<T>().data());
            Tensor::build::<T>(layout, |out| {
                parallel::for_each_chunk(out, CHUNK, |start, chunk| {
                    nest.runs(start..start + chunk.len(), |first, length, [pm, px, py]| {
                        let out = &mut chunk[first - start..first - start + length];
                        for (i, z) in out.iter_mut().enumerate() {
                            let at = |position: isize, k: usize| (position + i as isize * steps[k]) as usize;
                            *z = if mask[at(pm, 0)] { xs[at(px, 1)] } else { ys[at(py, 2)] };
                        }
                    });
                });
            })
        })
    }
}
