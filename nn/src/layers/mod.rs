//! Layers: modules with PyTorch's names, options, parameters and initial values.

mod conv;
mod conv_transpose;
mod linear;
mod shape;

pub use conv::{Conv, Conv1d, Conv2d, Conv3d, ConvBuilder};
pub use conv_transpose::{ConvTranspose, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, ConvTransposeBuilder};
pub use linear::Linear;
pub use shape::{Flatten, Identity, ReLU, Unflatten};
