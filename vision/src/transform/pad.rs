//! Padding.

use tensor::Generator;

use super::{Action, Invertibility, Padding, PaddingMode, Picture, Pixels, Record, Transform, functional};

/// Rows and columns added at the borders. PyTorch: `torchvision.transforms.Pad`.
#[derive(Clone, Debug)]
pub struct Pad {
    padding: Padding,
    mode: PaddingMode,
}

impl Pad {
    /// Zeros on all sides (one number), left and right and top and bottom (two), or left, top, right, bottom (four).
    pub fn new(padding: impl Into<Padding>) -> Pad {
        Pad { padding: padding.into(), mode: PaddingMode::default() }
    }

    /// Something else than zeros.
    #[must_use]
    pub fn mode(mut self, mode: PaddingMode) -> Pad {
        self.mode = mode;
        self
    }

    pub(super) fn run(&self, picture: Picture) -> (Picture, Record) {
        let size = picture.size();
        Record::of(Padded { pad: self.clone(), size }, picture)
    }
}

#[derive(Clone, Debug)]
struct Padded {
    pad: Pad,
    size: [usize; 2],
}

impl Padded {
    fn cuts(&self) -> bool {
        let p = self.pad.padding;
        p.left.min(p.top).min(p.right).min(p.bottom) < 0
    }
}

impl Action for Padded {
    fn name(&self) -> &'static str {
        "Pad"
    }

    fn invertibility(&self) -> Invertibility {
        if self.cuts() { Invertibility::Survivors } else { Invertibility::Exact }
    }

    fn forward(&self, picture: Picture) -> Picture {
        functional::pad(&picture, self.pad.padding, &self.pad.mode)
    }

    fn backward(&self, picture: Picture) -> Picture {
        functional::crop(&picture, self.pad.padding.top, self.pad.padding.left, self.size[0], self.size[1])
    }

    fn point(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [x + self.pad.padding.left as f64, y + self.pad.padding.top as f64]
    }

    fn point_back(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        [x - self.pad.padding.left as f64, y - self.pad.padding.top as f64]
    }

    fn mask(&self, mask: Picture) -> Picture {
        functional::pad(&mask, self.pad.padding, &PaddingMode::default())
    }

    fn mask_back(&self, mask: Picture) -> Picture {
        self.backward(mask)
    }
}

impl Transform for Pad {
    fn apply(&self, picture: Picture, _: &mut Generator) -> (Picture, Record) {
        self.run(picture)
    }

    fn invertibility(&self) -> Invertibility {
        let p = self.padding;
        if p.left.min(p.top).min(p.right).min(p.bottom) < 0 { Invertibility::Survivors } else { Invertibility::Exact }
    }
}
