//! Gaussian blur.

use tensor::{Float, Tensor, dispatch};

use super::source_index;
use crate::transform::picture::{check, in_float, per_chunk};
use crate::transform::{PaddingMode, Pixels};

/// The picture convolved with a Gaussian of `[x, y]` odd sizes, cut to 1 in sum, over a reflected border; each standard
/// deviation defaults to `0.15 size + 0.35`. PyTorch: `torchvision.transforms.functional.gaussian_blur`.
///
/// ```
/// use tensor::{DType, Tensor};
/// use gradus_vision::transform::functional::gaussian_blur;
/// let x = Tensor::full([1, 4, 4], 0.5, DType::F64);
/// let y = gaussian_blur(&x, [3, 3], None);
/// assert!(y.to_vec::<f64>().iter().all(|v| (v - 0.5).abs() < 1e-12));
/// ```
///
/// # Panics
/// If a size is even, a deviation is not positive, or the picture is not larger than half the kernel.
#[track_caller]
pub fn gaussian_blur<P: Pixels>(picture: &P, kernel_size: [usize; 2], sigma: Option<[f64; 2]>) -> P {
    let x = picture.pixels();
    check("gaussian_blur", x, &[]);
    let sigma = sigma.unwrap_or(kernel_size.map(|k| k as f64 * 0.15 + 0.35));
    if kernel_size.iter().any(|k| k % 2 == 0) {
        tensor::fault!("gaussian_blur", [x: x.shape()], "kernel sizes must be odd, got {kernel_size:?}");
    }
    if !sigma.iter().all(|&s| s > 0.0) {
        tensor::fault!("gaussian_blur", [x: x.shape()], "deviations must be positive, got {sigma:?}");
    }
    let [rows, columns] = picture.size();
    if columns <= kernel_size[0] / 2 || rows <= kernel_size[1] / 2 {
        tensor::fault!("gaussian_blur", [x: x.shape()],
            "the reflected border of kernel {kernel_size:?} is larger than the picture");
    }
    picture.with_pixels(in_float(x, |x| {
        dispatch!(float "gaussian_blur", x.dtype(), T => {
            blur(x, &kernel::<T>(kernel_size[0], sigma[0]), &kernel::<T>(kernel_size[1], sigma[1]))
        })
    }))
}

fn kernel<T: Float>(size: usize, sigma: f64) -> Vec<T> {
    let half = (size - 1) as f64 * 0.5;
    let values: Vec<f64> = (0..size).map(|i| libm::exp(-0.5 * ((i as f64 - half) / sigma).powi(2))).collect();
    let sum: f64 = values.iter().sum();
    values.into_iter().map(|v| <T as tensor::Element>::from_f64(v / sum)).collect()
}

/// Rows with `along_x`, then columns with `along_y`.
fn blur<T: Float>(x: &Tensor, along_x: &[T], along_y: &[T]) -> Tensor {
    let [rows, columns] = [x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]];
    let reach = |kernel: &[T]| (kernel.len() / 2) as isize;
    let mirrored = |i: isize, size: usize| source_index(i, size, &PaddingMode::Reflect);
    let across = per_chunk::<T, T>(x, 1, &[columns], |row, out| {
        let wide: Vec<T> =
            (-reach(along_x)..columns as isize + reach(along_x)).map(|i| row[mirrored(i, columns)]).collect();
        for (out, window) in out.iter_mut().zip(wide.windows(along_x.len())) {
            *out = window.iter().zip(along_x).fold(T::ZERO, |sum, (&v, &k)| sum + v * k);
        }
    });
    per_chunk::<T, T>(&across, 2, &[rows, columns], |plane, out| {
        for (y, out) in out.chunks_exact_mut(columns).enumerate() {
            out.fill(T::ZERO);
            for (j, &k) in along_y.iter().enumerate() {
                let source = mirrored(y as isize + j as isize - reach(along_y), rows);
                let row = &plane[source * columns..(source + 1) * columns];
                out.iter_mut().zip(row).for_each(|(out, &v)| *out += v * k);
            }
        }
    })
}
