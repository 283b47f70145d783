//! A small U-Net.

use autograd::ops::cat::cat;
use nn::prelude::*;

fn block(inputs: usize, outputs: usize) -> Sequential {
    let conv = |i, o| Conv2d::builder(i, o, 3).padding(1).bias(false).build();
    sequential![
        conv(inputs, outputs),
        BatchNorm2d::new(outputs),
        ReLU::new(),
        conv(outputs, outputs),
        BatchNorm2d::new(outputs),
        ReLU::new(),
    ]
}

/// A U-Net (Ronneberger et al., 2015) of three levels: `[N, C, H, W] -> [N, classes, H, W]`, one score per pixel;
/// height and width are multiples of 4.
///
/// ```
/// use gradus_vision::models::UNet;
/// use nn::prelude::*;
/// use tensor::{DType, Tensor};
/// let model = UNet::new(3, 2, 8);
/// assert_eq!(model.call(&Variable::new(Tensor::zeros([1, 3, 16, 20], DType::F32))).shape(), &[1, 2, 16, 20]);
/// ```
#[derive(Module)]
pub struct UNet {
    down1: Sequential,
    down2: Sequential,
    bottom: Sequential,
    up2: ConvTranspose2d,
    merge2: Sequential,
    up1: ConvTranspose2d,
    merge1: Sequential,
    head: Conv2d,
    state: ModuleState,
}

impl UNet {
    /// A network for `channels` input channels and `classes` classes, `width` channels wide at the top.
    pub fn new(channels: usize, classes: usize, width: usize) -> UNet {
        let up = |i, o| ConvTranspose2d::builder(i, o, 2).stride(2).build();
        UNet {
            down1: block(channels, width),
            down2: block(width, 2 * width),
            bottom: block(2 * width, 4 * width),
            up2: up(4 * width, 2 * width),
            merge2: block(4 * width, 2 * width),
            up1: up(2 * width, width),
            merge1: block(2 * width, width),
            head: Conv2d::new(width, classes, 1),
            state: ModuleState::default(),
        }
    }
}

impl Forward for UNet {
    fn forward(&self, x: &Variable) -> Variable {
        let top = x.apply(&self.down1);
        let middle = top.max_pool2d(2).apply(&self.down2);
        let bottom = middle.max_pool2d(2).apply(&self.bottom);
        let middle = cat(&[&middle, &bottom.apply(&self.up2)], 1).apply(&self.merge2);
        cat(&[&top, &middle.apply(&self.up1)], 1).apply(&self.merge1).apply(&self.head)
    }
}
