//! Pictures that are not what they should be: each is read right, or refused in one line that names it and the reason.

mod cases;
mod files;

use std::fs;

use files::{line, picture, png, write};
use gradus_vision::datasets::{Augmented, ImageDataset, ImageFolder, ImageSubset, class_counts, class_weights};
use gradus_vision::image::{Unreadable, read_folder, read_image_float};
use gradus_vision::transform::{Compose, Normalize, Pixels, Resize, ToTensor, Transform, sample_generator};
use gradus_vision::{Format, Image, Limits, Mode};
use nn::data::DataLoader;
use proptest::prelude::{any, proptest};
use proptest::{collection, prop_assert};
use tempfile::tempdir;

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
fn a_class_with_one_image() {
    let dir = tempdir().unwrap();
    let root = dir.path();
    write(root, "one/1.png", &png(&picture()));
    (0..9).for_each(|i| drop(write(root, &format!("many/{i}.png"), &png(&picture()))));
    let folder = ImageFolder::open(root).unwrap();
    assert_eq!(folder.classes(), ["many", "one"]);
    assert_eq!((folder.image(9).unwrap(), class_counts(&folder).unwrap()), ((picture(), 1), vec![9, 1]));
    assert_eq!(class_weights(&folder).unwrap(), [10.0 / 18.0, 5.0]);
    // It goes to one part of a split as a whole, and no sample is lost or doubled.
    for fraction in [0.0, 0.3, 0.5, 0.8, 1.0] {
        let (first, second) = ImageSubset::split(folder.clone(), fraction, 1).unwrap();
        assert_eq!((first.len(), second.len()), ((10.0 * fraction).round() as usize, 10 - first.len()));
        let (a, b) = (class_counts(&first).unwrap(), class_counts(&second).unwrap());
        assert_eq!([a[0] + b[0], a[1] + b[1]], [9, 1]);
    }
    // The whole data set is one picture.
    let alone = tempdir().unwrap();
    write(alone.path(), "one/1.png", &png(&picture()));
    let folder = ImageFolder::open(alone.path()).unwrap();
    assert_eq!((folder.len(), class_weights(&folder).unwrap()), (1, vec![1.0]));
    let (train, test) = ImageSubset::split(folder, 0.8, 1).unwrap();
    assert_eq!((train.len(), test.len()), (1, 0));
}

#[test]
fn an_unreadable_file_in_the_middle_of_a_loader() {
    let dir = tempdir().unwrap();
    let root = dir.path();
    (0..6).for_each(|i| drop(write(root, &format!("a/{i}.png"), &png(&picture()))));
    write(root, "a/3.png", &[]);
    let data = Augmented::new(ImageFolder::open(root).unwrap(), ToTensor);
    for workers in [0, 2] {
        let data = Augmented::new(data.dataset().clone(), ToTensor);
        let loader = DataLoader::builder(data).batch_size(2).workers(workers).build();
        let batches: Vec<_> = loader.epoch(0).map(|batch| batch.map(|(x, _)| x.shape().to_vec())).collect();
        assert_eq!(batches[0].as_ref().unwrap(), &[2, 3, 4, 5]);
        let path = root.join("a/3.png");
        let reason = "the file is empty or not in a known image format";
        assert_eq!(
            batches[1].as_ref().unwrap_err().to_string(),
            format!("batch 1 of epoch 0: sample 3: cannot decode {}: {reason}", path.display())
        );
    }
}

#[test]
fn sizes_at_the_edge() {
    for size in [[1, 1], [30_000, 1], [1, 30_000]] {
        let image = Image::filled(Mode::L, size, &[9]);
        assert_eq!(Image::decode(&png(&image)).unwrap(), image);
        // What a network would be given.
        let transforms = Compose::new().then(Resize::new([8, 8])).then(ToTensor).then(Normalize::new(&[0.5], &[0.5]));
        let (x, record) = transforms.apply(image.clone().into(), &mut sample_generator(0, 0, 0));
        assert_eq!((x.size(), record.invert(x).picture.to_image()), ([8, 8], image));
    }
    let bytes = png(&Image::filled(Mode::L, [30_000, 1], &[9]));
    let folder = tempdir().unwrap();
    let path = write(folder.path(), "column.png", &bytes);
    let refused = |limits: Limits| line(Image::open_with(&path, limits), folder.path());
    assert_eq!(
        refused(Limits { max_side: 20_000, ..Limits::default() }),
        "column.png: the longer side of 1 x 30000 pixels is 30000, over the limit of 20000"
    );
    assert_eq!(
        refused(Limits { max_pixels: 29_999, ..Limits::default() }),
        "column.png: the area of 1 x 30000 pixels is 30000, over the limit of 29999"
    );
    assert_eq!(
        refused(Limits { max_alloc: 29_999, ..Limits::default() }),
        "column.png: the decoded size in bytes of 1 x 30000 pixels is 30000, over the limit of 29999"
    );
    // A row buffer of the decoder that is over the limit by itself.
    assert_eq!(
        refused(Limits { max_alloc: 0, ..Limits::default() }),
        "cannot decode column.png: it takes more memory than the limit of 0 bytes"
    );
    assert!(Image::open_with(&path, Limits { max_side: 30_000, max_pixels: 30_000, ..Limits::default() }).is_ok());
    // So in every format.
    for format in [Format::Png, Format::Jpeg(80), Format::WebP, Format::Bmp, Format::Tiff, Format::Pnm] {
        let mut bytes = Vec::new();
        picture().encode(format, &mut bytes).unwrap();
        let refused = |limits| Image::decode_with(&bytes, limits).unwrap_err().to_string();
        let side = refused(Limits { max_side: 4, ..Limits::default() });
        assert_eq!(side, "<bytes>: the longer side of 5 x 4 pixels is 5, over the limit of 4", "{format:?}");
        let area = refused(Limits { max_pixels: 19, ..Limits::default() });
        let of = if format == Format::WebP { "a frame of " } else { "" };
        assert_eq!(area, format!("<bytes>: the area of {of}5 x 4 pixels is 20, over the limit of 19"), "{format:?}");
    }
    // A header that declares 60,000 x 60,000 pixels is refused before anything is allocated.
    let mut bomb = png(&picture());
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let mut crc = flate2::Crc::new();
    crc.update(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    let error = Image::decode(&bomb).unwrap_err().to_string();
    assert_eq!(error, "<bytes>: the area of 60000 x 60000 pixels is 3600000000, over the limit of 134217728");
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
    let deep =
        image::ImageBuffer::<image::Rgba<u16>, Vec<u16>>::from_raw(1, 1, vec![128, 129, 65_535, 65_406]).unwrap();
    deep.save(&path).unwrap();
    assert_eq!(
        (Image::open(&path).unwrap().mode(), Image::open(&path).unwrap().to_bytes()),
        (Mode::RGBA, vec![0, 1, 255, 254])
    );
    // A picture by another name is read by its content.
    for (name, format) in [("wrong.jpg", Format::Png), ("wrong.png", Format::Bmp), ("wrong.gif", Format::Tiff)] {
        let mut bytes = Vec::new();
        picture().encode(format, &mut bytes).unwrap();
        assert_eq!(Image::open(write(dir.path(), name, &bytes)).unwrap(), picture());
    }
    let text = write(dir.path(), "text.png", b"a letter, not a picture");
    assert_eq!(
        line(Image::open(text), dir.path()),
        "cannot decode text.png: the file is empty or not in a known image format"
    );
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
fn cmyk_jpegs_are_read_as_rgb() {
    let jpeg = include_bytes!("data/cmyk.jpg");
    // Fields of eight columns, and what PIL makes of them: cyan, magenta, yellow, black, white, a mixture.
    let colors = |bytes: &[u8]| {
        let image = Image::decode(bytes).unwrap();
        assert_eq!((image.mode(), image.height(), image.width()), (Mode::RGB, 8, 48));
        (0..6).map(|field| image.pixel(4, 8 * field + 4)).collect::<Vec<_>>()
    };
    let expected = [[0, 255, 255], [255, 0, 255], [255, 255, 0], [0, 0, 0], [255, 255, 255], [157, 119, 80]];
    let near = |found: Vec<Vec<u8>>, expected: [[u8; 3]; 6]| {
        let apart = found.concat().into_iter().zip(expected.concat()).map(|(a, b)| a.abs_diff(b)).max();
        assert!(apart <= Some(2), "{found:?}, expected {expected:?}");
    };
    near(colors(jpeg), expected);
    // The same numbers declared as YCCK by Adobe's mark.
    let mut ycck = jpeg.to_vec();
    let mark = ycck.windows(5).position(|bytes| bytes == b"Adobe").unwrap();
    ycck[mark + 11] = 2;
    near(colors(&ycck), [[77, 255, 30], [0, 47, 227], [179, 0, 0], [0, 0, 0], [0, 134, 0], [63, 33, 2]]);
}

#[test]
fn a_png_palette_of_two_thirds_of_a_colour_is_refused() {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let mut sum = flate2::Crc::new();
        sum.update(kind);
        sum.update(data);
        [&(data.len() as u32).to_be_bytes(), kind.as_slice(), data, &sum.sum().to_be_bytes()].concat()
    };
    let file = |palette: &[u8]| {
        let header = chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 3, 0, 0, 0]);
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, &[0, 1]).unwrap();
        let pixels = chunk(b"IDAT", &packed.finish().unwrap());
        [b"\x89PNG\r\n\x1a\n".to_vec(), header, chunk(b"PLTE", palette), pixels, chunk(b"IEND", &[])].concat()
    };
    assert_eq!(Image::decode(&file(&[1, 2, 3, 4, 5, 6])).unwrap().to_bytes(), [4, 5, 6]);
    assert_eq!(
        Image::decode(&file(&[1, 2, 3, 4, 5])).unwrap_err().to_string(),
        "<bytes>: the PNG palette: expected a whole number of colours of 3 bytes, found 5 bytes"
    );
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

proptest! {
    #![proptest_config(cases::config())]

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
}
