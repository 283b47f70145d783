//! The largest and the smallest along axes. Over several axes at once equals share the gradient evenly; along one axis,
//! where the index is given too, the first of equals takes all of it. Both as in PyTorch.

use tensor::Tensor;

use super::arithmetic::mul;
use super::gather::gather;
use super::reduce::{Axes, axes_of, restore};
use crate::{Context, Keeps, Op, Variable};

macro_rules! extreme {
    ($($(#[$doc:meta])* $op:ident $name:ident $along:ident $(#[$along_doc:meta])*;)*) => {$(
        #[doc = concat!("See [`", stringify!($name), "`].")]
        #[derive(Clone, Debug)]
        pub struct $op {
            /// The axes.
            pub axes: Axes,
            /// Whether reduced axes stay with size 1.
            pub keepdim: bool,
        }

        impl Op<1> for $op {
            const NAME: &'static str = stringify!($name);
            const KEEPS: Keeps = Keeps::ALL;
            type Saved = ();

            fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
                (x.$name(&self.axes, self.keepdim), ())
            }

            fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
                let (x, shape) = (cx.input(0).data(), cx.shape(0));
                let y = restore(&cx.output().detach(), &self.axes, shape).data();
                let winners = x.eq(&y).to_dtype(x.dtype());
                let shares = winners.div(&winners.sum(&self.axes, true));
                [Some(mul(&restore(g, &self.axes, shape), &Variable::new(shares)))]
            }
        }

        $(#[$doc])*
        ///
        /// # Panics
        /// If a reduced stretch is empty, or an axis is out of range or named twice.
        #[track_caller]
        pub fn $name(x: &Variable, axes: &[isize], keepdim: bool) -> Variable {
            let axes = axes_of(stringify!($name), axes, x);
            if let Some(axis) = axes.iter().find(|&&axis| x.shape()[axis as usize] == 0) {
                tensor::fault!(stringify!($name), [input: x.shape()], "axis {axis} is empty");
            }
            $op { axes, keepdim }.apply([x])
        }

        $(#[$along_doc])*
        ///
        /// # Panics
        /// If there is no such axis or it is empty.
        #[track_caller]
        pub fn $along(x: &Variable, axis: isize, keepdim: bool) -> (Variable, Tensor) {
            let (_, index) = x.data().$along(axis, true);
            let values = gather(x, axis, &index);
            if keepdim { (values, index) } else { (values.squeeze(axis), index.squeeze(axis)) }
        }

        impl Variable {
            $(#[$doc])*
            ///
            /// # Panics
            /// If a reduced stretch is empty, or an axis is out of range or named twice.
            #[track_caller]
            pub fn $name(&self, axes: &[isize], keepdim: bool) -> Variable {
                $name(self, axes, keepdim)
            }

            $(#[$along_doc])*
            ///
            /// # Panics
            /// If there is no such axis or it is empty.
            #[track_caller]
            pub fn $along(&self, axis: isize, keepdim: bool) -> (Variable, Tensor) {
                $along(self, axis, keepdim)
            }
        }

        #[cfg(any(test, feature = "check"))]
        impl crate::check::Check<1> for $op {
            fn samples() -> proptest::strategy::BoxedStrategy<crate::check::Sample<Self, 1>> {
                crate::check::strategy::reduction(
                    |axes, keepdim| $op { axes, keepdim },
                    |shape: &[usize]| {
                        let shape: Vec<usize> = shape.iter().map(|&size| size.max(1)).collect();
                        crate::check::strategy::distinct(&shape)
                    },
                )
            }
        }
    )*};
}

extreme! {
    /// The largest value over `axes` (all if empty), NaN where there is one; equals share the gradient evenly.
    /// PyTorch: `torch.amax`, and `torch.max` of a whole tensor.
    Amax amax max
    /// The largest value along `axis` and its index, the first of equals, which takes the gradient.
    /// PyTorch: `torch.max` along a dimension.
    ;
    /// The smallest value over `axes` (all if empty), NaN where there is one; equals share the gradient evenly.
    /// PyTorch: `torch.amin`, and `torch.min` of a whole tensor.
    Amin amin min
    /// The smallest value along `axis` and its index, the first of equals, which takes the gradient.
    /// PyTorch: `torch.min` along a dimension.
    ;
}
