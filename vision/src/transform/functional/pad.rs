//! Padding in four modes, and cutting by negative padding.

use tensor::{Element, Tensor, dispatch};

use super::super::picture::per_chunk;
use super::crop;
use crate::transform::{Padding, PaddingMode, Pixels, Rule};

/// The picture with rows and columns added at its borders, or cut where `padding` is negative.
/// PyTorch: `torchvision.transforms.functional.pad`.
///
/// ```
/// use tensor::Tensor;
/// use gradus_vision::transform::{PaddingMode, functional::pad};
/// let x = Tensor::from([[[1u8, 2, 3]]]);
/// assert_eq!(pad(&x, [2, 0], &PaddingMode::Reflect).to_vec::<u8>(), [3, 2, 1, 2, 3, 2, 1]);
/// assert_eq!(pad(&x, [1, 0, 0, 0], &PaddingMode::Constant(vec![9.0])).to_vec::<u8>(), [9, 1, 2, 3]);
/// ```
///
/// # Panics
/// If the picture is empty in a mode other than constant, reflection for a tensor asks for as many pixels as there are
/// or more, or the fill has neither one value nor one per channel.
#[track_caller]
pub fn pad<P: Pixels>(picture: &P, padding: impl Into<Padding>, mode: &PaddingMode) -> P {
    let p = padding.into();
    let cut = Padding { left: p.left.min(0), top: p.top.min(0), right: p.right.min(0), bottom: p.bottom.min(0) };
    let [rows, columns] = picture.size();
    let left_over = |size: usize, a: isize, b: isize| (size as isize + a + b).max(0) as usize;
    let kept = [left_over(rows, cut.top, cut.bottom), left_over(columns, cut.left, cut.right)];
    let inside =
        if cut == Padding::default() { picture.clone() } else { crop(picture, -cut.top, -cut.left, kept[0], kept[1]) };
    let grow = [(p.top.max(0) as usize, p.bottom.max(0) as usize), (p.left.max(0) as usize, p.right.max(0) as usize)];
    if grow == [(0, 0), (0, 0)] {
        return inside;
    }
    if let PaddingMode::Constant(fill) = mode {
        return picture.with_pixels(constant(inside.pixels(), grow, fill));
    }
    if kept.contains(&0) {
        tensor::fault!("pad", [x: picture.pixels().shape()], "there is no pixel to pad with in mode {mode:?}");
    }
    // numpy, which pads images, reflects as often as needed; PyTorch, which pads tensors, does so once.
    if picture.rule() == Rule::Tensor {
        let most = if *mode == PaddingMode::Reflect { 1 } else { 0 };
        for (size, (before, after)) in kept.into_iter().zip(grow) {
            if *mode != PaddingMode::Edge && before.max(after) + most > size {
                tensor::fault!("pad", [x: picture.pixels().shape()],
                    "padding {} is too large for {size} pixels in mode {mode:?}", before.max(after));
            }
        }
    }
    let index = |size: usize, (before, after): (usize, usize)| -> Vec<usize> {
        (0..before + size + after).map(|i| source_index(i as isize - before as isize, size, mode)).collect()
    };
    let (ys, xs) = (index(kept[0], grow[0]), index(kept[1], grow[1]));
    let x = inside.pixels();
    picture.with_pixels(dispatch!(all "pad", x.dtype(), T => gather::<T>(x, kept[1], &ys, &xs)))
}

fn gather<T: Element>(x: &Tensor, width: usize, ys: &[usize], xs: &[usize]) -> Tensor {
    per_chunk::<T, T>(x, 2, &[ys.len(), xs.len()], |source, out| {
        for (out, &y) in out.chunks_exact_mut(xs.len()).zip(ys) {
            let row = &source[y * width..(y + 1) * width];
            out.iter_mut().zip(xs).for_each(|(out, &x)| *out = row[x]);
        }
    })
}

#[track_caller]
fn constant(x: &Tensor, grow: [(usize, usize); 2], fill: &[f64]) -> Tensor {
    let channels = if x.rank() < 3 { 1 } else { x.shape()[x.rank() - 3] };
    match fill {
        [] => x.pad_constant(&grow, 0.0),
        [value] => x.pad_constant(&grow, *value),
        _ if fill.len() != channels => {
            tensor::fault!("pad", [x: x.shape()], "a fill of {} values for {channels} channels", fill.len());
        }
        _ => {
            let planes: Vec<Tensor> = (0..channels).map(|c| x.narrow(-3, c, 1).pad_constant(&grow, fill[c])).collect();
            Tensor::cat(&planes.iter().collect::<Vec<_>>(), -3)
        }
    }
}

/// The pixel of `0..size` that stands at `i`, which may lie outside, in a mode other than constant.
pub(crate) fn source_index(i: isize, size: usize, mode: &PaddingMode) -> usize {
    let n = size as isize;
    match mode {
        PaddingMode::Reflect if n > 1 => {
            let j = i.rem_euclid(2 * n - 2);
            (if j < n { j } else { 2 * n - 2 - j }) as usize
        }
        PaddingMode::Symmetric => {
            let j = i.rem_euclid(2 * n);
            (if j < n { j } else { 2 * n - 1 - j }) as usize
        }
        _ => i.clamp(0, n - 1) as usize,
    }
}
