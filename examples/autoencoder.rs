//! Lesson: an autoencoder. Convolutions squeeze a digit into 16 numbers, transposed convolutions draw it again from
//! them. Run: `cargo run --release --example autoencoder`

use std::path::PathBuf;

use clap::Parser;
use gradus::nn::data::{DataLoader, TensorDataset};
use gradus::nn::loss::mse_loss;
use gradus::nn::optim::Adam;
use gradus::nn::train::train_epoch;
use gradus::prelude::*;
use gradus::vision::datasets::{Split, mnist};
use gradus::vision::draw::Sheet;

/// Trains an autoencoder on MNIST.
#[derive(Parser)]
struct Options {
    /// Walks over the training images.
    #[arg(long, default_value_t = 3)]
    epochs: u64,
    /// Use only the first so many training images.
    #[arg(long, default_value_t = 20_000)]
    limit: usize,
    /// Where the picture goes.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

/// `[n, 1, 28, 28] -> [n, 16]`
fn encoder() -> Sequential {
    let half = |inputs, outputs| Conv2d::builder(inputs, outputs, 3).stride(2).padding(1).build();
    sequential![half(1, 16), ReLU::new(), half(16, 32), ReLU::new(), Flatten::new(), Linear::new(32 * 7 * 7, 16)]
}

/// `[n, 16] -> [n, 1, 28, 28]`
fn decoder() -> Sequential {
    let twice = |i, o| ConvTranspose2d::builder(i, o, 3).stride(2).padding(1).output_padding(1).build();
    let start = sequential![Linear::new(16, 32 * 7 * 7), ReLU::new(), Unflatten::new(1, [32, 7, 7])];
    sequential![start, twice(32, 16), ReLU::new(), twice(16, 1), Sigmoid::new()]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    manual_seed(1);
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/mnist");
    let scaled = |x: Tensor| x.map(|byte: u8| f32::from(byte) / 255.0);
    let train = mnist(data, Split::Train)?.take(options.limit);
    let set = TensorDataset::new(train.images().clone(), train.labels()).with_transform(scaled);
    let batches = DataLoader::builder(set).batch_size(64).shuffle(true).build();

    let model = sequential!["encoder" => encoder(), "decoder" => decoder()];
    println!("{}\n", model.summary(&[64, 1, 28, 28])?);
    let mut adam = Adam::new(model.parameters(), 2e-3);
    for epoch in 0..options.epochs {
        let report = train_epoch(batches.epoch(epoch), &mut adam, |x, _| mse_loss(&model.call(x), x), |_| ())?;
        println!("epoch {}: mean squared error {:.4}", epoch + 1, report.loss);
    }

    let x = Variable::new(scaled(mnist(data, Split::Test)?.take(10).images().clone()));
    let (code, y) = no_grad(|| (model["encoder"].call(&x), model.call(&x)));
    println!("\n{:?} -> {:?} -> {:?}", x.shape(), code.shape(), y.shape());
    let mut sheet = Sheet::new(10).enlarge(3);
    let mut row = |pictures: &Variable, caption: &str| {
        (0..10).for_each(|i| sheet.push(&pictures.data().select(0, i), if i == 0 { caption } else { "" }, None));
    };
    row(&x, "digits");
    row(&y, "16 numbers");
    // A straight line between two codes passes through digits that nobody wrote.
    for [from, to] in [[0, 1], [2, 3], [4, 7]] {
        let t = Variable::new(Tensor::linspace(0.0, 1.0, 10, DType::F32).unsqueeze(1));
        let between = code.select(0, from) * (1.0 - &t) + code.select(0, to) * &t;
        row(&no_grad(|| model["decoder"].call(&between)), "in between");
    }
    std::fs::create_dir_all(&options.out)?;
    sheet.to_canvas().save(options.out.join("autoencoder.png"))?;
    println!("wrote {}", options.out.join("autoencoder.png").display());
    Ok(())
}
