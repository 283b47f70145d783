//! Softmax and cross entropy with class labels as one op.

use autograd::{Context, Keeps, Op, Variable};
use tensor::kernels::cross_entropy::{Labels, cross_entropy};
use tensor::{DType, MemoryFormat, Tensor};

use crate::loss::Reduction;

/// Cross entropy of logits `[N, C, ...]` and labels `[N, ...]`; see [`CrossEntropyLoss`](crate::loss::CrossEntropyLoss).
#[derive(Clone, Debug)]
pub struct CrossEntropy {
    /// The labels, `i64`, each in `0..C`, or -1 for one that does not count.
    pub labels: Tensor,
    /// A weight per class.
    pub weight: Option<Vec<f64>>,
    /// The share of the label that is spread over all classes.
    pub label_smoothing: f64,
    /// What becomes of the rows' losses; a mean is weighted.
    pub reduction: Reduction,
}

impl CrossEntropy {
    /// What the sum of all rows' losses is divided by; `None` if it is not built.
    fn divisor(&self, labels: &[i64]) -> Option<f64> {
        match self.reduction {
            Reduction::None => None,
            Reduction::Sum => Some(1.0),
            Reduction::BatchMean => Some(self.labels.shape().first().copied().unwrap_or(1) as f64),
            Reduction::Mean => {
                let counted = labels.iter().filter(|&&label| label >= 0);
                Some(match &self.weight {
                    None => counted.count() as f64,
                    Some(weight) => counted.map(|&label| weight[label as usize]).sum(),
                })
            }
        }
    }

    fn compute(&self, logits: &Tensor, with_grad: bool) -> (Tensor, Option<Tensor>) {
        let labels = self.labels.contiguous();
        let labels = labels.as_slice::<i64>().unwrap_or_default();
        let divisor = self.divisor(labels);
        let rule = Labels { labels, weight: self.weight.as_deref(), smoothing: self.label_smoothing };
        let scale = with_grad.then(|| 1.0 / divisor.unwrap_or(1.0));
        let (losses, grad) = cross_entropy(logits, rule, scale);
        let result = match divisor {
            None => losses.reshape(self.labels.shape()),
            Some(divisor) => losses.sum(&[], false) / divisor,
        };
        (result, grad)
    }

    /// The mass `q` of every class in every row, in the logits' shape, of which the loss is `-sum q log softmax(x)`.
    fn masses(&self, shape: &[usize], dtype: DType) -> Tensor {
        let classes = shape[1];
        let weight = |class: usize| self.weight.as_ref().map_or(1.0, |weight| weight[class]);
        let spread = self.label_smoothing / classes as f64;
        let labels = self.labels.to_vec::<i64>();
        let mut rows = shape.to_vec();
        rows.remove(1);
        rows.push(classes);
        let q: Vec<f64> = labels
            .iter()
            .flat_map(|&label| {
                (0..classes).map(move |class| {
                    let chosen = if class as i64 == label { 1.0 - self.label_smoothing } else { 0.0 };
                    if label < 0 { 0.0 } else { (chosen + spread) * weight(class) }
                })
            })
            .collect();
        let mut order: Vec<isize> = (0..rows.len() as isize - 1).collect();
        order.insert(1, rows.len() as isize - 1);
        Tensor::from_vec(q, &rows).permute(order).to_dtype(dtype)
    }
}

impl Op<1> for CrossEntropy {
    const NAME: &'static str = "cross_entropy";
    const KEEPS: Keeps = Keeps::INPUTS;
    /// The gradient for a cotangent of 1.
    type Saved = Tensor;

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, Tensor) {
        let (loss, grad) = self.compute(x, true);
        (loss, grad.expect("asked for"))
    }

    fn infer(&self, [x]: [&Tensor; 1]) -> Tensor {
        self.compute(x, false).0
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        // Without a reduction, a row's cotangent lacks the axis of classes.
        let spread = if self.reduction == Reduction::None { g.unsqueeze(1) } else { g.clone() };
        if !cx.records() {
            let grad = cx.saved();
            let is_one =
                g.len() == 1 && self.reduction != Reduction::None && g.data().to_dtype(DType::F64).item::<f64>() == 1.0;
            return [Some(if is_one { Variable::new(grad.clone()) } else { Variable::new(grad.clone()) * &spread })];
        }
        let x = cx.input(0);
        let q = self.masses(x.shape(), x.dtype());
        let mass = Variable::new(q.sum(&[1], true));
        // Any constant shift leaves the softmax and all its derivatives as they are.
        let e = (&x - Variable::new(x.data().amax(&[1], true))).exp();
        let p = &e / e.sum(&[1], true);
        let slope = (mass * p - Variable::new(q.to_memory_format(MemoryFormat::Contiguous))) * spread;
        let divisor = self.divisor(&self.labels.to_vec::<i64>());
        [Some(divisor.map_or(slope.clone(), |divisor| slope * (1.0 / divisor)))]
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use autograd::check::strategy::values;
    use autograd::check::{Check, Sample};
    use proptest::collection::vec;
    use proptest::prelude::{Just, Strategy, prop_oneof};
    use proptest::strategy::BoxedStrategy;

    use super::{CrossEntropy, DType, Reduction, Tensor};

    impl Check<1> for CrossEntropy {
        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            // One class alone has the loss 0, whose gradient is nothing but rounding.
            let shape =
                (1..4usize, 2..5usize, vec(1..3usize, 0..3)).prop_map(|(n, c, rest)| [vec![n, c], rest].concat());
            let reduction = prop_oneof![Just(Reduction::None), Just(Reduction::Sum), Just(Reduction::Mean)];
            (shape, reduction, prop_oneof![Just(0.0), Just(0.1), Just(1.0)])
                .prop_flat_map(|(shape, reduction, label_smoothing)| {
                    let mut rows = shape.clone();
                    let classes = rows.remove(1);
                    let count = rows.iter().product::<usize>();
                    let labels = vec(-1..classes as i64, count).prop_map(move |mut labels| {
                        // At least one counts, so that a mean is finite.
                        labels[0] = labels[0].max(0);
                        Tensor::from_vec(labels, &rows)
                    });
                    let weight = proptest::option::of(vec(0.25..2.0f64, classes));
                    let op = (labels, weight).prop_map(move |(labels, weight)| CrossEntropy {
                        labels,
                        weight,
                        label_smoothing,
                        reduction,
                    });
                    (op, values(&shape))
                })
                .prop_map(|(op, x)| Sample { op, inputs: [x] })
                .boxed()
        }

        fn reference(&self, [x]: [&Tensor; 1]) -> Option<Tensor> {
            let log_sum = x.exp().sum(&[1], true).log();
            let rows = self.masses(x.shape(), DType::F64).mul(&(&log_sum - x)).sum(&[1], false);
            let labels = self.labels.to_vec::<i64>();
            Some(match self.divisor(&labels) {
                None => rows,
                Some(divisor) => Tensor::scalar(rows.to_vec::<f64>().iter().sum::<f64>() / divisor),
            })
        }
    }
}
