//! The small types that functional forms and transforms take: interpolation, sizes, padding, windows.

/// How values between pixels are found. PyTorch: `torchvision.transforms.InterpolationMode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// The pixel that contains the point; for tensors, by `floor(scale * i)`, off by half a pixel, as PyTorch does.
    Nearest,
    /// The nearest pixel centre.
    NearestExact,
    /// Linear in both directions.
    #[default]
    Bilinear,
    /// Cubic in both directions.
    Bicubic,
    /// The mean over the pixel's area; images only.
    Box,
    /// A Hamming-windowed sinc of support 1; images only.
    Hamming,
    /// A Lanczos-windowed sinc of support 3; images only.
    Lanczos,
}

impl Interpolation {
    /// Whether values are only moved, never mixed.
    pub fn is_nearest(self) -> bool {
        matches!(self, Interpolation::Nearest | Interpolation::NearestExact)
    }
}

/// The size that a resize leads to.
///
/// ```
/// use gradus_vision::transform::Size;
/// assert_eq!(Size::from(224).of([400, 600]), [224, 336]);
/// assert_eq!(Size::from([10, 20]).of([400, 600]), [10, 20]);
/// assert_eq!(Size::Shorter { edge: 224, max: Some(300) }.of([400, 600]), [200, 300]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// `[height, width]`.
    Exact([usize; 2]),
    /// The shorter edge; the other keeps the aspect ratio, and shrinks both where it would pass `max`.
    Shorter {
        /// Length of the shorter edge.
        edge: usize,
        /// Greatest length of the longer edge.
        max: Option<usize>,
    },
}

impl Size {
    /// `[height, width]` for a picture of `[height, width]`. PyTorch: `_compute_resized_output_size`.
    ///
    /// # Panics
    /// If `max` is not greater than `edge`, or the picture is empty.
    #[track_caller]
    pub fn of(self, [height, width]: [usize; 2]) -> [usize; 2] {
        let (edge, max) = match self {
            Size::Exact(size) => return size,
            Size::Shorter { edge, max } => (edge, max),
        };
        let (short, long) = (height.min(width), height.max(width));
        if short == 0 {
            tensor::fault!("resize", [x: &[height, width]], "an empty picture has no aspect ratio");
        }
        // Python's int(a * b / c): a true division, truncated.
        let scaled = |a: usize, b: usize, c: usize| ((a * b) as f64 / c as f64) as usize;
        let (mut new_short, mut new_long) = (edge, scaled(edge, long, short));
        if let Some(max) = max {
            if max <= edge {
                tensor::fault!("resize", [], "the longest edge {max} must be greater than the shorter edge {edge}");
            }
            if new_long > max {
                (new_short, new_long) = (scaled(max, new_short, new_long), max);
            }
        }
        if width <= height { [new_long, new_short] } else { [new_short, new_long] }
    }
}

impl From<usize> for Size {
    fn from(edge: usize) -> Size {
        Size::Shorter { edge, max: None }
    }
}

impl From<[usize; 2]> for Size {
    fn from(size: [usize; 2]) -> Size {
        Size::Exact(size)
    }
}

impl From<(usize, usize)> for Size {
    fn from((height, width): (usize, usize)) -> Size {
        Size::Exact([height, width])
    }
}

/// Rows and columns added at each border; negative numbers cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Padding {
    /// Columns at the left.
    pub left: isize,
    /// Rows at the top.
    pub top: isize,
    /// Columns at the right.
    pub right: isize,
    /// Rows at the bottom.
    pub bottom: isize,
}

impl From<isize> for Padding {
    fn from(all: isize) -> Padding {
        Padding { left: all, top: all, right: all, bottom: all }
    }
}

impl From<[isize; 2]> for Padding {
    /// `[left and right, top and bottom]`.
    fn from([x, y]: [isize; 2]) -> Padding {
        Padding { left: x, top: y, right: x, bottom: y }
    }
}

impl From<[isize; 4]> for Padding {
    /// `[left, top, right, bottom]`.
    fn from([left, top, right, bottom]: [isize; 4]) -> Padding {
        Padding { left, top, right, bottom }
    }
}

/// What stands in the padding.
#[derive(Clone, Debug, PartialEq)]
pub enum PaddingMode {
    /// One value for all channels, or one per channel.
    Constant(Vec<f64>),
    /// The pixel at the edge.
    Edge,
    /// The picture mirrored at its edge pixel, which is not repeated.
    Reflect,
    /// The picture mirrored at its edge, whose pixel is repeated.
    Symmetric,
}

impl Default for PaddingMode {
    fn default() -> PaddingMode {
        PaddingMode::Constant(vec![0.0])
    }
}

/// A rectangle of pixels; it may reach beyond the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first row.
    pub top: isize,
    /// The first column.
    pub left: isize,
    /// The number of rows.
    pub height: usize,
    /// The number of columns.
    pub width: usize,
}

impl Window {
    /// A rectangle by its corner and size.
    pub fn new(top: isize, left: isize, height: usize, width: usize) -> Window {
        Window { top, left, height, width }
    }
}
