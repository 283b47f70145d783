//! Convolutions and transposed convolutions.

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use tensor::Tensor;

use super::{check, each, numbers};
use crate::layers::{Conv, ConvTranspose};
use crate::module::Forward;
use crate::ops::window::{Padding, PaddingMode};

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

pub(super) fn convolutions<const N: usize>() {
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
        check(&layer, &x)?;
        let output = layer.call(&autograd::Variable::new(x.clone()));
        let same = padding != Padding::Same || output.shape()[output.rank() - N..] == x.shape()[x.rank() - N..];
        if same { Ok(()) } else { Err(format!("\"same\" made {:?} of {:?}", output.shape(), x.shape())) }
    });
}

pub(super) fn transposed<const N: usize>() {
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
        check(&layer, &sizes.input(spatial))
    });
}
