//! Transforms.

pub mod functional;
mod options;
mod picture;

pub use options::{Interpolation, Padding, PaddingMode, Size, Window};
pub use picture::{Picture, Pixels, Rule};
