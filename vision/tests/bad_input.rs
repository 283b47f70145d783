//! Files that are not what they should be: each is read right, or refused in one line that names it and the reason.

use std::fs;
use std::path::{Path, PathBuf};

use gradus_vision::datasets::{ImageDataset, ImageFolder, Manifest, Split, cifar10, emnist, mnist, read_idx, stl10};
use gradus_vision::image::{Unreadable, read_folder, read_image_float};
use gradus_vision::{Format, Image, Limits, Mode};
use proptest::prelude::{ProptestConfig, any, proptest};
use proptest::{collection, prop_assert};
use tempfile::tempdir;

fn picture() -> Image {
    Image::from_bytes(&(0..60).map(|v| v * 4).collect::<Vec<u8>>(), Mode::RGB, [4, 5])
}

fn png(image: &Image) -> Vec<u8> {
    let mut bytes = Vec::new();
    image.encode(Format::Png, &mut bytes).unwrap();
    bytes
}

/// The error's line, with the directory taken out.
fn line<T: std::fmt::Debug>(result: Result<T, gradus_vision::VisionError>, directory: &Path) -> String {
    let text = result.unwrap_err().to_string();
    assert!(!text.contains('\n'), "{text}");
    text.replace(&format!("{}/", directory.display()), "").replace(&directory.display().to_string(), "DIR")
}

fn write(directory: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn lossless_formats_come_back_exactly() {
    let dir = tempdir().unwrap();
    for mode in [Mode::L, Mode::LA, Mode::RGB, Mode::RGBA] {
        let image = picture().convert(mode);
        for name in ["a.png", "a.webp", "a.bmp", "a.tiff", "a.ppm"] {
            let path = dir.path().join(name);
            image.save(&path).unwrap();
            let back = Image::open(&path).unwrap();
            let expected = if name == "a.ppm" { back.clone() } else { image.convert(back.mode()) };
            assert_eq!(back, expected, "{name} {mode:?}");
        }
    }
    let photo = dir.path().join("a.jpg");
    picture().save(&photo).unwrap();
    assert_eq!(Image::open(&photo).unwrap().mode(), Mode::RGB);
    assert!(
        line(picture().save(dir.path().join("a.xyz")), dir.path()).starts_with("cannot encode a.xyz: the extension")
    );
}

#[test]
fn folders_with_faults() {
    let dir = tempdir().unwrap();
    let root = dir.path();
    assert_eq!(line(ImageFolder::open(root), root), "DIR: no images found (expected one directory per class)");
    assert!(line(ImageFolder::open(root.join("none")), root).starts_with("cannot list none: "));
    fs::create_dir(root.join("a")).unwrap();
    assert!(line(ImageFolder::open(root), root).starts_with("a: no images found (files named jpg"));
    write(root, "a/1.png", &png(&picture()));
    write(root, "b/1.png", &png(&picture()));
    write(root, "b/2.png", b"not a picture");
    write(root, "b/3.png", &[]);
    write(root, "b/sub/4.PNG", &png(&picture()));
    write(root, "b/notes.txt", b"left alone");
    let folder = ImageFolder::open(root).unwrap();
    assert_eq!((folder.len(), folder.classes()), (5, &["a".to_string(), "b".into()][..]));
    assert_eq!(folder.image(0).unwrap(), (picture(), 0));
    assert!(line(folder.image(2), root).starts_with("cannot decode b/2.png: "));
    assert_eq!(line(folder.image(9), root), "index 9 is out of range for a data set of 5 samples");
    assert!(line(folder.clone().checked(Unreadable::Refuse), root).starts_with("cannot decode b/2.png: "));
    let (kept, skipped) = folder.checked(Unreadable::Skip).unwrap();
    assert_eq!((kept.len(), skipped.len()), (3, 2));
    assert_eq!(
        skipped[1].to_string(),
        format!("cannot decode {}/b/3.png: the file is empty or not in a known image format", root.display())
    );
    assert_eq!(read_folder(root.join("b"), Unreadable::Skip).unwrap().len(), 1);
    assert!(read_folder(root.join("b"), Unreadable::Refuse).is_err());
}

#[test]
fn sizes_at_the_edge() {
    for size in [[1, 1], [30_000, 1], [1, 30_000]] {
        let image = Image::filled(Mode::L, size, &[9]);
        assert_eq!(Image::decode(&png(&image)).unwrap(), image);
    }
    let bytes = png(&Image::filled(Mode::L, [30_000, 1], &[9]));
    let error = Image::decode_with(&bytes, Limits { max_side: 20_000, ..Limits::default() }).unwrap_err();
    assert!(!error.to_string().contains('\n'), "{error}");
    // A header that declares 60,000 x 60,000 pixels is refused before anything is allocated.
    let mut bomb = png(&picture());
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let mut crc = flate2::Crc::new();
    crc.update(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    let error = Image::decode(&bomb).unwrap_err().to_string();
    assert_eq!(error, "<bytes>: the number of pixels is 3600000000, over the limit of 134217728");
}

#[test]
fn depth_palette_and_wrong_names() {
    let dir = tempdir().unwrap();
    // 16-bit grey, written by the image crate.
    let path = dir.path().join("deep.png");
    let deep = image::ImageBuffer::<image::Luma<u16>, Vec<u16>>::from_raw(2, 1, vec![65_535, 257 * 3 + 100]).unwrap();
    deep.save(&path).unwrap();
    assert_eq!(Image::open(&path).unwrap().to_bytes(), [255, 3]);
    let float = read_image_float(&path).unwrap().to_vec::<f32>();
    assert_eq!(float, [1.0, 871.0 / 65_535.0]);
    // A PNG by another name is read by its content.
    let wrong = write(dir.path(), "wrong.jpg", &png(&picture()));
    assert_eq!(Image::open(wrong).unwrap(), picture());
    // A GIF has a palette.
    let mut gif = Vec::new();
    image::codecs::gif::GifEncoder::new(&mut gif)
        .encode(&[255, 0, 0, 255, 0, 0, 255, 255], 2, 1, image::ExtendedColorType::Rgba8)
        .unwrap();
    let image = Image::decode(&gif).unwrap().convert(Mode::RGB);
    assert_eq!(image.to_bytes(), [255, 0, 0, 0, 0, 255]);
    // Truncated at every length: an error or the picture, never a panic.
    let whole = png(&picture());
    for length in 0..whole.len() {
        if let Err(error) = Image::decode(&whole[..length]) {
            assert!(!error.to_string().contains('\n'));
        }
    }
}

#[test]
fn exif_orientation_is_honoured() {
    let mut jpeg = Vec::new();
    Image::filled(Mode::RGB, [8, 16], &[200, 10, 10]).encode(Format::Jpeg(90), &mut jpeg).unwrap();
    // Orientation 6: the camera was turned, rows become columns.
    let tiff = [b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".as_slice()].concat();
    let length = (tiff.len() + 2) as u16;
    let turned = [&jpeg[..2], &[0xff, 0xe1], &length.to_be_bytes(), &tiff, &jpeg[2..]].concat();
    assert_eq!((Image::decode(&jpeg).unwrap().height(), Image::decode(&turned).unwrap().height()), (8, 16));
}

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
    let mut header = [0u8; 512];
    let name = b"cifar-10-batches-py/test_batch";
    header[..name.len()].copy_from_slice(name);
    header[124..135].copy_from_slice(format!("{:011o}", pickle.len()).as_bytes());
    header[156] = b'0';
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    let mut tar = [header.as_slice(), &pickle].concat();
    tar.resize(tar.len().next_multiple_of(512) + 1024, 0);
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

/// 64 cases unless `PROPTEST_CASES` says otherwise.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(64);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn bytes_never_panic(bytes in collection::vec(any::<u8>(), 0..300), kind in 0usize..9) {
        let magic: &[u8] = [
            b"\x89PNG\r\n\x1a\n".as_slice(), b"\xff\xd8\xff\xe0", b"GIF89a", b"BM", b"RIFF\x20\0\0\0WEBPVP8 ", b"II*\0",
            b"P6 ", b"P5 3 3 255 ", b"",
        ][kind];
        let bytes = [magic, &bytes].concat();
        if let Err(error) = Image::decode_with(&bytes, Limits { max_pixels: 1 << 20, max_alloc: 1 << 24, ..Limits::default() }) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn changed_files_never_panic(at in 0usize..2000, value in any::<u8>(), cut in 0usize..2000, kind in 0usize..6) {
        let format = [Format::Png, Format::Jpeg(80), Format::WebP, Format::Bmp, Format::Tiff, Format::Pnm][kind];
        let mut bytes = Vec::new();
        picture().encode(format, &mut bytes).unwrap();
        let at = at % bytes.len();
        bytes[at] = value;
        bytes.truncate(bytes.len().min(cut + 20));
        if let Err(error) = Image::decode_with(&bytes, Limits { max_pixels: 1 << 20, max_alloc: 1 << 24, ..Limits::default() }) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }

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
