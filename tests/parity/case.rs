//! The files: a list of cases in JSON, their tensors in safetensors.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use gradus::tensor::{DType, Tensor};
use safetensors::{Dtype, SafeTensors};
use serde_json::Value;

/// One case; fields that only some kinds have stay in `raw`.
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) op: String,
    pub(crate) kind: String,
    pub(crate) dtype: DType,
    pub(crate) rtol: f64,
    pub(crate) atol: f64,
    pub(crate) raw: Value,
}

/// The stored tensors by key.
#[derive(Default)]
pub(crate) struct Tensors(HashMap<String, Tensor>);

impl Tensors {
    /// The tensor of a key.
    pub(crate) fn of(&self, key: &str) -> Tensor {
        self.0.get(key).unwrap_or_else(|| panic!("the file has no tensor {key}")).clone()
    }
}

impl Case {
    /// The arguments.
    pub(crate) fn args(&self) -> &Value {
        &self.raw["args"]
    }

    /// A list of keys, each perhaps null.
    pub(crate) fn keys(&self, field: &str) -> Vec<Option<String>> {
        list(&self.raw[field]).iter().map(|key| key.as_str().map(str::to_owned)).collect()
    }

    /// A map from names to keys, each perhaps null.
    pub(crate) fn map(&self, field: &str) -> BTreeMap<String, Option<String>> {
        self.raw[field]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, key)| (name.clone(), key.as_str().map(str::to_owned)))
            .collect()
    }

    /// Whether a flag is set.
    pub(crate) fn flag(&self, field: &str) -> bool {
        self.raw[field].as_bool().unwrap_or(false)
    }
}

/// The elements of a JSON list; nothing for null.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Reads `OP.json` and the `OP.safetensors` beside it.
pub(crate) fn read(path: &Path) -> Result<(Vec<Case>, Tensors), String> {
    let fault = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
    let text = std::fs::read_to_string(path).map_err(|e| fault(&e))?;
    let values: Vec<Value> = serde_json::from_str(&text).map_err(|e| fault(&e))?;
    let cases = values
        .into_iter()
        .map(|raw| Case {
            id: raw["id"].as_str().unwrap_or_default().to_owned(),
            op: raw["op"].as_str().unwrap_or_default().to_owned(),
            kind: raw["kind"].as_str().unwrap_or_default().to_owned(),
            dtype: if raw["dtype"] == "f32" { DType::F32 } else { DType::F64 },
            rtol: raw["rtol"].as_f64().unwrap_or(0.0),
            atol: raw["atol"].as_f64().unwrap_or(0.0),
            raw,
        })
        .collect();
    let mut tensors = HashMap::new();
    let beside = path.with_extension("safetensors");
    if beside.exists() {
        let bytes = std::fs::read(&beside).map_err(|e| fault(&e))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|e| fault(&e))?;
        for (name, view) in file.tensors() {
            tensors.insert(name, convert(view.dtype(), view.shape(), view.data()));
        }
    }
    Ok((cases, Tensors(tensors)))
}

fn convert(dtype: Dtype, shape: &[usize], data: &[u8]) -> Tensor {
    fn words<const N: usize>(data: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
        data.chunks_exact(N).map(|chunk| chunk.try_into().expect("chunks of N bytes"))
    }
    match dtype {
        Dtype::F32 => Tensor::from_vec(words(data).map(f32::from_le_bytes).collect(), shape),
        Dtype::F64 => Tensor::from_vec(words(data).map(f64::from_le_bytes).collect(), shape),
        Dtype::I64 => Tensor::from_vec(words(data).map(i64::from_le_bytes).collect(), shape),
        Dtype::U8 => Tensor::from_slice(data, shape),
        Dtype::BOOL => Tensor::from_vec(data.iter().map(|&byte| byte != 0).collect(), shape),
        other => panic!("unexpected dtype {other:?}"),
    }
}
