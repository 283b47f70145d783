//! Moves of pixels that need no arithmetic: crops, flips, erasing.

use tensor::{Tensor, dispatch};

use super::{pad, resize};
use crate::transform::{Interpolation, Padding, PaddingMode, Pixels, Size, Window};

/// The rectangle of `height` x `width` whose first pixel is at (`top`, `left`); zeros beyond the picture.
/// PyTorch: `torchvision.transforms.functional.crop`.
///
/// ```
/// use tensor::Tensor;
/// use gradus_vision::transform::functional::crop;
/// let x = Tensor::from([[[1u8, 2, 3], [4, 5, 6]]]);
/// assert_eq!(crop(&x, 0, 1, 2, 2).to_vec::<u8>(), [2, 3, 5, 6]);
/// assert_eq!(crop(&x, -1, 2, 2, 2).to_vec::<u8>(), [0, 0, 3, 0]);
/// ```
#[track_caller]
pub fn crop<P: Pixels>(picture: &P, top: isize, left: isize, height: usize, width: usize) -> P {
    let [rows, columns] = picture.size();
    let cut = |start: isize, length: usize, size: usize| {
        let from = start.clamp(0, size as isize);
        let to = start.saturating_add_unsigned(length).clamp(from, size as isize);
        (from as usize, (to - from) as usize, (from - start).clamp(0, length as isize) as usize)
    };
    let (y, kept_y, above) = cut(top, height, rows);
    let (x, kept_x, before) = cut(left, width, columns);
    let inside = picture.pixels().narrow(-2, y, kept_y).narrow(-1, x, kept_x);
    if (kept_y, kept_x) == (height, width) {
        return picture.with_pixels(inside);
    }
    let padding = [(above, height - above - kept_y), (before, width - before - kept_x)];
    picture.with_pixels(inside.pad_constant(&padding, 0.0))
}

/// The rectangle of `[height, width]` in the middle; a smaller picture is padded with zeros first.
/// PyTorch: `torchvision.transforms.functional.center_crop`.
///
/// ```
/// use tensor::Tensor;
/// use gradus_vision::transform::functional::center_crop;
/// let x = Tensor::from([[[1u8, 2, 3], [4, 5, 6], [7, 8, 9]]]);
/// assert_eq!(center_crop(&x, [1, 1]).to_vec::<u8>(), [5]);
/// ```
#[track_caller]
pub fn center_crop<P: Pixels>(picture: &P, size: [usize; 2]) -> P {
    let window = center_window(picture.size(), size);
    crop(picture, window.top, window.left, window.height, window.width)
}

/// Where [`center_crop`] cuts. Halves are rounded to even, and padding puts the odd row or column last.
pub(crate) fn center_window([rows, columns]: [usize; 2], [height, width]: [usize; 2]) -> Window {
    let start = |have: usize, want: usize| {
        if want > have { -(((want - have) / 2) as isize) } else { half_to_even(have - want) as isize }
    };
    Window { top: start(rows, height), left: start(columns, width), height, width }
}

/// Python's `round(n / 2)`.
fn half_to_even(n: usize) -> usize {
    n / 2 + (n % 4 == 3) as usize
}

/// A crop, then a resize. PyTorch: `torchvision.transforms.functional.resized_crop`.
///
/// # Panics
/// As [`resize`].
#[track_caller]
pub fn resized_crop<P: Pixels>(
    picture: &P,
    window: Window,
    size: impl Into<Size>,
    interpolation: Interpolation,
    antialias: bool,
) -> P {
    let part = crop(picture, window.top, window.left, window.height, window.width);
    resize(&part, size, interpolation, antialias)
}

/// Left and right exchanged; a view. PyTorch: `torchvision.transforms.functional.hflip`.
#[track_caller]
pub fn hflip<P: Pixels>(picture: &P) -> P {
    picture.with_pixels(picture.pixels().flip(&[-1]))
}

/// Top and bottom exchanged; a view. PyTorch: `torchvision.transforms.functional.vflip`.
#[track_caller]
pub fn vflip<P: Pixels>(picture: &P) -> P {
    picture.with_pixels(picture.pixels().flip(&[-2]))
}

/// The four corners and the centre, `[height, width]` each: top left, top right, bottom left, bottom right, centre.
/// PyTorch: `torchvision.transforms.functional.five_crop`.
///
/// # Panics
/// If the picture is smaller than a crop.
#[track_caller]
pub fn five_crop<P: Pixels>(picture: &P, size: [usize; 2]) -> [P; 5] {
    five_windows(picture.size(), size).map(|w| crop(picture, w.top, w.left, w.height, w.width))
}

/// Where [`five_crop`] cuts.
#[track_caller]
pub(crate) fn five_windows([rows, columns]: [usize; 2], [height, width]: [usize; 2]) -> [Window; 5] {
    if height > rows || width > columns {
        let x = [rows, columns];
        tensor::fault!("five_crop", [x: &x], "a crop of {height} x {width} is larger than the picture");
    }
    let (bottom, right) = ((rows - height) as isize, (columns - width) as isize);
    let corner = |top, left| Window { top, left, height, width };
    let center = center_window([rows, columns], [height, width]);
    [corner(0, 0), corner(0, right), corner(bottom, 0), corner(bottom, right), center]
}

/// [`five_crop`] of the picture, and of its mirror image (top and bottom exchanged if `vertical_flip`, else left and
/// right). PyTorch: `torchvision.transforms.functional.ten_crop`.
///
/// # Panics
/// If the picture is smaller than a crop.
#[track_caller]
pub fn ten_crop<P: Pixels>(picture: &P, size: [usize; 2], vertical_flip: bool) -> [P; 10] {
    let flipped = if vertical_flip { vflip(picture) } else { hflip(picture) };
    let [a, b, c, d, e] = five_crop(picture, size);
    let [f, g, h, i, j] = five_crop(&flipped, size);
    [a, b, c, d, e, f, g, h, i, j]
}

/// The picture with `value`, which must broadcast to the window, in the place of a rectangle.
/// PyTorch: `torchvision.transforms.functional.erase`.
///
/// # Panics
/// If dtypes differ, or `value` does not broadcast to the part of the window that lies inside the picture.
#[track_caller]
pub fn erase<P: Pixels>(picture: &P, window: Window, value: &Tensor) -> P {
    let x = picture.pixels();
    let [rows, columns] = picture.size();
    if value.dtype() != x.dtype() {
        tensor::fault!("erase", [x: x.shape(), value: value.shape()],
            "dtypes differ, {} and {}; convert with to_dtype", x.dtype(), value.dtype());
    }
    let clip = |start: isize, length: usize, size: usize| {
        let from = start.clamp(0, size as isize) as usize;
        (from, start.saturating_add_unsigned(length).clamp(from as isize, size as isize) as usize)
    };
    let (top, bottom) = clip(window.top, window.height, rows);
    let (left, right) = clip(window.left, window.width, columns);
    let mut shape = x.shape().to_vec();
    let rank = shape.len();
    (shape[rank - 2], shape[rank - 1]) = (bottom - top, right - left);
    let patch = value.expand(&shape).contiguous();
    let mut result = x.contiguous();
    dispatch!(all "erase", x.dtype(), T => {
        let patch = patch.as_slice::<T>().expect("made contiguous");
        let width = right - left;
        let height = bottom - top;
        if width > 0 && height > 0 {
            let out = result.make_mut::<T>();
            for (row, source) in patch.chunks_exact(width).enumerate() {
                let start = (row / height * rows + top + row % height) * columns + left;
                out[start..start + width].copy_from_slice(source);
            }
        }
    });
    picture.with_pixels(result)
}

/// A picture of `size` full of zeros with `part` at a window's place: what [`crop`] leaves, put back.
#[track_caller]
pub(crate) fn uncrop<P: Pixels>(part: &P, window: Window, [rows, columns]: [usize; 2]) -> P {
    let padding = Padding {
        left: window.left,
        top: window.top,
        right: columns as isize - window.left - window.width as isize,
        bottom: rows as isize - window.top - window.height as isize,
    };
    pad(part, padding, &PaddingMode::default())
}
