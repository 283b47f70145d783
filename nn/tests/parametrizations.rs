//! Spectral and weight normalisation: values, gradients and buffers as PyTorch computes them, names, loading, removal.

use std::panic::catch_unwind;

use gradus_nn::optim::{Optimizer, Sgd};
use gradus_nn::parametrizations::{
    Parametrization, Parametrized, SpectralNorm, WeightNorm, Weighted, parametrize, spectral_norm, weight_norm,
};
use gradus_nn::prelude::*;
use serde_json::Value;
use tensor::{DType, Tensor};

/// `sin(0.7 i + k)`, as `data/parametrizations.py` has it.
fn fill(shape: &[usize], k: f64) -> Tensor {
    let len = shape.iter().product::<usize>();
    Tensor::from_vec((0..len).map(|i| (0.7 * i as f64 + k).sin()).collect::<Vec<f64>>(), shape)
}

fn layer(name: &str) -> Box<dyn Forward> {
    let up = || ConvTranspose2d::builder(2, 3, 2).stride(2).bias(false).build();
    match name {
        "spectral linear" => Box::new(spectral_norm(Linear::new(3, 2))),
        "spectral conv" => Box::new(spectral_norm(Conv2d::builder(2, 3, 2).stride(2).build())),
        "spectral transposed" => Box::new(spectral_norm(up())),
        "spectral options" => {
            Box::new(SpectralNorm::builder().n_power_iterations(3).axis(1).build(Conv1d::new(2, 3, 2)))
        }
        "weight linear" => Box::new(weight_norm(Linear::new(3, 2))),
        "weight conv" => Box::new(weight_norm(Conv3d::new(1, 2, (1, 2, 2)))),
        "weight transposed" => Box::new(weight_norm(up())),
        "weight whole" => Box::new(WeightNorm::over(None, Linear::new(3, 2))),
        _ => panic!("no layer {name}"),
    }
}

fn assert_close(what: &str, got: &Tensor, expected: &Value) {
    let (got, expected) = (got.to_vec::<f64>(), numbers(expected));
    assert_eq!(got.len(), expected.len(), "{what}");
    for (got, expected) in got.iter().zip(&expected) {
        assert!((got - expected).abs() < 1e-11, "{what}: {got} and {expected}");
    }
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

fn sizes(list: &Value) -> Vec<usize> {
    list.as_array().unwrap().iter().map(|value| value.as_u64().unwrap() as usize).collect()
}

#[test]
fn values_equal_pytorch() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("data/parametrizations.json")).unwrap();
    assert_eq!(cases.len(), 8);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let model = layer(name);
        model.as_dyn().to_dtype(DType::F64);
        assert_eq!(model.as_dyn().to_string(), case["tree"].as_str().unwrap());
        let mut dict = StateDict::new();
        for (key, value) in model.state_dict().iter() {
            assert_eq!(Some(value.shape().to_vec()), case["state"].get(key).map(sizes), "{name}: {key}");
            let start = if key.ends_with("_u") || key.ends_with("_v") {
                let long = fill(value.shape(), 3.0);
                long.div(&long.mul(&long).sum(&[], false).sqrt())
            } else if key.ends_with("original0") {
                fill(value.shape(), 4.0).mul_scalar(0.1).add_scalar(1.0)
            } else {
                fill(value.shape(), if key == "bias" { 2.0 } else { 1.0 })
            };
            dict.insert(key, start);
        }
        assert_eq!(dict.len(), case["state"].as_object().unwrap().len());
        model.load_state_dict(&dict, true).unwrap();

        let x = Variable::leaf(fill(&sizes(&case["input"]), 5.0));
        model.call(&x);
        let y = model.call(&x);
        (&y * &Variable::new(fill(y.shape(), 6.0))).sum(&[], false).backward();
        assert_close(&format!("{name}: output"), &y.data(), &case["output"]);
        assert_close(&format!("{name}: input_grad"), &x.grad().unwrap().data(), &case["input_grad"]);
        for (key, parameter) in model.named_parameters() {
            assert_close(&format!("{name}: {key}"), &parameter.grad().unwrap().data(), &case["grads"][&key]);
        }
        for (key, buffer) in model.named_buffers() {
            assert_close(&format!("{name}: {key}"), &buffer.data(), &case["buffers"][&key]);
        }
        model.eval();
        assert_close(&format!("{name}: eval"), &model.call(&x).data(), &case["eval"]);
    }
}

#[test]
fn the_largest_singular_value_becomes_one() {
    let layer = spectral_norm(Linear::new(6, 4));
    let x = Variable::new(Tensor::randn([1, 6], DType::F32));
    for _ in 0..200 {
        layer.call(&x);
    }
    layer.eval();
    // The norm of W v for the best of many directions v, found by iterating on W^T W.
    let w = layer.weight().data();
    let mut v = Tensor::ones([6], DType::F32);
    for _ in 0..500 {
        v = w.transpose(0, 1).matmul(&w.matmul(&v));
        v = v.div(&v.mul(&v).sum(&[], false).sqrt());
    }
    let image = w.matmul(&v);
    let norm = image.mul(&image).sum(&[], false).sqrt().item::<f32>();
    assert!((norm - 1.0).abs() < 1e-4, "{norm}");
}

#[test]
fn weight_norm_starts_as_the_layer_and_follows_the_optimizer() {
    let plain = Linear::new(3, 2);
    let x = Variable::new(Tensor::randn([5, 3], DType::F32));
    let before = plain.call(&x).to_vec::<f32>();
    let model = weight_norm(plain);
    for (a, b) in model.call(&x).to_vec::<f32>().iter().zip(&before) {
        assert!((a - b).abs() < 1e-6, "{a} and {b}");
    }
    let mut sgd = Sgd::builder(0.1).build(model.parameters());
    let loss = || (model.call(&x) - 1.0).pow_scalar(2.0).mean(&[], false);
    let first = loss().item::<f32>();
    for _ in 0..20 {
        sgd.zero_grad();
        loss().backward();
        assert_eq!((sgd.step().updated, model.parameters().len()), (3, 3));
    }
    assert!(loss().item::<f32>() < 0.5 * first);
}

#[test]
fn older_checkpoints_of_weight_norm_load() {
    let model = sequential!["conv" => weight_norm(Conv2d::new(1, 2, 3))];
    let mut old = model.state_dict();
    old.rename("conv.parametrizations.weight.original0", "conv.weight_g");
    old.rename("conv.parametrizations.weight.original1", "conv.weight_v");
    model.load_state_dict(&old, true).unwrap();
}

#[test]
fn it_is_the_layer_with_another_weight() {
    let model = spectral_norm(Linear::new(3, 2));
    let x = Variable::new(Tensor::randn([1, 3], DType::F32));
    // Modes, hooks and run-time entries belong to both.
    model.layer().register_forward_hook(|_, _, y| Some(y * 0.0));
    assert_eq!(model.call(&x).to_vec::<f32>(), [0.0; 2]);
    model.eval();
    assert!(!model.layer().is_training() && !model.parametrization().is_training());
    let still = model.named_buffers()[0].1.data().to_vec::<f32>();
    model.call(&x);
    assert_eq!(model.named_buffers()[0].1.data().to_vec::<f32>(), still);

    let copy = model.deep_clone();
    assert_eq!(copy.weight().to_vec::<f32>(), model.weight().to_vec::<f32>());
    assert!(!copy.layer().weight.is_same(&model.layer().weight));
    assert!(copy.named_parameters()[1].1.is_same(&copy.layer().weight));
    let summary = sequential![model].summary(&[4, 3]).unwrap();
    assert_eq!((summary.parameters, summary.rows[1].parameters, summary.multiply_adds), (8, 8, 24));
}

#[test]
fn a_bare_vector_is_shortened_to_one() {
    /// `x` times a vector, element by element.
    #[derive(Module)]
    struct Scale {
        weight: Parameter,
        state: ModuleState,
    }
    impl Forward for Scale {
        fn forward(&self, x: &Variable) -> Variable {
            self.forward_with(x, &self.weight)
        }
    }
    impl Weighted for Scale {
        fn weight(&self) -> &Parameter {
            &self.weight
        }
        fn forward_with(&self, x: &Variable, weight: &Variable) -> Variable {
            x * weight
        }
    }
    let scale = || Scale { weight: Tensor::from([3.0, 4.0]).into(), state: ModuleState::default() };
    let model = spectral_norm(scale());
    assert_eq!(model.weight().to_vec::<f64>(), [0.6, 0.8]);
    assert!(model.buffers().is_empty());
    assert_eq!(weight_norm(scale()).weight().to_vec::<f64>(), [3.0, 4.0]);
    assert_eq!(model.into_layer().weight.to_vec::<f64>(), [0.6, 0.8]);
}

#[test]
fn own_parametrizations_may_have_originals_of_any_shape() {
    /// An outer product: a matrix of rank one.
    #[derive(Module)]
    struct RankOne {
        state: ModuleState,
    }
    impl Parametrization for RankOne {
        fn weight(&self, originals: &[Parameter]) -> Variable {
            originals[0].variable() * originals[1].variable()
        }
        fn right_inverse(&self, weight: &Tensor) -> Vec<Tensor> {
            vec![weight.narrow(1, 0, 1), weight.narrow(0, 0, 1)]
        }
    }
    let model: Parametrized<Linear, RankOne> =
        parametrize(Linear::new(3, 2), RankOne { state: ModuleState::default() });
    let shapes: Vec<_> = model.state_dict().iter().map(|(_, value)| value.shape().to_vec()).collect();
    assert_eq!(shapes, [vec![2], vec![2, 1], vec![1, 3]]);
    assert_eq!(model.deep_clone().into_layer().weight.shape(), &[2, 3]);
}

#[test]
fn misuse_is_told() {
    let message = |f: fn()| catch_unwind(f).unwrap_err().downcast_ref::<String>().cloned().unwrap();
    assert_eq!(
        message(|| drop(SpectralNorm::builder().axis(2).build(Linear::new(3, 2)))),
        "spectral_norm: there is no axis 2 (weight [2, 3])"
    );
    assert_eq!(
        message(|| drop(SpectralNorm::builder().n_power_iterations(0).build(Linear::new(3, 2)))),
        "spectral_norm: n_power_iterations must be at least 1, got 0"
    );
    assert_eq!(
        message(|| drop(WeightNorm::over(Some(4), Conv2d::new(1, 1, 1)))),
        "weight_norm: there is no axis 4 (weight [1, 1, 1, 1])"
    );
    assert_eq!(
        message(|| drop(
            sequential![spectral_norm(Conv2d::new(3, 8, 3))]
                .call(&Variable::new(Tensor::zeros([1, 1, 8, 8], DType::F32)))
        )),
        "conv2d: input has 1 channels but weight expects 3 \
         (input [1, 1, 8, 8], weight [8, 3, 3, 3], groups 1), in Sequential > 0"
    );
}
