//! Tensors to and from bytes and files: NumPy's `.npy`, and, with the feature `npz`, `.npz`.
//!
//! Files come from the outside world, so reading returns a [`FileError`] that names the path, the byte and what was
//! expected there; no file makes a reader panic, or allocate more than it holds. Writing goes to a file beside the target,
//! which then takes its place: a write that fails leaves the old file whole.

mod npy;
#[cfg(feature = "npz")]
mod npz;

use std::io::Write;
use std::path::{Path, PathBuf};

#[cfg(feature = "npz")]
pub use npz::{read_npz, write_npz};

use crate::{DType, Element, Layout, Tensor, shape};

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is not what it should be.
    #[error("{}, byte {at}: expected {expected}, got {got}", path.display())]
    Format {
        /// The file, and behind a slash the array inside an archive.
        path: PathBuf,
        /// The place in the file (in an archive, in the unpacked array).
        at: usize,
        /// What should stand there.
        expected: String,
        /// What does.
        got: String,
    },
    /// The file holds something that tensors have no type for.
    #[error("{}: {what}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it holds.
        what: String,
    },
}

impl FileError {
    fn io(path: &Path) -> impl FnOnce(std::io::Error) -> FileError {
        let path = path.to_path_buf();
        |source| FileError::Io { path, source }
    }
}

/// Writes beside `path`, flushes to the disk and renames, so that there is the old file or the new one, never a part.
fn replace_file(path: &Path, write: impl FnOnce(&mut std::fs::File) -> std::io::Result<()>) -> Result<(), FileError> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    let attempt = || {
        let mut file = std::fs::File::create(&beside)?;
        write(&mut file)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    attempt().map_err(|source| {
        // Best effort: the first failure is the one to report.
        let _ = std::fs::remove_file(&beside);
        FileError::Io { path: path.to_path_buf(), source }
    })
}

impl Tensor {
    /// The elements in logical order as bytes, little-endian; `bool` as 0 or 1.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1i64, 258]).to_le_bytes()[8..10], [2, 1]);
    /// ```
    pub fn to_le_bytes(&self) -> Vec<u8> {
        match self.dtype() {
            DType::F32 => self.to_vec::<f32>().iter().flat_map(|x| x.to_le_bytes()).collect(),
            DType::F64 => self.to_vec::<f64>().iter().flat_map(|x| x.to_le_bytes()).collect(),
            DType::I64 => self.to_vec::<i64>().iter().flat_map(|x| x.to_le_bytes()).collect(),
            DType::U8 => self.to_vec::<u8>(),
            DType::Bool => self.to_vec::<bool>().iter().map(|&x| u8::from(x)).collect(),
        }
    }

    /// The tensor whose [`to_le_bytes`](Tensor::to_le_bytes) these are; for `bool`, bytes other than 0 are true.
    ///
    /// ```
    /// # use gradus_tensor::{DType, Tensor};
    /// let x = Tensor::from([[1.5f32, -2.0]]);
    /// assert_eq!(Tensor::from_le_bytes(&x.to_le_bytes(), [1, 2], DType::F32).to_vec::<f32>(), [1.5, -2.0]);
    /// ```
    ///
    /// # Panics
    /// If there are not exactly as many bytes as the shape and dtype need.
    #[track_caller]
    pub fn from_le_bytes(bytes: &[u8], shape: impl AsRef<[usize]>, dtype: DType) -> Tensor {
        let shape = shape.as_ref();
        if shape::len(shape).checked_mul(dtype.bytes()) != Some(bytes.len()) {
            crate::fault!("from_le_bytes", [shape: shape], "{} bytes do not fill the shape with {dtype}", bytes.len());
        }
        fn fill<T: Element, const N: usize>(shape: &[usize], bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Tensor {
            Tensor::build::<T>(Layout::contiguous(shape), |out| {
                for (y, bytes) in out.iter_mut().zip(bytes.as_chunks::<N>().0) {
                    *y = read(*bytes);
                }
            })
        }
        match dtype {
            DType::F32 => fill(shape, bytes, f32::from_le_bytes),
            DType::F64 => fill(shape, bytes, f64::from_le_bytes),
            DType::I64 => fill(shape, bytes, i64::from_le_bytes),
            DType::U8 => fill(shape, bytes, |[byte]: [u8; 1]| byte),
            DType::Bool => fill(shape, bytes, |[byte]: [u8; 1]| byte != 0),
        }
    }

    /// Reads a `.npy` file. Integers that have no dtype here become `i64`; both byte orders and both memory orders are
    /// understood. Source: NumPy's `numpy.lib.format`.
    ///
    /// # Errors
    /// If the file cannot be read, is no `.npy` file, is cut short, or holds a type that tensors do not have.
    pub fn read_npy(path: impl AsRef<Path>) -> Result<Tensor, FileError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(FileError::io(path))?;
        npy::parse(path, &bytes)
    }

    /// Writes a `.npy` file.
    ///
    /// # Errors
    /// If the file cannot be written; an older one then stays as it was.
    pub fn write_npy(&self, path: impl AsRef<Path>) -> Result<(), FileError> {
        replace_file(path.as_ref(), |file| {
            file.write_all(&npy::header(self))?;
            file.write_all(&self.to_le_bytes())
        })
    }

    /// The tensor as the bytes of a `.npy` file.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1i64, 2], [3, 4]]);
    /// assert_eq!(Tensor::from_npy(&x.to_npy())?.to_vec::<i64>(), [1, 2, 3, 4]);
    /// # Ok::<(), gradus_tensor::io::FileError>(())
    /// ```
    pub fn to_npy(&self) -> Vec<u8> {
        let mut bytes = npy::header(self);
        bytes.extend(self.to_le_bytes());
        bytes
    }

    /// The tensor that the bytes of a `.npy` file hold; see [`read_npy`](Tensor::read_npy).
    ///
    /// # Errors
    /// If the bytes are no such file, are cut short, or hold a type that tensors do not have.
    pub fn from_npy(bytes: &[u8]) -> Result<Tensor, FileError> {
        npy::parse(Path::new("npy"), bytes)
    }
}
