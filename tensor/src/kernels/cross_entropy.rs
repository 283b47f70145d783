//! Softmax, logarithm, choice of the label and its gradient in one walk over the logits.
//!
//! A classifier's loss is a chain of six ops over a small matrix; done one by one, their overhead exceeds their work.
//! Here each row is read while it is in the first-level cache, and the gradient is written in the same walk.

use super::scratch::Scratch;
use super::softmax::{self, Row};
use crate::parallel::{self, Disjoint};
use crate::{Element, MemoryFormat, Tensor, dispatch, simd};

/// Elements per task.
const GRAIN: usize = 8 * 1024;

/// What a row's loss is: `a lse(x) - sum_c q_c x_c` with `q_c = (1 - smoothing) w_c [c = label] + smoothing / C w_c` and
/// `a = sum_c q_c`.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    /// The label per row, row by row of the logits with classes last; rows with a negative one count nothing.
    pub labels: &'a [i64],
    /// A weight per class; all 1 if absent.
    pub weight: Option<&'a [f64]>,
    /// The share of the label that is spread over all classes.
    pub smoothing: f64,
}

/// The loss of every row of logits `[N, C, ...]`, in the order of the labels, and `scale` times its gradient in the
/// logits (of the logits' shape, classes innermost), where `scale` is given.
///
/// # Panics
/// If the number of labels is not that of rows, or a label is not below `C`.
#[track_caller]
pub fn cross_entropy(logits: &Tensor, labels: Labels<'_>, scale: Option<f64>) -> (Tensor, Option<Tensor>) {
    let (shape, classes) = (logits.shape(), logits.shape()[1]);
    let rows = logits.len().checked_div(classes).unwrap_or(labels.labels.len());
    let in_range = labels.labels.iter().all(|&label| label < classes as i64);
    if labels.labels.len() != rows || !in_range || labels.weight.is_some_and(|weight| weight.len() != classes) {
        crate::fault!("cross_entropy", [logits: shape], "{} labels do not fit {rows} rows", labels.labels.len());
    }
    let logits = logits.to_memory_format(MemoryFormat::ChannelsLast);
    dispatch!(float "cross_entropy", logits.dtype(), T => {
        let x = logits.as_memory::<T>().expect("just made dense");
        let mut grad = scale.map(|_| Tensor::from_fill::<T>(shape, MemoryFormat::ChannelsLast, |_| {}));
        let losses = Tensor::from_fill::<T>([rows], MemoryFormat::Contiguous, |losses| {
            let rule = Rule::<T>::new(labels, classes, scale);
            let out = grad.as_mut().map(|grad| Disjoint::new(grad.make_mut::<T>()));
            let chunk = (GRAIN / classes.max(1)).max(1);
            parallel::for_each_chunk(losses, chunk, |first, losses| {
                let mut unused = Scratch::<T>::new(if out.is_none() { classes } else { 0 });
                for (row, loss) in (first..).zip(losses) {
                    let (x, label) = (&x[row * classes..][..classes], labels.labels[row]);
                    *loss = match &out {
                        // SAFETY: every row is visited by one task, and rows do not overlap.
                        Some(out) => rule.row(x, label, unsafe { out.slice(row * classes, classes) }),
                        None => rule.loss(x, label, unused.as_mut_slice()).0,
                    };
                }
            });
        });
        (losses, grad)
    })
}

struct Rule<T> {
    weight: Option<Vec<T>>,
    /// `1 - smoothing`.
    sharp: T,
    /// `smoothing / C`.
    spread: T,
    /// The sum of all weights.
    total: T,
    scale: T,
}

impl<T: Row> Rule<T> {
    fn new(labels: Labels<'_>, classes: usize, scale: Option<f64>) -> Rule<T> {
        let cast = <T as Element>::from_f64;
        Rule {
            weight: labels.weight.map(|weight| weight.iter().map(|&w| cast(w)).collect()),
            sharp: cast(1.0 - labels.smoothing),
            spread: cast(labels.smoothing / classes as f64),
            total: cast(labels.weight.map_or(classes as f64, |weight| weight.iter().sum())),
            scale: cast(scale.unwrap_or(0.0)),
        }
    }

    fn weight(&self, class: usize) -> T {
        self.weight.as_ref().map_or(<T as Element>::ONE, |weight| weight[class])
    }

    /// How much of the loss is the logarithm of the sum.
    fn mass(&self, chosen: T) -> T {
        if self.spread == <T as Element>::ZERO { chosen } else { chosen + self.spread * self.total }
    }

    /// The loss; `exponentials`, relative to the largest, are left behind for the gradient, with their sum.
    fn loss(&self, x: &[T], label: i64, exponentials: &mut [T]) -> (T, T) {
        let Ok(label) = usize::try_from(label) else { return (<T as Element>::ZERO, <T as Element>::ONE) };
        let chosen = self.sharp * self.weight(label);
        let (top, sum) = softmax::exponentials(x, exponentials);
        let mut loss = self.mass(chosen) * sum.ln() + chosen * (top - x[label]);
        if self.spread != <T as Element>::ZERO {
            let far = |sum, (class, &x): (usize, &T)| sum + self.weight(class) * (top - x);
            loss += self.spread * x.iter().enumerate().fold(<T as Element>::ZERO, far);
        }
        (loss, sum)
    }

    /// The loss, and its gradient times `scale` in `grad`.
    fn row(&self, x: &[T], label: i64, grad: &mut [T]) -> T {
        let (loss, sum) = self.loss(x, label, grad);
        let Ok(label) = usize::try_from(label) else {
            grad.fill(<T as Element>::ZERO);
            return loss;
        };
        let chosen = self.sharp * self.weight(label);
        if self.spread == <T as Element>::ZERO {
            let factor = self.scale * chosen / sum;
            simd::vectorize(|| grad.iter_mut().for_each(|g| *g *= factor));
        } else {
            let (sharp, spread) = (self.scale * chosen, self.scale * self.spread);
            for (class, g) in grad.iter_mut().enumerate() {
                let share = *g / sum;
                // Apart from the label's part, so that a single class gets a gradient of exactly 0.
                *g = sharp * share + spread * (share * self.total - self.weight(class));
            }
        }
        grad[label] -= self.scale * chosen;
        loss
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DType, Generator};

    fn naive(x: &[f64], label: i64, labels: Labels<'_>) -> f64 {
        if label < 0 {
            return 0.0;
        }
        let log_sum = x.iter().map(|x| x.exp()).sum::<f64>().ln();
        let classes = x.len();
        (0..classes)
            .map(|c| {
                let q =
                    labels.smoothing / classes as f64 + if c as i64 == label { 1.0 - labels.smoothing } else { 0.0 };
                -q * labels.weight.map_or(1.0, |w| w[c]) * (x[c] - log_sum)
            })
            .sum()
    }

    #[test]
    fn rows_match_the_definition_and_gradients_its_differences() {
        let mut g = Generator::new(1);
        let x = g.randn([3, 4, 2, 5], DType::F64);
        let mut labels = g.randint([30], 0, 4).to_vec::<i64>();
        labels[7] = -1;
        let weight = [0.5, 2.0, 1.0, 0.25];
        for smoothing in [0.0, 0.1, 1.0] {
            for weight in [None, Some(&weight[..])] {
                let rule = Labels { labels: &labels, weight, smoothing };
                let (losses, grad) = cross_entropy(&x, rule, Some(1.0));
                let grad = grad.unwrap();
                let rows = x.permute([0, 2, 3, 1]).contiguous().to_vec::<f64>();
                let grads = grad.permute([0, 2, 3, 1]).contiguous().to_vec::<f64>();
                for (row, &label) in labels.iter().enumerate() {
                    let x = &rows[row * 4..row * 4 + 4];
                    let loss = naive(x, label, rule);
                    assert!((losses.to_vec::<f64>()[row] - loss).abs() < 1e-12 * loss.abs().max(1.0));
                    for c in 0..4 {
                        let moved = |h: f64| {
                            naive(
                                &std::array::from_fn::<f64, 4, _>(|i| if i == c { x[i] + h } else { x[i] }),
                                label,
                                rule,
                            )
                        };
                        let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                        assert!((grads[row * 4 + c] - slope).abs() < 1e-8);
                    }
                }
            }
        }
    }

    #[test]
    fn a_single_class_has_no_gradient() {
        let x = Tensor::from([[2.7], [-0.3]]);
        let weight = [0.7];
        let rule = Labels { labels: &[0, 0], weight: Some(&weight), smoothing: 0.1 };
        let (losses, grad) = cross_entropy(&x, rule, Some(0.3));
        assert_eq!((losses.to_vec::<f64>(), grad.unwrap().to_vec::<f64>()), (vec![0.0; 2], vec![0.0; 2]));
    }

    #[test]
    fn huge_logits_stay_finite_and_threads_do_not_matter() {
        let x = Tensor::from([[1e4f32, -1e4, 0.0], [-1e4, -1e4, -1e4]]);
        let rule = Labels { labels: &[1, 2], weight: None, smoothing: 0.0 };
        let (losses, _) = cross_entropy(&x, rule, None);
        assert_eq!(losses.to_vec::<f32>(), [2e4, 3f32.ln()]);
        let mut g = Generator::new(1);
        let (x, labels) = (g.randn([5000, 10], DType::F32), g.randint([5000], 0, 10).to_vec::<i64>());
        let all: Vec<Vec<f32>> = [1, 2, 3]
            .iter()
            .map(|&threads| {
                parallel::set_num_threads(threads);
                let (losses, grad) =
                    cross_entropy(&x, Labels { labels: &labels, weight: None, smoothing: 0.1 }, Some(0.5));
                [losses.to_vec::<f32>(), grad.unwrap().to_vec::<f32>()].concat()
            })
            .collect();
        assert!(all[0] == all[1] && all[1] == all[2]);
    }
}
