//! Broken files: every reader of the outside world is fed changed copies of valid files. None may panic, hang, or hold
//! more memory than its limits allow.
//!
//! Each test runs for `GRADUS_FUZZ_SECONDS` (a moment by default) from the seed `GRADUS_FUZZ_SEED`. There is no measure of
//! coverage, but a change that earns a new answer becomes a seed itself. What once broke a reader lies in `found/` and is
//! tried first, always. Readers of files are tried many times more often where `TMPDIR` lies in memory.

mod mutate;
mod run;

use std::path::{Path, PathBuf};

use gradus::nn::io::{read_pytorch, read_safetensors};
use gradus::tensor::io::{read_npz, write_npz};
use gradus::tensor::{DType, Tensor};
use gradus::vision::datasets::{Manifest, Split, cifar10, cifar100, emnist, read_idx, stl10, stl10_unlabeled};
use gradus::vision::{Image, Limits};
use peak_alloc::PeakAlloc;
use run::{Target, fuzz, gzip, packed, unpacked, zip};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;
/// The package `zip` makes room for as many entries as the archive's end declares in 16 bits, 216 bytes for each.
const ZIP_ENTRIES: usize = 14 * MIB;

fn files(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().filter(|path| path.is_file()).map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn images() {
    let limits = Limits { max_side: 4096, max_pixels: 1 << 20, max_alloc: 8 << 20 };
    fuzz(Target {
        name: "image",
        seeds: files("tests/fuzz/seeds/image"),
        // The decoder's buffer, what it keeps beside, and the picture in 8 bits twice.
        limit: |_| 4 * (8 * MIB) + MIB,
        read: &|bytes, _| Image::decode_with(bytes, limits).map(drop).map_err(|error| error.to_string()),
    });
}

#[test]
fn idx() {
    let plain = |shape: &[u32], count: u8| {
        let mut bytes = vec![0, 0, 8, shape.len() as u8];
        shape.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
        bytes.extend(0..count);
        bytes
    };
    let seeds = vec![plain(&[5], 5), plain(&[2, 3, 4], 24), plain(&[0], 0), plain(&[1, 2, 2, 2], 8)];
    fuzz(Target {
        name: "idx",
        seeds: [seeds.clone(), seeds.iter().map(|seed| gzip(seed)).collect()].concat(),
        limit: |bytes| 4 * unpacked(bytes) + MIB,
        read: &|bytes, folder| {
            let path = folder.write("x", bytes);
            read_idx(path).map(drop).map_err(|error| error.to_string())
        },
    });
}

#[test]
fn emnist_zip() {
    let images = gzip(&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 1, 9, 8, 7, 6]);
    let labels = gzip(&[0, 0, 8, 1, 0, 0, 0, 2, 3, 4]);
    let files: [(&str, &[u8]); 2] = [
        ("gzip/emnist-digits-test-images-idx3-ubyte.gz", &images),
        ("gzip/emnist-digits-test-labels-idx1-ubyte.gz", &labels),
    ];
    fuzz(Target {
        name: "emnist_zip",
        seeds: vec![zip(&files, false), zip(&files, true)],
        // What is packed twice can grow a million times over, but not by chance.
        limit: |_| ZIP_ENTRIES + 16 * MIB,
        read: &|bytes, folder| {
            let path = folder.write("gzip.zip", bytes);
            emnist(path, "digits", Split::Test).map(drop).map_err(|error| error.to_string())
        },
    });
}

#[test]
fn cifar_binary() {
    let fine: Vec<u8> = (0..3074).map(|i| (i % 10) as u8).collect();
    let record = fine[..3073].to_vec();
    fuzz(Target {
        name: "cifar_binary",
        seeds: vec![
            record.clone(),
            [record.clone(), record.clone()].concat(),
            gzip(&record),
            fine.clone(),
            gzip(&fine),
        ],
        limit: |bytes| 6 * unpacked(bytes) + MIB,
        read: &|bytes, folder| {
            folder.write("test_batch.bin", bytes);
            folder.write("test.bin", bytes);
            let hundred = cifar100(folder.path(), Split::Test).map(drop);
            cifar10(folder.path(), Split::Test).map(drop).or(hundred).map_err(|error| error.to_string())
        },
    });
}

#[test]
fn cifar_pickle() {
    fuzz(Target {
        name: "cifar_pickle",
        seeds: files("tests/fuzz/seeds/cifar"),
        // A value of one byte in the pickle is a node of some words.
        limit: |bytes| 256 * unpacked(bytes) + MIB,
        read: &|bytes, folder| {
            folder.write("test_batch", bytes);
            cifar10(folder.path(), Split::Test).map(drop).map_err(|error| error.to_string())
        },
    });
}

#[test]
fn tar() {
    let archive = |name: &str, bytes: Vec<u8>| {
        let mut header = vec![0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
        header[156] = b'0';
        let end = vec![0; bytes.len().next_multiple_of(512) - bytes.len() + 1024];
        [header, bytes, end].concat()
    };
    let cifar = archive("cifar-10-batches-bin/test_batch.bin", (0..3073).map(|i| (i % 10) as u8).collect());
    let stl = archive("stl10_binary/unlabeled_X.bin", vec![7; 3 * 96 * 96]);
    // A changed header is summed anew, or the sum alone would refuse it.
    let summed = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        if let Some(header) = bytes.get_mut(..512) {
            header[148..156].fill(b' ');
            let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
            header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        }
        bytes
    };
    fuzz(Target {
        name: "tar",
        seeds: vec![cifar.clone(), [cifar.clone(), cifar].concat(), stl],
        limit: |bytes| 6 * 1032 * bytes.len() + MIB,
        read: &|bytes, folder| {
            let bytes = summed(bytes);
            let bytes = if bytes.len() % 2 == 0 { bytes } else { gzip(&bytes) };
            let path = folder.write("a.tar", &bytes);
            // Held whole, and read as it comes.
            let streamed =
                |_| stl10_unlabeled(&path).and_then(|mut images| images.try_for_each(|image| image.map(drop)));
            cifar10(&path, Split::Test).map(drop).or_else(streamed).map_err(|error| error.to_string())
        },
    });
}

#[test]
fn stl() {
    const PICTURE: usize = 3 * 96 * 96;
    let picture: Vec<u8> = (0..PICTURE).map(|i| i as u8).collect();
    fuzz(Target {
        name: "stl10",
        seeds: vec![[vec![1, 7], picture.clone()].concat(), [vec![2, 1, 10], picture.clone(), picture].concat()],
        limit: |bytes| 6 * unpacked(bytes) + MIB,
        // The first byte says how many of the next are labels.
        read: &|bytes, folder| {
            let labels = bytes.first().map_or(0, |&n| usize::from(n).min(bytes.len() - 1));
            let (labels, pictures) = bytes.get(1..).unwrap_or_default().split_at(labels);
            folder.write("test_y.bin", labels);
            folder.write("test_X.bin", pictures);
            folder.write("unlabeled_X.bin", pictures);
            let streamed =
                stl10_unlabeled(folder.path()).and_then(|mut images| images.try_for_each(|image| image.map(drop)));
            stl10(folder.path(), Split::Test).map(drop).and(streamed).map_err(|error| error.to_string())
        },
    });
}

#[test]
fn manifest() {
    let tables = [
        "label,path\ndog, 1.png\ncat,2.png\n",
        "path,label\n\"a \"\"b\"\".png\",\"x\ny\"\n",
        "path,label,note\r\na,b,c\r\n",
    ];
    fuzz(Target {
        name: "manifest",
        seeds: tables.iter().map(|table| table.as_bytes().to_vec()).collect(),
        // A line of four bytes becomes a path below the table's folder and a label.
        limit: |bytes| 256 * bytes.len() + MIB,
        read: &|bytes, folder| {
            Manifest::open(folder.write("t.csv", bytes)).map(drop).map_err(|error| error.to_string())
        },
    });
}

#[test]
fn pytorch() {
    let archives: Vec<Vec<u8>> = files("nn/tests/data").into_iter().filter(|bytes| bytes.starts_with(b"PK")).collect();
    let programs = archives.iter().flat_map(|bytes| unzip_entry(bytes, "data.pkl"));
    fuzz(Target {
        name: "pytorch",
        seeds: programs.chain(archives.clone()).collect(),
        limit: |bytes| 512 * bytes.len() + 4 * MIB,
        // A pickle by itself is put into an archive, or the archive's checksum would refuse what was changed in it.
        read: &|bytes, _| {
            let whole = if bytes.starts_with(b"PK") {
                bytes.to_vec()
            } else {
                let data = [7; 96];
                zip(&[("a/data.pkl", bytes), ("a/data/0", &data), ("a/data/1", &data), ("a/data/2", &data)], false)
            };
            read_pytorch(&whole).map(drop)
        },
    });
}

#[test]
fn safetensors() {
    let header = br#"{"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"h":{"dtype":"F16","shape":[2],"data_offsets":[16,20]},"e":{"dtype":"U8","shape":[0,3],"data_offsets":[20,20]}}"#;
    let whole = [&(header.len() as u64).to_le_bytes(), header.as_slice(), &[0; 20]].concat();
    fuzz(Target {
        name: "safetensors",
        seeds: vec![header.to_vec(), whole],
        limit: |bytes| 256 * bytes.len() + MIB,
        // A header by itself is given its length and some data.
        read: &|bytes, _| {
            let whole = match bytes.first() {
                Some(b'{') => [&(bytes.len() as u64).to_le_bytes(), bytes, &[0; 20]].concat(),
                _ => bytes.to_vec(),
            };
            read_safetensors(&whole).map(drop)
        },
    });
}

#[test]
fn npy_and_npz() {
    let x = Tensor::arange(0.0, 6.0, 1.0, DType::F32).reshape([2, 3]);
    let y = Tensor::from([true, false]);
    let folder = tempfile::tempdir().unwrap();
    write_npz(folder.path().join("a.npz"), &[("x", &x), ("y", &y)]).unwrap();
    let archive = std::fs::read(folder.path().join("a.npz")).unwrap();
    fuzz(Target {
        name: "npy",
        seeds: vec![x.to_npy(), y.to_npy(), x.transpose(0, 1).to_npy(), archive],
        limit: |bytes| 6 * packed(bytes) + ZIP_ENTRIES + MIB,
        // An array by itself is read so, and inside an archive too.
        read: &|bytes, folder| {
            let archive = match bytes.starts_with(b"PK") {
                true => bytes.to_vec(),
                false => zip(&[("x.npy", bytes)], bytes.len() % 2 == 0),
            };
            let inside = read_npz(folder.write("a.npz", &archive)).map(drop).map_err(|error| error.to_string());
            if bytes.starts_with(b"PK") { inside } else { Tensor::from_npy(bytes).map(drop).map_err(|e| e.to_string()) }
        },
    });
}

/// A file of an archive by the end of its name.
fn unzip_entry(archive: &[u8], ending: &str) -> Option<Vec<u8>> {
    let mut archive = ::zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap();
    let name = archive.file_names().find(|name| name.ends_with(ending))?.to_string();
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut archive.by_name(&name).unwrap(), &mut bytes).unwrap();
    Some(bytes)
}
