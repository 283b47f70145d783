//! STL-10: 96 x 96 pictures in columns, classes counted from 1.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use tensor::Tensor;

use super::archive::{Source, inside, open_in_tar, read_all, read_tar};
use super::{InMemory, Split, names};
use crate::error::{Result, VisionError};
use crate::image::Image;

pub(super) const SIDE: usize = 96;
const PICTURE: usize = 3 * SIDE * SIDE;
const UNLABELED: &str = "unlabeled_X.bin";

/// STL-10's labelled pictures: `u8 [N, 3, 96, 96]` and 10 classes, from `train_X.bin`, `train_y.bin`, `test_X.bin` and
/// `test_y.bin`. `path` is their directory, or holds the directory `stl10_binary`, or is the archive as published
/// (`stl10_binary.tar.gz`). PyTorch: `torchvision.datasets.STL10`.
///
/// # Errors
/// If a file is missing or breaks the format.
pub fn stl10(path: impl AsRef<Path>, split: Split) -> Result<InMemory> {
    const CLASSES: [&str; 10] = ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"];
    let path = path.as_ref();
    let part = if split == Split::Train { "train" } else { "test" };
    let (labels_name, images_name) = (format!("{part}_y.bin"), format!("{part}_X.bin"));
    let (labels_path, labels, images_path, bytes);
    if path.is_file() {
        let mut files = read_tar(path, &|name| [&labels_name, &images_name].iter().any(|&known| stem(name) == known))?;
        let mut take = |wanted: &str| match files.iter().position(|(name, _)| stem(name) == wanted) {
            Some(at) => Ok(files.swap_remove(at)).map(|(name, bytes)| (inside(path, &name), bytes)),
            None => Err(missing(path, wanted)),
        };
        (labels_path, labels) = take(&labels_name)?;
        (images_path, bytes) = take(&images_name)?;
    } else {
        let directory = directory(path);
        labels_path = directory.join(&labels_name);
        images_path = directory.join(&images_name);
        // The unlabelled part has 100,000 pictures, more than any that is read here.
        labels = read_all(&labels_path, 100_000)?;
        bytes = read_all(&images_path, (labels.len() * PICTURE) as u64 + 1)?;
    }
    let expected = labels.len() * PICTURE;
    if bytes.len() != expected {
        let expected = format!("{expected} bytes for {} labels", labels.len());
        return Err(VisionError::malformed(
            &images_path,
            "its length",
            expected,
            format!("{} bytes or more", bytes.len()),
        ));
    }
    if let Some(at) = labels.iter().position(|label| !(1..=10).contains(label)) {
        let place = format!("byte {at}");
        return Err(VisionError::malformed(&labels_path, place, "a label from 1 to 10", labels[at].to_string()));
    }
    let images = Tensor::from_slice(&bytes, [labels.len(), 3, SIDE, SIDE]).transpose(2, 3).contiguous();
    Ok(InMemory::new(images, labels.into_iter().map(|label| i64::from(label) - 1).collect(), names(&CLASSES)))
}

fn stem(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn directory(path: &Path) -> PathBuf {
    let inner = path.join("stl10_binary");
    if inner.is_dir() { inner } else { path.to_path_buf() }
}

fn missing(archive: &Path, name: &str) -> VisionError {
    VisionError::malformed(archive, "the archive", format!("a file {name}"), "none")
}

/// STL-10's 100,000 pictures without labels, one after the other, from `unlabeled_X.bin`: 2.7 GB that are never in memory at
/// once. `path` is as for [`stl10`]; the archive is unpacked as it is read. PyTorch: `torchvision.datasets.STL10` with
/// `split="unlabeled"`, which reads them all. [`OnDisk::stl10_unlabeled`](super::OnDisk::stl10_unlabeled) reads any of them,
/// in any order, from the unpacked file.
///
/// ```no_run
/// use gradus_vision::datasets::stl10_unlabeled;
/// for image in stl10_unlabeled("stl10_binary.tar.gz")?.take(10) {
///     println!("{:?}", image?);
/// }
/// # Ok::<(), gradus_vision::VisionError>(())
/// ```
///
/// # Errors
/// If the file is missing, or its length is not a whole number of pictures; an item is an error if it cannot be read, and
/// the last.
pub fn stl10_unlabeled(path: impl AsRef<Path>) -> Result<Stl10Unlabeled> {
    let path = path.as_ref();
    let (path, length, source): (PathBuf, u64, Source) = if path.is_file() {
        let found = open_in_tar(path, &|name| stem(name) == UNLABELED)?;
        let (name, length, source) = found.ok_or_else(|| missing(path, UNLABELED))?;
        (inside(path, &name), length, source)
    } else {
        let (path, file, length) = open_unlabeled(path)?;
        (path, length, Box::new(BufReader::new(file)))
    };
    Ok(Stl10Unlabeled { left: count(length, &path)?, next: 0, path, source })
}

/// The file of the pictures without labels in or below a directory, and its length.
pub(super) fn open_unlabeled(path: &Path) -> Result<(PathBuf, File, u64)> {
    let path = directory(path).join(UNLABELED);
    let file = File::open(&path).map_err(VisionError::io("read", &path))?;
    let length = file.metadata().map_err(VisionError::io("read", &path))?.len();
    Ok((path, file, length))
}

/// The number of pictures in a file of this length.
pub(super) fn count(length: u64, path: &Path) -> Result<usize> {
    if !length.is_multiple_of(PICTURE as u64) {
        let expected = format!("a whole number of pictures of {PICTURE} bytes");
        return Err(VisionError::malformed(path, "its length", expected, format!("{length} bytes")));
    }
    Ok((length / PICTURE as u64) as usize)
}

/// The pictures of [`stl10_unlabeled`], in the file's order.
pub struct Stl10Unlabeled {
    path: PathBuf,
    source: Source,
    next: usize,
    left: usize,
}

impl std::fmt::Debug for Stl10Unlabeled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stl10Unlabeled({}, {} pictures left)", self.path.display(), self.left)
    }
}

impl Iterator for Stl10Unlabeled {
    type Item = Result<Image>;

    fn next(&mut self) -> Option<Result<Image>> {
        self.left = self.left.checked_sub(1)?;
        let mut bytes = vec![0; PICTURE];
        if let Err(error) = self.source.read_exact(&mut bytes) {
            self.left = 0;
            if error.kind() != std::io::ErrorKind::UnexpectedEof {
                return Some(Err(VisionError::io("read", &self.path)(error)));
            }
            let place = format!("picture {}", self.next);
            let found = "the end of the file";
            return Some(Err(VisionError::malformed(&self.path, place, format!("{PICTURE} bytes"), found)));
        }
        self.next += 1;
        Some(Ok(Image::from_pixels(Tensor::from_vec(bytes, [3, SIDE, SIDE]).transpose(1, 2))))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // After an error there is nothing more.
        (self.left.min(1), Some(self.left))
    }
}
