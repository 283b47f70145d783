//! Layers of one kind: linear maps, lookups, normalisations, shapes, and the activations.

use gradus::nn::functional::{Interpolate, InterpolateMode, LocalResponse, Pool};
use gradus::nn::layers::{
    AlphaDropout, Bilinear, CELU, ChannelShuffle, Dropout, Dropout1d, Dropout2d, Dropout3d, ELU, Embedding,
    EmbeddingOptions, FeatureAlphaDropout, Flatten, Fold, FractionalMaxPool2d, FractionalSize, GELU, GLU, GroupNorm,
    Hardshrink, Hardsigmoid, Hardswish, Hardtanh, Identity, LayerNorm, LeakyReLU, Linear, LocalResponseNorm,
    LogSigmoid, LogSoftmax, Mish, PReLU, PixelShuffle, PixelUnshuffle, RMSNorm, RReLU, ReLU, ReLU6, SELU, SiLU,
    Sigmoid, Softmax, Softmax2d, Softmin, Softplus, Softshrink, Softsign, Tanh, Tanhshrink, Threshold, Unflatten,
    Unfold, Upsample,
};

use super::super::arguments::Arguments;
use super::Layer;
use super::window::{per_axis, with_indices};

pub(super) fn layer(op: &str, args: &Arguments<'_>) -> Option<Layer> {
    Some(match op {
        "Identity" => Layer::plain(Identity::new()),
        "Linear" => {
            let layer = Linear::builder(args.size("in_features"), args.size("out_features"));
            Layer::plain(layer.bias(args.flag("bias", true)).build())
        }
        "Bilinear" => {
            let features = (args.size("in1_features"), args.size("in2_features"), args.size("out_features"));
            let layer = Bilinear::new(features.0, features.1, features.2, args.flag("bias", true));
            Layer::several(layer, |layer, inputs, _| vec![layer.combine(&inputs[0], &inputs[1])])
        }
        "Embedding" => {
            let options = EmbeddingOptions {
                padding_idx: args.int("padding_idx"),
                max_norm: args.float("max_norm"),
                norm_type: args.float_or("norm_type", 2.0),
                scale_grad_by_freq: args.flag("scale_grad_by_freq", false),
            };
            let layer = Embedding::with_options(args.size("num_embeddings"), args.size("embedding_dim"), options);
            Layer::plain(layer)
        }
        "GroupNorm" => Layer::plain(GroupNorm::with_options(
            args.size("num_groups"),
            args.size("num_channels"),
            args.float_or("eps", 1e-5),
            args.flag("affine", true),
            args.flag("bias", true),
        )),
        "LayerNorm" => Layer::plain(LayerNorm::with_options(
            sizes(args, "normalized_shape")?,
            args.float_or("eps", 1e-5),
            args.flag("elementwise_affine", true),
            args.flag("bias", true),
        )),
        "RMSNorm" => Layer::plain(RMSNorm::with_options(
            sizes(args, "normalized_shape")?,
            args.float("eps"),
            args.flag("elementwise_affine", true),
        )),
        "LocalResponseNorm" => Layer::plain(LocalResponseNorm::with_options(LocalResponse {
            size: args.size("size"),
            alpha: args.float_or("alpha", 1e-4),
            beta: args.float_or("beta", 0.75),
            k: args.float_or("k", 1.0),
        })),
        "Dropout" => Layer::plain(Dropout::new(args.float_or("p", 0.5))),
        "Dropout1d" => Layer::plain(Dropout1d::new(args.float_or("p", 0.5))),
        "Dropout2d" => Layer::plain(Dropout2d::new(args.float_or("p", 0.5))),
        "Dropout3d" => Layer::plain(Dropout3d::new(args.float_or("p", 0.5))),
        "AlphaDropout" => Layer::plain(AlphaDropout::new(args.float_or("p", 0.5))),
        "FeatureAlphaDropout" => Layer::plain(FeatureAlphaDropout::new(args.float_or("p", 0.5))),
        "Flatten" => Layer::plain(Flatten::between(args.int_or("start_dim", 1), args.int_or("end_dim", -1))),
        "Unflatten" => Layer::plain(Unflatten::new(args.int("dim")?, args.ints("unflattened_size")?)),
        "Unfold" => Layer::plain(Unfold::new(columns(args)?)),
        "Fold" => {
            let output_size = args.has("output_size").then(|| per_axis::<2>(args, "output_size", 1))?;
            Layer::plain(Fold::new(output_size, columns(args)?))
        }
        "Upsample" => Layer::plain(Upsample::new(resizing(args)?)),
        "UpsamplingNearest2d" => Layer::plain(Upsample::nearest(target(args)?)),
        "UpsamplingBilinear2d" => Layer::plain(Upsample::bilinear(target(args)?)),
        "PixelShuffle" => Layer::plain(PixelShuffle::new(args.size("upscale_factor"))),
        "PixelUnshuffle" => Layer::plain(PixelUnshuffle::new(args.size("downscale_factor"))),
        "ChannelShuffle" => Layer::plain(ChannelShuffle::new(args.size("groups"))),
        "FractionalMaxPool2d" => fractional(args)?,
        _ => return None,
    })
}

pub(super) fn activation(op: &str, args: &Arguments<'_>) -> Option<Layer> {
    let float = |name: &str, default: f64| args.float_or(name, default);
    Some(match op {
        "ReLU" => Layer::plain(ReLU::new()),
        "ReLU6" => Layer::plain(ReLU6::new()),
        "LeakyReLU" => Layer::plain(LeakyReLU::new(float("negative_slope", 0.01))),
        "ELU" => Layer::plain(ELU::new(float("alpha", 1.0))),
        "SELU" => Layer::plain(SELU::new()),
        "CELU" => Layer::plain(CELU::new(float("alpha", 1.0))),
        "GELU" => match args.text("approximate", "none") {
            "none" => Layer::plain(GELU::new(false)),
            "tanh" => Layer::plain(GELU::new(true)),
            _ => return None,
        },
        "SiLU" => Layer::plain(SiLU::new()),
        "Mish" => Layer::plain(Mish::new()),
        "Sigmoid" => Layer::plain(Sigmoid::new()),
        "Tanh" => Layer::plain(Tanh::new()),
        "Hardtanh" => Layer::plain(Hardtanh::new(float("min_val", -1.0), float("max_val", 1.0))),
        "Hardsigmoid" => Layer::plain(Hardsigmoid::new()),
        "Hardswish" => Layer::plain(Hardswish::new()),
        "Hardshrink" => Layer::plain(Hardshrink::new(float("lambd", 0.5))),
        "Softplus" => Layer::plain(Softplus::new(float("beta", 1.0), float("threshold", 20.0))),
        "Softsign" => Layer::plain(Softsign::new()),
        "Softshrink" => Layer::plain(Softshrink::new(float("lambd", 0.5))),
        "Tanhshrink" => Layer::plain(Tanhshrink::new()),
        "LogSigmoid" => Layer::plain(LogSigmoid::new()),
        "Threshold" => Layer::plain(Threshold::new(args.float("threshold")?, args.float("value")?)),
        "PReLU" => Layer::plain(PReLU::new(args.size_or("num_parameters", 1), float("init", 0.25))),
        "RReLU" => Layer::plain(RReLU::new(float("lower", 1.0 / 8.0), float("upper", 1.0 / 3.0))),
        "GLU" => Layer::plain(GLU::new(args.int_or("dim", -1))),
        // Without an axis PyTorch guesses one, and warns.
        "Softmax" => Layer::plain(Softmax::new(args.int("dim")?)),
        "Softmin" => Layer::plain(Softmin::new(args.int("dim")?)),
        "LogSoftmax" => Layer::plain(LogSoftmax::new(args.int("dim")?)),
        "Softmax2d" => Layer::plain(Softmax2d::new()),
        _ => return None,
    })
}

fn sizes(args: &Arguments<'_>, name: &str) -> Option<Vec<usize>> {
    Some(args.ints(name)?.iter().map(|&size| size as usize).collect())
}

/// Windows of which each becomes a column; their stride is 1 unless set.
fn columns(args: &Arguments<'_>) -> Option<Pool<2>> {
    let kernel_size = args.has("kernel_size").then(|| per_axis::<2>(args, "kernel_size", 1))?;
    Some(
        Pool::new(kernel_size)
            .stride(per_axis::<2>(args, "stride", 1))
            .padding(per_axis::<2>(args, "padding", 0))
            .dilation(per_axis::<2>(args, "dilation", 1)),
    )
}

/// The size or the factors of a resizing.
fn target(args: &Arguments<'_>) -> Option<Interpolate> {
    Some(match sizes(args, "size") {
        Some(size) => Interpolate::size(size),
        None => Interpolate::scales(&args.floats("scale_factor")?),
    })
}

/// All options of `Upsample`.
fn resizing(args: &Arguments<'_>) -> Option<Interpolate> {
    let mode = match args.text("mode", "nearest") {
        "nearest" => InterpolateMode::Nearest,
        "nearest-exact" => InterpolateMode::NearestExact,
        "linear" | "bilinear" | "trilinear" => InterpolateMode::Linear,
        "bicubic" => InterpolateMode::Cubic,
        "area" => InterpolateMode::Area,
        _ => return None,
    };
    Some(
        target(args)?
            .mode(mode)
            .align_corners(args.flag("align_corners", false))
            .recompute_scale_factor(args.flag("recompute_scale_factor", false)),
    )
}

fn fractional(args: &Arguments<'_>) -> Option<Layer> {
    let kernel_size = args.has("kernel_size").then(|| per_axis::<2>(args, "kernel_size", 1))?;
    let output = match args.floats("output_ratio").as_deref() {
        None => FractionalSize::Size(args.has("output_size").then(|| per_axis::<2>(args, "output_size", 1))?),
        Some(&[both]) => FractionalSize::Ratio([both, both]),
        Some(&[height, width]) => FractionalSize::Ratio([height, width]),
        Some(_) => return None,
    };
    let layer = FractionalMaxPool2d::new(kernel_size, output);
    let layer = match args.tensor("_random_samples") {
        Some(samples) => layer.with_samples(samples),
        None => layer,
    };
    Some(match args.flag("return_indices", false) {
        true => Layer::special(layer, |layer, inputs, _| with_indices(layer.with_indices(&inputs[0]))),
        false => Layer::plain(layer),
    })
}
