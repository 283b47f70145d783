//! From a folder of photos to a trained network: a broken file is reported and left out, and the result is looked at.
//!
//! Run: `cargo run --release --example image_folder`, and look at `out/image_folder/`.

use gradus::nn::data::DataLoader;
use gradus::nn::loss::cross_entropy;
use gradus::nn::optim::Adam;
use gradus::nn::train::train_epoch;
use gradus::prelude::*;
use gradus::vision::Image;
use gradus::vision::datasets::{Augmented, ImageDataset, ImageFolder, ImageSubset, class_weights, mean_std};
use gradus::vision::draw::{Sheet, confusion_counts, confusion_matrix};
use gradus::vision::image::Unreadable;
use gradus::vision::transform::{
    Compose, Normalize, Picture, RandomHorizontalFlip, RandomResizedCrop, ToTensor, Transform, sample_generator,
};

/// Random pieces of the shipped photos as a folder of files, one directory per class, and one file that is no picture.
fn make_folder(root: &str) -> Result<(), Box<dyn std::error::Error>> {
    for (class, file) in [("astronaut", "astronaut.png"), ("cat", "chelsea.png"), ("rocket", "rocket.jpg")] {
        let photo = Image::open(format!("{}/examples/data/photos/{file}", env!("CARGO_MANIFEST_DIR")))?;
        std::fs::create_dir_all(format!("{root}/{class}"))?;
        let crop = RandomResizedCrop::new([72, 72]).scale([0.05, 0.3]);
        for i in 0..60 {
            let (piece, _) = crop.apply(Picture::from(photo.clone()), &mut sample_generator(5, 0, i));
            piece.to_image().save(format!("{root}/{class}/{i:02}.jpg"))?;
        }
    }
    std::fs::write(format!("{root}/cat/broken.jpg"), b"not a picture")?;
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    make_folder("out/image_folder/photos")?;
    let (folder, skipped) = ImageFolder::open("out/image_folder/photos")?.checked(Unreadable::Skip)?;
    skipped.iter().for_each(|reason| println!("left out: {reason}"));
    let names = folder.classes().to_vec();
    let (train, test) = ImageSubset::split(folder, 0.75, 1)?;
    let (mean, std) = mean_std(&train)?;
    println!("{} photos to train on, {} to test, of {names:?}", train.len(), test.len());
    println!("mean {mean:.3?}, deviation {std:.3?}, class weights {:.2?}", class_weights(&train)?);
    manual_seed(2);
    let augment = Compose::new()
        .then(RandomResizedCrop::new([48, 48]).scale([0.4, 1.0]))
        .then(RandomHorizontalFlip::new(0.5))
        .then(ToTensor)
        .then(Normalize::new(&mean, &std));
    let loader = DataLoader::builder(Augmented::new(train, augment)).batch_size(15).shuffle(true).seed(4).build();
    let block = |from: usize, to: usize| {
        sequential![Conv2d::builder(from, to, 3).stride(2).padding(1).build(), BatchNorm2d::new(to), ReLU::new()]
    };
    let head = sequential![AdaptiveAvgPool2d::new(1), Flatten::new(), Linear::new(64, 3)];
    let model = sequential![block(3, 16), block(16, 32), block(32, 64), head];
    println!("{} parameters", model.parameter_count());
    let mut adam = Adam::new(model.parameters(), 3e-3);
    for epoch in 0..12 {
        let loss = |x: &Variable, labels: &Variable| cross_entropy(&model.call(x), labels);
        println!("epoch {epoch}: loss {:.3}", train_epoch(loader.epoch(epoch), &mut adam, loss, |_| {})?.loss);
    }
    model.eval();
    let plain = Compose::new().then(ToTensor).then(Normalize::new(&mean, &std));
    let (mut sheet, mut truth, mut predicted) = (Sheet::new(9).enlarge(2), vec![], vec![]);
    for index in 0..test.len() {
        let (image, class) = test.image(index)?;
        let (x, _) = plain.apply(image.clone().into(), &mut sample_generator(0, 0, index));
        let x = Variable::new(x.into_tensor().unsqueeze(0));
        let guess = no_grad(|| model.call(&x)).data().argmax(1, false).to_vec::<i64>()[0];
        truth.push(class as i64);
        predicted.push(guess);
        sheet.push_prediction(image.pixels(), &names[guess as usize], &names[class]);
    }
    sheet.to_canvas().save("out/image_folder/test.png")?;
    let right = truth.iter().zip(&predicted).filter(|(t, p)| t == p).count();
    let [truth, predicted] = [truth, predicted].map(|classes| Tensor::from_slice(&classes, [classes.len()]));
    let counts = confusion_counts(&truth, &predicted, 3);
    confusion_matrix(&counts, &names).save("out/image_folder/confusion.png")?;
    println!("{right} of {} right; wrote out/image_folder/test.png and confusion.png", truth.len());
    Ok(())
}
