//! Decode, resize to 224 with antialiasing, to tensor, normalise: photos of 500 pixels, in images/s on all threads.
//!
//! `benches/peers/image_pipeline.py` writes the photos, times torchvision on them and then runs this on the same files.
//! Without the variable `GRADUS_PHOTOS`, which names their directory, the shipped photos are cut to size and used.

use std::path::PathBuf;
use std::time::Instant;

use gradus::tensor::{Tensor, parallel};
use gradus::vision::image::find_images;
use gradus::vision::transform::{Compose, Normalize, Resize, ToTensor, Transform, functional, sample_generator};
use gradus::vision::{Format, Image, Mode};

const ROUNDS: usize = 5;

fn main() {
    let photos: Vec<Vec<u8>> = match std::env::var_os("GRADUS_PHOTOS") {
        Some(directory) => {
            let paths = find_images(PathBuf::from(directory)).expect("a directory of photos");
            paths.iter().map(|path| std::fs::read(path).expect("a readable photo")).collect()
        }
        None => shipped(),
    };
    let transforms = Compose::new().then(Resize::new([224, 224])).then(ToTensor).then(Normalize::imagenet());
    let load = |index: usize| -> Tensor {
        let image = Image::decode(&photos[index]).expect("a photo").convert(Mode::RGB);
        transforms.apply(image.into(), &mut sample_generator(0, 0, index)).0.into_tensor()
    };
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let tensors = parallel::map(photos.len(), load);
        best = best.min(start.elapsed().as_secs_f64());
        assert_eq!(tensors[0].shape(), [3, 224, 224]);
    }
    // A bench's result is what it prints.
    {
        let (threads, rate) = (parallel::num_threads(), photos.len() as f64 / best);
        println!("gradus: {rate:.0} images/s on {threads} threads ({} photos, best of {ROUNDS})", photos.len());
    }
}

/// 60 JPEGs of 500 x 375 from the shipped photos.
fn shipped() -> Vec<Vec<u8>> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/photos");
    let paths = find_images(directory).expect("the shipped photos");
    (0..60)
        .map(|i| {
            let photo = Image::open(&paths[i % paths.len()]).expect("a photo").convert(Mode::RGB);
            let photo = functional::resize(&photo, [375, 500], Default::default(), true);
            let mut bytes = Vec::new();
            photo.encode(Format::Jpeg(90), &mut bytes).expect("a JPEG");
            bytes
        })
        .collect()
}
