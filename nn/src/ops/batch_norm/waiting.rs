//! What waits to be computed beside a normalisation: its result, until the op that reads it is known, and on the way back
//! its gradient, for the convolution before it.

use std::sync::Arc;

use autograd::{Deferred, Epilogue, Op, Variable};
use tensor::kernels::conv::{Cotangent, Input, Prologue};
use tensor::kernels::norm::{Activation, Channels, InputGradient, Sums, channel_affine};
use tensor::{DType, Dims, Tensor};

use super::{BatchNorm, BatchNormAdd, Source, Statistics};

/// A normalisation whose statistics are known and whose elements are not computed yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) source: Source,
    pub(super) statistics: Arc<Statistics>,
    pub(super) inputs: [Variable; 3],
    /// The inputs at the time of the call: a leaf among them may change before this is computed.
    pub(super) values: [Tensor; 3],
    pub(super) addend: Option<(Variable, Tensor)>,
    pub(super) activation: Activation,
}

impl Waiting {
    pub(super) fn variable(self) -> Variable {
        let (source, activation, saved) = (self.source.clone(), self.activation, self.statistics.clone());
        let [x, weight, bias] = self.inputs.clone();
        match self.addend.clone() {
            None => BatchNorm { source, activation }.apply_deferred([&x, &weight, &bias], saved, Box::new(self)),
            Some((addend, _)) => {
                BatchNormAdd { source, activation }.apply_deferred([&x, &weight, &bias, &addend], saved, Box::new(self))
            }
        }
    }

    fn channels(&self) -> Channels {
        self.source.channels(&self.statistics, &self.values[1], &self.values[2])
    }

    /// The same with something more folded in, unless an input has changed since.
    fn followed_by(&self, addend: Option<(Variable, Tensor)>, activation: Activation) -> Option<Variable> {
        let mut inputs = self.inputs.iter().zip(&self.values);
        inputs.all(|(input, value)| input.data().shares_storage(value)).then(|| {
            let (source, statistics, inputs) = (self.source.clone(), self.statistics.clone(), self.inputs.clone());
            Waiting { source, statistics, inputs, values: self.values.clone(), addend, activation }.variable()
        })
    }
}

impl Deferred for Waiting {
    fn shape(&self) -> Dims {
        Dims::from_slice(self.values[0].shape())
    }

    fn dtype(&self) -> DType {
        self.values[0].dtype()
    }

    fn compute(&self) -> Tensor {
        let addend = self.addend.as_ref().map(|addend| &addend.1);
        channel_affine(&self.values[0], &self.channels(), addend, self.activation)
    }

    fn fuse(&self, _: &Variable, epilogue: &Epilogue<'_>) -> Option<Variable> {
        if self.activation != Activation::Identity {
            return None;
        }
        match epilogue {
            Epilogue::Relu => self.followed_by(self.addend.clone(), Activation::Relu),
            Epilogue::Relu6 => self.followed_by(self.addend.clone(), Activation::Relu6),
            Epilogue::Add(other) if self.addend.is_none() => {
                self.followed_by(Some(((*other).clone(), other.data())), Activation::Identity)
            }
            _ => None,
        }
    }
}

/// A normalisation that the next op computes as it reads.
pub(crate) struct Normalized {
    input: Tensor,
    channels: Channels,
    activation: Activation,
    statistics: Arc<Statistics>,
}

impl Normalized {
    /// The normalisation whose result `x` is, if it still waits to be computed.
    pub(crate) fn waiting(x: &Variable) -> Option<Normalized> {
        x.waiting(|waiting: &Waiting| {
            let (input, activation) = (waiting.values[0].clone(), waiting.activation);
            let statistics = waiting.statistics.clone();
            waiting.addend.is_none().then(|| Normalized { input, channels: waiting.channels(), activation, statistics })
        })
    }

    /// What a convolution reads.
    pub(crate) fn input(&self) -> Input<'_> {
        let prologue = Prologue { channels: &self.channels, activation: self.activation };
        Input { tensor: &self.input, prologue: Some(prologue) }
    }

    /// The gradient in what the convolution read, with the sums of it that the normalisation needs.
    pub(crate) fn gradient(&self, gradient: Tensor, sums: Sums) -> Variable {
        let (of, activation) = (self.statistics.clone(), self.activation);
        Variable::lazy(Box::new(Summed { gradient, sums, of, activation }))
    }
}

/// The gradient of a normalisation in its input, which the convolution before it computes as it reads it.
#[derive(Debug)]
pub(super) struct Backwards(pub(super) InputGradient);

impl Deferred for Backwards {
    fn shape(&self) -> Dims {
        Dims::from_slice(self.0.shape())
    }

    fn dtype(&self) -> DType {
        self.0.dtype()
    }

    fn compute(&self) -> Tensor {
        self.0.compute()
    }

    fn fuse(&self, _: &Variable, _: &Epilogue<'_>) -> Option<Variable> {
        None
    }
}

/// The gradient `g` in a convolution's output, as the convolution reads it.
pub(crate) fn cotangent(g: &Variable) -> Cotangent {
    let waiting = g.waiting(|backwards: &Backwards| Some(Cotangent::Normalized(Box::new(backwards.0.clone()))));
    waiting.unwrap_or_else(|| Cotangent::Tensor(g.data()))
}

/// The gradient in a normalisation's output, with the sums that the normalisation needs of it.
#[derive(Debug)]
pub(super) struct Summed {
    gradient: Tensor,
    pub(super) sums: Sums,
    /// Which normalisation the sums are for: the one with these statistics,
    pub(super) of: Arc<Statistics>,
    /// followed by this.
    pub(super) activation: Activation,
}

impl Deferred for Summed {
    fn shape(&self) -> Dims {
        Dims::from_slice(self.gradient.shape())
    }

    fn dtype(&self) -> DType {
        self.gradient.dtype()
    }

    fn compute(&self) -> Tensor {
        self.gradient.clone()
    }

    fn fuse(&self, _: &Variable, _: &Epilogue<'_>) -> Option<Variable> {
        None
    }
}
