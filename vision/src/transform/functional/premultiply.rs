//! Colour times opacity: filters mix colours of transparent pictures in this form, so that the colour of invisible
//! pixels does not bleed into visible ones. PIL's modes `La` and `RGBa`.

use tensor::Tensor;

use super::super::picture::per_chunk;

/// Runs `f` on the pixels of an image, premultiplied where there is alpha.
pub(super) fn premultiplied(x: &Tensor, f: impl FnOnce(&Tensor) -> Tensor) -> Tensor {
    let channels = x.shape()[0];
    if channels == 1 || channels == 3 {
        return f(x);
    }
    let multiply = |color: u8, alpha: u8| {
        let t = u32::from(color) * u32::from(alpha) + 128;
        (((t >> 8) + t) >> 8) as u8
    };
    let divide = |color: u8, alpha: u8| match alpha {
        0 | 255 => color,
        _ => (255 * u32::from(color) / u32::from(alpha)).min(255) as u8,
    };
    with_alpha(&f(&with_alpha(x, multiply)), divide)
}

fn with_alpha(x: &Tensor, f: impl Fn(u8, u8) -> u8 + Sync + Send) -> Tensor {
    per_chunk::<u8, u8>(x, 3, x.shape(), |source, out| {
        let size = source.len() / x.shape()[0];
        let (colors, alpha) = source.split_at(source.len() - size);
        out[colors.len()..].copy_from_slice(alpha);
        for (i, (out, &color)) in out.iter_mut().zip(colors).enumerate() {
            *out = f(color, alpha[i % size]);
        }
    })
}
