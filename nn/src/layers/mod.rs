//! Layers: modules with PyTorch's names, options, parameters and initial values.

mod activation;
mod batch_norm;
mod conv;
mod conv_transpose;
mod dropout;
mod embedding;
mod linear;
mod norm;
mod pad;
mod pool;
mod resize;
mod shape;
mod text;

pub use activation::{
    CELU, ELU, GELU, GLU, Hardshrink, Hardsigmoid, Hardswish, Hardtanh, LeakyReLU, LogSigmoid, LogSoftmax, Mish, PReLU,
    RReLU, ReLU6, SELU, SiLU, Sigmoid, Softmax, Softmax2d, Softmin, Softplus, Softshrink, Softsign, Tanh, Tanhshrink,
    Threshold,
};
pub use batch_norm::{
    BatchNorm, BatchNorm1d, BatchNorm2d, BatchNorm3d, BatchNormBuilder, InstanceNorm, InstanceNorm1d, InstanceNorm2d,
    InstanceNorm3d, InstanceNormBuilder,
};
pub use conv::{Conv, Conv1d, Conv2d, Conv3d, ConvBuilder};
pub use conv_transpose::{ConvTranspose, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, ConvTransposeBuilder};
pub use dropout::{AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d, FeatureAlphaDropout};
pub use embedding::{Bilinear, Embedding, EmbeddingOptions};
pub use linear::Linear;
pub use norm::{GroupNorm, LayerNorm, LocalResponseNorm, RMSNorm};
pub use pad::{
    CircularPad, CircularPad1d, CircularPad2d, CircularPad3d, ConstantPad, ConstantPad1d, ConstantPad2d, ConstantPad3d,
    ReflectionPad, ReflectionPad1d, ReflectionPad2d, ReflectionPad3d, ReplicationPad, ReplicationPad1d,
    ReplicationPad2d, ReplicationPad3d, ZeroPad, ZeroPad1d, ZeroPad2d, ZeroPad3d,
};
pub use pool::{
    AdaptiveAvgPool, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool, AdaptiveMaxPool1d,
    AdaptiveMaxPool2d, AdaptiveMaxPool3d, AvgPool, AvgPool1d, AvgPool2d, AvgPool3d, FractionalMaxPool2d,
    FractionalSize, LPPool, LPPool1d, LPPool2d, LPPool3d, MaxPool, MaxPool1d, MaxPool2d, MaxPool3d, MaxUnpool,
    MaxUnpool1d, MaxUnpool2d, MaxUnpool3d, OutputSize,
};
pub use resize::{ChannelShuffle, Fold, PixelShuffle, PixelUnshuffle, Unfold, Upsample};
pub use shape::{Flatten, Identity, ReLU, Unflatten};
