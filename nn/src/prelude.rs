//! What programs import as a whole: `use gradus_nn::prelude::*`.

// For the paths that `#[derive(Module)]` generates.
pub use crate as nn;

pub use crate::containers::{ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential};
pub use crate::extension::VariableExt;
pub use crate::layers::{
    Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, Flatten, Identity, Linear, ReLU,
    Unflatten,
};
pub use crate::module::{Forward, Hooks, Module, ModuleState, StateDict};
pub use crate::parameter::{Buffer, Parameter};
pub use crate::sequential;
pub use autograd::{Variable, no_grad};
pub use nn_derive::Module;
