//! Files of tensors: what is written is read, what is broken is told, what was there stays.

use std::collections::BTreeMap;
use std::fs;

use gradus_nn::io::{load_safetensors, read_safetensors, save_safetensors, write_atomically, write_safetensors};
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use tensor::{DType, Generator, MemoryFormat, Tensor};

fn bytes_of(tensors: &[(&str, &Tensor)], metadata: &[(&str, &str)]) -> Vec<u8> {
    let metadata: BTreeMap<String, String> = metadata.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let mut bytes = Vec::new();
    let list = tensors.iter().map(|(name, tensor)| (name.to_string(), *tensor)).collect();
    write_safetensors(&mut bytes, list, &metadata).unwrap();
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_written_is_read(seed in any::<u64>(), count in 0usize..5, channels_last in any::<bool>()) {
        let mut g = Generator::new(seed);
        let mut tensors = Vec::new();
        for i in 0..count {
            let shape: Vec<usize> = (0..g.below(5)).map(|_| g.below(4)).collect();
            let dtype = DType::ALL[g.below(5)];
            let mut x = g.randn(&shape, DType::F64).mul_scalar(3.0).to_dtype(dtype);
            if channels_last {
                x = x.to_memory_format(MemoryFormat::ChannelsLast);
            }
            tensors.push((format!("t{i}"), x));
        }
        let list: Vec<(&str, &Tensor)> = tensors.iter().map(|(name, x)| (name.as_str(), x)).collect();
        let bytes = bytes_of(&list, &[("b", "2"), ("a", "\"1\"\n")]);
        let file = read_safetensors(&bytes).unwrap();
        prop_assert_eq!(&file.metadata["a"], "\"1\"\n");
        prop_assert_eq!(file.tensors.len(), count);
        for (name, x) in &tensors {
            let (_, y) = file.tensors.iter().find(|(other, _)| other == name).unwrap();
            prop_assert_eq!(x.dtype(), y.dtype());
            prop_assert_eq!(x.shape(), y.shape());
            prop_assert_eq!(x.to_dtype(DType::F64).to_vec::<f64>(), y.to_dtype(DType::F64).to_vec::<f64>());
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(seed in any::<u64>(), flips in 1usize..6, cut in any::<bool>()) {
        let mut g = Generator::new(seed);
        let x = g.randn([3, 4], DType::F32);
        let y = Tensor::from([true, false]);
        let mut bytes = bytes_of(&[("a", &x), ("mask", &y)], &[("k", "v")]);
        for _ in 0..flips {
            let at = if g.below(2) == 0 { g.below(16) } else { g.below(bytes.len()) };
            bytes[at] = g.bits() as u8;
        }
        if cut {
            bytes.truncate(g.below(bytes.len()));
        }
        if let Err(reason) = read_safetensors(&bytes) {
            prop_assert!(!reason.is_empty());
        }
    }
}

#[test]
fn equal_tensors_give_equal_bytes() {
    let (x, y) = (Tensor::from([1.0f32, 2.0]), Tensor::from([true]));
    let a = bytes_of(&[("y", &y), ("x", &x)], &[("k", "v"), ("l", "w")]);
    assert_eq!(a, bytes_of(&[("x", &x), ("y", &y)], &[("l", "w"), ("k", "v")]));
    let header = r#"{"__metadata__":{"k":"v","l":"w"},"x":{"data_offsets":[0,8],"dtype":"F32","shape":[2]},"y":{"data_offsets":[8,9],"dtype":"BOOL","shape":[1]}}"#;
    assert_eq!(std::str::from_utf8(&a[8..8 + header.len()]).unwrap(), header);
}

#[test]
fn faults_name_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let error =
        |name: &str| load_safetensors(at(name)).unwrap_err().to_string().replace(&*dir.path().to_string_lossy(), "DIR");
    assert_eq!(error("none"), "DIR/none: cannot read: No such file or directory (os error 2)");
    assert_eq!(error(""), "DIR/: not a regular file");
    fs::write(at("short"), [1, 2]).unwrap();
    assert!(error("short").starts_with("DIR/short: not a safetensors file: "), "{}", error("short"));
    fs::write(at("huge"), [255; 64]).unwrap();
    assert!(error("huge").starts_with("DIR/huge: not a safetensors file: "), "{}", error("huge"));
    let header = br#"{"m":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header);
    bytes.extend_from_slice(&[1, 7]);
    fs::write(at("bool"), bytes).unwrap();
    assert_eq!(error("bool"), "DIR/bool: tensor m: a bool is 0 or 1, found 7");
    let x = Tensor::from([1.0f32]);
    let twice = save_safetensors(at("twice"), [("a", &x), ("a", &x)], &BTreeMap::new()).unwrap_err().to_string();
    assert!(twice.ends_with("twice: two tensors are called a"), "{twice}");
}

#[test]
fn a_failed_write_leaves_the_old_file_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    fs::write(&path, b"old").unwrap();
    let error = write_atomically(&path, |file| {
        file.write_all(b"half of it")?;
        Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
    });
    assert_eq!(error.unwrap_err().to_string(), format!("{}: cannot write: no storage space", path.display()));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    let error = write_atomically(dir.path(), |_| Ok(())).unwrap_err().to_string();
    assert!(error.ends_with(": cannot write: is a directory"), "{error}");
    let missing = dir.path().join("no").join("b");
    let error = write_atomically(&missing, |_| Ok(())).unwrap_err().to_string();
    assert_eq!(error, format!("{}: cannot write: No such file or directory (os error 2)", missing.display()));
    if cfg!(target_os = "linux") && std::path::Path::new("/dev/full").exists() {
        let error = fs::OpenOptions::new().write(true).open("/dev/full").map(|mut full| {
            let x = Tensor::zeros([1 << 18], DType::F32);
            write_safetensors(&mut full, vec![("x".into(), &x)], &BTreeMap::new()).unwrap_err().kind()
        });
        assert_eq!(error.unwrap(), std::io::ErrorKind::StorageFull);
    }
}
