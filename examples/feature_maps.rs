//! What a small network looks for and sees: its filters, its feature maps of one digit, and how far one unit of a deep
//! layer sees on a photo.
//!
//! Run: `cargo run --release --example feature_maps`, and look at `out/feature_maps/`.

use gradus::nn::data::{DataLoader, TensorDataset};
use gradus::nn::loss::cross_entropy;
use gradus::nn::optim::Adam;
use gradus::nn::train::train_epoch;
use gradus::prelude::*;
use gradus::vision::Image;
use gradus::vision::datasets::{Split, mnist};
use gradus::vision::draw::{Canvas, Curves, feature_maps, feature_sheet, filter_sheet, receptive_field};
use gradus::vision::models::LeNet;
use gradus::vision::transform::{Interpolation, functional};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    std::fs::create_dir_all("out/feature_maps")?;
    manual_seed(4);
    let model = LeNet::new(1, 10);
    let train = mnist(format!("{DATA}/mnist"), Split::Train)?.take(6000);
    let normalize = |x: Tensor| x.map(|byte: u8| (f32::from(byte) / 255.0 - 0.1307) / 0.3081);
    let set = TensorDataset::new(train.images().clone(), train.labels()).with_transform(normalize);
    let loader = DataLoader::builder(set).batch_size(50).shuffle(true).seed(1).build();
    let mut adam = Adam::new(model.parameters(), 2e-3);
    let mut losses = vec![];
    for epoch in 0..2 {
        let loss = |x: &Variable, labels: &Variable| cross_entropy(&model.call(x), labels);
        let note = |p: gradus::nn::train::Progress| losses.push((losses.len() as f64, p.loss));
        let report = train_epoch(loader.epoch(epoch), &mut adam, loss, note)?;
        println!("epoch {epoch}: loss {:.3}", report.loss);
    }
    let curves = Curves::new("LeNet on 6000 digits", "step").y_label("loss").line("train", &losses);
    curves.save("out/feature_maps/loss.svg")?;

    // The filters of the first layer, [6, 1, 5, 5]: blue takes away, red adds.
    let weight = model.state_dict()["conv1.weight"].clone();
    println!("conv1.weight {:?}", weight.shape());
    filter_sheet(&weight).save("out/feature_maps/filters.png")?;

    // What the layers make of one digit, by the names that named_modules() gives.
    let digit = train.images().select(0, 7);
    println!("digit        {:?}", digit.shape());
    Canvas::from_tensor(&digit).enlarge(8).save("out/feature_maps/digit.png")?;
    for name in ["conv1", "conv2"] {
        let maps = feature_maps(&model, name, &normalize(digit.clone()).unsqueeze(0));
        println!("{name}        {:?}", maps.shape());
        feature_sheet(&maps.select(0, 0)).save(format!("out/feature_maps/{name}.png"))?;
    }

    // One unit behind seven layers, and the part of the photo that reaches it.
    let photo = Image::open(format!("{DATA}/photos/chelsea.png"))?;
    let photo = functional::resize(&photo, [150, 225], Interpolation::Bicubic, true);
    let deep = sequential![
        Conv2d::builder(3, 16, 5).padding(2).build(),
        ReLU::new(),
        MaxPool2d::new(2),
        Conv2d::builder(16, 16, 5).padding(2).build(),
        ReLU::new(),
        MaxPool2d::new(2),
        Conv2d::builder(16, 16, 5).padding(2).build(),
    ];
    let field = receptive_field(&deep, "6", [3, 150, 225], Some([14, 20]));
    println!(
        "unit (14, 20) of layer 6 sees {} x {} pixels from ({}, {})",
        field.height, field.width, field.top, field.left
    );
    field.draw(photo.pixels()).enlarge(3).save("out/feature_maps/receptive_field.png")?;
    println!("wrote out/feature_maps/");
    Ok(())
}
