//! The classic first lesson: a photo through one convolution, and back to a picture.

use std::path::Path;

use gradus::nn::init;
use gradus::prelude::*;
use gradus::vision::Image;
use gradus::vision::draw::side_by_side;
use gradus::vision::transform::{Compose, ToTensor, Transform, sample_generator, transform_invert};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    manual_seed(2);
    let photo = Image::open(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/photos/chelsea.png"))?;

    // To a tensor [3, H, W] of numbers between 0 and 1, and then a batch of one: [1, 3, H, W].
    let transforms = Compose::new().then(ToTensor);
    let (picture, _) = transforms.apply(photo.clone().into(), &mut sample_generator(0, 0, 0));
    let x = Variable::new(picture.tensor().ok_or("ToTensor gives a tensor")?.unsqueeze(0));

    // Three channels in, one out, 3x3 filters; weights drawn from Xavier's normal distribution.
    let conv = Conv2d::new(3, 1, 3);
    init::xavier_normal_(&conv.weight, 1.0);
    let y = no_grad(|| conv.call(&x));
    println!("before the convolution: {:?}", x.shape());
    println!("after the convolution:  {:?}", y.shape());

    // The result's values are any numbers: shift and scale them to 0..1 to see them.
    let (low, high) = (y.data().amin(&[], false), y.data().amax(&[], false));
    let visible = (y.data() - &low) / (high - low);
    let result = transform_invert(&visible, &transforms);
    std::fs::create_dir_all("out")?;
    let canvas = side_by_side(&[("the photo", photo.pixels()), ("after Conv2d(3, 1, 3)", result.pixels())]);
    canvas.save(Path::new("out/convolve.png"))?;
    println!("wrote out/convolve.png");
    Ok(())
}
