//! Layers that move or make positions: up-sampling, pixel and channel shuffles, windows as columns.

use autograd::Variable;

use super::text::{float, sizes};

use crate::Module;
use crate::module::{Forward, ModuleState};
use crate::ops::interpolate::{Interpolate, InterpolateMode, interpolate};
use crate::ops::pool::Pool;
use crate::ops::{fold, shuffle};

/// Another size, by [`interpolate`]. PyTorch: `torch.nn.Upsample`.
///
/// ```
/// use gradus_nn::layers::Upsample;
/// use gradus_nn::ops::interpolate::Interpolate;
/// use gradus_nn::prelude::*;
/// use tensor::{DType, Tensor};
/// let x = Variable::new(Tensor::zeros([1, 3, 8, 8], DType::F32));
/// assert_eq!(Upsample::new(Interpolate::scale(2.0)).call(&x).shape(), &[1, 3, 16, 16]);
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = options_text)]
pub struct Upsample {
    #[module(skip)]
    options: Interpolate,
    state: ModuleState,
}

impl Upsample {
    /// To the size and in the mode that `options` say.
    pub fn new(options: Interpolate) -> Upsample {
        Upsample { options, state: ModuleState::default() }
    }

    /// PyTorch's `UpsamplingNearest2d`: the nearest value.
    pub fn nearest(options: Interpolate) -> Upsample {
        Upsample::new(options.mode(InterpolateMode::Nearest))
    }

    /// PyTorch's `UpsamplingBilinear2d`: between the nearest values, corners aligned.
    pub fn bilinear(options: Interpolate) -> Upsample {
        Upsample::new(options.mode(InterpolateMode::Linear).align_corners(true))
    }

    fn options_text(&self) -> String {
        let (size, factors, mode) = self.options.printed();
        let place = match factors {
            [] => format!("size={}", sizes(size)),
            factors => {
                format!("scale_factor={}", sizes(&factors.iter().map(|&factor| float(factor)).collect::<Vec<_>>()))
            }
        };
        format!("{place}, mode='{mode}'")
    }
}

impl Forward for Upsample {
    fn forward(&self, x: &Variable) -> Variable {
        interpolate(x, &self.options)
    }
}

macro_rules! shuffles {
    ($($(#[$doc:meta])* $name:ident $factor:ident $function:path;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Module)]
        #[module(extra_repr = options_text)]
        pub struct $name {
            #[module(skip)]
            $factor: usize,
            state: ModuleState,
        }

        impl $name {
            /// The layer.
            pub fn new($factor: usize) -> $name {
                $name { $factor, state: ModuleState::default() }
            }

            fn options_text(&self) -> String {
                format!("{}={}", stringify!($factor), self.$factor)
            }
        }

        impl Forward for $name {
            fn forward(&self, x: &Variable) -> Variable {
                $function(x, self.$factor)
            }
        }
    )*};
}

shuffles! {
    /// `[.., c r^2, h, w]` to `[.., c, h r, w r]`. PyTorch: `torch.nn.PixelShuffle`.
    ///
    /// ```
    /// use gradus_nn::prelude::*;
    /// use tensor::{DType, Tensor};
    /// let x = Variable::new(Tensor::zeros([1, 8, 3, 3], DType::F32));
    /// let y = PixelShuffle::new(2).call(&x);
    /// assert_eq!(y.shape(), &[1, 2, 6, 6]);
    /// assert_eq!(PixelUnshuffle::new(2).call(&y).shape(), x.shape());
    /// ```
    PixelShuffle upscale_factor shuffle::pixel_shuffle;
    /// `[.., c, h r, w r]` to `[.., c r^2, h, w]`. PyTorch: `torch.nn.PixelUnshuffle`.
    PixelUnshuffle downscale_factor shuffle::pixel_unshuffle;
    /// The channels of groups taken in turn. PyTorch: `torch.nn.ChannelShuffle`.
    ///
    /// ```
    /// use gradus_nn::prelude::*;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([[[1.0], [2.0], [3.0], [4.0]]]));
    /// assert_eq!(ChannelShuffle::new(2).call(&x).to_vec::<f64>(), [1.0, 3.0, 2.0, 4.0]);
    /// ```
    ChannelShuffle groups shuffle::channel_shuffle;
}

/// Windows as columns; see [`unfold`](crate::ops::fold::unfold). PyTorch: `torch.nn.Unfold`.
///
/// ```
/// use gradus_nn::prelude::*;
/// use gradus_nn::ops::pool::Pool;
/// use tensor::{DType, Tensor};
/// let x = Variable::new(Tensor::zeros([1, 3, 5, 5], DType::F32));
/// assert_eq!(Unfold::new(Pool::new(2).stride(1)).call(&x).shape(), &[1, 12, 16]);
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = options_text)]
pub struct Unfold {
    #[module(skip)]
    pool: Pool<2>,
    state: ModuleState,
}

impl Unfold {
    /// The windows; mind that their stride is the kernel's size unless set, while PyTorch's is 1.
    pub fn new(pool: impl Into<Pool<2>>) -> Unfold {
        Unfold { pool: pool.into(), state: ModuleState::default() }
    }

    fn options_text(&self) -> String {
        window_text(&self.pool)
    }
}

fn window_text(pool: &Pool<2>) -> String {
    let Pool { kernel_size, stride, padding, dilation, .. } = pool;
    let [kernel_size, dilation, padding, stride] = [kernel_size, dilation, padding, stride].map(|values| sizes(values));
    format!("kernel_size={kernel_size}, dilation={dilation}, padding={padding}, stride={stride}")
}

impl Forward for Unfold {
    fn forward(&self, x: &Variable) -> Variable {
        fold::unfold(x, self.pool)
    }
}

/// Columns added up where their windows were; see [`fold`](crate::ops::fold::fold). PyTorch: `torch.nn.Fold`.
///
/// ```
/// use gradus_nn::prelude::*;
/// use gradus_nn::ops::pool::Pool;
/// use tensor::{DType, Tensor};
/// let x = Variable::new(Tensor::ones([1, 1, 3, 3], DType::F32));
/// let windows = Pool::new(2).stride(1);
/// let counts = Fold::new([3, 3], windows).call(&Unfold::new(windows).call(&x));
/// assert_eq!(counts.to_vec::<f32>(), [1.0, 2.0, 1.0, 2.0, 4.0, 2.0, 1.0, 2.0, 1.0]);
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = options_text)]
pub struct Fold {
    #[module(skip)]
    output_size: [usize; 2],
    #[module(skip)]
    pool: Pool<2>,
    state: ModuleState,
}

impl Fold {
    /// The output's sizes and the windows, whose stride is the kernel's size unless set, while PyTorch's is 1.
    pub fn new(output_size: [usize; 2], pool: impl Into<Pool<2>>) -> Fold {
        Fold { output_size, pool: pool.into(), state: ModuleState::default() }
    }

    fn options_text(&self) -> String {
        format!("output_size={}, {}", sizes(&self.output_size), window_text(&self.pool))
    }
}

impl Forward for Fold {
    fn forward(&self, x: &Variable) -> Variable {
        fold::fold(x, self.output_size, self.pool)
    }
}
