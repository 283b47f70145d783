//! Containers: building, indexing, slicing, names, typed and untyped.

use std::sync::Arc;

use gradus_nn::prelude::*;
use tensor::{DType, Tensor};

use crate::{fault, zeros};

#[test]
fn sequential_by_position_and_by_name() {
    let mut model = sequential![Linear::new(2, 3), ReLU::new()];
    model.push_named("head", Linear::new(3, 1));
    assert_eq!(model.len(), 3);
    assert_eq!(model[0].type_name(), "Linear");
    assert_eq!(model["head"].parameters()[0].shape(), &[1, 3]);
    assert!(model.find("tail").is_none());
    assert_eq!(model.call(&zeros(&[4, 2])).shape(), &[4, 1]);
    let names: Vec<String> = model.named_children().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["0", "1", "head"]);
    assert!(Sequential::new().call(&zeros(&[2])).shape() == [2]);
}

#[test]
fn sequential_slices_share_and_rename() {
    let model: Sequential = (0..4).map(|_| Linear::new(2, 2)).collect();
    let tail = model.slice(2..);
    let names: Vec<String> = tail.named_parameters().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["0.weight", "0.bias", "1.weight", "1.bias"]);
    assert!(tail.parameters()[0].is_same(&model.parameters()[4]));

    let mut longer = model.slice(..1);
    longer.extend(tail);
    longer.extend(sequential!["end" => ReLU::new()]);
    let names: Vec<String> = longer.named_children().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["0", "1", "2", "end"]);
    let removed = longer.remove(0);
    assert_eq!(removed.type_name(), "Linear");
    let names: Vec<String> = longer.named_children().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["0", "1", "end"]);
}

#[test]
fn sequential_inserts_and_replaces() {
    let mut model = sequential![Linear::new(2, 2), ReLU::new()];
    model.push_named("head", Linear::new(2, 1));
    model.insert(0, Identity::new());
    model.insert(2, Tanh::new());
    model.insert(5, Sigmoid::new());
    let names: Vec<String> =
        model.named_children().into_iter().map(|(name, child)| format!("{name} {}", child.type_name())).collect();
    assert_eq!(names, ["0 Identity", "1 Linear", "2 Tanh", "3 ReLU", "head Linear", "5 Sigmoid"]);
    let old = model.replace(4, Linear::new(2, 7));
    assert_eq!(old.parameters()[0].shape(), &[1, 2]);
    assert_eq!(model.call(&zeros(&[3, 2])).shape(), &[3, 7]);
    assert_eq!(fault(|| model.insert(8, ReLU::new())), "sequential: position 8 is past the end of 6 modules");
    assert_eq!(fault(|| drop(model.replace(6, ReLU::new()))), "sequential: there is no module 6 among 6");
}

#[test]
fn lists_keep_the_type_or_hold_any() {
    let mut typed: ModuleList<Linear> = ModuleList::new();
    typed.push(Linear::new(2, 2));
    typed.insert(0, Linear::new(2, 3));
    assert_eq!(typed[0].out_features(), 3);
    let mut any: ModuleList = ModuleList::new();
    any.push(Linear::new(2, 2));
    any.push(ReLU::new());
    let y = any.iter().fold(zeros(&[1, 2]), |x, layer| x.apply(layer));
    assert_eq!(y.shape(), &[1, 2]);
    assert_eq!(any.pop().map(|module| module.type_name()), Some("ReLU"));
    let copy = any.deep_clone();
    assert!(!copy.parameters()[0].is_same(&any.parameters()[0]));
}

#[test]
fn dicts_choose_by_name() {
    let mut heads: ModuleDict<Linear> = ModuleDict::new();
    heads.insert("digits", Linear::new(4, 10));
    heads.insert("letters", Linear::new(4, 26));
    assert_eq!(heads["letters"].out_features(), 26);
    assert!(heads.insert("digits", Linear::new(4, 11)).is_some());
    assert_eq!(heads.names().collect::<Vec<_>>(), ["digits", "letters"]);
    assert_eq!(heads.named_parameters()[0].0, "digits.weight");
    assert!(heads.remove("digits").is_some() && !heads.contains("digits"));
}

#[test]
fn parameters_alone() {
    let mut list = ParameterList::new();
    list.push(Parameter::new(Tensor::ones([2], DType::F32)));
    let mut dict = ParameterDict::new();
    dict.insert("gain", list[0].clone());
    assert!(dict["gain"].is_same(&list[0]));
    assert_eq!(dict.named_parameters()[0].0, "gain");
    assert_eq!(list.state_dict().names().collect::<Vec<_>>(), ["0"]);
}

#[test]
fn modules_can_be_shared() {
    let shared = Arc::new(Linear::new(2, 2));
    let model = sequential![shared.clone(), ReLU::new(), shared.clone()];
    assert_eq!(model.parameters().len(), 2);
    assert_eq!(model.modules().len(), 3);
    assert_eq!(model.state_dict().len(), 4);
    model.call(&zeros(&[1, 2])).sum(&[], false).backward();
    assert!(shared.weight.grad().is_some());
}

#[test]
fn faults_of_containers() {
    let mut model = sequential!["a" => ReLU::new()];
    assert_eq!(fault(|| model.push_named("a", ReLU::new())), "sequential: there already is an entry named \"a\"");
    assert_eq!(fault(|| model.push_named("a.b", ReLU::new())), "sequential: the name \"a.b\" contains a dot");
    assert_eq!(fault(|| assert_eq!(model[3].type_name(), "")), "sequential: there is no module 3 among 1");
    assert_eq!(fault(|| assert_eq!(model["b"].type_name(), "")), "sequential: there is no module named \"b\"");
    assert_eq!(fault(|| drop(model.slice(0..2))), "sequential: the range 0..2 is not inside 0..1");
    let mut dict: ModuleDict = ModuleDict::new();
    dict.insert("x", ReLU::new());
    dict.insert("y", ReLU::new());
    assert_eq!(
        fault(|| assert_eq!(dict["z"].type_name(), "")),
        "module_dict: there is no module named \"z\" among x, y"
    );
}

#[test]
fn bare_parameters_come_and_go() {
    let vector = |len: usize| Parameter::new(Tensor::ones([len], DType::F32));
    let mut list = ParameterList::new();
    list.extend((1..=3).map(vector));
    assert_eq!(list[2].shape(), &[3]);
    let mut dict = ParameterDict::new();
    dict.insert("a", vector(1));
    dict.insert("b", vector(2));
    assert!(dict.contains("a") && dict.names().eq(["a", "b"]));
    assert_eq!(dict.remove("a").map(|parameter| parameter.len()), Some(1));
    assert!(dict.remove("a").is_none() && dict.state_dict().names().eq(["b"]));
}
