//! The tree of a model: walks, modes, tied weights, run-time entries, copies, faults with their place.

use std::sync::Arc;

use gradus_nn::prelude::*;
use tensor::{DType, Tensor, with_seed};

use crate::{LeNet, fault, zeros};

#[test]
fn lenet_runs_and_learns() {
    let (model, x) = with_seed(1, || (LeNet::new(), Variable::new(Tensor::randn([4, 1, 28, 28], DType::F32))));
    let loss = |y: &Variable| (y * y).mean(&[], false);
    let before = loss(&model.call(&x));
    before.backward();
    for parameter in model.parameters() {
        let g = parameter.grad().expect("every parameter has a gradient").data();
        parameter.update(|w| *w = w.sub(&g.mul_scalar(0.1)));
    }
    assert!(loss(&model.call(&x)).item::<f32>() < before.item::<f32>());
    model.zero_grad();
    assert!(model.parameters().iter().all(|parameter| parameter.grad().is_none()));
}

#[test]
fn names_come_in_order() {
    let model = LeNet::new();
    let names: Vec<String> = model.named_parameters().into_iter().map(|(name, _)| name).collect();
    let expected = [
        "conv1.weight",
        "conv1.bias",
        "conv2.weight",
        "conv2.bias",
        "fc1.weight",
        "fc1.bias",
        "fc2.weight",
        "fc2.bias",
    ];
    assert_eq!(names, expected);
    let modules: Vec<(String, &str)> =
        model.named_modules().into_iter().map(|(name, module)| (name, module.type_name())).collect();
    let expected = [("", "LeNet"), ("conv1", "Conv2d"), ("conv2", "Conv2d"), ("fc1", "Linear"), ("fc2", "Linear")];
    assert_eq!(modules, expected.map(|(name, kind)| (name.to_owned(), kind)));
    assert_eq!(model.parameter_count(), 6 * 25 + 6 + 16 * 150 + 16 + 48_000 + 120 + 1200 + 10);
}

#[test]
fn faults_name_their_place() {
    let model = LeNet::new();
    assert_eq!(
        fault(|| drop(model.call(&zeros(&[8, 3, 28, 28])))),
        "conv2d: input has 3 channels but weight expects 1 \
         (input [8, 3, 28, 28], weight [6, 1, 5, 5], groups 1, stride [2, 2]), in LeNet > conv1"
    );
    assert_eq!(
        fault(|| drop(model.call(&zeros(&[8, 1, 64, 64])))),
        "linear: input has 3136 features but weight expects 400 (input [8, 3136], weight [120, 400]), in LeNet > fc1"
    );
    let nested = sequential!["features" => sequential![Conv2d::new(1, 2, 3), Conv2d::new(3, 2, 3)]];
    assert_eq!(
        fault(|| drop(nested.call(&zeros(&[1, 1, 8, 8])))),
        "conv2d: input has 2 channels but weight expects 3 (input [1, 2, 6, 6], weight [2, 3, 3, 3], groups 1), \
         in Sequential > features > 1"
    );
    // Outside of a call, the path is empty again.
    assert_eq!(tensor::error::Scope::path(), Vec::<String>::new());
}

#[test]
fn modes_reach_every_module() {
    let model = sequential![sequential![ReLU::new()], Linear::new(2, 2)];
    assert!(model.is_training());
    model.eval();
    assert!(model.modules().iter().all(|module| !module.is_training()));
    model.train();
    assert!(model.modules().iter().all(|module| module.is_training()));
    model.requires_grad(false);
    assert!(!model.call(&zeros(&[1, 2])).requires_grad());
    model.to_dtype(DType::F64);
    assert!(model.parameters().iter().all(|parameter| parameter.dtype() == DType::F64));
}

#[test]
fn apply_visits_children_first() {
    let model = sequential![sequential![ReLU::new()], Identity::new()];
    let mut seen = Vec::new();
    model.apply(&mut |module| seen.push(module.type_name()));
    assert_eq!(seen, ["ReLU", "Sequential", "Identity", "Sequential"]);
}

#[derive(Module)]
struct Tied {
    encoder: Linear,
    decoder: Linear,
    scale: Option<Parameter>,
    steps: Buffer,
    cache: Buffer,
    #[module(skip)]
    depth: usize,
    state: ModuleState,
}

fn tied() -> Tied {
    let encoder = Linear::new(3, 3);
    let mut decoder = Linear::new(3, 3);
    decoder.weight = encoder.weight.clone();
    Tied {
        encoder,
        decoder,
        scale: None,
        steps: Buffer::new(Tensor::scalar(7i64)),
        cache: Buffer::transient(Tensor::scalar(1.0)),
        depth: 2,
        state: ModuleState::default(),
    }
}

#[test]
fn tied_weights_have_two_names_and_are_one_parameter() {
    let model = tied();
    let names: Vec<String> = model.named_parameters().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["encoder.weight", "encoder.bias", "decoder.bias"]);
    let dict = model.state_dict();
    // Own entries first, as in PyTorch, then those of the modules.
    let expected = ["steps", "encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias"];
    assert_eq!(dict.names().collect::<Vec<_>>(), expected);
    assert!(dict["encoder.weight"].shares_storage(&dict["decoder.weight"]));
    assert_eq!(model.buffers().len(), 2);
    assert!(model.scale.is_none());
}

#[test]
fn deep_copies_share_nothing_and_keep_ties() {
    let model = tied();
    model.eval();
    let copy = model.deep_clone();
    assert_eq!(copy.depth, 2);
    assert!(!copy.is_training() && !copy.encoder.is_training());
    assert!(copy.encoder.weight.is_same(&copy.decoder.weight));
    assert!(!copy.encoder.weight.is_same(&model.encoder.weight));
    assert_eq!(copy.encoder.weight.to_vec::<f32>(), model.encoder.weight.to_vec::<f32>());
    model.encoder.weight.update(|w| *w = w.mul_scalar(0.0));
    model.steps.set_data(Tensor::scalar(8i64));
    assert_ne!(copy.encoder.weight.to_vec::<f32>(), model.encoder.weight.to_vec::<f32>());
    assert_eq!(copy.steps.data().item::<i64>(), 7);

    let shared: Arc<dyn Forward> = Arc::new(Linear::new(2, 2));
    let twice = sequential![shared.clone(), shared];
    let copy = twice.deep_clone();
    assert_eq!(copy.parameters().len(), 2);
    assert_eq!(copy.modules().len(), 2);
}

#[test]
fn entries_added_at_run_time() {
    let model = Linear::new(2, 2);
    model.register_parameter("gain", Parameter::new(Tensor::from([1.0f32])));
    model.register_buffer("count", Buffer::new(Tensor::scalar(0i64)));
    model.register_module("head", Arc::new(Linear::new(2, 1)));
    let dict = model.state_dict();
    assert_eq!(dict.names().collect::<Vec<_>>(), ["weight", "bias", "gain", "count", "head.weight", "head.bias"]);
    assert_eq!(model.deep_clone().state_dict().len(), 6);
    assert_eq!(
        fault(|| model.register_parameter("weight", Parameter::new(Tensor::from([1.0])))),
        "register_parameter: Linear already has an entry named \"weight\""
    );
    assert_eq!(
        fault(|| model.register_buffer("a.b", Buffer::new(Tensor::from([1.0])))),
        "register_buffer: the name \"a.b\" contains a dot"
    );
    assert_eq!(fault(|| model.register_module("", Arc::new(ReLU::new()))), "register_module: the name is empty");
}
