//! The affine map of a fully connected layer, as one op.

use autograd::{Context, Keeps, Op, Variable};
use tensor::{Dims, Tensor, kernels};

use super::fused_relu::{defer, relu_grad};

/// See [`linear`].
#[derive(Clone, Debug)]
pub struct Linear;

impl Op<2> for Linear {
    const NAME: &'static str = "linear";
    type Saved = ();

    fn forward(&self, [x, w]: [&Tensor; 2]) -> (Tensor, ()) {
        (kernels::linear::linear(x, w, None, false), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        [cx.wants(0).then(|| of_input(g, &cx.input(1))), cx.wants(1).then(|| of_weight(g, &cx.input(0)))]
    }
}

/// See [`linear`].
#[derive(Clone, Debug)]
pub struct LinearBias;

impl Op<3> for LinearBias {
    const NAME: &'static str = "linear_bias";
    const KEEPS: Keeps = Keeps::NOTHING.and_input(0).and_input(1);
    type Saved = ();

    fn forward(&self, [x, w, b]: [&Tensor; 3]) -> (Tensor, ()) {
        (kernels::linear::linear(x, w, Some(b), false), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 3>) -> [Option<Variable>; 3] {
        [
            cx.wants(0).then(|| of_input(g, &cx.input(1))),
            cx.wants(1).then(|| of_weight(g, &cx.input(0))),
            cx.wants(2).then(|| of_bias(g)),
        ]
    }
}

/// `max(x w^T + b, 0)`: what becomes of [`linear`] followed by a ReLU.
#[derive(Clone, Debug)]
pub struct LinearRelu;

impl Op<3> for LinearRelu {
    const NAME: &'static str = "linear_relu";
    const KEEPS: Keeps = Keeps::NOTHING.and_input(0).and_input(1).and_output();
    type Saved = ();

    fn forward(&self, [x, w, b]: [&Tensor; 3]) -> (Tensor, ()) {
        (kernels::linear::linear(x, w, Some(b), true), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 3>) -> [Option<Variable>; 3] {
        let g = relu_grad(g, &cx.output());
        [
            cx.wants(0).then(|| of_input(&g, &cx.input(1))),
            cx.wants(1).then(|| of_weight(&g, &cx.input(0))),
            cx.wants(2).then(|| of_bias(&g)),
        ]
    }
}

fn of_input(g: &Variable, w: &Variable) -> Variable {
    g.matmul(w)
}

/// `[.., m]` as a matrix.
fn rows(x: &Variable) -> Variable {
    let width = x.size(-1);
    x.reshape([x.shape()[..x.rank() - 1].iter().product(), width])
}

fn of_weight(g: &Variable, x: &Variable) -> Variable {
    rows(g).transpose(0, 1).matmul(&rows(x))
}

fn of_bias(g: &Variable) -> Variable {
    rows(g).sum(&[0], false)
}

/// `x w^T + b`: `x [.., m]`, `w [n, m]`, `b [n]` give `[.., n]`. PyTorch: `torch.nn.functional.linear`.
///
/// ```
/// use gradus_nn::ops::linear::linear;
/// use autograd::Variable;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([[1.0, 2.0]]));
/// let w = Variable::new(Tensor::from([[1.0, 1.0], [1.0, -1.0], [0.0, 3.0]]));
/// assert_eq!(linear(&x, &w, None).to_vec::<f64>(), [3.0, -1.0, 6.0]);
/// ```
///
/// # Panics
/// If `x` has no axes, inner sizes or dtypes differ, or the bias has another length.
#[track_caller]
pub fn linear(x: &Variable, w: &Variable, bias: Option<&Variable>) -> Variable {
    if x.rank() == 0 {
        tensor::fault!("linear", [input: x.shape(), weight: w.shape()], "the input needs at least 1 axis");
    }
    if w.rank() != 2 {
        tensor::fault!("linear", [input: x.shape(), weight: w.shape()], "expected a weight of 2 axes, got {}", w.rank());
    }
    if x.dtype() != w.dtype() {
        tensor::fault!("linear", [input: x.shape(), weight: w.shape()],
            "dtypes differ, {} and {}; convert with to_dtype", x.dtype(), w.dtype());
    }
    let (features, expected) = (x.size(-1), w.size(1));
    if features != expected {
        tensor::fault!("linear", [input: x.shape(), weight: w.shape()],
            "input has {features} features but weight expects {expected}");
    }
    match bias {
        None => Linear.apply([x, w]),
        Some(bias) => {
            if bias.shape() != [w.size(0)] {
                tensor::fault!("linear", [input: x.shape(), weight: w.shape(), bias: bias.shape()],
                    "expected a bias of {} elements", w.size(0));
            }
            if bias.dtype() != x.dtype() {
                tensor::fault!("linear", [input: x.shape(), bias: bias.shape()],
                    "bias must be {}, got {}; convert with to_dtype", x.dtype(), bias.dtype());
            }
            let mut shape = Dims::from_slice(x.shape());
            shape[x.rank() - 1] = w.size(0);
            defer(LinearBias, LinearRelu, [x, w, bias], shape)
        }
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use autograd::check::{Check, REACH, Sample, strategy::values};
    use proptest::prelude::{BoxedStrategy, Strategy};
    use tensor::Tensor;

    use super::{Linear, LinearBias, LinearRelu};

    /// Leading sizes of the input, numbers before and after.
    fn sizes() -> BoxedStrategy<(Vec<usize>, usize, usize)> {
        (proptest::collection::vec(1..=3usize, 0..=2), 1..=4usize, 1..=4usize).boxed()
    }

    fn reference(x: &Tensor, w: &Tensor, bias: Option<&Tensor>) -> Tensor {
        let (inputs, outputs) = (w.shape()[1], w.shape()[0]);
        let shape = [&x.shape()[..x.rank() - 1], &[outputs]].concat();
        let (x, w) = (x.to_vec::<f64>(), w.to_vec::<f64>());
        let b = bias.map_or_else(|| vec![0.0; outputs], Tensor::to_vec::<f64>);
        let y = x.chunks(inputs).flat_map(|x| {
            let dot = |row: &[f64]| x.iter().zip(row).map(|(x, w)| x * w).sum::<f64>();
            w.chunks(inputs).zip(&b).map(|(row, b)| dot(row) + b).collect::<Vec<_>>()
        });
        Tensor::from_vec(y.collect::<Vec<f64>>(), shape)
    }

    impl Check<2> for Linear {
        fn samples() -> BoxedStrategy<Sample<Self, 2>> {
            sizes()
                .prop_flat_map(|(lead, m, n)| (values(&[&lead[..], &[m]].concat()), values(&[n, m])))
                .prop_map(|(x, w)| Sample { op: Linear, inputs: [x, w] })
                .boxed()
        }

        fn reference(&self, [x, w]: [&Tensor; 2]) -> Option<Tensor> {
            Some(reference(x, w, None))
        }
    }

    impl Check<3> for LinearBias {
        fn samples() -> BoxedStrategy<Sample<Self, 3>> {
            sizes()
                .prop_flat_map(|(lead, m, n)| (values(&[&lead[..], &[m]].concat()), values(&[n, m]), values(&[n])))
                .prop_map(|(x, w, b)| Sample { op: LinearBias, inputs: [x, w, b] })
                .boxed()
        }

        fn reference(&self, [x, w, b]: [&Tensor; 3]) -> Option<Tensor> {
            Some(reference(x, w, Some(b)))
        }
    }

    impl Check<3> for LinearRelu {
        fn samples() -> BoxedStrategy<Sample<Self, 3>> {
            LinearBias::samples()
                .prop_filter("a result may meet the kink", |sample| {
                    let [x, w, b] = &sample.inputs;
                    // Moved by up to REACH each, |dy| <= REACH (sum |x| + |w| + 1) + REACH^2 (number of terms).
                    let [x1, w1, b1] = [x, w, b].map(Tensor::ones_like);
                    let slopes = reference(&x.abs(), &w1, Some(&b1)) + reference(&x1, &w.abs(), None);
                    let reach = ((slopes + reference(&x1, &w1, None) * REACH) * REACH).to_vec::<f64>();
                    reference(x, w, Some(b)).to_vec::<f64>().iter().zip(reach).all(|(y, reach)| y.abs() > reach)
                })
                .prop_map(|Sample { inputs, .. }| Sample { op: LinearRelu, inputs })
                .boxed()
        }

        fn reference(&self, [x, w, b]: [&Tensor; 3]) -> Option<Tensor> {
            Some(reference(x, w, Some(b)).relu())
        }
    }
}
