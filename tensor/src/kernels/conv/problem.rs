//! One convolution's sizes, always with three spatial axes: lower dimensions get leading axes of length 1, so that
//! every kernel is written once.

use smallvec::SmallVec;

use crate::Dims;

/// How a window moves over the input: everything about a convolution that its tensors' shapes do not say.
///
/// ```
/// use gradus_tensor::kernels::conv::ConvGeometry;
/// let same = ConvGeometry { padding: [1, 1].into_iter().collect(), ..ConvGeometry::unit(2) };
/// assert_eq!(same.output_spatial(&[28, 28], &[3, 3]), Some([28, 28].into_iter().collect()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConvGeometry {
    /// Steps between neighbouring windows.
    pub stride: Dims,
    /// Zeros put before and after the input.
    pub padding: Dims,
    /// Steps between the taps of one window.
    pub dilation: Dims,
    /// How many independent convolutions the channels are divided into.
    pub groups: usize,
    /// Which algorithms may serve this call.
    pub algorithm: super::ConvAlgorithm,
}

impl ConvGeometry {
    /// Stride 1, no padding, dilation 1, one group, for `axes` spatial axes.
    pub fn unit(axes: usize) -> ConvGeometry {
        ConvGeometry {
            stride: SmallVec::from_elem(1, axes),
            padding: SmallVec::from_elem(0, axes),
            dilation: SmallVec::from_elem(1, axes),
            groups: 1,
            algorithm: super::ConvAlgorithm::Default,
        }
    }

    /// The output's spatial sizes, `(x + 2 padding - dilation (kernel - 1) - 1) / stride + 1`, or `None` where the
    /// window does not fit into the padded input.
    pub fn output_spatial(&self, input: &[usize], kernel: &[usize]) -> Option<Dims> {
        (0..input.len())
            .map(|axis| {
                let window = self.dilation[axis] * (kernel[axis].checked_sub(1)?) + 1;
                let padded = input[axis] + 2 * self.padding[axis];
                Some(padded.checked_sub(window)? / self.stride[axis] + 1)
            })
            .collect()
    }
}

/// The sizes of `y[n, k, output] = sum x[n, c, output * stride + tap * dilation - padding] w[k, c, tap]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Images.
    pub(crate) n: usize,
    /// Input channels.
    pub(crate) c: usize,
    /// Output channels.
    pub(crate) k: usize,
    pub(crate) groups: usize,
    pub(crate) input: [usize; 3],
    pub(crate) output: [usize; 3],
    pub(crate) kernel: [usize; 3],
    pub(crate) stride: [usize; 3],
    pub(crate) padding: [usize; 3],
    pub(crate) dilation: [usize; 3],
}

fn three(dims: &[usize], fill: usize) -> [usize; 3] {
    let mut out = [fill; 3];
    out[3 - dims.len()..].copy_from_slice(dims);
    out
}

impl Problem {
    /// The problem of an input `[n, c, *input]`, a kernel `[k, c / groups, *kernel]` and an output `[n, k, *output]`.
    pub(crate) fn new(
        channels: [usize; 3],
        input: &[usize],
        output: &[usize],
        kernel: &[usize],
        geometry: &ConvGeometry,
    ) -> Problem {
        let [n, c, k] = channels;
        Problem {
            n,
            c,
            k,
            groups: geometry.groups,
            input: three(input, 1),
            output: three(output, 1),
            kernel: three(kernel, 1),
            stride: three(&geometry.stride, 1),
            padding: three(&geometry.padding, 0),
            dilation: three(&geometry.dilation, 1),
        }
    }

    /// Input channels of one group.
    pub(crate) fn group_c(&self) -> usize {
        self.c / self.groups
    }

    /// Output channels of one group.
    pub(crate) fn group_k(&self) -> usize {
        self.k / self.groups
    }

    /// Positions of the kernel.
    pub(crate) fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Positions of the input.
    pub(crate) fn input_pixels(&self) -> usize {
        self.input.iter().product()
    }

    /// Positions of the output.
    pub(crate) fn output_pixels(&self) -> usize {
        self.output.iter().product()
    }

    /// Multiplications of one pass.
    pub(crate) fn work(&self) -> usize {
        self.n * self.k * self.output_pixels() * self.group_c() * self.taps()
    }

    /// Outputs `o` along `axis` for which tap `t` reads inside the input, and the input position of the first.
    pub(crate) fn inside(&self, axis: usize, tap: usize) -> (std::ops::Range<usize>, usize) {
        let (stride, padding) = (self.stride[axis], self.padding[axis]);
        let at = tap * self.dilation[axis];
        let first = padding.saturating_sub(at).div_ceil(stride);
        let end = (self.input[axis] + padding).saturating_sub(at).div_ceil(stride).min(self.output[axis]);
        if first >= end {
            return (0..0, 0);
        }
        (first..end, first * stride + at - padding)
    }
}
