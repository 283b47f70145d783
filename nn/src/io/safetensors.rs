//! The safetensors format: a length, a JSON header, raw little-endian numbers.
//!
//! Written here rather than by the format's own crate so that equal tensors give equal bytes, metadata included; read by
//! that crate, which checks every offset.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, Value, json};
use tensor::{DType, Element, MemoryFormat, Tensor};

use super::error::{IoError, read_file};
use super::write_atomically;

/// What a safetensors file holds.
#[derive(Clone, Debug, Default)]
pub struct SafeTensorsFile {
    /// The tensors by name, in the order of the file.
    pub tensors: Vec<(String, Tensor)>,
    /// Free text by key.
    pub metadata: BTreeMap<String, String>,
}

/// Writes tensors in PyTorch's layout (row-major, little-endian) to a file, atomically.
///
/// ```
/// use gradus_nn::io::{load_safetensors, save_safetensors};
/// use tensor::Tensor;
///
/// let dir = tempfile::tempdir().unwrap();
/// let path = dir.path().join("model.safetensors");
/// let w = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// save_safetensors(&path, [("fc.weight", &w)], &Default::default()).unwrap();
/// let file = load_safetensors(&path).unwrap();
/// assert_eq!(file.tensors[0].0, "fc.weight");
/// assert_eq!(file.tensors[0].1.to_vec::<f32>(), [1.0, 2.0, 3.0, 4.0]);
/// ```
///
/// # Errors
/// If the file cannot be written; an old one is then as it was. If two tensors have one name.
pub fn save_safetensors<'a, S: Into<String>>(
    path: impl AsRef<Path>,
    tensors: impl IntoIterator<Item = (S, &'a Tensor)>,
    metadata: &BTreeMap<String, String>,
) -> Result<(), IoError> {
    let list: Vec<(String, &Tensor)> = tensors.into_iter().map(|(name, tensor)| (name.into(), tensor)).collect();
    let mut names: Vec<&str> = list.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(IoError::format(path.as_ref(), format!("two tensors are called {}", pair[0])));
    }
    write_atomically(path, |out| write_safetensors(out, list, metadata))
}

/// Writes tensors in the safetensors format to any writer.
///
/// # Errors
/// Those of the writer.
pub fn write_safetensors(
    out: &mut dyn Write,
    mut tensors: Vec<(String, &Tensor)>,
    metadata: &BTreeMap<String, String>,
) -> io::Result<()> {
    // Wide types first keeps every tensor aligned to its own width, as the format's readers like it.
    tensors.sort_by(|(a, x), (b, y)| (y.dtype().bytes(), a).cmp(&(x.dtype().bytes(), b)));
    let mut header = String::from("{");
    let mut entry = |name: &str, value: Value| {
        if header.len() > 1 {
            header.push(',');
        }
        header.push_str(&format!("{}:{value}", Value::from(name)));
    };
    if !metadata.is_empty() {
        entry(
            "__metadata__",
            Value::Object(metadata.iter().map(|(k, v)| (k.clone(), v.clone().into())).collect::<Map<_, _>>()),
        );
    }
    let mut offset = 0;
    for (name, tensor) in &tensors {
        let end = offset + tensor.len() * tensor.dtype().bytes();
        entry(name, json!({"dtype": code(tensor.dtype()), "shape": tensor.shape(), "data_offsets": [offset, end]}));
        offset = end;
    }
    header.push('}');
    while header.len() % 8 != 0 {
        header.push(' ');
    }
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    for (_, tensor) in &tensors {
        write_elements(out, tensor)?;
    }
    Ok(())
}

fn code(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "F32",
        DType::F64 => "F64",
        DType::I64 => "I64",
        DType::U8 => "U8",
        DType::Bool => "BOOL",
    }
}

/// The elements in logical order as little-endian bytes.
fn write_elements(out: &mut dyn Write, tensor: &Tensor) -> io::Result<()> {
    fn all<T: Element, const N: usize>(
        out: &mut dyn Write,
        tensor: &Tensor,
        bytes: impl Fn(T) -> [u8; N],
    ) -> io::Result<()> {
        let tensor = tensor.contiguous();
        let mut buffer = Vec::with_capacity(64 * 1024);
        for chunk in tensor.as_slice::<T>().unwrap_or_default().chunks(64 * 1024 / N) {
            buffer.clear();
            buffer.extend(chunk.iter().flat_map(|&x| bytes(x)));
            out.write_all(&buffer)?;
        }
        Ok(())
    }
    match tensor.dtype() {
        DType::F32 => all(out, tensor, f32::to_le_bytes),
        DType::F64 => all(out, tensor, f64::to_le_bytes),
        DType::I64 => all(out, tensor, i64::to_le_bytes),
        DType::U8 => all(out, tensor, |x: u8| [x]),
        DType::Bool => all(out, tensor, |x: bool| [u8::from(x)]),
    }
}

/// Reads a safetensors file. Types that gradus lacks widen: `F16` and `BF16` to f32, small integers to i64.
///
/// # Errors
/// If the file cannot be read, is not a safetensors file, or holds a type that fits none of gradus's.
pub fn load_safetensors(path: impl AsRef<Path>) -> Result<SafeTensorsFile, IoError> {
    let path = path.as_ref();
    read_safetensors(&read_file(path)?).map_err(|reason| IoError::format(path, reason))
}

/// Reads the bytes of a safetensors file.
///
/// # Errors
/// What is wrong with them.
pub fn read_safetensors(bytes: &[u8]) -> Result<SafeTensorsFile, String> {
    // Names in the header may hold line breaks.
    let one_line = |reason: String| reason.replace(char::is_control, " ");
    let invalid = |error: safetensors::SafeTensorError| one_line(format!("not a safetensors file: {error}"));
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(invalid)?;
    let parsed = SafeTensors::deserialize(bytes).map_err(invalid)?;
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let mut views: Vec<_> = parsed.iter().collect();
    views.sort_by_key(|(_, view)| view.data().as_ptr() as usize);
    let mut tensors = Vec::with_capacity(views.len());
    for (name, view) in views {
        let tensor = elements(view.dtype(), view.shape(), view.data())
            .map_err(|reason| one_line(format!("tensor {name}: {reason}")))?;
        tensors.push((name.to_string(), tensor));
    }
    Ok(SafeTensorsFile { tensors, metadata })
}

/// Little-endian bytes as a tensor.
pub(super) fn elements(dtype: Dtype, shape: &[usize], bytes: &[u8]) -> Result<Tensor, String> {
    Ok(match dtype {
        Dtype::F32 => build(shape, bytes, f32::from_le_bytes)?,
        Dtype::F64 => build(shape, bytes, f64::from_le_bytes)?,
        Dtype::I64 => build(shape, bytes, i64::from_le_bytes)?,
        Dtype::U8 => build(shape, bytes, |[x]: [u8; 1]| x)?,
        Dtype::BOOL => {
            if let Some(bad) = bytes.iter().find(|&&byte| byte > 1) {
                return Err(format!("a bool is 0 or 1, found {bad}"));
            }
            build(shape, bytes, |[x]: [u8; 1]| x == 1)?
        }
        Dtype::BF16 => build(shape, bytes, |x| f32::from_bits(u32::from(u16::from_le_bytes(x)) << 16))?,
        Dtype::F16 => build(shape, bytes, |x| half_to_f32(u16::from_le_bytes(x)))?,
        Dtype::I32 => build(shape, bytes, |x| i64::from(i32::from_le_bytes(x)))?,
        Dtype::I16 => build(shape, bytes, |x| i64::from(i16::from_le_bytes(x)))?,
        Dtype::I8 => build(shape, bytes, |x| i64::from(i8::from_le_bytes(x)))?,
        Dtype::U32 => build(shape, bytes, |x| i64::from(u32::from_le_bytes(x)))?,
        Dtype::U16 => build(shape, bytes, |x| i64::from(u16::from_le_bytes(x)))?,
        other => return Err(format!("its type {other:?} is not supported")),
    })
}

/// A row-major tensor of numbers of `N` bytes each.
fn build<T: Element, const N: usize>(
    shape: &[usize],
    bytes: &[u8],
    number: impl Fn([u8; N]) -> T,
) -> Result<Tensor, String> {
    let fits = |limit: usize| {
        let product = shape.iter().try_fold(1usize, |product, &size| product.checked_mul(size.max(1)));
        product.is_some_and(|product| product <= limit)
    };
    // The strides of an empty tensor must fit too, and its sizes are bound by nothing else.
    if !fits(isize::MAX as usize / 16) {
        return Err(format!("its shape {shape:?} overflows"));
    }
    let len: usize = shape.iter().product();
    if bytes.len() != len * N {
        return Err(format!("its shape {shape:?} needs {} bytes, found {}", len * N, bytes.len()));
    }
    Ok(Tensor::from_fill::<T>(shape, MemoryFormat::Contiguous, |out| {
        for (out, bytes) in out.iter_mut().zip(bytes.as_chunks::<N>().0) {
            *out = number(*bytes);
        }
    }))
}

/// An IEEE half as `f32`, exactly.
fn half_to_f32(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let (exponent, mantissa) = (u32::from(bits >> 10 & 31), u32::from(bits & 1023));
    let magnitude = match exponent {
        // Subnormal halves are normal in f32.
        0 => return f32::from_bits((mantissa as f32 * 2f32.powi(-24)).to_bits() | sign),
        31 => 0x7f80_0000 | mantissa << 13,
        _ => (exponent + 112) << 23 | mantissa << 13,
    };
    f32::from_bits(sign | magnitude)
}
