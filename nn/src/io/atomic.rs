//! Writing a file so that at every moment, also after a crash, either the old or the new one is there, whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::IoError;

/// Writes a file through `fill`: beside the target first, flushed to disk, then renamed over it.
///
/// ```
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("a.txt");
/// gradus_nn::io::write_atomically(&path, |file| file.write_all(b"new")).unwrap();
/// assert_eq!(std::fs::read(&path).unwrap(), b"new");
/// ```
///
/// # Errors
/// If the system refuses any of it; the old file, if any, is then as it was.
pub fn write_atomically(
    path: impl AsRef<Path>,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), IoError> {
    let path = path.as_ref();
    if path.is_dir() {
        return Err(IoError::write(path, io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let (file, beside) = create_beside(path).map_err(|error| IoError::write(path, error))?;
    let result = write_and_flush(file, fill).and_then(|()| fs::rename(&beside, path));
    if let Err(error) = result {
        // The first fault is the one to report; at worst a file with a telling name stays.
        let _ = fs::remove_file(&beside);
        return Err(IoError::write(path, error));
    }
    flush_folder(path);
    Ok(())
}

fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    loop {
        let mut beside = std::ffi::OsString::from(".");
        beside.push(name);
        beside.push(format!(".{}-{}.tmp", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)));
        let beside = path.with_file_name(beside);
        match OpenOptions::new().write(true).create_new(true).open(&beside) {
            // Left behind by a crash of a process with the same number.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            result => return result.map(|file| (file, beside)),
        }
    }
}

fn write_and_flush(file: File, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut buffered = BufWriter::with_capacity(1 << 18, file);
    fill(&mut buffered)?;
    let file = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()
}

/// Makes the renaming itself durable, where the system has a notion of that.
fn flush_folder(path: &Path) {
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // The file is in place already; a file system that cannot flush folders is no fault of this write.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}
