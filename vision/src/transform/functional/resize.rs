//! Resizing: one function, PIL's filters for images and PyTorch's for tensors.

use super::premultiply::premultiplied;
use super::{resample_pil, resample_tensor};
use crate::transform::picture::{check, in_float};
use crate::transform::{Interpolation, Pixels, Rule, Size};

/// The picture in another size. PyTorch: `torchvision.transforms.functional.resize`.
///
/// Filters of images always widen with the reduction; those of tensors do if `antialias`, in bilinear and bicubic mode.
///
/// ```
/// use tensor::Tensor;
/// use gradus_vision::transform::{Interpolation, functional::resize};
/// let x = Tensor::from([[[0.0f32, 1.0], [2.0, 3.0]]]);
/// assert_eq!(resize(&x, [1, 1], Interpolation::Bilinear, true).to_vec::<f32>(), [1.5]);
/// ```
///
/// # Panics
/// If either size is empty, or the interpolation is for images alone and the picture is a tensor.
#[track_caller]
pub fn resize<P: Pixels>(picture: &P, size: impl Into<Size>, interpolation: Interpolation, antialias: bool) -> P {
    let from = picture.size();
    let to = size.into().of(from);
    let x = picture.pixels();
    check("resize", x, &[]);
    if from == to {
        return picture.clone();
    }
    if from.contains(&0) || to.contains(&0) {
        tensor::fault!("resize", [x: x.shape()], "cannot resize to {} x {}", to[0], to[1]);
    }
    picture.with_pixels(match picture.rule() {
        Rule::Pil if interpolation.is_nearest() => resample_pil::nearest(x, to),
        Rule::Pil => premultiplied(x, |x| resample_pil::resample(x, to, interpolation)),
        Rule::Tensor => match interpolation {
            Interpolation::Box | Interpolation::Hamming | Interpolation::Lanczos => {
                tensor::fault!("resize", [x: x.shape()], "interpolation {interpolation:?} is for images, not tensors")
            }
            _ if interpolation.is_nearest() => resample_tensor::nearest(x, to, interpolation),
            _ => in_float(x, |x| resample_tensor::resample(x, to, interpolation, antialias)),
        },
    })
}
