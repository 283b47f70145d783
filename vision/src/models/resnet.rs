//! ResNet 18, 34 and 50 for photos.

use nn::prelude::*;

fn conv(inputs: usize, outputs: usize, kernel: usize, stride: usize) -> Conv2d {
    Conv2d::builder(inputs, outputs, kernel).stride(stride).padding(kernel / 2).bias(false).build()
}

fn downsample(inputs: usize, outputs: usize, stride: usize) -> Option<Sequential> {
    (stride != 1 || inputs != outputs).then(|| sequential![conv(inputs, outputs, 1, stride), BatchNorm2d::new(outputs)])
}

fn shortcut(x: &Variable, downsample: &Option<Sequential>) -> Variable {
    downsample.as_ref().map_or_else(|| x.clone(), |module| x.apply(module))
}

/// Two 3x3 convolutions around which the input is added.
#[derive(Module)]
pub struct BasicBlock {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    downsample: Option<Sequential>,
    state: ModuleState,
}

impl BasicBlock {
    /// A block whose first convolution has the given stride.
    pub fn new(inputs: usize, outputs: usize, stride: usize) -> BasicBlock {
        BasicBlock {
            conv1: conv(inputs, outputs, 3, stride),
            bn1: BatchNorm2d::new(outputs),
            conv2: conv(outputs, outputs, 3, 1),
            bn2: BatchNorm2d::new(outputs),
            downsample: downsample(inputs, outputs, stride),
            state: ModuleState::default(),
        }
    }
}

impl Forward for BasicBlock {
    fn forward(&self, x: &Variable) -> Variable {
        let y = x.apply(&self.conv1).apply(&self.bn1).relu().apply(&self.conv2).apply(&self.bn2);
        (y + shortcut(x, &self.downsample)).relu()
    }
}

/// A 3x3 convolution between two 1x1 ones, around which the input is added.
#[derive(Module)]
pub struct Bottleneck {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    conv3: Conv2d,
    bn3: BatchNorm2d,
    downsample: Option<Sequential>,
    state: ModuleState,
}

impl Bottleneck {
    /// A block of `width` inner and `4 width` output channels.
    pub fn new(inputs: usize, width: usize, stride: usize) -> Bottleneck {
        Bottleneck {
            conv1: conv(inputs, width, 1, 1),
            bn1: BatchNorm2d::new(width),
            conv2: conv(width, width, 3, stride),
            bn2: BatchNorm2d::new(width),
            conv3: conv(width, 4 * width, 1, 1),
            bn3: BatchNorm2d::new(4 * width),
            downsample: downsample(inputs, 4 * width, stride),
            state: ModuleState::default(),
        }
    }
}

impl Forward for Bottleneck {
    fn forward(&self, x: &Variable) -> Variable {
        let y = x.apply(&self.conv1).apply(&self.bn1).relu().apply(&self.conv2).apply(&self.bn2).relu();
        (y.apply(&self.conv3).apply(&self.bn3) + shortcut(x, &self.downsample)).relu()
    }
}

/// ResNet (He et al., 2015): `[N, C, H, W] -> [N, classes]`. PyTorch: `torchvision.models.resnet18` and kin.
#[derive(Module)]
pub struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    maxpool: MaxPool2d,
    layer1: Sequential,
    layer2: Sequential,
    layer3: Sequential,
    layer4: Sequential,
    avgpool: AdaptiveAvgPool2d,
    fc: Linear,
    state: ModuleState,
}

impl ResNet {
    /// 18 layers of basic blocks.
    pub fn resnet18(channels: usize, classes: usize) -> ResNet {
        ResNet::new([2, 2, 2, 2], false, channels, classes)
    }

    /// 34 layers of basic blocks.
    pub fn resnet34(channels: usize, classes: usize) -> ResNet {
        ResNet::new([3, 4, 6, 3], false, channels, classes)
    }

    /// 50 layers of bottlenecks.
    pub fn resnet50(channels: usize, classes: usize) -> ResNet {
        ResNet::new([3, 4, 6, 3], true, channels, classes)
    }

    fn new(blocks: [usize; 4], bottleneck: bool, channels: usize, classes: usize) -> ResNet {
        let mut inputs = 64;
        let mut layer = |index: usize| {
            let width = 64 << index;
            let mut layer = Sequential::new();
            for block in 0..blocks[index] {
                let stride = if block == 0 && index > 0 { 2 } else { 1 };
                if bottleneck {
                    layer.push(Bottleneck::new(inputs, width, stride));
                    inputs = 4 * width;
                } else {
                    layer.push(BasicBlock::new(inputs, width, stride));
                    inputs = width;
                }
            }
            layer
        };
        ResNet {
            conv1: conv(channels, 64, 7, 2),
            bn1: BatchNorm2d::new(64),
            maxpool: MaxPool2d::builder(3).stride(2).padding(1).build(),
            layer1: layer(0),
            layer2: layer(1),
            layer3: layer(2),
            layer4: layer(3),
            avgpool: AdaptiveAvgPool2d::new(1),
            fc: Linear::new(if bottleneck { 2048 } else { 512 }, classes),
            state: ModuleState::default(),
        }
    }
}

impl Forward for ResNet {
    fn forward(&self, x: &Variable) -> Variable {
        let x = x.apply(&self.conv1).apply(&self.bn1).relu().apply(&self.maxpool);
        let x = x.apply(&self.layer1).apply(&self.layer2).apply(&self.layer3).apply(&self.layer4);
        x.apply(&self.avgpool).flatten(1).apply(&self.fc)
    }
}
