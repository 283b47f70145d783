//! A look at what a file declares before its decoder sees it. The decoder of TIFF reserves memory for what an entry of the
//! directory declares, up to 256 MiB, before limits can be set; the one of WebP never asks how large a frame says it is; the
//! one of PNG panics over a palette of two thirds of a colour.

use std::io::{BufRead, Read, Seek, SeekFrom};
use std::path::Path;

use super::Limits;
use crate::error::{Result, VisionError};

/// Refuses a TIFF whose first directory has an entry longer than the file, a WebP with a frame over the limits, and a PNG
/// whose palette is no whole number of colours. Other files pass; the source is left at its start.
pub(super) fn check<R: BufRead + Seek>(source: &mut R, path: &Path, limits: &Limits) -> Result<()> {
    let fault = |error| VisionError::io("read", path)(error);
    let (entry, frame) = (longest_entry(source).map_err(fault)?, largest_frame(source).map_err(fault)?);
    let palette = palette_length(source).map_err(fault)?;
    let length = source.seek(SeekFrom::End(0)).map_err(fault)?;
    source.seek(SeekFrom::Start(0)).map_err(fault)?;
    if let Some((tag, size)) = entry.filter(|entry| entry.1 > length) {
        let expected = format!("at most the {length} bytes of the file");
        return Err(VisionError::malformed(path, format!("the TIFF entry {tag}"), expected, format!("{size} bytes")));
    }
    if let Some(size) = palette.filter(|size| !size.is_multiple_of(3)) {
        let expected = "a whole number of colours of 3 bytes";
        return Err(VisionError::malformed(path, "the PNG palette", expected, format!("{size} bytes")));
    }
    match frame.filter(|[width, height]| width * height > limits.max_pixels) {
        Some([width, height]) => {
            let what = format!("the area of a frame of {width} x {height} pixels");
            let (path, size, limit) = (path.to_path_buf(), width * height, limits.max_pixels);
            Err(VisionError::TooLarge { path, what, size, limit })
        }
        None => Ok(()),
    }
}

/// The bytes of the palette of a PNG; none if it has none before its pixels.
fn palette_length<R: BufRead + Seek>(source: &mut R) -> std::io::Result<Option<u32>> {
    source.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    source.by_ref().take(8).read_to_end(&mut head)?;
    if head != b"\x89PNG\r\n\x1a\n" {
        return Ok(None);
    }
    loop {
        let mut chunk = Vec::new();
        source.by_ref().take(8).read_to_end(&mut chunk)?;
        let &[a, b, c, d, ref kind @ ..] = chunk.as_slice() else { return Ok(None) };
        let length = u32::from_be_bytes([a, b, c, d]);
        match kind {
            b"PLTE" => return Ok(Some(length)),
            // Beyond the pixels no palette is read; a kind that is cut short is the end of the file.
            b"IDAT" => return Ok(None),
            _ if kind.len() < 4 => return Ok(None),
            // The chunk and its checksum.
            _ => source.seek_relative(i64::from(length) + 4)?,
        }
    }
}

/// Width and height of the largest frame of a WebP; 0 if there is none, or the file ends too soon for its decoder as well.
fn largest_frame<R: BufRead + Seek>(source: &mut R) -> std::io::Result<Option<[u64; 2]>> {
    source.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    source.by_ref().take(12).read_to_end(&mut head)?;
    if !(head.starts_with(b"RIFF") && head.ends_with(b"WEBP")) {
        return Ok(None);
    }
    let mut at = 12u64;
    let mut largest = [0; 2];
    let larger = |old: [u64; 2], new: [u64; 2]| if new[0] * new[1] > old[0] * old[1] { new } else { old };
    loop {
        source.seek(SeekFrom::Start(at))?;
        let mut chunk = Vec::new();
        source.by_ref().take(18).read_to_end(&mut chunk)?;
        let Some(&[a, b, c, d]) = chunk.get(4..8) else { return Ok(Some(largest)) };
        let side = |low: u8, high: u8| u64::from(low) | u64::from(high & 0x3f) << 8;
        match (&chunk[..4], &chunk[8..]) {
            // The parts of a frame of an animation follow its header of 16 bytes.
            (b"ANMF", _) => {
                at += 8 + 16;
                continue;
            }
            (b"VP8 ", &[_, _, _, _, _, _, w, x, h, y]) => largest = larger(largest, [side(w, x), side(h, y)]),
            (b"VP8L", &[_, a, b, c, d, ..]) => {
                let bits = u64::from(u32::from_le_bytes([a, b, c, d]));
                largest = larger(largest, [1 + (bits & 0x3fff), 1 + (bits >> 14 & 0x3fff)]);
            }
            _ => {}
        }
        at += 8 + u64::from(u32::from_le_bytes([a, b, c, d])).next_multiple_of(2);
    }
}

/// The tag and the size in bytes of the largest entry; none if this is no TIFF, or ends too soon for its decoder as well.
fn longest_entry<R: BufRead + Seek>(source: &mut R) -> std::io::Result<Option<(u64, u64)>> {
    let mut head = Vec::new();
    source.by_ref().take(16).read_to_end(&mut head)?;
    let little = match head.get(..2) {
        Some(b"II") => true,
        Some(b"MM") => false,
        _ => return Ok(None),
    };
    let number = |bytes: &[u8]| {
        let digit = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        if little { bytes.iter().rev().fold(0, digit) } else { bytes.iter().fold(0, digit) }
    };
    // The classic format counts in 32 bits, BigTIFF in 64.
    let (width, start) = match (head.get(2..4).map(number), head.len()) {
        (Some(42), 8..) => (4, number(&head[4..8])),
        (Some(43), 16) => (8, number(&head[8..16])),
        _ => return Ok(None),
    };
    source.seek(SeekFrom::Start(start))?;
    let mut count = Vec::new();
    source.by_ref().take(if width == 4 { 2 } else { 8 }).read_to_end(&mut count)?;
    let mut longest = None;
    for _ in 0..number(&count) {
        let mut entry = Vec::new();
        let size = 4 + 2 * width;
        source.by_ref().take(size).read_to_end(&mut entry)?;
        if (entry.len() as u64) < size {
            break;
        }
        let bytes = match number(&entry[2..4]) {
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 | 17 | 18 => 8,
            _ => 1,
        };
        let size = number(&entry[4..4 + width as usize]).saturating_mul(bytes);
        longest = longest.max(Some((size, number(&entry[..2]))));
    }
    Ok(longest.map(|(size, tag)| (tag, size)))
}
