//! Choosing, filling and collecting by a mask.

use super::elementwise::{zip, zip3};
use crate::{DType, Element, Layout, Tensor, dispatch, shape};

impl Tensor {
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
        dispatch!(all "where", a.dtype(), T =>
            zip3("where", [a, b, self], |x: T, y: T, chosen: bool| if chosen { x } else { y }))
    }

    /// A copy with `value` where the mask is true; the mask broadcasts to this tensor. PyTorch: `Tensor.masked_fill`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1i64, 2], [3, 4]]);
    /// assert_eq!(x.masked_fill(&Tensor::from([true, false]), 0.0).to_vec::<i64>(), [0, 2, 0, 4]);
    /// ```
    ///
    /// # Panics
    /// If the mask is not `bool` or does not broadcast to this tensor.
    #[track_caller]
    pub fn masked_fill(&self, mask: &Tensor, value: f64) -> Tensor {
        mask.expect_dtype("masked_fill", "mask", DType::Bool);
        // As in PyTorch the result has the broadcast shape, even where that is the mask's.
        dispatch!(all "masked_fill", self.dtype(), T => {
            let value = T::from_f64(value);
            zip("masked_fill", self, mask, |x: T, chosen: bool| if chosen { value } else { x })
        })
    }

    /// The elements where the mask is true, in logical order, as one axis; both broadcast.
    /// PyTorch: `torch.masked_select`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1i64, 2], [3, 4]]);
    /// assert_eq!(x.masked_select(&x.gt_scalar(1.0)).to_vec::<i64>(), [2, 3, 4]);
    /// ```
    ///
    /// # Panics
    /// If the mask is not `bool` or the shapes do not broadcast.
    #[track_caller]
    pub fn masked_select(&self, mask: &Tensor) -> Tensor {
        mask.expect_dtype("masked_select", "mask", DType::Bool);
        let target = shape::broadcast_for("masked_select", self.shape(), mask.shape());
        let (x, mask) = (self.expand(&target), mask.expand(&target));
        let flags = mask.view_as::<bool>();
        let count = flags.iter().filter(|&chosen| chosen).count();
        dispatch!(all "masked_select", self.dtype(), T => Tensor::build::<T>(Layout::contiguous(&[count]), |out| {
            let chosen = x.view_as::<T>().iter().zip(flags.iter()).filter(|&(_, chosen)| chosen);
            for (y, (x, _)) in out.iter_mut().zip(chosen) {
                *y = x;
            }
        }))
    }

    /// A copy whose elements where the mask is true are replaced, in logical order, by those of `source`; the mask
    /// broadcasts to this tensor. On zeros it is the adjoint of [`masked_select`](Tensor::masked_select).
    /// PyTorch: `Tensor.masked_scatter`.
    ///
    /// # Panics
    /// If the mask is not `bool` or does not broadcast to this tensor, or `source` has another dtype or too few elements.
    #[track_caller]
    pub fn masked_scatter(&self, mask: &Tensor, source: &Tensor) -> Tensor {
        mask.expect_dtype("masked_scatter", "mask", DType::Bool);
        self.expect_same_dtype("masked_scatter", source);
        if shape::broadcast(mask.shape(), self.shape()).as_deref() != Ok(self.shape()) {
            crate::fault!("masked_scatter", [input: self.shape(), mask: mask.shape()],
                "the mask does not broadcast to the input");
        }
        let mask = mask.expand(self.shape());
        let flags = mask.view_as::<bool>();
        let count = flags.iter().filter(|&chosen| chosen).count();
        if count > source.len() {
            crate::fault!("masked_scatter", [input: self.shape(), source: source.shape()],
                "the mask chooses {count} elements, the source has {}", source.len());
        }
        dispatch!(all "masked_scatter", self.dtype(), T => {
            let (old, mut new) = (self.view_as::<T>(), source.view_as::<T>().iter());
            Tensor::build::<T>(Layout::contiguous(self.shape()), |out| {
                for ((y, x), chosen) in out.iter_mut().zip(old.iter()).zip(flags.iter()) {
                    *y = if chosen { new.next().unwrap_or_default() } else { x };
                }
            })
        })
    }

    /// The indices of the elements that are not 0, `[count, rank]`, `i64`, in logical order. PyTorch: `torch.nonzero`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([[0.0, 1.0], [2.0, 0.0]]).nonzero().to_vec::<i64>(), [0, 1, 1, 0]);
    /// ```
    pub fn nonzero(&self) -> Tensor {
        let rank = self.rank();
        let mask = self.ne_scalar(0.0);
        let positions: Vec<usize> =
            mask.view_as::<bool>().iter().enumerate().filter(|&(_, chosen)| chosen).map(|(i, _)| i).collect();
        Tensor::build::<i64>(Layout::contiguous(&[positions.len(), rank]), |out| {
            if rank == 0 {
                return;
            }
            for (index, &position) in out.chunks_exact_mut(rank).zip(&positions) {
                let mut rest = position;
                for (i, &size) in index.iter_mut().zip(self.shape()).rev() {
                    *i = (rest % size) as i64;
                    rest /= size;
                }
            }
        })
    }
}
