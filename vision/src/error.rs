//! What can go wrong with the outside world: one error type whose messages are one line, naming the file and the fault.

use std::io;
use std::path::{Path, PathBuf};

/// A file, image or data set that is not what it should be.
///
/// ```
/// use gradus_vision::Image;
/// let error = Image::open("no/such/photo.png").unwrap_err();
/// assert!(error.to_string().starts_with("cannot read no/such/photo.png: "));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VisionError {
    /// The operating system refused to read, write or list.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: `read`, `write`, `list`, ...
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A picture's bytes are broken, or in a format that is not known.
    #[error("cannot decode {}: {reason}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// The decoder's reason.
        reason: String,
    },
    /// A picture could not be written in the format that its file name asks for.
    #[error("cannot encode {}: {reason}", path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// The encoder's reason.
        reason: String,
    },
    /// A file declares more data than the limits allow.
    #[error("{}: {what} is {size}, over the limit of {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What is too large: `the longer side of 30000 x 1 pixels`, `the unpacked size in bytes`, ...
        what: String,
        /// How large it is.
        size: u64,
        /// How large it may be.
        limit: u64,
    },
    /// A data file breaks its format.
    #[error("{}: {place}: expected {expected}, found {found}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The place in the file, such as `byte 4` or `line 7`.
        place: String,
        /// What should stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A directory holds no pictures.
    #[error("{}: no images found ({hint})", path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
        /// What would have been accepted.
        hint: &'static str,
    },
    /// A file's checksum is not the published one.
    #[error("{}: {algorithm} is {found}, expected {expected}", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// `md5` or `sha256`.
        algorithm: &'static str,
        /// The published sum.
        expected: String,
        /// The file's sum.
        found: String,
    },
    /// No mirror delivered a file.
    #[error("cannot download {url}: {reason}")]
    Download {
        /// The address that was tried last.
        url: String,
        /// Why it failed.
        reason: String,
    },
    /// An index beyond a data set's end.
    #[error("index {index} is out of range for a data set of {len} samples")]
    OutOfRange {
        /// The index asked for.
        index: usize,
        /// The number of samples.
        len: usize,
    },
}

/// A `Result` of this crate.
pub type Result<T> = std::result::Result<T, VisionError>;

impl VisionError {
    /// Wraps a system error: `VisionError::io("read", path)` is a function for `map_err`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> VisionError {
        let path = path.to_path_buf();
        move |source| VisionError::Io { action, path, source }
    }

    /// A fault in a data file.
    pub(crate) fn malformed(
        path: &Path,
        place: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> VisionError {
        let (place, expected, found) = (one_line(place.into()), one_line(expected.into()), one_line(found.into()));
        VisionError::Malformed { path: path.to_path_buf(), place, expected, found }
    }
}

/// A text from a file, fit to stand in a message: line breaks and other control characters are spaces.
pub(crate) fn one_line(text: String) -> String {
    if text.contains(char::is_control) { text.replace(char::is_control, " ") } else { text }
}
