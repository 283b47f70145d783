//! Conversions between images and tensors, and normalisation: what [`transform_invert`](super::transform_invert) undoes.

use tensor::{DType, Generator, Tensor};

use super::{Action, Invertibility, Picture, Pixels, Record, Transform, functional};

/// An image as `f32 [C, H, W]` in 0..1; a `u8` tensor likewise; a float tensor stays. PyTorch:
/// `torchvision.transforms.ToTensor`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ToTensor;

/// An image as `u8 [C, H, W]`. PyTorch: `torchvision.transforms.PILToTensor`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PILToTensor;

/// A tensor as the nearest image. PyTorch: `torchvision.transforms.ToPILImage`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ToPILImage;

/// A tensor in another dtype, rescaled. PyTorch: `torchvision.transforms.ConvertImageDtype`.
#[derive(Clone, Copy, Debug)]
pub struct ConvertImageDtype(pub DType);

/// `(x - mean) / std` per channel. PyTorch: `torchvision.transforms.Normalize`.
#[derive(Clone, Debug)]
pub struct Normalize {
    mean: Vec<f64>,
    std: Vec<f64>,
}

impl Normalize {
    /// One value for all channels, or one per channel.
    ///
    /// # Panics
    /// If a deviation is 0.
    #[track_caller]
    pub fn new(mean: &[f64], std: &[f64]) -> Normalize {
        if let Some(at) = std.iter().position(|&s| s as f32 == 0.0) {
            tensor::fault!("normalize", [], "std of channel {at} is 0");
        }
        Normalize { mean: mean.to_vec(), std: std.to_vec() }
    }

    /// The statistics of ImageNet, which torchvision's models are trained with.
    pub fn imagenet() -> Normalize {
        Normalize::new(&[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225])
    }
}

/// A conversion between kinds of picture, and whether it is from an image.
#[derive(Clone, Debug)]
pub(super) enum Conversion {
    ToTensor {
        from_image: bool,
    },
    PILToTensor,
    ToPILImage {
        dtype: DType,
    },
    Dtype {
        from: DType,
        to: DType,
    },
    Normalize(Normalize),
    /// Nothing was to do.
    Identity,
}

impl Action for Conversion {
    fn name(&self) -> &'static str {
        match self {
            Conversion::ToTensor { .. } => "ToTensor",
            Conversion::PILToTensor => "PILToTensor",
            Conversion::ToPILImage { .. } => "ToPILImage",
            Conversion::Dtype { .. } => "ConvertImageDtype",
            Conversion::Normalize(_) => "Normalize",
            Conversion::Identity => "Identity",
        }
    }

    fn invertibility(&self) -> Invertibility {
        match self {
            Conversion::ToPILImage { dtype } if dtype.is_float() => {
                Invertibility::Lossy("values were rounded to 8 bits")
            }
            Conversion::Dtype { from, to: DType::U8 } if from.is_float() => {
                Invertibility::Lossy("values were rounded to 8 bits")
            }
            Conversion::Dtype { from: DType::F64, to: DType::F32 } => {
                Invertibility::Lossy("values were rounded to f32")
            }
            _ => Invertibility::Exact,
        }
    }

    fn forward(&self, picture: Picture) -> Picture {
        match self {
            Conversion::ToTensor { .. } => to_tensor(&picture).into(),
            Conversion::PILToTensor => picture.into_tensor().contiguous().into(),
            Conversion::ToPILImage { .. } => picture.to_image().into(),
            Conversion::Dtype { to, .. } => functional::convert_image_dtype(picture.pixels(), *to).into(),
            Conversion::Normalize(n) => functional::normalize(picture.pixels(), &n.mean, &n.std).into(),
            Conversion::Identity => picture,
        }
    }

    fn backward(&self, picture: Picture) -> Picture {
        match self {
            Conversion::ToTensor { from_image: true } | Conversion::PILToTensor => picture.to_image().into(),
            Conversion::ToTensor { from_image: false } => nearest_bytes(picture.pixels()).into(),
            Conversion::ToPILImage { dtype } | Conversion::Dtype { from: dtype, .. } if dtype.is_float() => {
                functional::convert_image_dtype(picture.pixels(), *dtype).into()
            }
            Conversion::ToPILImage { .. } => picture.into_tensor().into(),
            Conversion::Dtype { .. } => nearest_bytes(picture.pixels()).into(),
            Conversion::Normalize(n) => functional::denormalize(picture.pixels(), &n.mean, &n.std).into(),
            Conversion::Identity => picture,
        }
    }
}

fn to_tensor(picture: &Picture) -> Tensor {
    match picture {
        Picture::Image(image) => functional::to_tensor(image),
        Picture::Tensor(x) if x.dtype() == DType::U8 => functional::convert_image_dtype(x, DType::F32),
        Picture::Tensor(x) => x.clone(),
    }
}

/// Floats in 0..1 as the nearest bytes; any number of axes.
fn nearest_bytes(x: &Tensor) -> Tensor {
    match x.dtype() {
        DType::F64 => x.map(|v: f64| (v.clamp(0.0, 1.0) * 255.0).round() as u8),
        DType::F32 => x.map(|v: f32| (v.clamp(0.0, 1.0) * 255.0).round() as u8),
        _ => x.clone(),
    }
}

impl Transform for ToTensor {
    fn apply(&self, picture: Picture, _: &mut Generator) -> (Picture, Record) {
        let float = picture.pixels().dtype().is_float();
        let from_image = picture.image().is_some();
        Record::of(if float { Conversion::Identity } else { Conversion::ToTensor { from_image } }, picture)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Exact
    }

    fn invert(&self, picture: Picture) -> Picture {
        picture.to_image().into()
    }
}

impl Transform for PILToTensor {
    fn apply(&self, picture: Picture, _: &mut Generator) -> (Picture, Record) {
        Record::of(if picture.image().is_some() { Conversion::PILToTensor } else { Conversion::Identity }, picture)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Exact
    }

    fn invert(&self, picture: Picture) -> Picture {
        picture.to_image().into()
    }
}

impl Transform for ToPILImage {
    fn apply(&self, picture: Picture, _: &mut Generator) -> (Picture, Record) {
        let dtype = picture.pixels().dtype();
        let action = if picture.image().is_some() { Conversion::Identity } else { Conversion::ToPILImage { dtype } };
        Record::of(action, picture)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Lossy("values of floats are rounded to 8 bits")
    }
}

impl Transform for ConvertImageDtype {
    fn apply(&self, picture: Picture, _: &mut Generator) -> (Picture, Record) {
        let from = picture.pixels().dtype();
        Record::of(if from == self.0 { Conversion::Identity } else { Conversion::Dtype { from, to: self.0 } }, picture)
    }

    fn invertibility(&self) -> Invertibility {
        match self.0 {
            DType::U8 => Invertibility::Lossy("values of floats are rounded to 8 bits"),
            _ => Invertibility::Exact,
        }
    }
}

impl Transform for Normalize {
    fn apply(&self, picture: Picture, _: &mut Generator) -> (Picture, Record) {
        Record::of(Conversion::Normalize(self.clone()), picture)
    }

    fn invertibility(&self) -> Invertibility {
        Invertibility::Exact
    }

    fn invert(&self, picture: Picture) -> Picture {
        functional::denormalize(picture.pixels(), &self.mean, &self.std).into()
    }
}
