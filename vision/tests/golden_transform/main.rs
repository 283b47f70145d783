//! Parity with torchvision: every golden case of kind `transform` in the directory that the variable `GRADUS_GOLDEN`
//! names, else in the repository's `tests/golden`; nothing where there are none.

mod case;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use serde_json::Value;
use tensor::{DType, Tensor};

#[test]
fn transforms_equal_torchvision() {
    let directory = std::env::var_os("GRADUS_GOLDEN")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden"));
    let Ok(entries) = fs::read_dir(&directory) else { return };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    let mut failures = Vec::new();
    let mut passed = 0;
    for path in files {
        let name = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        // Grids are drawn by another part of the crate, with its own test.
        if path.extension().is_none_or(|e| e != "json") || !name.starts_with("tv_") || name == "tv_make_grid" {
            continue;
        }
        let cases: Vec<Value> = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let bytes = fs::read(path.with_extension("safetensors")).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        for case in &cases {
            match catch_unwind(AssertUnwindSafe(|| check(case, &tensors))) {
                Ok(Ok(())) => passed += 1,
                Ok(Err(reason)) => failures.push(format!("{}: {reason}\n    {}", case["id"], case["args"])),
                Err(_) => failures.push(format!("{}: panicked\n    {}", case["id"], case["args"])),
            }
        }
    }
    assert!(failures.is_empty(), "{passed} passed, {} failed:\n{}", failures.len(), failures.join("\n"));
}

fn check(case: &Value, tensors: &SafeTensors<'_>) -> Result<(), String> {
    let load = |key: &str| tensor(tensors, key);
    let x = load(case["inputs"][0].as_str().unwrap());
    let (op, form) = (case["op"].as_str().unwrap(), case["form"].as_str().unwrap());
    let results = case::run(op, form, &case["args"], &x, &load)?;
    let (rtol, atol) = (case["rtol"].as_f64().unwrap(), case["atol"].as_f64().unwrap());
    let expected = case["outputs"].as_array().unwrap();
    if results.len() != expected.len() {
        return Err(format!("{} outputs instead of {}", results.len(), expected.len()));
    }
    for (i, (got, key)) in results.iter().zip(expected).enumerate() {
        let expected = load(key.as_str().unwrap());
        if got.shape() != expected.shape() || got.dtype() != expected.dtype() {
            let (g, e) = (got.shape(), expected.shape());
            return Err(format!("output {i} ({form}) is {} {g:?} instead of {} {e:?}", got.dtype(), expected.dtype()));
        }
        let (got, expected) = (got.to_dtype(DType::F64).to_vec::<f64>(), expected.to_dtype(DType::F64).to_vec::<f64>());
        let wrong = |(g, e): (&f64, &f64)| (g - e).abs() > atol + rtol * e.abs() || g.is_nan() != e.is_nan();
        let count = got.iter().zip(&expected).filter(|&pair| wrong(pair)).count();
        if count > 0 {
            let at = got.iter().zip(&expected).position(wrong).unwrap();
            let (g, e, n) = (got[at], expected[at], got.len());
            return Err(format!("output {i} ({form}): {count} of {n} differ, first at {at}: {g} instead of {e}"));
        }
    }
    Ok(())
}

fn tensor(tensors: &SafeTensors<'_>, key: &str) -> Tensor {
    let view = tensors.tensor(key).unwrap();
    let (data, shape) = (view.data(), view.shape());
    match view.dtype() {
        Dtype::U8 => Tensor::from_slice(data, shape),
        Dtype::F32 => Tensor::from_vec(
            data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect::<Vec<_>>(),
            shape,
        ),
        Dtype::F64 => Tensor::from_vec(
            data.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect::<Vec<_>>(),
            shape,
        ),
        other => panic!("{key} is {other:?}"),
    }
}
