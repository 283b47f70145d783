//! Lesson: hooks. They see what passes through a module, forward and back, and may replace it; a handle takes a hook
//! away again.
//!
//! Run: `cargo run --release --example hooks`

use std::sync::{Arc, Mutex};

use gradus::nn::module::register_module_forward_hook;
use gradus::prelude::*;

#[derive(Module)]
struct Net {
    conv1: Conv2d,
    conv2: Conv2d,
    head: Linear,
    state: ModuleState,
}

impl Forward for Net {
    fn forward(&self, x: &Variable) -> Variable {
        let x = x.apply(&self.conv1).relu().apply(&self.conv2).relu();
        x.mean(&[2, 3], false).apply(&self.head)
    }
}

fn main() {
    manual_seed(1);
    let model = Net {
        conv1: Conv2d::builder(1, 8, 3).stride(2).padding(1).build(),
        conv2: Conv2d::builder(8, 16, 3).stride(2).padding(1).build(),
        head: Linear::new(16, 10),
        state: ModuleState::default(),
    };
    let x = Variable::new(Tensor::randn([1, 1, 28, 28], DType::F32));

    println!("Feature maps, kept by a forward hook:");
    let maps = Arc::new(Mutex::new(Vec::new()));
    let hook = model.conv1.register_forward_hook({
        let maps = maps.clone();
        move |_, _, y| {
            maps.lock().unwrap().push(y.data());
            None
        }
    });
    model.call(&x);
    hook.remove();
    model.call(&x);
    for map in maps.lock().unwrap().iter() {
        println!("  conv1 gives {:?}, mean {:+.3}", map.shape(), map.mean(&[], false).item::<f32>());
    }

    println!("\nA pre-hook may replace the input, here by a mirrored one:");
    let before = model.call(&x).to_vec::<f32>()[0];
    let hook = model.register_forward_pre_hook(|_, x| Some(x.slice(-1, None, None, -1)));
    println!("  first logit {before:+.4}, mirrored {:+.4}", model.call(&x).to_vec::<f32>()[0]);
    hook.remove();

    println!("\nGradients on the way back, last layer first:");
    for (_, layer) in model.named_children() {
        layer.register_full_backward_hook(|site, input, output| {
            let input = input.map_or("none".to_owned(), |g| format!("{:?}", g.shape()));
            println!("  {:<16} at the output {:?}, at the input {input}", site.path.join(" > "), output.shape());
            None
        });
    }
    model.head.register_full_backward_pre_hook(|_, g| Some(g * 100.0));
    model.call(&x).mean(&[], false).backward();
    let bias = model.head.bias.as_ref().and_then(|bias| bias.grad()).unwrap();
    println!("  a pre-hook made it 100 times as large: {:.1}", bias.to_vec::<f32>()[0]);

    println!("\nA hook on every module of the program:");
    let hook = register_module_forward_hook(|module, x, y| {
        println!("  {:<8} {:?} -> {:?}", module.type_name(), x.shape(), y.shape());
        None
    });
    no_grad(|| model.call(&x));
    hook.remove();
}
