//! Lesson: a model's values by name. Saving, loading into another model, what a failed load says, and how a hook keeps
//! old files readable.
//!
//! Run: `cargo run --release --example state_dict`

use gradus::prelude::*;

fn model() -> Sequential {
    sequential![
        "conv" => Conv2d::new(1, 4, 3),
        "act" => ReLU::new(),
        "flat" => Flatten::new(),
        "head" => Linear::new(4 * 6 * 6, 10),
    ]
}

fn main() {
    manual_seed(1);
    let (trained, fresh) = (model(), model());
    let dict = trained.state_dict();
    for (name, value) in dict.iter() {
        println!("{name:<12} {} {:?}", value.dtype(), value.shape());
    }

    let x = Variable::new(Tensor::randn([2, 1, 8, 8], DType::F32));
    let distance = |a: &Sequential, b: &Sequential| (a.call(&x) - b.call(&x)).abs().mean(&[], false).item::<f32>();
    println!("\ndistance before loading: {:.4}", distance(&trained, &fresh));
    fresh.load_state_dict(&dict, true).unwrap();
    println!("distance after loading:  {:.4}", distance(&trained, &fresh));

    println!("\nThree kinds of faults at once, and the model stays as it was:");
    let mut broken = dict.clone();
    broken.remove("head.bias");
    broken.insert("tail.weight", Tensor::zeros([3], DType::F32));
    broken.insert("conv.weight", Tensor::zeros([4, 3, 3, 3], DType::F32));
    println!("{}", fresh.load_state_dict(&broken, true).unwrap_err());
    println!("distance still:          {:.4}", distance(&trained, &fresh));

    println!("\nTaking only what fits, for another head:");
    let mut part = dict.clone();
    part.remove("head.weight");
    part.remove("head.bias");
    let rest = fresh.load_state_dict(&part, false).unwrap();
    println!("not in the file: {:?}", rest.missing);

    println!("\nA hook that renames what an older program saved:");
    let old: StateDict =
        dict.iter().map(|(name, value)| (name.replace("head.", "classifier."), value.clone())).collect();
    println!("without: {}", fresh.load_state_dict(&old, true).unwrap_err());
    fresh.register_load_state_dict_pre_hook(|_, dict, prefix| {
        for name in ["weight", "bias"] {
            dict.rename(&format!("{prefix}classifier.{name}"), &format!("{prefix}head.{name}"));
        }
    });
    println!("with:    {:?}", fresh.load_state_dict(&old, true));

    println!("\nTied weights: one value under two names.");
    let shared = std::sync::Arc::new(Linear::new(3, 3));
    let tied = sequential![shared.clone(), ReLU::new(), shared];
    println!("names {:?}, parameters {}", tied.state_dict().names().collect::<Vec<_>>(), tied.parameters().len());

    println!("\nA deep copy goes its own way:");
    let copy = trained.deep_clone();
    for parameter in trained.parameters() {
        parameter.update(|value| *value = value.mul_scalar(0.5));
    }
    println!("distance to the copy:    {:.4}", distance(&trained, &copy));
}
