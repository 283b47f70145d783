//! Between images, `u8` tensors and float tensors; normalisation.

use tensor::{DType, MemoryFormat, Tensor, dispatch};

use crate::Image;

/// An image as `f32 [C, H, W]` in 0..1: `y = x / 255`. PyTorch: `torchvision.transforms.functional.to_tensor`.
///
/// ```
/// use gradus_vision::{Image, Mode, transform::functional::to_tensor};
/// assert_eq!(to_tensor(&Image::filled(Mode::L, [1, 1], &[255])).to_vec::<f32>(), [1.0]);
/// ```
pub fn to_tensor(image: &Image) -> Tensor {
    let pixels = image.pixels();
    let [channels, height, width] = [pixels.shape()[0], image.height(), image.width()];
    let view = pixels.view_as::<u8>();
    let (data, strides) = (view.data(), pixels.strides());
    let table: [f32; 256] = std::array::from_fn(|v| v as f32 / 255.0);
    Tensor::from_fill([channels, height, width], MemoryFormat::Contiguous, |out: &mut [f32]| {
        if out.is_empty() {
            return;
        }
        for (row, out) in out.chunks_exact_mut(width).enumerate() {
            let start = pixels.layout().position(&[row / height, row % height, 0]);
            match strides[2] {
                1 => out.iter_mut().zip(&data[start..start + width]).for_each(|(y, &x)| *y = table[usize::from(x)]),
                step if step > 0 => {
                    let source = data[start..].iter().step_by(step as usize);
                    out.iter_mut().zip(source).for_each(|(y, &x)| *y = table[usize::from(x)]);
                }
                step => {
                    for (x, y) in out.iter_mut().enumerate() {
                        *y = table[usize::from(data[(start as isize + x as isize * step) as usize])];
                    }
                }
            }
        }
    })
}

/// An image as `u8 [C, H, W]`, row by row. PyTorch: `torchvision.transforms.functional.pil_to_tensor`.
pub fn pil_to_tensor(image: &Image) -> Tensor {
    image.pixels().contiguous()
}

/// The nearest image of a float tensor in 0..1 or a `u8` tensor.
///
/// PyTorch: `torchvision.transforms.functional.to_pil_image`, which truncates `255 x` where this rounds it.
///
/// # Panics
/// If the tensor is not `[C, H, W]` with 1 to 4 channels, of a float dtype or `u8`.
#[track_caller]
pub fn to_pil_image(x: &Tensor) -> Image {
    Image::from_tensor(x)
}

/// The same picture in another dtype, values rescaled between 0..255 and 0..1; floats are cut to `u8` as
/// `floor(x * 255.999)`. PyTorch: `torchvision.transforms.functional.convert_image_dtype`.
///
/// # Panics
/// If a dtype is neither `u8` nor a float.
#[track_caller]
pub fn convert_image_dtype(x: &Tensor, dtype: DType) -> Tensor {
    super::super::picture::check("convert_image_dtype", x, &[]);
    match (x.dtype(), dtype) {
        (DType::U8, DType::F32) => x.map(|v: u8| f32::from(v) / 255.0),
        (DType::U8, DType::F64) => x.map(|v: u8| f64::from(v) / 255.0),
        (DType::F32, DType::U8) => x.map(|v: f32| (v * 255.999_f32) as u8),
        (DType::F64, DType::U8) => x.map(|v: f64| (v * 255.999) as u8),
        (_, DType::U8 | DType::F32 | DType::F64) => x.to_dtype(dtype),
        _ => tensor::error::unsupported("convert_image_dtype", dtype, "u8 or a float"),
    }
}

/// `y[c] = (x[c] - mean[c]) / std[c]`, `x [..., C, H, W]`. PyTorch: `torchvision.transforms.functional.normalize`.
///
/// ```
/// use tensor::Tensor;
/// use gradus_vision::transform::functional::normalize;
/// let x = Tensor::from([[[0.5f32]], [[1.0]]]);
/// assert_eq!(normalize(&x, &[0.5, 0.5], &[0.5, 0.25]).to_vec::<f32>(), [0.0, 2.0]);
/// ```
///
/// # Panics
/// If `x` is not a float tensor of at least three axes, `mean` and `std` are not of one value or one per channel, or a
/// deviation is 0.
#[track_caller]
pub fn normalize(x: &Tensor, mean: &[f64], std: &[f64]) -> Tensor {
    scale_channels("normalize", x, [mean, std], true)
}

/// The inverse of [`normalize`]: `x[c] * std[c] + mean[c]`.
#[track_caller]
pub(crate) fn denormalize(x: &Tensor, mean: &[f64], std: &[f64]) -> Tensor {
    scale_channels("normalize", x, [mean, std], false)
}

#[track_caller]
fn scale_channels(op: &str, x: &Tensor, [mean, std]: [&[f64]; 2], forward: bool) -> Tensor {
    if x.rank() < 3 {
        tensor::fault!(op, [x: x.shape()], "expected [..., C, H, W]");
    }
    let channels = x.shape()[x.rank() - 3];
    for (name, list) in [("mean", mean), ("std", std)] {
        if list.len() != channels && list.len() != 1 {
            tensor::fault!(op, [x: x.shape()], "{channels} channels but {} values of {name}", list.len());
        }
    }
    if let Some(at) = std.iter().position(|&s| s as f32 == 0.0) {
        tensor::fault!(op, [x: x.shape()], "std of channel {at} is 0");
    }
    let size = x.shape()[x.rank() - 2] * x.shape()[x.rank() - 1];
    let of = |list: &[f64], c: usize| if list.len() == 1 { list[0] } else { list[c] };
    dispatch!(float op, x.dtype(), T => {
        let x = x.contiguous();
        let source = x.as_slice::<T>().expect("made contiguous");
        Tensor::from_fill(x.shape(), MemoryFormat::Contiguous, |out: &mut [T]| {
            if size == 0 {
                return;
            }
            for (plane, (out, source)) in out.chunks_exact_mut(size).zip(source.chunks_exact(size)).enumerate() {
                let m = <T as tensor::Element>::from_f64(of(mean, plane % channels));
                let s = <T as tensor::Element>::from_f64(of(std, plane % channels));
                if forward {
                    out.iter_mut().zip(source).for_each(|(y, &x)| *y = (x - m) / s);
                } else {
                    out.iter_mut().zip(source).for_each(|(y, &x)| *y = x * s + m);
                }
            }
        })
    })
}
