//! What Winograd's rounding costs in training: ResNet-20 on MNIST with it and without, for several seeds.
//!
//! `cargo bench --bench accuracy -- [--seeds N] [--epochs N] [--limit IMAGES]` prints the table of
//! `docs/performance.md`.

use gradus::nn::data::{DataLoader, TensorDataset};
use gradus::nn::loss::cross_entropy;
use gradus::nn::optim::{Optimizer, Sgd};
use gradus::nn::schedule::{OneCycleLr, Scheduler};
use gradus::nn::train::evaluate;
use gradus::prelude::*;
use gradus::tensor::kernels::conv::{ConvAlgorithm, set_conv_algorithm};
use gradus::vision::datasets::{InMemory, Split, mnist};
use gradus::vision::models::ResNetCifar;

fn loader(set: &InMemory, batch: usize, seed: Option<u64>) -> DataLoader {
    let normalize = |x: Tensor| x.map(|byte: u8| (f32::from(byte) / 255.0 - 0.1307) / 0.3081);
    let set = TensorDataset::new(set.images().clone(), set.labels()).with_transform(normalize);
    DataLoader::builder(set).batch_size(batch).shuffle(seed.is_some()).seed(seed.unwrap_or(0)).build()
}

/// Test accuracy in per cent after training.
fn train(train: &InMemory, test: &InMemory, seed: u64, epochs: u64) -> Result<f64, Box<dyn std::error::Error>> {
    manual_seed(seed);
    let model = ResNetCifar::resnet20(1, 10);
    let batches = loader(train, 128, Some(seed));
    let steps = epochs as i64 * batches.samples().div_ceil(128) as i64;
    let mut sgd = Sgd::builder(0.1).momentum(0.9).weight_decay(1e-4).build(model.parameters());
    let mut cycle = OneCycleLr::builder(0.2, steps).build(&mut sgd);
    for epoch in 0..epochs {
        for batch in batches.epoch(epoch) {
            let (x, labels) = batch?;
            sgd.zero_grad();
            cross_entropy(&model.call(&x), &labels).backward();
            sgd.step();
            cycle.step(&mut sgd);
        }
    }
    model.eval();
    let result = evaluate(loader(test, 500, None).epoch(0), |x| model.call(x), cross_entropy)?;
    Ok(100.0 * result.accuracy.unwrap_or(0.0))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |flag: &str, default: u64| {
        let at = arguments.iter().position(|argument| argument == flag);
        at.and_then(|at| arguments.get(at + 1)).and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (seeds, epochs, limit) = (number("--seeds", 5), number("--epochs", 2), number("--limit", 60_000));
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/mnist");
    let (images, test) = (mnist(folder, Split::Train)?.take(limit as usize), mnist(folder, Split::Test)?);
    println!("| seed | Winograd, % | direct, % |\n|---|---|---|");
    let mut all = [Vec::new(), Vec::new()];
    for seed in 0..seeds {
        for (algorithm, accuracies) in [ConvAlgorithm::Auto, ConvAlgorithm::Exact].into_iter().zip(&mut all) {
            set_conv_algorithm(algorithm);
            accuracies.push(train(&images, &test, seed, epochs)?);
        }
        println!("| {seed} | {:.2} | {:.2} |", all[0][seed as usize], all[1][seed as usize]);
    }
    let [winograd, direct] = all.map(|values| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        format!("{mean:.3} ± {:.3}", (squares / (values.len() - 1).max(1) as f64).sqrt())
    });
    println!("| mean ± deviation | {winograd} | {direct} |");
    Ok(())
}
