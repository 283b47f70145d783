//! A picture to draw on: filled rectangles, pasted tensors, text.

use tensor::{DType, Tensor};

use super::text;
use crate::{Image, Mode};

/// Red, green and blue, 0 to 255.
pub type Color = [u8; 3];

/// `[0, 0, 0]`.
pub const BLACK: Color = [0; 3];
/// `[255, 255, 255]`.
pub const WHITE: Color = [255; 3];
/// A green that red-blind people tell from [`RED`] by its lightness.
pub const GREEN: Color = [0, 158, 115];
/// A dark orange red.
pub const RED: Color = [213, 94, 0];

/// An RGB picture to draw on; what falls outside is cut off.
///
/// ```
/// use gradus_vision::draw::{BLACK, Canvas, WHITE};
/// let mut canvas = Canvas::new(20, 80, WHITE);
/// canvas.text("hello", (4, 2), 14.0, BLACK);
/// assert_eq!((canvas.height(), canvas.width()), (20, 80));
/// ```
#[derive(Clone, Debug)]
pub struct Canvas {
    height: usize,
    width: usize,
    pixels: Vec<Color>,
}

impl Canvas {
    /// A canvas of one colour.
    pub fn new(height: usize, width: usize, color: Color) -> Canvas {
        Canvas { height, width, pixels: vec![color; height * width] }
    }

    /// A canvas that shows a tensor; see [`paste`](Canvas::paste).
    #[track_caller]
    pub fn from_tensor(x: &Tensor) -> Canvas {
        let mut canvas = Canvas::new(x.size(-2), x.size(-1), BLACK);
        canvas.paste(x, (0, 0));
        canvas
    }

    /// Rows of pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns of pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The colour at a row and column.
    ///
    /// # Panics
    /// If it lies outside.
    pub fn pixel(&self, row: usize, column: usize) -> Color {
        self.pixels[row * self.width + column]
    }

    /// Sets one pixel, if it lies inside.
    pub fn set(&mut self, row: isize, column: isize, color: Color) {
        self.blend(row, column, color, 1.0);
    }

    /// Mixes a colour into one pixel, if it lies inside.
    pub(crate) fn blend(&mut self, row: isize, column: isize, color: Color, share: f32) {
        if row < 0 || column < 0 || row as usize >= self.height || column as usize >= self.width {
            return;
        }
        let pixel = &mut self.pixels[row as usize * self.width + column as usize];
        for (old, new) in pixel.iter_mut().zip(color) {
            *old = (f32::from(*old) + (f32::from(new) - f32::from(*old)) * share).round() as u8;
        }
    }

    /// Fills a rectangle.
    pub fn fill(&mut self, (row, column): (isize, isize), (height, width): (usize, usize), color: Color) {
        for y in row.max(0)..(row + height as isize).min(self.height as isize) {
            for x in column.max(0)..(column + width as isize).min(self.width as isize) {
                self.pixels[y as usize * self.width + x as usize] = color;
            }
        }
    }

    /// Draws the border of a rectangle, `thickness` pixels inwards.
    pub fn frame(&mut self, at: (isize, isize), (height, width): (usize, usize), thickness: usize, color: Color) {
        let (row, column) = at;
        let t = thickness as isize;
        self.fill(at, (thickness, width), color);
        self.fill((row + height as isize - t, column), (thickness, width), color);
        self.fill(at, (height, thickness), color);
        self.fill((row, column + width as isize - t), (height, thickness), color);
    }

    /// Pastes a picture `[C, H, W]` or `[H, W]` with 1 or 3 channels: `u8` as it is, floats 0 to 1 (clamped).
    ///
    /// # Panics
    /// If the tensor is no such picture.
    #[track_caller]
    pub fn paste(&mut self, x: &Tensor, (row, column): (isize, isize)) {
        let x = if x.rank() == 2 { x.unsqueeze(0) } else { x.clone() };
        if x.rank() != 3 || !matches!(x.shape()[0], 1 | 3) {
            tensor::fault!("paste", [picture: x.shape()], "expected [1 or 3, height, width]");
        }
        let bytes = match x.dtype() {
            DType::U8 => x,
            _ => x.to_dtype(DType::F32).map(|v: f32| (v.clamp(0.0, 1.0) * 255.0).round() as u8),
        };
        let (channels, height, width) = (bytes.shape()[0], bytes.shape()[1], bytes.shape()[2]);
        let values = bytes.to_vec::<u8>();
        for y in 0..height {
            for x in 0..width {
                let channel = |c: usize| values[(c.min(channels - 1) * height + y) * width + x];
                self.set(row + y as isize, column + x as isize, [channel(0), channel(1), channel(2)]);
            }
        }
    }

    /// Pastes another canvas.
    pub fn paste_canvas(&mut self, other: &Canvas, (row, column): (isize, isize)) {
        for y in 0..other.height {
            for x in 0..other.width {
                self.set(row + y as isize, column + x as isize, other.pixels[y * other.width + x]);
            }
        }
    }

    /// Writes one line of text whose box starts at a row and column; `size` is its height in pixels.
    pub fn text(&mut self, line: &str, at: (isize, isize), size: f32, color: Color) {
        text::draw(self, line, at, size, color);
    }

    /// How wide a line of text would be, in pixels.
    pub fn text_width(line: &str, size: f32) -> usize {
        text::width(line, size)
    }

    /// The picture `factor` times as large, each pixel a square.
    pub fn enlarge(&self, factor: usize) -> Canvas {
        let (height, width) = (self.height * factor, self.width * factor);
        let pixels =
            (0..height * width).map(|i| self.pixels[(i / width / factor) * self.width + i % width / factor]).collect();
        Canvas { height, width, pixels }
    }

    /// The finished picture.
    pub fn to_image(&self) -> Image {
        Image::from_bytes(self.pixels.as_flattened(), Mode::RGB, [self.height, self.width])
    }

    /// The finished picture as `u8 [3, H, W]`.
    pub fn to_tensor(&self) -> Tensor {
        Tensor::from_slice(self.pixels.as_flattened(), [self.height, self.width, 3]).permute([2, 0, 1])
    }

    /// The RGB bytes, row by row.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.pixels.as_flattened()
    }

    /// A canvas from RGB bytes, row by row.
    pub(crate) fn from_bytes(height: usize, width: usize, bytes: &[u8]) -> Canvas {
        let pixels = bytes.chunks_exact(3).map(|p| [p[0], p[1], p[2]]).collect();
        Canvas { height, width, pixels }
    }

    /// Saves the picture in the format of the file's ending.
    ///
    /// # Errors
    /// If the file cannot be written or the format is not known.
    pub fn save(&self, path: impl AsRef<std::path::Path>) -> crate::Result<()> {
        self.to_image().save(path)
    }
}
