//! Lesson: hooks. They see what passes through a module, forward and back, and may replace it; a handle takes a hook
//! away again. Here they show what a network that has just learned to read digits sees in one, and which way each
//! number should move for a better answer. Run: `cargo run --release --example hooks`

use std::sync::{Arc, Mutex};

use gradus::nn::data::{DataLoader, TensorDataset};
use gradus::nn::functional::Interpolate;
use gradus::nn::loss::cross_entropy;
use gradus::nn::module::register_module_forward_hook;
use gradus::nn::optim::Adam;
use gradus::nn::train::train_epoch;
use gradus::prelude::*;
use gradus::vision::datasets::{Split, mnist};
use gradus::vision::draw::{Colormap, Sheet, color_map};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    manual_seed(1);
    let half = |inputs, outputs| Conv2d::builder(inputs, outputs, 3).stride(2).padding(1).build();
    let model = sequential![
        "conv1" => half(1, 8), "relu1" => ReLU::new(), "conv2" => half(8, 8), "relu2" => ReLU::new(),
        "flatten" => Flatten::new(), "head" => Linear::new(8 * 7 * 7, 10),
    ];
    let train = mnist(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/mnist"), Split::Train)?.take(4000);
    let scaled = |x: Tensor| x.map(|byte: u8| f32::from(byte) / 255.0);
    let set = TensorDataset::new(train.images().clone(), train.labels()).with_transform(scaled);
    let batches = DataLoader::builder(set).batch_size(32).shuffle(true).build();
    let mut adam = Adam::new(model.parameters(), 3e-3);
    train_epoch(batches.epoch(0), &mut adam, |x, labels| cross_entropy(&model.call(x), labels), |_| ())?;
    let x = Variable::leaf(scaled(train.images().narrow(0, 0, 1)));
    let label = Variable::new(train.labels().narrow(0, 0, 1));

    // Forward hooks see outputs, backward hooks the gradients there; both keep them for the picture.
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = |name: String| {
        let kept = kept.clone();
        move |map: &Variable| -> Option<Variable> {
            kept.lock().unwrap().push((name.clone(), map.data().squeeze(0)));
            None // which replaces nothing
        }
    };
    let mut handles = Vec::new();
    for name in ["conv1", "conv2"] {
        let (forward, back) = (keep(format!("{name} gives")), keep(format!("d loss / d {name}")));
        handles.push(model[name].register_forward_hook(move |_, _, y| forward(y)));
        handles.push(model[name].register_full_backward_hook(move |site, input, output| {
            println!("back at {}: output {:?}, input {:?}", site.path.join(" > "), output.shape(), input?.shape());
            back(output)
        }));
    }
    cross_entropy(&model.call(&x), &label).backward();
    handles.iter().for_each(|handle| handle.remove());

    let mut sheet = Sheet::new(8);
    for (name, maps) in kept.lock().unwrap().iter() {
        // The same colours for all eight: blue below zero, red above.
        let most = f64::from(maps.abs().amax(&[], false).item::<f32>());
        let enlarge = Upsample::nearest(Interpolate::size([112]));
        let large = enlarge.call(&Variable::new(maps.unsqueeze(0))).data().squeeze(0);
        for channel in 0..8 {
            let picture = color_map(&large.select(0, channel), Colormap::BlueRed, Some((-most, most)));
            sheet.push(&picture, if channel == 0 { name.as_str() } else { "" }, None);
        }
    }
    std::fs::create_dir_all("out")?;
    sheet.to_canvas().save("out/hooks.png")?;
    println!("wrote out/hooks.png\n\na pre-hook may replace the input, here by a mirrored digit:");
    let read = || model.call(&x).data().argmax(1, false).item::<i64>();
    let before = read();
    let hook = model.register_forward_pre_hook(|_, x| Some(x.slice(-1, None, None, -1)));
    println!("it reads {} instead of {before}\n\na hook on every module of the program:", read());
    hook.remove();
    let hook = register_module_forward_hook(|module, x, y| {
        println!("{:<10} {:?} -> {:?}", module.type_name(), x.shape(), y.shape());
        None
    });
    model.call(&x);
    hook.remove();
    Ok(())
}
