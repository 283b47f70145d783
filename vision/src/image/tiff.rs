//! A look at a TIFF's directory before its decoder sees it: the decoder reserves memory for what an entry declares, up to
//! 256 MiB, before limits can be set.

use std::io::{BufRead, Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::{Result, VisionError};

/// Refuses a TIFF whose first directory has an entry that is longer than the file. Other files pass; the source is left at
/// its start.
pub(super) fn check_directory<R: BufRead + Seek>(source: &mut R, path: &Path) -> Result<()> {
    let fault = |action| VisionError::io(action, path);
    let found = longest_entry(source).map_err(fault("read"))?;
    let length = source.seek(SeekFrom::End(0)).map_err(fault("read"))?;
    source.seek(SeekFrom::Start(0)).map_err(fault("read"))?;
    match found {
        Some((tag, size)) if size > length => {
            let expected = format!("at most the {length} bytes of the file");
            Err(VisionError::malformed(path, format!("the TIFF entry {tag}"), expected, format!("{size} bytes")))
        }
        _ => Ok(()),
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
