//! Padding layers: one definition each for one, two and three dimensions.

use autograd::Variable;

use super::text::{float, tuple};

use crate::Module;
use crate::module::{Forward, ModuleState};
use crate::ops::pad::{PadMode, Rim, pad};

macro_rules! pads {
    ($(
        $(#[$doc:meta])*
        $name:ident [$one:ident $two:ident $three:ident] $mode:expr;
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Module)]
        #[module(name = Self::NAME, extra_repr = options_text)]
        pub struct $name<const N: usize> {
            #[module(skip)]
            padding: [[isize; 2]; N],
            state: ModuleState,
        }

        impl<const N: usize> $name<N> {
            const NAME: &'static str = [stringify!($one), stringify!($two), stringify!($three)][N - 1];

            /// `1` for one position everywhere, or a pair (before, after) per axis, the last axis first. Negative
            /// numbers crop.
            pub fn new(padding: impl Into<Rim<N>>) -> $name<N> {
                $name { padding: padding.into().0, state: ModuleState::default() }
            }

            fn options_text(&self) -> String {
                text(&self.padding)
            }
        }

        impl<const N: usize> Forward for $name<N> {
            fn forward(&self, x: &Variable) -> Variable {
                padded(x, &self.padding, $mode)
            }
        }

        #[doc = concat!("[`", stringify!($name), "`] over one spatial axis. PyTorch: `torch.nn.", stringify!($one), "`.")]
        pub type $one = $name<1>;
        #[doc = concat!("[`", stringify!($name), "`] over two spatial axes. PyTorch: `torch.nn.", stringify!($two), "`.")]
        pub type $two = $name<2>;
        #[doc = concat!("[`", stringify!($name), "`] over three spatial axes. PyTorch: `torch.nn.", stringify!($three), "`.")]
        pub type $three = $name<3>;
    )*};
}

fn text(padding: &[[isize; 2]]) -> String {
    tuple(padding.as_flattened())
}

#[track_caller]
fn padded(x: &Variable, padding: &[[isize; 2]], mode: PadMode) -> Variable {
    let n = padding.len();
    // Zeros go around inputs of any rank, as in PyTorch; the other modes need to know where the spatial axes are.
    let any_rank = matches!(mode, PadMode::Zeros | PadMode::Constant(_));
    if !any_rank && x.rank() != n + 1 && x.rank() != n + 2 {
        tensor::fault!("pad", [input: x.shape()], "expected {} or {} axes, got {}", n + 1, n + 2, x.rank());
    }
    pad(x, padding, mode)
}

pads! {
    /// Zeros around the spatial axes. PyTorch: `torch.nn.ZeroPad1d`, `ZeroPad2d`, `ZeroPad3d`.
    ///
    /// ```
    /// use gradus_nn::layers::ZeroPad2d;
    /// use gradus_nn::prelude::*;
    /// use tensor::{DType, Tensor};
    /// let x = Variable::new(Tensor::ones([1, 1, 3, 3], DType::F32));
    /// assert_eq!(ZeroPad2d::new(1).call(&x).shape(), &[1, 1, 5, 5]);
    /// assert_eq!(ZeroPad2d::new([[1, 0], [0, 2]]).call(&x).shape(), &[1, 1, 5, 4]);
    /// ```
    ZeroPad [ZeroPad1d ZeroPad2d ZeroPad3d] PadMode::Zeros;
    /// The image mirrored at its edges. PyTorch: `torch.nn.ReflectionPad1d`, `ReflectionPad2d`, `ReflectionPad3d`.
    ///
    /// ```
    /// use gradus_nn::layers::ReflectionPad1d;
    /// use gradus_nn::prelude::*;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([[[1.0, 2.0, 3.0]]]));
    /// assert_eq!(ReflectionPad1d::new(2).call(&x).to_vec::<f64>(), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0, 1.0]);
    /// ```
    ReflectionPad [ReflectionPad1d ReflectionPad2d ReflectionPad3d] PadMode::Reflect;
    /// The edges repeated. PyTorch: `torch.nn.ReplicationPad1d`, `ReplicationPad2d`, `ReplicationPad3d`.
    ///
    /// ```
    /// use gradus_nn::layers::ReplicationPad1d;
    /// use gradus_nn::prelude::*;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([[[1.0, 2.0, 3.0]]]));
    /// assert_eq!(ReplicationPad1d::new(2).call(&x).to_vec::<f64>(), [1.0, 1.0, 1.0, 2.0, 3.0, 3.0, 3.0]);
    /// ```
    ReplicationPad [ReplicationPad1d ReplicationPad2d ReplicationPad3d] PadMode::Replicate;
    /// The other end of the image. PyTorch: `torch.nn.CircularPad1d`, `CircularPad2d`, `CircularPad3d`.
    ///
    /// ```
    /// use gradus_nn::layers::CircularPad1d;
    /// use gradus_nn::prelude::*;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([[[1.0, 2.0, 3.0]]]));
    /// assert_eq!(CircularPad1d::new(2).call(&x).to_vec::<f64>(), [2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 2.0]);
    /// ```
    CircularPad [CircularPad1d CircularPad2d CircularPad3d] PadMode::Circular;
}

/// A constant around the spatial axes. PyTorch: `torch.nn.ConstantPad1d`, `ConstantPad2d`, `ConstantPad3d`.
///
/// ```
/// use gradus_nn::layers::ConstantPad1d;
/// use gradus_nn::prelude::*;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([[[1.0, 2.0]]]));
/// assert_eq!(ConstantPad1d::new([[1, 2]], 9.0).call(&x).to_vec::<f64>(), [9.0, 1.0, 2.0, 9.0, 9.0]);
/// ```
#[derive(Debug, Module)]
#[module(name = Self::NAME, extra_repr = options_text)]
pub struct ConstantPad<const N: usize> {
    #[module(skip)]
    padding: [[isize; 2]; N],
    #[module(skip)]
    value: f64,
    state: ModuleState,
}

/// [`ConstantPad`] over one spatial axis. PyTorch: `torch.nn.ConstantPad1d`.
pub type ConstantPad1d = ConstantPad<1>;
/// [`ConstantPad`] over two spatial axes. PyTorch: `torch.nn.ConstantPad2d`.
pub type ConstantPad2d = ConstantPad<2>;
/// [`ConstantPad`] over three spatial axes. PyTorch: `torch.nn.ConstantPad3d`.
pub type ConstantPad3d = ConstantPad<3>;

impl<const N: usize> ConstantPad<N> {
    const NAME: &'static str = ["ConstantPad1d", "ConstantPad2d", "ConstantPad3d"][N - 1];

    /// `1` for one position everywhere, or a pair (before, after) per axis, the last axis first.
    pub fn new(padding: impl Into<Rim<N>>, value: f64) -> ConstantPad<N> {
        ConstantPad { padding: padding.into().0, value, state: ModuleState::default() }
    }

    fn options_text(&self) -> String {
        format!("padding={}, value={}", text(&self.padding), float(self.value))
    }
}

impl<const N: usize> Forward for ConstantPad<N> {
    fn forward(&self, x: &Variable) -> Variable {
        padded(x, &self.padding, PadMode::Constant(self.value))
    }
}
