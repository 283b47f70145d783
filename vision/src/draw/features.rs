//! What layers look for and what they see: filters as a sheet, and the feature maps of any module.

use autograd::{Variable, no_grad};
use nn::module::Forward;
use tensor::{DType, Tensor};

use super::inside::{Evaluating, run_to};
use super::{Canvas, Colormap, Sheet, color_map};

/// About how many pixels a side a small picture is shown with.
const SHOWN: usize = 72;

/// The output of the module `name` (as in `named_modules()`) when `model` sees `x`, in evaluation mode.
///
/// ```
/// use gradus_vision::draw::{feature_maps, feature_sheet};
/// use gradus_vision::models::LeNet;
/// use tensor::{DType, Tensor};
/// let maps = feature_maps(&LeNet::new(1, 10), "conv1", &Tensor::zeros([1, 1, 28, 28], DType::F32));
/// assert_eq!(maps.shape(), &[1, 6, 28, 28]);
/// feature_sheet(&maps.select(0, 0));
/// ```
///
/// # Panics
/// If there is no such module, it is not called, or the model refuses `x`.
#[track_caller]
pub fn feature_maps(model: &dyn Forward, name: &str, x: &Tensor) -> Tensor {
    let _mode = Evaluating::new(model);
    no_grad(|| run_to("feature_maps", model, name, &Variable::new(x.clone()), false).0.data())
}

/// A sheet of feature maps `[C, H, W]`, each in viridis over its own range, with its number and that range.
///
/// # Panics
/// If the tensor has no such shape.
#[track_caller]
pub fn feature_sheet(maps: &Tensor) -> Canvas {
    if maps.rank() != 3 || maps.shape()[0] == 0 {
        tensor::fault!("feature_sheet", [maps: maps.shape()], "expected [channels, height, width]");
    }
    let mut sheet = sheet_for(maps.shape());
    for channel in 0..maps.shape()[0] {
        let map = maps.select(0, channel as isize);
        let (low, high) = range(&map);
        sheet.push(&color_map(&map, Colormap::Viridis, None), format!("{channel}: {low:.1} to {high:.1}"), None);
    }
    sheet.to_canvas()
}

/// A sheet of a convolution's filters `[out, in, kh, kw]`: in colours as they are where `in` is 3 (each over its own
/// range, grey being 0), else one picture for every pair, blue below 0 and red above.
///
/// ```
/// use gradus_vision::draw::filter_sheet;
/// use nn::prelude::*;
/// filter_sheet(&Conv2d::new(3, 8, 5).weight.data());
/// ```
///
/// # Panics
/// If the tensor has no such shape.
#[track_caller]
pub fn filter_sheet(weight: &Tensor) -> Canvas {
    if weight.rank() != 4 || weight.shape()[..2].contains(&0) {
        tensor::fault!("filter_sheet", [weight: weight.shape()], "expected [out, in, height, width]");
    }
    let &[outputs, inputs, rows, columns] = weight.shape() else { unreachable!("the rank is 4") };
    let largest = |filter: &Tensor| {
        let (low, high) = range(filter);
        low.abs().max(high.abs()).max(f64::MIN_POSITIVE)
    };
    let mut sheet = sheet_for(&[if inputs == 3 { outputs } else { outputs * inputs }, rows, columns]);
    if inputs != 3 && inputs > 1 {
        sheet = Sheet::new(inputs.min(32)).enlarge(SHOWN.div_ceil(rows.max(columns)).div_ceil(2));
    }
    for output in 0..outputs {
        let filter = weight.select(0, output as isize).to_dtype(DType::F64);
        let end = largest(&filter);
        if inputs == 3 {
            sheet.push(&(filter.mul_scalar(0.5 / end) + 0.5), output.to_string(), None);
            continue;
        }
        for input in 0..inputs {
            let one = color_map(&filter.select(0, input as isize), Colormap::BlueRed, Some((-end, end)));
            let caption = if inputs == 1 { output.to_string() } else { format!("{output}.{input}") };
            sheet.push(&one, caption, None);
        }
    }
    sheet.to_canvas()
}

/// A sheet for so many pictures `[n, height, width]`, about as wide as it is high, small ones enlarged.
fn sheet_for(shape: &[usize]) -> Sheet {
    let columns = (1..).find(|side| side * side >= shape[0]).unwrap_or(1);
    Sheet::new(columns).enlarge(SHOWN.div_ceil(shape[1].max(shape[2]).max(1)))
}

/// The smallest and largest finite value.
fn range(x: &Tensor) -> (f64, f64) {
    let values = x.to_dtype(DType::F64).to_vec::<f64>();
    let finite = values.into_iter().filter(|v| v.is_finite());
    finite
        .fold(None, |range, v| Some(range.map_or((v, v), |(low, high): (f64, f64)| (low.min(v), high.max(v)))))
        .unwrap_or((0.0, 0.0))
}
