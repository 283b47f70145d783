//! Samples and naive references for the checks of the family.

use autograd::check::{Check, REACH, Sample, strategy::values};
use proptest::prelude::{BoxedStrategy, Just, Strategy};
use tensor::kernels::conv::{ConvAlgorithm, ConvGeometry};
use tensor::{Dims, Tensor};

use super::{Conv, ConvBias, ConvRelu, ConvTranspose, ConvTransposeBias, ConvWeightGrad};

/// One convolution: geometry and all sizes.
#[derive(Clone, Debug)]
struct Case {
    geometry: ConvGeometry,
    x: Vec<usize>,
    w: Vec<usize>,
    y: Vec<usize>,
}

/// Per axis: kernel, stride, dilation, padding, and how much longer than its window the padded input is.
fn axis() -> BoxedStrategy<[usize; 5]> {
    (1..=3usize, 1..=3usize, 1..=2usize, 0..=2usize, 0..=3usize).prop_map(|(k, s, d, p, e)| [k, s, d, p, e]).boxed()
}

fn case() -> BoxedStrategy<Case> {
    let channels = (1..=2usize, 1..=2usize, 1..=2usize, 1..=2usize);
    (1..=3usize)
        .prop_flat_map(move |axes| (channels.clone(), proptest::collection::vec(axis(), axes)))
        .prop_map(|((n, groups, c, k), axes)| {
            let column = |at: usize| axes.iter().map(|axis| axis[at]).collect::<Dims>();
            let geometry = ConvGeometry {
                stride: column(1),
                padding: column(3),
                dilation: column(2),
                groups,
                algorithm: ConvAlgorithm::Default,
            };
            let size = |&[k, _, d, p, extra]: &[usize; 5]| (d * (k - 1) + 1 + extra).saturating_sub(2 * p).max(1);
            let (input, kernel): (Vec<usize>, Vec<usize>) = axes.iter().map(|axis| (size(axis), axis[0])).unzip();
            let output = geometry.output_spatial(&input, &kernel).expect("the input is larger than the window");
            Case {
                geometry,
                x: [&[n, c * groups], &input[..]].concat(),
                w: [&[k * groups, c], &kernel[..]].concat(),
                y: [&[n, k * groups], &output[..]].concat(),
            }
        })
        .boxed()
}

/// `f` for every index into `shape`.
fn each(shape: &[usize], mut f: impl FnMut(&[usize])) {
    let mut index = vec![0; shape.len()];
    for _ in 0..shape.iter().product::<usize>() {
        f(&index);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            if index[axis] < shape[axis] {
                break;
            }
            index[axis] = 0;
        }
    }
}

fn position(shape: &[usize], index: &[usize]) -> usize {
    index.iter().zip(shape).fold(0, |at, (&i, &size)| at * size + i)
}

/// Calls `f` with the positions in x, w and y of every product of the convolution.
fn products(case: &Case, mut f: impl FnMut(usize, usize, usize)) {
    let Case { geometry, x, w, y } = case;
    let per_group = w[0] / geometry.groups;
    each(y, |o| {
        each(&w[1..], |t| {
            let mut at = vec![o[0], o[1] / per_group * w[1] + t[0]];
            for axis in 0..x.len() - 2 {
                let i = (o[axis + 2] * geometry.stride[axis] + t[axis + 1] * geometry.dilation[axis])
                    .wrapping_sub(geometry.padding[axis]);
                if i >= x[axis + 2] {
                    return;
                }
                at.push(i);
            }
            let tap = [&[o[1]], t].concat();
            f(position(x, &at), position(w, &tap), position(y, o));
        });
    });
}

/// The convolution, with `bias` added per output channel.
fn convolution(case: &Case, x: &Tensor, w: &Tensor, bias: Option<&Tensor>) -> Vec<f64> {
    let (x, w) = (x.to_vec::<f64>(), w.to_vec::<f64>());
    let mut out = plane_values(&case.y, bias);
    products(case, |i, t, o| out[o] += x[i] * w[t]);
    out
}

fn transposed(case: &Case, g: &Tensor, w: &Tensor, bias: Option<&Tensor>) -> Vec<f64> {
    let (g, w) = (g.to_vec::<f64>(), w.to_vec::<f64>());
    let mut out = plane_values(&case.x, bias);
    products(case, |i, t, o| out[i] += g[o] * w[t]);
    out
}

/// A number per channel over a whole `[n, c, *spatial]`.
fn plane_values(shape: &[usize], per_channel: Option<&Tensor>) -> Vec<f64> {
    let plane: usize = shape[2..].iter().product();
    let values = per_channel.map_or_else(|| vec![0.0; shape[1]], Tensor::to_vec::<f64>);
    (0..shape.iter().product()).map(|at: usize| values[at / plane % shape[1]]).collect()
}

fn case_of(geometry: &ConvGeometry, x: &[usize], w: &[usize], y: &[usize]) -> Case {
    Case { geometry: geometry.clone(), x: x.to_vec(), w: w.to_vec(), y: y.to_vec() }
}

fn output_of(geometry: &ConvGeometry, x: &[usize], w: &[usize]) -> Vec<usize> {
    let spatial = geometry.output_spatial(&x[2..], &w[2..]).expect("samples fit");
    [&[x[0], w[0]], &spatial[..]].concat()
}

fn input_of(output: &[usize], groups: usize, g: &[usize], w: &[usize]) -> Vec<usize> {
    [&[g[0], w[1] * groups], output].concat()
}

impl Check<2> for Conv {
    fn samples() -> BoxedStrategy<Sample<Self, 2>> {
        case()
            .prop_flat_map(|case| (Just(case.geometry), values(&case.x), values(&case.w)))
            .prop_map(|(geometry, x, w)| Sample { op: Conv { geometry }, inputs: [x, w] })
            .boxed()
    }

    fn reference(&self, [x, w]: [&Tensor; 2]) -> Option<Tensor> {
        let y = output_of(&self.geometry, x.shape(), w.shape());
        let case = case_of(&self.geometry, x.shape(), w.shape(), &y);
        Some(Tensor::from_vec(convolution(&case, x, w, None), y))
    }
}

impl Check<3> for ConvBias {
    fn samples() -> BoxedStrategy<Sample<Self, 3>> {
        case()
            .prop_flat_map(|case| (Just(case.geometry), values(&case.x), values(&case.w), values(&[case.w[0]])))
            .prop_map(|(geometry, x, w, b)| Sample { op: ConvBias { geometry }, inputs: [x, w, b] })
            .boxed()
    }

    fn reference(&self, [x, w, b]: [&Tensor; 3]) -> Option<Tensor> {
        let y = output_of(&self.geometry, x.shape(), w.shape());
        let case = case_of(&self.geometry, x.shape(), w.shape(), &y);
        Some(Tensor::from_vec(convolution(&case, x, w, Some(b)), y))
    }
}

/// A bias that puts ReLU's kink into the widest gap between a channel's results, if it has several.
fn bias_off_the_kink(op: &ConvBias, x: &Tensor, w: &Tensor, b: &Tensor) -> Tensor {
    let y = op.reference([x, w, &b.zeros_like()]).expect("there is a reference");
    let bias = b.to_vec::<f64>().into_iter().enumerate().map(|(k, given)| {
        let mut results = y.select(1, k as isize).to_vec::<f64>();
        results.sort_by(f64::total_cmp);
        let gap = results.windows(2).max_by(|a, b| (a[1] - a[0]).total_cmp(&(b[1] - b[0])));
        gap.map_or(given, |gap| -0.5 * (gap[0] + gap[1]))
    });
    Tensor::from_vec(bias.collect::<Vec<f64>>(), b.shape())
}

impl Check<3> for ConvRelu {
    fn samples() -> BoxedStrategy<Sample<Self, 3>> {
        ConvBias::samples()
            .prop_map(|Sample { op, inputs: [x, w, b] }| {
                let b = bias_off_the_kink(&op, &x, &w, &b);
                Sample { op: ConvRelu { geometry: op.geometry }, inputs: [x, w, b] }
            })
            .prop_filter("a result may meet the kink", |sample| {
                let [x, w, b] = &sample.inputs;
                let plain = ConvBias { geometry: sample.op.geometry.clone() };
                let result = |x: &Tensor, w: &Tensor, b: &Tensor| plain.reference([x, w, b]).expect("there is one");
                // Moved by up to REACH each, |dy| <= REACH (sum |x| + |w| + 1) + REACH^2 (number of terms).
                let ones = [x, w, b].map(Tensor::ones_like);
                let slopes = result(&x.abs(), &ones[1], &ones[2]) + result(&ones[0], &w.abs(), &b.zeros_like());
                let square = result(&ones[0], &ones[1], &b.zeros_like()) * REACH;
                let reach = (slopes + square) * REACH;
                let results = result(x, w, b).to_vec::<f64>();
                results.iter().zip(reach.to_vec::<f64>()).all(|(y, reach)| y.abs() > reach)
            })
            .boxed()
    }

    fn reference(&self, inputs: [&Tensor; 3]) -> Option<Tensor> {
        ConvBias { geometry: self.geometry.clone() }.reference(inputs).map(|y| y.relu())
    }
}

impl Check<2> for ConvTranspose {
    fn samples() -> BoxedStrategy<Sample<Self, 2>> {
        case()
            .prop_flat_map(|case| {
                let op = ConvTranspose { geometry: case.geometry, output: Dims::from_slice(&case.x[2..]) };
                (Just(op), values(&case.y), values(&case.w))
            })
            .prop_map(|(op, g, w)| Sample { op, inputs: [g, w] })
            .boxed()
    }

    fn reference(&self, [g, w]: [&Tensor; 2]) -> Option<Tensor> {
        let x = input_of(&self.output, self.geometry.groups, g.shape(), w.shape());
        let case = case_of(&self.geometry, &x, w.shape(), g.shape());
        Some(Tensor::from_vec(transposed(&case, g, w, None), x))
    }
}

impl Check<3> for ConvTransposeBias {
    fn samples() -> BoxedStrategy<Sample<Self, 3>> {
        case()
            .prop_flat_map(|case| {
                let op = ConvTransposeBias { geometry: case.geometry, output: Dims::from_slice(&case.x[2..]) };
                (Just(op), values(&case.y), values(&case.w), values(&[case.x[1]]))
            })
            .prop_map(|(op, g, w, b)| Sample { op, inputs: [g, w, b] })
            .boxed()
    }

    fn reference(&self, [g, w, b]: [&Tensor; 3]) -> Option<Tensor> {
        let x = input_of(&self.output, self.geometry.groups, g.shape(), w.shape());
        let case = case_of(&self.geometry, &x, w.shape(), g.shape());
        Some(Tensor::from_vec(transposed(&case, g, w, Some(b)), x))
    }
}

impl Check<2> for ConvWeightGrad {
    fn samples() -> BoxedStrategy<Sample<Self, 2>> {
        case()
            .prop_flat_map(|case| {
                let op = ConvWeightGrad { geometry: case.geometry, kernel: Dims::from_slice(&case.w[2..]) };
                (Just(op), values(&case.x), values(&case.y))
            })
            .prop_map(|(op, x, g)| Sample { op, inputs: [x, g] })
            .boxed()
    }

    fn reference(&self, [x, g]: [&Tensor; 2]) -> Option<Tensor> {
        let w = [&[g.shape()[1], x.shape()[1] / self.geometry.groups], &self.kernel[..]].concat();
        let case = case_of(&self.geometry, x.shape(), &w, g.shape());
        let (x, g) = (x.to_vec::<f64>(), g.to_vec::<f64>());
        let mut out = vec![0.0; w.iter().product()];
        products(&case, |i, t, o| out[t] += x[i] * g[o]);
        Some(Tensor::from_vec(out, w))
    }
}
