//! What all poolings share: their options, the sizes of their outputs, and inputs without a batch axis.

use autograd::Variable;
use tensor::kernels::pool::Windows;

use super::window::Size;

/// The options of a pooling over `D` spatial axes. The stride is the kernel size unless it is set.
///
/// ```
/// use gradus_nn::ops::pool::Pool;
/// let pool = Pool::<2>::new(3).stride(2).padding(1);
/// assert_eq!(pool.output_size(&[7, 8]), [4, 4]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool<const D: usize> {
    /// Sizes of the windows.
    pub kernel_size: [usize; D],
    /// Steps from window to window.
    pub stride: [usize; D],
    /// Positions added on both sides.
    pub padding: [usize; D],
    /// Steps from element to element of a window; maximum pooling alone.
    pub dilation: [usize; D],
    /// Whether a last window that sticks out is kept.
    pub ceil_mode: bool,
    /// Whether padding counts in averages.
    pub count_include_pad: bool,
    /// What averages divide by, in place of the window's size.
    pub divisor_override: Option<isize>,
}

impl<const D: usize> Pool<D> {
    /// Windows of `kernel_size` side by side.
    pub fn new(kernel_size: impl Size<D>) -> Pool<D> {
        let kernel_size = kernel_size.size();
        Pool {
            kernel_size,
            stride: kernel_size,
            padding: [0; D],
            dilation: [1; D],
            ceil_mode: false,
            count_include_pad: true,
            divisor_override: None,
        }
    }

    /// Steps from window to window.
    pub fn stride(self, stride: impl Size<D>) -> Pool<D> {
        Pool { stride: stride.size(), ..self }
    }

    /// Positions added on both sides.
    pub fn padding(self, padding: impl Size<D>) -> Pool<D> {
        Pool { padding: padding.size(), ..self }
    }

    /// Steps from element to element of a window; maximum pooling alone.
    pub fn dilation(self, dilation: impl Size<D>) -> Pool<D> {
        Pool { dilation: dilation.size(), ..self }
    }

    /// Whether a last window that sticks out is kept.
    pub fn ceil_mode(self, ceil_mode: bool) -> Pool<D> {
        Pool { ceil_mode, ..self }
    }

    /// Whether padding counts in averages.
    pub fn count_include_pad(self, count_include_pad: bool) -> Pool<D> {
        Pool { count_include_pad, ..self }
    }

    /// What averages divide by, in place of the window's size.
    pub fn divisor_override(self, divisor: isize) -> Pool<D> {
        Pool { divisor_override: Some(divisor), ..self }
    }

    /// The number of windows along each axis of an input of `spatial` sizes, 0 where none fits.
    pub fn output_size(&self, spatial: &[usize]) -> [usize; D] {
        std::array::from_fn(|axis| {
            let extent = self.dilation[axis] * (self.kernel_size[axis].max(1) - 1) + 1;
            let (stride, padding) = (self.stride[axis].max(1), self.padding[axis]);
            // In ceil mode a window may be larger than the padded input.
            let room = (spatial[axis] + 2 * padding) as isize - extent as isize;
            let up = if self.ceil_mode { stride as isize - 1 } else { 0 };
            let count = ((room + up).div_euclid(stride as isize) + 1).max(0) as usize;
            // A window that would begin beyond the input and its left padding is dropped.
            if self.ceil_mode && count > 0 && (count - 1) * stride >= spatial[axis] + padding {
                count - 1
            } else {
                count
            }
        })
    }

    /// The windows over an input of shape `[n, c, *spatial]`.
    #[track_caller]
    pub(crate) fn windows(&self, op: &str, shape: &[usize]) -> Windows {
        let spatial = &shape[shape.len() - D..];
        let output = self.output_size(spatial);
        for axis in 0..D {
            let (kernel, stride) = (self.kernel_size[axis], self.stride[axis]);
            if kernel == 0 || stride == 0 || self.dilation[axis] == 0 {
                tensor::fault!(op, [input: shape], "kernel size, stride and dilation must be at least 1, got {:?}, {:?}, {:?}",
                    self.kernel_size, self.stride, self.dilation);
            }
            let extent = (kernel - 1) * self.dilation[axis] + 1;
            if self.padding[axis] > extent / 2 {
                tensor::fault!(op, [input: shape], "padding {} is more than half the kernel's extent {extent}",
                    self.padding[axis]);
            }
            if output[axis] == 0 {
                tensor::fault!(op, [input: shape], "kernel of extent {extent} does not fit into {} padded positions",
                    spatial[axis] + 2 * self.padding[axis]);
            }
        }
        Windows {
            kernel: widen(self.kernel_size, 1),
            stride: widen(self.stride, 1),
            padding: widen(self.padding, 0),
            dilation: widen(self.dilation, 1),
            input: widen(std::array::from_fn::<_, D, _>(|axis| spatial[axis]), 1),
            output: widen(output, 1),
        }
    }
}

/// Sizes along three axes, the missing leading ones being `fill`.
fn widen<const D: usize>(sizes: [usize; D], fill: usize) -> [usize; 3] {
    std::array::from_fn(|axis| if axis + D >= 3 { sizes[axis + D - 3] } else { fill })
}

impl<const D: usize, S: Size<D>> From<S> for Pool<D> {
    fn from(kernel_size: S) -> Pool<D> {
        Pool::new(kernel_size)
    }
}

/// An input with a batch axis, which is added where there was none, and taken from results again.
pub(crate) struct Batched {
    pub(crate) x: Variable,
    added: bool,
}

impl Batched {
    /// `x`, which has `D` spatial axes. No closure runs the op in here, for it would hide the line of the caller.
    #[track_caller]
    pub(crate) fn new<const D: usize>(op: &str, x: &Variable) -> Batched {
        if x.rank() != D + 1 && x.rank() != D + 2 {
            tensor::fault!(op, [input: x.shape()], "expected {} or {} axes, got {}", D + 1, D + 2, x.rank());
        }
        let added = x.rank() == D + 1;
        Batched { x: if added { x.unsqueeze(0) } else { x.clone() }, added }
    }

    /// A result as the input was.
    pub(crate) fn back(&self, y: &Variable) -> Variable {
        if self.added { y.squeeze(0) } else { y.clone() }
    }
}
