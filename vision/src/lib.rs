//! Pictures for gradus.

#![forbid(unsafe_code)]

pub mod draw;
mod error;
pub mod image;
pub mod transform;

pub use error::{Result, VisionError};
pub use image::{Format, Image, Limits, Mode};
