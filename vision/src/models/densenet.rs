//! DenseNet121.

use autograd::ops::cat::cat;
use nn::prelude::*;

/// A 1x1 and a 3x3 convolution on all that came before; the result is appended.
#[derive(Module)]
struct DenseLayer {
    norm1: BatchNorm2d,
    conv1: Conv2d,
    norm2: BatchNorm2d,
    conv2: Conv2d,
    state: ModuleState,
}

impl DenseLayer {
    fn new(inputs: usize, growth: usize) -> DenseLayer {
        DenseLayer {
            norm1: BatchNorm2d::new(inputs),
            conv1: Conv2d::builder(inputs, 4 * growth, 1).bias(false).build(),
            norm2: BatchNorm2d::new(4 * growth),
            conv2: Conv2d::builder(4 * growth, growth, 3).padding(1).bias(false).build(),
            state: ModuleState::default(),
        }
    }
}

impl Forward for DenseLayer {
    fn forward(&self, x: &Variable) -> Variable {
        let y = x.apply(&self.norm1).relu().apply(&self.conv1).apply(&self.norm2).relu().apply(&self.conv2);
        cat(&[x, &y], 1)
    }
}

/// DenseNet (Huang et al., 2016): `[N, C, H, W] -> [N, classes]`. PyTorch: `torchvision.models.densenet121`.
#[derive(Module)]
pub struct DenseNet {
    features: Sequential,
    classifier: Linear,
    state: ModuleState,
}

impl DenseNet {
    /// 121 layers, 32 new channels each.
    pub fn densenet121(channels: usize, classes: usize) -> DenseNet {
        const GROWTH: usize = 32;
        let mut features = sequential![
            "conv0" => Conv2d::builder(channels, 64, 7).stride(2).padding(3).bias(false).build(),
            "norm0" => BatchNorm2d::new(64),
            "relu0" => ReLU::new(),
            "pool0" => MaxPool2d::builder(3).stride(2).padding(1).build(),
        ];
        let mut width = 64;
        let blocks = [6, 12, 24, 16];
        for (i, layers) in blocks.into_iter().enumerate() {
            let mut block = Sequential::new();
            for layer in 1..=layers {
                block.push_named(format!("denselayer{layer}"), DenseLayer::new(width, GROWTH));
                width += GROWTH;
            }
            features.push_named(format!("denseblock{}", i + 1), block);
            if i + 1 < blocks.len() {
                let transition = sequential![
                    "norm" => BatchNorm2d::new(width),
                    "relu" => ReLU::new(),
                    "conv" => Conv2d::builder(width, width / 2, 1).bias(false).build(),
                    "pool" => AvgPool2d::new(2),
                ];
                features.push_named(format!("transition{}", i + 1), transition);
                width /= 2;
            }
        }
        features.push_named("norm5", BatchNorm2d::new(width));
        DenseNet { features, classifier: Linear::new(width, classes), state: ModuleState::default() }
    }
}

impl Forward for DenseNet {
    fn forward(&self, x: &Variable) -> Variable {
        x.apply(&self.features).relu().mean(&[2, 3], false).apply(&self.classifier)
    }
}
