//! SqueezeNet.

use autograd::ops::cat::cat;
use nn::prelude::*;

/// A 1x1 convolution that narrows, then 1x1 and 3x3 convolutions side by side.
#[derive(Module)]
struct Fire {
    squeeze: Conv2d,
    expand1x1: Conv2d,
    expand3x3: Conv2d,
    state: ModuleState,
}

impl Fire {
    fn new(inputs: usize, squeeze: usize, expand: usize) -> Fire {
        Fire {
            squeeze: Conv2d::new(inputs, squeeze, 1),
            expand1x1: Conv2d::new(squeeze, expand, 1),
            expand3x3: Conv2d::builder(squeeze, expand, 3).padding(1).build(),
            state: ModuleState::default(),
        }
    }
}

impl Forward for Fire {
    fn forward(&self, x: &Variable) -> Variable {
        let x = x.apply(&self.squeeze).relu();
        cat(&[&x.apply(&self.expand1x1).relu(), &x.apply(&self.expand3x3).relu()], 1)
    }
}

/// SqueezeNet (Iandola et al., 2016): `[N, C, H, W] -> [N, classes]`. PyTorch: `torchvision.models.squeezenet1_0`.
#[derive(Module)]
pub struct SqueezeNet {
    features: Sequential,
    classifier: Sequential,
    state: ModuleState,
}

impl SqueezeNet {
    /// Version 1.0.
    pub fn squeezenet1_0(channels: usize, classes: usize) -> SqueezeNet {
        let features = sequential![
            Conv2d::builder(channels, 96, 7).stride(2).build(),
            ReLU::new(),
            pool(),
            Fire::new(96, 16, 64),
            Fire::new(128, 16, 64),
            Fire::new(128, 32, 128),
            pool(),
            Fire::new(256, 32, 128),
            Fire::new(256, 48, 192),
            Fire::new(384, 48, 192),
            Fire::new(384, 64, 256),
            pool(),
            Fire::new(512, 64, 256),
        ];
        SqueezeNet::new(features, classes)
    }

    /// Version 1.1: less work for the same accuracy.
    pub fn squeezenet1_1(channels: usize, classes: usize) -> SqueezeNet {
        let features = sequential![
            Conv2d::builder(channels, 64, 3).stride(2).build(),
            ReLU::new(),
            pool(),
            Fire::new(64, 16, 64),
            Fire::new(128, 16, 64),
            pool(),
            Fire::new(128, 32, 128),
            Fire::new(256, 32, 128),
            pool(),
            Fire::new(256, 48, 192),
            Fire::new(384, 48, 192),
            Fire::new(384, 64, 256),
            Fire::new(512, 64, 256),
        ];
        SqueezeNet::new(features, classes)
    }

    fn new(features: Sequential, classes: usize) -> SqueezeNet {
        SqueezeNet {
            features,
            classifier: sequential![
                Dropout::new(0.5),
                Conv2d::new(512, classes, 1),
                ReLU::new(),
                AdaptiveAvgPool2d::new(1),
            ],
            state: ModuleState::default(),
        }
    }
}

fn pool() -> MaxPool2d {
    MaxPool2d::builder(3).stride(2).ceil_mode(true).build()
}

impl Forward for SqueezeNet {
    fn forward(&self, x: &Variable) -> Variable {
        x.apply(&self.features).apply(&self.classifier).flatten(1)
    }
}
