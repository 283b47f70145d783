//! The zip archives that `torch.save` writes: entries stored as they are, without compression.

use std::collections::BTreeMap;

/// A zip archive in memory.
pub(super) struct Archive<'a> {
    bytes: &'a [u8],
    entries: BTreeMap<String, Entry>,
}

struct Entry {
    header: usize,
    size: usize,
    checksum: u32,
}

/// A little-endian number of `width` bytes.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(width)?)?;
    Some(bytes.iter().rev().fold(0, |value, &byte| value << 8 | usize::from(byte)))
}

const END: usize = 0x0605_4b50;
const CENTRAL: usize = 0x0201_4b50;
const LOCAL: usize = 0x0403_4b50;

impl<'a> Archive<'a> {
    /// Reads the table of contents.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Archive<'a>, String> {
        let truncated = "not a PyTorch checkpoint: the zip archive is truncated or damaged";
        // The end record is 22 bytes long, and a comment of up to 65535 may follow it.
        let last = bytes.len().checked_sub(22).ok_or(truncated)?;
        let end = (last.saturating_sub(65535)..=last)
            .rev()
            .find(|&at| number(bytes, at, 4) == Some(END))
            .ok_or("not a PyTorch checkpoint: no zip archive (files of PyTorch before 1.6 are not supported)")?;
        let field = |offset, width| number(bytes, end + offset, width).ok_or(truncated);
        let (count, mut at) = (field(10, 2)?, field(16, 4)?);
        if count == 0xffff || at == 0xffff_ffff {
            return Err("zip archives of 4 GiB and more are not supported".into());
        }
        let mut entries = BTreeMap::new();
        for _ in 0..count {
            let field = |offset, width| number(bytes, at + offset, width).ok_or(truncated);
            if field(0, 4)? != CENTRAL {
                return Err(truncated.into());
            }
            let (name, extra, comment) = (field(28, 2)?, field(30, 2)?, field(32, 2)?);
            let text = bytes.get(at + 46..at + 46 + name).ok_or(truncated)?;
            let text = std::str::from_utf8(text).map_err(|_| "the archive has an entry whose name is not UTF-8")?;
            if field(10, 2)? != 0 {
                return Err(format!("entry {text} is compressed; torch.save stores entries as they are"));
            }
            let entry = Entry { header: field(42, 4)?, size: field(24, 4)?, checksum: field(16, 4)? as u32 };
            entries.insert(text.to_string(), entry);
            at += 46 + name + extra + comment;
        }
        Ok(Archive { bytes, entries })
    }

    /// The names of all entries.
    pub(super) fn entries(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// An entry's bytes, checked against their checksum.
    pub(super) fn read(&self, name: &str) -> Result<Option<&'a [u8]>, String> {
        let Some(entry) = self.entries.get(name) else { return Ok(None) };
        let damaged = || format!("entry {name} is truncated or damaged");
        let field = |offset, width| number(self.bytes, entry.header + offset, width).ok_or_else(damaged);
        if field(0, 4)? != LOCAL {
            return Err(damaged());
        }
        let start = entry.header + 30 + field(26, 2)? + field(28, 2)?;
        let bytes = self.bytes.get(start..start + entry.size).ok_or_else(damaged)?;
        if checksum(bytes) != entry.checksum { Err(damaged()) } else { Ok(Some(bytes)) }
    }
}

/// CRC-32, as zip has it.
fn checksum(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut i = 0;
        while i < 256 {
            let (mut value, mut bit) = (i as u32, 0);
            while bit < 8 {
                value = if value & 1 == 1 { 0xedb8_8320 ^ value >> 1 } else { value >> 1 };
                bit += 1;
            }
            table[i] = value;
            i += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, &byte| TABLE[usize::from(crc as u8 ^ byte)] ^ crc >> 8)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checksum_of_the_standard_example() {
        assert_eq!(super::checksum(b"123456789"), 0xcbf4_3926);
    }
}
