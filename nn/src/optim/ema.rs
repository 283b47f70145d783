//! An exponential moving average of weights, which often tests better than the weights themselves.

use autograd::Variable;
use tensor::Tensor;
use tensor::kernels::optim::{Lane, Rule, Slot, update};

/// A moving average `a = decay a + (1 - decay) w` of parameters. PyTorch:
/// `torch.optim.swa_utils.AveragedModel` with `get_ema_avg_fn(decay)`.
///
/// ```
/// use autograd::Variable;
/// use gradus_nn::optim::Ema;
/// use tensor::Tensor;
///
/// let w = Variable::leaf(Tensor::from([0.0, 0.0]));
/// let mut ema = Ema::new([&w], 0.5);
/// w.set_data(Tensor::from([1.0, 2.0]));
/// ema.update();
/// assert_eq!(ema.averages()[0].to_vec::<f64>(), [0.5, 1.0]);
/// let kept = ema.swap();
/// assert_eq!(w.to_vec::<f64>(), [0.5, 1.0]);
/// ema.restore(kept);
/// assert_eq!(w.to_vec::<f64>(), [1.0, 2.0]);
/// ```
#[derive(Debug)]
pub struct Ema {
    params: Vec<Variable>,
    averages: Vec<Tensor>,
    decay: f64,
}

#[derive(Clone, Copy)]
struct Average(f64);

impl Rule<0> for Average {
    #[inline(always)]
    fn apply<V: Lane>(&self, average: V, value: V, state: [V; 0]) -> (V, [V; 0]) {
        (average.lerp(value, 1.0 - self.0), state)
    }
}

impl Ema {
    /// An average that starts at the parameters' values now.
    ///
    /// # Panics
    /// If `decay` is not in [0, 1].
    #[track_caller]
    pub fn new<P: Into<Variable>>(params: impl IntoIterator<Item = P>, decay: f64) -> Ema {
        if !(0.0..=1.0).contains(&decay) {
            tensor::fault!("ema", [], "decay must be in [0, 1], got {decay}");
        }
        let params: Vec<Variable> = params.into_iter().map(Into::into).collect();
        Ema { averages: params.iter().map(|param| param.data().deep_clone()).collect(), params, decay }
    }

    /// Takes in the parameters' values now; call it after each optimizer step.
    pub fn update(&mut self) {
        let pairs = self.averages.iter_mut().zip(&self.params);
        let slots = pairs.map(|(value, param)| Slot {
            rule: Average(self.decay),
            value,
            grad: param.data(),
            state: Default::default(),
        });
        update::<_, 0>(slots.collect());
    }

    /// The averages, in the parameters' order.
    pub fn averages(&self) -> &[Tensor] {
        &self.averages
    }

    /// Puts other averages in place, as from a checkpoint.
    ///
    /// # Panics
    /// If their number or shapes differ.
    #[track_caller]
    pub fn set_averages(&mut self, averages: Vec<Tensor>) {
        let fits = averages.len() == self.averages.len();
        if !fits || averages.iter().zip(&self.averages).any(|(a, b)| a.shape() != b.shape()) {
            tensor::fault!("ema", [], "the averages' number or shapes differ from the parameters'");
        }
        self.averages = averages;
    }

    /// Puts the averages into the parameters and returns the values that stood there, for [`restore`](Ema::restore).
    pub fn swap(&self) -> Vec<Tensor> {
        let before = self.params.iter().map(Variable::data).collect();
        for (param, average) in self.params.iter().zip(&self.averages) {
            param.set_data(average.clone());
        }
        before
    }

    /// Puts values back that [`swap`](Ema::swap) returned.
    ///
    /// # Panics
    /// If their shapes differ from the parameters'.
    #[track_caller]
    pub fn restore(&self, values: Vec<Tensor>) {
        for (param, value) in self.params.iter().zip(values) {
            param.set_data(value);
        }
    }
}
