//! Lesson: a network of your own. Sub-modules are made in the constructor and composed in `forward`; a module may hold
//! modules that hold modules, and everything about the tree comes from `#[derive(Module)]`.
//! Run: `cargo run --release --example custom_module`

use gradus::prelude::*;

/// Two convolutions and a way around them, with a convolution where the number of channels changes.
#[derive(Module)]
struct Residual {
    conv1: Conv2d,
    conv2: Conv2d,
    shortcut: Option<Conv2d>,
    state: ModuleState,
}

impl Residual {
    fn new(inputs: usize, outputs: usize) -> Residual {
        let conv = |from| Conv2d::builder(from, outputs, 3).padding(1).build();
        Residual {
            conv1: conv(inputs),
            conv2: conv(outputs),
            shortcut: (inputs != outputs).then(|| Conv2d::new(inputs, outputs, 1)),
            state: ModuleState::default(),
        }
    }
}

impl Forward for Residual {
    fn forward(&self, x: &Variable) -> Variable {
        let around = self.shortcut.as_ref().map_or_else(|| x.clone(), |shortcut| x.apply(shortcut));
        let through = x.apply(&self.conv1).relu().apply(&self.conv2);
        (through + around).relu()
    }
}

/// A classifier of small images, with a learnt scale beside its sub-modules.
#[derive(Module)]
struct Classifier {
    stem: Conv2d,
    block1: Residual,
    block2: Residual,
    head: Linear,
    scale: Parameter,
    state: ModuleState,
}

impl Classifier {
    fn new(classes: usize) -> Classifier {
        Classifier {
            stem: Conv2d::builder(3, 8, 3).stride(2).padding(1).build(),
            block1: Residual::new(8, 8),
            block2: Residual::new(8, 16),
            head: Linear::new(16, classes),
            scale: Parameter::new(Tensor::ones([1], DType::F32)),
            state: ModuleState::default(),
        }
    }
}

impl Forward for Classifier {
    fn forward(&self, x: &Variable) -> Variable {
        let x = x.apply(&self.stem).relu().apply(&self.block1).apply(&self.block2);
        x.mean(&[2, 3], false).apply(&self.head) * self.scale.variable()
    }
}

fn main() {
    manual_seed(1);
    let model = Classifier::new(10);
    println!("{model}\n");
    model.named_parameters().iter().for_each(|(name, parameter)| println!("{name:<26} {:?}", parameter.shape()));
    println!("\n{}\n", model.summary(&[4, 3, 32, 32]).unwrap());

    let x = Variable::new(Tensor::randn([4, 3, 32, 32], DType::F32));
    let y = model.call(&x);
    y.mean(&[], false).backward();
    let gradient = model.stem.weight.grad().unwrap();
    println!("{:?} -> {:?}; gradient of the stem {:?}", x.shape(), y.shape(), gradient.shape());
}
