//! PyTorch's own checkpoints, as `torch.save` writes them: a zip archive with a pickle that says which tensor lies where.
//!
//! A pickle is a program. This reader knows the few instructions that build plain data, and the two calls that make
//! tensors; whatever else a pickle asks to be called is left uncalled.

mod archive;
mod pickle;

use std::path::Path;

use safetensors::Dtype;
use tensor::Tensor;

use self::archive::Archive;
use self::pickle::{Node, Pickle, TensorNode};
use super::error::{IoError, read_file};
use super::safetensors::elements;
use crate::StateDict;

/// Where checkpoints keep the state dict, if it is not the whole.
const INNER: [&str; 4] = ["state_dict", "model_state_dict", "model", "net"];

/// Loads the state dict of a `.pt` or `.pth` file that `torch.save` wrote: the file's own dictionary if it holds tensors,
/// else the one under `state_dict`, `model_state_dict`, `model` or `net`. Runs nothing of what the file says.
///
/// # Errors
/// If the file cannot be read, is not such a checkpoint, or holds no state dict.
pub fn load_pytorch(path: impl AsRef<Path>) -> Result<StateDict, IoError> {
    let path = path.as_ref();
    read_pytorch(&read_file(path)?).map_err(|reason| IoError::format(path, reason))
}

/// The state dict in the bytes of a `.pt` or `.pth` file; see [`load_pytorch`].
///
/// # Errors
/// What is wrong with them.
pub fn read_pytorch(bytes: &[u8]) -> Result<StateDict, String> {
    // Names from the file may hold line breaks; a message is one line.
    parse(bytes).map_err(|reason| reason.replace(char::is_control, " "))
}

fn parse(bytes: &[u8]) -> Result<StateDict, String> {
    let archive = Archive::new(bytes)?;
    let (folder, program) = archive
        .entries()
        .find_map(|name| Some((name.strip_suffix("data.pkl")?, name)))
        .ok_or("not a PyTorch checkpoint: no data.pkl in the archive")?;
    if let Some(order) = archive.read(&format!("{folder}byteorder"))?
        && order != b"little"
    {
        return Err("its byte order is not little-endian".into());
    }
    let program = archive.read(program)?.ok_or("data.pkl is gone")?;
    let pickle = Pickle::run(program).map_err(|reason| format!("data.pkl: {reason}"))?;
    let entries = state_dict(&pickle)?;
    let mut dict = StateDict::new();
    for (name, node) in entries {
        let tensor = tensor(&archive, folder, &pickle, node).map_err(|reason| format!("tensor {name}: {reason}"))?;
        dict.insert(name, tensor);
    }
    Ok(dict)
}

/// The names and tensors of the dictionary that is a state dict.
fn state_dict(pickle: &Pickle) -> Result<Vec<(String, &TensorNode)>, String> {
    let Node::Dict(root) = pickle.node(pickle.root) else {
        return Err("its content is no dictionary; save a state_dict() rather than a whole model".into());
    };
    let tensors = |entries: &[(usize, usize)]| -> Vec<(String, &TensorNode)> {
        let pair = |&(key, value): &(usize, usize)| match (pickle.node(key), pickle.node(value)) {
            (Node::Text(name), Node::Tensor(tensor)) => Some((name.clone(), tensor)),
            _ => None,
        };
        entries.iter().filter_map(pair).collect()
    };
    let own = tensors(root);
    if !own.is_empty() || root.is_empty() {
        return Ok(own);
    }
    let find = |wanted: &str| {
        let entry = root.iter().find(|(key, _)| matches!(pickle.node(*key), Node::Text(name) if name == wanted))?;
        match pickle.node(entry.1) {
            Node::Dict(entries) => Some(tensors(entries)).filter(|list| !list.is_empty()),
            _ => None,
        }
    };
    INNER.into_iter().find_map(find).ok_or_else(|| {
        let keys: Vec<&str> = root
            .iter()
            .filter_map(|(key, _)| match pickle.node(*key) {
                Node::Text(name) => Some(name.as_str()),
                _ => None,
            })
            .take(8)
            .collect();
        format!("no state dict found; its entries are {}", keys.join(", "))
    })
}

fn dtype(storage: &str) -> Result<(Dtype, usize), String> {
    Ok(match storage {
        "FloatStorage" => (Dtype::F32, 4),
        "DoubleStorage" => (Dtype::F64, 8),
        "LongStorage" => (Dtype::I64, 8),
        "ByteStorage" => (Dtype::U8, 1),
        "BoolStorage" => (Dtype::BOOL, 1),
        "HalfStorage" => (Dtype::F16, 2),
        "BFloat16Storage" => (Dtype::BF16, 2),
        "IntStorage" => (Dtype::I32, 4),
        "ShortStorage" => (Dtype::I16, 2),
        "CharStorage" => (Dtype::I8, 1),
        other => return Err(format!("its type torch.{other} is not supported")),
    })
}

fn tensor(archive: &Archive<'_>, folder: &str, pickle: &Pickle, node: &TensorNode) -> Result<Tensor, String> {
    let Node::Storage { kind, key } = pickle.node(node.storage) else { return Err("it has no storage".into()) };
    let (dtype, width) = dtype(kind)?;
    let name = format!("{folder}data/{key}");
    let bytes = archive.read(&name)?.ok_or_else(|| format!("the archive has no {name}"))?;
    let available = bytes.len() / width;
    if node.shape.len() != node.strides.len() {
        return Err(format!("its shape {:?} and strides {:?} differ in length", node.shape, node.strides));
    }
    let len = node.shape.iter().try_fold(1usize, |len, &size| len.checked_mul(size));
    let last =
        node.shape.iter().zip(&node.strides).try_fold(node.offset, |last, (&size, &stride)| {
            last.checked_add(size.saturating_sub(1).checked_mul(stride)?)
        });
    let fits = |len: usize, last: usize| len == 0 || (len <= available && last < available);
    let (Some(len), Some(_)) = (len, last.filter(|&last| len.is_some_and(|len| fits(len, last)))) else {
        return Err(format!(
            "shape {:?}, strides {:?} and offset {} do not fit a storage of {available} elements",
            node.shape, node.strides, node.offset
        ));
    };
    if len == 0 {
        return elements(dtype, &node.shape, &[]);
    }
    let mut step = 1;
    let contiguous = node.shape.iter().zip(&node.strides).rev().all(|(&size, &stride)| {
        let fits = size == 1 || stride == step;
        step *= size;
        fits
    });
    if contiguous {
        return elements(dtype, &node.shape, &bytes[node.offset * width..(node.offset + len) * width]);
    }
    let mut ordered = Vec::with_capacity(len * width);
    let mut index = vec![0; node.shape.len()];
    for _ in 0..len {
        let at = node.offset + index.iter().zip(&node.strides).map(|(i, stride)| i * stride).sum::<usize>();
        ordered.extend_from_slice(&bytes[at * width..(at + 1) * width]);
        for axis in (0..index.len()).rev() {
            index[axis] += 1;
            if index[axis] < node.shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
    elements(dtype, &node.shape, &ordered)
}
