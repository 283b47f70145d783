//! Why does a network say "cat"? A small one learns three photos from random pieces, then looks at whole ones: Grad-CAM,
//! saliency and occlusion, laid over what it sees.
//!
//! Run: `cargo run --release --example grad_cam`, and look at `out/grad_cam.png`.

use gradus::nn::data::DataLoader;
use gradus::nn::loss::cross_entropy;
use gradus::nn::optim::Adam;
use gradus::nn::train::train_epoch;
use gradus::prelude::*;
use gradus::vision::Image;
use gradus::vision::datasets::{Augmented, ImageDataset, InMemory};
use gradus::vision::draw::{Occlusion, Sheet, grad_cam, occlusion, overlay, saliency};
use gradus::vision::transform::{
    ColorJitter, Compose, Interpolation, Normalize, RandomHorizontalFlip, RandomResizedCrop, ToTensor, functional,
};

const SIDE: usize = 160;
const PHOTOS: [(&str, &str); 3] = [("astronaut", "astronaut.png"), ("cat", "chelsea.png"), ("rocket", "rocket.jpg")];

fn photo(file: &str) -> Result<Image, Box<dyn std::error::Error>> {
    let photo = Image::open(format!("{}/examples/data/photos/{file}", env!("CARGO_MANIFEST_DIR")))?;
    let side = photo.height().min(photo.width());
    Ok(functional::resize(&functional::center_crop(&photo, [side; 2]), [SIDE; 2], Interpolation::Bicubic, true))
}

fn network() -> Sequential {
    let block = |from: usize, to: usize| {
        sequential![Conv2d::builder(from, to, 3).padding(1).bias(false).build(), BatchNorm2d::new(to), ReLU::new()]
    };
    let body = sequential![block(3, 16), MaxPool2d::new(2), block(16, 32), MaxPool2d::new(2), block(32, 64)];
    let head = sequential![AdaptiveAvgPool2d::new(1), Flatten::new(), Linear::new(64, 3)];
    sequential![body, head]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    manual_seed(1);
    let photos = PHOTOS.iter().map(|(_, file)| photo(file)).collect::<Result<Vec<_>, _>>()?;
    let pixels: Vec<Tensor> = photos.iter().map(|photo| photo.pixels().contiguous()).collect();
    let images = Tensor::stack(&pixels.iter().collect::<Vec<_>>(), 0).repeat(&[80, 1, 1, 1]);
    let names = PHOTOS.iter().map(|(name, _)| name.to_string()).collect();
    let set = InMemory::new(images, (0..240).map(|i| i % 3).collect(), names);
    println!("photos {:?}", set.images().shape());
    let pieces = Compose::new()
        .then(RandomResizedCrop::new([48, 48]).scale([0.08, 0.5]))
        .then(RandomHorizontalFlip::new(0.5))
        .then(ColorJitter::new(0.3, 0.3, 0.3, 0.02))
        .then(ToTensor)
        .then(Normalize::imagenet());
    let classes = set.classes().to_vec();
    let loader = DataLoader::builder(Augmented::new(set, pieces)).batch_size(24).shuffle(true).seed(3).build();
    let model = network();
    let mut adam = Adam::new(model.parameters(), 3e-3);
    for epoch in 0..8 {
        let loss = |x: &Variable, labels: &Variable| cross_entropy(&model.call(x), labels);
        println!("epoch {epoch}: loss {:.3}", train_epoch(loader.epoch(epoch), &mut adam, loss, |_| {})?.loss);
    }
    // All three in one picture, which the network never saw: each class must find its own part.
    let all = Tensor::cat(&pixels.iter().collect::<Vec<_>>(), 2);
    let x = functional::normalize(
        &Image::from_pixels(all.clone()).to_tensor(),
        &[0.485, 0.456, 0.406],
        &[0.229, 0.224, 0.225],
    );
    let x = x.unsqueeze(0);
    let mut sheet = Sheet::new(2);
    sheet.push(&all, "what the network sees", None);
    sheet.push(&overlay(&all, &saliency(&model, &x, 1)), "saliency: pixels that move the score of \"cat\"", None);
    for (class, name) in classes.iter().enumerate() {
        let map = grad_cam(&model, "0.4", &x, class);
        println!("{name}: Grad-CAM {:?} over {:?}", map.shape(), all.shape());
        sheet.push(&overlay(&all, &map), format!("Grad-CAM: what speaks for \"{name}\""), None);
    }
    let map = occlusion(&model, &x, 1, &Occlusion { side: 40, stride: 10, ..Occlusion::default() });
    sheet.push(&overlay(&all, &map), "occlusion: what \"cat\" cannot do without", None);
    std::fs::create_dir_all("out")?;
    sheet.to_canvas().save("out/grad_cam.png")?;
    Ok(())
}
