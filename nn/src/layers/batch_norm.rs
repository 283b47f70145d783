//! Batch and instance normalisation: learned factors, and running statistics for evaluation.

use autograd::Variable;
use tensor::{DType, Tensor};

use super::text::{flag, float};

use crate::functional::{self, Running};
use crate::module::{Forward, ModuleState};
use crate::ops::batch_norm::Affine;
use crate::{Buffer, Module, Parameter};

/// [`BatchNorm`] for `[n, c]` and `[n, c, length]`. PyTorch: `torch.nn.BatchNorm1d`.
pub type BatchNorm1d = BatchNorm<1>;
/// [`BatchNorm`] for images. PyTorch: `torch.nn.BatchNorm2d`.
pub type BatchNorm2d = BatchNorm<2>;
/// [`BatchNorm`] for volumes. PyTorch: `torch.nn.BatchNorm3d`.
pub type BatchNorm3d = BatchNorm<3>;
/// [`InstanceNorm`] for signals. PyTorch: `torch.nn.InstanceNorm1d`.
pub type InstanceNorm1d = InstanceNorm<1>;
/// [`InstanceNorm`] for images. PyTorch: `torch.nn.InstanceNorm2d`.
pub type InstanceNorm2d = InstanceNorm<2>;
/// [`InstanceNorm`] for volumes. PyTorch: `torch.nn.InstanceNorm3d`.
pub type InstanceNorm3d = InstanceNorm<3>;

/// What both normalisations hold.
#[derive(Clone, Debug)]
struct Options {
    features: usize,
    eps: f64,
    momentum: Option<f64>,
    affine: bool,
    bias: bool,
    track: bool,
}

impl Options {
    fn text(&self) -> String {
        format!(
            "{}, eps={}, momentum={}, affine={}, bias={}, track_running_stats={}",
            self.features,
            float(self.eps),
            self.momentum.map_or("None".to_owned(), float),
            flag(self.affine),
            flag(self.affine && self.bias),
            flag(self.track)
        )
    }

    fn parameter(&self, wanted: bool, value: f64) -> Option<Parameter> {
        wanted.then(|| Parameter::new(Tensor::full([self.features], value, DType::F32)))
    }

    fn buffer(&self, value: f64) -> Option<Buffer> {
        self.track.then(|| Buffer::new(Tensor::full([self.features], value, DType::F32)))
    }
}

macro_rules! layer {
    ($(#[$doc:meta])* $name:ident $builder:ident [$($names:expr),*] momentum $affine:expr, $track:expr) => {
        $(#[$doc])*
        #[derive(Debug, Module)]
        #[module(name = Self::NAME, extra_repr = options_text)]
        pub struct $name<const N: usize> {
            /// The factor per channel.
            pub weight: Option<Parameter>,
            /// The offset per channel.
            pub bias: Option<Parameter>,
            /// The running mean.
            pub running_mean: Option<Buffer>,
            /// The running variance.
            pub running_var: Option<Buffer>,
            /// Batches seen in training, `i64`.
            pub num_batches_tracked: Option<Buffer>,
            #[module(skip)]
            options: Options,
            state: ModuleState,
        }

        impl<const N: usize> $name<N> {
    const NAME: &'static str = [$($names),*][N - 1];

            /// PyTorch's default options for `num_features` channels.
            pub fn new(num_features: usize) -> $name<N> {
                $name::builder(num_features).build()
            }

            /// For other options.
            pub fn builder(num_features: usize) -> $builder<N> {
                let (affine, track) = ($affine, $track);
                let (eps, momentum) = (1e-5, Some(0.1));
                $builder(Options { features: num_features, eps, momentum, affine, bias: true, track })
            }

            fn options_text(&self) -> String {
                self.options.text()
            }

            fn affine(&self) -> Affine<'_> {
                Affine {
                    weight: self.weight.as_ref().map(Parameter::variable),
                    bias: self.bias.as_ref().map(Parameter::variable),
                }
            }

            /// The running statistics, and with what weight a batch enters them.
            fn running(&self, momentum: f64) -> Option<Running<'_>> {
                let (mean, variance) = (self.running_mean.as_ref()?, self.running_var.as_ref()?);
                Some(Running { mean, variance, momentum })
            }
        }

        #[doc = concat!("Options of a [`", stringify!($name), "`] that is being made.")]
        #[derive(Clone, Debug)]
        pub struct $builder<const N: usize>(Options);

        impl<const N: usize> $builder<N> {
            /// Added to the variance; 1e-5 unless set.
            pub fn eps(mut self, eps: f64) -> Self {
                self.0.eps = eps;
                self
            }

            /// The weight of a new batch in running statistics, or `None` for their plain mean; 0.1 unless set.
            pub fn momentum(mut self, momentum: Option<f64>) -> Self {
                self.0.momentum = momentum;
                self
            }

            /// Whether factors and offsets are learned.
            pub fn affine(mut self, affine: bool) -> Self {
                self.0.affine = affine;
                self
            }

            /// Whether offsets are learned where factors are; unless set, they are.
            pub fn bias(mut self, bias: bool) -> Self {
                self.0.bias = bias;
                self
            }

            /// Whether running statistics are kept, and used in evaluation.
            pub fn track_running_stats(mut self, track: bool) -> Self {
                self.0.track = track;
                self
            }

            /// The layer: factors 1, offsets 0, running mean 0 and variance 1.
            pub fn build(self) -> $name<N> {
                let options = self.0;
                $name {
                    weight: options.parameter(options.affine, 1.0),
                    bias: options.parameter(options.affine && options.bias, 0.0),
                    running_mean: options.buffer(0.0),
                    running_var: options.buffer(1.0),
                    num_batches_tracked: options.track.then(|| Buffer::new(Tensor::scalar(0i64))),
                    options,
                    state: ModuleState::default(),
                }
            }
        }
    };
}

layer! {
    /// Every channel normalised over batch and positions in training, and by running statistics in evaluation
    /// (Ioffe and Szegedy, 2015). A `relu`, `relu6` or addition that follows is computed in the same pass.
    /// PyTorch: `torch.nn.BatchNorm1d`, `BatchNorm2d`, `BatchNorm3d`.
    ///
    /// ```
    /// use gradus_nn::layers::BatchNorm2d;
    /// use gradus_nn::prelude::*;
    /// use tensor::{DType, Tensor};
    /// let bn = BatchNorm2d::new(3);
    /// let y = bn.call(&Variable::new(Tensor::randn([8, 3, 5, 5], DType::F32))).relu();
    /// assert_eq!(y.shape(), &[8, 3, 5, 5]);
    /// assert_eq!(bn.state_dict().len(), 5);
    /// ```
    BatchNorm BatchNormBuilder ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d"] momentum true, true
}

layer! {
    /// Every channel of every image normalised over its positions (Ulyanov et al., 2016); by running statistics in
    /// evaluation if they are tracked. PyTorch: `torch.nn.InstanceNorm1d`, `InstanceNorm2d`, `InstanceNorm3d`.
    InstanceNorm InstanceNormBuilder ["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"] momentum false, false
}

#[track_caller]
fn check_channels(op: &str, x: &Variable, axis: usize, options: &Options) {
    if x.shape()[axis] != options.features {
        tensor::fault!(op, [input: x.shape()], "input has {} channels but the layer {}", x.shape()[axis], options.features);
    }
}

impl<const N: usize> Forward for BatchNorm<N> {
    fn forward(&self, x: &Variable) -> Variable {
        let op = ["batch_norm1d", "batch_norm2d", "batch_norm3d"][N - 1];
        let fits = x.rank() == N + 2 || (N == 1 && x.rank() == 2);
        if !fits {
            tensor::fault!(op, [input: x.shape()], "expected {} axes, got {}", N + 2, x.rank());
        }
        check_channels(op, x, 1, &self.options);
        let training = self.is_training() || self.running_mean.is_none();
        let mut batches = 0;
        if let (true, Some(count)) = (self.is_training(), &self.num_batches_tracked) {
            batches = count.update(|count| {
                let batches = count.item::<i64>() + 1;
                *count = Tensor::scalar(batches);
                batches
            });
        }
        let momentum = self.options.momentum.unwrap_or(1.0 / batches.max(1) as f64);
        functional::batch_norm(x, self.running(momentum), self.affine(), (training, self.options.eps))
    }
}

impl<const N: usize> Forward for InstanceNorm<N> {
    fn forward(&self, x: &Variable) -> Variable {
        let op = ["instance_norm1d", "instance_norm2d", "instance_norm3d"][N - 1];
        if x.rank() != N + 1 && x.rank() != N + 2 {
            tensor::fault!(op, [input: x.shape()], "expected {} or {} axes, got {}", N + 1, N + 2, x.rank());
        }
        check_channels(op, x, x.rank() - N - 1, &self.options);
        let use_input_stats = self.is_training() || self.running_mean.is_none();
        // As in PyTorch, batches are not counted here, and without a momentum the running statistics stay.
        let momentum = self.options.momentum.unwrap_or(0.0);
        let batch = if x.rank() == N + 1 { x.unsqueeze(0) } else { x.clone() };
        let y = functional::instance_norm(
            &batch,
            self.running(momentum),
            self.affine(),
            (use_input_stats, self.options.eps),
        );
        y.reshape(x.shape())
    }
}
