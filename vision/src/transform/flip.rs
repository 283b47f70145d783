//! Mirror images.

use tensor::Generator;

use super::{Action, Invertibility, Picture, Pixels, Record, Transform, functional};

/// Left and right exchanged with a probability. PyTorch: `torchvision.transforms.RandomHorizontalFlip`.
#[derive(Clone, Copy, Debug)]
pub struct RandomHorizontalFlip {
    p: f64,
}

/// Top and bottom exchanged with a probability. PyTorch: `torchvision.transforms.RandomVerticalFlip`.
#[derive(Clone, Copy, Debug)]
pub struct RandomVerticalFlip {
    p: f64,
}

impl RandomHorizontalFlip {
    /// With probability `p`; 1 always flips.
    pub fn new(p: f64) -> RandomHorizontalFlip {
        RandomHorizontalFlip { p }
    }
}

impl RandomVerticalFlip {
    /// With probability `p`; 1 always flips.
    pub fn new(p: f64) -> RandomVerticalFlip {
        RandomVerticalFlip { p }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Flip {
    pub(super) horizontal: bool,
    pub(super) size: [usize; 2],
}

impl Action for Flip {
    fn name(&self) -> &'static str {
        if self.horizontal { "RandomHorizontalFlip" } else { "RandomVerticalFlip" }
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Exact
    }

    fn forward(&self, picture: Picture) -> Picture {
        if self.horizontal { functional::hflip(&picture) } else { functional::vflip(&picture) }
    }

    fn backward(&self, picture: Picture) -> Picture {
        self.forward(picture)
    }

    fn point(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        if self.horizontal { [self.size[1] as f64 - x, y] } else { [x, self.size[0] as f64 - y] }
    }

    fn point_back(&self, point: [f64; 2]) -> [f64; 2] {
        self.point(point)
    }

    fn mask(&self, mask: Picture) -> Picture {
        self.forward(mask)
    }

    fn mask_back(&self, mask: Picture) -> Picture {
        self.forward(mask)
    }
}

fn flip(picture: Picture, horizontal: bool, yes: bool) -> (Picture, Record) {
    if !yes {
        return (picture, Record::default());
    }
    let size = picture.size();
    Record::of(Flip { horizontal, size }, picture)
}

impl Transform for RandomHorizontalFlip {
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        flip(picture, true, generator.uniform() < self.p)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Exact
    }
}

impl Transform for RandomVerticalFlip {
    fn apply(&self, picture: Picture, generator: &mut Generator) -> (Picture, Record) {
        flip(picture, false, generator.uniform() < self.p)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Exact
    }
}
