//! Lesson: containers. `Sequential` builds blocks, `ModuleList` repeats layers in a loop, `ModuleDict` lets the forward
//! pass choose, and parameters can stand alone.
//!
//! Run: `cargo run --release --example containers`

use gradus::prelude::*;

/// Convolution, activation, half the size.
fn block(inputs: usize, outputs: usize) -> Sequential {
    sequential![
        "conv" => Conv2d::builder(inputs, outputs, 3).stride(2).padding(1).build(),
        "act" => ReLU::new(),
    ]
}

#[derive(Module)]
struct Chooser {
    features: Sequential,
    /// All of one type, so `layers[0].in_features()` needs no guess.
    layers: ModuleList<Linear>,
    /// Of any type, picked by name.
    heads: ModuleDict,
    gains: ParameterList,
    #[module(skip)]
    task: &'static str,
    state: ModuleState,
}

impl Chooser {
    fn new(task: &'static str) -> Chooser {
        let mut heads = ModuleDict::<dyn Forward>::new();
        heads.insert("digits", Linear::new(64, 10));
        heads.insert("letters", sequential![Linear::new(64, 32), ReLU::new(), Linear::new(32, 26)]);
        Chooser {
            features: sequential![block(1, 4), block(4, 8), Flatten::new(), Linear::new(8 * 7 * 7, 64)],
            layers: (0..3).map(|_| Linear::new(64, 64)).collect(),
            heads,
            gains: (0..3).map(|_| Parameter::new(Tensor::ones([64], DType::F32))).collect(),
            task,
            state: ModuleState::default(),
        }
    }
}

impl Forward for Chooser {
    fn forward(&self, x: &Variable) -> Variable {
        let mut x = x.apply(&self.features);
        for (layer, gain) in self.layers.iter().zip(&self.gains) {
            x = x.apply(layer).relu() * gain.variable();
        }
        x.apply(&self.heads[self.task])
    }
}

fn main() {
    manual_seed(1);
    let x = Variable::new(Tensor::randn([5, 1, 28, 28], DType::F32));

    let features = sequential![block(1, 4), block(4, 8)];
    println!("two blocks:          {:?} -> {:?}", x.shape(), features.call(&x).shape());
    println!("the first of them:   {:?} -> {:?}", x.shape(), features.slice(..1).call(&x).shape());
    println!("its convolution:     {:?}", features[0].named_children()[0].1.to_string());

    let mut longer = features;
    longer.push(Flatten::new());
    longer.push_named("head", Linear::new(8 * 7 * 7, 10));
    println!("with a head:         {:?} -> {:?}", x.shape(), longer.call(&x).shape());

    for task in ["digits", "letters"] {
        let model = Chooser::new(task);
        println!("{task:<20} {:?} -> {:?}", x.shape(), model.call(&x).shape());
    }
    println!("\n{}", Chooser::new("digits"));
}
