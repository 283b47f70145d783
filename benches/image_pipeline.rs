//! Decode, resize to 224 with antialiasing, to tensor, normalise, in batches of 16: photos of 500 pixels, in images/s.
//!
//! `benches/peers/image_pipeline.py` writes the photos, times torchvision on them and this on the same files, in turns.
//! Without the variable `GRADUS_PHOTOS`, which names a directory of photos in directories, the shipped photos are cut to
//! size and used. `GRADUS_WORKERS` is the number of loading threads, 2 by default; 0 loads in the main thread.

use std::time::Instant;

use gradus::nn::data::DataLoader;
use gradus::vision::Mode;
use gradus::vision::datasets::{Augmented, ImageFolder};
use gradus::vision::image::{Format, Image, find_images};
use gradus::vision::transform::{Compose, Normalize, Resize, ToTensor, functional};

/// The first only warms up.
const ROUNDS: usize = 4;

fn main() {
    let number =
        |name: &str, default: usize| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let workers = number("GRADUS_WORKERS", 2);
    let shipped = tempfile::tempdir().expect("a directory");
    let photos = match std::env::var_os("GRADUS_PHOTOS") {
        Some(directory) => ImageFolder::open(directory),
        None => {
            write_shipped(shipped.path());
            ImageFolder::open(shipped.path())
        }
    };
    let photos = photos.expect("a directory of photos");
    let count = photos.samples().len();
    let transforms = Compose::new().then(Resize::new([224, 224])).then(ToTensor).then(Normalize::imagenet());
    let loader = DataLoader::builder(Augmented::new(photos, transforms)).batch_size(16).workers(workers).build();
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|epoch| {
            let start = Instant::now();
            for batch in loader.epoch(epoch as u64) {
                let (x, _) = batch.expect("readable photos");
                assert_eq!(x.shape()[1..], [3, 224, 224]);
            }
            count as f64 / start.elapsed().as_secs_f64()
        })
        .skip(1)
        .collect();
    rates.sort_by(f64::total_cmp);
    let median = rates[rates.len() / 2];
    // A bench's result is what it prints.
    println!("gradus: {median:.0} images/s, {workers} workers, {count} photos");
}

/// 240 JPEGs of 500 x 375 from the shipped photos.
fn write_shipped(directory: &std::path::Path) {
    let paths = find_images(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/photos")).expect("the shipped photos");
    let class = directory.join("photos");
    std::fs::create_dir(&class).expect("a directory");
    for i in 0..240 {
        let photo = Image::open(&paths[i % paths.len()]).expect("a photo").convert(Mode::RGB);
        let photo = functional::resize(&photo, [375, 500], Default::default(), true);
        photo.save_as(class.join(format!("{i:03}.jpg")), Format::Jpeg(90)).expect("a JPEG");
    }
}
