//! Tensors on disk: safetensors written and read, PyTorch's own checkpoints read.
//!
//! No file can make a reader panic, hang, allocate beyond the file's own size, or run anything. A write that fails
//! leaves the old file whole.

mod atomic;
mod error;
mod model;
mod pytorch;
mod safetensors;

pub use self::safetensors::{SafeTensorsFile, load_safetensors, read_safetensors, save_safetensors, write_safetensors};
pub use atomic::write_atomically;
pub use error::IoError;
pub use model::{load, save};
pub use pytorch::{load_pytorch, read_pytorch};
