//! A directory per class.

use std::fs;
use std::path::{Path, PathBuf};

use super::ImageDataset;
use crate::error::{Result, VisionError};
use crate::image::{EXTENSIONS_HINT, Image, Mode, Unreadable, is_image};

/// Pictures in one directory per class: `root/cat/1.png`, `root/dog/a/2.jpg`. PyTorch:
/// `torchvision.datasets.ImageFolder`.
///
/// Classes are the directories sorted by name; pictures within one are sorted by path. A picture is read, and converted
/// to RGB, when it is asked for.
#[derive(Clone, Debug)]
pub struct ImageFolder {
    samples: Vec<(PathBuf, usize)>,
    classes: Vec<String>,
    mode: Mode,
}

impl ImageFolder {
    /// Lists a directory; no picture is read.
    ///
    /// ```no_run
    /// use gradus_vision::datasets::{ImageDataset, ImageFolder};
    /// let pets = ImageFolder::open("pets")?;
    /// println!("{} pictures of {:?}", pets.len(), pets.classes());
    /// # Ok::<(), gradus_vision::VisionError>(())
    /// ```
    ///
    /// # Errors
    /// If a directory cannot be listed, there is no class, or a class holds no picture.
    pub fn open(root: impl AsRef<Path>) -> Result<ImageFolder> {
        let root = root.as_ref();
        let mut directories: Vec<PathBuf> = list(root)?.into_iter().filter(|path| path.is_dir()).collect();
        directories.sort();
        if directories.is_empty() {
            return Err(VisionError::Empty { path: root.into(), hint: "expected one directory per class" });
        }
        let mut samples = Vec::new();
        let mut classes = Vec::new();
        for (class, directory) in directories.iter().enumerate() {
            classes.push(directory.file_name().unwrap_or_default().to_string_lossy().into_owned());
            let mut paths = Vec::new();
            collect(directory, &mut paths, 0)?;
            if paths.is_empty() {
                return Err(VisionError::Empty { path: directory.clone(), hint: EXTENSIONS_HINT });
            }
            paths.sort();
            samples.extend(paths.into_iter().map(|path| (path, class)));
        }
        Ok(ImageFolder { samples, classes, mode: Mode::RGB })
    }

    /// Reads every picture once, several at a time: with [`Unreadable::Refuse`] the first that cannot be read is the
    /// error, with [`Unreadable::Skip`] all such are left out. Gives the data set and what was left out, with reasons.
    ///
    /// # Errors
    /// If a picture cannot be read and is not to be skipped.
    pub fn checked(mut self, unreadable: Unreadable) -> Result<(ImageFolder, Vec<VisionError>)> {
        let results = tensor::parallel::map(self.samples.len(), |index| Image::open(&self.samples[index].0).map(drop));
        let mut skipped = Vec::new();
        let mut kept = Vec::new();
        for (sample, result) in self.samples.into_iter().zip(results) {
            match result {
                Ok(()) => kept.push(sample),
                Err(error) if unreadable == Unreadable::Refuse => return Err(error),
                Err(error) => skipped.push(error),
            }
        }
        self.samples = kept;
        Ok((self, skipped))
    }

    /// Converts pictures to another mode than RGB.
    pub fn with_mode(mut self, mode: Mode) -> ImageFolder {
        self.mode = mode;
        self
    }

    /// The files and the numbers of their classes.
    pub fn samples(&self) -> &[(PathBuf, usize)] {
        &self.samples
    }
}

impl ImageDataset for ImageFolder {
    fn len(&self) -> usize {
        self.samples.len()
    }

    fn image(&self, index: usize) -> Result<(Image, usize)> {
        let (path, class) = self.samples.get(index).ok_or(VisionError::OutOfRange { index, len: self.len() })?;
        Ok((Image::open(path)?.convert(self.mode), *class))
    }

    fn class(&self, index: usize) -> Result<usize> {
        self.samples.get(index).map(|s| s.1).ok_or(VisionError::OutOfRange { index, len: self.len() })
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }
}

fn list(directory: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(directory)
        .map_err(VisionError::io("list", directory))?
        .map(|entry| entry.map(|e| e.path()).map_err(VisionError::io("list", directory)))
        .collect()
}

/// Directories inside a class, so deep that links in a circle are the likelier reason.
const MAX_DEPTH: usize = 32;

fn collect(directory: &Path, paths: &mut Vec<PathBuf>, depth: usize) -> Result<()> {
    for path in list(directory)? {
        if path.is_dir() && depth < MAX_DEPTH {
            collect(&path, paths, depth + 1)?;
        } else if is_image(&path) && path.is_file() {
            paths.push(path);
        }
    }
    Ok(())
}
