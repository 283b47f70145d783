//! Records of fixed size that stay in their file: what memory-mapping gives, without unsafe code. Each picture is one
//! positioned read, which the system's page cache answers from memory once a page is warm.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tensor::Tensor;

use super::{ImageDataset, names, stl10};
use crate::error::{Result, VisionError};
use crate::image::{Image, Mode};

/// Pictures of one size in one uncompressed file of records, each a label byte (after `skip` others) and the planes of
/// the picture, as in CIFAR's binary files; or an IDX file of pictures with labels given beside; or STL-10's pictures
/// without labels.
#[derive(Debug)]
pub struct OnDisk {
    path: PathBuf,
    file: Mutex<File>,
    start: u64,
    record: u64,
    before: usize,
    mode: Mode,
    size: [usize; 2],
    /// Whether planes lie column by column.
    columns: bool,
    labels: Vec<usize>,
    classes: Vec<String>,
}

impl OnDisk {
    /// An uncompressed IDX file of pictures, with their classes.
    ///
    /// # Errors
    /// If the file cannot be read or breaks the format, or the number of labels is another.
    pub fn idx(path: impl AsRef<Path>, labels: Vec<usize>, classes: Vec<String>) -> Result<OnDisk> {
        let path = path.as_ref();
        let mut file = File::open(path).map_err(VisionError::io("read", path))?;
        let length = file.metadata().map_err(VisionError::io("read", path))?.len();
        let mut header = [0; 16];
        file.read_exact(&mut header).map_err(VisionError::io("read", path))?;
        if header[..4] != [0, 0, 8, 3] {
            let found = format!("{:02x?}", &header[..4]);
            return Err(VisionError::malformed(path, "byte 0", "the magic number 00 00 08 03, uncompressed", found));
        }
        let at = |i: usize| u32::from_be_bytes([header[i], header[i + 1], header[i + 2], header[i + 3]]) as usize;
        let (count, size) = (at(4), [at(8), at(12)]);
        let record = size[0] as u64 * size[1] as u64;
        let expected = record.checked_mul(count as u64).and_then(|n| n.checked_add(16)).unwrap_or(u64::MAX);
        if length != expected {
            return Err(VisionError::malformed(
                path,
                "byte 16",
                format!("{expected} bytes in all"),
                length.to_string(),
            ));
        }
        if labels.len() != count || record == 0 {
            let found = format!("{count} pictures of {} x {}", size[0], size[1]);
            return Err(VisionError::malformed(path, "byte 4", format!("{} pictures", labels.len()), found));
        }
        let before = 0;
        Ok(OnDisk {
            path: path.into(),
            file: Mutex::new(file),
            start: 16,
            record,
            before,
            mode: Mode::L,
            size,
            columns: false,
            labels,
            classes,
        })
    }

    /// One of CIFAR's binary files: records of `label_bytes` labels, the last of which counts, and 3 x 32 x 32 bytes.
    ///
    /// # Errors
    /// If the file cannot be read, or its length is not a whole number of records, or a label names no class.
    pub fn cifar(path: impl AsRef<Path>, label_bytes: usize, classes: Vec<String>) -> Result<OnDisk> {
        let path = path.as_ref();
        let mut file = File::open(path).map_err(VisionError::io("read", path))?;
        let length = file.metadata().map_err(VisionError::io("read", path))?.len();
        let record = (3072 + label_bytes) as u64;
        if !length.is_multiple_of(record) || label_bytes == 0 {
            let expected = format!("a whole number of records of {record} bytes");
            return Err(VisionError::malformed(path, "its length", expected, format!("{length} bytes")));
        }
        let mut labels = Vec::new();
        for index in 0..length / record {
            let mut label = [0];
            let at = index * record + label_bytes as u64 - 1;
            file.seek(SeekFrom::Start(at))
                .and_then(|_| file.read_exact(&mut label))
                .map_err(VisionError::io("read", path))?;
            if usize::from(label[0]) >= classes.len() {
                let expected = format!("a label below {}", classes.len());
                return Err(VisionError::malformed(path, format!("byte {at}"), expected, label[0].to_string()));
            }
            labels.push(usize::from(label[0]));
        }
        let file = Mutex::new(file);
        let (path, start, before, mode, size, columns) = (path.into(), 0, label_bytes, Mode::RGB, [32, 32], false);
        Ok(OnDisk { path, file, start, record, before, mode, size, columns, labels, classes })
    }

    /// STL-10's pictures without labels, from `unlabeled_X.bin` in a directory or in the directory `stl10_binary` inside it;
    /// all of one class named `unlabeled`. [`stl10_unlabeled`](super::stl10_unlabeled) reads them from the archive too, in
    /// order.
    ///
    /// # Errors
    /// If the file cannot be read, or its length is not a whole number of pictures.
    pub fn stl10_unlabeled(directory: impl AsRef<Path>) -> Result<OnDisk> {
        let (path, file, length) = stl10::open_unlabeled(directory.as_ref())?;
        let (labels, classes) = (vec![0; stl10::count(length, &path)?], names(&["unlabeled"]));
        let (file, size) = (Mutex::new(file), [stl10::SIDE; 2]);
        let (start, before, mode, columns) = (0, 0, Mode::RGB, true);
        let record = (mode.channels() * size[0] * size[1]) as u64;
        Ok(OnDisk { path, file, start, record, before, mode, size, columns, labels, classes })
    }
}

impl ImageDataset for OnDisk {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn image(&self, index: usize) -> Result<(Image, usize)> {
        let class = self.class(index)?;
        let mut bytes = vec![0; self.record as usize - self.before];
        let at = self.start + index as u64 * self.record + self.before as u64;
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(at))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(VisionError::io("read", &self.path))?;
        drop(file);
        let [rows, columns] = self.size;
        let planes = if self.columns { [columns, rows] } else { [rows, columns] };
        let pixels = Tensor::from_vec(bytes, [self.mode.channels(), planes[0], planes[1]]);
        Ok((Image::from_pixels(if self.columns { pixels.transpose(1, 2) } else { pixels }), class))
    }

    fn class(&self, index: usize) -> Result<usize> {
        self.labels.get(index).copied().ok_or(VisionError::OutOfRange { index, len: self.labels.len() })
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }
}
