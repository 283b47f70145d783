//! Training that is killed and resumed ends with the same bits as training that never stopped.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gradus_nn::data::{DataError, DataLoader, Dataset};
use gradus_nn::loss::CrossEntropyLoss;
use gradus_nn::optim::{Adam, Optimizer};
use gradus_nn::prelude::*;
use gradus_nn::schedule::{OneCycleLr, Scheduler};
use gradus_nn::train::{Checkpoint, Position};
use tensor::{DType, Generator, Tensor, manual_seed};

/// Samples that are changed at random when they are loaded.
struct Clouds;

impl Dataset for Clouds {
    fn len(&self) -> usize {
        50
    }
    fn get(&self, index: usize) -> Result<(Tensor, Tensor), DataError> {
        let label = index as i64 % 3;
        let point = Generator::new(index as u64).randn([6], DType::F32).add_scalar(label as f64);
        Ok((point, Tensor::scalar(label)))
    }
    fn get_random(&self, index: usize, generator: &mut Generator) -> Result<(Tensor, Tensor), DataError> {
        let (point, label) = self.get(index)?;
        Ok((&point + &generator.randn([6], DType::F32).mul_scalar(0.1), label))
    }
}

/// Four epochs, a checkpoint after every step, from the last checkpoint on if there is one.
fn train(path: &Path) {
    const EPOCHS: u64 = 4;
    manual_seed(5);
    let model = Sequential::new().then(Linear::new(6, 16)).then(ReLU::new()).then(Linear::new(16, 3));
    let loader = DataLoader::builder(Clouds).batch_size(8).shuffle(true).seed(3).workers(2).build();
    let mut adam = Adam::builder(1e-2).amsgrad(true).weight_decay(1e-3).build(model.parameters());
    let mut schedule = OneCycleLr::builder(0.02, EPOCHS as i64 * loader.len() as i64).build(&mut adam);
    let mut position = Position::default();
    if path.exists() {
        let checkpoint = Checkpoint::load(path).unwrap();
        checkpoint.restore_model(&model).unwrap();
        checkpoint.restore_optimizer(&mut adam).unwrap();
        checkpoint.restore_scheduler("rate", &mut schedule).unwrap();
        checkpoint.restore_generator();
        position = checkpoint.position();
    }
    for epoch in position.epoch..EPOCHS {
        for batch in loader.epoch_from(epoch, position.batch) {
            let (x, y) = batch.unwrap();
            // Noise from the default generator, as dropout would draw it.
            let x = &x * Variable::new(Tensor::rand(x.shape(), DType::F32));
            adam.zero_grad();
            CrossEntropyLoss::new().label_smoothing(0.1).forward(&model.call(&x), &y).backward();
            adam.step();
            schedule.step(&mut adam);
            position = Position { epoch, batch: position.batch + 1, step: position.step + 1 };
            Checkpoint::of(&model, position)
                .with_optimizer(&adam)
                .with_scheduler("rate", &schedule)
                .save(path)
                .unwrap();
        }
        position.batch = 0;
    }
}

const PATH: &str = "GRADUS_RESUME_TEST";

/// Not a test of its own: what the child process runs.
#[test]
fn child() {
    if let Some(path) = std::env::var_os(PATH) {
        train(Path::new(&path));
    }
}

fn start(path: &Path, threads: usize) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child"]).env(PATH, path).env("GRADUS_NUM_THREADS", threads.to_string());
    command.stdout(Stdio::null()).spawn().unwrap()
}

#[test]
fn killed_and_resumed_training_ends_with_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, broken) = (dir.path().join("whole"), dir.path().join("broken"));
    assert!(start(&whole, 2).wait().unwrap().success());
    let steps = |path: &Path| Checkpoint::load(path).map_or(0, |checkpoint| checkpoint.position().step);
    assert_eq!(steps(&whole), 28);
    let mut kills = 0;
    for stop in [1, 6, 9, 20] {
        let mut process = start(&broken, 1 + kills % 2);
        while steps(&broken) < stop && process.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_micros(200));
        }
        process.kill().unwrap();
        process.wait().unwrap();
        // The file is whole at every moment.
        assert!(steps(&broken) >= stop);
        kills += 1;
    }
    assert!(start(&broken, 1).wait().unwrap().success());
    assert!(std::fs::read(&whole).unwrap() == std::fs::read(&broken).unwrap(), "the checkpoints differ");
    let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.len() <= 2 + kills, "{left:?}");
}

#[test]
fn what_does_not_fit_is_told_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.safetensors");
    let model = Linear::new(3, 2);
    let adam = Adam::new(model.parameters(), 1e-3);
    Checkpoint::of(&model, Position::default()).with_optimizer(&adam).save(&path).unwrap();
    let checkpoint = Checkpoint::load(&path).unwrap();
    let said = |error: &dyn std::fmt::Display| error.to_string().replace(&*path.to_string_lossy(), "FILE");

    let other = Linear::new(4, 2);
    let before = other.weight.data().to_vec::<f32>();
    assert!(said(&checkpoint.restore_model(&other).unwrap_err()).starts_with("FILE: load_state_dict: "));
    assert_eq!(other.weight.data().to_vec::<f32>(), before);

    let mut sgd = gradus_nn::optim::Sgd::new(model.parameters(), 0.1);
    let error = checkpoint.restore_optimizer(&mut sgd).unwrap_err();
    assert_eq!(said(&error), "FILE: the state is of Adam, the optimizer is SGD");
    let mut schedule = gradus_nn::schedule::StepLr::builder(1).build(&mut sgd);
    let error = checkpoint.restore_scheduler("rate", &mut schedule).unwrap_err();
    assert_eq!(said(&error), "FILE: no scheduler rate was saved");

    gradus_nn::io::save(&path, &model.state_dict()).unwrap();
    let error = Checkpoint::load(&path).unwrap_err();
    assert_eq!(said(&error), "FILE: not a checkpoint: no metadata gradus.checkpoint");
}
