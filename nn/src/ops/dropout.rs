//! Dropout of elements and of whole channels, and the variants for self-normalising networks.

#[cfg(any(test, feature = "check"))]
mod samples;

use autograd::{Context, Keeps, Op, Variable};
use tensor::{DType, Element, Generator, Tensor, dispatch};

/// See [`dropout`].
#[derive(Clone, Debug)]
pub struct Dropout {
    /// 1 where elements stay, else 0; `u8`, broadcast.
    pub mask: Tensor,
    /// What stays is multiplied by.
    pub scale: f64,
}

impl Op<1> for Dropout {
    const NAME: &'static str = "dropout";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        let y = dispatch!(float "dropout", x.dtype(), T => {
            let scale = <T as Element>::from_f64(self.scale);
            x.zip_map(&self.mask, |x: T, stays: u8| if stays != 0 { x * scale } else { <T as Element>::ZERO })
        });
        (y, ())
    }

    fn vjp(&self, g: &Variable, _: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(self.clone().apply([g]))]
    }
}

#[track_caller]
fn check(op: &str, x: &Variable, p: f64) {
    if !(0.0..=1.0).contains(&p) {
        tensor::fault!(op, [input: x.shape()], "the probability must lie in [0, 1], got {p}");
    }
    if !x.dtype().is_float() {
        tensor::error::unsupported(op, x.dtype(), "a float");
    }
}

/// 1 with probability `1 - p`, else 0: half a random word each.
fn draw(shape: &[usize], p: f64, generator: &mut Generator) -> Tensor {
    let threshold = (p * 2f64.powi(32)).round() as u64;
    let mut rest = None;
    let values: Vec<u8> = (0..tensor::shape::len(shape))
        .map(|_| {
            let half = rest.take().unwrap_or_else(|| {
                let bits = generator.bits();
                rest = Some(bits >> 32);
                bits & 0xffff_ffff
            });
            u8::from(half >= threshold)
        })
        .collect();
    Tensor::from_vec(values, shape)
}

/// The shape of a mask that drops whole channels; without a batch axis axis 0 holds the channels.
#[track_caller]
fn channels(op: &str, x: &Variable, spatial: Option<usize>) -> Vec<usize> {
    let kept = match spatial {
        Some(spatial) if x.rank() == spatial + 1 => 1,
        Some(spatial) if x.rank() != spatial + 2 => {
            tensor::fault!(op, [input: x.shape()], "expected {} or {} axes, got {}", spatial + 1, spatial + 2, x.rank())
        }
        None if x.rank() < 2 => tensor::fault!(op, [input: x.shape()], "expected at least 2 axes, got {}", x.rank()),
        _ => 2,
    };
    (0..x.rank()).map(|axis| if axis < kept { x.shape()[axis] } else { 1 }).collect()
}

fn dropped(x: &Variable, shape: &[usize], p: f64, generator: &mut Generator) -> Variable {
    if p == 0.0 {
        return x.clone();
    }
    let scale = if p < 1.0 { 1.0 / (1.0 - p) } else { 0.0 };
    Dropout { mask: draw(shape, p, generator), scale }.apply([x])
}

/// Each element with probability `p` set to 0, the others divided by `1 - p` (Srivastava et al., 2014).
/// PyTorch: `torch.nn.functional.dropout(training=True)`.
///
/// ```
/// use autograd::Variable;
/// use gradus_nn::ops::dropout::dropout;
/// use tensor::{DType, Generator, Tensor};
/// let x = Variable::new(Tensor::ones([1000], DType::F32));
/// let y = dropout(&x, 0.5, &mut Generator::new(2)).to_vec::<f32>();
/// assert!(y.iter().all(|&y| y == 0.0 || y == 2.0));
/// ```
///
/// # Panics
/// If `p` is not in `[0, 1]` or the dtype is no float.
#[track_caller]
pub fn dropout(x: &Variable, p: f64, generator: &mut Generator) -> Variable {
    check("dropout", x, p);
    dropped(x, x.shape(), p, generator)
}

/// [`dropout`] of whole channels over `D` spatial axes. PyTorch: `torch.nn.functional.dropout1d`, `dropout2d`,
/// `dropout3d`.
///
/// # Panics
/// If `p` is not in `[0, 1]`, the dtype is no float, or there are neither `D + 1` nor `D + 2` axes.
#[track_caller]
pub fn channel_dropout<const D: usize>(x: &Variable, p: f64, generator: &mut Generator) -> Variable {
    let op = ["dropout1d", "dropout2d", "dropout3d"][D - 1];
    check(op, x, p);
    dropped(x, &channels(op, x, Some(D)), p, generator)
}

/// SELU's value for very negative numbers, which dropped elements get.
const SATURATION: f64 = -1.758_099_340_847_376_6;

fn alpha_dropped(x: &Variable, shape: &[usize], p: f64, generator: &mut Generator) -> Variable {
    if p == 0.0 {
        return x.clone();
    }
    if p == 1.0 {
        return Dropout { mask: Tensor::zeros(shape, DType::U8), scale: 0.0 }.apply([x]);
    }
    let mask = draw(shape, p, generator);
    // Scale and offset bring mean and variance back to 0 and 1.
    let a = ((1.0 - p) * (1.0 + p * SATURATION * SATURATION)).powf(-0.5);
    let offset = -a * SATURATION * p;
    let dropped = mask.to_dtype(x.dtype()).neg().add_scalar(1.0).mul_scalar(a * SATURATION).add_scalar(offset);
    Dropout { mask, scale: a }.apply([x]) + Variable::new(dropped)
}

/// Dropout that keeps mean 0 and variance 1: dropped elements get SELU's limit (Klambauer et al., 2017).
/// PyTorch: `torch.nn.functional.alpha_dropout(training=True)`.
///
/// # Panics
/// If `p` is not in `[0, 1]` or the dtype is no float.
#[track_caller]
pub fn alpha_dropout(x: &Variable, p: f64, generator: &mut Generator) -> Variable {
    check("alpha_dropout", x, p);
    alpha_dropped(x, x.shape(), p, generator)
}

/// [`alpha_dropout`] of whole channels (axis 1). PyTorch: `torch.nn.functional.feature_alpha_dropout(training=True)`.
///
/// # Panics
/// If `p` is not in `[0, 1]`, the dtype is no float, or there are fewer than 2 axes.
#[track_caller]
pub fn feature_alpha_dropout(x: &Variable, p: f64, generator: &mut Generator) -> Variable {
    check("feature_alpha_dropout", x, p);
    alpha_dropped(x, &channels("feature_alpha_dropout", x, None), p, generator)
}
