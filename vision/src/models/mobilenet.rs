//! MobileNetV2.

use nn::prelude::*;

/// A convolution, batch norm and ReLU6, named 0, 1 and 2.
fn conv_bn_relu6(inputs: usize, outputs: usize, kernel: usize, stride: usize, groups: usize) -> Sequential {
    sequential![
        Conv2d::builder(inputs, outputs, kernel).stride(stride).padding(kernel / 2).groups(groups).bias(false).build(),
        BatchNorm2d::new(outputs),
        ReLU6::new(),
    ]
}

/// Widen by a 1x1 convolution, filter each channel by itself, narrow again.
#[derive(Module)]
struct InvertedResidual {
    conv: Sequential,
    #[module(skip)]
    adds: bool,
    state: ModuleState,
}

impl InvertedResidual {
    fn new(inputs: usize, outputs: usize, stride: usize, expand: usize) -> InvertedResidual {
        let hidden = inputs * expand;
        let mut conv = Sequential::new();
        if expand != 1 {
            conv.push(conv_bn_relu6(inputs, hidden, 1, 1, 1));
        }
        conv.push(conv_bn_relu6(hidden, hidden, 3, stride, hidden));
        conv.push(Conv2d::builder(hidden, outputs, 1).bias(false).build());
        conv.push(BatchNorm2d::new(outputs));
        InvertedResidual { conv, adds: stride == 1 && inputs == outputs, state: ModuleState::default() }
    }
}

impl Forward for InvertedResidual {
    fn forward(&self, x: &Variable) -> Variable {
        let y = x.apply(&self.conv);
        if self.adds { x + &y } else { y }
    }
}

/// MobileNetV2 (Sandler et al., 2018): `[N, C, H, W] -> [N, classes]`. PyTorch: `torchvision.models.mobilenet_v2`.
#[derive(Module)]
pub struct MobileNetV2 {
    features: Sequential,
    classifier: Sequential,
    state: ModuleState,
}

/// Expansion, output channels, repetitions, stride of the first.
const PLAN: [[usize; 4]; 7] =
    [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]];

impl MobileNetV2 {
    /// A network for `channels` input channels and `classes` classes.
    pub fn new(channels: usize, classes: usize) -> MobileNetV2 {
        let mut features = sequential![conv_bn_relu6(channels, 32, 3, 2, 1)];
        let mut inputs = 32;
        for [expand, outputs, count, stride] in PLAN {
            for i in 0..count {
                features.push(InvertedResidual::new(inputs, outputs, if i == 0 { stride } else { 1 }, expand));
                inputs = outputs;
            }
        }
        features.push(conv_bn_relu6(320, 1280, 1, 1, 1));
        MobileNetV2 {
            features,
            classifier: sequential![Dropout::new(0.2), Linear::new(1280, classes)],
            state: ModuleState::default(),
        }
    }
}

impl Forward for MobileNetV2 {
    fn forward(&self, x: &Variable) -> Variable {
        x.apply(&self.features).mean(&[2, 3], false).apply(&self.classifier)
    }
}
