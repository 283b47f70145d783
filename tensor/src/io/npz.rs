//! `.npz`: a zip archive of `.npy` files.

use std::io::{Read, Seek, Write};
use std::path::Path;

use super::{FileError, npy, replace_file};
use crate::Tensor;

/// The arrays of an `.npz` file with their names, in the archive's order. Deflate cannot unpack to more than about a
/// thousand times the file's size, which bounds the memory that this takes.
///
/// # Errors
/// If the file cannot be read, is no zip archive, or an entry is no `.npy` file that [`Tensor::read_npy`] understands.
pub fn read_npz(path: impl AsRef<Path>) -> Result<Vec<(String, Tensor)>, FileError> {
    let path = path.as_ref();
    let file = std::fs::File::open(path).map_err(FileError::io(path))?;
    let mut archive = zip::ZipArchive::new(std::io::BufReader::new(file)).map_err(|error| broken(path, &error))?;
    (0..archive.len()).map(|index| entry(path, &mut archive, index)).collect()
}

fn entry<R: Read + Seek>(
    path: &Path,
    archive: &mut zip::ZipArchive<R>,
    index: usize,
) -> Result<(String, Tensor), FileError> {
    let mut entry = archive.by_index(index).map_err(|error| broken(path, &error))?;
    let name = entry.name().to_string();
    let mut bytes = vec![];
    // No capacity is taken from the archive's word for it: the vector grows with what is really there.
    entry.read_to_end(&mut bytes).map_err(FileError::io(&path.join(&name)))?;
    let x = npy::parse(&path.join(&name), &bytes)?;
    Ok((name.strip_suffix(".npy").unwrap_or(&name).to_string(), x))
}

fn broken(path: &Path, error: &zip::result::ZipError) -> FileError {
    FileError::Format {
        path: path.to_path_buf(),
        at: 0,
        expected: "a zip archive of .npy files".to_string(),
        got: error.to_string(),
    }
}

/// Writes named arrays to a compressed `.npz` file.
///
/// # Errors
/// If the file cannot be written; an older one then stays as it was.
pub fn write_npz(path: impl AsRef<Path>, arrays: &[(&str, &Tensor)]) -> Result<(), FileError> {
    replace_file(path.as_ref(), |file| {
        let mut archive = zip::ZipWriter::new(std::io::BufWriter::new(file));
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated)
            .large_file(true);
        for (name, x) in arrays {
            archive.start_file(format!("{name}.npy"), options)?;
            archive.write_all(&x.to_npy())?;
        }
        archive.finish()?.flush()
    })
}
