//! Transposed convolution layers: one definition for one, two and three dimensions.

use autograd::Variable;
use tensor::DType;

use super::conv::{check_groups, check_sizes, initial, options_of_both};
use super::text::tuple;
use crate::module::{Forward, ModuleState};
use crate::ops::conv::{ConvTransposeOptions, conv_transpose, output_padding_for};
use crate::ops::window::Size;
use crate::parametrizations::Weighted;
use crate::{Module, Parameter};

/// Up-sampling of signals: [`ConvTranspose`] with one spatial axis. PyTorch: `torch.nn.ConvTranspose1d`.
pub type ConvTranspose1d = ConvTranspose<1>;
/// Up-sampling of images: [`ConvTranspose`] with two spatial axes. PyTorch: `torch.nn.ConvTranspose2d`.
pub type ConvTranspose2d = ConvTranspose<2>;
/// Up-sampling of volumes: [`ConvTranspose`] with three spatial axes. PyTorch: `torch.nn.ConvTranspose3d`.
pub type ConvTranspose3d = ConvTranspose<3>;

/// A transposed convolution over `N` spatial axes: `[n, in_channels, *spatial]` to `[n, out_channels, *output]`;
/// without the batch axis too. The formula is that of [`conv_transpose2d`](crate::ops::conv::conv_transpose2d).
///
/// PyTorch: `torch.nn.ConvTranspose1d`, `ConvTranspose2d`, `ConvTranspose3d`, with the same initial distribution.
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::{DType, Tensor};
///
/// let up = ConvTranspose2d::builder(16, 8, 3).stride(2).padding(1).output_padding(1).build();
/// let x = Variable::new(Tensor::zeros([1, 16, 14, 14], DType::F32));
/// assert_eq!(up.call(&x).shape(), &[1, 8, 28, 28]);
/// ```
#[derive(Debug, Module)]
#[module(name = Self::NAME, extra_repr = options_text, multiply_adds = work)]
pub struct ConvTranspose<const N: usize> {
    /// `[in_channels, out_channels / groups, *kernel_size]`.
    pub weight: Parameter,
    /// `[out_channels]`.
    pub bias: Option<Parameter>,
    #[module(skip)]
    options: ConvTransposeOptions<N>,
    state: ModuleState,
}

const OPS: [&str; 3] = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"];

impl<const N: usize> ConvTranspose<N> {
    const NAME: &'static str = ["ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"][N - 1];

    /// Stride 1, no padding, dilation 1, one group, with bias.
    ///
    /// # Panics
    /// If a size is 0.
    #[track_caller]
    pub fn new(in_channels: usize, out_channels: usize, kernel_size: impl Size<N>) -> ConvTranspose<N> {
        ConvTranspose::builder(in_channels, out_channels, kernel_size).build()
    }

    /// For other options.
    pub fn builder(in_channels: usize, out_channels: usize, kernel_size: impl Size<N>) -> ConvTransposeBuilder<N> {
        ConvTransposeBuilder {
            channels: [in_channels, out_channels],
            kernel_size: kernel_size.size(),
            options: ConvTransposeOptions::new(),
            has_bias: true,
            dtype: DType::F32,
        }
    }

    /// Runs the layer with the output padding that gives an output of `sizes`: strides leave several to choose from.
    /// Hooks are not run. PyTorch: `forward(x, output_size)`.
    ///
    /// ```
    /// use gradus_nn::prelude::*;
    /// use tensor::{DType, Tensor};
    /// let up = ConvTranspose2d::builder(4, 4, 3).stride(2).padding(1).build();
    /// let x = Variable::new(Tensor::zeros([1, 4, 6, 6], DType::F32));
    /// assert_eq!(up.forward_sized(&x, 12).shape(), &[1, 4, 12, 12]);
    /// ```
    ///
    /// # Panics
    /// If no output padding gives these sizes.
    #[track_caller]
    pub fn forward_sized(&self, x: &Variable, sizes: impl Size<N>) -> Variable {
        let op = OPS[N - 1];
        if x.rank() < N {
            tensor::fault!(op, [input: x.shape()], "expected an input of {} or {} axes, got {}", N + 1, N + 2, x.rank());
        }
        let output_padding = output_padding_for(op, x, self.kernel_size(), &self.options, sizes.size());
        let options = ConvTransposeOptions { output_padding, ..self.options };
        conv_transpose(op, x, &self.weight, self.bias.as_ref().map(Parameter::variable), &options)
    }

    /// Channels of the input.
    pub fn in_channels(&self) -> usize {
        self.weight.shape()[0]
    }

    /// Channels of the output.
    pub fn out_channels(&self) -> usize {
        self.weight.shape()[1] * self.options.groups
    }

    /// The window's size per axis.
    pub fn kernel_size(&self) -> [usize; N] {
        std::array::from_fn(|axis| self.weight.shape()[axis + 2])
    }

    /// Stride, padding, output padding, dilation, groups.
    pub fn options(&self) -> &ConvTransposeOptions<N> {
        &self.options
    }

    fn options_text(&self) -> String {
        let ConvTransposeOptions { stride, padding, output_padding, groups, dilation } = &self.options;
        let mut text = format!(
            "{}, {}, kernel_size={}, stride={}",
            self.in_channels(),
            self.out_channels(),
            tuple(&self.kernel_size()),
            tuple(stride)
        );
        for (name, values, default) in
            [("padding", padding, 0), ("dilation", dilation, 1), ("output_padding", output_padding, 0)]
        {
            if *values != [default; N] {
                text.push_str(&format!(", {name}={}", tuple(values)));
            }
        }
        if *groups != 1 {
            text.push_str(&format!(", groups={groups}"));
        }
        if self.bias.is_none() {
            text.push_str(", bias=False");
        }
        text
    }

    /// Every input is spread over one group's channels and the window.
    fn work(&self, input: &[usize], _: &[usize]) -> u64 {
        let window: usize = self.weight.shape()[1..].iter().product();
        input.iter().product::<usize>() as u64 * window as u64
    }
}

impl<const N: usize> Forward for ConvTranspose<N> {
    fn forward(&self, x: &Variable) -> Variable {
        self.forward_with(x, &self.weight)
    }
}

impl<const N: usize> Weighted for ConvTranspose<N> {
    fn weight(&self) -> &Parameter {
        &self.weight
    }

    fn forward_with(&self, x: &Variable, weight: &Variable) -> Variable {
        conv_transpose(OPS[N - 1], x, weight, self.bias.as_ref().map(Parameter::variable), &self.options)
    }

    fn output_axis(&self) -> usize {
        1
    }

    fn parametrized_name(&self) -> &'static str {
        ["ParametrizedConvTranspose1d", "ParametrizedConvTranspose2d", "ParametrizedConvTranspose3d"][N - 1]
    }
}

/// Options of a [`ConvTranspose`] that is being made.
#[derive(Clone, Debug)]
pub struct ConvTransposeBuilder<const N: usize> {
    channels: [usize; 2],
    kernel_size: [usize; N],
    options: ConvTransposeOptions<N>,
    has_bias: bool,
    dtype: DType,
}

impl<const N: usize> ConvTransposeBuilder<N> {
    options_of_both!();

    /// What is cut off both sides of the output; 0 unless set.
    pub fn padding(mut self, padding: impl Size<N>) -> Self {
        self.options = self.options.padding(padding);
        self
    }

    /// What is added to one side of the output; 0 unless set.
    pub fn output_padding(mut self, output_padding: impl Size<N>) -> Self {
        self.options = self.options.output_padding(output_padding);
        self
    }

    /// The layer, with weights drawn from the default generator.
    ///
    /// # Panics
    /// If groups do not divide the channels, or a size, stride or dilation is 0.
    #[track_caller]
    pub fn build(self) -> ConvTranspose<N> {
        let ConvTransposeBuilder { channels, kernel_size, options, .. } = self;
        check_sizes(OPS[N - 1], &kernel_size, &options.stride, &options.dilation);
        check_groups(OPS[N - 1], channels, options.groups);
        let shape = [&[channels[0], channels[1] / options.groups], &kernel_size[..]].concat();
        let (weight, bias) = initial(&shape, channels[1], self.has_bias, self.dtype);
        ConvTranspose { weight, bias, options, state: ModuleState::default() }
    }
}
