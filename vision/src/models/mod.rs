//! Networks with torchvision's names, parameter names and shapes, so that its checkpoints load unchanged; each for any
//! number of input channels and classes. Weights start as the layers' defaults or the paper's initialisation say.

mod alexnet;
mod densenet;
mod lenet;
mod mobilenet;
mod resnet;
mod resnet_cifar;
mod squeezenet;
mod unet;
mod vgg;

pub use alexnet::AlexNet;
pub use densenet::DenseNet;
pub use lenet::LeNet;
pub use mobilenet::MobileNetV2;
pub use resnet::{BasicBlock, Bottleneck, ResNet};
pub use resnet_cifar::ResNetCifar;
pub use squeezenet::SqueezeNet;
pub use unet::UNet;
pub use vgg::Vgg;
