//! The exact text of the faults of convolutions and linear layers.

use gradus_nn::ops::conv::{ConvOptions, ConvTransposeOptions, conv_transpose2d, conv1d, conv2d};
use gradus_nn::ops::linear::linear;
use gradus_nn::ops::window::{Padding, PaddingMode};
use gradus_nn::prelude::*;
use tensor::{DType, Tensor};

use crate::{fault, zeros};

#[test]
fn convolutions_say_what_does_not_fit() {
    let (x, w) = (zeros(&[2, 4, 8, 8]), zeros(&[6, 2, 3, 3]));
    let run = |options: ConvOptions<2>| fault(|| drop(conv2d(&x, &w, None, &options)));
    let plain = ConvOptions::<2>::new();
    assert_eq!(
        run(plain),
        "conv2d: input has 4 channels but weight expects 2 (input [2, 4, 8, 8], weight [6, 2, 3, 3], groups 1)"
    );
    assert_eq!(
        run(plain.groups(4)),
        "conv2d: 6 output channels do not divide into 4 groups (input [2, 4, 8, 8], weight [6, 2, 3, 3], groups 4)"
    );
    assert_eq!(
        run(plain.groups(2).dilation(5).padding(1)),
        "conv2d: kernel [11, 11] is larger than the padded input [10, 10] \
         (input [2, 4, 8, 8], weight [6, 2, 3, 3], groups 2, dilation [5, 5])"
    );
    assert_eq!(
        run(plain.groups(0)),
        "conv2d: groups must be at least 1, got 0 (input [2, 4, 8, 8], weight [6, 2, 3, 3], groups 0)"
    );
    assert_eq!(
        run(plain.stride((1, 0))),
        "conv2d: stride [1, 0] contains 0 (input [2, 4, 8, 8], weight [6, 2, 3, 3], groups 1, stride [1, 0])"
    );
    assert_eq!(
        run(plain.groups(2).stride(2).padding(Padding::Same)),
        "conv2d: padding \"same\" needs stride 1, got [2, 2] \
         (input [2, 4, 8, 8], weight [6, 2, 3, 3], groups 2, stride [2, 2])"
    );
    assert_eq!(
        run(plain.groups(2).padding(8).padding_mode(PaddingMode::Reflect)),
        "pad: reflect padding (8, 8) exceeds 7, the most for axis 3 (input [2, 4, 8, 8])"
    );
    let bias = zeros(&[5]);
    assert_eq!(
        fault(|| drop(conv2d(&x, &w, Some(&bias), &plain.groups(2)))),
        "conv2d: expected a bias of 6 elements (input [2, 4, 8, 8], bias [5])"
    );
    let double = Variable::new(Tensor::zeros([6, 2, 3, 3], DType::F64));
    assert_eq!(
        fault(|| drop(conv2d(&x, &double, None, &plain.groups(2)))),
        "conv2d: dtypes differ, f32 and f64; convert with to_dtype \
         (input [2, 4, 8, 8], weight [6, 2, 3, 3], groups 2)"
    );
    assert_eq!(
        fault(|| drop(conv1d(&x, &zeros(&[1, 4, 3]), None, &ConvOptions::new()))),
        "conv1d: expected an input of 2 or 3 axes, got 4 (input [2, 4, 8, 8], weight [1, 4, 3], groups 1)"
    );
}

#[test]
fn transposed_convolutions_say_what_does_not_fit() {
    let (x, w) = (zeros(&[2, 4, 5, 5]), zeros(&[6, 2, 3, 3]));
    let plain = ConvTransposeOptions::<2>::new();
    assert_eq!(
        fault(|| drop(conv_transpose2d(&x, &w, None, &plain))),
        "conv_transpose2d: input has 4 channels but weight expects 6 \
         (input [2, 4, 5, 5], weight [6, 2, 3, 3], groups 1)"
    );
    let w = zeros(&[4, 2, 3, 3]);
    assert_eq!(
        fault(|| drop(conv_transpose2d(&x, &w, None, &plain.groups(3)))),
        "conv_transpose2d: 4 input channels do not divide into 3 groups \
         (input [2, 4, 5, 5], weight [4, 2, 3, 3], groups 3)"
    );
    assert_eq!(
        fault(|| drop(conv_transpose2d(&x, &w, None, &plain.stride(2).output_padding(2)))),
        "conv_transpose2d: output_padding 2 must be smaller than stride or dilation, 2 \
         (input [2, 4, 5, 5], weight [4, 2, 3, 3], groups 1)"
    );
    let empty = conv_transpose2d(&zeros(&[0, 4, 5, 5]), &w, None, &plain.stride(2).output_padding(2));
    assert_eq!(empty.shape(), &[0, 2, 13, 13]);
    assert_eq!(
        fault(|| drop(conv_transpose2d(&x, &w, None, &plain.padding(4)))),
        "conv_transpose2d: padding [4, 4] leaves no output along axis 2 \
         (input [2, 4, 5, 5], weight [4, 2, 3, 3], groups 1)"
    );
    let up = ConvTranspose2d::builder(4, 2, 3).stride(2).build();
    assert_eq!(
        fault(|| drop(up.forward_sized(&x, 20))),
        "conv_transpose2d: output_size [20, 20] is not between [11, 11] and [12, 12] (input [2, 4, 5, 5])"
    );
}

#[test]
fn layers_refuse_options_that_contradict() {
    assert_eq!(
        fault(|| drop(Conv2d::builder(4, 6, 3).groups(3).build())),
        "conv2d: 4 input channels do not divide into 3 groups"
    );
    assert_eq!(fault(|| drop(Conv1d::new(4, 6, 0))), "conv1d: kernel_size [0] contains 0");
    assert_eq!(
        fault(|| drop(ConvTranspose3d::builder(4, 6, 3).groups(4).build())),
        "conv_transpose3d: 6 output channels do not divide into 4 groups"
    );
}

#[test]
fn linear_says_what_does_not_fit() {
    let (x, w) = (zeros(&[2, 5]), zeros(&[3, 4]));
    assert_eq!(
        fault(|| drop(linear(&x, &w, None))),
        "linear: input has 5 features but weight expects 4 (input [2, 5], weight [3, 4])"
    );
    let (x, b) = (zeros(&[2, 4]), zeros(&[4]));
    assert_eq!(
        fault(|| drop(linear(&x, &w, Some(&b)))),
        "linear: expected a bias of 3 elements (input [2, 4], weight [3, 4], bias [4])"
    );
    assert_eq!(
        fault(|| drop(Flatten::between(2, 1).call(&zeros(&[1, 2, 3])))),
        "flatten: axis 2 comes after axis 1 (input [1, 2, 3]), in Flatten"
    );
    assert_eq!(
        fault(|| drop(Unflatten::new(1, [2, 3]).call(&zeros(&[1, 5])))),
        "unflatten: axis 1 does not divide into [2, 3] (input [1, 5]), in Unflatten"
    );
}
