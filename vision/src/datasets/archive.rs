//! Files that may be compressed: whole, in a tar or in a zip archive, read with a limit on what they may unpack to.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use crate::error::{Result, VisionError, one_line};

/// The most bytes that any part of a data set may unpack to: over twice the largest of those read here.
pub(super) const MAX_BYTES: u64 = 4 << 30;

/// A file to be read from its beginning to its end.
pub(super) type Source = Box<dyn Read + Send>;

/// Opens a file, unpacking it if it begins as gzip does.
pub(super) fn open(path: &Path) -> Result<Source> {
    unpacking(File::open(path).map_err(VisionError::io("read", path))?, path)
}

fn unpacking<'a>(mut source: impl Read + Send + 'a, path: &Path) -> Result<Box<dyn Read + Send + 'a>> {
    let mut magic = Vec::new();
    source.by_ref().take(2).read_to_end(&mut magic).map_err(VisionError::io("read", path))?;
    let packed = magic == [0x1f, 0x8b];
    let whole = std::io::Cursor::new(magic).chain(source);
    Ok(if packed { Box::new(MultiGzDecoder::new(BufReader::new(whole))) } else { Box::new(BufReader::new(whole)) })
}

/// Hands a file of a zip archive, by its name without directories, to `read`, unpacking it if it is in gzip as well; with
/// a path for messages.
pub(super) fn in_zip<T>(path: &Path, name: &str, read: impl FnOnce(&mut dyn Read, &Path) -> Result<T>) -> Result<T> {
    let broken = |error: zip::result::ZipError| match error {
        zip::result::ZipError::Io(error) => VisionError::io("read", path)(error),
        error => VisionError::malformed(path, "the archive", "a zip archive", error.to_string()),
    };
    let file = File::open(path).map_err(VisionError::io("read", path))?;
    let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    let full = archive.file_names().find(|full| full.rsplit('/').next() == Some(name)).map(String::from);
    let Some(full) = full else {
        return Err(VisionError::malformed(path, "the archive", format!("a file {name}"), "none"));
    };
    let inner = inside(path, &full);
    let entry = archive.by_name(&full).map_err(broken)?;
    read(&mut *unpacking(entry, &inner)?, &inner)
}

/// The path of a file in an archive, for messages.
pub(super) fn inside(archive: &Path, name: &str) -> PathBuf {
    archive.join(one_line(name.into()))
}

/// Reads `count` bytes, growing with what really comes; fewer are an error at `place`.
pub(super) fn read_exactly(source: &mut dyn Read, count: u64, path: &Path, place: &str) -> Result<Vec<u8>> {
    if count > MAX_BYTES {
        return Err(VisionError::TooLarge {
            path: path.to_path_buf(),
            what: "the declared size in bytes".into(),
            size: count,
            limit: MAX_BYTES,
        });
    }
    let mut bytes = Vec::new();
    source.take(count).read_to_end(&mut bytes).map_err(VisionError::io("read", path))?;
    if (bytes.len() as u64) < count {
        let (expected, found) = (format!("{count} bytes"), format!("the end of the file after {}", bytes.len()));
        return Err(VisionError::malformed(path, place, expected, found));
    }
    Ok(bytes)
}

/// Checks that nothing follows.
pub(super) fn expect_end(source: &mut dyn Read, path: &Path, place: &str) -> Result<()> {
    match source.read(&mut [0]).map_err(VisionError::io("read", path))? {
        0 => Ok(()),
        _ => Err(VisionError::malformed(path, place, "the end of the file", "more bytes")),
    }
}

/// Reads a whole file, unpacked, of at most `limit` bytes.
pub(super) fn read_all(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(limit + 1).read_to_end(&mut bytes).map_err(VisionError::io("read", path))?;
    if bytes.len() as u64 > limit {
        let what = "the unpacked size in bytes".into();
        return Err(VisionError::TooLarge { path: path.to_path_buf(), what, size: bytes.len() as u64, limit });
    }
    Ok(bytes)
}

/// The files of a tar archive, plain or in gzip, whose names `wanted` accepts, in the archive's order.
pub(super) fn read_tar(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<(String, Vec<u8>)>> {
    let mut tar = Tar::open(path)?;
    let (mut result, mut total) = (Vec::new(), 0u64);
    while let Some((name, size)) = tar.seek(wanted)? {
        total = total.saturating_add(size);
        if total > MAX_BYTES {
            let what = "the unpacked size in bytes".into();
            return Err(VisionError::TooLarge { path: path.to_path_buf(), what, size: total, limit: MAX_BYTES });
        }
        let bytes = read_exactly(&mut tar.source, size, path, &name)?;
        tar.left -= size;
        result.push((name, bytes));
    }
    Ok(result)
}

/// One file of a tar archive, plain or in gzip, to be read as it comes: its name, its size, and a source that stands at its
/// first byte; none if there is no such file.
pub(super) fn open_in_tar(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Option<(String, u64, Source)>> {
    let mut tar = Tar::open(path)?;
    Ok(tar.seek(wanted)?.map(|(name, size)| (name, size, tar.source)))
}

/// A tar archive, read from its beginning to its end.
struct Tar<'a> {
    path: &'a Path,
    source: Source,
    /// The place of the next header, and how many bytes of the file before it are yet to be read.
    at: u64,
    left: u64,
}

impl<'a> Tar<'a> {
    fn open(path: &'a Path) -> Result<Tar<'a>> {
        Ok(Tar { path, source: open(path)?, at: 0, left: 0 })
    }

    /// Goes to the next plain file that `wanted` accepts; its name and size.
    fn seek(&mut self, wanted: &dyn Fn(&str) -> bool) -> Result<Option<(String, u64)>> {
        loop {
            let failed = |error| VisionError::io("read", self.path)(error);
            std::io::copy(&mut self.source.by_ref().take(self.left), &mut std::io::sink()).map_err(failed)?;
            let mut header = Vec::new();
            self.source.by_ref().take(512).read_to_end(&mut header).map_err(failed)?;
            // An archive ends with empty blocks, or just ends.
            if header.len() < 512 || header.iter().all(|&b| b == 0) {
                return Ok(None);
            }
            let (name, size) = parse_header(&header, self.at, self.path)?;
            self.left = size.div_ceil(512).saturating_mul(512);
            self.at = self.at.saturating_add(512).saturating_add(self.left);
            if wanted(&name) && matches!(header[156], b'0' | 0) {
                return Ok(Some((name, size)));
            }
        }
    }
}

/// The name and the size that a header of 512 bytes gives.
fn parse_header(header: &[u8], at: u64, path: &Path) -> Result<(String, u64)> {
    let place = format!("byte {at} of the archive");
    let text = |range: std::ops::Range<usize>| {
        let field = &header[range];
        let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
        String::from_utf8_lossy(&field[..end]).trim().to_string()
    };
    let sum = text(148..156);
    let actual: u64 =
        header.iter().enumerate().map(|(i, &b)| if (148..156).contains(&i) { 32 } else { u64::from(b) }).sum();
    if u64::from_str_radix(&sum, 8).ok() != Some(actual) {
        let found = format!("a checksum of {sum:?}, not {actual:o}");
        return Err(VisionError::malformed(path, place, "a tar header", found));
    }
    let size = text(124..136);
    match u64::from_str_radix(&size, 8) {
        Ok(size) => Ok((text(0..100), size)),
        Err(_) => Err(VisionError::malformed(path, place, "an octal size", format!("{size:?}"))),
    }
}
