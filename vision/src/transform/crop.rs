//! Crops: in the middle, anywhere, of any size and shape.

use tensor::Generator;

use super::{
    Action, Interpolation, Invertibility, Pad, Padding, PaddingMode, Picture, Pixels, Record, Resize, Transform,
    Window, functional,
};

/// The rectangle in the middle; smaller pictures are padded with zeros. PyTorch: `torchvision.transforms.CenterCrop`.
#[derive(Clone, Copy, Debug)]
pub struct CenterCrop {
    size: [usize; 2],
}

impl CenterCrop {
    /// A rectangle of `[height, width]`.
    pub fn new(size: [usize; 2]) -> CenterCrop {
        CenterCrop { size }
    }
}

/// A rectangle anywhere. PyTorch: `torchvision.transforms.RandomCrop`.
#[derive(Clone, Debug)]
pub struct RandomCrop {
    size: [usize; 2],
    padding: Option<Padding>,
    pad_if_needed: bool,
    mode: PaddingMode,
}

impl RandomCrop {
    /// A rectangle of `[height, width]`.
    pub fn new(size: [usize; 2]) -> RandomCrop {
        RandomCrop { size, padding: None, pad_if_needed: false, mode: PaddingMode::default() }
    }

    /// Pads first.
    #[must_use]
    pub fn padding(mut self, padding: impl Into<Padding>) -> RandomCrop {
        self.padding = Some(padding.into());
        self
    }

    /// Pads pictures that are smaller than the crop, on both sides, as much as is missing.
    #[must_use]
    pub fn pad_if_needed(mut self, yes: bool) -> RandomCrop {
        self.pad_if_needed = yes;
        self
    }

    /// What padding is made of.
    #[must_use]
    pub fn mode(mut self, mode: PaddingMode) -> RandomCrop {
        self.mode = mode;
        self
    }
}

/// A rectangle of random area and aspect ratio, resized. PyTorch: `torchvision.transforms.RandomResizedCrop`.
#[derive(Clone, Copy, Debug)]
pub struct RandomResizedCrop {
    size: [usize; 2],
    scale: [f64; 2],
    ratio: [f64; 2],
    interpolation: Interpolation,
    antialias: bool,
}

impl RandomResizedCrop {
    /// The result's `[height, width]`; areas from 8 % to all, ratios from 3/4 to 4/3.
    pub fn new(size: [usize; 2]) -> RandomResizedCrop {
        let (scale, ratio) = ([0.08, 1.0], [3.0 / 4.0, 4.0 / 3.0]);
        RandomResizedCrop { size, scale, ratio, interpolation: Interpolation::Bilinear, antialias: true }
    }

    /// The least and the greatest part of the area.
    #[must_use]
    pub fn scale(mut self, scale: [f64; 2]) -> RandomResizedCrop {
        self.scale = scale;
        self
    }

    /// The least and the greatest ratio of width to height.
    #[must_use]
    pub fn ratio(mut self, ratio: [f64; 2]) -> RandomResizedCrop {
        self.ratio = ratio;
        self
    }

    /// How values between pixels are found.
    #[must_use]
    pub fn interpolation(mut self, interpolation: Interpolation) -> RandomResizedCrop {
        self.interpolation = interpolation;
        self
    }

    /// Whether filters of tensors widen with the reduction, as those of images always do.
    #[must_use]
    pub fn antialias(mut self, antialias: bool) -> RandomResizedCrop {
        self.antialias = antialias;
        self
    }

    fn window(&self, [rows, columns]: [usize; 2], generator: &mut Generator) -> Window {
        let mut between = |[low, high]: [f64; 2]| low + (high - low) * generator.uniform();
        let area = (rows * columns) as f64;
        for _ in 0..10 {
            let target = area * between(self.scale);
            let ratio = libm::exp(between(self.ratio.map(libm::log)));
            let width = (target * ratio).sqrt().round_ties_even() as usize;
            let height = (target / ratio).sqrt().round_ties_even() as usize;
            if (1..=columns).contains(&width) && (1..=rows).contains(&height) {
                let top = generator.below(rows - height + 1) as isize;
                let left = generator.below(columns - width + 1) as isize;
                return Window { top, left, height, width };
            }
        }
        // No luck: the largest rectangle in the middle whose ratio is allowed.
        let ratio = columns as f64 / rows.max(1) as f64;
        let (height, width) = if ratio < self.ratio[0] {
            ((columns as f64 / self.ratio[0]).round_ties_even() as usize, columns)
        } else if ratio > self.ratio[1] {
            (rows, (rows as f64 * self.ratio[1]).round_ties_even() as usize)
        } else {
            (rows, columns)
        };
        let (height, width) = (height.clamp(1, rows), width.clamp(1, columns));
        let (top, left) = (((rows - height) / 2) as isize, ((columns - width) / 2) as isize);
        Window { top, left, height, width }
    }
}

/// A rectangle cut out, remembered with the size of what it was cut from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) window: Window,
    pub(super) from: [usize; 2],
}

impl Action for Cut {
    fn name(&self) -> &'static str {
        "Crop"
    }

    fn invertibility(&self) -> Invertibility {
        let w = self.window;
        let covers = |start: isize, length: usize, size: usize| start <= 0 && start + length as isize >= size as isize;
        if covers(w.top, w.height, self.from[0]) && covers(w.left, w.width, self.from[1]) {
            Invertibility::Exact
        } else {
            Invertibility::Survivors
        }
    }

    fn forward(&self, picture: Picture) -> Picture {
        let w = self.window;
        functional::crop(&picture, w.top, w.left, w.height, w.width)
    }

    fn backward(&self, picture: Picture) -> Picture {
        functional::uncrop(&picture, self.window, self.from)
    }

    fn point(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [x - self.window.left as f64, y - self.window.top as f64]
    }

    fn point_back(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [x + self.window.left as f64, y + self.window.top as f64]
    }

    fn mask(&self, mask: Picture) -> Picture {
        self.forward(mask)
    }

    fn mask_back(&self, mask: Picture) -> Picture {
        self.backward(mask)
    }
}

impl Transform for CenterCrop {
    fn apply(&self, picture: Picture, _: &mut Generator) -> (Picture, Record) {
        let from = picture.size();
        Record::of(Cut { window: functional::center_window(from, self.size), from }, picture)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Survivors
    }
}

impl Transform for RandomCrop {
    /// # Panics
    /// If the picture, padded, is smaller than the crop.
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        let (mut picture, mut record) = (picture, Record::default());
        let mut pad = |picture: &mut Picture, padding: Padding| {
            let (padded, more) = Pad::new(padding).mode(self.mode.clone()).run(picture.clone());
            *picture = padded;
            record = std::mem::take(&mut record).then(more);
        };
        if let Some(padding) = self.padding {
            pad(&mut picture, padding);
        }
        let [height, width] = self.size;
        if self.pad_if_needed {
            let [rows, columns] = picture.size();
            if columns < width {
                pad(&mut picture, [(width - columns) as isize, 0].into());
            }
            if rows < height {
                pad(&mut picture, [0, (height - rows) as isize].into());
            }
        }
        let from @ [rows, columns] = picture.size();
        if rows < height || columns < width {
            tensor::fault!("random_crop", [x: &from], "a crop of {height} x {width} is larger than the picture");
        }
        let top = generator.below(rows - height + 1) as isize;
        let left = generator.below(columns - width + 1) as isize;
        let (picture, more) = Record::of(Cut { window: Window { top, left, height, width }, from }, picture);
        (picture, record.then(more))
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Survivors
    }
}

impl Transform for RandomResizedCrop {
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        let from = picture.size();
        let (part, record) = Record::of(Cut { window: self.window(from, generator), from }, picture);
        let (picture, more) =
            Resize::new(self.size).interpolation(self.interpolation).antialias(self.antialias).run(part);
        (picture, record.then(more))
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Survivors
    }
}
