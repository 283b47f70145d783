//! Pictures for gradus: image files, transforms that know their way back, data sets, models, and drawings of what a
//! network does.

#![forbid(unsafe_code)]
#![warn(clippy::print_stdout)]

pub mod datasets;
pub mod draw;
mod error;
pub mod image;
pub mod models;
pub mod transform;

pub use error::{Result, VisionError};
pub use image::{Format, Image, Limits, Mode};
pub use transform::transform_invert;
