//! Data sets' files that are not what they should be: each is read right, or refused in one line that names the file, the
//! place and the reason.

mod cases;
mod files;

use std::io::{Cursor, Write};
use std::path::Path;

use files::{line, picture, png, write};
use gradus_vision::datasets::{
    ImageDataset, Manifest, OnDisk, Split, cifar10, emnist, mnist, read_idx, stl10, stl10_unlabeled,
};
use proptest::collection;
use proptest::prelude::{any, proptest};
use tempfile::tempdir;

fn idx(shape: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, shape.len() as u8];
    shape.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    bytes.extend(data);
    bytes
}

#[test]
fn idx_files_with_faults() {
    let dir = tempdir().unwrap();
    let root = dir.path();
    let refused = |bytes: &[u8]| line(read_idx(write(root, "x", bytes)), root);
    assert_eq!(refused(&[]), "x: the magic number at byte 0: expected 4 bytes, found the end of the file after 0");
    assert_eq!(
        refused(&[0, 0, 9, 1, 0, 0, 0, 0]),
        "x: byte 0: expected the IDX magic number 00 00 08 and 1 to 4 axes, found 00 00 09 01"
    );
    assert_eq!(
        refused(&idx(&[5], &[1, 2])),
        "x: the data of shape [5] at byte 8: expected 5 bytes, found the end of the file after 2"
    );
    assert_eq!(refused(&idx(&[2], &[1, 2, 3])), "x: byte 10: expected the end of the file, found more bytes");
    assert!(refused(&idx(&[u32::MAX, u32::MAX, u32::MAX], &[])).contains("over the limit of"));
    // Declares 4 GB, holds 3 bytes: no more than those is allocated.
    assert!(refused(&idx(&[4_000_000_000], &[1, 2, 3])).ends_with("found the end of the file after 3"));
    write(root, "train-images-idx3-ubyte", &idx(&[2, 2, 1], &[1, 2, 3, 4]));
    write(root, "train-labels-idx1-ubyte", &idx(&[3], &[0, 1, 2]));
    assert_eq!(
        line(mnist(root, Split::Train), root),
        "train-labels-idx1-ubyte: byte 3: expected 2 labels, as there are pictures, found shape [3]"
    );
    write(root, "train-labels-idx1-ubyte", &idx(&[2], &[0, 10]));
    assert_eq!(
        line(mnist(root, Split::Train), root),
        "train-labels-idx1-ubyte: byte 9: expected a label from 0 to 9, found 10"
    );
    assert!(line(mnist(root, Split::Test), root).starts_with("cannot read t10k-images-idx3-ubyte: "));
    write(root, "emnist-letters-test-images-idx3-ubyte", &idx(&[1, 2, 2], &[1, 2, 3, 4]));
    write(root, "emnist-letters-test-labels-idx1-ubyte", &idx(&[1], &[26]));
    let letters = emnist(root, "letters", Split::Test).unwrap();
    assert_eq!((letters.images().to_vec::<u8>(), letters.class(0).unwrap()), (vec![1, 3, 2, 4], 25));
}

#[test]
fn the_shipped_mnist_is_whole() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/data/mnist");
    let test = mnist(directory, Split::Test).unwrap();
    assert_eq!(test.images().shape(), [10_000, 1, 28, 28]);
    assert_eq!(&test.labels().to_vec::<i64>()[..5], [7, 2, 1, 0, 4]);
}

/// A tar archive of these files.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, bytes) in files {
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
        header[156] = b'0';
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        archive.extend(header);
        archive.extend(*bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zip archive of these files, as they are.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A CIFAR batch as Python 2 pickled it: labels and a numpy array of bytes.
fn cifar_pickle(labels: &[u8], data: &[u8]) -> Vec<u8> {
    let text = |s: &str| [&[b'U', s.len() as u8], s.as_bytes()].concat();
    let mut p = vec![0x80, 2, b'}', b'q', 0, b'('];
    p.extend(text("labels"));
    p.extend([b']', b'q', 1, b'(']);
    labels.iter().for_each(|&l| p.extend([b'K', l]));
    p.push(b'e');
    p.extend(text("data"));
    p.extend(b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85");
    p.extend(text("b"));
    p.extend(b"\x87R(K\x01");
    p.extend([b'K', labels.len() as u8, b'M', 0x00, 0x0c, 0x86]);
    p.extend(b"cnumpy\ndtype\n");
    p.extend(text("u1"));
    p.extend(b"K\x00K\x01\x87R(K\x03");
    p.extend(text("|"));
    p.extend(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T");
    p.extend((data.len() as u32).to_le_bytes());
    p.extend(data);
    p.extend(b"tbu.");
    p
}

#[test]
fn cifar_from_pickles_binaries_and_archives() {
    let dir = tempdir().unwrap();
    let root = dir.path();
    let data: Vec<u8> = (0..2 * 3072).map(|i| (i % 251) as u8).collect();
    let pickle = cifar_pickle(&[3, 9], &data);
    write(root, "py/test_batch", &pickle);
    let from_pickle = cifar10(root.join("py"), Split::Test).unwrap();
    assert_eq!((from_pickle.images().to_vec::<u8>(), from_pickle.labels().to_vec::<i64>()), (data.clone(), vec![3, 9]));
    let binary = [&[3], &data[..3072], &[9], &data[3072..]].concat();
    write(root, "bin/test_batch.bin", &binary);
    assert_eq!(cifar10(root.join("bin"), Split::Test).unwrap().images().to_vec::<u8>(), data);
    // The archive: one file in tar.
    let tar = tar(&[("cifar-10-batches-py/test_batch", &pickle)]);
    let archive = write(root, "cifar-10-python.tar", &tar);
    assert_eq!(cifar10(&archive, Split::Test).unwrap().images().to_vec::<u8>(), data);
    assert!(line(cifar10(&archive, Split::Train), root).ends_with("expected a file data_batch_1, found none"));
    // A pickle that asks to run something runs nothing.
    write(root, "evil/test_batch", b"cos\nsystem\n(U\x09touch pwntR.");
    assert!(
        line(cifar10(root.join("evil"), Split::Test), root)
            .starts_with("evil/test_batch: the pickle: expected an entry")
    );
    write(root, "short/test_batch.bin", &binary[..5000]);
    assert_eq!(
        line(cifar10(root.join("short"), Split::Test), root),
        "short/test_batch.bin: its length: expected a whole number of records of 3073 bytes, found 5000 bytes"
    );
}

#[test]
fn manifests_and_stl() {
    let dir = tempdir().unwrap();
    let root = dir.path();
    write(root, "1.png", &png(&picture()));
    let table = write(root, "t.csv", b"label,path\ndog, 1.png\ncat,2.png\n");
    let manifest = Manifest::open(&table).unwrap();
    assert_eq!((manifest.classes(), manifest.class(0).unwrap()), (&["cat".to_string(), "dog".into()][..], 1));
    assert_eq!(manifest.image(0).unwrap().0, picture());
    assert!(line(manifest.image(1), root).starts_with("cannot read 2.png: "));
    let no_column = write(root, "u.csv", b"file,label\na,b\n");
    assert_eq!(line(Manifest::open(no_column), root), "u.csv: line 1: expected a column path, found file, label");
    let ragged = write(root, "v.csv", b"path,label\na,b\nc\n");
    assert!(line(Manifest::open(ragged), root).starts_with("v.csv: line 3: expected comma-separated values"));
    write(root, "test_y.bin", &[1, 11]);
    write(root, "test_X.bin", &vec![0; 2 * 27_648]);
    assert_eq!(line(stl10(root, Split::Test), root), "test_y.bin: byte 1: expected a label from 1 to 10, found 11");
}

#[test]
fn emnist_as_published_is_a_zip_of_gzips() {
    let dir = tempdir().unwrap();
    let root = dir.path();
    let images = gzip(&idx(&[1, 2, 2], &[1, 2, 3, 4]));
    let labels = gzip(&idx(&[1], &[26]));
    let (images_name, labels_name) =
        ("gzip/emnist-letters-test-images-idx3-ubyte.gz", "gzip/emnist-letters-test-labels-idx1-ubyte.gz");
    let archive =
        write(root, "gzip.zip", &zip(&[("gzip/readme", b"x"), (images_name, &images), (labels_name, &labels)]));
    let letters = emnist(&archive, "letters", Split::Test).unwrap();
    assert_eq!((letters.images().to_vec::<u8>(), letters.class(0).unwrap()), (vec![1, 3, 2, 4], 25));
    assert_eq!(
        line(emnist(&archive, "digits", Split::Test), root),
        "gzip.zip: the archive: expected a file emnist-digits-test-images-idx3-ubyte.gz, found none"
    );
    let short = gzip(&idx(&[1, 2, 2], &[1, 2, 3]));
    let archive = write(root, "short.zip", &zip(&[(images_name, &short), (labels_name, &labels)]));
    assert_eq!(
        line(emnist(&archive, "letters", Split::Test), root),
        format!(
            "short.zip/{images_name}: the data of shape [1, 2, 2] at byte 16: expected 4 bytes, found the end of the file after 3"
        )
    );
    // A name that breaks the line does not break the message.
    let archive = write(root, "lines.zip", &zip(&[(&format!("g\nz/{}", &images_name[5..]), &short)]));
    assert!(
        line(emnist(&archive, "letters", Split::Test), root)
            .starts_with("lines.zip/g z/emnist-letters-test-images-idx3-ubyte.gz: the data of shape [1, 2, 2]")
    );
    let none = write(root, "none.zip", b"not an archive");
    assert!(
        line(emnist(none, "letters", Split::Test), root)
            .starts_with("none.zip: the archive: expected a zip archive, found ")
    );
    assert!(
        line(emnist(root, "numbers", Split::Test), root)
            .starts_with("DIR: the name of the split: expected one of byclass")
    );
}

#[test]
fn stl10_as_published_is_a_tar() {
    let dir = tempdir().unwrap();
    let root = dir.path();
    let pictures: Vec<u8> = (0..2 * 27_648).map(|i| (i % 253) as u8).collect();
    let files: [(&str, &[u8]); 3] = [
        ("stl10_binary/test_X.bin", &pictures),
        ("stl10_binary/test_y.bin", &[1, 10]),
        ("stl10_binary/unlabeled_X.bin", &[0; 700]),
    ];
    let archive = write(root, "stl10_binary.tar.gz", &gzip(&tar(&files)));
    let set = stl10(&archive, Split::Test).unwrap();
    // Pictures lie in columns in the file.
    assert_eq!(set.images().to_vec::<u8>()[1], pictures[96]);
    assert_eq!(set.labels().to_vec::<i64>(), [0, 9]);
    assert_eq!(
        line(stl10(&archive, Split::Train), root),
        "stl10_binary.tar.gz: the archive: expected a file train_y.bin, found none"
    );
    for (name, bytes) in files {
        write(root, name, bytes);
    }
    assert_eq!(stl10(root, Split::Test).unwrap().images().to_vec::<u8>(), set.images().to_vec::<u8>());
    write(root, "stl10_binary/test_y.bin", &[1, 10, 2]);
    assert_eq!(
        line(stl10(root, Split::Test), root),
        "stl10_binary/test_X.bin: its length: expected 82944 bytes for 3 labels, found 55296 bytes or more"
    );
}

#[test]
fn the_unlabelled_part_of_stl10_comes_picture_by_picture() {
    const PICTURE: usize = 27_648;
    let dir = tempdir().unwrap();
    let root = dir.path();
    let bytes: Vec<u8> = (0..3 * PICTURE).map(|i| (i % 253) as u8).collect();
    let archived = |part: &[u8]| tar(&[("stl10_binary/test_y.bin", &[1, 2]), ("stl10_binary/unlabeled_X.bin", part)]);
    let archive = write(root, "stl10_binary.tar.gz", &gzip(&archived(&bytes)));
    write(root, "stl10_binary/unlabeled_X.bin", &bytes);
    // Planes lie in columns in the file.
    let pixel = |index: usize, [c, y, x]: [usize; 3]| bytes[index * PICTURE + c * 96 * 96 + x * 96 + y];
    let images = |path: &Path| stl10_unlabeled(path).unwrap().map(Result::unwrap).collect::<Vec<_>>();
    let on_disk = OnDisk::stl10_unlabeled(root).unwrap();
    assert_eq!((on_disk.len(), on_disk.classes()), (3, &["unlabeled".to_string()][..]));
    for path in [archive.as_path(), root] {
        let images = images(path);
        assert_eq!(images.len(), 3);
        for (index, image) in images.iter().enumerate() {
            for at @ [c, y, x] in [[0, 0, 0], [0, 1, 0], [1, 0, 1], [2, 95, 7]] {
                assert_eq!(image.pixel(y, x)[c], pixel(index, at));
            }
            assert_eq!(on_disk.image(index).unwrap(), (image.clone(), 0));
        }
    }
    assert_eq!(images(root), images(&root.join("stl10_binary")));
    // An archive that breaks off gives what came before.
    let broken = write(root, "broken.tar", &archived(&bytes)[..1024 + 512 + PICTURE + 9]);
    let mut images = stl10_unlabeled(&broken).unwrap();
    assert!(images.next().unwrap().is_ok());
    assert_eq!(
        line(images.next().unwrap(), root),
        "broken.tar/stl10_binary/unlabeled_X.bin: picture 1: expected 27648 bytes, found the end of the file"
    );
    assert!(images.next().is_none());
    let none = write(root, "none.tar", &tar(&[]));
    assert_eq!(line(stl10_unlabeled(none), root), "none.tar: the archive: expected a file unlabeled_X.bin, found none");
    let length = "stl10_binary/unlabeled_X.bin: its length: expected a whole number of pictures of 27648 bytes, found";
    let lines = write(root, "lines.tar", &tar(&[("stl10\nbinary/unlabeled_X.bin", &[0; 5])]));
    assert!(line(stl10_unlabeled(lines), root).starts_with("lines.tar/stl10 binary/unlabeled_X.bin: its length: "));
    let odd = write(root, "odd.tar", &archived(&bytes[..700]));
    assert_eq!(line(stl10_unlabeled(odd), root), format!("odd.tar/{length} 700 bytes"));
    write(root, "stl10_binary/unlabeled_X.bin", &bytes[..PICTURE + 1]);
    assert_eq!(line(stl10_unlabeled(root), root), format!("{length} 27649 bytes"));
    assert_eq!(line(OnDisk::stl10_unlabeled(root), root), format!("{length} 27649 bytes"));
    assert!(line(stl10_unlabeled(root.join("away")), root).starts_with("cannot read away/unlabeled_X.bin: "));
}

proptest! {
    #![proptest_config(cases::config())]

    #[test]
    fn data_files_never_panic(bytes in collection::vec(any::<u8>(), 0..200), at in 0usize..400, value in any::<u8>()) {
        let dir = tempdir().unwrap();
        let root = dir.path();
        let _ = read_idx(write(root, "x", &bytes));
        let mut pickle = cifar_pickle(&[1], &[7; 3072]);
        if at < pickle.len() {
            pickle[at] = value;
        }
        write(root, "test_batch", &pickle);
        let _ = cifar10(root, Split::Test);
        write(root, "test_batch", &bytes);
        let _ = cifar10(root, Split::Test);
        let _ = cifar10(root.join("x"), Split::Test);
        let _ = Manifest::open(root.join("x"));
    }
}
