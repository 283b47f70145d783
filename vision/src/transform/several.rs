//! Crops that make several pictures of one: stacked in a new first axis.

use tensor::{Generator, Tensor};

use super::{Action, Invertibility, Picture, Pixels, Record, Transform, Window, functional};

/// Corners and centre as a tensor `[5, C, H, W]`. PyTorch: `torchvision.transforms.FiveCrop`, which gives a tuple.
#[derive(Clone, Copy, Debug)]
pub struct FiveCrop {
    size: [usize; 2],
}

/// Corners and centre of the picture and of its mirror image as a tensor `[10, C, H, W]`. PyTorch:
/// `torchvision.transforms.TenCrop`, which gives a tuple.
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

    /// Every crop is put back where it came from; where several cover a pixel, the last counts.
    fn backward(&self, picture: Picture) -> Picture {
        let x = picture.into_tensor();
        let mut shape = x.shape()[1..].to_vec();
        let rank = shape.len();
        (shape[rank - 2], shape[rank - 1]) = (self.from[0], self.from[1]);
        let mut result = Tensor::zeros(&shape, x.dtype());
        let windows = functional::five_windows(self.from, self.size);
        for i in (0..x.shape()[0]).rev() {
            let Window { mut top, mut left, height, width } = windows[i % 5];
            let mut part = x.select(0, i as isize);
            match self.mirror {
                Some(true) if i >= 5 => {
                    part = functional::vflip(&part);
                    top = self.from[0] as isize - top - height as isize;
                }
                Some(false) if i >= 5 => {
                    part = functional::hflip(&part);
                    left = self.from[1] as isize - left - width as isize;
                }
                _ => {}
            }
            result = functional::erase(&result, Window { top, left, height, width }, &part);
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
