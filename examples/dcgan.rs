//! Lesson: two networks against each other. One draws digits from noise by transposed convolutions, the other tells
//! drawn from real ones, and each is the other's teacher (Radford et al., 2015; spectral normalisation keeps the critic
//! from running away: Miyato et al., 2018). Run: `cargo run --release --example dcgan`

use std::path::PathBuf;

use clap::Parser;
use gradus::nn::data::{DataLoader, TensorDataset};
use gradus::nn::loss::binary_cross_entropy_with_logits as judge;
use gradus::nn::optim::{Adam, Optimizer};
use gradus::nn::parametrizations::spectral_norm;
use gradus::prelude::*;
use gradus::vision::datasets::{Split, mnist};
use gradus::vision::draw::{Canvas, GridOptions, make_grid};

/// Learns to draw digits.
#[derive(Parser)]
struct Options {
    /// Batches of 64 digits to learn from.
    #[arg(long, default_value_t = 1500)]
    steps: usize,
    /// Where `dcgan.png` goes.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

const NOISE: usize = 64;

/// `[n, 64, 1, 1] -> [n, 1, 28, 28]`, in [-1, 1].
fn artist() -> Sequential {
    let normal = |channels| sequential![BatchNorm2d::new(channels), ReLU::new()];
    let up = |i, o| ConvTranspose2d::builder(i, o, 4).stride(2).padding(1).bias(false).build();
    let start = ConvTranspose2d::builder(NOISE, 64, 7).bias(false).build();
    sequential![start, normal(64), up(64, 32), normal(32), up(32, 1), Tanh::new()]
}

/// `[n, 1, 28, 28] -> [n, 1]`: how real a digit looks.
fn critic() -> Sequential {
    let down = |i, o| spectral_norm(Conv2d::builder(i, o, 4).stride(2).padding(1).build());
    let verdict = sequential![Flatten::new(), spectral_norm(Linear::new(64 * 7 * 7, 1))];
    sequential![down(1, 32), LeakyReLU::new(0.2), down(32, 64), LeakyReLU::new(0.2), verdict]
}

fn learn(optimizer: &mut Adam, loss: &Variable) {
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    std::fs::create_dir_all(&options.out)?;
    manual_seed(1);
    let train = mnist(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/mnist"), Split::Train)?;
    let scaled = |x: Tensor| x.map(|byte: u8| f32::from(byte) / 127.5 - 1.0);
    let set = TensorDataset::new(train.images().clone(), train.labels()).with_transform(scaled);
    let batches = DataLoader::builder(set).batch_size(64).shuffle(true).drop_last(true).build();

    let (artist, critic) = (artist(), critic());
    println!("artist\n{}\n\ncritic\n{}\n", artist.summary(&[64, NOISE, 1, 1])?, critic.summary(&[64, 1, 28, 28])?);
    let [mut artist_step, mut critic_step] =
        [&artist, &critic].map(|model| Adam::builder(1e-3).betas((0.5, 0.999)).build(model.parameters()));
    let noise = || Variable::new(Tensor::randn([64, NOISE, 1, 1], DType::F32));
    let [real, made] = [1.0, 0.0].map(|value| Variable::new(Tensor::full([64, 1], value, DType::F32)));
    let fixed = noise();
    for (step, batch) in (1..=options.steps).zip((0..).flat_map(|epoch| batches.epoch(epoch))) {
        let drawn = artist.call(&noise());
        let critic_loss = judge(&critic.call(&batch?.0), &real) + judge(&critic.call(&drawn.detach()), &made);
        learn(&mut critic_step, &critic_loss);
        let artist_loss = judge(&critic.call(&drawn), &real);
        learn(&mut artist_step, &artist_loss);
        if step % 100 == 0 || step == options.steps {
            let grid = make_grid(&no_grad(|| artist.call(&fixed) * 0.5 + 0.5).data(), &GridOptions::default());
            Canvas::from_tensor(&grid).enlarge(3).save(options.out.join("dcgan.png"))?;
            let [critic, artist] = [&critic_loss, &artist_loss].map(Variable::item::<f32>);
            println!("step {step:>5}: critic {critic:.3}, artist {artist:.3}");
        }
    }
    Ok(())
}
