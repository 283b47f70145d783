//! The five networks and their data.

use gradus::autograd::Variable;
use gradus::nn::loss::{cross_entropy, mse_loss};
use gradus::nn::optim::{Adam, Optimizer, Sgd};
use gradus::prelude::*;
use gradus::vision::models::{LeNet, ResNetCifar};

/// The workloads' names.
pub(crate) const NAMES: [&str; 5] = ["mlp32", "lenet64", "ae64", "r20_128", "dwnet64"];

/// A network with its data, loss and optimizer.
pub(crate) trait Workload {
    /// One training step; the loss.
    fn step(&mut self) -> f32;
    /// One forward pass.
    fn infer(&self);
    /// Switches to evaluation.
    fn eval(&self);
    /// The number of parameters' elements.
    fn params(&self) -> usize;
}

struct Training<M, O> {
    model: M,
    optimizer: O,
    x: Variable,
    target: Variable,
}

impl<M: Forward, O: Optimizer> Workload for Training<M, O> {
    fn step(&mut self) -> f32 {
        self.optimizer.zero_grad();
        let y = self.model.call(&self.x);
        let loss = if self.target.dtype() == DType::I64 {
            cross_entropy(&y, &self.target)
        } else {
            mse_loss(&y, &self.target)
        };
        loss.backward();
        self.optimizer.step();
        loss.item()
    }

    fn infer(&self) {
        self.model.call(&self.x).data();
    }

    fn eval(&self) {
        self.model.eval();
    }

    fn params(&self) -> usize {
        self.model.parameter_count()
    }
}

fn classify<M: Forward + 'static, O: Optimizer + 'static>(
    shape: [usize; 4],
    model: M,
    optimizer: impl FnOnce(&M) -> O,
) -> Box<dyn Workload> {
    let x = Variable::new(Tensor::randn(shape, DType::F32));
    let target = Variable::new(Tensor::randint([shape[0]], 0, 10));
    Box::new(Training { optimizer: optimizer(&model), model, x, target })
}

fn sgd<M: Module>(model: &M) -> Sgd {
    Sgd::builder(0.1).momentum(0.9).weight_decay(1e-4).build(model.parameters())
}

/// A workload by name.
pub(crate) fn workload(name: &str) -> Box<dyn Workload> {
    manual_seed(0);
    match name {
        "mlp32" => classify(
            [32, 1, 28, 28],
            sequential![Flatten::new(), Linear::new(784, 32), ReLU::new(), Linear::new(32, 10)],
            sgd,
        ),
        "lenet64" => classify([64, 1, 28, 28], LeNet::new(1, 10), |model| Adam::new(model.parameters(), 1e-3)),
        "ae64" => {
            let down = |i, o| Conv2d::builder(i, o, 3).stride(2).padding(1).build();
            let up = |i, o| ConvTranspose2d::builder(i, o, 4).stride(2).padding(1).build();
            let model = sequential![
                down(1, 16),
                ReLU::new(),
                down(16, 32),
                ReLU::new(),
                up(32, 16),
                ReLU::new(),
                up(16, 1),
                Sigmoid::new(),
            ];
            let x = Tensor::rand([64, 1, 28, 28], DType::F32);
            let optimizer = Adam::new(model.parameters(), 1e-3);
            Box::new(Training { model, optimizer, x: Variable::new(x.clone()), target: Variable::new(x) })
        }
        "r20_128" => classify([128, 3, 32, 32], ResNetCifar::resnet20(3, 10), sgd),
        _ => classify([64, 3, 32, 32], DepthwiseNet::new(), sgd),
    }
}

/// Depthwise 3x3 and pointwise 1x1 convolutions, as in MobileNet.
#[derive(Module)]
struct DepthwiseNet {
    features: Sequential,
    fc: Linear,
    state: ModuleState,
}

impl DepthwiseNet {
    fn new() -> DepthwiseNet {
        let conv = |i, o, k, stride, groups| {
            Conv2d::builder(i, o, k).stride(stride).padding(k / 2).groups(groups).bias(false).build()
        };
        let mut features = sequential![conv(3, 32, 3, 1, 1), BatchNorm2d::new(32), ReLU6::new()];
        let mut inputs = 32;
        for (outputs, stride) in [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1)] {
            features.push(conv(inputs, inputs, 3, stride, inputs));
            features.push(BatchNorm2d::new(inputs));
            features.push(ReLU6::new());
            features.push(conv(inputs, outputs, 1, 1, 1));
            features.push(BatchNorm2d::new(outputs));
            features.push(ReLU6::new());
            inputs = outputs;
        }
        DepthwiseNet { features, fc: Linear::new(256, 10), state: ModuleState::default() }
    }
}

impl Forward for DepthwiseNet {
    fn forward(&self, x: &Variable) -> Variable {
        x.apply(&self.features).mean(&[2, 3], false).apply(&self.fc)
    }
}
