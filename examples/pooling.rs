//! Pooling on a photo: the largest and the mean of every window, and the way back that max unpooling finds.

use gradus::nn::functional::Interpolate;
use gradus::nn::ops::max_pool::{max_pool_with_indices, max_unpool};
use gradus::prelude::*;
use gradus::vision::Image;
use gradus::vision::draw::side_by_side;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let photo = Image::open(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/photos/chelsea.png"))?;
    let x = Variable::new(photo.to_tensor().unsqueeze(0));
    println!("photo          {:?}", x.shape());

    // Windows of 8x8, one after the other: each side is an eighth as long.
    let largest = x.max_pool2d(8);
    let mean = x.avg_pool2d(8);
    println!("max_pool2d(8)  {:?}", largest.shape());
    println!("avg_pool2d(8)  {:?}", mean.shape());

    // Every maximum goes back to where it was found; all other pixels stay black, here three of four.
    let (small, indices) = max_pool_with_indices(&x, Pool::<2>::new(2));
    let back = max_unpool(&small, &indices, Pool::<2>::new(2), Some([x.size(-2), x.size(-1)]));
    println!("max_pool2d(2)  {:?}", small.shape());
    println!("max_unpool2d   {:?}", back.shape());

    let show = |y: &Variable| y.data().squeeze(0);
    let large = |y: &Variable| Upsample::nearest(Interpolate::scale(8.0)).call(y);
    std::fs::create_dir_all("out")?;
    let canvas = side_by_side(&[
        ("the photo", photo.pixels()),
        ("largest of 8x8", &show(&large(&largest))),
        ("mean of 8x8", &show(&large(&mean))),
        ("largest of 2x2, put back", &show(&back)),
    ]);
    canvas.save("out/pooling.png")?;
    println!("wrote out/pooling.png");
    Ok(())
}
