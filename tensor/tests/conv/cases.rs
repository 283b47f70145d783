//! Random convolutions, and the products that each is made of.

use gradus_tensor::kernels::conv::{ConvAlgorithm, ConvGeometry};
use gradus_tensor::{Dims, MemoryFormat, Tensor};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};

/// One random convolution.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) n: usize,
    pub(crate) c: usize,
    pub(crate) k: usize,
    pub(crate) input: Vec<usize>,
    pub(crate) kernel: Vec<usize>,
    pub(crate) geometry: ConvGeometry,
    pub(crate) seed: u64,
    pub(crate) format: bool,
}

pub(crate) fn dims(values: &[usize]) -> Dims {
    Dims::from_slice(values)
}

/// Numbers in -1..1 from a linear congruence; `[n, c, *spatial]` in either memory format.
pub(crate) fn numbers(shape: &[usize], seed: u64, channels_last: bool) -> Tensor {
    let mut state = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    let values: Vec<f64> = (0..shape.iter().product())
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            ((state >> 40) as f64 / (1u64 << 23) as f64) - 1.0
        })
        .collect();
    let format = if channels_last { MemoryFormat::ChannelsLast } else { MemoryFormat::Contiguous };
    Tensor::from_vec(values, shape).to_memory_format(format)
}

impl Case {
    pub(crate) fn output(&self) -> Vec<usize> {
        self.geometry.output_spatial(&self.input, &self.kernel).expect("cases fit").to_vec()
    }

    fn shape(&self, n: usize, c: usize, spatial: &[usize]) -> Vec<usize> {
        [&[n, c], spatial].concat()
    }

    pub(crate) fn x(&self) -> Tensor {
        numbers(&self.shape(self.n, self.c, &self.input), self.seed, self.format)
    }

    pub(crate) fn w(&self) -> Tensor {
        numbers(&self.shape(self.k, self.c / self.geometry.groups, &self.kernel), self.seed ^ 77, !self.format)
    }

    pub(crate) fn g(&self) -> Tensor {
        numbers(&self.shape(self.n, self.k, &self.output()), self.seed ^ 99, self.format)
    }

    /// Calls `product(output index, input index, weight index)` (row-major) for every product of the convolution.
    pub(crate) fn products(&self, mut product: impl FnMut(usize, usize, usize)) {
        let three = |dims: &[usize], fill: usize| {
            let mut out = [fill; 3];
            out[3 - dims.len()..].copy_from_slice(dims);
            out
        };
        let (input, output, kernel) = (three(&self.input, 1), three(&self.output(), 1), three(&self.kernel, 1));
        let (stride, padding) = (three(&self.geometry.stride, 1), three(&self.geometry.padding, 0));
        let dilation = three(&self.geometry.dilation, 1);
        let (cg, kg) = (self.c / self.geometry.groups, self.k / self.geometry.groups);
        let split =
            |at: usize, sizes: [usize; 3]| [at / (sizes[1] * sizes[2]), at / sizes[2] % sizes[1], at % sizes[2]];
        let volume = |sizes: [usize; 3]| sizes.iter().product::<usize>();
        for n in 0..self.n {
            for k in 0..self.k {
                for c in 0..cg {
                    for o in 0..volume(output) {
                        for t in 0..volume(kernel) {
                            let (at, tap) = (split(o, output), split(t, kernel));
                            let from: [Option<usize>; 3] = std::array::from_fn(|axis| {
                                (at[axis] * stride[axis] + tap[axis] * dilation[axis])
                                    .checked_sub(padding[axis])
                                    .filter(|&from| from < input[axis])
                            });
                            if let [Some(d), Some(h), Some(w)] = from {
                                let i = (d * input[1] + h) * input[2] + w;
                                let channel = k / kg * cg + c;
                                product(
                                    (n * self.k + k) * volume(output) + o,
                                    (n * self.c + channel) * volume(input) + i,
                                    (k * cg + c) * volume(kernel) + t,
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Convolutions of any kind, small enough for the loops.
pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let channels = (prop_oneof![Just(1usize), Just(2), Just(3), Just(5)], 1usize..20, 1usize..36, 0usize..4);
    (1usize..4, 1usize..4, channels, any::<(u64, bool)>())
        .prop_flat_map(|(axes, n, (groups, cg, kg, kind), (seed, format))| {
            let axis = (1usize..[0, 40, 14, 6][axes], 1usize..6, 1usize..4, 0usize..4, 1usize..4);
            (prop::collection::vec(axis, axes), Just((n, groups, cg, kg, kind, seed, format)))
        })
        .prop_map(|(axes, (n, groups, cg, kg, kind, seed, format))| {
            let (groups, cg, kg) = match kind {
                0 => (1, cg, kg),
                1 => (groups, cg.div_ceil(groups), kg.div_ceil(groups)),
                2 => (cg + kg, 1, 1 + (seed % 2) as usize),
                _ => (1, 1 + cg % 4, kg),
            };
            let plain = seed % 3 == 0;
            let pick = |f: fn(&(usize, usize, usize, usize, usize)) -> usize| axes.iter().map(f).collect::<Vec<_>>();
            let geometry = ConvGeometry {
                stride: dims(&if plain { vec![1; axes.len()] } else { pick(|a| a.2) }),
                padding: dims(&pick(|a| a.3)),
                dilation: dims(&if plain { vec![1; axes.len()] } else { pick(|a| a.4) }),
                groups,
                algorithm: ConvAlgorithm::Auto,
            };
            let kernel = if plain && seed % 2 == 0 { vec![3; axes.len()] } else { pick(|a| a.1) };
            let input = axes
                .iter()
                .enumerate()
                .map(|(i, a)| a.0.max((geometry.dilation[i] * (kernel[i] - 1) + 1).saturating_sub(2 * a.3)))
                .collect();
            Case { n, c: groups * cg, k: groups * kg, input, kernel, geometry, seed, format }
        })
}

/// Two-dimensional 3x3 convolutions with stride 1 that Winograd's method serves.
pub(crate) fn winograd_cases() -> impl Strategy<Value = Case> {
    let sizes = (1usize..4, 12usize..40, 12usize..50, 4usize..20, 4usize..20);
    (sizes, 0usize..3, 0usize..3, any::<(u64, bool)>()).prop_map(|((n, c, k, h, w), ph, pw, (seed, format))| {
        let geometry = ConvGeometry { padding: dims(&[ph, pw]), ..ConvGeometry::unit(2) };
        Case { n, c, k, input: vec![h, w], kernel: vec![3, 3], geometry, seed, format }
    })
}

/// First layers and depthwise layers: few channels, many images and wide rows, so that work is divided.
pub(crate) fn wide_cases() -> impl Strategy<Value = Case> {
    let sizes = (1usize..20, 1usize..8, 1usize..20, 10usize..40, 10usize..40);
    (sizes, 1usize..6, 1usize..4, any::<(u64, bool)>()).prop_map(|((n, c, k, h, w), size, stride, (seed, format))| {
        let groups = if seed % 3 == 0 { k } else { 1 };
        let c = if groups == 1 { c } else { k };
        let padding = seed as usize / 3 % size;
        let geometry = ConvGeometry {
            stride: dims(&[stride, stride]),
            padding: dims(&[padding, size - 1 - padding]),
            groups,
            ..ConvGeometry::unit(2)
        };
        Case { n, c, k, input: vec![h, w], kernel: vec![size, size], geometry, seed, format }
    })
}

/// Few input channels and wide filters in any number of axes.
pub(crate) fn scattered_cases() -> impl Strategy<Value = Case> {
    let channels = (prop_oneof![6 => 1usize..7, 1 => 9usize..12], 8usize..20);
    (1usize..4, 1usize..4, channels, any::<(u64, bool)>())
        .prop_flat_map(|(axes, n, channels, (seed, format))| {
            // Sizes, filters, strides, paddings and dilations; only the width's filters are wide, and not dilated.
            let other = (1usize..[0, 2, 20, 7][axes], 1usize..5, 1usize..4, 0usize..4, 1usize..3);
            let width = (1usize..[0, 90, 24, 12][axes], 4usize..8, 1usize..4, 0usize..5, Just(1));
            (prop::collection::vec(other, axes - 1), width, Just((n, channels, seed, format)))
        })
        .prop_map(|(mut axes, width, (n, (c, k), seed, format))| {
            axes.push(width);
            let pick = |f: fn(&(usize, usize, usize, usize, usize)) -> usize| axes.iter().map(f).collect::<Vec<_>>();
            let geometry = ConvGeometry {
                stride: dims(&pick(|a| a.2)),
                padding: dims(&pick(|a| a.3)),
                dilation: dims(&pick(|a| a.4)),
                groups: 1,
                algorithm: ConvAlgorithm::Auto,
            };
            let input = pick(|a| a.0.max((a.4 * (a.1 - 1) + 1).saturating_sub(2 * a.3)));
            Case { n, c, k, input, kernel: pick(|a| a.1), geometry, seed, format }
        })
}

/// 1x1 convolutions of many channels over some small images.
pub(crate) fn pointwise_cases() -> impl Strategy<Value = Case> {
    let sizes = (1usize..12, 60usize..150, 17usize..80, 1usize..10, 1usize..10);
    (sizes, 1usize..3, any::<(u64, bool)>()).prop_map(|((n, c, k, h, w), stride, (seed, format))| {
        let geometry = ConvGeometry { stride: dims(&[stride, stride]), ..ConvGeometry::unit(2) };
        let k = if seed % 2 == 0 { k.next_multiple_of(16) } else { k };
        Case { n, c, k, input: vec![h, w], kernel: vec![1, 1], geometry, seed, format }
    })
}

/// One filter of mostly 3x3 per channel, from one channel to several vectors of them.
pub(crate) fn depthwise_cases() -> impl Strategy<Value = Case> {
    let sizes = (1usize..4, 1usize..70, 1usize..13, 1usize..13);
    let kernel = prop_oneof![4 => Just((3usize, 3usize)), 1 => (1usize..4, 1usize..5)];
    (sizes, kernel, (0usize..4, 0usize..4), any::<(u64, bool)>()).prop_map(
        |((n, c, h, w), (kh, kw), (ph, pw), (seed, format))| {
            let stride = 1 + (seed % 2) as usize;
            let geometry = ConvGeometry {
                stride: dims(&[stride, stride]),
                padding: dims(&[ph, pw]),
                groups: c,
                ..ConvGeometry::unit(2)
            };
            let least = |size: usize, kernel: usize, padding: usize| size.max(kernel.saturating_sub(2 * padding));
            Case {
                n,
                c,
                k: c,
                input: vec![least(h, kh, ph), least(w, kw, pw)],
                kernel: vec![kh, kw],
                geometry,
                seed,
                format,
            }
        },
    )
}
