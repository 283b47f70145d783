//! What tensors look like when printed: the columns and numbers are PyTorch's.

use gradus_tensor::{DType, Tensor};

#[test]
fn notations() {
    let print = |values: &[f64]| Tensor::from(values).to_string();
    assert_eq!(print(&[1e-10, 1.0]), "[1.0000e-10, 1.0000e+00] [2] f64");
    assert_eq!(print(&[1e5, 1.0]), "[1.0000e+05, 1.0000e+00] [2] f64");
    assert_eq!(print(&[1e8, 2.0]), "[1.0000e+08, 2.0000e+00] [2] f64");
    assert_eq!(print(&[-1.0, 2.0]), "[-1.,  2.] [2] f64");
    assert_eq!(print(&[f64::NAN, 1.5]), "[   nan, 1.5000] [2] f64");
    assert_eq!(print(&[f64::INFINITY, 100_000.5]), "[        inf, 100000.5000] [2] f64");
    assert_eq!(Tensor::scalar(3.5f32).to_string(), "3.5000 [] f32");
    assert_eq!(Tensor::from([true, false]).to_string(), "[ true, false] [2] bool");
    assert_eq!(Tensor::zeros([3, 0], DType::F32).to_string(), "[] [3, 0] f32");
    assert_eq!(format!("{:?}", Tensor::from([7u8])), "Tensor([7] [1] u8)");
    assert_eq!(Tensor::from([i64::MAX]).to_string(), "[9223372036854775807] [1] i64");
}

#[test]
fn long_rows_are_broken() {
    let x = Tensor::arange(0.0, 20.0, 1.0, DType::I64).mul_scalar(1000.0).reshape([1, 20]);
    let expected = "\
[[    0,  1000,  2000,  3000,  4000,  5000,  6000,  7000,  8000,  9000, 10000,
  11000, 12000, 13000, 14000, 15000, 16000, 17000, 18000, 19000]] [1, 20] i64";
    assert_eq!(x.to_string(), expected);
}

#[test]
fn blocks_are_separated_and_summarised() {
    let x = Tensor::arange(0.0, 8.0, 1.0, DType::F32).reshape([2, 2, 2]);
    assert_eq!(x.to_string(), "[[[0., 1.],\n  [2., 3.]],\n\n [[4., 5.],\n  [6., 7.]]] [2, 2, 2] f32");
    let x = Tensor::zeros([2000, 2], DType::U8);
    assert_eq!(x.to_string(), "[[0, 0],\n [0, 0],\n [0, 0],\n ...,\n [0, 0],\n [0, 0],\n [0, 0]] [2000, 2] u8");
}
