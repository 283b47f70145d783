//! STL-10: 96 x 96 pictures in columns, classes counted from 1.

use std::path::Path;

use tensor::Tensor;

use super::archive::read_all;
use super::{InMemory, Split, names};
use crate::error::{Result, VisionError};

const SIDE: usize = 96;

/// STL-10's labelled pictures: `u8 [N, 3, 96, 96]` and 10 classes, from `train_X.bin`, `train_y.bin`, `test_X.bin` and
/// `test_y.bin` in `directory` or in `stl10_binary` inside it. PyTorch: `torchvision.datasets.STL10`.
///
/// # Errors
/// If a file is missing or breaks the format.
pub fn stl10(directory: impl AsRef<Path>, split: Split) -> Result<InMemory> {
    const CLASSES: [&str; 10] = ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"];
    let directory = directory.as_ref();
    let part = if split == Split::Train { "train" } else { "test" };
    let inner = directory.join("stl10_binary");
    let directory = if inner.is_dir() { inner } else { directory.to_path_buf() };
    let labels_path = directory.join(format!("{part}_y.bin"));
    let images_path = directory.join(format!("{part}_X.bin"));
    // The unlabelled part has 100,000 pictures, more than any that is read here.
    let labels = read_all(&labels_path, 100_000)?;
    let expected = labels.len() * 3 * SIDE * SIDE;
    let bytes = read_all(&images_path, expected as u64 + 1)?;
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
