//! Many pictures in one: grids, labelled sheets, side by side, animations.

use std::path::Path;

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, Frame, RgbaImage};
use tensor::{DType, Tensor};

use super::{BLACK, Canvas, Color, Colormap, GREEN, RED, WHITE};
use crate::{Result, VisionError};

/// How [`make_grid`] arranges pictures.
#[derive(Clone, Debug)]
pub struct GridOptions {
    /// Pictures per row.
    pub nrow: usize,
    /// Pixels between pictures and around them.
    pub padding: usize,
    /// Shift and scale values to 0..1.
    pub normalize: bool,
    /// The values that become 0 and 1; the smallest and largest if `None`.
    pub value_range: Option<(f64, f64)>,
    /// Look for the smallest and largest value in each picture by itself.
    pub scale_each: bool,
    /// The value between pictures.
    pub pad_value: f64,
}

impl Default for GridOptions {
    fn default() -> GridOptions {
        GridOptions { nrow: 8, padding: 2, normalize: false, value_range: None, scale_each: false, pad_value: 0.0 }
    }
}

/// One picture `[C, H', W']` out of `[N, C, H, W]`, row by row; one channel becomes three.
/// PyTorch: `torchvision.utils.make_grid`.
///
/// ```
/// use gradus_vision::draw::{GridOptions, make_grid};
/// use tensor::{DType, Tensor};
/// let grid = make_grid(&Tensor::zeros([5, 1, 4, 4], DType::F32), &GridOptions { nrow: 3, ..Default::default() });
/// assert_eq!(grid.shape(), &[3, 14, 20]);
/// ```
///
/// # Panics
/// If the pictures have no such shape, or there are none.
#[track_caller]
pub fn make_grid(images: &Tensor, options: &GridOptions) -> Tensor {
    let mut x = match images.rank() {
        2 => images.unsqueeze(0).unsqueeze(0),
        3 => images.unsqueeze(0),
        4 => images.clone(),
        _ => tensor::fault!("make_grid", [images: images.shape()], "expected [n, channels, height, width]"),
    };
    if x.shape()[0] == 0 || options.nrow == 0 {
        tensor::fault!("make_grid", [images: images.shape()], "expected at least 1 image and 1 per row");
    }
    if x.shape()[1] == 1 {
        x = x.expand([x.shape()[0], 3, x.shape()[2], x.shape()[3]]);
    }
    if options.normalize {
        x = rescale(&x, options);
    }
    if x.shape()[0] == 1 && images.rank() < 4 {
        return x.select(0, 0);
    }
    if x.shape()[0] == 1 {
        return x.select(0, 0);
    }
    let (n, channels, height, width) = (x.shape()[0], x.shape()[1], x.shape()[2], x.shape()[3]);
    let columns = options.nrow.min(n);
    let rows = n.div_ceil(columns);
    let pad = options.padding;
    let blank = |h: usize, w: usize| Tensor::full([channels, h, w], options.pad_value, x.dtype());
    let cell = |i: usize| {
        let picture = if i < n { x.select(0, i as isize) } else { blank(height, width) };
        picture.pad_constant(&[(pad, 0), (pad, 0)], options.pad_value)
    };
    let lines: Vec<Tensor> = (0..rows)
        .map(|row| {
            let mut parts: Vec<Tensor> = (0..columns).map(|column| cell(row * columns + column)).collect();
            parts.push(blank(height + pad, pad));
            Tensor::cat(&parts.iter().collect::<Vec<_>>(), 2)
        })
        .collect();
    let mut parts: Vec<&Tensor> = lines.iter().collect();
    let last = blank(pad, columns * (width + pad) + pad);
    parts.push(&last);
    Tensor::cat(&parts, 1)
}

fn rescale(x: &Tensor, options: &GridOptions) -> Tensor {
    let one = |x: &Tensor| {
        let (low, high) = options.value_range.unwrap_or_else(|| {
            let wide = x.to_dtype(DType::F64);
            (wide.amin(&[], false).item::<f64>(), wide.amax(&[], false).item::<f64>())
        });
        (x.clamp(low, high) - low) / (high - low).max(1e-5)
    };
    if !options.scale_each {
        return one(x);
    }
    let parts: Vec<Tensor> = (0..x.shape()[0]).map(|i| one(&x.select(0, i as isize))).collect();
    Tensor::stack(&parts.iter().collect::<Vec<_>>(), 0)
}

/// Saves pictures `[N, C, H, W]` (as a grid) or `[C, H, W]`. PyTorch: `torchvision.utils.save_image`.
///
/// # Errors
/// If the file cannot be written or the format is not known.
///
/// # Panics
/// As [`make_grid`].
#[track_caller]
pub fn save_image(images: &Tensor, path: impl AsRef<Path>, options: &GridOptions) -> Result<()> {
    Canvas::from_tensor(&make_grid(images, options)).save(path)
}

/// A matrix `[H, W]` in colours, from its smallest to its largest value (or over `range`): `u8 [3, H, W]`.
///
/// # Panics
/// If it is no matrix.
#[track_caller]
pub fn color_map(x: &Tensor, colormap: Colormap, range: Option<(f64, f64)>) -> Tensor {
    if x.rank() != 2 {
        tensor::fault!("color_map", [input: x.shape()], "expected [height, width]");
    }
    let values = x.to_dtype(DType::F64).to_vec::<f64>();
    let (low, high) = range.unwrap_or_else(|| {
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max))
    });
    let scale = if high > low { 1.0 / (high - low) } else { 0.0 };
    let colors: Vec<u8> = values.iter().flat_map(|v| colormap.color((v - low) * scale)).collect();
    Tensor::from_vec(colors, [x.shape()[0], x.shape()[1], 3]).permute([2, 0, 1]).contiguous()
}

/// Pictures beside each other, each with a title above.
///
/// # Panics
/// If a picture is no `[1 or 3, H, W]`.
#[track_caller]
pub fn side_by_side(pictures: &[(&str, &Tensor)]) -> Canvas {
    const GAP: usize = 12;
    const TITLE: usize = 26;
    let panels: Vec<Canvas> = pictures.iter().map(|(_, x)| Canvas::from_tensor(x)).collect();
    let wide = |i: usize| panels[i].width().max(Canvas::text_width(pictures[i].0, 18.0));
    let height = panels.iter().map(Canvas::height).max().unwrap_or(0);
    let width: usize = (0..panels.len()).map(|i| wide(i) + GAP).sum();
    let mut canvas = Canvas::new(height + TITLE + GAP, width + GAP, WHITE);
    let mut column = GAP as isize;
    for (i, panel) in panels.iter().enumerate() {
        canvas.text(pictures[i].0, (4, column), 18.0, BLACK);
        canvas.paste_canvas(panel, (TITLE as isize, column));
        column += (wide(i) + GAP) as isize;
    }
    canvas
}

/// A sheet of small pictures, each with a caption and perhaps a coloured mark.
///
/// ```
/// use gradus_vision::draw::{GREEN, Sheet};
/// use tensor::{DType, Tensor};
/// let mut sheet = Sheet::new(4).enlarge(2);
/// sheet.push(&Tensor::zeros([1, 28, 28], DType::F32), "7", Some(GREEN));
/// assert!(sheet.to_canvas().height() > 56);
/// ```
#[derive(Clone, Debug)]
pub struct Sheet {
    columns: usize,
    factor: usize,
    cells: Vec<(Canvas, String, Option<Color>)>,
}

impl Sheet {
    /// An empty sheet of so many columns.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn new(columns: usize) -> Sheet {
        assert!(columns > 0, "sheet: expected at least 1 column, got 0");
        Sheet { columns, factor: 1, cells: vec![] }
    }

    /// Shows each pixel as a square of `factor` pixels.
    #[must_use]
    pub fn enlarge(mut self, factor: usize) -> Sheet {
        self.factor = factor.max(1);
        self
    }

    /// Adds a picture `[1 or 3, H, W]`.
    ///
    /// # Panics
    /// If it is no such picture.
    #[track_caller]
    pub fn push(&mut self, picture: &Tensor, caption: impl Into<String>, mark: Option<Color>) {
        self.cells.push((Canvas::from_tensor(picture).enlarge(self.factor), caption.into(), mark));
    }

    /// Adds a picture with the class that a network predicts: in green if it is the true one, else in red with the true
    /// one beside it.
    ///
    /// # Panics
    /// If it is no picture `[1 or 3, H, W]`.
    #[track_caller]
    pub fn push_prediction(&mut self, picture: &Tensor, predicted: &str, truth: &str) {
        if predicted == truth {
            self.push(picture, predicted, Some(GREEN));
        } else {
            self.push(picture, format!("{predicted} (is {truth})"), Some(RED));
        }
    }

    /// The finished sheet.
    pub fn to_canvas(&self) -> Canvas {
        const GAP: usize = 8;
        const TEXT: f32 = 16.0;
        let columns = self.columns.min(self.cells.len().max(1));
        // Every row is as high, and every column as wide, as its largest cell.
        let (mut heights, mut widths) = (vec![0; self.cells.len().div_ceil(columns)], vec![0; columns]);
        for (i, (picture, text, _)) in self.cells.iter().enumerate() {
            let (height, width) = (&mut heights[i / columns], &mut widths[i % columns]);
            *height = picture.height().max(*height);
            *width = picture.width().max(Canvas::text_width(text, TEXT)).max(*width);
        }
        let starts = |sizes: &[usize], more: usize| {
            let next = |at: &mut usize, size: &usize| Some(std::mem::replace(at, *at + size + more));
            sizes.iter().chain([&0]).scan(GAP, next).collect::<Vec<usize>>()
        };
        let (rows, columns) = (starts(&heights, GAP + TEXT as usize + 4), starts(&widths, GAP));
        let end = |starts: &[usize]| starts.last().copied().unwrap_or(GAP);
        let mut canvas = Canvas::new(end(&rows), end(&columns), WHITE);
        for (i, (picture, text, mark)) in self.cells.iter().enumerate() {
            let (row, column) = (rows[i / widths.len()] as isize, columns[i % widths.len()] as isize);
            canvas.paste_canvas(picture, (row, column));
            if let Some(color) = mark {
                canvas.frame((row, column), (picture.height(), picture.width()), 3, *color);
            }
            canvas.text(text, (row + picture.height() as isize + 2, column), TEXT, mark.unwrap_or(BLACK));
        }
        canvas
    }
}

/// Saves pictures `[N, C, H, W]` as an endless animation, each shown for `milliseconds`.
///
/// # Errors
/// If the file cannot be written.
///
/// # Panics
/// If the tensor holds no such pictures.
#[track_caller]
pub fn save_gif(frames: &Tensor, path: impl AsRef<Path>, milliseconds: u32) -> Result<()> {
    if frames.rank() != 4 {
        tensor::fault!("save_gif", [frames: frames.shape()], "expected [n, channels, height, width]");
    }
    let path = path.as_ref();
    let mut bytes = Vec::new();
    let fault = |error: image::ImageError| VisionError::Encode { path: path.to_path_buf(), reason: error.to_string() };
    {
        let mut encoder = GifEncoder::new(&mut bytes);
        encoder.set_repeat(Repeat::Infinite).map_err(fault)?;
        for i in 0..frames.shape()[0] {
            let canvas = Canvas::from_tensor(&frames.select(0, i as isize));
            let rgba: Vec<u8> = canvas.bytes().chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
            let picture = RgbaImage::from_raw(canvas.width() as u32, canvas.height() as u32, rgba)
                .expect("four bytes per pixel were collected");
            let delay = Delay::from_numer_denom_ms(milliseconds, 1);
            encoder.encode_frame(Frame::from_parts(picture, 0, 0, delay)).map_err(fault)?;
        }
    }
    crate::image::write_atomic(path, &bytes)
}
