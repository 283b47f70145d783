//! Every transform beside its inverse: what comes back exactly (green), as far as it survived, or not (orange).
//!
//! Run: `cargo run --release --example transforms_gallery`, and look at `out/transforms_gallery.png`.

use gradus::vision::Image;
use gradus::vision::draw::{GREEN, RED, Sheet};
use gradus::vision::transform::functional::Rotation;
use gradus::vision::transform::{
    AdjustGamma, CenterCrop, ColorJitter, ElasticTransform, GaussianBlur, Grayscale, Interpolation, Invertibility, Pad,
    PaddingMode, Picture, RandAugment, RandomAdjustSharpness, RandomAffine, RandomAutocontrast, RandomCrop,
    RandomEqualize, RandomErasing, RandomHorizontalFlip, RandomInvert, RandomPerspective, RandomPosterize,
    RandomResizedCrop, RandomRotation, RandomSolarize, RandomVerticalFlip, Resize, Transform, TrivialAugmentWide,
    functional, sample_generator,
};

fn transforms() -> Vec<(&'static str, Box<dyn Transform>)> {
    let smooth = Rotation { interpolation: Interpolation::Bilinear, ..Rotation::default() };
    let mut affine = RandomAffine::new([-20.0, 20.0]);
    (affine.translate, affine.scale, affine.shear) = ([0.1; 2], [0.7, 0.9], [[-15.0, 15.0], [0.0; 2]]);
    affine.interpolation = Interpolation::Bilinear;
    vec![
        ("RandomHorizontalFlip", Box::new(RandomHorizontalFlip::new(1.0))),
        ("RandomVerticalFlip", Box::new(RandomVerticalFlip::new(1.0))),
        ("Pad, reflected", Box::new(Pad::new(20).mode(PaddingMode::Reflect))),
        ("RandomInvert", Box::new(RandomInvert::new(1.0))),
        ("CenterCrop", Box::new(CenterCrop::new([100, 100]))),
        ("RandomCrop", Box::new(RandomCrop::new([100, 100]))),
        ("RandomResizedCrop", Box::new(RandomResizedCrop::new([100, 100]).scale([0.2, 0.5]))),
        ("Resize to 40", Box::new(Resize::new([40, 40]))),
        ("RandomRotation", Box::new(RandomRotation::new([25.0; 2]).options(smooth))),
        ("RandomAffine", Box::new(affine)),
        ("RandomPerspective", Box::new(RandomPerspective::new(0.6, 1.0))),
        ("ElasticTransform", Box::new(ElasticTransform::new(120.0, 5.0))),
        ("RandomErasing", Box::new(RandomErasing::new(1.0))),
        ("ColorJitter", Box::new(ColorJitter::new(0.4, 0.4, 0.8, 0.3))),
        ("AdjustGamma", Box::new(AdjustGamma::new(2.2))),
        ("Grayscale", Box::new(Grayscale::new(3))),
        ("GaussianBlur", Box::new(GaussianBlur::new([11, 11], [3.0; 2]))),
        ("RandomPosterize", Box::new(RandomPosterize::new(2, 1.0))),
        ("RandomSolarize", Box::new(RandomSolarize::new(128.0, 1.0))),
        ("RandomAutocontrast", Box::new(RandomAutocontrast::new(1.0))),
        ("RandomEqualize", Box::new(RandomEqualize::new(1.0))),
        ("RandomAdjustSharpness", Box::new(RandomAdjustSharpness::new(6.0, 1.0))),
        ("RandAugment", Box::new(RandAugment::new(2, 14))),
        ("TrivialAugmentWide", Box::new(TrivialAugmentWide::default())),
    ]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let photo = Image::open(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/photos/chelsea.png"))?;
    let photo =
        functional::resize(&functional::center_crop(&photo, [300, 300]), [140, 140], Interpolation::Bicubic, true);
    let mut sheet = Sheet::new(6);
    println!("{:<22} {:<16} {:<16} what comes back", "transform", "photo", "result");
    for (index, (name, transform)) in transforms().iter().enumerate() {
        // What is random follows from seed, epoch and sample: the same pictures in every run.
        let (result, record) = transform.apply(photo.clone().into(), &mut sample_generator(7, 0, index));
        let undone = record.invert(result.clone());
        let (mark, words) = match record.invertibility() {
            Invertibility::Exact => (Some(GREEN), "everything".to_string()),
            Invertibility::Survivors => (None, "what survived".to_string()),
            Invertibility::Lossy(reason) => (Some(RED), format!("nearly: {reason}")),
        };
        let shape = |picture: &Picture| format!("{:?}", picture.clone().into_tensor().shape());
        println!("{name:<22} {:<16} {:<16} {words}", shape(&photo.clone().into()), shape(&result));
        sheet.push(result.to_image().pixels(), *name, None);
        let words = words.split(':').next().unwrap_or_default().replace("nearly", "not all");
        sheet.push(undone.picture.to_image().pixels(), format!("back: {words}"), mark);
    }
    std::fs::create_dir_all("out")?;
    sheet.to_canvas().save("out/transforms_gallery.png")?;
    println!("wrote out/transforms_gallery.png");
    Ok(())
}
