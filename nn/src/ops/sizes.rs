//! Sizes along spatial axes, written as one number for all or as one per axis: `3` or `(3, 5)`.

/// Sizes along `D` axes; `3` means 3 along each.
///
/// ```
/// use gradus_nn::ops::sizes::Sizes;
/// assert_eq!(Sizes::<2>::sizes(3), [3, 3]);
/// assert_eq!(Sizes::<2>::sizes((3, 5)), [3, 5]);
/// ```
pub trait Sizes<const D: usize> {
    /// One size per axis.
    fn sizes(self) -> [usize; D];
}

impl<const D: usize> Sizes<D> for usize {
    fn sizes(self) -> [usize; D] {
        [self; D]
    }
}

impl<const D: usize> Sizes<D> for [usize; D] {
    fn sizes(self) -> [usize; D] {
        self
    }
}

impl Sizes<2> for (usize, usize) {
    fn sizes(self) -> [usize; 2] {
        [self.0, self.1]
    }
}

impl Sizes<3> for (usize, usize, usize) {
    fn sizes(self) -> [usize; 3] {
        [self.0, self.1, self.2]
    }
}
