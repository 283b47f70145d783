//! Transforms as plain functions, by torchvision's names; `torchvision.transforms.functional`.
//!
//! Each takes an [`Image`](crate::Image), which it treats by PIL's rules, or a tensor `[..., C, H, W]` of `u8` or
//! floats, treated by torchvision's rules for tensors, and gives back the same kind. Results equal torchvision's: exactly
//! where pixels are only moved, within one grey level for `u8` arithmetic, within rounding for floats.

mod blend;
mod blur;
mod convert;
mod crop;
mod hue;
mod pad;
mod premultiply;
mod resample_pil;
mod resample_tensor;
mod resize;
mod tone;
mod warp;
mod warp_pil;
mod warp_tensor;

pub use blend::{
    adjust_brightness, adjust_contrast, adjust_gamma, adjust_saturation, adjust_sharpness, rgb_to_grayscale,
};
pub use blur::gaussian_blur;
pub(crate) use convert::denormalize;
pub use convert::{convert_image_dtype, normalize, pil_to_tensor, to_pil_image, to_tensor};
pub use crop::{center_crop, crop, erase, five_crop, hflip, resized_crop, ten_crop, vflip};
pub(crate) use crop::{center_window, five_windows, uncrop};
pub use hue::adjust_hue;
pub use pad::pad;
pub use resize::resize;
pub use tone::{autocontrast, equalize, invert, posterize, solarize};
pub use warp::{Affine, Rotation, affine, elastic_transform, perspective, rotate};

pub(crate) use pad::source_index;
pub(crate) use warp::{Map, affine_map, perspective_coefficients, rotation_map, warp};
