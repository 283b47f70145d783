//! `.npy` and `.npz`: round trips, NumPy's variants, and files that are broken in every possible way.

use std::path::PathBuf;

use gradus_tensor::io::FileError;
use gradus_tensor::{DType, Tensor};
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};

fn sample(shape: &[usize], dtype: DType) -> Tensor {
    let count = shape.iter().product::<usize>() as f64;
    Tensor::arange(0.0, count, 1.0, DType::I64).reshape(shape).to_dtype(dtype)
}

/// A path of its own for each test.
fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("gradus-files-{}-{name}", std::process::id()))
}

fn npy(descr: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let dictionary = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((dictionary.len() as u16).to_le_bytes());
    bytes.extend(dictionary.as_bytes());
    bytes.extend(data);
    bytes
}

#[test]
fn npy_round_trips() {
    for dtype in DType::ALL {
        for shape in [&[][..], &[5], &[2, 3], &[0, 4], &[2, 3, 4, 5]] {
            let x = sample(shape, dtype);
            let bytes = x.to_npy();
            assert_eq!((bytes.len() - x.len() * dtype.bytes()) % 64, 0);
            let y = Tensor::from_npy(&bytes).unwrap();
            assert_eq!((y.shape(), y.dtype(), y.to_le_bytes()), (x.shape(), dtype, x.to_le_bytes()));
            let back = Tensor::from_le_bytes(&x.to_le_bytes(), shape, dtype);
            assert_eq!(back.to_le_bytes(), x.to_le_bytes());
        }
    }
    let path = scratch("round.npy");
    let x = sample(&[3, 4], DType::F32).transpose(0, 1);
    x.write_npy(&path).unwrap();
    assert_eq!(Tensor::read_npy(&path).unwrap().to_vec::<f32>(), x.to_vec::<f32>());
    std::fs::remove_file(path).unwrap();
}

#[test]
fn numpy_variants() {
    let read = |bytes: &[u8]| Tensor::from_npy(bytes).unwrap();
    assert_eq!(read(&npy(">f4", "False", "(1,)", &1.5f32.to_be_bytes())).to_vec::<f32>(), [1.5]);
    assert_eq!(read(&npy("<i2", "False", "(2,)", &[0xff, 0xff, 1, 0])).to_vec::<i64>(), [-1, 1]);
    assert_eq!(read(&npy(">u4", "False", "()", &[0xff, 0, 0, 1])).to_vec::<i64>(), [0xff00_0001]);
    assert_eq!(read(&npy("|i1", "False", "(1,)", &[0x80])).to_vec::<i64>(), [-128]);
    assert_eq!(read(&npy("|b1", "False", "(2,)", &[0, 2])).to_vec::<bool>(), [false, true]);
    let columns = read(&npy("|u1", "True", "(2, 3)", &[1, 2, 3, 4, 5, 6]));
    assert_eq!((columns.shape(), columns.to_vec::<u8>()), (&[2, 3][..], vec![1, 3, 5, 2, 4, 6]));
}

#[test]
fn broken_files_are_named() {
    let message = |bytes: &[u8]| Tensor::from_npy(bytes).unwrap_err().to_string();
    assert_eq!(message(b"PK"), "npy, byte 0: expected the magic word \\x93NUMPY, got other bytes");
    assert_eq!(message(b"\x93NUMPY\x09\x00"), "npy, byte 8: expected version 1, 2 or 3, got version 9");
    assert_eq!(
        message(&npy("<f4", "False", "(2,)", &[0; 4])),
        "npy, byte 68: expected 8 bytes of elements, got 4 bytes"
    );
    assert_eq!(
        message(&npy("|u1", "False", "(1,)", &[0; 4])),
        "npy, byte 69: expected the end of the file, got 3 more bytes"
    );
    assert_eq!(message(&npy("<c8", "False", "(1,)", &[0; 8])), "npy: tensors have no elements of NumPy's type \"<c8\"");
    assert_eq!(message(&npy("<f4", "Maybe", "(1,)", &[0; 4])), "npy, byte 44: expected \"False\", got \"Maybe, '\"");
    let huge = message(&npy("<f8", "False", "(4000000000, 4000000000, 4000000000)", &[]));
    assert!(huge.contains("expected a shape that memory can hold"), "{huge}");
    let claimed = message(&npy("<f8", "False", "(1000000000000,)", &[]));
    assert!(claimed.contains("expected 8000000000000 bytes of elements, got 0 bytes"), "{claimed}");
    let missing = scratch("missing.npy");
    assert!(matches!(Tensor::read_npy(&missing), Err(FileError::Io { path, .. }) if path == missing));
    // Nothing is left beside a target that cannot be written.
    let nowhere = scratch("no-such-folder").join("x.npy");
    assert!(matches!(sample(&[2], DType::F32).write_npy(&nowhere), Err(FileError::Io { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn damaged_files_never_panic(cut in any::<usize>(), at in any::<usize>(), byte in any::<u8>()) {
        let mut bytes = sample(&[3, 2], DType::F32).to_npy();
        // A changed byte may still make a file, of another shape; it must only not panic, whole or cut.
        let mut changed = bytes.clone();
        changed[at % bytes.len()] = byte;
        let _ = Tensor::from_npy(&changed);
        changed.truncate(cut % bytes.len());
        let _ = Tensor::from_npy(&changed);
        bytes.truncate(cut % bytes.len());
        prop_assert_eq!(Tensor::from_npy(&bytes).is_err(), true);
    }
}

#[cfg(feature = "npz")]
#[test]
fn npz_round_trips() {
    use gradus_tensor::io::{read_npz, write_npz};
    let path = scratch("round.npz");
    let (a, b) = (sample(&[2, 3], DType::F64), sample(&[4], DType::I64));
    write_npz(&path, &[("weight", &a), ("part/bias", &b)]).unwrap();
    let read = read_npz(&path).unwrap();
    assert_eq!(read.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["weight", "part/bias"]);
    assert_eq!((read[0].1.to_vec::<f64>(), read[1].1.to_vec::<i64>()), (a.to_vec(), b.to_vec()));
    let bytes = std::fs::read(&path).unwrap();
    for cut in (0..bytes.len()).step_by(7) {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        assert!(read_npz(&path).is_err());
    }
    std::fs::remove_file(path).unwrap();
}
