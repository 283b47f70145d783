//! First values of parameters: every function of `torch.nn.init`.
//!
//! Each takes a parameter and fills it from the default generator (see [`tensor::manual_seed`]). The functions without a
//! trailing underscore give the [`Distribution`] instead, which fills with any generator.
//!
//! ```
//! use autograd::Variable;
//! use gradus_nn::init::{self, FanMode, Nonlinearity};
//! use tensor::{DType, Generator, Tensor};
//!
//! let w = Variable::leaf(Tensor::zeros([16, 3, 5, 5], DType::F32));
//! init::kaiming_normal_(&w, 0.0, FanMode::FanOut, Nonlinearity::Relu);
//! init::xavier_uniform(w.shape(), 1.0).fill(&w, &mut Generator::new(7));
//! let bound = (6.0f32 / (75.0 + 400.0)).sqrt();
//! assert!(w.to_vec::<f32>().iter().all(|w| w.abs() <= bound));
//! ```

mod distribution;
mod structured;
mod variance;

pub use distribution::{Distribution, constant_, normal_, ones_, trunc_normal_, uniform_, zeros_};
pub use structured::{dirac_, eye_, orthogonal_, sparse_};
pub use variance::{
    FanMode, Nonlinearity, calculate_fan_in_and_fan_out, calculate_gain, kaiming_normal, kaiming_normal_,
    kaiming_uniform, kaiming_uniform_, xavier_normal, xavier_normal_, xavier_uniform, xavier_uniform_,
};
