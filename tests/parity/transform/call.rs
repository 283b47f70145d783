//! One golden case of kind `transform`: from the arguments as torchvision names them to this crate's functions.

use gradus::tensor::Tensor;
use gradus::vision::Image;
use gradus::vision::transform::functional as f;
use gradus::vision::transform::{Interpolation, Padding, PaddingMode, Picture, Size, Window};
use serde_json::Value;

/// The results of `op` on `x`, or why it cannot be run.
pub(crate) fn run(
    op: &str,
    form: &str,
    args: &Value,
    x: &Tensor,
    tensor: &dyn Fn(&str) -> Tensor,
) -> Result<Vec<Tensor>, String> {
    let picture = if form == "pil" { Picture::from(Image::from_pixels(x.clone())) } else { Picture::from(x.clone()) };
    let p = &picture;
    let number = |name: &str| args[name].as_f64().unwrap_or_else(|| panic!("{op}: no number {name}"));
    let whole = |name: &str| number(name) as isize;
    let list = |name: &str| numbers(&args[name]);
    let pair = |name: &str| list(name).map(|v| [v[0], v[v.len() - 1]]);
    let sizes = |name: &str| pair(name).expect("a size").map(|v| v as usize);
    let interpolation = || interpolation(args["interpolation"].as_str().unwrap_or("nearest"));
    let fill = list("fill");
    let fill = fill.as_deref();
    let window =
        |top, left, height, width| Window::new(whole(top), whole(left), whole(height) as usize, whole(width) as usize);
    let size = || match list("size").expect("a size").as_slice() {
        [edge] => Size::Shorter { edge: *edge as usize, max: args["max_size"].as_u64().map(|m| m as usize) },
        [h, w] => Size::Exact([*h as usize, *w as usize]),
        other => panic!("size {other:?}"),
    };
    let antialias = args["antialias"].as_bool().unwrap_or(true);
    let one = |picture: Picture| Ok(vec![picture.into_tensor()]);
    let many = |pictures: &[Picture]| Ok(pictures.iter().cloned().map(Picture::into_tensor).collect());
    match op {
        "to_tensor" => Ok(vec![f::to_tensor(p.image().expect("an image"))]),
        "pil_to_tensor" => Ok(vec![f::pil_to_tensor(p.image().expect("an image"))]),
        "normalize" => Ok(vec![f::normalize(x, &list("mean").unwrap(), &list("std").unwrap())]),
        "resize" => {
            let mode = args["interpolation"].as_str().unwrap_or("bilinear");
            one(f::resize(p, size(), self::interpolation(mode), antialias))
        }
        "center_crop" => one(f::center_crop(p, sizes("output_size"))),
        "crop" => {
            let w = window("top", "left", "height", "width");
            one(f::crop(p, w.top, w.left, w.height, w.width))
        }
        "resized_crop" => {
            let mode = self::interpolation(args["interpolation"].as_str().unwrap_or("bilinear"));
            one(f::resized_crop(p, window("top", "left", "height", "width"), size(), mode, antialias))
        }
        "pad" => {
            let padding = list("padding").unwrap().iter().map(|&v| v as isize).collect::<Vec<_>>();
            let padding = match *padding.as_slice() {
                [all] => Padding::from(all),
                [x, y] => Padding::from([x, y]),
                [l, t, r, b] => Padding::from([l, t, r, b]),
                _ => panic!("padding {padding:?}"),
            };
            let mode = match args["padding_mode"].as_str().unwrap_or("constant") {
                "edge" => PaddingMode::Edge,
                "reflect" => PaddingMode::Reflect,
                "symmetric" => PaddingMode::Symmetric,
                _ => PaddingMode::Constant(fill.unwrap_or(&[0.0]).to_vec()),
            };
            one(f::pad(p, padding, &mode))
        }
        "five_crop" => many(&f::five_crop(p, sizes("size"))),
        "ten_crop" => many(&f::ten_crop(p, sizes("size"), args["vertical_flip"].as_bool().unwrap_or(false))),
        "hflip" => one(f::hflip(p)),
        "vflip" => one(f::vflip(p)),
        "rotate" => {
            let options = f::Rotation {
                interpolation: interpolation(),
                expand: args["expand"].as_bool().unwrap_or(false),
                center: pair("center"),
                fill: fill.map(<[f64]>::to_vec),
            };
            one(f::rotate(p, number("angle"), &options))
        }
        "affine" => {
            let shear = list("shear").unwrap();
            let affine = f::Affine {
                angle: number("angle"),
                translate: pair("translate").unwrap(),
                scale: number("scale"),
                shear: if args["shear"].is_array() { [shear[0], shear[shear.len() - 1]] } else { [shear[0], 0.0] },
                center: pair("center"),
            };
            one(f::affine(p, &affine, interpolation(), fill))
        }
        "perspective" => {
            let points = |name: &str| -> [[f64; 2]; 4] {
                std::array::from_fn(|i| {
                    let point = numbers(&args[name][i]).unwrap();
                    [point[0], point[1]]
                })
            };
            let mode = self::interpolation(args["interpolation"].as_str().unwrap_or("bilinear"));
            one(f::perspective(p, points("startpoints"), points("endpoints"), mode, fill))
        }
        "elastic_transform" => {
            let displacement = tensor(args["displacement"]["tensor"].as_str().expect("a tensor"));
            let mode = self::interpolation(args["interpolation"].as_str().unwrap_or("bilinear"));
            one(f::elastic_transform(p, &displacement, mode, fill))
        }
        "adjust_brightness" => one(f::adjust_brightness(p, number("brightness_factor"))),
        "adjust_contrast" => one(f::adjust_contrast(p, number("contrast_factor"))),
        "adjust_saturation" => one(f::adjust_saturation(p, number("saturation_factor"))),
        "adjust_sharpness" => one(f::adjust_sharpness(p, number("sharpness_factor"))),
        "adjust_hue" => one(f::adjust_hue(p, number("hue_factor"))),
        "adjust_gamma" => one(f::adjust_gamma(p, number("gamma"), args["gain"].as_f64().unwrap_or(1.0))),
        "rgb_to_grayscale" => one(f::rgb_to_grayscale(p, args["num_output_channels"].as_u64().unwrap_or(1) as usize)),
        "gaussian_blur" => one(f::gaussian_blur(p, sizes("kernel_size"), pair("sigma"))),
        "erase" => {
            let value = tensor(args["v"]["tensor"].as_str().expect("a tensor"));
            one(f::erase(p, window("i", "j", "h", "w"), &value))
        }
        "invert" => one(f::invert(p)),
        "posterize" => one(f::posterize(p, whole("bits") as u32)),
        "solarize" => one(f::solarize(p, number("threshold"))),
        "equalize" => one(f::equalize(p)),
        "autocontrast" => one(f::autocontrast(p)),
        other => Err(format!("{other} is not a transform of this crate")),
    }
}

/// A number, or a list of them; nothing if null or absent.
fn numbers(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::Null => None,
        Value::Array(list) => Some(list.iter().map(|v| v.as_f64().expect("a number")).collect()),
        other => Some(vec![other.as_f64().expect("a number")]),
    }
}

fn interpolation(name: &str) -> Interpolation {
    match name {
        "nearest" => Interpolation::Nearest,
        "nearest-exact" | "nearest_exact" => Interpolation::NearestExact,
        "bilinear" => Interpolation::Bilinear,
        "bicubic" => Interpolation::Bicubic,
        "box" => Interpolation::Box,
        "hamming" => Interpolation::Hamming,
        "lanczos" => Interpolation::Lanczos,
        other => panic!("interpolation {other}"),
    }
}
