//! Sizes, strides and paddings of windows, as convolutions and poolings take them: one number for all axes, or one for
//! each.

/// A number per spatial axis: `3` for all of them, or `(3, 5)` or `[3, 5]` one by one.
///
/// ```
/// use gradus_nn::ops::window::Size;
/// assert_eq!(Size::<2>::size(3), [3, 3]);
/// assert_eq!((3, 5).size(), [3, 5]);
/// ```
pub trait Size<const N: usize> {
    /// The number for each axis.
    fn size(self) -> [usize; N];
}

impl<const N: usize> Size<N> for usize {
    fn size(self) -> [usize; N] {
        [self; N]
    }
}

impl<const N: usize> Size<N> for [usize; N] {
    fn size(self) -> [usize; N] {
        self
    }
}

impl Size<2> for (usize, usize) {
    fn size(self) -> [usize; 2] {
        self.into()
    }
}

impl Size<3> for (usize, usize, usize) {
    fn size(self) -> [usize; 3] {
        self.into()
    }
}

/// How an input is extended before a window moves over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding<const N: usize> {
    /// By as much on both sides of each axis.
    By([usize; N]),
    /// So that, with stride 1, the output is as large as the input; an odd element goes to the end.
    Same,
    /// Not at all.
    Valid,
}

impl<const N: usize> Padding<N> {
    /// What is added before and after each axis, for a window of this size and dilation.
    pub fn amounts(self, kernel: [usize; N], dilation: [usize; N]) -> [(usize, usize); N] {
        std::array::from_fn(|axis| match self {
            Padding::By(amount) => (amount[axis], amount[axis]),
            Padding::Valid => (0, 0),
            Padding::Same => {
                let total = dilation[axis] * kernel[axis].saturating_sub(1);
                (total / 2, total - total / 2)
            }
        })
    }
}

impl<const N: usize, S: Size<N>> From<S> for Padding<N> {
    fn from(size: S) -> Padding<N> {
        Padding::By(size.size())
    }
}

/// What a convolution sees beyond the border.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaddingMode {
    /// Zeros.
    #[default]
    Zeros,
    /// The image mirrored at its outermost elements, which are not repeated.
    Reflect,
    /// The outermost element, again and again.
    Replicate,
    /// The other end of the image.
    Circular,
}

impl PaddingMode {
    /// PyTorch's name.
    pub fn name(self) -> &'static str {
        match self {
            PaddingMode::Zeros => "zeros",
            PaddingMode::Reflect => "reflect",
            PaddingMode::Replicate => "replicate",
            PaddingMode::Circular => "circular",
        }
    }
}
