//! Connectionist temporal classification (Graves et al. 2006): the likelihood of a label sequence, summed over all its
//! alignments.

use autograd::{Context, GradOptions, Keeps, Op, Variable, grad_with};
use tensor::{DType, Tensor, parallel};

/// The negative log-likelihoods `[N]` of label sequences under log-probabilities `[T, N, C]`; see
/// [`CtcLoss`](crate::loss::CtcLoss).
#[derive(Clone, Debug)]
pub struct Ctc {
    /// The labels of each sample, without blanks.
    pub targets: Vec<Vec<i64>>,
    /// How many of the `T` steps each sample has.
    pub input_lengths: Vec<usize>,
    /// The class of the blank.
    pub blank: i64,
    /// Whether a sample without any alignment costs nothing instead of infinity.
    pub zero_infinity: bool,
}

/// One sample: its labels with blanks between and around, and its log-probabilities, step by step.
struct Lattice<'a> {
    states: Vec<usize>,
    emissions: &'a [f64],
    steps: usize,
    classes: usize,
}

fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if low == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

impl Lattice<'_> {
    /// Whether a path may go from state `s - 2` to `s`.
    fn skips(&self, s: usize) -> bool {
        s % 2 == 1 && s >= 2 && self.states[s] != self.states[s - 2]
    }

    fn emission(&self, t: usize, s: usize) -> f64 {
        self.emissions[t * self.classes + self.states[s]]
    }

    /// `alpha[t, s]`: the log-probability of all paths that are in state `s` at step `t`, that step included.
    fn alpha(&self) -> Vec<f64> {
        let count = self.states.len();
        let mut alpha = vec![f64::NEG_INFINITY; self.steps * count];
        for t in 0..self.steps {
            for s in 0..count {
                let before = |s: usize| alpha[(t - 1) * count + s];
                let sum = match t {
                    0 => {
                        if s < 2 {
                            0.0
                        } else {
                            f64::NEG_INFINITY
                        }
                    }
                    _ => {
                        let mut sum = before(s);
                        if s >= 1 {
                            sum = log_add(sum, before(s - 1));
                        }
                        if self.skips(s) {
                            sum = log_add(sum, before(s - 2));
                        }
                        sum
                    }
                };
                alpha[t * count + s] = sum + self.emission(t, s);
            }
        }
        alpha
    }

    /// `beta[t, s]`: the log-probability of the rest of all paths that are in state `s` at step `t`, without that step.
    fn beta(&self) -> Vec<f64> {
        let count = self.states.len();
        let mut beta = vec![f64::NEG_INFINITY; self.steps * count];
        for t in (0..self.steps).rev() {
            for s in 0..count {
                let after = |s: usize| beta[(t + 1) * count + s] + self.emission(t + 1, s);
                beta[t * count + s] = if t + 1 == self.steps {
                    if s + 2 >= count { 0.0 } else { f64::NEG_INFINITY }
                } else {
                    let mut sum = after(s);
                    if s + 1 < count {
                        sum = log_add(sum, after(s + 1));
                    }
                    if s + 2 < count && self.skips(s + 2) {
                        sum = log_add(sum, after(s + 2));
                    }
                    sum
                };
            }
        }
        beta
    }

    fn loss(&self, alpha: &[f64]) -> f64 {
        let count = self.states.len();
        if self.steps == 0 {
            return if count == 1 { 0.0 } else { f64::INFINITY };
        }
        let last = &alpha[(self.steps - 1) * count..];
        -last[count.saturating_sub(2)..].iter().copied().fold(f64::NEG_INFINITY, log_add)
    }
}

impl Ctc {
    /// Loss, and where asked for its gradient in the sample's log-probabilities `[steps, C]`, per sample.
    fn samples(&self, x: &Tensor, with_grad: bool) -> Vec<(f64, Vec<f64>)> {
        let [_, batch, classes] = *x.shape() else { unreachable!("checked by the public function") };
        let rows = x.to_dtype(DType::F64).permute([1, 0, 2]).contiguous();
        let (all, steps) = (rows.as_slice::<f64>().unwrap_or_default(), x.shape()[0]);
        parallel::map(batch, |n| {
            let lattice = Lattice {
                states: self.states(n),
                emissions: &all[n * steps * classes..(n + 1) * steps * classes],
                steps: self.input_lengths[n],
                classes,
            };
            let alpha = lattice.alpha();
            let loss = lattice.loss(&alpha);
            let mut grad = vec![0.0; if with_grad { lattice.steps * classes } else { 0 }];
            if loss == f64::INFINITY && self.zero_infinity {
                return (0.0, grad);
            }
            if with_grad {
                let count = lattice.states.len();
                for (at, (alpha, beta)) in alpha.iter().zip(lattice.beta()).enumerate() {
                    let (t, s) = (at / count, at % count);
                    grad[t * classes + lattice.states[s]] -= (alpha + beta + loss).exp();
                }
            }
            (loss, grad)
        })
    }

    fn states(&self, sample: usize) -> Vec<usize> {
        let blank = self.blank as usize;
        let labels = self.targets[sample].iter().flat_map(|&label| [label as usize, blank]);
        std::iter::once(blank).chain(labels).collect()
    }

    /// The losses as a formula in variables: the forward recursion on probabilities, scaled to sum 1 at every step.
    fn formula(&self, x: &Variable, feasible: &[bool]) -> Variable {
        let constant =
            |values: Vec<f64>, shape: &[usize]| Variable::new(Tensor::from_vec(values, shape).to_dtype(x.dtype()));
        let losses: Vec<Variable> = (0..self.targets.len())
            .map(|n| {
                let (states, steps) = (self.states(n), self.input_lengths[n]);
                if !feasible[n] || steps == 0 {
                    return constant(vec![0.0], &[1]);
                }
                let count = states.len();
                let lattice = Lattice { states, emissions: &[], steps, classes: 0 };
                let allowed =
                    |from: usize, to: usize| from == to || from + 1 == to || (from + 2 == to && lattice.skips(to));
                let moves = (0..count * count).map(|i| f64::from(u8::from(allowed(i / count, i % count)))).collect();
                let moves = constant(moves, &[count, count]);
                let index: Vec<i64> =
                    (0..steps).flat_map(|_| lattice.states.iter().map(|&state| state as i64)).collect();
                let own = x.narrow(1, n, 1).squeeze(1).narrow(0, 0, steps);
                let emitted = own.gather(1, &Tensor::from_vec(index, [steps, count])).exp();
                let start = (0..count).map(|s| f64::from(u8::from(s < 2))).collect();
                let mut alpha = constant(start, &[1, count]) * emitted.narrow(0, 0, 1);
                let mut log_likelihood = constant(vec![0.0], &[1]);
                for t in 1..=steps {
                    let scale = alpha.sum(&[1], false);
                    log_likelihood = log_likelihood + scale.log();
                    alpha = alpha / scale.unsqueeze(1);
                    if t < steps {
                        alpha = alpha.matmul(&moves) * emitted.narrow(0, t, 1);
                    }
                }
                let ends = count.min(2);
                -(log_likelihood + alpha.narrow(1, count - ends, ends).sum(&[1], false).log())
            })
            .collect();
        autograd::ops::cat::cat(&losses.iter().collect::<Vec<_>>(), 0)
    }
}

impl Op<1> for Ctc {
    const NAME: &'static str = "ctc_loss";
    const KEEPS: Keeps = Keeps::INPUTS;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        let losses: Vec<f64> = self.samples(x, false).into_iter().map(|(loss, _)| loss).collect();
        let batch = losses.len();
        (Tensor::from_vec(losses, [batch]).to_dtype(x.dtype()), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let x = cx.input(0);
        let samples = self.samples(&x.data(), true);
        if cx.records() {
            let feasible: Vec<bool> = samples.iter().map(|(_, grad)| grad.iter().any(|&g| g != 0.0)).collect();
            let losses = self.formula(&x, &feasible);
            if !losses.requires_grad() {
                return [Some(Variable::new(x.data().zeros_like()))];
            }
            let options = GradOptions { create_graph: true, allow_unused: true, ..GradOptions::default() };
            let dx = grad_with(&[&losses], &[g], &[&x], options).pop().flatten();
            return [Some(dx.unwrap_or_else(|| Variable::new(x.data().zeros_like())))];
        }
        let [steps, batch, classes] = *x.shape() else { unreachable!("checked by the public function") };
        let mut all = vec![0.0; batch * steps * classes];
        for (out, (_, grad)) in all.chunks_mut((steps * classes).max(1)).zip(&samples) {
            out[..grad.len()].copy_from_slice(grad);
        }
        let grad = Tensor::from_vec(all, [batch, steps, classes]).permute([1, 0, 2]).contiguous().to_dtype(x.dtype());
        [Some(Variable::new(grad) * g.reshape([1, batch, 1]))]
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use autograd::check::strategy::values_in;
    use autograd::check::{Check, Sample};
    use proptest::collection::vec;
    use proptest::prelude::{Just, Strategy};
    use proptest::strategy::BoxedStrategy;

    use super::{Ctc, Tensor};

    impl Check<1> for Ctc {
        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            (1..6usize, 1..4usize, 2..4usize)
                .prop_flat_map(|(steps, batch, classes)| {
                    let targets = vec(vec(1..classes as i64, 0..3), batch);
                    let lengths = vec(1..=steps, batch);
                    // Log-probabilities of no distribution: the gradient must not lean on rows that sum to 1.
                    (targets, lengths, values_in(&[steps, batch, classes], -2.0, -0.1), Just(()))
                })
                .prop_map(|(targets, input_lengths, x, ())| Sample {
                    op: Ctc { targets, input_lengths, blank: 0, zero_infinity: true },
                    inputs: [x],
                })
                .boxed()
        }

        /// The sum over all paths, one by one.
        fn reference(&self, [x]: [&Tensor; 1]) -> Option<Tensor> {
            let view = x.view_as::<f64>();
            let classes = x.shape()[2];
            let losses: Vec<f64> = (0..self.targets.len())
                .map(|n| {
                    let steps = self.input_lengths[n];
                    let mut likelihood = 0.0;
                    for path in 0..classes.pow(steps as u32) {
                        let labels: Vec<usize> = (0..steps).map(|t| path / classes.pow(t as u32) % classes).collect();
                        let mut collapsed = labels.clone();
                        collapsed.dedup();
                        collapsed.retain(|&label| label != 0);
                        if collapsed.iter().map(|&label| label as i64).eq(self.targets[n].iter().copied()) {
                            likelihood +=
                                labels.iter().enumerate().map(|(t, &c)| view.at(&[t, n, c])).sum::<f64>().exp();
                        }
                    }
                    if likelihood == 0.0 { 0.0 } else { -f64::ln(likelihood) }
                })
                .collect();
            Some(Tensor::from_vec(losses, [self.targets.len()]))
        }
    }
}
