//! A model's state dict as one file.

use std::collections::BTreeMap;
use std::path::Path;

use super::error::read_file;
use super::{IoError, read_pytorch, read_safetensors, save_safetensors};
use crate::StateDict;

/// Saves a state dict as safetensors, atomically; Python reads it with `safetensors.torch.load_file`.
///
/// ```
/// use gradus_nn::io;
/// use gradus_nn::prelude::*;
///
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("linear.safetensors");
/// let model = Linear::new(3, 2);
/// io::save(&path, &model.state_dict()).unwrap();
/// Linear::new(3, 2).load_state_dict(&io::load(&path).unwrap(), true).unwrap();
/// ```
///
/// # Errors
/// If the file cannot be written; an old one is then as it was.
pub fn save(path: impl AsRef<Path>, dict: &StateDict) -> Result<(), IoError> {
    save_safetensors(path, dict.iter(), &BTreeMap::new())
}

/// Loads a state dict from a safetensors file, or from a `.pt` or `.pth` file that `torch.save` wrote; the file's first
/// bytes tell which.
///
/// # Errors
/// If the file cannot be read or is not what it should be; the message names it.
pub fn load(path: impl AsRef<Path>) -> Result<StateDict, IoError> {
    let path = path.as_ref();
    let bytes = read_file(path)?;
    let result = if bytes.starts_with(b"PK\x03\x04") {
        read_pytorch(&bytes)
    } else {
        read_safetensors(&bytes).map(|file| {
            let mut dict = StateDict::new();
            for (name, tensor) in file.tensors {
                dict.insert(name, tensor);
            }
            dict
        })
    };
    result.map_err(|reason| IoError::format(path, reason))
}
