//! What programs import as a whole: `use gradus_nn::prelude::*`.

// For the paths that `#[derive(Module)]` generates.
pub use crate as nn;

pub use crate::containers::{ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential};
pub use crate::extension::VariableExt;
pub use crate::layers::{
    AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d,
    AlphaDropout, AvgPool1d, AvgPool2d, AvgPool3d, BatchNorm1d, BatchNorm2d, BatchNorm3d, Bilinear, CELU,
    ChannelShuffle, CircularPad1d, CircularPad2d, CircularPad3d, ConstantPad1d, ConstantPad2d, ConstantPad3d, Conv1d,
    Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, Dropout, Dropout1d, Dropout2d, Dropout3d, ELU,
    Embedding, FeatureAlphaDropout, Flatten, Fold, FractionalMaxPool2d, GELU, GLU, GroupNorm, Hardshrink, Hardsigmoid,
    Hardswish, Hardtanh, Identity, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d, LPPool1d, LPPool2d, LPPool3d,
    LayerNorm, LeakyReLU, Linear, LocalResponseNorm, LogSigmoid, LogSoftmax, MaxPool1d, MaxPool2d, MaxPool3d,
    MaxUnpool1d, MaxUnpool2d, MaxUnpool3d, Mish, PReLU, PixelShuffle, PixelUnshuffle, RMSNorm, RReLU, ReLU, ReLU6,
    ReflectionPad1d, ReflectionPad2d, ReflectionPad3d, ReplicationPad1d, ReplicationPad2d, ReplicationPad3d, SELU,
    SiLU, Sigmoid, Softmax, Softmax2d, Softmin, Softplus, Softshrink, Softsign, Tanh, Tanhshrink, Threshold, Unflatten,
    Unfold, Upsample, ZeroPad1d, ZeroPad2d, ZeroPad3d,
};
pub use crate::module::{Forward, Hooks, Module, ModuleState, StateDict};
pub use crate::ops::pool::Pool;
pub use crate::ops::window::{Padding, PaddingMode};
pub use crate::parameter::{Buffer, Parameter};
pub use crate::sequential;
pub use autograd::{Variable, no_grad};
pub use nn_derive::Module;
