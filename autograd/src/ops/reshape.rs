//! The same elements under another shape.

use smallvec::SmallVec;
use tensor::{Dims, Tensor};

use crate::{Context, Keeps, Op, Variable};

/// See [`reshape`].
#[derive(Clone, Debug)]
pub struct Reshape {
    /// The target.
    pub shape: Dims,
}

impl Op<1> for Reshape {
    const NAME: &'static str = "reshape";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.reshape(&self.shape), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(reshape(g, cx.shape(0)))]
    }
}

/// The same elements in logical order under another shape. PyTorch: `torch.reshape`.
///
/// # Panics
/// If the numbers of elements differ.
#[track_caller]
pub fn reshape(x: &Variable, shape: &[usize]) -> Variable {
    if x.shape() == shape {
        return x.clone();
    }
    if tensor::shape::len(shape) != x.len() {
        tensor::fault!("reshape", [input: x.shape()], "{} elements do not fill {shape:?}", x.len());
    }
    Reshape { shape: Dims::from_slice(shape) }.apply([x])
}

/// See [`permute`].
#[derive(Clone, Debug)]
pub struct Permute {
    /// Which axis of the input each axis of the output is.
    pub order: SmallVec<[isize; 6]>,
}

impl Op<1> for Permute {
    const NAME: &'static str = "permute";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.permute(&self.order), ())
    }

    fn vjp(&self, g: &Variable, _: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let mut inverse: SmallVec<[isize; 6]> = SmallVec::from_elem(0, self.order.len());
        for (to, &from) in self.order.iter().enumerate() {
            inverse[from as usize] = to as isize;
        }
        [Some(permute(g, &inverse))]
    }
}

/// The axes in another order. PyTorch: `torch.permute`.
///
/// # Panics
/// If `order` does not name each axis exactly once.
#[track_caller]
pub fn permute(x: &Variable, order: &[isize]) -> Variable {
    if order.len() != x.rank() {
        tensor::fault!("permute", [input: x.shape()], "{} axes named for {}", order.len(), x.rank());
    }
    let mut order: SmallVec<[isize; 6]> = order.into();
    // A loop: in a closure the caller's line would be lost.
    for axis in &mut order {
        *axis = tensor::shape::axis("permute", *axis, x.shape()) as isize;
    }
    if let Some(&twice) = order.iter().enumerate().find(|(i, axis)| order[..*i].contains(axis)).map(|(_, axis)| axis) {
        tensor::fault!("permute", [input: x.shape()], "axis {twice} is named twice in {:?}", order.as_slice());
    }
    Permute { order }.apply([x])
}

/// Two axes swapped. PyTorch: `torch.transpose`.
///
/// # Panics
/// If there is no such axis.
#[track_caller]
pub fn transpose(x: &Variable, a: isize, b: isize) -> Variable {
    let (a, b) = (tensor::shape::axis("transpose", a, x.shape()), tensor::shape::axis("transpose", b, x.shape()));
    let mut order: SmallVec<[isize; 6]> = (0..x.rank() as isize).collect();
    if !order.is_empty() {
        order.swap(a, b);
    }
    permute(x, &order)
}

impl Variable {
    /// The same elements in logical order under another shape. PyTorch: `torch.reshape`.
    ///
    /// # Panics
    /// If the numbers of elements differ.
    #[track_caller]
    pub fn reshape(&self, shape: impl AsRef<[usize]>) -> Variable {
        reshape(self, shape.as_ref())
    }

    /// The axes in another order. PyTorch: `torch.permute`.
    ///
    /// # Panics
    /// If `order` does not name each axis exactly once.
    #[track_caller]
    pub fn permute(&self, order: impl AsRef<[isize]>) -> Variable {
        permute(self, order.as_ref())
    }

    /// Two axes swapped. PyTorch: `torch.transpose`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn transpose(&self, a: isize, b: isize) -> Variable {
        transpose(self, a, b)
    }

    /// Axes `start` to the last as one: `x.flatten(1)` keeps the batch. PyTorch: `torch.flatten`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn flatten(&self, start: isize) -> Variable {
        let first = tensor::shape::axis("flatten", start, self.shape());
        let mut shape = Dims::from_slice(&self.shape()[..first.min(self.rank())]);
        shape.push(self.shape()[first.min(self.rank())..].iter().product());
        reshape(self, &shape)
    }

    /// A new axis of size 1 at `axis`. PyTorch: `torch.unsqueeze`.
    ///
    /// # Panics
    /// If `axis` is out of range.
    #[track_caller]
    pub fn unsqueeze(&self, axis: isize) -> Variable {
        let rank = self.rank() as isize;
        if axis < -rank - 1 || axis > rank {
            tensor::fault!("unsqueeze", [input: self.shape()], "axis {axis} is out of range for {rank} axes");
        }
        let mut shape = Dims::from_slice(self.shape());
        shape.insert((if axis < 0 { axis + rank + 1 } else { axis }) as usize, 1);
        reshape(self, &shape)
    }

    /// Without `axis`, if its size is 1; else unchanged. PyTorch: `torch.squeeze`.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn squeeze(&self, axis: isize) -> Variable {
        let at = tensor::shape::axis("squeeze", axis, self.shape());
        let mut shape = Dims::from_slice(self.shape());
        if shape.get(at) == Some(&1) {
            shape.remove(at);
        }
        reshape(self, &shape)
    }
}

impl Variable {
    /// Axes `start..=end` as one. PyTorch: `torch.flatten` with both ends.
    ///
    /// # Panics
    /// If an axis does not exist or `start` lies behind `end`.
    #[track_caller]
    pub fn flatten_axes(&self, start: isize, end: isize) -> Variable {
        let (first, last) =
            (tensor::shape::axis("flatten", start, self.shape()), tensor::shape::axis("flatten", end, self.shape()));
        if first > last {
            tensor::fault!("flatten", [input: self.shape()], "axis {start} lies behind axis {end}");
        }
        let mut shape = Dims::from_slice(&self.shape()[..first.min(self.rank())]);
        shape.push(self.shape().get(first..=last).map_or(1, |sizes| sizes.iter().product()));
        shape.extend_from_slice(self.shape().get(last + 1..).unwrap_or_default());
        reshape(self, &shape)
    }

    /// `axis` as several axes of the given sizes, one of which may be -1: what is left over.
    /// PyTorch: `torch.unflatten`.
    ///
    /// # Panics
    /// If there is no such axis or the sizes do not multiply to its size.
    #[track_caller]
    pub fn unflatten(&self, axis: isize, sizes: impl AsRef<[isize]>) -> Variable {
        let target = self.data().unflatten(axis, sizes);
        reshape(self, target.shape())
    }

    /// Axis `from[i]` moved to position `to[i]`, the others in their order between. PyTorch: `torch.movedim`.
    ///
    /// # Panics
    /// If the lists differ in length, or an axis does not exist or is named twice.
    #[track_caller]
    pub fn movedim(&self, from: &[isize], to: &[isize]) -> Variable {
        // The order is read off a view whose sizes are all different; one of the same sizes gives the messages.
        let marks: Dims = (0..self.rank()).map(|axis| axis + 1).collect();
        let mark = Tensor::zeros([], tensor::DType::Bool);
        mark.expand(self.shape()).movedim(from, to);
        let moved = mark.expand(&marks).movedim(from, to);
        permute(self, &moved.shape().iter().map(|&mark| mark as isize - 1).collect::<Vec<_>>())
    }

    /// Without all axes of size 1. PyTorch: `torch.squeeze` without a dimension.
    pub fn squeeze_all(&self) -> Variable {
        reshape(self, &self.shape().iter().copied().filter(|&size| size != 1).collect::<Dims>())
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use proptest::prelude::{Just, Strategy};
    use proptest::strategy::BoxedStrategy;

    use super::{Dims, Permute, Reshape};
    use crate::check::strategy::{any_shape, one, values};
    use crate::check::{Check, Sample};

    impl Check<1> for Reshape {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            any_shape()
                .prop_flat_map(|shape| {
                    // The same sizes in another order, the first two multiplied.
                    (Just(shape.clone()).prop_shuffle(), Just(shape))
                })
                .prop_flat_map(|(target, shape)| {
                    let mut target = Dims::from_vec(target);
                    if target.len() > 1 {
                        target[1] *= target[0];
                        target[0] = 1;
                    }
                    one(Reshape { shape: target }, values(&shape))
                })
                .boxed()
        }
    }

    impl Check<1> for Permute {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            any_shape()
                .prop_flat_map(|shape| {
                    (Just((0..shape.len() as isize).collect::<Vec<_>>()).prop_shuffle(), Just(shape))
                })
                .prop_flat_map(|(order, shape)| one(Permute { order: order.into() }, values(&shape)))
                .boxed()
        }
    }
}
