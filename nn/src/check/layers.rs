//! Layers, checked as modules over all of their options.

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use tensor::{DType, Generator, Tensor};

use super::check_module;
use crate::layers::{Conv, ConvTranspose, Flatten, Identity, Linear, Unflatten};
use crate::module::Forward;
use crate::ops::window::{Padding, PaddingMode};
use crate::sequential;

/// Runs `check` on as many cases as `PROPTEST_CASES` says, or 24.
fn each<S: Strategy>(strategy: &S, check: impl Fn(S::Value) -> Result<(), String>) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(24);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let fail = |fault: String| proptest::test_runner::TestCaseError::fail(fault);
    if let Err(error) = TestRunner::new(config).run(strategy, |case| check(case).map_err(fail)) {
        panic!("{error}");
    }
}

fn numbers(shape: &[usize]) -> Tensor {
    Generator::new(5).randn(shape, DType::F64)
}

/// Kernel, stride, dilation, amount of padding, additional size of the input, per axis.
#[derive(Clone, Debug)]
struct Sizes<const N: usize> {
    kernel: [usize; N],
    stride: [usize; N],
    dilation: [usize; N],
    padding: [usize; N],
    extra: [usize; N],
    groups: usize,
    channels: [usize; 2],
    bias: bool,
    batch: Option<usize>,
}

fn sizes<const N: usize>() -> impl Strategy<Value = Sizes<N>> {
    let axis = (1..=3usize, 1..=3usize, 1..=2usize, 0..=2usize, 0..=2usize);
    let axes = proptest::collection::vec(axis, N);
    (axes, 1..=2usize, 1..=2usize, 1..=2usize, any::<bool>(), proptest::option::of(1..=2usize)).prop_map(
        |(axes, groups, c, k, bias, batch)| Sizes {
            kernel: std::array::from_fn(|i| axes[i].0),
            stride: std::array::from_fn(|i| axes[i].1),
            dilation: std::array::from_fn(|i| axes[i].2),
            padding: std::array::from_fn(|i| axes[i].3),
            extra: std::array::from_fn(|i| axes[i].4),
            groups,
            channels: [c * groups, k * groups],
            bias,
            batch,
        },
    )
}

impl<const N: usize> Sizes<N> {
    fn input(&self, spatial: [usize; N]) -> Tensor {
        let lead: Vec<usize> = self.batch.into_iter().chain([self.channels[0]]).collect();
        numbers(&[&lead[..], &spatial].concat())
    }

    /// Large enough for the window and for every padding mode.
    fn roomy(&self) -> [usize; N] {
        std::array::from_fn(|i| (self.dilation[i] * (self.kernel[i] - 1) + 1).max(3) + self.extra[i])
    }
}

fn convolutions<const N: usize>() {
    let padding = prop_oneof![2 => Just(None), 1 => Just(Some(Padding::<N>::Same)), 1 => Just(Some(Padding::Valid))];
    let mode = prop_oneof![
        Just(PaddingMode::Zeros),
        Just(PaddingMode::Reflect),
        Just(PaddingMode::Replicate),
        Just(PaddingMode::Circular),
    ];
    each(&(sizes::<N>(), padding, mode), |(sizes, padding, mode)| {
        let padding = padding.unwrap_or(Padding::By(sizes.padding));
        let stride = if padding == Padding::Same { [1; N] } else { sizes.stride };
        let layer = Conv::builder(sizes.channels[0], sizes.channels[1], sizes.kernel)
            .stride(stride)
            .dilation(sizes.dilation)
            .padding(padding)
            .padding_mode(mode)
            .groups(sizes.groups)
            .bias(sizes.bias)
            .build();
        let x = sizes.input(sizes.roomy());
        check_module(&layer, &x)?;
        let output = layer.call(&autograd::Variable::new(x.clone()));
        let same = padding != Padding::Same || output.shape()[output.rank() - N..] == x.shape()[x.rank() - N..];
        if same { Ok(()) } else { Err(format!("\"same\" made {:?} of {:?}", output.shape(), x.shape())) }
    });
}

fn transposed<const N: usize>() {
    each(&(sizes::<N>(), 0..=1usize), |(sizes, extra)| {
        let most = |i: usize| sizes.stride[i].max(sizes.dilation[i]) - 1;
        let layer = ConvTranspose::builder(sizes.channels[0], sizes.channels[1], sizes.kernel)
            .stride(sizes.stride)
            .dilation(sizes.dilation)
            .padding(sizes.padding)
            .output_padding(std::array::from_fn(|i| extra.min(most(i))))
            .groups(sizes.groups)
            .bias(sizes.bias)
            .build();
        // Padding cuts the output: the input must be long enough to leave some.
        let spatial = std::array::from_fn(|i| {
            let window = sizes.dilation[i] * (sizes.kernel[i] - 1) + 1;
            1 + sizes.extra[i] + (2 * sizes.padding[i] + 1).saturating_sub(window).div_ceil(sizes.stride[i])
        });
        check_module(&layer, &sizes.input(spatial))
    });
}

#[test]
fn conv1d() {
    convolutions::<1>();
}

#[test]
fn conv2d() {
    convolutions::<2>();
}

#[test]
fn conv3d() {
    convolutions::<3>();
}

#[test]
fn conv_transpose1d() {
    transposed::<1>();
}

#[test]
fn conv_transpose2d() {
    transposed::<2>();
}

#[test]
fn conv_transpose3d() {
    transposed::<3>();
}

#[test]
fn linear() {
    let lead = proptest::collection::vec(1..=3usize, 0..=3);
    each(&(lead, 1..=5usize, 1..=5usize, any::<bool>()), |(lead, inputs, outputs, bias)| {
        let layer = Linear::builder(inputs, outputs).bias(bias).build();
        check_module(&layer, &numbers(&[&lead[..], &[inputs]].concat()))
    });
}

#[test]
fn containers_and_shapes() {
    let model = sequential![
        Conv::<2>::new(2, 3, 3),
        Flatten::new(),
        Linear::new(12, 6),
        Unflatten::new(1, [2, 3]),
        Identity::new(),
    ];
    check_module(&model, &numbers(&[2, 2, 4, 4])).unwrap();
}

#[test]
fn a_wrong_gradient_is_noticed() {
    /// The square of its parameter, whose gradient a detour through data cuts off.
    #[derive(Debug, crate::Module)]
    struct Cut {
        scale: crate::Parameter,
        state: crate::ModuleState,
    }
    impl Forward for Cut {
        fn forward(&self, x: &autograd::Variable) -> autograd::Variable {
            x * &(self.scale.variable() * &self.scale.detach())
        }
    }
    let model = Cut { scale: Tensor::from([3.0]).into(), state: crate::ModuleState::default() };
    let fault = check_module(&model, &numbers(&[2])).unwrap_err();
    assert!(fault.starts_with("train mode, first order: the derivative in scale [1] is "), "{fault}");
}
