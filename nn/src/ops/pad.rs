//! Padding: each axis gets positions on both sides, filled by a rule; negative numbers crop.

use autograd::Variable;
use tensor::Tensor;
use tensor::kernels::resample::{Taps, resample as kernel};

use super::resample::resample;

/// What new positions hold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum PadMode {
    /// A constant.
    Constant(f64),
    /// 0.
    #[default]
    Zeros,
    /// What lies as far on the other side of the edge, without the edge itself.
    Reflect,
    /// The edge.
    Replicate,
    /// What lies at the other end.
    Circular,
}

impl PadMode {
    /// The position that `at`, counted from the axis's first element, is read from.
    ///
    /// `before` and `after` are the axis's padding: where it crops, what is left is what repeats in circles.
    fn source(self, at: isize, size: isize, [before, after]: [isize; 2]) -> Option<usize> {
        let (first, end) = ((-before).max(0), size - (-after).max(0));
        let inside = (0..size).contains(&at);
        let source = match self {
            _ if inside => at,
            PadMode::Constant(_) | PadMode::Zeros => return None,
            PadMode::Reflect if at < 0 => -at,
            PadMode::Reflect => 2 * (size - 1) - at,
            PadMode::Replicate => at.clamp(0, size - 1),
            PadMode::Circular => first + (at - first).rem_euclid((end - first).max(1)),
        };
        Some(source as usize)
    }
}

#[track_caller]
fn check(x: &Variable, (axis, [before, after]): (usize, [isize; 2]), mode: PadMode) {
    let size = x.shape()[axis] as isize;
    if size + before + after < 0 {
        tensor::fault!("pad", [input: x.shape()], "padding ({before}, {after}) takes more than axis {axis} has");
    }
    let most = match mode {
        PadMode::Constant(_) | PadMode::Zeros => return,
        PadMode::Reflect => size - 1,
        PadMode::Circular => size,
        PadMode::Replicate if size > 0 => return,
        PadMode::Replicate => 0,
    };
    if before > most || after > most {
        let mode = format!("{mode:?}").to_lowercase();
        tensor::fault!("pad", [input: x.shape()],
            "{mode} padding ({before}, {after}) exceeds {most}, the most for axis {axis}");
    }
}

/// Positions before and after `N` axes, the last axis first: `1` for one position everywhere, or a pair per axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rim<const N: usize>(pub [[isize; 2]; N]);

impl<const N: usize> From<isize> for Rim<N> {
    fn from(amount: isize) -> Rim<N> {
        Rim([[amount; 2]; N])
    }
}

impl<const N: usize> From<[[isize; 2]; N]> for Rim<N> {
    fn from(amounts: [[isize; 2]; N]) -> Rim<N> {
        Rim(amounts)
    }
}

/// `x` with `padding` positions before and after along the last axes: `padding[0]` belongs to the last axis,
/// `padding[1]` to the one before, as in PyTorch. PyTorch: `torch.nn.functional.pad`.
///
/// ```
/// use autograd::Variable;
/// use gradus_nn::ops::pad::{PadMode, pad};
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([1.0, 2.0, 3.0]));
/// assert_eq!(pad(&x, &[[2, 1]], PadMode::Reflect).to_vec::<f64>(), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]);
/// assert_eq!(pad(&x, &[[-1, 1]], PadMode::Constant(9.0)).to_vec::<f64>(), [2.0, 3.0, 9.0]);
/// ```
///
/// # Panics
/// If there are more pairs than axes, more is cropped than there is, or reflection and repetition reach beyond the
/// input.
#[track_caller]
pub fn pad(x: &Variable, padding: &[[isize; 2]], mode: PadMode) -> Variable {
    if padding.len() > x.rank() {
        tensor::fault!("pad", [input: x.shape()], "{} pairs of padding for {} axes", padding.len(), x.rank());
    }
    let axes: Vec<(usize, [isize; 2])> = padding
        .iter()
        .enumerate()
        .map(|(back, &pair)| (x.rank() - 1 - back, pair))
        .filter(|&(_, pair)| pair != [0, 0])
        .collect();
    for &axis in &axes {
        check(x, axis, mode);
    }
    if axes.is_empty() {
        return x.clone();
    }
    let maps: Vec<(usize, Taps)> = axes
        .iter()
        .map(|&(axis, [before, after])| {
            let size = x.shape()[axis] as isize;
            let rows =
                (-before..size + after).map(|at| mode.source(at, size, [before, after]).map(|source| (source, 1.0)));
            (axis, Taps::new(size as usize, rows))
        })
        .collect();
    let PadMode::Constant(value) = mode else { return resample(x, maps) };
    if value == 0.0 {
        return resample(x, maps);
    }
    // 1 where the input is, so that the constant is added exactly there where it is not.
    let covered = maps.iter().fold(Tensor::ones(x.shape(), x.dtype()), |ones, (axis, taps)| kernel(&ones, *axis, taps));
    let rim = Tensor::full([], value, x.dtype()).mul(&covered.neg().add_scalar(1.0));
    resample(x, maps) + Variable::new(rim)
}
