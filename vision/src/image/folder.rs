//! Directories of pictures: finding them in a fixed order, and decoding them on all cores.

use std::fs;
use std::path::{Path, PathBuf};

use super::Image;
use crate::error::{Result, VisionError};

/// The extensions that a directory search takes for pictures. PyTorch: `torchvision.datasets.folder.IMG_EXTENSIONS`,
/// and GIF.
pub(crate) const EXTENSIONS: [&str; 10] = ["jpg", "jpeg", "png", "ppm", "bmp", "pgm", "tif", "tiff", "webp", "gif"];

pub(crate) const EXTENSIONS_HINT: &str = "files named jpg, jpeg, png, ppm, bmp, pgm, tif, tiff, webp or gif";

/// What to do about a picture that cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unreadable {
    /// Fail with its path.
    #[default]
    Refuse,
    /// Leave it out.
    Skip,
}

/// The pictures in a directory, without those in directories inside it, sorted by path; by extension, unread.
///
/// # Errors
/// If the directory cannot be listed.
pub fn find_images(directory: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
    let directory = directory.as_ref();
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(VisionError::io("list", directory))? {
        let path = entry.map_err(VisionError::io("list", directory))?.path();
        if is_image(&path) && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

pub(crate) fn is_image(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    EXTENSIONS.contains(&extension.as_str())
}

/// Decodes every picture of a directory, several at once, in the order of [`find_images`].
///
/// ```no_run
/// use gradus_vision::image::{Unreadable, read_folder};
/// for (path, image) in read_folder("photos", Unreadable::Refuse)? {
///     println!("{} is {image:?}", path.display());
/// }
/// # Ok::<(), gradus_vision::VisionError>(())
/// ```
///
/// # Errors
/// If the directory cannot be listed or holds no pictures, or one cannot be read (the first in order is named).
pub fn read_folder(directory: impl AsRef<Path>, unreadable: Unreadable) -> Result<Vec<(PathBuf, Image)>> {
    let directory = directory.as_ref();
    let paths = find_images(directory)?;
    if paths.is_empty() {
        return Err(VisionError::Empty { path: directory.to_path_buf(), hint: EXTENSIONS_HINT });
    }
    let images = tensor::parallel::map(paths.len(), |index| Image::open(&paths[index]));
    let mut result = Vec::with_capacity(paths.len());
    for (path, image) in paths.into_iter().zip(images) {
        match image {
            Ok(image) => result.push((path, image)),
            Err(error) if unreadable == Unreadable::Refuse => return Err(error),
            Err(_) => {}
        }
    }
    Ok(result)
}
