//! Data sets as what they hold: labels and places of pixels, parts and chains, statistics, mixed batches, and draws that
//! depend on seed, epoch and index alone.

mod cases;
mod files;

use files::{line, picture, png, write};
use gradus_vision::datasets::{
    Augmented, ConcatImages, ImageDataset, ImageFolder, ImageSubset, InMemory, OnDisk, SHAPES, Shapes, Split, cifar10,
    cifar100, class_counts, class_weights, mean_std, mean_std_with, mnist,
};
use gradus_vision::transform::{
    Compose, CutMix, MixUp, RandomCrop, RandomErasing, RandomHorizontalFlip, ToTensor, Transform, sample_generator,
};
use gradus_vision::{Image, Mode};
use nn::data::{DataLoader, Dataset};
use proptest::prelude::{any, proptest};
use proptest::{prop_assert, prop_assert_eq};
use tempfile::tempdir;
use tensor::{DType, Generator, Tensor};

fn random() -> Compose {
    Compose::new().then(RandomHorizontalFlip::new(0.5)).then(RandomCrop::new([12, 12])).then(ToTensor)
}

#[test]
fn draws_depend_on_seed_epoch_and_index() {
    let data = Augmented::new(Shapes::new(4, 64, 1), random());
    let draw = |seed, epoch, index| data.sample_of(seed, epoch, index).unwrap().0.to_vec::<f32>();
    assert_eq!(draw(5, 2, 1), draw(5, 2, 1));
    let all = |of: &dyn Fn(u64) -> Vec<f32>| (0..20).map(of).collect::<Vec<_>>();
    for others in [all(&|i| draw(i, 2, 1)), all(&|i| draw(5, i, 1))] {
        // 53 x 53 x 2 places: of twenty draws hardly two are the same.
        let same = others.iter().filter(|&other| *other == others[0]).count();
        assert_eq!(same, 1);
    }
    // The same picture under several indices.
    let one = Augmented::new(ImageSubset::new(Shapes::new(4, 64, 1), vec![2; 20]), random());
    let draws: Vec<_> = (0..20).map(|i| one.sample_of(5, 2, i).unwrap().0.to_vec::<f32>()).collect();
    assert_eq!(draws.iter().filter(|&other| *other == draws[0]).count(), 1);
    // The key in full: three numbers, each in its place.
    let first = |seed, epoch, index| sample_generator(seed, epoch, index).uniform();
    let keys = [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1], [0, 2, 3], [1, 0, 3], [1, 2, 0]];
    let mut values = keys.map(|[seed, epoch, index]| first(seed, epoch, index as usize)).to_vec();
    values.sort_by(f64::total_cmp);
    values.dedup();
    assert_eq!(values.len(), keys.len());
}

#[test]
fn loaders_draw_what_the_key_says_with_any_workers() {
    let load = |workers: usize, epoch: usize| {
        let data = Augmented::new(Shapes::new(10, 32, 1), random());
        let loader = DataLoader::builder(data).batch_size(3).seed(7).workers(workers).build();
        let batches = loader.epoch(epoch as u64).map(|batch| batch.unwrap().0.to_vec::<f32>());
        batches.collect::<Vec<_>>().concat()
    };
    assert_eq!(load(0, 1), load(2, 1));
    assert_ne!(load(0, 1), load(0, 2));
    let data = Augmented::new(Shapes::new(10, 32, 1), random());
    let expected: Vec<f32> = (0..10).flat_map(|i| data.sample_of(7, 1, i).unwrap().0.to_vec::<f32>()).collect();
    assert_eq!(load(2, 1), expected);
    // Without a generator: seed and epoch 0.
    assert_eq!(data.get(4).unwrap().0.to_vec::<f32>(), data.sample_of(0, 0, 4).unwrap().0.to_vec::<f32>());
}

#[test]
fn cifar100_takes_the_fine_label() {
    let dir = tempdir().unwrap();
    let pixels: Vec<u8> = (0..3072).map(|i| (i % 241) as u8).collect();
    let bytes = [&[19, 57], &pixels[..], &[0, 99], &pixels[..]].concat();
    write(dir.path(), "test.bin", &bytes);
    let set = cifar100(dir.path(), Split::Test).unwrap();
    assert_eq!((set.labels().to_vec::<i64>(), set.images().shape()), (vec![57, 99], &[2, 3, 32, 32][..]));
    assert_eq!((set.images().to_vec::<u8>()[3072..].to_vec(), set.classes()[57].as_str()), (pixels, "57"));
    let names: String = (0..100).map(|i| format!("name{i}\n")).collect();
    write(dir.path(), "fine_label_names.txt", names.as_bytes());
    assert_eq!(cifar100(dir.path(), Split::Test).unwrap().classes()[57], "name57");
    // The same records where they lie.
    let on_disk = OnDisk::cifar(dir.path().join("test.bin"), 2, set.classes().to_vec()).unwrap();
    same(&on_disk, &set);
}

/// Every sample of both, and where they end.
fn same(a: &dyn ImageDataset, b: &dyn ImageDataset) {
    assert_eq!((a.len(), a.classes()), (b.len(), b.classes()));
    for index in 0..a.len() {
        let (one, other) = (a.image(index).unwrap(), b.image(index).unwrap());
        assert_eq!((one.1, a.class(index).unwrap()), (other.1, b.class(index).unwrap()));
        assert_eq!(one, other);
    }
    for end in [a.image(a.len()).map(drop), a.class(a.len()).map(drop)] {
        let expected = format!("index {0} is out of range for a data set of {0} samples", a.len());
        assert_eq!(end.unwrap_err().to_string(), expected);
    }
}

#[test]
fn records_on_disk_are_those_in_memory() {
    let dir = tempdir().unwrap();
    let pixels: Vec<u8> = (0..5 * 6 * 4).map(|i| (i * 7 % 251) as u8).collect();
    let images = [&[0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 4], &pixels[..]].concat();
    let path = write(dir.path(), "train-images-idx3-ubyte", &images);
    write(dir.path(), "train-labels-idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 5, 3, 1, 4, 1, 5]);
    let whole = mnist(dir.path(), Split::Train).unwrap();
    let on_disk = OnDisk::idx(path, vec![3, 1, 4, 1, 5], whole.classes().to_vec()).unwrap();
    same(&on_disk, &whole);
    assert_eq!(whole.image(1).unwrap().0.to_bytes(), pixels[24..48]);
    let records: Vec<u8> =
        (0..3 * 3073).map(|i| if i % 3073 == 0 { 2 + (i / 3073) as u8 } else { (i % 199) as u8 }).collect();
    let path = write(dir.path(), "test_batch.bin", &records);
    let whole = cifar10(dir.path(), Split::Test).unwrap();
    assert_eq!(whole.labels().to_vec::<i64>(), [2, 3, 4]);
    same(&OnDisk::cifar(path, 1, whole.classes().to_vec()).unwrap(), &whole);
}

#[test]
fn parts_and_chains_hold_what_they_name() {
    let (a, b) = (Shapes::new(7, 8, 1), Shapes::new(5, 8, 2));
    let chain = ConcatImages::new(vec![
        Box::new(a.clone()),
        Box::new(ImageSubset::new(a.clone(), vec![])),
        Box::new(b.clone()),
    ]);
    let all: Vec<(Image, usize)> =
        (0..7).map(|i| a.image(i).unwrap()).chain((0..5).map(|i| b.image(i).unwrap())).collect();
    let stacked: Vec<Tensor> = all.iter().map(|(image, _)| image.pixels().contiguous()).collect();
    let labels = all.iter().map(|(_, class)| *class as i64).collect();
    let whole =
        InMemory::new(Tensor::stack(&stacked.iter().collect::<Vec<_>>(), 0), labels, SHAPES.map(String::from).to_vec());
    same(&chain, &whole);
    same(&InMemory::read(&chain).unwrap(), &whole);
    same(&whole.take(9), &ImageSubset::new(whole.clone(), (0..9).collect()));
    let order = vec![11, 0, 7, 7, 6];
    let part = ImageSubset::new(whole.clone(), order.clone());
    for (at, &index) in order.iter().enumerate() {
        assert_eq!(part.image(at).unwrap(), whole.image(index).unwrap());
    }
}

#[test]
fn a_split_keeps_every_sample_once_by_its_seed() {
    let data = std::sync::Arc::new(Shapes::new(60, 24, 3));
    let pictures = |part: &ImageSubset<std::sync::Arc<Shapes>>| {
        (0..part.len()).map(|i| part.image(i).unwrap().0.to_bytes()).collect::<Vec<_>>()
    };
    let split = |seed| ImageSubset::split(data.clone(), 0.7, seed).unwrap();
    let ((first, second), (again, _), (other, _)) = (split(1), split(1), split(2));
    assert_eq!((class_counts(&first).unwrap(), class_counts(&second).unwrap()), (vec![7; 6], vec![3; 6]));
    assert_eq!(pictures(&first), pictures(&again));
    assert_ne!(pictures(&first), pictures(&other));
    let mut all = [pictures(&first), pictures(&second)].concat();
    let mut expected: Vec<_> = (0..60).map(|i| data.image(i).unwrap().0.to_bytes()).collect();
    all.sort();
    expected.sort();
    assert_eq!(all, expected);
}

#[test]
fn statistics_are_those_of_all_pixels() {
    let dir = tempdir().unwrap();
    // More pictures than are held at a time, of several sizes.
    let mut all = vec![Vec::new(); 3];
    let mut g = Generator::new(1);
    for index in 0..260 {
        let (height, width) = (1 + g.below(5), 1 + g.below(4));
        let bytes: Vec<u8> = (0..3 * height * width).map(|_| g.below(256) as u8).collect();
        bytes.iter().enumerate().for_each(|(i, &v)| all[i % 3].push(f64::from(v) / 255.0));
        let class = if index % 5 == 0 { "few" } else { "many" };
        write(
            dir.path(),
            &format!("{class}/{index}.png"),
            &png(&Image::from_bytes(&bytes, Mode::RGB, [height, width])),
        );
    }
    let folder = ImageFolder::open(dir.path()).unwrap();
    let mut steps = Vec::new();
    let (mean, std) = mean_std_with(&folder, |done, all| steps.push((done, all))).unwrap();
    for (channel, values) in all.iter().enumerate() {
        let n = values.len() as f64;
        let expected = values.iter().sum::<f64>() / n;
        let spread = (values.iter().map(|v| (v - expected).powi(2)).sum::<f64>() / n).sqrt();
        assert!((mean[channel] - expected).abs() < 1e-12 && (std[channel] - spread).abs() < 1e-12);
    }
    assert_eq!((steps.first(), steps.last()), (Some(&(256, 260)), Some(&(260, 260))));
    assert_eq!(mean_std(&folder).unwrap(), (mean, std));
    assert_eq!((class_counts(&folder).unwrap(), class_weights(&folder).unwrap()), (vec![52, 208], vec![2.5, 0.625]));
    // Channels that change are told.
    let mixed = ConcatImages::new(vec![
        Box::new(ImageSubset::new(folder.clone(), vec![0])),
        Box::new(ImageSubset::new(folder.with_mode(Mode::L), vec![1])),
    ]);
    assert_eq!(line(mean_std(&mixed), dir.path()), "data set: sample 1: expected 3 channels, found 1");
}

#[test]
fn folders_are_sorted_by_class_and_path() {
    let dir = tempdir().unwrap();
    for name in ["b/2.png", "b/10.png", "a/z.png", "b/1/x.png", "A/y.png"] {
        write(dir.path(), name, &png(&picture()));
    }
    let folder = ImageFolder::open(dir.path()).unwrap();
    let names: Vec<String> = folder
        .samples()
        .iter()
        .map(|(path, class)| format!("{class} {}", path.strip_prefix(dir.path()).unwrap().display()))
        .collect();
    assert_eq!(names, ["0 A/y.png", "1 a/z.png", "2 b/1/x.png", "2 b/10.png", "2 b/2.png"]);
}

#[test]
fn erasing_is_recorded_and_its_mask_knows_the_hole() {
    let erase = RandomErasing::new(1.0).scale([0.2, 0.3]);
    let white = Image::filled(Mode::L, [20, 30], &[255]);
    let (result, record) = erase.apply(white.clone().into(), &mut sample_generator(1, 0, 0));
    let result = result.to_image();
    assert_ne!(result, white);
    assert_eq!((record.actions().len(), record.repeat(white.clone()).to_image()), (1, result.clone()));
    // The hole hides a mask over the result, and nothing of one over the picture.
    assert_eq!(record.mask_back(white.clone()).to_image(), result);
    assert_eq!(record.mask(white.clone()).to_image(), white);
}

proptest! {
    #![proptest_config(cases::config())]

    /// The targets are mixed as the pixels are: sample `i` holds `i + 1` everywhere and class `i`.
    #[test]
    fn mixtures_of_pictures_are_mixtures_of_classes(
        seed in 0u64..10_000, n in 1usize..5, rows in 1usize..9, columns in 1usize..9, alpha in 0.1f64..3.0, cut in any::<bool>()
    ) {
        let x = Tensor::arange(1.0, n as f64 + 1.0, 1.0, DType::F32).reshape([n, 1, 1, 1]).expand([n, 2, rows, columns]);
        let classes = Tensor::arange(0.0, n as f64, 1.0, DType::I64);
        let mut g = Generator::new(seed);
        let mixed = if cut { CutMix::new(alpha, n).apply(&x, &classes, &mut g) } else { MixUp::new(alpha, n).apply(&x, &classes, &mut g) };
        prop_assert_eq!((mixed.images.shape(), mixed.targets.shape()), (x.shape(), &[n, n][..]));
        let (images, targets) = (mixed.images.to_vec::<f32>(), mixed.targets.to_vec::<f32>());
        let plane = rows * columns;
        for i in 0..n {
            let row = &targets[i * n..(i + 1) * n];
            let before = (i + n - 1) % n;
            prop_assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            prop_assert!(n == 1 || (f64::from(row[i]) - mixed.lambda).abs() < 1e-6, "{row:?} and {}", mixed.lambda);
            prop_assert!((0..n).all(|class| class == i || class == before || row[class] == 0.0));
            for channel in 0..2 {
                let pixels = &images[(2 * i + channel) * plane..][..plane];
                // The mean pixel is the mean class, counted from 1.
                let mean = pixels.iter().map(|&v| f64::from(v)).sum::<f64>() / plane as f64;
                let expected: f64 = row.iter().enumerate().map(|(class, &p)| f64::from(p) * (class + 1) as f64).sum();
                prop_assert!((mean - expected).abs() < 1e-5, "{mean} and {expected}");
                prop_assert!(!cut || pixels.iter().all(|&v| v == (i + 1) as f32 || v == (before + 1) as f32));
            }
        }
    }
}
