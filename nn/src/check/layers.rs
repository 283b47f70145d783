//! Every layer, checked as a module over its options in both modes. The list below is compared with what
//! `layers` exports, so a layer cannot be added without its check.

mod activation;
mod container;
mod convolution;
mod dense;
mod dropout;
mod norm;
mod pad;
mod parametrized;
mod pool;
mod position;

use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::prelude::{Just, Strategy, any};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use tensor::{DType, Generator, Tensor};

use super::check_module;
use crate::layers::{
    CELU, CircularPad, ELU, GELU, GLU, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, LeakyReLU, LogSigmoid, LogSoftmax,
    Mish, ReLU, ReLU6, ReflectionPad, ReplicationPad, SELU, SiLU, Sigmoid, Softmax, Softmin, Softplus, Softshrink,
    Softsign, Tanh, Tanhshrink, Threshold, ZeroPad,
};
use crate::module::Forward;

macro_rules! every_layer {
    ($($name:ident: $check:expr;)*) => {
        /// The layers that have a check.
        const CHECKED: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            #[allow(non_snake_case)] // named like the layer
            fn $name() {
                $check;
                assert!(SEEN.with_borrow(|seen| seen.contains(stringify!($name))), "this checks another layer");
            }
        )*
    };
}

every_layer! {
    CELU: activation::smooth_off_eighths(eighths(1..=16), CELU::new);
    ELU: activation::smooth_off_eighths(eighths(1..=16), ELU::new);
    GELU: activation::smooth_off_eighths(any::<bool>(), GELU::new);
    GLU: activation::gated(GLU::new);
    Hardshrink: activation::smooth_off_eighths(eighths(0..=16), Hardshrink::new);
    Hardsigmoid: activation::plain(Hardsigmoid::new);
    Hardswish: activation::plain(Hardswish::new);
    Hardtanh: activation::smooth_off_eighths((eighths(-9..=0), eighths(1..=9)), |(low, high)| Hardtanh::new(low, high));
    LeakyReLU: activation::smooth_off_eighths(eighths(-8..=8), LeakyReLU::new);
    LogSigmoid: activation::plain(LogSigmoid::new);
    LogSoftmax: activation::along_axis(LogSoftmax::new);
    Mish: activation::plain(Mish::new);
    PReLU: activation::prelu();
    RReLU: activation::rrelu();
    ReLU: activation::plain(ReLU::new);
    ReLU6: activation::plain(ReLU6::new);
    SELU: activation::plain(SELU::new);
    SiLU: activation::plain(SiLU::new);
    Sigmoid: activation::plain(Sigmoid::new);
    Softmax: activation::along_axis(Softmax::new);
    Softmax2d: activation::softmax2d();
    Softmin: activation::along_axis(Softmin::new);
    Softplus: activation::smooth_off_eighths((eighths(1..=2), eighths(8..=160)), |(beta, threshold)| {
        Softplus::new(8.0 * beta, 8.0 * beta * threshold)
    });
    Softshrink: activation::smooth_off_eighths(eighths(0..=16), Softshrink::new);
    Softsign: activation::plain(Softsign::new);
    Tanh: activation::plain(Tanh::new);
    Tanhshrink: activation::plain(Tanhshrink::new);
    Threshold: activation::smooth_off_eighths((eighths(-9..=9), eighths(-9..=9)), |(at, value)| Threshold::new(at, value));

    Conv1d: convolution::convolutions::<1>();
    Conv2d: convolution::convolutions::<2>();
    Conv3d: convolution::convolutions::<3>();
    ConvTranspose1d: convolution::transposed::<1>();
    ConvTranspose2d: convolution::transposed::<2>();
    ConvTranspose3d: convolution::transposed::<3>();

    Bilinear: dense::bilinear();
    Embedding: dense::embedding();
    Linear: dense::linear();

    AlphaDropout: dropout::alpha();
    Dropout: dropout::elements();
    Dropout1d: dropout::channels1d();
    Dropout2d: dropout::channels2d();
    Dropout3d: dropout::channels3d();
    FeatureAlphaDropout: dropout::feature_alpha();

    BatchNorm1d: norm::batch_norm::<1>();
    BatchNorm2d: norm::batch_norm::<2>();
    BatchNorm3d: norm::batch_norm::<3>();
    GroupNorm: norm::group_norm();
    InstanceNorm1d: norm::instance_norm::<1>();
    InstanceNorm2d: norm::instance_norm::<2>();
    InstanceNorm3d: norm::instance_norm::<3>();
    LayerNorm: norm::layer_norm();
    LocalResponseNorm: norm::local_response_norm();
    RMSNorm: norm::rms_norm();

    CircularPad1d: pad::around::<1, _>((0, 2), CircularPad::new);
    CircularPad2d: pad::around::<2, _>((0, 2), CircularPad::new);
    CircularPad3d: pad::around::<3, _>((0, 2), CircularPad::new);
    ConstantPad1d: pad::constant::<1>();
    ConstantPad2d: pad::constant::<2>();
    ConstantPad3d: pad::constant::<3>();
    ReflectionPad1d: pad::around::<1, _>((-1, 1), ReflectionPad::new);
    ReflectionPad2d: pad::around::<2, _>((-1, 1), ReflectionPad::new);
    ReflectionPad3d: pad::around::<3, _>((-1, 1), ReflectionPad::new);
    ReplicationPad1d: pad::around::<1, _>((-1, 3), ReplicationPad::new);
    ReplicationPad2d: pad::around::<2, _>((-1, 3), ReplicationPad::new);
    ReplicationPad3d: pad::around::<3, _>((-1, 3), ReplicationPad::new);
    ZeroPad1d: pad::around::<1, _>((-1, 3), ZeroPad::new);
    ZeroPad2d: pad::around::<2, _>((-1, 3), ZeroPad::new);
    ZeroPad3d: pad::around::<3, _>((-1, 3), ZeroPad::new);

    AdaptiveAvgPool1d: pool::adaptive_avg::<1>();
    AdaptiveAvgPool2d: pool::adaptive_avg::<2>();
    AdaptiveAvgPool3d: pool::adaptive_avg::<3>();
    AdaptiveMaxPool1d: pool::adaptive_max::<1>();
    AdaptiveMaxPool2d: pool::adaptive_max::<2>();
    AdaptiveMaxPool3d: pool::adaptive_max::<3>();
    AvgPool1d: pool::avg::<1>();
    AvgPool2d: pool::avg::<2>();
    AvgPool3d: pool::avg::<3>();
    FractionalMaxPool2d: pool::fractional_max();
    LPPool1d: pool::lp::<1>();
    LPPool2d: pool::lp::<2>();
    LPPool3d: pool::lp::<3>();
    MaxPool1d: pool::max::<1>();
    MaxPool2d: pool::max::<2>();
    MaxPool3d: pool::max::<3>();
    MaxUnpool1d: pool::unpool::<1>();
    MaxUnpool2d: pool::unpool::<2>();
    MaxUnpool3d: pool::unpool::<3>();

    ChannelShuffle: position::channel_shuffle();
    Flatten: position::flatten();
    Fold: position::fold();
    Identity: position::identity();
    PixelShuffle: position::pixel_shuffle();
    PixelUnshuffle: position::pixel_unshuffle();
    Unflatten: position::unflatten();
    Unfold: position::unfold();
    Upsample: position::upsample();
}

/// What `layers` exports without being a layer: options, and the definitions behind `Conv1d`, `Conv2d`, `Conv3d`.
fn is_no_layer(name: &str, exported: &BTreeSet<&str>) -> bool {
    let is_generic = exported.contains(format!("{name}1d").as_str()) && exported.contains(format!("{name}3d").as_str());
    is_generic && name != "Dropout" || ["Builder", "Options", "Size"].iter().any(|end| name.ends_with(end))
}

#[test]
fn no_layer_is_without_a_check() {
    let source = include_str!("../layers/mod.rs");
    let exported: BTreeSet<&str> = source
        .split("pub use ")
        .skip(1)
        .filter_map(|statement| statement.split(';').next()?.split_once("::"))
        .flat_map(|(_, names)| names.split(|letter: char| !letter.is_alphanumeric()))
        .filter(|name| !name.is_empty())
        .collect();
    let layers: BTreeSet<&str> = exported.iter().copied().filter(|name| !is_no_layer(name, &exported)).collect();
    let checked: BTreeSet<&str> = CHECKED.iter().copied().collect();
    assert!(layers.len() > 80, "only {} layers were found", layers.len());
    assert_eq!(layers.difference(&checked).collect::<Vec<_>>(), Vec::<&&str>::new());
    assert_eq!(checked.difference(&layers).collect::<Vec<_>>(), Vec::<&&str>::new());
    // What the list above cannot see.
    assert!(!source.contains('*') && !source.contains("pub mod") && !source.contains("pub struct"));

    let prelude = include_str!("../prelude.rs");
    let imported = prelude.split_once("crate::layers::{").and_then(|(_, rest)| rest.split_once('}')).unwrap().0;
    let imported: BTreeSet<&str> = imported.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    assert_eq!(imported, checked, "the prelude has every layer, and no other");
}

/// The types in `text` for which it says how they compute.
fn forwarding(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| line.starts_with("impl"))
        .filter_map(|line| line.split_once(" Forward for ").map(|(_, rest)| rest))
        .filter_map(|rest| rest.split(|letter: char| !letter.is_alphanumeric()).find(|part| !part.is_empty()))
}

#[test]
fn nothing_computes_outside_the_layers_but_containers_and_parametrizations() {
    let mut outside = BTreeSet::new();
    let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("check") && !path.ends_with("layers") {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                outside.extend(forwarding(&std::fs::read_to_string(path).unwrap()).map(str::to_owned));
            }
        }
    }
    // Checked in `container` and `parametrized`.
    assert_eq!(outside.iter().collect::<Vec<_>>(), ["Parametrized", "Sequential"]);
}

thread_local! {
    /// The types of all modules that this thread has checked.
    static SEEN: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

/// Runs `check` on as many cases as `PROPTEST_CASES` says, or 24.
#[track_caller]
fn each<S: Strategy>(strategy: &S, check: impl Fn(S::Value) -> Result<(), String>) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(24);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    if let Err(error) = TestRunner::new(config).run(strategy, |case| check(case).map_err(TestCaseError::fail)) {
        panic!("{error}");
    }
}

/// [`check_module`], with parameters and running statistics away from their first values, which may hide mistakes.
fn check<L: Forward>(layer: &L, x: &Tensor) -> Result<(), String> {
    let mut generator = Generator::new(17);
    for parameter in layer.parameters() {
        parameter.set_data(generator.uniform_between(parameter.shape(), 0.5, 1.5, DType::F32));
    }
    for buffer in layer.buffers().iter().filter(|buffer| buffer.data().dtype().is_float()) {
        buffer.set_data(generator.uniform_between(buffer.data().shape(), 0.5, 1.5, DType::F32));
    }
    see(layer);
    check_module(layer, x)
}

fn see<L: Forward>(layer: &L) {
    SEEN.with_borrow_mut(|seen| seen.extend(layer.modules().iter().map(|module| module.type_name())));
}

fn numbers(shape: &[usize]) -> Tensor {
    Generator::new(5).randn(shape, DType::F64)
}

/// Values around 0 that differ by an eighth and lie between the eighths, in random order: away from all kinks and ties.
fn ladder(shape: &[usize]) -> Tensor {
    let len = tensor::shape::len(shape);
    let mut values: Vec<f64> = (0..len).map(|k| (k as f64 - (len / 2) as f64) * 0.125 + 0.0625).collect();
    Generator::new(len as u64).shuffle(&mut values);
    Tensor::from_vec(values, shape)
}

fn positive(shape: &[usize]) -> Tensor {
    Generator::new(3).uniform_between(shape, 0.5, 2.0, DType::F64)
}

/// Multiples of an eighth: where a [`ladder`] has no value.
fn eighths(range: std::ops::RangeInclusive<i32>) -> impl Strategy<Value = f64> {
    range.prop_map(|k| f64::from(k) * 0.125)
}

/// Sizes per axis.
fn shapes(
    ranks: std::ops::RangeInclusive<usize>,
    sizes: std::ops::RangeInclusive<usize>,
) -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(sizes, ranks)
}

fn array<const N: usize>(sizes: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = [usize; N]> {
    proptest::collection::vec(sizes, N).prop_map(|sizes| std::array::from_fn(|axis| sizes[axis]))
}

/// `[n, c]`, or `[c]` alone.
fn lead() -> impl Strategy<Value = Vec<usize>> {
    proptest::prop_oneof![
        3 => (1..=2usize, 1..=2usize).prop_map(|(n, c)| vec![n, c]),
        1 => (1..=3usize).prop_map(|c| vec![c]),
        1 => Just(vec![1, 1]),
    ]
}
