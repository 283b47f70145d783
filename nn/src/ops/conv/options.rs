//! The options of convolutions: named, with PyTorch's defaults.

use tensor::Dims;
use tensor::kernels::conv::{ConvAlgorithm, ConvGeometry};

use crate::ops::window::{Padding, PaddingMode, Size};

/// Options of a convolution over `N` spatial axes; each has a method of its name.
///
/// ```
/// use gradus_nn::ops::conv::ConvOptions;
/// let options = ConvOptions::<2>::new().stride(2).padding((1, 2));
/// assert_eq!(options.stride, [2, 2]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvOptions<const N: usize> {
    /// Steps between neighbouring windows.
    pub stride: [usize; N],
    /// What is put around the input.
    pub padding: Padding<N>,
    /// Steps between the taps of a window.
    pub dilation: [usize; N],
    /// Independent convolutions that the channels are divided into.
    pub groups: usize,
    /// What the padding is made of.
    pub padding_mode: PaddingMode,
}

impl<const N: usize> Default for ConvOptions<N> {
    fn default() -> ConvOptions<N> {
        ConvOptions {
            stride: [1; N],
            padding: Padding::By([0; N]),
            dilation: [1; N],
            groups: 1,
            padding_mode: PaddingMode::Zeros,
        }
    }
}

impl<const N: usize> ConvOptions<N> {
    /// Stride 1, no padding, dilation 1, one group.
    pub fn new() -> ConvOptions<N> {
        ConvOptions::default()
    }

    /// Steps between neighbouring windows.
    pub fn stride(self, stride: impl Size<N>) -> ConvOptions<N> {
        ConvOptions { stride: stride.size(), ..self }
    }

    /// What is put around the input: a number, one per axis, or [`Padding::Same`].
    pub fn padding(self, padding: impl Into<Padding<N>>) -> ConvOptions<N> {
        ConvOptions { padding: padding.into(), ..self }
    }

    /// Steps between the taps of a window.
    pub fn dilation(self, dilation: impl Size<N>) -> ConvOptions<N> {
        ConvOptions { dilation: dilation.size(), ..self }
    }

    /// Independent convolutions that the channels are divided into.
    pub fn groups(self, groups: usize) -> ConvOptions<N> {
        ConvOptions { groups, ..self }
    }

    /// What the padding is made of.
    pub fn padding_mode(self, padding_mode: PaddingMode) -> ConvOptions<N> {
        ConvOptions { padding_mode, ..self }
    }

    /// The kernel's geometry, with `padding` zeros on both sides.
    pub(super) fn geometry(&self, padding: [usize; N]) -> ConvGeometry {
        geometry(self.stride, padding, self.dilation, self.groups)
    }
}

fn geometry<const N: usize>(
    stride: [usize; N],
    padding: [usize; N],
    dilation: [usize; N],
    groups: usize,
) -> ConvGeometry {
    ConvGeometry {
        stride: Dims::from_slice(&stride),
        padding: Dims::from_slice(&padding),
        dilation: Dims::from_slice(&dilation),
        groups,
        algorithm: ConvAlgorithm::Default,
    }
}

/// Options of a transposed convolution over `N` spatial axes; each has a method of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvTransposeOptions<const N: usize> {
    /// Steps between neighbouring windows of the output.
    pub stride: [usize; N],
    /// What is cut off both sides of the output.
    pub padding: [usize; N],
    /// What is added to one side of the output, where strides leave several sizes to choose from.
    pub output_padding: [usize; N],
    /// Independent convolutions that the channels are divided into.
    pub groups: usize,
    /// Steps between the taps of a window.
    pub dilation: [usize; N],
}

impl<const N: usize> Default for ConvTransposeOptions<N> {
    fn default() -> ConvTransposeOptions<N> {
        ConvTransposeOptions { stride: [1; N], padding: [0; N], output_padding: [0; N], groups: 1, dilation: [1; N] }
    }
}

impl<const N: usize> ConvTransposeOptions<N> {
    /// Stride 1, no padding, dilation 1, one group.
    pub fn new() -> ConvTransposeOptions<N> {
        ConvTransposeOptions::default()
    }

    /// Steps between neighbouring windows of the output.
    pub fn stride(self, stride: impl Size<N>) -> ConvTransposeOptions<N> {
        ConvTransposeOptions { stride: stride.size(), ..self }
    }

    /// What is cut off both sides of the output.
    pub fn padding(self, padding: impl Size<N>) -> ConvTransposeOptions<N> {
        ConvTransposeOptions { padding: padding.size(), ..self }
    }

    /// What is added to one side of the output.
    pub fn output_padding(self, output_padding: impl Size<N>) -> ConvTransposeOptions<N> {
        ConvTransposeOptions { output_padding: output_padding.size(), ..self }
    }

    /// Independent convolutions that the channels are divided into.
    pub fn groups(self, groups: usize) -> ConvTransposeOptions<N> {
        ConvTransposeOptions { groups, ..self }
    }

    /// Steps between the taps of a window.
    pub fn dilation(self, dilation: impl Size<N>) -> ConvTransposeOptions<N> {
        ConvTransposeOptions { dilation: dilation.size(), ..self }
    }

    pub(super) fn geometry(&self) -> ConvGeometry {
        geometry(self.stride, self.padding, self.dilation, self.groups)
    }
}
