//! A random pipeline, undone: the photo, its boxes, points and mask travel through the same draws and return.
//!
//! Run: `cargo run --release --example inverse_pipeline`, and look at `out/inverse_pipeline.png`.

use gradus::prelude::*;
use gradus::vision::draw::{Canvas, Colormap, Sheet, overlay_with};
use gradus::vision::transform::functional::Rotation;
use gradus::vision::transform::{
    ColorJitter, Compose, Interpolation, Normalize, Picture, RandomHorizontalFlip, RandomPerspective,
    RandomResizedCrop, RandomRotation, ToTensor, Transform, sample_generator, transform_invert,
};
use gradus::vision::{Image, draw};

/// The cat's eyes and nose, as boxes `[left, top, right, bottom]` in pixels.
const BOXES: [[f64; 4]; 3] = [[134.0, 84.0, 209.0, 148.0], [294.0, 108.0, 343.0, 165.0], [234.0, 224.0, 294.0, 264.0]];
const POINTS: [[f64; 2]; 2] = [[173.0, 110.0], [315.0, 130.0]];
/// The mask in yellow, boxes and points over the picture.
fn show(picture: &Tensor, mask: &Tensor, boxes: &[[f64; 4]], points: &[[f64; 2]]) -> Tensor {
    let mask = mask.reshape([picture.shape()[1], picture.shape()[2]]).to_dtype(DType::F32);
    let mut canvas = Canvas::from_tensor(&overlay_with(picture, &mask, Colormap::Viridis, 0.35));
    for &[left, top, right, bottom] in boxes {
        let size = ((bottom - top).round() as usize, (right - left).round() as usize);
        canvas.frame((top.round() as isize, left.round() as isize), size, 2, [86, 180, 233]);
    }
    for &[x, y] in points {
        canvas.fill((y as isize - 3, x as isize - 3), (7, 7), draw::WHITE);
        canvas.fill((y as isize - 2, x as isize - 2), (5, 5), draw::RED);
    }
    canvas.to_tensor()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let photo = Image::open(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/photos/chelsea.png"))?;
    let mut mask = Canvas::new(photo.height(), photo.width(), draw::BLACK);
    mask.fill((40, 90), (235, 270), draw::WHITE);
    let mask = mask.to_tensor().narrow(0, 0, 1).contiguous();
    let smooth = Rotation { interpolation: Interpolation::Bilinear, ..Rotation::default() };
    let pipeline = Compose::new()
        .then(RandomHorizontalFlip::new(0.5))
        .then(RandomRotation::new([-25.0, 25.0]).options(smooth))
        .then(RandomPerspective::new(0.3, 0.8))
        .then(RandomResizedCrop::new([300, 300]).scale([0.5, 0.9]))
        .then(ColorJitter::new(0.1, 0.1, 0.1, 0.0))
        .then(ToTensor)
        .then(Normalize::imagenet());
    let mut sheet = Sheet::new(3);
    for sample in 0..3 {
        let (x, record) = pipeline.apply(photo.clone().into(), &mut sample_generator(11, 0, sample));
        let names: Vec<&str> = record.actions().iter().map(|action| action.name()).collect();
        println!(
            "\nsample {sample}: {:?} -> {:?} by {}",
            photo.pixels().shape(),
            x.clone().into_tensor().shape(),
            names.join(", ")
        );
        // There: everything that belongs to the photo goes the same way.
        let (boxes, points) = (record.boxes(&BOXES), record.points(&POINTS));
        let moved = record.mask(Picture::from(mask.clone())).into_tensor();
        println!("  pupils {POINTS:.0?} are now at {points:.0?}");
        // And back, from the last step to the first; what could not be undone is told.
        let undone = record.invert(x.clone());
        let returned = record.points_back(&points);
        undone.lost.iter().for_each(|lost| println!("  {} is not undone: {}", lost.transform, lost.reason));
        println!("  and came back to {returned:.0?}");
        // Values alone, with the geometry left as the network sees it.
        let seen = transform_invert(&x.into_tensor(), &pipeline);
        let mask_back = record.mask_back(moved.clone()).into_tensor();
        sheet.push(&show(photo.pixels(), &mask, &BOXES, &POINTS), "the photo with boxes, points and a mask", None);
        sheet.push(
            &show(seen.pixels(), &moved, &boxes, &points),
            format!("sample {sample}: as the network sees it"),
            None,
        );
        let back = show(undone.picture.to_image().pixels(), &mask_back, &record.boxes_back(&boxes), &returned);
        sheet.push(&back, "undone: what survived is back in its place", None);
    }
    std::fs::create_dir_all("out")?;
    sheet.to_canvas().save("out/inverse_pipeline.png")?;
    Ok(())
}
