//! Convolutions, poolings, paddings and normalisations of one, two or three dimensions.

use gradus::autograd::Variable;
use gradus::nn::Forward;
use gradus::nn::functional::Pool;
use gradus::nn::layers::{
    AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, BatchNorm, CircularPad, ConstantPad, Conv, ConvTranspose, InstanceNorm,
    LPPool, MaxPool, MaxUnpool, ReflectionPad, ReplicationPad, ZeroPad,
};
use gradus::nn::ops::pad::Rim;
use gradus::nn::ops::window::{Padding, PaddingMode};
use serde_json::Value;

use super::super::arguments::{Arguments, number};
use super::super::case::list;
use super::Layer;

/// A number per axis; a single one counts for all.
pub(super) fn per_axis<const N: usize>(args: &Arguments<'_>, name: &str, default: usize) -> [usize; N] {
    let sizes = args.sizes(name, N, default);
    sizes.try_into().unwrap_or_else(|sizes| panic!("argument {name} has not {N} numbers: {sizes:?}"))
}

/// A required number per axis.
fn kernel<const N: usize>(args: &Arguments<'_>) -> Option<[usize; N]> {
    args.has("kernel_size").then(|| per_axis(args, "kernel_size", 1))
}

/// The sizes that forward was given, the last `N` of them.
fn output_size<const N: usize>(args: &Arguments<'_>) -> Option<[usize; N]> {
    let sizes = args.ints("output_size")?;
    let spatial = sizes.len().checked_sub(N).map(|lead| &sizes[lead..]);
    Some(match spatial {
        Some(sizes) => std::array::from_fn(|axis| sizes[axis] as usize),
        None => [sizes[0] as usize; N],
    })
}

/// Values and the positions where they were.
pub(super) fn with_indices((y, indices): (Variable, gradus::tensor::Tensor)) -> Vec<Variable> {
    vec![y, Variable::new(indices)]
}

pub(super) fn convolution<const N: usize>(family: &str, args: &Arguments<'_>) -> Option<Layer> {
    if family != "Conv" && family != "ConvTranspose" {
        return None;
    }
    let (inputs, outputs, kernel) = (args.size("in_channels"), args.size("out_channels"), kernel::<N>(args)?);
    let (stride, dilation) = (per_axis::<N>(args, "stride", 1), per_axis::<N>(args, "dilation", 1));
    let (groups, bias) = (args.size_or("groups", 1), args.flag("bias", true));
    if family == "ConvTranspose" {
        if args.text("padding_mode", "zeros") != "zeros" {
            return None;
        }
        let layer = ConvTranspose::<N>::builder(inputs, outputs, kernel)
            .stride(stride)
            .padding(per_axis::<N>(args, "padding", 0))
            .output_padding(per_axis::<N>(args, "output_padding", 0))
            .dilation(dilation)
            .groups(groups)
            .bias(bias)
            .build();
        return Some(Layer::special(layer, |layer, inputs, args| match output_size::<N>(args) {
            Some(sizes) => vec![layer.forward_sized(&inputs[0], sizes)],
            None => vec![layer.call(&inputs[0])],
        }));
    }
    let padding = match args.raw("padding").as_str() {
        Some("same") => Padding::Same,
        Some("valid") => Padding::Valid,
        Some(_) => return None,
        None => Padding::By(per_axis::<N>(args, "padding", 0)),
    };
    let mode = match args.text("padding_mode", "zeros") {
        "zeros" => PaddingMode::Zeros,
        "reflect" => PaddingMode::Reflect,
        "replicate" => PaddingMode::Replicate,
        "circular" => PaddingMode::Circular,
        _ => return None,
    };
    let layer = Conv::<N>::builder(inputs, outputs, kernel)
        .stride(stride)
        .padding(padding)
        .dilation(dilation)
        .groups(groups)
        .bias(bias)
        .padding_mode(mode);
    Some(Layer::plain(layer.build()))
}

/// The options that all poolings read; each asks for no more than PyTorch's constructor takes.
fn windows<const N: usize>(args: &Arguments<'_>) -> Option<Pool<N>> {
    let pool = Pool::new(kernel::<N>(args)?);
    Some(if args.has("stride") { pool.stride(per_axis::<N>(args, "stride", 1)) } else { pool })
}

pub(super) fn pooling<const N: usize>(family: &str, args: &Arguments<'_>) -> Option<Layer> {
    Some(match family {
        "MaxPool" => {
            let pool = windows::<N>(args)?
                .padding(per_axis::<N>(args, "padding", 0))
                .dilation(per_axis::<N>(args, "dilation", 1))
                .ceil_mode(args.flag("ceil_mode", false));
            let layer = MaxPool::<N>::new(pool);
            match args.flag("return_indices", false) {
                true => Layer::special(layer, |layer, inputs, _| with_indices(layer.with_indices(&inputs[0]))),
                false => Layer::plain(layer),
            }
        }
        "AvgPool" => {
            let pool = windows::<N>(args)?
                .padding(per_axis::<N>(args, "padding", 0))
                .ceil_mode(args.flag("ceil_mode", false))
                .count_include_pad(args.flag("count_include_pad", true));
            // Averages over one dimension have no such option.
            let divisor = if N > 1 { args.int("divisor_override") } else { None };
            Layer::plain(AvgPool::<N>::new(match divisor {
                Some(divisor) => pool.divisor_override(divisor),
                None => pool,
            }))
        }
        "LPPool" => {
            let pool = windows::<N>(args)?.ceil_mode(args.flag("ceil_mode", false));
            Layer::plain(LPPool::<N>::new(args.float("norm_type")?, pool))
        }
        "MaxUnpool" => {
            let pool = windows::<N>(args)?.padding(per_axis::<N>(args, "padding", 0));
            Layer::several(MaxUnpool::<N>::new(pool), |layer, inputs, args| {
                vec![layer.unpool(&inputs[0], &inputs[1].data(), output_size::<N>(args))]
            })
        }
        "AdaptiveAvgPool" => Layer::plain(AdaptiveAvgPool::<N>::new(parts::<N>(args)?)),
        "AdaptiveMaxPool" => {
            let layer = AdaptiveMaxPool::<N>::new(parts::<N>(args)?);
            match args.flag("return_indices", false) {
                true => Layer::special(layer, |layer, inputs, _| with_indices(layer.with_indices(&inputs[0]))),
                false => Layer::plain(layer),
            }
        }
        _ => return None,
    })
}

/// How many parts each axis is divided into; null where it keeps its size.
fn parts<const N: usize>(args: &Arguments<'_>) -> Option<[Option<usize>; N]> {
    let size = |value: &Value| value.as_u64().map(|size| size as usize);
    Some(match args.raw("output_size") {
        Value::Array(sizes) if sizes.len() == N => std::array::from_fn(|axis| size(&sizes[axis])),
        Value::Array(sizes) if sizes.len() != 1 => return None,
        Value::Array(sizes) => [size(&sizes[0]); N],
        value => [size(value); N],
    })
}

pub(super) fn padding<const N: usize>(family: &str, args: &Arguments<'_>) -> Option<Layer> {
    let rim = || -> Option<Rim<N>> {
        Some(match args.raw("padding") {
            Value::Array(values) if values.len() == 2 * N => {
                let amounts = list(args.raw("padding")).iter().map(|value| value.as_i64().map(|value| value as isize));
                let amounts: Vec<isize> = amounts.collect::<Option<_>>()?;
                Rim(std::array::from_fn(|axis| [amounts[2 * axis], amounts[2 * axis + 1]]))
            }
            value => Rim::from(value.as_i64()? as isize),
        })
    };
    Some(match family {
        "ZeroPad" => Layer::plain(ZeroPad::<N>::new(rim()?)),
        "ConstantPad" => Layer::plain(ConstantPad::<N>::new(rim()?, args.float("value")?)),
        "ReflectionPad" => Layer::plain(ReflectionPad::<N>::new(rim()?)),
        "ReplicationPad" => Layer::plain(ReplicationPad::<N>::new(rim()?)),
        "CircularPad" => Layer::plain(CircularPad::<N>::new(rim()?)),
        _ => return None,
    })
}

pub(super) fn normalisation<const N: usize>(family: &str, args: &Arguments<'_>, value: &Value) -> Option<Layer> {
    if family != "BatchNorm" && family != "InstanceNorm" {
        return None;
    }
    let (features, eps) = (args.size("num_features"), args.float_or("eps", 1e-5));
    // Null is the plain mean, which is not the default.
    args.raw("momentum");
    let momentum = value.get("momentum").map_or(Some(0.1), number_or_null);
    Some(if family == "BatchNorm" {
        let layer = BatchNorm::<N>::builder(features)
            .eps(eps)
            .momentum(momentum)
            .affine(args.flag("affine", true))
            .bias(args.flag("bias", true))
            .track_running_stats(args.flag("track_running_stats", true));
        Layer::plain(layer.build())
    } else {
        let layer = InstanceNorm::<N>::builder(features)
            .eps(eps)
            .momentum(momentum)
            .affine(args.flag("affine", false))
            .bias(args.flag("bias", true))
            .track_running_stats(args.flag("track_running_stats", false));
        Layer::plain(layer.build())
    })
}

fn number_or_null(value: &Value) -> Option<f64> {
    if value.is_null() { None } else { number(value) }
}
