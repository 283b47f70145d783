//! How time grows with work: `cargo bench --bench scaling` prints the tables of `docs/performance.md`, a training step of
//! ResNet-20 per image over batch sizes, and a 3x3 convolution over channel counts.

use std::time::Instant;

use gradus::nn::loss::cross_entropy;
use gradus::nn::optim::{Optimizer, Sgd};
use gradus::prelude::*;
use gradus::tensor::kernels::conv::{ConvAlgorithm, ConvGeometry, Epilogue, conv};
use gradus::tensor::{Dims, MemoryFormat};
use gradus::vision::models::ResNetCifar;

/// Turns of each batch size, and how long one is.
const ROUNDS: usize = 6;
const SECONDS: f64 = 1.5;

/// The middle one.
fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Adds to `times` how long `run` takes, in milliseconds, until `seconds` are over, after warming up.
fn measure(times: &mut Vec<f64>, seconds: f64, mut run: impl FnMut()) {
    run();
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        run();
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
}

fn main() {
    let batches = [8, 32, 128, 512];
    let mut networks = batches.map(|batch| {
        let model = ResNetCifar::resnet20(3, 10);
        let mut sgd = Sgd::builder(0.1).momentum(0.9).build(model.parameters());
        let x = Variable::new(Tensor::randn([batch, 3, 32, 32], DType::F32));
        let labels = Variable::new(Tensor::randint([batch], 0, 10));
        let step = move || {
            sgd.zero_grad();
            cross_entropy(&model.call(&x), &labels).backward();
            sgd.step();
        };
        (step, Vec::new())
    });
    // In turns, so that whatever else the machine does meets all of them.
    for _ in 0..ROUNDS {
        networks.iter_mut().for_each(|(step, times)| measure(times, SECONDS, step));
    }
    println!("| batch | ms a step | µs an image |\n|---|---|---|");
    for (batch, (_, times)) in batches.into_iter().zip(networks) {
        let time = median(times);
        println!("| {batch} | {time:.2} | {:.0} |", 1e3 * time / batch as f64);
    }
    println!("\n| channels | Winograd, ms | GF/s | direct, ms | GF/s |\n|---|---|---|---|---|");
    for channels in [8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256] {
        let x = Tensor::randn([32, channels, 28, 28], DType::F32).to_memory_format(MemoryFormat::ChannelsLast);
        let w = Tensor::randn([channels, channels, 3, 3], DType::F32);
        let [fast, direct] = [ConvAlgorithm::Auto, ConvAlgorithm::Exact].map(|algorithm| {
            let geometry = ConvGeometry { padding: Dims::from_slice(&[1, 1]), algorithm, ..ConvGeometry::unit(2) };
            let mut times = Vec::new();
            measure(&mut times, 1.0, || drop(conv(&x, &w, &geometry, Epilogue::default())));
            median(times)
        });
        let work = 2.0 * (32 * 28 * 28 * channels * channels * 9) as f64 / 1e6;
        println!("| {channels} | {fast:.3} | {:.0} | {direct:.3} | {:.0} |", work / fast, work / direct);
    }
}
