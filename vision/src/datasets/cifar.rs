//! CIFAR-10 and CIFAR-100, from the binary files or the Python pickles, in a directory or in the archive as published.

use std::path::{Path, PathBuf};

use tensor::Tensor;

use super::archive::{inside, read_all, read_tar};
use super::pickle::Pickle;
use super::{InMemory, Split, names};
use crate::error::{Result, VisionError};

const SIZE: usize = 3 * 32 * 32;

/// A batch holds 10,000 to 50,000 records of 3 KiB, and file names.
const MAX_BATCH: u64 = 400 << 20;

const CIFAR10: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// CIFAR-10: `u8 [N, 3, 32, 32]` and 10 classes. `path` is a directory that holds the batches (`data_batch_1` or
/// `data_batch_1.bin` and so on), or holds the directory that the archive unpacks to; or the archive itself
/// (`cifar-10-python.tar.gz`, `cifar-10-binary.tar.gz`). PyTorch: `torchvision.datasets.CIFAR10`.
///
/// # Errors
/// If a file is missing or breaks its format.
pub fn cifar10(path: impl AsRef<Path>, split: Split) -> Result<InMemory> {
    let stems: Vec<String> = match split {
        Split::Train => (1..=5).map(|i| format!("data_batch_{i}")).collect(),
        Split::Test => vec!["test_batch".into()],
    };
    let files = find(path.as_ref(), &stems, &["cifar-10-batches-py", "cifar-10-batches-bin"])?;
    assemble(files, 1, "labels", names(&CIFAR10))
}

/// CIFAR-100: `u8 [N, 3, 32, 32]` and 100 fine classes, from `train` and `test` (or `train.bin` and `test.bin`) as
/// [`cifar10`]. The classes' names are read from `meta` or `fine_label_names.txt`, or are numbers where there is neither.
/// PyTorch: `torchvision.datasets.CIFAR100`.
///
/// # Errors
/// If a file is missing or breaks its format.
pub fn cifar100(path: impl AsRef<Path>, split: Split) -> Result<InMemory> {
    let path = path.as_ref();
    let stem = if split == Split::Train { "train" } else { "test" };
    let directories = ["cifar-100-python", "cifar-100-binary"];
    let files = find(path, &[stem.to_string()], &directories)?;
    let classes = fine_classes(path, &directories)?.unwrap_or_else(|| (0..100).map(|i| i.to_string()).collect());
    assemble(files, 2, "fine_labels", classes)
}

fn fine_classes(path: &Path, directories: &[&str]) -> Result<Option<Vec<String>>> {
    if let Some(Batch { path, bytes, .. }) = find(path, &["meta".into()], directories).ok().and_then(|mut f| f.pop()) {
        let pickle = Pickle::read(&bytes, &path)?;
        return Ok(pickle.entry("fine_label_names").and_then(|id| pickle.texts(id)).filter(|list| list.len() == 100));
    }
    let text = find(path, &["fine_label_names.txt".into()], directories).ok().and_then(|mut f| f.pop());
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).split_whitespace().map(String::from).collect::<Vec<_>>();
    Ok(text.map(|batch| lines(&batch.bytes)).filter(|list| list.len() == 100))
}

struct Batch {
    path: PathBuf,
    binary: bool,
    bytes: Vec<u8>,
}

/// The files named by `stems`, with or without `.bin`, in their order.
fn find(path: &Path, stems: &[String], directories: &[&str]) -> Result<Vec<Batch>> {
    if path.is_file() {
        let stem_of = |name: &str| name.rsplit('/').next().unwrap_or(name).trim_end_matches(".bin").to_string();
        let mut files = read_tar(path, &|name| stems.contains(&stem_of(name)))?;
        return stems
            .iter()
            .map(|stem| {
                let Some(at) = files.iter().position(|(name, _)| stem_of(name) == *stem) else {
                    return Err(VisionError::malformed(path, "the archive", format!("a file {stem}"), "none"));
                };
                let (name, bytes) = files.swap_remove(at);
                Ok(Batch { path: inside(path, &name), binary: name.ends_with(".bin"), bytes })
            })
            .collect();
    }
    let candidates: Vec<PathBuf> =
        std::iter::once(path.to_path_buf()).chain(directories.iter().map(|d| path.join(d))).collect();
    let mut result = Vec::new();
    for stem in stems {
        let options = candidates.iter().flat_map(|d| [(d.join(stem), false), (d.join(format!("{stem}.bin")), true)]);
        let (found, binary) = options.clone().find(|(file, _)| file.is_file()).unwrap_or((path.join(stem), false));
        let bytes = read_all(&found, MAX_BATCH)?;
        result.push(Batch { path: found, binary, bytes });
    }
    Ok(result)
}

fn assemble(files: Vec<Batch>, label_bytes: usize, label_name: &str, classes: Vec<String>) -> Result<InMemory> {
    let mut pixels = Vec::new();
    let mut labels = Vec::new();
    for batch in files {
        let before = labels.len();
        if batch.binary {
            binary(&batch, label_bytes, &mut pixels, &mut labels)?;
        } else {
            pickled(&batch, label_name, &mut pixels, &mut labels)?;
        }
        if let Some(at) = labels[before..].iter().position(|&label| label < 0 || label as usize >= classes.len()) {
            let expected = format!("a label below {}", classes.len());
            return Err(VisionError::malformed(
                &batch.path,
                format!("record {at}"),
                expected,
                labels[before + at].to_string(),
            ));
        }
    }
    Ok(InMemory::new(Tensor::from_slice(&pixels, [labels.len(), 3, 32, 32]), labels, classes))
}

fn binary(batch: &Batch, label_bytes: usize, pixels: &mut Vec<u8>, labels: &mut Vec<i64>) -> Result<()> {
    let record = label_bytes + SIZE;
    if batch.bytes.is_empty() || !batch.bytes.len().is_multiple_of(record) {
        let expected = format!("a whole number of records of {record} bytes");
        return Err(VisionError::malformed(
            &batch.path,
            "its length",
            expected,
            format!("{} bytes", batch.bytes.len()),
        ));
    }
    for record in batch.bytes.chunks_exact(record) {
        labels.push(i64::from(record[label_bytes - 1]));
        pixels.extend_from_slice(&record[label_bytes..]);
    }
    Ok(())
}

fn pickled(batch: &Batch, label_name: &str, pixels: &mut Vec<u8>, labels: &mut Vec<i64>) -> Result<()> {
    let fault = |expected: &str| VisionError::malformed(&batch.path, "the pickle", expected, "something else");
    let pickle = Pickle::read(&batch.bytes, &batch.path)?;
    let list = pickle.entry(label_name).and_then(|id| pickle.integers(id));
    let list = list.ok_or_else(|| fault(&format!("an entry {label_name} that is a list of whole numbers")))?;
    let data = pickle.entry("data").and_then(|id| pickle.array(id));
    let (shape, bytes) = data.ok_or_else(|| fault("an entry data that is a numpy array of bytes"))?;
    if shape != [list.len() as i64, SIZE as i64] || bytes.len() != list.len() * SIZE {
        let found = format!("shape {shape:?} of {} bytes", bytes.len());
        return Err(VisionError::malformed(&batch.path, "data", format!("shape [{}, {SIZE}]", list.len()), found));
    }
    pixels.extend_from_slice(bytes);
    labels.extend(list);
    Ok(())
}
