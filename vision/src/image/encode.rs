//! From pictures to files. A write that fails leaves the old file whole.

use std::fs::{self, File};
use std::io::{self, BufWriter, Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageFormat};

use super::{Image, Mode};
use crate::error::{Result, VisionError};

/// The formats that pictures are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lossless, every mode.
    Png,
    /// Lossy, of a quality from 1 to 100; alpha is dropped.
    Jpeg(u8),
    /// Lossless, every mode.
    WebP,
    /// Lossless, every mode.
    Bmp,
    /// Lossless, every mode.
    Tiff,
    /// Lossless, grey or RGB; alpha is dropped.
    Pnm,
}

impl Format {
    /// The format that a file name asks for; JPEG in quality 90.
    pub fn of_path(path: &Path) -> Option<Format> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "png" => Some(Format::Png),
            "jpg" | "jpeg" => Some(Format::Jpeg(90)),
            "webp" => Some(Format::WebP),
            "bmp" => Some(Format::Bmp),
            "tif" | "tiff" => Some(Format::Tiff),
            "pnm" | "pgm" | "ppm" => Some(Format::Pnm),
            _ => None,
        }
    }
}

impl Image {
    /// Writes a file in the format that its name asks for, beside the old one, which is replaced at the end.
    ///
    /// ```
    /// use gradus_vision::{Image, Mode};
    /// let path = std::env::temp_dir().join("gradus-doc-save.png");
    /// Image::filled(Mode::RGB, [4, 6], &[250, 120, 0]).save(&path)?;
    /// assert_eq!(Image::open(&path)?.width(), 6);
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), gradus_vision::VisionError>(())
    /// ```
    ///
    /// # Errors
    /// If the name's extension is not known, or the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let format = Format::of_path(path).ok_or_else(|| VisionError::Encode {
            path: path.to_path_buf(),
            reason: "the extension is none of png, jpg, jpeg, webp, bmp, tif, tiff, pnm, pgm, ppm".into(),
        })?;
        self.save_as(path, format)
    }

    /// [`save`](Image::save) in a format of one's choice.
    ///
    /// # Errors
    /// If the picture cannot be encoded, or the file cannot be written.
    pub fn save_as(&self, path: impl AsRef<Path>, format: Format) -> Result<()> {
        let path = path.as_ref();
        let mut bytes = Vec::new();
        self.encode(format, &mut bytes)
            .map_err(|reason| VisionError::Encode { path: path.to_path_buf(), reason: reason.to_string() })?;
        write_atomic(path, &bytes)
    }

    /// Encodes the picture at the end of `out`.
    ///
    /// # Errors
    /// If the format cannot hold it, for instance a JPEG side over 65,535.
    pub fn encode(&self, format: Format, out: &mut Vec<u8>) -> io::Result<()> {
        let flat = match (format, self.mode()) {
            (Format::Jpeg(_) | Format::Pnm, Mode::LA) => self.convert(Mode::L),
            (Format::Jpeg(_) | Format::Pnm, Mode::RGBA) => self.convert(Mode::RGB),
            // The encoders of these know no grey with alpha.
            (Format::WebP | Format::Tiff | Format::Bmp, Mode::LA) => self.convert(Mode::RGBA),
            _ => self.clone(),
        };
        let color = match flat.mode() {
            Mode::L => ExtendedColorType::L8,
            Mode::LA => ExtendedColorType::La8,
            Mode::RGB => ExtendedColorType::Rgb8,
            Mode::RGBA => ExtendedColorType::Rgba8,
        };
        let (width, height) = (flat.width() as u32, flat.height() as u32);
        let bytes = flat.to_bytes();
        let written = match format {
            Format::Jpeg(quality) => {
                JpegEncoder::new_with_quality(&mut *out, quality).write_image(&bytes, width, height, color)
            }
            _ => {
                let format = match format {
                    Format::Png => ImageFormat::Png,
                    Format::WebP => ImageFormat::WebP,
                    Format::Bmp => ImageFormat::Bmp,
                    Format::Tiff => ImageFormat::Tiff,
                    _ => ImageFormat::Pnm,
                };
                let mut encoded = Cursor::new(Vec::new());
                let result = image::write_buffer_with_format(&mut encoded, &bytes, width, height, color, format);
                out.extend(encoded.into_inner());
                result
            }
        };
        written.map_err(|e| io::Error::other(e.to_string()))
    }
}

/// Writes a file beside the old one, flushes it to the disk, and only then puts it in the old one's place.
///
/// # Errors
/// If the file cannot be written; the old one is then untouched.
pub fn write_atomic(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let beside = beside(path);
    let written = (|| {
        let mut file = BufWriter::new(File::create(&beside)?);
        file.write_all(bytes)?;
        file.into_inner().map_err(|e| e.into_error())?.sync_all()?;
        fs::rename(&beside, path)
    })();
    written.map_err(|source| {
        // What is left of a failed write is of no use to anybody; the first error is the one to tell.
        let _ = fs::remove_file(&beside);
        VisionError::Io { action: "write", path: path.to_path_buf(), source }
    })
}

/// A name in the same directory that no other thread or process uses.
pub(crate) fn beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}-{count}.tmp", std::process::id()))
}
