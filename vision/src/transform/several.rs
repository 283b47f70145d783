//! Crops that make several pictures of one: stacked in a new first axis.

use tensor::{Generator, Tensor};

use super::convert::Conversion;
use super::crop::Cut;
use super::flip::Flip;
use super::{Action, Invertibility, Picture, Pixels, Record, Transform, functional};

/// Corners and centre as a tensor `[5, C, H, W]`: top left, top right, bottom left, bottom right, centre. Points and boxes
/// travel through [`Record::each`]. PyTorch: `torchvision.transforms.FiveCrop`, which gives a tuple.
#[derive(Clone, Copy, Debug)]
pub struct FiveCrop {
    size: [usize; 2],
}

/// Corners and centre of the picture and of its mirror image as a tensor `[10, C, H, W]`. Points and boxes travel through
/// [`Record::each`]. PyTorch: `torchvision.transforms.TenCrop`, which gives a tuple.
#[derive(Clone, Copy, Debug)]
pub struct TenCrop {
    size: [usize; 2],
    vertical_flip: bool,
}

impl FiveCrop {
    /// Crops of `[height, width]`.
    pub fn new(size: [usize; 2]) -> FiveCrop {
        FiveCrop { size }
    }
}

impl TenCrop {
    /// Crops of `[height, width]`; the mirror image exchanges left and right.
    pub fn new(size: [usize; 2]) -> TenCrop {
        TenCrop { size, vertical_flip: false }
    }

    /// The mirror image exchanges top and bottom instead.
    #[must_use]
    pub fn vertical_flip(mut self, yes: bool) -> TenCrop {
        self.vertical_flip = yes;
        self
    }
}

#[derive(Clone, Copy, Debug)]
struct Crops {
    size: [usize; 2],
    from: [usize; 2],
    /// Whether there is a mirror image, and whether it is upside down.
    mirror: Option<bool>,
    image: bool,
}

impl Action for Crops {
    fn name(&self) -> &'static str {
        if self.mirror.is_some() { "TenCrop" } else { "FiveCrop" }
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Survivors
    }

    fn forward(&self, picture: Picture) -> Picture {
        let x = picture.into_tensor();
        let crops: Vec<Tensor> = match self.mirror {
            None => functional::five_crop(&x, self.size).into(),
            Some(vertical) => functional::ten_crop(&x, self.size, vertical).into(),
        };
        Picture::Tensor(Tensor::stack(&crops.iter().collect::<Vec<_>>(), 0))
    }

    /// Every crop is put back where it came from; where several cover a pixel, the first counts.
    fn backward(&self, picture: Picture) -> Picture {
        let x = picture.into_tensor();
        let mut shape = x.shape()[1..].to_vec();
        let rank = shape.len();
        (shape[rank - 2], shape[rank - 1]) = (self.from[0], self.from[1]);
        let mut result = Tensor::zeros(&shape, x.dtype());
        let windows = functional::five_windows(self.from, self.size);
        for i in (0..x.shape()[0]).rev() {
            let part = x.select(0, i as isize);
            result = match self.flip(i) {
                None => functional::erase(&result, windows[i % 5], &part),
                Some(flip) => {
                    let mirrored = functional::erase(&flip.forward(result.into()), windows[i % 5], &part);
                    flip.backward(mirrored).into_tensor()
                }
            };
        }
        let result = Picture::Tensor(result);
        if self.image { result.to_image().into() } else { result }
    }

    fn mask(&self, mask: Picture) -> Picture {
        self.forward(mask)
    }

    fn mask_back(&self, mask: Picture) -> Picture {
        self.backward(mask)
    }

    fn each(&self) -> Vec<Record> {
        let windows = functional::five_windows(self.from, self.size);
        let of = |i: usize| {
            let start = if self.image { Record::from(Conversion::PILToTensor) } else { Record::default() };
            let flipped = self.flip(i).into_iter().fold(start, |record, flip| record.then(flip.into()));
            flipped.then(Cut { window: windows[i % 5], from: self.from }.into())
        };
        (0..if self.mirror.is_some() { 10 } else { 5 }).map(of).collect()
    }
}

impl Crops {
    /// What happened to the picture before crop `i` was cut.
    fn flip(&self, i: usize) -> Option<Flip> {
        self.mirror.filter(|_| i >= 5).map(|vertical| Flip { horizontal: !vertical, size: self.from })
    }
}

impl Transform for FiveCrop {
    fn apply(&self, picture: Picture, _: &mut Generator) -> (Picture, Record) {
        let crops = Crops { size: self.size, from: picture.size(), mirror: None, image: picture.image().is_some() };
        Record::of(crops, picture)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Survivors
    }
}

impl Transform for TenCrop {
    fn apply(&self, picture: Picture, _: &mut Generator) -> (Picture, Record) {
        let mirror = Some(self.vertical_flip);
        let crops = Crops { size: self.size, from: picture.size(), mirror, image: picture.image().is_some() };
        Record::of(crops, picture)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Survivors
    }
}
