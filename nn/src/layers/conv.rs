//! Convolution layers: one definition for one, two and three dimensions.

use autograd::Variable;
use tensor::{DType, with_default_generator};

use super::text::tuple;
use crate::module::{Forward, ModuleState};
use crate::ops::conv::{ConvOptions, convolve};
use crate::ops::window::{Padding, PaddingMode, Size};
use crate::parametrizations::Weighted;
use crate::{Module, Parameter};

/// A convolution over signals: [`Conv`] with one spatial axis. PyTorch: `torch.nn.Conv1d`.
pub type Conv1d = Conv<1>;
/// A convolution over images: [`Conv`] with two spatial axes. PyTorch: `torch.nn.Conv2d`.
pub type Conv2d = Conv<2>;
/// A convolution over volumes: [`Conv`] with three spatial axes. PyTorch: `torch.nn.Conv3d`.
pub type Conv3d = Conv<3>;

/// A convolution over `N` spatial axes: `[n, in_channels, *spatial]` to `[n, out_channels, *output]`; without the batch
/// axis too. The formula is that of [`conv2d`](crate::ops::conv::conv2d).
///
/// PyTorch: `torch.nn.Conv1d`, `Conv2d`, `Conv3d`, with the same initial distribution.
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::{DType, Tensor};
///
/// let conv = Conv2d::builder(3, 16, 3).stride(2).padding(1).build();
/// let x = Variable::new(Tensor::zeros([8, 3, 32, 32], DType::F32));
/// assert_eq!(conv.call(&x).shape(), &[8, 16, 16, 16]);
/// assert_eq!(conv.to_string(), "Conv2d(3, 16, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1))");
/// ```
#[derive(Debug, Module)]
#[module(name = Self::NAME, extra_repr = options_text, multiply_adds = work)]
pub struct Conv<const N: usize> {
    /// `[out_channels, in_channels / groups, *kernel_size]`.
    pub weight: Parameter,
    /// `[out_channels]`.
    pub bias: Option<Parameter>,
    #[module(skip)]
    options: ConvOptions<N>,
    state: ModuleState,
}

const OPS: [&str; 3] = ["conv1d", "conv2d", "conv3d"];

impl<const N: usize> Conv<N> {
    const NAME: &'static str = ["Conv1d", "Conv2d", "Conv3d"][N - 1];

    /// Stride 1, no padding, dilation 1, one group, with bias.
    ///
    /// # Panics
    /// If a size is 0.
    #[track_caller]
    pub fn new(in_channels: usize, out_channels: usize, kernel_size: impl Size<N>) -> Conv<N> {
        Conv::builder(in_channels, out_channels, kernel_size).build()
    }

    /// For other options.
    pub fn builder(in_channels: usize, out_channels: usize, kernel_size: impl Size<N>) -> ConvBuilder<N> {
        ConvBuilder {
            channels: [in_channels, out_channels],
            kernel_size: kernel_size.size(),
            options: ConvOptions::new(),
            has_bias: true,
            dtype: DType::F32,
        }
    }

    /// Channels of the input.
    pub fn in_channels(&self) -> usize {
        self.weight.shape()[1] * self.options.groups
    }

    /// Channels of the output.
    pub fn out_channels(&self) -> usize {
        self.weight.shape()[0]
    }

    /// The window's size per axis.
    pub fn kernel_size(&self) -> [usize; N] {
        std::array::from_fn(|axis| self.weight.shape()[axis + 2])
    }

    /// Stride, padding, dilation, groups, padding mode.
    pub fn options(&self) -> &ConvOptions<N> {
        &self.options
    }

    fn options_text(&self) -> String {
        let ConvOptions { stride, padding, dilation, groups, padding_mode } = &self.options;
        let mut text = format!(
            "{}, {}, kernel_size={}, stride={}",
            self.in_channels(),
            self.out_channels(),
            tuple(&self.kernel_size()),
            tuple(stride)
        );
        match padding {
            Padding::By(amount) if *amount == [0; N] => {}
            Padding::By(amount) => text.push_str(&format!(", padding={}", tuple(amount))),
            Padding::Same => text.push_str(", padding=same"),
            Padding::Valid => text.push_str(", padding=valid"),
        }
        if *dilation != [1; N] {
            text.push_str(&format!(", dilation={}", tuple(dilation)));
        }
        if *groups != 1 {
            text.push_str(&format!(", groups={groups}"));
        }
        if self.bias.is_none() {
            text.push_str(", bias=False");
        }
        if *padding_mode != PaddingMode::Zeros {
            text.push_str(&format!(", padding_mode={}", padding_mode.name()));
        }
        text
    }

    /// Every output is a sum over one group's channels and the window.
    fn work(&self, _: &[usize], output: &[usize]) -> u64 {
        let window: usize = self.weight.shape()[1..].iter().product();
        output.iter().product::<usize>() as u64 * window as u64
    }
}

impl<const N: usize> Forward for Conv<N> {
    fn forward(&self, x: &Variable) -> Variable {
        self.forward_with(x, &self.weight)
    }
}

impl<const N: usize> Weighted for Conv<N> {
    fn weight(&self) -> &Parameter {
        &self.weight
    }

    fn forward_with(&self, x: &Variable, weight: &Variable) -> Variable {
        convolve(OPS[N - 1], x, weight, self.bias.as_ref().map(Parameter::variable), &self.options)
    }

    fn parametrized_name(&self) -> &'static str {
        ["ParametrizedConv1d", "ParametrizedConv2d", "ParametrizedConv3d"][N - 1]
    }
}

/// The options that convolutions and transposed convolutions share, as methods of their builders.
macro_rules! options_of_both {
    () => {
        /// Steps between neighbouring windows; 1 unless set.
        pub fn stride(mut self, stride: impl Size<N>) -> Self {
            self.options = self.options.stride(stride);
            self
        }

        /// Steps between the taps of a window; 1 unless set.
        pub fn dilation(mut self, dilation: impl Size<N>) -> Self {
            self.options = self.options.dilation(dilation);
            self
        }

        /// Independent convolutions that the channels are divided into; 1 unless set.
        pub fn groups(mut self, groups: usize) -> Self {
            self.options = self.options.groups(groups);
            self
        }

        /// Whether a bias is added; it is unless set.
        pub fn bias(mut self, has_bias: bool) -> Self {
            self.has_bias = has_bias;
            self
        }

        /// The parameters' dtype; `f32` unless set.
        pub fn dtype(mut self, dtype: DType) -> Self {
            self.dtype = dtype;
            self
        }
    };
}
pub(super) use options_of_both;

/// Options of a [`Conv`] that is being made.
#[derive(Clone, Debug)]
pub struct ConvBuilder<const N: usize> {
    channels: [usize; 2],
    kernel_size: [usize; N],
    options: ConvOptions<N>,
    has_bias: bool,
    dtype: DType,
}

impl<const N: usize> ConvBuilder<N> {
    options_of_both!();

    /// What is put around the input: a number, one per axis, or [`Padding::Same`]; nothing unless set.
    pub fn padding(mut self, padding: impl Into<Padding<N>>) -> Self {
        self.options = self.options.padding(padding);
        self
    }

    /// What the padding is made of; zeros unless set.
    pub fn padding_mode(mut self, mode: PaddingMode) -> Self {
        self.options = self.options.padding_mode(mode);
        self
    }

    /// The layer, with weights drawn from the default generator.
    ///
    /// # Panics
    /// If groups do not divide the channels, a size, stride or dilation is 0, or "same" padding meets a stride.
    #[track_caller]
    pub fn build(self) -> Conv<N> {
        let op = OPS[N - 1];
        let ConvBuilder { channels, kernel_size, options, .. } = self;
        check_sizes(op, &kernel_size, &options.stride, &options.dilation);
        check_groups(op, channels, options.groups);
        if options.padding == Padding::Same && options.stride != [1; N] {
            tensor::fault!(op, [], "padding \"same\" needs stride 1, got {:?}", options.stride);
        }
        let shape = [&[channels[1], channels[0] / options.groups], &kernel_size[..]].concat();
        let (weight, bias) = initial(&shape, channels[1], self.has_bias, self.dtype);
        Conv { weight, bias, options, state: ModuleState::default() }
    }
}

/// PyTorch's start: weight and bias uniform within `1 / sqrt(fan_in)`.
#[track_caller]
pub(super) fn initial(
    shape: &[usize],
    out_channels: usize,
    has_bias: bool,
    dtype: DType,
) -> (Parameter, Option<Parameter>) {
    let fan_in: usize = shape[1..].iter().product();
    let bound = 1.0 / (fan_in.max(1) as f64).sqrt();
    let draw = |shape: &[usize]| with_default_generator(|g| g.uniform_between(shape, -bound, bound, dtype));
    let weight = Parameter::new(draw(shape));
    (weight, has_bias.then(|| Parameter::new(draw(&[out_channels]))))
}

#[track_caller]
pub(super) fn check_sizes(op: &str, kernel_size: &[usize], stride: &[usize], dilation: &[usize]) {
    for (name, values) in [("kernel_size", kernel_size), ("stride", stride), ("dilation", dilation)] {
        if values.contains(&0) {
            tensor::fault!(op, [], "{name} {values:?} contains 0");
        }
    }
}

#[track_caller]
pub(super) fn check_groups(op: &str, [inputs, outputs]: [usize; 2], groups: usize) {
    if groups == 0 {
        tensor::fault!(op, [], "groups must be at least 1, got 0");
    }
    for (what, channels) in [("input", inputs), ("output", outputs)] {
        if !channels.is_multiple_of(groups) {
            tensor::fault!(op, [], "{channels} {what} channels do not divide into {groups} groups");
        }
    }
}
