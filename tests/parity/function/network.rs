//! Functions of `torch.nn.functional`.

use gradus::autograd::Variable;
use gradus::nn::functional as f;
use gradus::nn::functional::{GridMode, GridPadding, Interpolate, InterpolateMode, PadMode};
use gradus::nn::optim::{clip_grad_norm_, clip_grad_value_};
use gradus::tensor::Tensor;

use super::super::arguments::Arguments;
use super::{Call, one};

/// A padding mode by PyTorch's name.
pub(crate) fn padding_mode(name: &str, value: f64) -> Option<PadMode> {
    Some(match name {
        "constant" => PadMode::Constant(value),
        "zeros" => PadMode::Zeros,
        "reflect" => PadMode::Reflect,
        "replicate" => PadMode::Replicate,
        "circular" => PadMode::Circular,
        _ => return None,
    })
}

/// Pairs of padding, last axis first.
pub(crate) fn pairs(values: &[isize]) -> Vec<[isize; 2]> {
    values.chunks(2).map(|pair| [pair[0], pair[1]]).collect()
}

/// The options of a resizing.
pub(crate) fn resizing(args: &Arguments<'_>) -> Option<Interpolate> {
    let options = match args.ints("size") {
        Some(size) => Interpolate::size(size.iter().map(|&n| n as usize).collect::<Vec<_>>()),
        None => Interpolate::scales(&args.floats("scale_factor")?),
    };
    let mode = match args.text("mode", "nearest") {
        "nearest" => InterpolateMode::Nearest,
        "nearest-exact" => InterpolateMode::NearestExact,
        "linear" | "bilinear" | "trilinear" => InterpolateMode::Linear,
        "bicubic" => InterpolateMode::Cubic,
        "area" => InterpolateMode::Area,
        _ => return None,
    };
    Some(
        options
            .mode(mode)
            .align_corners(args.flag("align_corners", false))
            .antialias(args.flag("antialias", false))
            .recompute_scale_factor(args.flag("recompute_scale_factor", false)),
    )
}

/// Clipping of gradients: the inputs are the gradients of as many parameters.
fn clip(call: &Call<'_>) -> Option<Vec<Variable>> {
    if !call.op.starts_with("clip_grad_") {
        return None;
    }
    let params: Vec<Variable> = call.inputs.iter().map(|g| Variable::leaf(g.data().zeros_like())).collect();
    for (param, g) in params.iter().zip(call.inputs) {
        param.set_grad(Some(g.detach()));
    }
    let mut results = vec![];
    if call.op == "clip_grad_norm_" {
        let norm = clip_grad_norm_(&params, call.args.float("max_norm")?, call.args.float_or("norm_type", 2.0));
        results.push(Variable::new(Tensor::full([], norm, call.x().dtype())));
    } else {
        clip_grad_value_(&params, call.args.float("clip_value")?);
    }
    results.extend(params.iter().filter_map(Variable::grad));
    Some(results)
}

pub(crate) fn call(call: &Call<'_>) -> Option<Vec<Variable>> {
    let (x, args) = (call.x(), &call.args);
    if let Some(clipped) = clip(call) {
        return Some(clipped);
    }
    let y = match call.op {
        "pad" => f::pad(
            x,
            &pairs(&args.ints("pad")?),
            padding_mode(args.text("mode", "constant"), args.float_or("value", 0.0))?,
        ),
        "interpolate" => f::interpolate(x, &resizing(args)?),
        "affine_grid" => {
            let size: Vec<usize> = args.ints("size")?.iter().map(|&n| n as usize).collect();
            f::affine_grid(x, &size, args.flag("align_corners", false))
        }
        "grid_sample" => {
            let mode = match args.text("mode", "bilinear") {
                "bilinear" => GridMode::Bilinear,
                "nearest" => GridMode::Nearest,
                _ => GridMode::Bicubic,
            };
            let padding = match args.text("padding_mode", "zeros") {
                "zeros" => GridPadding::Zeros,
                "border" => GridPadding::Border,
                _ => GridPadding::Reflection,
            };
            f::grid_sample(x, call.input("grid")?, mode, (padding, args.flag("align_corners", false)))
        }
        "softplus" => f::softplus(x, args.float_or("beta", 1.0), args.float_or("threshold", 20.0)),
        "gelu" if args.text("approximate", "none") == "tanh" => f::gelu_tanh(x),
        "gelu" => f::gelu(x),
        "normalize" => f::normalize(x, args.float_or("p", 2.0), args.int_or("dim", 1), args.float_or("eps", 1e-12)),
        "cosine_similarity" => {
            f::cosine_similarity(x, call.input("x2")?, args.int_or("dim", 1), args.float_or("eps", 1e-8))
        }
        "pairwise_distance" => {
            let options = (args.float_or("eps", 1e-6), args.flag("keepdim", false));
            f::pairwise_distance(x, call.input("x2")?, args.float_or("p", 2.0), options)
        }
        _ => return None,
    };
    one(y)
}
