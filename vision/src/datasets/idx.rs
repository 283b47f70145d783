//! The IDX format of the MNIST family: magic, sizes, bytes; plain or in gzip.

use std::io::Read;
use std::path::{Path, PathBuf};

use tensor::Tensor;

use super::archive::{expect_end, in_zip, open, read_exactly};
use super::{InMemory, Split, names};
use crate::error::{Result, VisionError};

/// Reads an IDX file of bytes, plain or in gzip, as a `u8` tensor of the shape that it declares.
///
/// ```
/// let path = std::env::temp_dir().join("gradus-doc.idx");
/// std::fs::write(&path, [0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]).unwrap();
/// assert_eq!(gradus_vision::datasets::read_idx(&path)?.to_vec::<u8>(), [7, 8, 9]);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), gradus_vision::VisionError>(())
/// ```
///
/// # Errors
/// If the file cannot be read, its magic number is not that of bytes, or its length is not the one declared.
pub fn read_idx(path: impl AsRef<Path>) -> Result<Tensor> {
    let path = path.as_ref();
    parse(&mut *open(path)?, path)
}

fn parse(source: &mut dyn Read, path: &Path) -> Result<Tensor> {
    let magic = read_exactly(source, 4, path, "the magic number at byte 0")?;
    let (zero, kind, rank) = (&magic[..2], magic[2], usize::from(magic[3]));
    if zero != [0, 0] || kind != 8 || rank == 0 || rank > 4 {
        let found = format!("{:02x} {:02x} {:02x} {:02x}", magic[0], magic[1], magic[2], magic[3]);
        return Err(VisionError::malformed(path, "byte 0", "the IDX magic number 00 00 08 and 1 to 4 axes", found));
    }
    let sizes = read_exactly(source, 4 * rank as u64, path, "the sizes at byte 4")?;
    let shape: Vec<usize> =
        sizes.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize).collect();
    let place = format!("the data of shape {shape:?} at byte {}", 4 + 4 * rank);
    let count = shape.iter().try_fold(1u64, |n, &size| n.checked_mul(size as u64)).unwrap_or(u64::MAX);
    let bytes = read_exactly(source, count, path, &place)?;
    expect_end(source, path, &format!("byte {}", 4 + 4 * rank as u64 + count))?;
    Ok(Tensor::from_slice(&bytes, shape))
}

/// The names of the parts of EMNIST, and their classes in order.
pub const EMNIST_SPLITS: [(&str, &str); 6] = [
    ("byclass", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
    ("bymerge", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
    ("balanced", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
    ("letters", "abcdefghijklmnopqrstuvwxyz"),
    ("digits", "0123456789"),
    ("mnist", "0123456789"),
];

/// MNIST's handwritten digits: `u8 [N, 1, 28, 28]` and classes 0 to 9, from the four files as published, plain or in
/// gzip, in one directory. PyTorch: `torchvision.datasets.MNIST`.
///
/// ```no_run
/// use gradus_vision::datasets::{ImageDataset, Split, mnist};
/// let test = mnist("examples/data/mnist", Split::Test)?;
/// assert_eq!((test.len(), test.images().shape()), (10_000, &[10_000, 1, 28, 28][..]));
/// # Ok::<(), gradus_vision::VisionError>(())
/// ```
///
/// # Errors
/// If a file is missing, breaks the format, or the numbers of pictures and labels differ.
pub fn mnist(directory: impl AsRef<Path>, split: Split) -> Result<InMemory> {
    family(directory.as_ref(), split, &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"])
}

/// Fashion-MNIST's articles of clothing, in MNIST's format. PyTorch: `torchvision.datasets.FashionMNIST`.
///
/// # Errors
/// As [`mnist`].
pub fn fashion_mnist(directory: impl AsRef<Path>, split: Split) -> Result<InMemory> {
    const CLASSES: [&str; 10] =
        ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];
    family(directory.as_ref(), split, &CLASSES)
}

/// Kuzushiji-MNIST's cursive Japanese, in MNIST's format. PyTorch: `torchvision.datasets.KMNIST`.
///
/// # Errors
/// As [`mnist`].
pub fn kmnist(directory: impl AsRef<Path>, split: Split) -> Result<InMemory> {
    family(directory.as_ref(), split, &["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"])
}

/// A part of EMNIST by its name in [`EMNIST_SPLITS`], turned upright: the files hold pictures with rows and columns
/// exchanged, which torchvision leaves so. The labels of `letters` count from 1 in the file and from 0 here. `path` is
/// the directory of the files, plain or in gzip, or the archive as published (`gzip.zip`).
/// PyTorch: `torchvision.datasets.EMNIST`.
///
/// # Errors
/// If the name is not known, or as [`mnist`].
pub fn emnist(path: impl AsRef<Path>, name: &str, split: Split) -> Result<InMemory> {
    let path = path.as_ref();
    let Some((name, classes)) = EMNIST_SPLITS.iter().find(|(known, _)| *known == name) else {
        let known = EMNIST_SPLITS.map(|(name, _)| name).join(", ");
        return Err(VisionError::malformed(path, "the name of the split", format!("one of {known}"), name));
    };
    let part = if split == Split::Train { "train" } else { "test" };
    let [images, labels] = [format!("{name}-{part}-images-idx3"), format!("{name}-{part}-labels-idx1")].map(|stem| {
        let file = format!("emnist-{stem}-ubyte");
        if !path.is_file() {
            return Idx::read(find(path, &file)?);
        }
        in_zip(path, &format!("{file}.gz"), |source, inner| {
            Ok(Idx { path: inner.to_path_buf(), values: parse(source, inner)? })
        })
    });
    let classes: Vec<String> = classes.chars().map(String::from).collect();
    let first = u8::from(*name == "letters");
    assemble(images?, labels?, classes, first, true)
}

fn family(directory: &Path, split: Split, classes: &[&str]) -> Result<InMemory> {
    let part = if split == Split::Train { "train" } else { "t10k" };
    let images = Idx::read(find(directory, &format!("{part}-images-idx3-ubyte"))?)?;
    let labels = Idx::read(find(directory, &format!("{part}-labels-idx1-ubyte"))?)?;
    assemble(images, labels, names(classes), 0, false)
}

/// What a file holds, with its path for messages.
struct Idx {
    path: PathBuf,
    values: Tensor,
}

impl Idx {
    fn read(path: PathBuf) -> Result<Idx> {
        read_idx(&path).map(|values| Idx { path, values })
    }
}

/// A file under its own name or with `.gz`.
fn find(directory: &Path, name: &str) -> Result<PathBuf> {
    let plain = directory.join(name);
    let packed = directory.join(format!("{name}.gz"));
    let found = if plain.exists() || !packed.exists() { plain } else { packed };
    std::fs::metadata(&found).map_err(VisionError::io("read", &found))?;
    Ok(found)
}

fn assemble(images: Idx, labels: Idx, classes: Vec<String>, first: u8, transposed: bool) -> Result<InMemory> {
    let &[count, rows, columns] = images.values.shape() else {
        let found = format!("shape {:?}", images.values.shape());
        return Err(VisionError::malformed(&images.path, "byte 3", "pictures of 3 axes", found));
    };
    if labels.values.shape() != [count] {
        let (expected, found) =
            (format!("{count} labels, as there are pictures"), format!("shape {:?}", labels.values.shape()));
        return Err(VisionError::malformed(&labels.path, "byte 3", expected, found));
    }
    let (images, labels_path, labels) = (images.values, labels.path, labels.values);
    let labels = labels.to_vec::<u8>();
    let top = first as usize + classes.len();
    if let Some(at) = labels.iter().position(|&label| label < first || usize::from(label) >= top) {
        let place = format!("byte {}", 8 + at);
        return Err(VisionError::malformed(
            &labels_path,
            place,
            format!("a label from {first} to {}", top - 1),
            labels[at].to_string(),
        ));
    }
    let labels = labels.into_iter().map(|label| i64::from(label - first)).collect();
    let images = images.reshape([count, 1, rows, columns]);
    let images = if transposed { images.transpose(2, 3).contiguous() } else { images };
    Ok(InMemory::new(images, labels, classes))
}
