//! Summaries: shapes, costs and faults without a single multiplication.

use gradus_nn::prelude::*;

use crate::LeNet;

#[test]
fn a_summary_lists_what_runs() {
    let model = LeNet::new();
    model.fc2.weight.set_requires_grad(false);
    let summary = model.summary(&[8, 1, 28, 28]).unwrap();
    let expected = "\
layer            output          parameters  multiply-adds   bytes
LeNet            [8, 10]                  -              -       -
  conv1: Conv2d  [8, 6, 14, 14]         156        235,200  37,632
  conv2: Conv2d  [8, 16, 5, 5]        2,416        480,000  12,800
  fc1: Linear    [8, 120]            48,120        384,000   3,840
  fc2: Linear    [8, 10]              1,210          9,600     320
parameters: 51,902 (50,702 trainable)
multiply-adds: 1,108,800
bytes: 54,592 of activations, 207,608 of parameters and buffers";
    assert_eq!(summary.to_string(), expected);
    assert!(model.is_training() && model.conv1.is_training());
}

#[test]
fn faults_come_with_their_place_before_any_data() {
    let model = sequential!["body" => sequential![Conv2d::new(3, 8, 3), ReLU::new()], "head" => Linear::new(10, 2)];
    assert_eq!(
        model.summary(&[4, 1, 28, 28]).unwrap_err().message,
        "conv2d: input has 1 channels but weight expects 3 (input [4, 1, 28, 28], weight [8, 3, 3, 3], groups 1), \
         in Sequential > body > 0"
    );
    assert_eq!(
        model.summary(&[4, 3, 2, 9]).unwrap_err().message,
        "conv2d: kernel [3, 3] is larger than the padded input [2, 9] \
         (input [4, 3, 2, 9], weight [8, 3, 3, 3], groups 1), in Sequential > body > 0"
    );
    // Hooks and modes are as they were.
    assert!(model.is_training());
    assert_eq!(model.call(&crate::zeros(&[1, 3, 12, 12])).shape(), &[1, 8, 10, 2]);
}

#[test]
fn modules_that_run_twice_have_two_rows() {
    let layer = std::sync::Arc::new(Linear::new(4, 4));
    let summary = sequential![layer.clone(), layer].summary(&[1, 4]).unwrap();
    assert_eq!(summary.rows.len(), 3);
    assert_eq!((summary.parameters, summary.multiply_adds), (20, 32));
}
