//! Random draws have the distributions that they claim, and repeat with their seed.

use gradus_tensor::{DType, Generator, Tensor};

#[test]
fn truncated_normal_numbers() {
    let x = Generator::new(1).trunc_normal([20_000], [1.0, 2.0], [0.0, 4.0], DType::F64);
    let values = x.to_vec::<f64>();
    assert!(values.iter().all(|v| (0.0..=4.0).contains(v)));
    // The mean of a normal number of mean 1 and deviation 2 between 0 and 4: 1 + 2 (φ(-1/2) - φ(3/2)) / (Φ(3/2) - Φ(-1/2)).
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    assert!((mean - 1.7115).abs() < 0.02, "{mean}");
    let again = Generator::new(1).trunc_normal([20_000], [1.0, 2.0], [0.0, 4.0], DType::F64);
    assert_eq!(values, again.to_vec::<f64>());
}

#[test]
fn coins() {
    let p = Tensor::from([0.0f32, 1.0, 0.25]).expand([10_000, 3]);
    let heads = Generator::new(2).bernoulli(&p).mean(&[0], false).to_vec::<f32>();
    assert_eq!(heads[..2], [0.0, 1.0]);
    assert!((heads[2] - 0.25).abs() < 0.02);
}

#[test]
fn choices_by_weight() {
    let mut generator = Generator::new(3);
    let weights = Tensor::from([[1.0, 0.0, 3.0], [0.0, 2.0, 0.0]]);
    let picked = generator.multinomial(&weights, 8000, true);
    assert_eq!(picked.shape(), &[2, 8000]);
    let share = |row: isize, index: f64| {
        picked.select(0, row).eq_scalar(index).to_dtype(DType::F64).mean(&[], false).item::<f64>()
    };
    assert!((share(0, 0.0) - 0.25).abs() < 0.02 && share(0, 1.0) == 0.0);
    assert_eq!(share(1, 1.0), 1.0);
    let mut first = [0; 3];
    for _ in 0..4000 {
        let order = generator.multinomial(&weights.select(0, 0), 2, false).to_vec::<i64>();
        assert!(order[0] != order[1] && !order.contains(&1));
        first[order[0] as usize] += 1;
    }
    assert!((f64::from(first[2]) / 4000.0 - 0.75).abs() < 0.03, "{first:?}");
}

#[test]
fn like_another() {
    let x = Tensor::zeros([3, 4], DType::F64);
    assert_eq!((x.rand_like().shape(), x.randn_like().dtype()), (&[3, 4][..], DType::F64));
    assert_eq!(Tensor::normal([2], 5.0, 0.0, DType::F32).to_vec::<f32>(), [5.0, 5.0]);
}
