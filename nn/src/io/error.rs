//! What can be wrong with a file of tensors.

use std::io;
use std::path::{Path, PathBuf};

/// Why a file could not be read or written; the message names file and fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IoError {
    /// The system could not read it.
    #[error("{}: cannot read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The system could not write it; the old file, if any, is as it was.
    #[error("{}: cannot write: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Its contents are not what they should be.
    #[error("{}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was expected, and what was found.
        reason: String,
    },
}

impl IoError {
    pub(crate) fn read(path: &Path, source: io::Error) -> IoError {
        IoError::Read { path: path.to_path_buf(), source }
    }

    pub(crate) fn write(path: &Path, source: io::Error) -> IoError {
        IoError::Write { path: path.to_path_buf(), source }
    }

    pub(crate) fn format(path: &Path, reason: impl Into<String>) -> IoError {
        IoError::Format { path: path.to_path_buf(), reason: reason.into() }
    }
}

/// The whole of a regular file.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, IoError> {
    let metadata = std::fs::metadata(path).map_err(|error| IoError::read(path, error))?;
    if !metadata.is_file() {
        // A device or a pipe may never end.
        return Err(IoError::format(path, "not a regular file"));
    }
    std::fs::read(path).map_err(|error| IoError::read(path, error))
}
