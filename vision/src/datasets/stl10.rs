//! STL-10: 96 x 96 pictures in columns, classes counted from 1.

use std::path::Path;

use tensor::Tensor;

use super::archive::{read_all, read_tar};
use super::{InMemory, Split, names};
use crate::error::{Result, VisionError};

const SIDE: usize = 96;
const PICTURE: usize = 3 * SIDE * SIDE;

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
        let stem = |name: &str| name.rsplit('/').next().unwrap_or(name).to_string();
        let mut files = read_tar(path, &|name| [&labels_name, &images_name].contains(&&stem(name)))?;
        let mut take = |wanted: &str| match files.iter().position(|(name, _)| stem(name) == wanted) {
            Some(at) => Ok(files.swap_remove(at)).map(|(name, bytes)| (path.join(name), bytes)),
            None => Err(VisionError::malformed(path, "the archive", format!("a file {wanted}"), "none")),
        };
        (labels_path, labels) = take(&labels_name)?;
        (images_path, bytes) = take(&images_name)?;
    } else {
        let inner = path.join("stl10_binary");
        let directory = if inner.is_dir() { inner } else { path.to_path_buf() };
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
