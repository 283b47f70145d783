//! Checkpoints of `torch.save`: read without running them, and refused with words where they are broken.

use std::path::PathBuf;

use gradus_nn::io::{load, load_pytorch, read_pytorch};
use gradus_nn::prelude::*;
use tensor::{DType, Generator};

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

#[test]
fn every_kind_of_tensor_is_read() {
    let dict = load_pytorch(file("state_dict.pt")).unwrap();
    let values = |name: &str| dict[name].to_dtype(DType::F64).to_vec::<f64>();
    assert_eq!(dict["conv.weight"].shape(), &[2, 1, 3, 3]);
    assert_eq!(values("conv.weight"), (0..18).map(|i| f64::from(i) / 2.0).collect::<Vec<_>>());
    assert_eq!(dict["transposed"].shape(), &[3, 2]);
    assert_eq!(values("transposed"), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
    // The third is the smallest normal half, the fourth the smallest of all.
    assert_eq!(values("half"), [1.5, -2.0, 2f64.powi(-14), 2f64.powi(-24)]);
    assert_eq!(values("bfloat"), [1.5, -2.0]);
    assert_eq!(dict["mask"].to_vec::<bool>(), [true, false]);
    assert_eq!(dict["steps"].item::<i64>(), 5);
    assert_eq!(dict["part"].to_vec::<f64>(), [2.0, 3.0]);
    assert_eq!(values("parameter"), [3.0]);
    assert_eq!(dict["empty"].shape(), &[0, 3]);
    assert_eq!(dict["int32"].to_vec::<i64>(), [-7, 9]);
    assert_eq!(dict.names().next(), Some("conv.weight"));
}

#[test]
fn a_state_dict_inside_a_checkpoint_is_found_and_fits_a_model() {
    let model = Linear::new(2, 1);
    model.load_state_dict(&load(file("checkpoint.pt")).unwrap(), true).unwrap();
    assert_eq!(model.weight.to_vec::<f32>(), [1.0, 2.0]);
}

#[test]
fn broken_files_are_refused_and_never_panic() {
    let bytes = std::fs::read(file("checkpoint.pt")).unwrap();
    assert_eq!(
        read_pytorch(b"\x80\x02}q\x00.").err().unwrap(),
        "not a PyTorch checkpoint: the zip archive is truncated or damaged"
    );
    assert_eq!(
        read_pytorch(&[0; 100]).err().unwrap(),
        "not a PyTorch checkpoint: no zip archive (files of PyTorch before 1.6 are not supported)"
    );
    for length in 0..bytes.len() {
        assert!(read_pytorch(&bytes[..length]).is_err());
    }
    let mut g = Generator::new(4);
    for _ in 0..3000 {
        let mut bytes = bytes.clone();
        for _ in 0..1 + g.below(3) {
            let at = g.below(bytes.len());
            bytes[at] = g.bits() as u8;
        }
        let _ = read_pytorch(&bytes);
    }
    let mut damaged = bytes.clone();
    let at = damaged.windows(9).position(|window| window == b"state_dic").unwrap();
    damaged[at] = b'X';
    let error = read_pytorch(&damaged).err().unwrap();
    assert!(error.ends_with("data.pkl is truncated or damaged"), "{error}");
}
