//! Pooling layers: one definition each for one, two and three dimensions.

use autograd::Variable;
use tensor::Tensor;

use super::text::{flag, float, sizes, tuple};

use crate::module::{Forward, ModuleState};
use crate::ops::pool::Pool;
use crate::ops::window::Size;
use crate::ops::{avg_pool, max_pool};
use crate::{Buffer, Module};

macro_rules! dimensions {
    ($($generic:ident: $one:ident $two:ident $three:ident;)*) => {$(
        #[doc = concat!("[`", stringify!($generic), "`] over one spatial axis. PyTorch: `torch.nn.", stringify!($one), "`.")]
        pub type $one = $generic<1>;
        #[doc = concat!("[`", stringify!($generic), "`] over two spatial axes. PyTorch: `torch.nn.", stringify!($two), "`.")]
        pub type $two = $generic<2>;
        #[doc = concat!("[`", stringify!($generic), "`] over three spatial axes. PyTorch: `torch.nn.", stringify!($three), "`.")]
        pub type $three = $generic<3>;
    )*};
}

dimensions! {
    MaxPool: MaxPool1d MaxPool2d MaxPool3d;
    AvgPool: AvgPool1d AvgPool2d AvgPool3d;
    LPPool: LPPool1d LPPool2d LPPool3d;
    MaxUnpool: MaxUnpool1d MaxUnpool2d MaxUnpool3d;
    AdaptiveAvgPool: AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d;
    AdaptiveMaxPool: AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d;
}

/// Kernel, stride and padding, each printed by `values`.
fn windows_text<const N: usize>(pool: &Pool<N>, values: fn(&[usize]) -> String) -> String {
    let [kernel_size, stride, padding] = [pool.kernel_size, pool.stride, pool.padding].map(|sizes| values(&sizes));
    format!("kernel_size={kernel_size}, stride={stride}, padding={padding}")
}

/// The maximum of every window; see [`max_pool`](crate::ops::max_pool::max_pool).
///
/// ```
/// use gradus_nn::layers::MaxPool2d;
/// use gradus_nn::ops::pool::Pool;
/// use gradus_nn::prelude::*;
/// use tensor::{DType, Tensor};
/// let x = Variable::new(Tensor::zeros([8, 16, 28, 28], DType::F32));
/// assert_eq!(MaxPool2d::new(2).call(&x).shape(), &[8, 16, 14, 14]);
/// assert_eq!(MaxPool2d::new(Pool::new(3).stride(2).padding(1)).call(&x).shape(), &[8, 16, 14, 14]);
/// ```
#[derive(Debug, Module)]
#[module(name = Self::NAME, extra_repr = options_text)]
pub struct MaxPool<const N: usize> {
    #[module(skip)]
    pool: Pool<N>,
    state: ModuleState,
}

impl<const N: usize> MaxPool<N> {
    const NAME: &'static str = ["MaxPool1d", "MaxPool2d", "MaxPool3d"][N - 1];

    /// Windows of a size side by side, or as a [`Pool`] says.
    pub fn new(pool: impl Into<Pool<N>>) -> MaxPool<N> {
        MaxPool { pool: pool.into(), state: ModuleState::default() }
    }

    /// The maxima and their positions in the flattened spatial axes, for [`MaxUnpool`]. Hooks are not run.
    /// PyTorch: `return_indices=True`.
    ///
    /// # Panics
    /// As the layer itself.
    #[track_caller]
    pub fn with_indices(&self, x: &Variable) -> (Variable, Tensor) {
        max_pool::max_pool_with_indices(x, self.pool)
    }

    fn options_text(&self) -> String {
        let (windows, dilation) = (windows_text(&self.pool, sizes), sizes(&self.pool.dilation));
        format!("{windows}, dilation={dilation}, ceil_mode={}", flag(self.pool.ceil_mode))
    }
}

impl<const N: usize> Forward for MaxPool<N> {
    fn forward(&self, x: &Variable) -> Variable {
        max_pool::max_pool(x, self.pool)
    }
}

/// The mean of every window; see [`avg_pool`](crate::ops::avg_pool::avg_pool).
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([[[1.0, 3.0, 7.0, 5.0]]]));
/// assert_eq!(AvgPool1d::new(2).call(&x).to_vec::<f64>(), [2.0, 6.0]);
/// ```
#[derive(Debug, Module)]
#[module(name = Self::NAME, extra_repr = options_text)]
pub struct AvgPool<const N: usize> {
    #[module(skip)]
    pool: Pool<N>,
    state: ModuleState,
}

impl<const N: usize> AvgPool<N> {
    const NAME: &'static str = ["AvgPool1d", "AvgPool2d", "AvgPool3d"][N - 1];

    /// Windows of a size side by side, or as a [`Pool`] says.
    pub fn new(pool: impl Into<Pool<N>>) -> AvgPool<N> {
        AvgPool { pool: pool.into(), state: ModuleState::default() }
    }

    fn options_text(&self) -> String {
        // PyTorch makes tuples of the sizes of one axis alone.
        windows_text(&self.pool, if N == 1 { tuple } else { sizes })
    }
}

impl<const N: usize> Forward for AvgPool<N> {
    fn forward(&self, x: &Variable) -> Variable {
        avg_pool::avg_pool(x, self.pool)
    }
}

/// `(sum of x^p over the window)^(1 / p)`; see [`lp_pool`](crate::ops::avg_pool::lp_pool).
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([[[3.0, 4.0, 0.0, 2.0]]]));
/// assert_eq!(LPPool1d::new(2.0, 2).call(&x).to_vec::<f64>(), [5.0, 2.0]);
/// ```
#[derive(Debug, Module)]
#[module(name = Self::NAME, extra_repr = options_text)]
pub struct LPPool<const N: usize> {
    #[module(skip)]
    norm_type: f64,
    #[module(skip)]
    pool: Pool<N>,
    state: ModuleState,
}

impl<const N: usize> LPPool<N> {
    const NAME: &'static str = ["LPPool1d", "LPPool2d", "LPPool3d"][N - 1];

    /// The norm, and windows of a size side by side, or as a [`Pool`] says.
    pub fn new(norm_type: f64, pool: impl Into<Pool<N>>) -> LPPool<N> {
        LPPool { norm_type, pool: pool.into(), state: ModuleState::default() }
    }

    fn options_text(&self) -> String {
        let Pool { kernel_size, stride, ceil_mode, .. } = self.pool;
        let stride = if stride == kernel_size { "None".to_owned() } else { sizes(&stride) };
        // A whole number is most likely an integer there.
        let norm = if self.norm_type.fract() == 0.0 { self.norm_type.to_string() } else { float(self.norm_type) };
        format!("norm_type={norm}, kernel_size={}, stride={stride}, ceil_mode={}", sizes(&kernel_size), flag(ceil_mode))
    }
}

impl<const N: usize> Forward for LPPool<N> {
    fn forward(&self, x: &Variable) -> Variable {
        avg_pool::lp_pool(x, self.norm_type, self.pool)
    }
}

/// Puts the values of a [`MaxPool`] back where they came from; see [`max_unpool`](crate::ops::max_pool::max_unpool).
#[derive(Debug, Module)]
#[module(name = Self::NAME, extra_repr = options_text)]
pub struct MaxUnpool<const N: usize> {
    #[module(skip)]
    pool: Pool<N>,
    state: ModuleState,
}

impl<const N: usize> MaxUnpool<N> {
    const NAME: &'static str = ["MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"][N - 1];

    /// For what a pooling with these windows gave.
    pub fn new(pool: impl Into<Pool<N>>) -> MaxUnpool<N> {
        MaxUnpool { pool: pool.into(), state: ModuleState::default() }
    }

    /// Zeros with the values of `x` at `indices`, of the sizes `output_size` if they are given. Takes two inputs, so this
    /// is no [`Forward`].
    ///
    /// ```
    /// use gradus_nn::layers::{MaxPool1d, MaxUnpool1d};
    /// use gradus_nn::prelude::*;
    /// use tensor::Tensor;
    /// let x = Variable::new(Tensor::from([[[1.0, 3.0, 7.0, 5.0]]]));
    /// let (y, indices) = MaxPool1d::new(2).with_indices(&x);
    /// assert_eq!(MaxUnpool1d::new(2).unpool(&y, &indices, None).to_vec::<f64>(), [0.0, 3.0, 7.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If shapes or sizes do not fit.
    #[track_caller]
    pub fn unpool(&self, x: &Variable, indices: &Tensor, output_size: Option<[usize; N]>) -> Variable {
        max_pool::max_unpool(x, indices, self.pool, output_size)
    }

    fn options_text(&self) -> String {
        windows_text(&self.pool, tuple)
    }
}

/// An output size with all axes given.
pub trait OutputSize<const N: usize> {
    /// A size per axis; `None` keeps the input's.
    fn output_size(self) -> [Option<usize>; N];
}

impl<const N: usize> OutputSize<N> for usize {
    fn output_size(self) -> [Option<usize>; N] {
        [Some(self); N]
    }
}

impl<const N: usize> OutputSize<N> for [usize; N] {
    fn output_size(self) -> [Option<usize>; N] {
        self.map(Some)
    }
}

impl<const N: usize> OutputSize<N> for [Option<usize>; N] {
    fn output_size(self) -> [Option<usize>; N] {
        self
    }
}

impl OutputSize<2> for (usize, usize) {
    fn output_size(self) -> [Option<usize>; 2] {
        [Some(self.0), Some(self.1)]
    }
}

fn sizes_text(output: &[Option<usize>]) -> String {
    let names: Vec<String> = output.iter().map(|size| size.map_or("None".into(), |size| size.to_string())).collect();
    format!("output_size={}", sizes(&names))
}

/// Means over windows that divide the input into a given number of parts;
/// see [`adaptive_avg_pool`](crate::ops::avg_pool::adaptive_avg_pool).
///
/// ```
/// use gradus_nn::layers::AdaptiveAvgPool2d;
/// use gradus_nn::prelude::*;
/// use tensor::{DType, Tensor};
/// let x = Variable::new(Tensor::zeros([8, 16, 7, 7], DType::F32));
/// assert_eq!(AdaptiveAvgPool2d::new(1).call(&x).shape(), &[8, 16, 1, 1]);
/// ```
#[derive(Debug, Module)]
#[module(name = Self::NAME, extra_repr = options_text)]
pub struct AdaptiveAvgPool<const N: usize> {
    #[module(skip)]
    output_size: [Option<usize>; N],
    state: ModuleState,
}

impl<const N: usize> AdaptiveAvgPool<N> {
    const NAME: &'static str = ["AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d"][N - 1];

    /// One size for all axes, one per axis, or `None` for axes that keep theirs.
    pub fn new(output_size: impl OutputSize<N>) -> AdaptiveAvgPool<N> {
        AdaptiveAvgPool { output_size: output_size.output_size(), state: ModuleState::default() }
    }

    fn options_text(&self) -> String {
        sizes_text(&self.output_size)
    }
}

impl<const N: usize> Forward for AdaptiveAvgPool<N> {
    fn forward(&self, x: &Variable) -> Variable {
        avg_pool::adaptive_avg_pool(x, self.output_size)
    }
}

/// Maxima over windows that divide the input into a given number of parts;
/// see [`adaptive_max_pool`](crate::ops::max_pool::adaptive_max_pool).
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([[[1.0, 3.0, 7.0, 5.0]]]));
/// let (y, indices) = AdaptiveMaxPool1d::new(1).with_indices(&x);
/// assert_eq!((y.to_vec::<f64>(), indices.to_vec::<i64>()), (vec![7.0], vec![2]));
/// ```
#[derive(Debug, Module)]
#[module(name = Self::NAME, extra_repr = options_text)]
pub struct AdaptiveMaxPool<const N: usize> {
    #[module(skip)]
    output_size: [Option<usize>; N],
    state: ModuleState,
}

impl<const N: usize> AdaptiveMaxPool<N> {
    const NAME: &'static str = ["AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d"][N - 1];

    /// One size for all axes, one per axis, or `None` for axes that keep theirs.
    pub fn new(output_size: impl OutputSize<N>) -> AdaptiveMaxPool<N> {
        AdaptiveMaxPool { output_size: output_size.output_size(), state: ModuleState::default() }
    }

    /// The maxima and their positions in the flattened spatial axes. Hooks are not run.
    /// PyTorch: `return_indices=True`.
    ///
    /// # Panics
    /// As the layer itself.
    #[track_caller]
    pub fn with_indices(&self, x: &Variable) -> (Variable, Tensor) {
        max_pool::adaptive_max_pool(x, self.output_size)
    }

    fn options_text(&self) -> String {
        sizes_text(&self.output_size)
    }
}

impl<const N: usize> Forward for AdaptiveMaxPool<N> {
    fn forward(&self, x: &Variable) -> Variable {
        self.with_indices(x).0
    }
}

/// How many windows fractional pooling makes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FractionalSize {
    /// As many.
    Size([usize; 2]),
    /// The input's sizes times these factors, in `(0, 1)`.
    Ratio([f64; 2]),
}

/// Maxima of windows at random places; see [`fractional_max_pool2d`](crate::ops::max_pool::fractional_max_pool2d).
/// PyTorch: `torch.nn.FractionalMaxPool2d`.
///
/// ```
/// use gradus_nn::layers::FractionalSize;
/// use gradus_nn::prelude::*;
/// use tensor::{DType, Tensor};
/// let x = Variable::new(Tensor::zeros([1, 4, 9, 9], DType::F32));
/// let pool = FractionalMaxPool2d::new(2, FractionalSize::Size([6, 5]));
/// assert_eq!(pool.call(&x).shape(), &[1, 4, 6, 5]);
/// ```
#[derive(Debug, Module)]
pub struct FractionalMaxPool2d {
    #[module(skip)]
    kernel_size: [usize; 2],
    #[module(skip)]
    output: FractionalSize,
    _random_samples: Option<Buffer>,
    state: ModuleState,
}

impl FractionalMaxPool2d {
    /// Windows of `kernel_size`, as many as `output` says, at places drawn from the default generator.
    pub fn new(kernel_size: impl Size<2>, output: FractionalSize) -> FractionalMaxPool2d {
        let kernel_size = kernel_size.size();
        FractionalMaxPool2d { kernel_size, output, _random_samples: None, state: ModuleState::default() }
    }

    /// With given places, `[n, c, 2]` in `[0, 1)`, instead of random ones.
    pub fn with_samples(self, samples: Tensor) -> FractionalMaxPool2d {
        FractionalMaxPool2d { _random_samples: Some(Buffer::new(samples)), ..self }
    }

    /// The maxima and their positions in the flattened spatial axes. Hooks are not run.
    ///
    /// # Panics
    /// If windows do not fit into the input.
    #[track_caller]
    pub fn with_indices(&self, x: &Variable) -> (Variable, Tensor) {
        if x.rank() != 3 && x.rank() != 4 {
            tensor::fault!("fractional_max_pool2d", [input: x.shape()], "expected 3 or 4 axes, got {}", x.rank());
        }
        let output = match self.output {
            FractionalSize::Size(size) => size,
            FractionalSize::Ratio([h, w]) => [(x.size(-2) as f64 * h) as usize, (x.size(-1) as f64 * w) as usize],
        };
        let n = if x.rank() == 4 { x.shape()[0] } else { 1 };
        let drawn = || Tensor::rand([n, x.size(-3), 2], x.dtype());
        let samples = self._random_samples.as_ref().map_or_else(drawn, Buffer::data);
        max_pool::fractional_max_pool2d(x, self.kernel_size, output, &samples)
    }
}

impl Forward for FractionalMaxPool2d {
    fn forward(&self, x: &Variable) -> Variable {
        self.with_indices(x).0
    }
}
