//! The `.npy` format: a magic word, a version, a Python dictionary with type, order and shape, then the elements.

use std::path::Path;

use super::FileError;
use crate::{DType, Tensor};

const MAGIC: &[u8] = b"\x93NUMPY";

/// Everything before the elements, padded so that they start at a multiple of 64.
pub(super) fn header(x: &Tensor) -> Vec<u8> {
    let descr = match x.dtype() {
        DType::F32 => "<f4",
        DType::F64 => "<f8",
        DType::I64 => "<i8",
        DType::U8 => "|u1",
        DType::Bool => "|b1",
    };
    let sizes: String = x.shape().iter().map(|size| format!("{size}, ")).collect();
    let sizes = if x.rank() == 1 { sizes.trim_end() } else { sizes.trim_end_matches(", ") };
    let mut dictionary = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}");
    let unpadded = MAGIC.len() + 4 + dictionary.len() + 1;
    dictionary.push_str(&" ".repeat(unpadded.next_multiple_of(64) - unpadded));
    dictionary.push('\n');
    let mut bytes = MAGIC.to_vec();
    // A tensor has far fewer axes than would make the dictionary exceed version 1's 65,535 bytes.
    bytes.extend([1, 0]);
    bytes.extend((dictionary.len() as u16).to_le_bytes());
    bytes.extend(dictionary.as_bytes());
    bytes
}

struct Reader<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn fault<T>(&self, expected: impl Into<String>, got: impl Into<String>) -> Result<T, FileError> {
        let (expected, got) = (expected.into(), got.into());
        Err(FileError::Format { path: self.path.to_path_buf(), at: self.at, expected, got })
    }

    fn take(&mut self, count: usize, what: &str) -> Result<&'a [u8], FileError> {
        let rest = &self.bytes[self.at..];
        match rest.get(..count) {
            Some(bytes) => {
                self.at += count;
                Ok(bytes)
            }
            None => self.fault(format!("{count} bytes of {what}"), format!("{} bytes", rest.len())),
        }
    }

    fn skip_spaces(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\n' | b',')) {
            self.at += 1;
        }
    }

    /// The word, or nothing and an error.
    fn expect(&mut self, word: &str) -> Result<(), FileError> {
        if self.bytes[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(());
        }
        let end = (self.at + word.len().max(8)).min(self.bytes.len());
        self.fault(format!("{word:?}"), format!("{:?}", String::from_utf8_lossy(&self.bytes[self.at..end])))
    }

    /// What stands between two single quotes.
    fn quoted(&mut self) -> Result<&'a str, FileError> {
        self.expect("'")?;
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&b| b == b'\'');
        match end.and_then(|end| std::str::from_utf8(&rest[..end]).ok()) {
            Some(text) => {
                self.at += text.len() + 1;
                Ok(text)
            }
            None => self.fault("a quoted word", "no closing quote"),
        }
    }

    fn number(&mut self) -> Result<usize, FileError> {
        let digits: Vec<u8> = self.bytes[self.at..].iter().copied().take_while(u8::is_ascii_digit).collect();
        let text = String::from_utf8_lossy(&digits);
        match text.parse() {
            Ok(number) => {
                self.at += digits.len();
                Ok(number)
            }
            Err(_) => self.fault("a size", format!("{text:?}")),
        }
    }
}

/// The tensor in the bytes of a `.npy` file; `path` names it in errors.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Tensor, FileError> {
    let mut reader = Reader { path, bytes, at: 0 };
    if reader.take(MAGIC.len(), "magic word").ok() != Some(MAGIC) {
        reader.at = 0;
        return reader.fault("the magic word \\x93NUMPY", "other bytes");
    }
    let version = reader.take(2, "version")?[0];
    let length = match version {
        1 => reader.take(2, "header length")?.iter().rev().fold(0, |n, &b| n << 8 | usize::from(b)),
        2 | 3 => reader.take(4, "header length")?.iter().rev().fold(0, |n, &b| n << 8 | usize::from(b)),
        _ => return reader.fault("version 1, 2 or 3", format!("version {version}")),
    };
    let start = reader.at;
    reader.take(length, "header")?;
    let mut dictionary = Reader { path, bytes: &bytes[..start + length], at: start };
    let (mut descr, mut fortran, mut sizes) = (None, None, None);
    dictionary.skip_spaces();
    dictionary.expect("{")?;
    loop {
        dictionary.skip_spaces();
        if dictionary.expect("}").is_ok() {
            break;
        }
        let key = dictionary.quoted()?;
        dictionary.skip_spaces();
        dictionary.expect(":")?;
        dictionary.skip_spaces();
        match key {
            "descr" => descr = Some(dictionary.quoted()?),
            "fortran_order" => {
                let yes = dictionary.expect("True").is_ok();
                if !yes {
                    dictionary.expect("False")?;
                }
                fortran = Some(yes);
            }
            "shape" => {
                dictionary.expect("(")?;
                let mut list = vec![];
                loop {
                    dictionary.skip_spaces();
                    if dictionary.expect(")").is_ok() {
                        break;
                    }
                    list.push(dictionary.number()?);
                }
                sizes = Some(list);
            }
            _ => return dictionary.fault("'descr', 'fortran_order' or 'shape'", format!("{key:?}")),
        }
    }
    let (Some(descr), Some(fortran), Some(sizes)) = (descr, fortran, sizes) else {
        return dictionary.fault("the keys 'descr', 'fortran_order' and 'shape'", "fewer");
    };
    elements(reader, descr, fortran, sizes)
}

/// The elements behind the header.
fn elements(mut reader: Reader<'_>, descr: &str, fortran: bool, mut sizes: Vec<usize>) -> Result<Tensor, FileError> {
    let unsupported = || FileError::Unsupported {
        path: reader.path.to_path_buf(),
        what: format!("tensors have no elements of NumPy's type {descr:?}"),
    };
    let (order, kind) = descr.split_at_checked(1).ok_or_else(unsupported)?;
    let (width, dtype) = match kind {
        "f4" => (4, DType::F32),
        "f8" => (8, DType::F64),
        "i1" => (1, DType::I64),
        "i2" | "u2" => (2, DType::I64),
        "i4" | "u4" => (4, DType::I64),
        "i8" => (8, DType::I64),
        "u1" => (1, DType::U8),
        "b1" => (1, DType::Bool),
        _ => return Err(unsupported()),
    };
    if !["<", ">", "|", "="].contains(&order) || (width > 1 && order == "|") {
        return Err(unsupported());
    }
    let empty = sizes.contains(&0);
    let count = sizes.iter().try_fold(1usize, |n, &size| n.checked_mul(size));
    let Some(length) = (if empty { Some(0) } else { count.and_then(|count| count.checked_mul(width)) }) else {
        return reader.fault("a shape that memory can hold", format!("{sizes:?}"));
    };
    let data = reader.take(length, "elements")?;
    if reader.at != reader.bytes.len() {
        return reader.fault("the end of the file", format!("{} more bytes", reader.bytes.len() - reader.at));
    }
    let mut bytes = Vec::with_capacity(length / width * dtype.bytes());
    for element in data.chunks_exact(width) {
        let mut word = [0u8; 8];
        word[..width].copy_from_slice(element);
        if order == ">" {
            word[..width].reverse();
        }
        if dtype == DType::I64 {
            // Widened with the sign, if the type has one.
            let shift = 64 - 8 * width as u32;
            let value = u64::from_le_bytes(word) << shift;
            let value = if kind.starts_with('i') { (value as i64) >> shift } else { (value >> shift) as i64 };
            bytes.extend(value.to_le_bytes());
        } else {
            bytes.extend(&word[..width]);
        }
    }
    if fortran {
        sizes.reverse();
    }
    let x = Tensor::from_le_bytes(&bytes, &sizes, dtype);
    let backward: Vec<isize> = (0..sizes.len() as isize).rev().collect();
    Ok(if fortran { x.permute(backward) } else { x })
}
