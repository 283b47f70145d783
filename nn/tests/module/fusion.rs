//! Fusing changes neither values nor gradients nor what hooks see.

use gradus_nn::prelude::*;
use tensor::{DType, Tensor, with_seed};

/// The op that made the output of `model`, the output, and all gradients.
fn run(model: &Sequential, x: &Tensor) -> (Option<&'static str>, Vec<f64>, Vec<Vec<f64>>) {
    model.zero_grad();
    let x = Variable::leaf(x.clone());
    let y = model.call(&x);
    let op = y.grad_fn();
    (&y * &y).sum(&[], false).backward();
    let parameters = model.parameters();
    let gradients = parameters.iter().map(|p| p.grad()).chain([x.grad()]);
    (op, y.to_vec(), gradients.map(|g| g.expect("everything has a gradient").to_vec()).collect())
}

fn close(a: &[f64], b: &[f64]) {
    let scale = a.iter().fold(1e-300f64, |most, a| most.max(a.abs()));
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-13 * scale), "{a:?} {b:?}");
}

fn compare(model: Sequential, x: &[usize], fused: &str) {
    let x = Tensor::randn(x, DType::F64);
    let (op, y, gradients) = run(&model, &x);
    assert_eq!(op, Some(fused));
    // A hook that looks at the value makes the waiting op compute it: nothing is left to fuse.
    model[0].register_forward_hook(|_, _, y| {
        y.data();
        None
    });
    let (op, plain, plain_gradients) = run(&model, &x);
    assert_eq!(op, Some("relu"));
    close(&y, &plain);
    for (a, b) in gradients.iter().zip(&plain_gradients) {
        close(a, b);
    }
}

#[test]
fn relu_is_folded_into_the_op_before_it() {
    with_seed(3, || {
        let relu = ReLU::new;
        let conv = Conv2d::builder(3, 8, 3).padding(1).stride(2).dtype(DType::F64).build();
        compare(sequential![conv, relu()], &[2, 3, 9, 9], "conv_relu");
        let conv = Conv1d::builder(4, 4, 3).groups(2).dtype(DType::F64).build();
        compare(sequential![conv, relu()], &[2, 4, 9], "conv_relu");
        let linear = Linear::builder(5, 7).dtype(DType::F64).build();
        compare(sequential![linear, relu()], &[2, 3, 5], "linear_relu");
        let linear = Linear::builder(5, 7).bias(false).dtype(DType::F64).build();
        compare(sequential![linear, relu()], &[3, 5], "relu");
    })
}

#[test]
fn a_waiting_result_keeps_the_weights_of_its_call() {
    let layer = Linear::builder(1, 1).bias(true).dtype(DType::F64).build();
    layer.weight.set_data(Tensor::from([[2.0]]));
    layer.bias.as_ref().unwrap().set_data(Tensor::from([1.0]));
    let x = Variable::new(Tensor::from([[3.0]]));
    let (waiting, looked_at_later) = (layer.call(&x), layer.call(&x));
    layer.weight.set_data(Tensor::from([[100.0]]));
    assert_eq!(waiting.relu().item::<f64>(), 7.0);
    assert_eq!(looked_at_later.item::<f64>(), 7.0);
}

#[test]
fn second_order_passes_through_fused_ops() {
    with_seed(4, || {
        let model = sequential![Conv2d::builder(2, 3, 3).dtype(DType::F64).build(), ReLU::new()];
        let x = Variable::leaf(Tensor::randn([1, 2, 5, 5], DType::F64));
        let y = model.call(&x);
        let first = autograd::grad(&[&(&y * &y).sum(&[], false)], &[&x], true).remove(0);
        let second = autograd::grad(&[&(&first * &first).sum(&[], false)], &[&x], false).remove(0);
        assert_eq!(second.shape(), x.shape());
        assert!(second.to_vec::<f64>().iter().any(|g| *g != 0.0));
    })
}
