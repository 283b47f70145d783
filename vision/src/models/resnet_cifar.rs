//! ResNet 20, 32, 44, 56 and 110 for small pictures.

use nn::prelude::*;

use super::BasicBlock;

/// The ResNets for 32x32 pictures (He et al., 2015, section 4.2), three stages of 16, 32 and 64 channels; shortcuts that
/// change shape are 1x1 convolutions: `[N, C, H, W] -> [N, classes]`.
///
/// ```
/// use gradus_vision::models::ResNetCifar;
/// use nn::prelude::*;
/// assert_eq!(ResNetCifar::resnet20(3, 10).parameter_count(), 272_474);
/// ```
#[derive(Module)]
pub struct ResNetCifar {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    layer1: Sequential,
    layer2: Sequential,
    layer3: Sequential,
    fc: Linear,
    state: ModuleState,
}

impl ResNetCifar {
    /// 20 layers.
    pub fn resnet20(channels: usize, classes: usize) -> ResNetCifar {
        ResNetCifar::new(3, channels, classes)
    }

    /// 32 layers.
    pub fn resnet32(channels: usize, classes: usize) -> ResNetCifar {
        ResNetCifar::new(5, channels, classes)
    }

    /// 44 layers.
    pub fn resnet44(channels: usize, classes: usize) -> ResNetCifar {
        ResNetCifar::new(7, channels, classes)
    }

    /// 56 layers.
    pub fn resnet56(channels: usize, classes: usize) -> ResNetCifar {
        ResNetCifar::new(9, channels, classes)
    }

    /// 110 layers.
    pub fn resnet110(channels: usize, classes: usize) -> ResNetCifar {
        ResNetCifar::new(18, channels, classes)
    }

    fn new(blocks: usize, channels: usize, classes: usize) -> ResNetCifar {
        let stage = |inputs: usize, outputs: usize, stride: usize| {
            let mut stage = Sequential::new();
            stage.push(BasicBlock::new(inputs, outputs, stride));
            for _ in 1..blocks {
                stage.push(BasicBlock::new(outputs, outputs, 1));
            }
            stage
        };
        ResNetCifar {
            conv1: Conv2d::builder(channels, 16, 3).padding(1).bias(false).build(),
            bn1: BatchNorm2d::new(16),
            layer1: stage(16, 16, 1),
            layer2: stage(16, 32, 2),
            layer3: stage(32, 64, 2),
            fc: Linear::new(64, classes),
            state: ModuleState::default(),
        }
    }
}

impl Forward for ResNetCifar {
    fn forward(&self, x: &Variable) -> Variable {
        let x = x.apply(&self.conv1).apply(&self.bn1).relu();
        let x = x.apply(&self.layer1).apply(&self.layer2).apply(&self.layer3);
        x.mean(&[2, 3], false).apply(&self.fc)
    }
}
