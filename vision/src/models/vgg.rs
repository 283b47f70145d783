//! VGG, with and without batch norm.

use nn::prelude::*;

/// VGG (Simonyan and Zisserman, 2014): `[N, C, 224, 224] -> [N, classes]`. PyTorch: `torchvision.models.vgg11` and kin.
#[derive(Module)]
pub struct Vgg {
    features: Sequential,
    avgpool: AdaptiveAvgPool2d,
    classifier: Sequential,
    state: ModuleState,
}

/// Output channels of 3x3 convolutions; 0 is a pooling.
const VGG11: &[usize] = &[64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0];
const VGG13: &[usize] = &[64, 64, 0, 128, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0];
const VGG16: &[usize] = &[64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0];
const VGG19: &[usize] = &[64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512, 0];

impl Vgg {
    /// 11 layers.
    pub fn vgg11(channels: usize, classes: usize, batch_norm: bool) -> Vgg {
        Vgg::new(VGG11, channels, classes, batch_norm)
    }

    /// 13 layers.
    pub fn vgg13(channels: usize, classes: usize, batch_norm: bool) -> Vgg {
        Vgg::new(VGG13, channels, classes, batch_norm)
    }

    /// 16 layers.
    pub fn vgg16(channels: usize, classes: usize, batch_norm: bool) -> Vgg {
        Vgg::new(VGG16, channels, classes, batch_norm)
    }

    /// 19 layers.
    pub fn vgg19(channels: usize, classes: usize, batch_norm: bool) -> Vgg {
        Vgg::new(VGG19, channels, classes, batch_norm)
    }

    fn new(plan: &[usize], channels: usize, classes: usize, batch_norm: bool) -> Vgg {
        let mut features = Sequential::new();
        let mut width = channels;
        for &output in plan {
            if output == 0 {
                features.push(MaxPool2d::new(2));
                continue;
            }
            features.push(Conv2d::builder(width, output, 3).padding(1).build());
            if batch_norm {
                features.push(BatchNorm2d::new(output));
            }
            features.push(ReLU::new());
            width = output;
        }
        Vgg {
            features,
            avgpool: AdaptiveAvgPool2d::new(7),
            classifier: sequential![
                Linear::new(512 * 7 * 7, 4096),
                ReLU::new(),
                Dropout::new(0.5),
                Linear::new(4096, 4096),
                ReLU::new(),
                Dropout::new(0.5),
                Linear::new(4096, classes),
            ],
            state: ModuleState::default(),
        }
    }
}

impl Forward for Vgg {
    fn forward(&self, x: &Variable) -> Variable {
        x.apply(&self.features).apply(&self.avgpool).flatten(1).apply(&self.classifier)
    }
}
