//! Which part of a photo speaks for a class: Grad-CAM, saliency and occlusion, and any such map laid over the photo.

use autograd::{Variable, grad, no_grad};
use nn::module::Forward;
use nn::prelude::VariableExt;
use tensor::{DType, Tensor};

use super::inside::{Evaluating, run_to};
use super::{Colormap, color_map};
use crate::transform::{Interpolation, Window, functional};

/// Where the module `name` sees what speaks for `class`: its channels, weighted by the mean gradient of the class's score
/// in each, summed, and cut off below 0. `x` is `[1, C, H, W]`, the result `f32 [h, w]` of the module's size in 0..1.
///
/// `map = relu(sum_k a_k A_k) / max`, with `a_k = mean_ij d score / d A_kij` (Selvaraju et al., 2017). The model runs in
/// evaluation mode and keeps no gradients.
///
/// ```
/// use gradus_vision::draw::{grad_cam, overlay};
/// use gradus_vision::models::LeNet;
/// use tensor::{DType, Generator};
/// let x = Generator::new(1).rand([1, 1, 28, 28], DType::F32);
/// let map = grad_cam(&LeNet::new(1, 10), "conv2", &x, 3);
/// assert_eq!(map.shape(), &[10, 10]);
/// assert_eq!(overlay(&x.select(0, 0), &map).shape(), &[3, 28, 28]);
/// ```
///
/// # Panics
/// If there is no such module, its output is not `[1, C, H, W]` or does not reach the score, or the model does not give
/// `[1, classes]` with more classes than `class`.
#[track_caller]
pub fn grad_cam(model: &dyn Forward, name: &str, x: &Tensor, class: usize) -> Tensor {
    let _mode = Evaluating::new(model);
    let (seen, y) = run_to("grad_cam", model, name, &Variable::new(x.clone()), true);
    if seen.rank() != 4 || seen.shape()[0] != 1 {
        tensor::fault!("grad_cam", [output: seen.shape()], "the output of \"{name}\" is not [1, channels, height, width]");
    }
    let slope = grad(&[&score("grad_cam", &y, class)], &[&seen], false)[0].data();
    let share = slope.mean(&[2, 3], true);
    let map = (&seen.data() * &share).sum(&[0, 1], false).to_dtype(DType::F32);
    unit(&map.map(|v: f32| v.max(0.0)))
}

/// How strongly each pixel moves the score of `class`: the largest absolute gradient over the channels, `f32 [H, W]` in
/// 0..1, for `x` of `[1, C, H, W]` (Simonyan et al., 2013). The model runs in evaluation mode and keeps no gradients.
///
/// # Panics
/// If the score does not depend on `x`, or the model does not give `[1, classes]` with more classes than `class`.
#[track_caller]
pub fn saliency(model: &dyn Forward, x: &Tensor, class: usize) -> Tensor {
    one_picture("saliency", x);
    let _mode = Evaluating::new(model);
    let x = Variable::leaf(x.clone());
    let slope = grad(&[&score("saliency", &model.call(&x), class)], &[&x], false)[0].data();
    unit(&slope.abs().amax(&[0, 1], false).to_dtype(DType::F32))
}

/// How [`occlusion`] covers a photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Occlusion {
    /// Pixels a side of the square that covers.
    pub side: usize,
    /// Pixels between one place and the next.
    pub stride: usize,
    /// The value of what is covered, after normalisation: 0 is the mean.
    pub value: f64,
    /// Covered photos in one forward pass.
    pub batch: usize,
}

impl Default for Occlusion {
    fn default() -> Occlusion {
        Occlusion { side: 8, stride: 4, value: 0.0, batch: 32 }
    }
}

/// How much the probability of `class` falls when a square covers each place: `f32 [rows, columns]` of places, negative
/// where covering helps, for `x` of `[1, C, H, W]` (Zeiler and Fergus, 2014). The model runs in evaluation mode.
///
/// # Panics
/// If the side, stride or batch is 0, or the model does not give `[n, classes]` with more classes than `class`.
#[track_caller]
pub fn occlusion(model: &dyn Forward, x: &Tensor, class: usize, options: &Occlusion) -> Tensor {
    one_picture("occlusion", x);
    let Occlusion { side, stride, value, batch } = *options;
    if side == 0 || stride == 0 || batch == 0 {
        tensor::fault!("occlusion", [x: x.shape()], "side, stride and batch must be at least 1, got {options:?}");
    }
    let _mode = Evaluating::new(model);
    let (height, width) = (x.shape()[2], x.shape()[3]);
    // The last place ends with the photo or just beyond.
    let places = |length: usize| length.saturating_sub(side).div_ceil(stride) + 1;
    let (rows, columns) = (places(height), places(width));
    let probabilities = |x: Tensor| {
        let y = no_grad(|| model.call(&Variable::new(x)));
        check_class("occlusion", &y, class);
        let y = Variable::new(y.data().to_dtype(DType::F64)).softmax(1);
        y.data().select(1, class as isize).to_vec::<f64>()
    };
    let whole = probabilities(x.clone())[0];
    let mut falls = Vec::with_capacity(rows * columns);
    for start in (0..rows * columns).step_by(batch) {
        let covered: Vec<Tensor> = (start..(start + batch).min(rows * columns))
            .map(|place| {
                let (top, left) = (place / columns * stride, place % columns * stride);
                let window = Window::new(top as isize, left as isize, side, side);
                functional::erase(x, window, &Tensor::full([1, 1, 1], value, x.dtype()))
            })
            .collect();
        let all = Tensor::cat(&covered.iter().collect::<Vec<_>>(), 0);
        falls.extend(probabilities(all).into_iter().map(|p| (whole - p) as f32));
    }
    Tensor::from_vec(falls, [rows, columns])
}

/// A map `[h, w]` in colours over a photo `[1 or 3, H, W]`: `u8 [3, H, W]`. The map is resized to the photo, and covers
/// the more the larger it is.
///
/// Values are taken from 0 (or the smallest, if that is above) to the largest; what is negative counts as 0.
///
/// # Panics
/// If the map is no matrix, or the photo no such picture.
#[track_caller]
pub fn overlay(photo: &Tensor, map: &Tensor) -> Tensor {
    overlay_with(photo, map, Colormap::Magma, 0.8)
}

/// [`overlay`] in other colours; the largest value covers a share of `strength` from 0 to 1.
///
/// # Panics
/// As [`overlay`].
#[track_caller]
pub fn overlay_with(photo: &Tensor, map: &Tensor, colors: Colormap, strength: f64) -> Tensor {
    if map.rank() != 2 || photo.rank() != 3 || !matches!(photo.shape()[0], 1 | 3) {
        tensor::fault!("overlay", [photo: photo.shape(), map: map.shape()],
            "expected a photo [1 or 3, height, width] and a map [height, width]");
    }
    let (height, width) = (photo.shape()[1], photo.shape()[2]);
    let map = unit(&map.to_dtype(DType::F32).map(|v: f32| v.max(0.0)));
    let map = functional::resize(&map.unsqueeze(0), [height, width], Interpolation::Bicubic, true);
    let map = map.squeeze(0).map(|v: f32| v.clamp(0.0, 1.0));
    let painted = color_map(&map, colors, Some((0.0, 1.0))).to_dtype(DType::F32);
    let photo = match photo.dtype() {
        DType::U8 => photo.to_dtype(DType::F32),
        _ => photo.to_dtype(DType::F32).map(|v: f32| v.clamp(0.0, 1.0) * 255.0),
    };
    let photo = photo.expand([3, height, width]);
    let share = map.map(|v: f32| (f64::from(v) * strength) as f32).unsqueeze(0);
    (&photo + &(&(&painted - &photo) * &share)).map(|v: f32| v.clamp(0.0, 255.0).round() as u8)
}

/// The score of a class as a single number.
#[track_caller]
fn score(op: &str, y: &Variable, class: usize) -> Variable {
    check_class(op, y, class);
    y.narrow(1, class, 1).sum(&[], false)
}

#[track_caller]
fn check_class(op: &str, y: &Variable, class: usize) {
    if y.rank() != 2 || class >= y.shape()[1] {
        tensor::fault!(op, [output: y.shape()], "the model must give [n, classes] with a class {class}");
    }
}

#[track_caller]
fn one_picture(op: &str, x: &Tensor) {
    if x.rank() != 4 || x.shape()[0] != 1 {
        tensor::fault!(op, [x: x.shape()], "expected one picture [1, channels, height, width]");
    }
}

/// Divided by its largest value, if that is above 0.
fn unit(map: &Tensor) -> Tensor {
    let largest = map.to_vec::<f32>().into_iter().fold(0.0, f32::max);
    if largest > 0.0 { map.map(|v: f32| v / largest) } else { map.clone() }
}
