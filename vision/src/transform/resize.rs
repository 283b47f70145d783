//! Resizing.

use tensor::Generator;

use super::{Action, Interpolation, Invertibility, Picture, Pixels, Record, Size, Transform, functional};

/// Another size. PyTorch: `torchvision.transforms.Resize`.
#[derive(Clone, Copy, Debug)]
pub struct Resize {
    size: Size,
    interpolation: Interpolation,
    antialias: bool,
}

impl Resize {
    /// The shorter edge (one number) or `[height, width]`; bilinear, antialiased.
    pub fn new(size: impl Into<Size>) -> Resize {
        Resize { size: size.into(), interpolation: Interpolation::Bilinear, antialias: true }
    }

    /// How values between pixels are found.
    #[must_use]
    pub fn interpolation(mut self, interpolation: Interpolation) -> Resize {
        self.interpolation = interpolation;
        self
    }

    /// Whether filters of tensors widen with the reduction, as those of images always do.
    #[must_use]
    pub fn antialias(mut self, antialias: bool) -> Resize {
        self.antialias = antialias;
        self
    }

    pub(super) fn run(&self, picture: Picture) -> (Picture, Record) {
        let from = picture.size();
        Record::of(Resized { from, to: self.size.of(from), options: *self }, picture)
    }
}

#[derive(Clone, Copy, Debug)]
struct Resized {
    from: [usize; 2],
    to: [usize; 2],
    options: Resize,
}

impl Resized {
    fn scale(&self, [x, y]: [f64; 2], from: [usize; 2], to: [usize; 2]) -> [f64; 2] {
        [x * to[1] as f64 / from[1] as f64, y * to[0] as f64 / from[0] as f64]
    }
}

impl Action for Resized {
    fn name(&self) -> &'static str {
        "Resize"
    }

    fn invertibility(&self) -> Invertibility {
        if self.from == self.to { Invertibility::Exact } else { Invertibility::Survivors }
    }

    fn forward(&self, picture: Picture) -> Picture {
        functional::resize(&picture, self.to, self.options.interpolation, self.options.antialias)
    }

    fn backward(&self, picture: Picture) -> Picture {
        functional::resize(&picture, self.from, self.options.interpolation, self.options.antialias)
    }

    fn point(&self, point: [f64; 2]) -> [f64; 2] {
        self.scale(point, self.from, self.to)
    }

    fn point_back(&self, point: [f64; 2]) -> [f64; 2] {
        self.scale(point, self.to, self.from)
    }

    fn mask(&self, mask: Picture) -> Picture {
        functional::resize(&mask, self.to, Interpolation::NearestExact, false)
    }

    fn mask_back(&self, mask: Picture) -> Picture {
        functional::resize(&mask, self.from, Interpolation::NearestExact, false)
    }
}

impl Transform for Resize {
    fn apply(&self, picture: Picture, _: &mut Generator) -> (Picture, Record) {
        self.run(picture)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Survivors
    }
}
