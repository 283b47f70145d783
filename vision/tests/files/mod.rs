//! What tests of files share: a small picture, files with faults, and the line that refuses them.

use std::fs;
use std::path::{Path, PathBuf};

use gradus_vision::{Format, Image, Mode};

pub(crate) fn picture() -> Image {
    Image::from_bytes(&(0..60).map(|v| v * 4).collect::<Vec<u8>>(), Mode::RGB, [4, 5])
}

pub(crate) fn png(image: &Image) -> Vec<u8> {
    let mut bytes = Vec::new();
    image.encode(Format::Png, &mut bytes).unwrap();
    bytes
}

/// The error's line, with the directory taken out.
pub(crate) fn line<T: std::fmt::Debug>(result: Result<T, gradus_vision::VisionError>, directory: &Path) -> String {
    let text = result.unwrap_err().to_string();
    assert!(!text.contains('\n'), "{text}");
    text.replace(&format!("{}/", directory.display()), "").replace(&directory.display().to_string(), "DIR")
}

pub(crate) fn write(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}
