//! Corner cases of elementwise ops and reductions, with the values that PyTorch gives.

use std::f32::consts::PI;

use gradus_tensor::{DType, Gelu, Tensor};

const NAN: f32 = f32::NAN;
const INF: f32 = f32::INFINITY;

#[track_caller]
fn same(got: &Tensor, expected: &[f32]) {
    let got = got.to_vec::<f32>();
    let equal = |a: f32, b: f32| {
        (a.is_nan() && b.is_nan())
            || (a == b && a.is_sign_negative() == b.is_sign_negative())
            || (a - b).abs() <= 2e-6 * b.abs()
    };
    let all = got.len() == expected.len() && got.iter().zip(expected).all(|(&a, &b)| equal(a, b));
    assert!(all, "got {got:?}, expected {expected:?}");
}

#[test]
fn signs_and_nan() {
    let x = Tensor::from([NAN, -0.0, 2.0, -3.0, INF]);
    same(&x.sign(), &[0.0, 0.0, 1.0, -1.0, 1.0]);
    same(&x.abs(), &[NAN, 0.0, 2.0, 3.0, INF]);
    same(&x.relu(), &[NAN, -0.0, 2.0, 0.0, INF]);
    same(&x.neg(), &[NAN, 0.0, -2.0, 3.0, -INF]);
    assert_eq!(x.isnan().to_vec::<bool>(), [true, false, false, false, false]);
    assert_eq!(x.isinf().to_vec::<bool>(), [false, false, false, false, true]);
    assert_eq!(Tensor::from([1i64]).isfinite().to_vec::<bool>(), [true]);
}

#[test]
fn rounding() {
    same(&Tensor::from([0.5f32, 1.5, 2.5, -0.5, -1.5]).round(), &[0.0, 2.0, 2.0, -0.0, -2.0]);
    same(&Tensor::from([INF, -0.5, NAN, 2.25]).frac(), &[NAN, -0.5, NAN, 0.25]);
    same(&Tensor::from([-1.5f32, 1.5]).trunc(), &[-1.0, 1.0]);
    assert_eq!(Tensor::from([3i64]).floor().to_vec::<i64>(), [3]);
}

#[test]
fn clamping() {
    same(&Tensor::from([1.0, NAN, -0.5]).clamp(0.0, 0.5), &[0.5, NAN, 0.0]);
    same(&Tensor::from([1.0f32, 5.0]).clamp(3.0, 2.0), &[2.0, 2.0]);
    let (low, high) = (Tensor::from([NAN, 0.0]), Tensor::from([2.0f32, 2.0]));
    same(&Tensor::from([1.0f32, 5.0]).clamp_tensor(Some(&low), Some(&high)), &[NAN, 2.0]);
    same(&Tensor::from([1.0f32, 5.0]).clamp_tensor(None, Some(&high)), &[1.0, 2.0]);
    assert_eq!(Tensor::from([-3i64, 3]).clamp_min(-1.0).to_vec::<i64>(), [-1, 3]);
    assert_eq!(Tensor::from([3u8, 200]).clamp_max(100.0).to_vec::<u8>(), [3, 100]);
}

#[test]
fn remainders() {
    let x = Tensor::from([5.0, -5.0, 5.0, INF, 1.0, -5.0]);
    let y = Tensor::from([3.0, 3.0, -3.0, 1.0, 0.0, INF]);
    same(&x.fmod(&y), &[2.0, -2.0, 2.0, NAN, NAN, -5.0]);
    same(&x.remainder(&y), &[2.0, 1.0, -1.0, NAN, NAN, INF]);
}

#[test]
fn powers() {
    let x = Tensor::from([-2.0, -0.0, NAN, INF]);
    same(&x.pow_scalar(0.5), &[NAN, -0.0, NAN, INF]);
    same(&x.pow_scalar(-0.5), &[NAN, -INF, NAN, 0.0]);
    same(&x.pow_scalar(0.0), &[1.0; 4]);
    same(&Tensor::scalar_pow(-2.0, &Tensor::from([2.0f32, 3.0, 0.5])), &[4.0, -8.0, NAN]);
    assert_eq!(Tensor::from([2i64, -3]).pow(&Tensor::from([3i64, 2])).to_vec::<i64>(), [8, 9]);
    assert_eq!(Tensor::from([2i64, -3]).pow_scalar(5.0).to_vec::<i64>(), [32, -243]);
    same(&Tensor::from([1.5f32, -2.0]).pow_scalar(7.0), &[17.085938, -128.0]);
}

#[test]
fn special_functions() {
    same(&Tensor::from([0.0f32, 1.0, -1.0, 1.5, NAN, 0.5]).erfinv(), &[0.0, INF, -INF, NAN, NAN, 0.476_936_28]);
    for x in [-0.999999999, -0.9, -0.3, 1e-12, 0.6, 0.7, 0.95, 0.9999] {
        let back = Tensor::from([x]).erfinv().erf().item::<f64>();
        assert!((back - x).abs() <= 4e-16 * x.abs().max(1e-3), "{x} {back}");
    }
    same(&Tensor::from([0.0f32, 1.0, 0.5, 2.0]).logit(None), &[-INF, INF, 0.0, NAN]);
    same(&Tensor::from([0.0, 1.0, NAN]).logit(Some(1e-3)), &[-6.906_755, 6.906_755, NAN]);
    same(&Tensor::from([30.0, NAN, -200.0]).softplus(1.0, 20.0), &[30.0, NAN, 0.0]);
    same(&Tensor::from([1.0f32, -1.0]).gelu(Gelu::Tanh), &[0.841_191_9, -0.158_808_02]);
    same(&Tensor::from([0.0f32, -0.0, 0.0]).atan2(&Tensor::from([-1.0f32, -1.0, 0.0])), &[PI, -PI, 0.0]);
    same(&Tensor::from([1.0f32, 2.0]).lerp(&Tensor::from([3.0, NAN]), 0.5), &[2.0, NAN]);
}

#[test]
fn small_integers_wrap() {
    let x = Tensor::from([3u8, 250]);
    assert_eq!((&x - 5.0).to_vec::<u8>(), [254, 245]);
    assert_eq!((10.0 - &x).to_vec::<u8>(), [7, 16]);
    assert_eq!((&x * 2.0).to_vec::<u8>(), [6, 244]);
}

#[test]
fn extremes() {
    let x = Tensor::from([1.0, NAN, 3.0, NAN]);
    let (value, index) = x.max(0, false);
    assert!(value.item::<f32>().is_nan() && index.item::<i64>() == 1);
    assert_eq!(x.argmin(0, true).to_vec::<i64>(), [1]);
    assert_eq!(Tensor::from([2.0, 2.0]).min(0, false).1.item::<i64>(), 0);
    let many = Tensor::full([100_000], 3.0, DType::F32);
    assert_eq!(many.argmax(0, false).item::<i64>(), 0);
    assert_eq!(many.reshape([100, 1000]).argmin(0, false).to_vec::<i64>(), vec![0; 1000]);
    assert_eq!(Tensor::scalar(3.0).max(0, false).1.shape(), &[] as &[usize]);
    same(&Tensor::from([INF, NAN]).amax(&[], false), &[NAN]);
}

#[test]
fn statistics() {
    assert!(Tensor::from([1.0f32]).var(&[], 1.0, false).item::<f32>().is_nan());
    same(&Tensor::from([1.0f32, 2.0]).var(&[], 3.0, false), &[INF]);
    assert!(Tensor::zeros([0], DType::F32).var(&[], 1.0, false).item::<f32>().is_nan());
    same(&Tensor::from([-INF, -INF]).logsumexp(&[], false), &[-INF]);
    same(&Tensor::from([INF, 1.0]).logsumexp(&[], false), &[INF]);
    same(&Tensor::zeros([0, 2], DType::F32).logsumexp(&[0], false), &[-INF, -INF]);
    same(&Tensor::from([NAN, 1.0]).logsumexp(&[], false), &[NAN]);
    same(&Tensor::from([1.0, NAN, 0.0]).norm(0.0, &[], false), &[2.0]);
    same(&Tensor::from([-3.0f32, 2.0]).norm(f64::NEG_INFINITY, &[], false), &[2.0]);
    same(&Tensor::from([-3.0f32, 2.0]).norm(-1.0, &[], false), &[1.2]);
    same(&Tensor::zeros([0], DType::F32).norm(2.0, &[], false), &[0.0]);
    // A large mean hides nothing.
    let x = Tensor::arange(0.0, 1000.0, 1.0, DType::F64) + 1e9;
    assert!((x.var(&[], 0.0, false).item::<f64>() - 83_333.25).abs() < 1e-3);
    assert!(Tensor::zeros([0], DType::F32).mean(&[], false).item::<f32>().is_nan());
}

#[test]
fn dtypes_of_reductions() {
    assert_eq!(Tensor::from([true, true]).sum(&[], false).item::<i64>(), 2);
    assert_eq!(Tensor::from([100u8, 200]).prod(&[], false).item::<i64>(), 20_000);
    assert_eq!(Tensor::from([100u8, 200]).cumsum(0).to_vec::<i64>(), [100, 300]);
    assert_eq!(Tensor::from([[1i64, 2], [3, 4]]).cumprod(0).to_vec::<i64>(), [1, 2, 3, 8]);
    assert_eq!(Tensor::from([[0.0, NAN], [0.0, 0.0]]).any(&[1], false).to_vec::<bool>(), [true, false]);
    assert_eq!(Tensor::zeros([0, 2], DType::F32).all(&[0], false).to_vec::<bool>(), [true, true]);
}

#[test]
fn sums_of_f32_are_rounded_once() {
    let x = Tensor::full([1 << 22], 0.1, DType::F32);
    let expected = (f64::from(0.1f32) * (1 << 22) as f64) as f32;
    assert_eq!(x.sum(&[], false).item::<f32>(), expected);
    assert_eq!(x.reshape([1 << 18, 16]).sum(&[0], false).to_vec::<f32>()[7], expected / 16.0);
}
