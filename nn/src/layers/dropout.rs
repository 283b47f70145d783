//! Dropout layers: they act in training alone.

use std::sync::{Arc, Mutex, PoisonError};

use autograd::Variable;
use tensor::{Generator, with_default_generator};

use super::text::float;
use crate::Module;
use crate::module::{Forward, ModuleState};
use crate::ops::dropout as op;

macro_rules! dropouts {
    ($(
        $(#[$doc:meta])*
        $name:ident $function:expr;
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Module)]
        #[module(extra_repr = options_text)]
        pub struct $name {
            #[module(skip)]
            p: f64,
            #[module(skip)]
            generator: Option<Arc<Mutex<Generator>>>,
            state: ModuleState,
        }

        impl $name {
            /// Drops with probability `p`, drawing from the default generator.
            ///
            /// # Panics
            /// If `p` is not in `[0, 1]`.
            #[track_caller]
            pub fn new(p: f64) -> $name {
                if !(0.0..=1.0).contains(&p) {
                    tensor::fault!("dropout", [], "the probability must lie in [0, 1], got {p}");
                }
                $name { p, generator: None, state: ModuleState::default() }
            }

            /// Draws from a generator of its own.
            pub fn with_generator(self, generator: Generator) -> $name {
                $name { generator: Some(Arc::new(Mutex::new(generator))), ..self }
            }

            fn options_text(&self) -> String {
                format!("p={}, inplace=False", float(self.p))
            }
        }

        impl Default for $name {
            fn default() -> $name {
                $name::new(0.5)
            }
        }

        impl Forward for $name {
            fn forward(&self, x: &Variable) -> Variable {
                if !self.is_training() {
                    return x.clone();
                }
                let run = |generator: &mut Generator| $function(x, self.p, generator);
                match &self.generator {
                    Some(own) => run(&mut own.lock().unwrap_or_else(PoisonError::into_inner)),
                    None => with_default_generator(run),
                }
            }
        }
    )*};
}

dropouts! {
    /// Elements set to 0 at random, the others scaled up. PyTorch: `torch.nn.Dropout`.
    ///
    /// ```
    /// use gradus_nn::layers::Dropout;
    /// use gradus_nn::prelude::*;
    /// use tensor::{DType, Generator, Tensor};
    /// let x = Variable::new(Tensor::ones([4], DType::F32));
    /// let dropout = Dropout::new(0.5).with_generator(Generator::new(2));
    /// assert!(dropout.call(&x).to_vec::<f32>().iter().all(|&y| y == 0.0 || y == 2.0));
    /// dropout.eval();
    /// assert!(dropout.call(&x).is_same(&x));
    /// ```
    Dropout op::dropout;
    /// Channels of signals set to 0 at random. PyTorch: `torch.nn.Dropout1d`.
    Dropout1d op::channel_dropout::<1>;
    /// Channels of images set to 0 at random. PyTorch: `torch.nn.Dropout2d`.
    ///
    /// ```
    /// use gradus_nn::prelude::*;
    /// use tensor::{DType, Tensor};
    /// let x = Variable::new(Tensor::ones([1, 4, 2, 2], DType::F32));
    /// let y = Dropout2d::new(0.5).call(&x).to_vec::<f32>();
    /// assert!(y.chunks(4).all(|channel| channel == [0.0; 4] || channel == [2.0; 4]));
    /// ```
    Dropout2d op::channel_dropout::<2>;
    /// Channels of volumes set to 0 at random. PyTorch: `torch.nn.Dropout3d`.
    Dropout3d op::channel_dropout::<3>;
    /// Dropout that keeps mean and variance, for networks with SELU. PyTorch: `torch.nn.AlphaDropout`.
    AlphaDropout op::alpha_dropout;
    /// `AlphaDropout` of whole channels. PyTorch: `torch.nn.FeatureAlphaDropout`.
    FeatureAlphaDropout op::feature_alpha_dropout;
}
