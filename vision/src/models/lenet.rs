//! LeNet-5 for 28x28 digits.

use nn::prelude::*;

/// LeNet-5 (LeCun et al., 1998) as it is written today, with ReLU and max pooling: `[N, C, 28, 28] -> [N, classes]`.
///
/// ```
/// use gradus_vision::models::LeNet;
/// use nn::prelude::*;
/// use tensor::{DType, Tensor};
/// let model = LeNet::new(1, 10);
/// assert_eq!(model.call(&Variable::new(Tensor::zeros([2, 1, 28, 28], DType::F32))).shape(), &[2, 10]);
/// assert_eq!(model.parameter_count(), 61_706);
/// ```
#[derive(Module)]
pub struct LeNet {
    conv1: Conv2d,
    conv2: Conv2d,
    fc1: Linear,
    fc2: Linear,
    fc3: Linear,
    state: ModuleState,
}

impl LeNet {
    /// A network for `channels` input channels and `classes` classes.
    pub fn new(channels: usize, classes: usize) -> LeNet {
        LeNet {
            conv1: Conv2d::builder(channels, 6, 5).padding(2).build(),
            conv2: Conv2d::new(6, 16, 5),
            fc1: Linear::new(400, 120),
            fc2: Linear::new(120, 84),
            fc3: Linear::new(84, classes),
            state: ModuleState::default(),
        }
    }
}

impl Forward for LeNet {
    fn forward(&self, x: &Variable) -> Variable {
        let x = x.apply(&self.conv1).relu().max_pool2d(2);
        let x = x.apply(&self.conv2).relu().max_pool2d(2).flatten(1);
        x.apply(&self.fc1).relu().apply(&self.fc2).relu().apply(&self.fc3)
    }
}
