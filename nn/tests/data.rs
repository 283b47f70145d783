//! What a loader yields: every sample once, the same for any number of workers, and errors that name the sample.

use gradus_nn::data::{DataError, DataLoader, Dataset, Subset, TensorDataset, random_split};
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};
use tensor::{DType, Generator, Tensor};

fn numbers(len: usize) -> TensorDataset {
    let x = Tensor::arange(0.0, len as f64, 1.0, DType::F32).reshape([len, 1]);
    TensorDataset::new(x, Tensor::arange(0.0, len as f64, 1.0, DType::I64))
}

fn targets(loader: &DataLoader, epoch: u64) -> Vec<Vec<i64>> {
    loader
        .epoch(epoch)
        .map(|batch| {
            let (x, y) = batch.unwrap();
            assert_eq!(x.data().to_dtype(DType::I64).to_vec::<i64>(), y.to_vec::<i64>());
            y.to_vec::<i64>()
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_sample_once_whoever_loads(len in 0usize..50, size in 1usize..9, workers in 0usize..4, seed in any::<u64>(),
        shuffle in any::<bool>(), drop_last in any::<bool>()) {
        let build = |workers| {
            let builder = DataLoader::builder(numbers(len)).batch_size(size).shuffle(shuffle).seed(seed);
            builder.drop_last(drop_last).workers(workers).build()
        };
        let (alone, helped) = (build(0), build(workers));
        prop_assert_eq!(targets(&alone, 3), targets(&helped, 3));
        let batches = targets(&alone, 3);
        prop_assert_eq!(batches.len(), alone.len());
        prop_assert_eq!(alone.len(), if drop_last { len / size } else { len.div_ceil(size) });
        let mut all: Vec<i64> = batches.concat();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        prop_assert_eq!(all.len(), count);
        prop_assert_eq!(count, if drop_last { len / size * size } else { len });
        // An epoch can be entered anywhere.
        let first = batches.len() / 2;
        let late: Vec<_> = helped.epoch_from(3, first).map(|batch| batch.unwrap().1.to_vec::<i64>()).collect();
        prop_assert_eq!(&late[..], &batches[first..]);
    }
}

#[test]
fn epochs_have_orders_of_their_own() {
    let loader = DataLoader::builder(numbers(100)).batch_size(100).shuffle(true).seed(1).build();
    assert_ne!(targets(&loader, 0), targets(&loader, 1));
    assert_eq!(targets(&loader, 1), targets(&loader, 1));
    let by_iteration: Vec<_> =
        (0..2).map(|_| (&loader).into_iter().next().unwrap().unwrap().1.to_vec::<i64>()).collect();
    assert_eq!(by_iteration, [targets(&loader, 0).concat(), targets(&loader, 1).concat()]);
    assert_eq!(loader.next_epoch(), 2);
}

struct Noisy;

impl Dataset for Noisy {
    fn len(&self) -> usize {
        7
    }
    fn get(&self, index: usize) -> Result<(Tensor, Tensor), DataError> {
        match index {
            5 => Err("no such file".into()),
            6 => Ok((Tensor::zeros([2, 3], DType::F32), Tensor::scalar(0i64))),
            _ => Ok((Tensor::zeros([2, 2], DType::F32), Tensor::scalar(0i64))),
        }
    }
    fn get_random(&self, index: usize, generator: &mut Generator) -> Result<(Tensor, Tensor), DataError> {
        let (x, y) = self.get(index)?;
        Ok((x.add_scalar(generator.uniform()), y))
    }
}

#[test]
fn augmentation_depends_on_seed_epoch_and_sample_alone() {
    let bits = |workers, size, epoch| {
        let loader = DataLoader::builder(Subset::new(Noisy, 0..5)).batch_size(size).seed(9).workers(workers).build();
        let batches: Vec<Vec<f32>> = loader.epoch(epoch).map(|batch| batch.unwrap().0.to_vec::<f32>()).collect();
        batches.concat()
    };
    assert_eq!(bits(0, 2, 1), bits(3, 5, 1));
    assert_ne!(bits(0, 2, 1), bits(0, 2, 2));
}

#[test]
fn errors_name_the_sample_and_loading_goes_on() {
    for workers in [0, 2] {
        let loader = DataLoader::builder(Noisy).workers(workers).build();
        let errors: Vec<String> = loader.epoch(4).filter_map(|batch| batch.err().map(|e| e.to_string())).collect();
        assert_eq!(errors, ["batch 5 of epoch 4: sample 5: no such file"]);
        let loader = DataLoader::builder(Subset::new(Noisy, [0, 6])).batch_size(2).workers(workers).build();
        let error = loader.epoch(0).next().unwrap().unwrap_err().to_string();
        let expected = "sample 6: its input is f32 [2, 3], but that of sample 0 is f32 [2, 2]";
        assert_eq!(error, format!("batch 0 of epoch 0: {expected}"));
    }
}

#[test]
fn a_loader_dropped_early_ends_its_workers() {
    let loader = DataLoader::builder(numbers(1000)).batch_size(1).workers(3).build();
    for _ in 0..20 {
        assert_eq!(loader.epoch(0).next().unwrap().unwrap().1.to_vec::<i64>(), [0]);
    }
}

#[test]
fn random_splits_share_nothing() {
    let parts = random_split(numbers(10), &[7, 3], 1);
    let mut all: Vec<i64> =
        parts.iter().flat_map(|part| (0..part.len()).map(|i| part.get(i).unwrap().1.item())).collect();
    all.sort_unstable();
    assert_eq!(all, (0..10).collect::<Vec<i64>>());
}

#[test]
#[should_panic(expected = "tensor_dataset: first axes differ (inputs [3, 2], targets [4])")]
fn lengths_must_agree() {
    TensorDataset::new(Tensor::zeros([3, 2], DType::F32), Tensor::zeros([4], DType::I64));
}

#[test]
#[should_panic(expected = "random_split: the lengths [7, 4] add up to 11, not to 10 samples")]
fn splits_must_add_up() {
    random_split(numbers(10), &[7, 4], 1);
}
