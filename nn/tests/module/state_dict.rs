//! State dicts: round trips, all faults at once, nothing changed on failure, hooks that rename.

use gradus_nn::LoadError;
use gradus_nn::prelude::*;
use tensor::{DType, Tensor};

use crate::{LeNet, randn};

fn values(model: &dyn Module) -> Vec<(String, Vec<f32>)> {
    model.state_dict().into_iter().map(|(name, tensor)| (name, tensor.to_vec())).collect()
}

#[test]
fn a_state_dict_makes_two_models_equal() {
    let (a, b) = (LeNet::new(), LeNet::new());
    let dict = a.state_dict();
    assert_eq!(dict.names().take(2).collect::<Vec<_>>(), ["conv1.weight", "conv1.bias"]);
    b.load_state_dict(&dict, true).unwrap();
    let x = randn(&[2, 1, 28, 28]);
    assert_eq!(a.call(&x).to_vec::<f32>(), b.call(&x).to_vec::<f32>());
    // A state dict is a snapshot.
    a.fc2.weight.update(|w| *w = w.mul_scalar(0.0));
    assert_eq!(values(&b), dict.into_iter().map(|(name, t)| (name, t.to_vec())).collect::<Vec<_>>());
}

/// Three kinds of faults at once.
fn broken(model: &LeNet) -> StateDict {
    let mut dict = model.state_dict();
    dict.remove("fc2.bias");
    dict.remove("conv2.weight");
    dict.insert("fc3.weight", Tensor::zeros([2, 2], DType::F32));
    dict.insert("conv1.weight", Tensor::zeros([6, 3, 5, 5], DType::F32));
    dict.insert("fc1.bias", Tensor::zeros([120], DType::I64));
    dict
}

#[test]
fn all_faults_are_reported_and_nothing_is_changed() {
    let model = LeNet::new();
    let before = values(&model);
    let error = model.load_state_dict(&broken(&LeNet::new()), true).unwrap_err();
    assert_eq!(
        error.to_string(),
        "load_state_dict: 2 missing (conv2.weight, fc2.bias), 1 unexpected (fc3.weight), \
         2 mismatched (conv1.weight: model [6, 1, 5, 5], file [6, 3, 5, 5], fc1.bias: model f32, file i64)"
    );
    let LoadError { missing, unexpected, mismatched } = error;
    assert_eq!((missing.len(), unexpected.len(), mismatched.len()), (2, 1, 2));
    assert_eq!(values(&model), before);
}

#[test]
fn a_load_that_is_not_strict_takes_what_matches() {
    let (model, other) = (LeNet::new(), LeNet::new());
    let mut dict = broken(&other);
    assert_eq!(
        model.load_state_dict(&dict, false).unwrap_err().to_string(),
        "load_state_dict: 2 mismatched \
         (conv1.weight: model [6, 1, 5, 5], file [6, 3, 5, 5], fc1.bias: model f32, file i64)"
    );
    dict.remove("conv1.weight");
    dict.remove("fc1.bias");
    let rest = model.load_state_dict(&dict, false).unwrap();
    assert_eq!(rest.missing, ["conv1.weight", "conv2.weight", "fc1.bias", "fc2.bias"]);
    assert_eq!(rest.unexpected, ["fc3.weight"]);
    assert_eq!(model.fc1.weight.to_vec::<f32>(), other.fc1.weight.to_vec::<f32>());
}

#[test]
fn floats_are_converted_to_the_models_dtype() {
    let model = Linear::new(2, 2);
    model.to_dtype(DType::F64);
    let other = Linear::new(2, 2);
    model.load_state_dict(&other.state_dict(), true).unwrap();
    assert_eq!(model.weight.dtype(), DType::F64);
    assert_eq!(model.weight.data().to_dtype(DType::F32).to_vec::<f32>(), other.weight.to_vec::<f32>());
}

#[test]
fn hooks_add_drop_and_rename() {
    let model = sequential!["body" => Linear::new(2, 2), "head" => Linear::new(2, 2)];
    let saving = model["body"].register_state_dict_hook(|module, dict, prefix| {
        assert_eq!(module.type_name(), "Linear");
        dict.rename(&format!("{prefix}weight"), &format!("{prefix}w"));
        dict.insert(format!("{prefix}version"), Tensor::scalar(2i64));
    });
    let dict = model.state_dict();
    let expected = ["body.w", "body.bias", "body.version", "head.weight", "head.bias"];
    assert_eq!(dict.names().collect::<Vec<_>>(), expected);

    assert_eq!(
        model.load_state_dict(&dict, true).unwrap_err().to_string(),
        "load_state_dict: 1 missing (body.weight), 2 unexpected (body.w, body.version)"
    );
    let loading = model["body"].register_load_state_dict_pre_hook(|_, dict, prefix| {
        dict.rename(&format!("{prefix}w"), &format!("{prefix}weight"));
        dict.remove(&format!("{prefix}version"));
    });
    model.load_state_dict(&dict, true).unwrap();
    assert_eq!(dict.len(), 5);

    saving.remove();
    loading.remove();
    assert_eq!(model.state_dict().names().next(), Some("body.weight"));
    assert!(model.load_state_dict(&dict, true).is_err());
}

#[test]
fn tied_entries_load_under_both_names() {
    let a = Linear::new(2, 2);
    let mut b = Linear::new(2, 2);
    b.weight = a.weight.clone();
    let model = sequential![a, b];
    let dict = model.state_dict();
    assert_eq!(dict.len(), 4);
    let mut partial = dict.clone();
    partial.remove("1.weight");
    assert_eq!(model.load_state_dict(&partial, true).unwrap_err().to_string(), "load_state_dict: 1 missing (1.weight)");
    model.load_state_dict(&dict, true).unwrap();
}

#[test]
fn entries_keep_their_order() {
    let mut dict: StateDict = ["a", "b", "c"].into_iter().map(|name| (name, Tensor::scalar(1.0))).collect();
    assert!(dict.remove("a").is_some() && dict.remove("a").is_none());
    assert!(dict.insert("b", Tensor::scalar(2.0)).is_some());
    assert!(dict.rename("b", "d") && !dict.rename("b", "e"));
    assert_eq!(dict.names().collect::<Vec<_>>(), ["d", "c"]);
    assert_eq!(dict["d"].item::<f64>(), 2.0);
    // The entry that had the name gives way.
    assert!(dict.rename("c", "d"));
    assert_eq!(format!("{dict:?}"), "{\"d\": \"f64 []\"}");
}
