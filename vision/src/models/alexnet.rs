//! AlexNet.

use nn::prelude::*;

/// AlexNet in its one-tower form (Krizhevsky, 2014): `[N, C, 224, 224] -> [N, classes]`.
/// PyTorch: `torchvision.models.alexnet`.
#[derive(Module)]
pub struct AlexNet {
    features: Sequential,
    avgpool: AdaptiveAvgPool2d,
    classifier: Sequential,
    state: ModuleState,
}

impl AlexNet {
    /// A network for `channels` input channels and `classes` classes.
    pub fn new(channels: usize, classes: usize) -> AlexNet {
        let conv = |i, o, k, s, p| Conv2d::builder(i, o, k).stride(s).padding(p).build();
        let pool = || MaxPool2d::builder(3).stride(2).build();
        AlexNet {
            features: sequential![
                conv(channels, 64, 11, 4, 2),
                ReLU::new(),
                pool(),
                conv(64, 192, 5, 1, 2),
                ReLU::new(),
                pool(),
                conv(192, 384, 3, 1, 1),
                ReLU::new(),
                conv(384, 256, 3, 1, 1),
                ReLU::new(),
                conv(256, 256, 3, 1, 1),
                ReLU::new(),
                pool(),
            ],
            avgpool: AdaptiveAvgPool2d::new(6),
            classifier: sequential![
                Dropout::new(0.5),
                Linear::new(256 * 6 * 6, 4096),
                ReLU::new(),
                Dropout::new(0.5),
                Linear::new(4096, 4096),
                ReLU::new(),
                Linear::new(4096, classes),
            ],
            state: ModuleState::default(),
        }
    }
}

impl Forward for AlexNet {
    fn forward(&self, x: &Variable) -> Variable {
        x.apply(&self.features).apply(&self.avgpool).flatten(1).apply(&self.classifier)
    }
}
