//! LeNet-5 learns to read handwritten digits: `cargo run --release --example lenet`.

use std::path::PathBuf;

use clap::Parser;
use gradus::nn::data::{DataLoader, TensorDataset};
use gradus::nn::io;
use gradus::nn::loss::cross_entropy;
use gradus::nn::optim::Adam;
use gradus::nn::schedule::{CosineAnnealingLr, Scheduler};
use gradus::nn::train::{evaluate, train_epoch};
use gradus::prelude::*;
use gradus::vision::datasets::{ImageDataset, InMemory, Split, mnist};
use gradus::vision::draw::Sheet;
use gradus::vision::models::LeNet;
use indicatif::{ProgressBar, ProgressStyle};

/// Trains LeNet-5 on MNIST.
#[derive(Parser)]
struct Options {
    /// Walks over the training images.
    #[arg(long, default_value_t = 6)]
    epochs: u64,
    /// Images per step.
    #[arg(long, default_value_t = 64)]
    batch_size: usize,
    /// Learning rate at the start; it falls to nearly zero.
    #[arg(long, default_value_t = 2e-3)]
    lr: f64,
    /// Everything random follows from it.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The folder with the four MNIST files.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/mnist"))]
    data: PathBuf,
    /// Where the checkpoint and the pictures go.
    #[arg(long, default_value = "out/lenet")]
    out: PathBuf,
    /// Use only the first so many training images.
    #[arg(long)]
    limit: Option<usize>,
}

fn loader(set: &InMemory, options: &Options, train: bool) -> DataLoader {
    let normalize = |x: Tensor| x.map(|byte: u8| (f32::from(byte) / 255.0 - 0.1307) / 0.3081);
    let set = TensorDataset::new(set.images().clone(), set.labels()).with_transform(normalize);
    let batch = if train { options.batch_size } else { 500 };
    DataLoader::builder(set).batch_size(batch).shuffle(train).seed(options.seed).build()
}

fn run(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    manual_seed(options.seed);
    std::fs::create_dir_all(&options.out).map_err(|e| format!("cannot create {}: {e}", options.out.display()))?;
    let (train, test) = (mnist(&options.data, Split::Train)?, mnist(&options.data, Split::Test)?);
    let train = train.take(options.limit.unwrap_or(usize::MAX));
    let (batches, test_batches) = (loader(&train, options, true), loader(&test, options, false));
    let model = LeNet::new(1, 10);
    let mut adam = Adam::new(model.parameters(), options.lr);
    let mut decay = CosineAnnealingLr::builder(options.epochs as i64).build(&mut adam);
    let (mut best, mut images_per_second, mut seconds) = (0.0, 0.0, 0.0);
    for epoch in 0..options.epochs {
        let bar = ProgressBar::new(batches.samples() as u64)
            .with_style(ProgressStyle::with_template("epoch {prefix} {bar:30} {pos:>5}/{len} {per_sec}, loss {msg}")?);
        bar.set_prefix(format!("{}/{}", epoch + 1, options.epochs));
        let loss = |x: &Variable, labels: &Variable| cross_entropy(&model.call(x), labels);
        let report = train_epoch(batches.epoch(epoch), &mut adam, loss, |progress| {
            if progress.batches % 50 == 0 {
                bar.set_position(progress.samples as u64);
                bar.set_message(format!("{:.4}", progress.mean_loss));
            }
        })?;
        bar.finish_and_clear();
        decay.step(&mut adam);
        model.eval();
        let result = evaluate(test_batches.epoch(0), |x| model.call(x), cross_entropy)?;
        model.train();
        (images_per_second, seconds) = (report.samples_per_second(), seconds + report.elapsed.as_secs_f64());
        let accuracy = result.accuracy.unwrap_or(0.0);
        println!(
            "epoch {}: train loss {:.4}, {images_per_second:.0} images/s; test loss {:.4}, accuracy {:.2} %",
            epoch + 1,
            report.loss,
            result.loss,
            100.0 * accuracy
        );
        if accuracy > best {
            best = accuracy;
            io::save(options.out.join("lenet.safetensors"), &model.state_dict())?;
        }
    }
    model.load_state_dict(&io::load(options.out.join("lenet.safetensors"))?, true)?;
    draw(&model, &test, options)?;
    println!("test accuracy {:.2} %, {images_per_second:.0} images/s, {seconds:.1} s", 100.0 * best);
    Ok(())
}

/// A sheet of test digits with what the network reads, its mistakes first.
fn draw(model: &LeNet, test: &InMemory, options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let (mut predicted, mut truth) = (vec![], vec![]);
    for batch in loader(test, options, false).epoch(0) {
        let (x, labels) = batch?;
        predicted.extend(no_grad(|| model.call(&x)).data().argmax(1, false).to_vec::<i64>());
        truth.extend(labels.to_vec::<i64>());
    }
    let mut order: Vec<usize> = (0..truth.len()).collect();
    order.sort_by_key(|&i| predicted[i] == truth[i]);
    let mut sheet = Sheet::new(10).enlarge(2);
    for &i in order.iter().take(50) {
        let name = |class: i64| &test.classes()[class as usize];
        sheet.push_prediction(&test.images().select(0, i as isize), name(predicted[i]), name(truth[i]));
    }
    sheet.to_canvas().save(options.out.join("digits.png"))?;
    Ok(())
}

fn main() {
    if let Err(fault) = run(&Options::parse()) {
        eprintln!("lenet: {fault}");
        std::process::exit(1);
    }
}
