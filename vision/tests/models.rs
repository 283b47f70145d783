//! torchvision's models: the same entries in the same order, and the same logits for the same weights.
//!
//! `data/models.json` was written by `data/models.py`; both fill weights by the formula of [`uniform`].

use std::path::{Path, PathBuf};

use gradus_vision::models::{AlexNet, DenseNet, LeNet, MobileNetV2, ResNet, ResNetCifar, SqueezeNet, UNet, Vgg};
use nn::io;
use nn::prelude::*;
use serde_json::Value;
use tensor::{DType, Tensor};

const NAMES: [&str; 9] = [
    "lenet",
    "alexnet",
    "vgg11_bn",
    "resnet18",
    "resnet50",
    "mobilenet_v2",
    "squeezenet1_0",
    "squeezenet1_1",
    "densenet121",
];

fn model(name: &str) -> Box<dyn Forward> {
    match name {
        "lenet" => Box::new(LeNet::new(1, 10)),
        "alexnet" => Box::new(AlexNet::new(3, 1000)),
        "vgg11_bn" => Box::new(Vgg::vgg11(3, 1000, true)),
        "resnet18" => Box::new(ResNet::resnet18(3, 1000)),
        "resnet50" => Box::new(ResNet::resnet50(3, 1000)),
        "mobilenet_v2" => Box::new(MobileNetV2::new(3, 1000)),
        "squeezenet1_0" => Box::new(SqueezeNet::squeezenet1_0(3, 1000)),
        "squeezenet1_1" => Box::new(SqueezeNet::squeezenet1_1(3, 1000)),
        "densenet121" => Box::new(DenseNet::densenet121(3, 1000)),
        _ => panic!("no model {name}"),
    }
}

/// Numbers in [-1, 1): the bits of each position, mixed.
fn uniform(shape: &[usize], seed: u32) -> Tensor {
    let start = seed.wrapping_mul(0x9e37_79b9);
    let values = (0..shape.iter().product::<usize>() as u32).map(|i| {
        let mut h = i.wrapping_add(start);
        h = (h ^ (h >> 16)).wrapping_mul(0x85eb_ca6b);
        h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
        ((h ^ (h >> 16)) >> 8) as f32 / (1 << 23) as f32 - 1.0
    });
    Tensor::from_vec(values.collect::<Vec<f32>>(), shape)
}

fn filled(name: &str, shape: &[usize], seed: u32) -> Tensor {
    let u = uniform(shape, seed);
    if name.ends_with("running_var") || name.ends_with("weight") && shape.len() == 1 {
        u.mul_scalar(0.5).add_scalar(1.0)
    } else if name.ends_with("weight") {
        u.mul_scalar((4.0 / shape[1..].iter().product::<usize>() as f64).sqrt())
    } else {
        u.mul_scalar(0.1)
    }
}

fn sizes(list: &Value) -> Vec<usize> {
    list.as_array().unwrap().iter().map(|size| size.as_u64().unwrap() as usize).collect()
}

/// Entries and logits of the model of that name.
fn compare(name: &str) {
    let expected: Value = serde_json::from_str(include_str!("data/models.json")).unwrap();
    let expected = &expected[name];
    let model = model(name);
    let entries: Vec<String> =
        model.state_dict().iter().map(|(name, value)| format!("{name} {:?}", value.shape())).collect();
    let torchvision: Vec<&str> =
        expected["state"].as_array().unwrap().iter().map(|entry| entry.as_str().unwrap()).collect();
    assert_eq!(entries, torchvision);

    let mut dict = model.state_dict();
    for (index, (name, value)) in model.state_dict().iter().enumerate() {
        if value.dtype() == DType::F32 {
            dict.insert(name, filled(name, value.shape(), index as u32));
        }
    }
    model.load_state_dict(&dict, true).unwrap();
    model.eval();
    let y = no_grad(|| model.call(&Variable::new(uniform(&sizes(&expected["input"]), 1000))));
    let logits = y.data().narrow(1, 0, 10).to_vec::<f32>();
    let expected = expected["logits"].as_array().unwrap();
    assert_eq!(logits.len(), expected.len());
    for (got, expected) in logits.iter().zip(expected) {
        let expected = expected.as_f64().unwrap();
        assert!((f64::from(*got) - expected).abs() < 1e-4, "{name}: {got} and {expected}");
    }
}

#[test]
fn lenet() {
    compare("lenet");
}

#[test]
fn alexnet() {
    compare("alexnet");
}

#[test]
fn vgg11_bn() {
    compare("vgg11_bn");
}

#[test]
fn resnet18() {
    compare("resnet18");
}

#[test]
fn resnet50() {
    compare("resnet50");
}

#[test]
fn mobilenet_v2() {
    compare("mobilenet_v2");
}

#[test]
fn squeezenet() {
    compare("squeezenet1_0");
    compare("squeezenet1_1");
}

#[test]
fn densenet121() {
    compare("densenet121");
}

/// Parameters and entries of torchvision's models that have no logits here, for 3 channels and 1000 classes.
#[test]
fn the_other_sizes_have_as_many_parameters() {
    let count = |model: &dyn Forward| (model.parameter_count(), model.state_dict().iter().count());
    assert_eq!(count(&Vgg::vgg16(3, 1000, false)), (138_357_544, 32));
    assert_eq!(count(&Vgg::vgg19(3, 1000, true)), (143_678_248, 118));
    assert_eq!(count(&ResNet::resnet34(3, 1000)), (21_797_672, 218));
    // The paper's shortcuts without parameters (He et al., 2015) have 2752 fewer: 0.27 to 1.7 million.
    let cifar = [
        ResNetCifar::resnet20(3, 10),
        ResNetCifar::resnet32(3, 10),
        ResNetCifar::resnet44(3, 10),
        ResNetCifar::resnet56(3, 10),
        ResNetCifar::resnet110(3, 10),
    ];
    let counts = cifar.map(|model| model.parameter_count() - 2752);
    assert_eq!(counts, [269_722, 464_154, 658_586, 853_018, 1_727_962]);
}

#[test]
fn every_model_takes_any_channels_and_classes() {
    let (channels, classes) = (4, 7);
    let models: [(Box<dyn Forward>, [usize; 2]); 10] = [
        (Box::new(LeNet::new(channels, classes)), [28, 28]),
        (Box::new(AlexNet::new(channels, classes)), [64, 64]),
        (Box::new(Vgg::vgg11(channels, classes, false)), [32, 32]),
        (Box::new(ResNet::resnet18(channels, classes)), [40, 33]),
        (Box::new(ResNet::resnet50(channels, classes)), [33, 40]),
        (Box::new(ResNetCifar::resnet20(channels, classes)), [32, 32]),
        (Box::new(MobileNetV2::new(channels, classes)), [33, 40]),
        (Box::new(SqueezeNet::squeezenet1_0(channels, classes)), [33, 40]),
        (Box::new(SqueezeNet::squeezenet1_1(channels, classes)), [33, 40]),
        (Box::new(DenseNet::densenet121(channels, classes)), [33, 40]),
    ];
    for (model, [rows, columns]) in models {
        model.eval();
        let x = Variable::new(Tensor::zeros([2, channels, rows, columns], DType::F32));
        assert_eq!(no_grad(|| model.call(&x)).shape(), [2, classes]);
    }
    // A class per pixel.
    let unet = UNet::new(channels, classes, 8);
    let x = Variable::new(Tensor::zeros([2, channels, 32, 48], DType::F32));
    assert_eq!(no_grad(|| unet.call(&x)).shape(), [2, classes, 32, 48]);
}

/// `python vision/tests/data/models.py --checkpoints DIRECTORY`, then
/// `GRADUS_CHECKPOINTS=DIRECTORY cargo test --release -p gradus-vision --test models -- --ignored --nocapture`.
#[test]
#[ignore = "needs checkpoints of 900 MB that models.py writes"]
fn checkpoints_of_pytorch_load() {
    let directory =
        PathBuf::from(std::env::var("GRADUS_CHECKPOINTS").expect("GRADUS_CHECKPOINTS names their directory"));
    for name in NAMES {
        let file = |extension: &str| directory.join(format!("{name}.{extension}"));
        let expected = io::load(file("expected.safetensors")).unwrap();
        let difference = |path: &Path| {
            let model = model(name);
            model.load_state_dict(&io::load(path).unwrap(), true).unwrap();
            model.eval();
            let y = no_grad(|| model.call(&Variable::new(expected["x"].clone()))).data();
            let apart = y.sub(&expected["y"]).abs().to_vec::<f32>();
            apart.into_iter().fold(0.0, f32::max)
        };
        let (pt, safetensors) = (difference(&file("pt")), difference(&file("safetensors")));
        println!("{name}: logits differ by {pt:.1e} (.pt) and {safetensors:.1e} (.safetensors)");
        assert!(pt < 1e-4 && safetensors < 1e-4, "{name}");
    }
}
