//! Files that may be compressed: whole, in a tar or in a zip archive, read with a limit on what they may unpack to.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::error::{Result, VisionError};

/// The most bytes that any part of a data set may unpack to: over twice the largest of those read here.
pub(super) const MAX_BYTES: u64 = 4 << 30;

/// Opens a file, unpacking it if it begins as gzip does.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>> {
    unpacking(File::open(path).map_err(VisionError::io("read", path))?, path)
}

fn unpacking<'a>(mut source: impl Read + 'a, path: &Path) -> Result<Box<dyn Read + 'a>> {
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
    let inner = path.join(&full);
    let entry = archive.by_name(&full).map_err(broken)?;
    read(&mut *unpacking(entry, &inner)?, &inner)
}

/// Reads `count` bytes, growing with what really comes; fewer are an error at `place`.
pub(super) fn read_exactly(source: &mut dyn Read, count: u64, path: &Path, place: &str) -> Result<Vec<u8>> {
    if count > MAX_BYTES {
        return Err(VisionError::TooLarge {
            path: path.to_path_buf(),
            what: "the declared size in bytes",
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
        let what = "the unpacked size in bytes";
        return Err(VisionError::TooLarge { path: path.to_path_buf(), what, size: bytes.len() as u64, limit });
    }
    Ok(bytes)
}

/// The files of a tar archive, plain or in gzip, whose names `wanted` accepts, in the archive's order.
pub(super) fn read_tar(path: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<(String, Vec<u8>)>> {
    let mut source = open(path)?;
    let mut result = Vec::new();
    let mut at = 0u64;
    let mut total = 0u64;
    loop {
        let mut header = Vec::new();
        source.by_ref().take(512).read_to_end(&mut header).map_err(VisionError::io("read", path))?;
        // An archive ends with empty blocks, or just ends.
        if header.len() < 512 || header.iter().all(|&b| b == 0) {
            return Ok(result);
        }
        let place = format!("byte {at} of the archive");
        let text = |range: std::ops::Range<usize>| {
            let field = &header[range];
            let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
            String::from_utf8_lossy(&field[..end]).trim().to_string()
        };
        let sum = text(148..156);
        let actual: u64 =
            header.iter().enumerate().map(|(i, &b)| if (148..156).contains(&i) { 32 } else { u64::from(b) }).sum();
        if u64::from_str_radix(sum.trim_end_matches('\0').trim(), 8).ok() != Some(actual) {
            return Err(VisionError::malformed(
                path,
                place,
                "a tar header",
                format!("a checksum of {sum:?}, not {actual:o}"),
            ));
        }
        let size = u64::from_str_radix(&text(124..136), 8)
            .map_err(|_| VisionError::malformed(path, &place, "an octal size", format!("{:?}", text(124..136))))?;
        let name = text(0..100);
        let padded = size.div_ceil(512).saturating_mul(512);
        if wanted(&name) && matches!(header[156], b'0' | 0) {
            total = total.saturating_add(size);
            if total > MAX_BYTES {
                let what = "the unpacked size in bytes";
                return Err(VisionError::TooLarge { path: path.to_path_buf(), what, size: total, limit: MAX_BYTES });
            }
            let bytes = read_exactly(&mut source, size, path, &name)?;
            skip(&mut source, padded - size, path)?;
            result.push((name, bytes));
        } else {
            skip(&mut source, padded, path)?;
        }
        at = at.saturating_add(512).saturating_add(padded);
    }
}

fn skip(source: &mut dyn Read, count: u64, path: &Path) -> Result<()> {
    std::io::copy(&mut source.take(count), &mut std::io::sink()).map_err(VisionError::io("read", path))?;
    Ok(())
}
