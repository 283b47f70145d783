//! The engine: reuse, diamonds, freeing, hooks, higher order, and very long chains.

use std::sync::{Arc, Mutex};

use gradus_autograd::ops::cat::cat;
use gradus_autograd::{GradOptions, Variable, grad, grad_with, no_grad};
use tensor::Tensor;

fn leaf(values: [f64; 3]) -> Variable {
    Variable::leaf(Tensor::from(values))
}

#[test]
fn gradients_accumulate_over_uses_and_passes() {
    let x = leaf([1.0, 2.0, 3.0]);
    let y = &x * &x;
    (&y + &x).sum(&[], false).backward();
    assert_eq!(x.grad().unwrap().to_vec::<f64>(), [3.0, 5.0, 7.0]);
    x.sum(&[], false).backward();
    assert_eq!(x.grad().unwrap().to_vec::<f64>(), [4.0, 6.0, 8.0]);
    x.zero_grad();
    assert!(x.grad().is_none());
}

#[test]
fn broadcasting_sums_back() {
    let x = leaf([1.0, 2.0, 3.0]);
    let w = Variable::leaf(Tensor::from([[1.0], [10.0]]));
    (&x * &w).sum(&[], false).backward();
    assert_eq!(x.grad().unwrap().to_vec::<f64>(), [11.0; 3]);
    assert_eq!(w.grad().unwrap().to_vec::<f64>(), [6.0, 6.0]);
}

#[test]
fn third_derivative_of_a_power() {
    let x = Variable::leaf(Tensor::scalar(2.0));
    let y = x.pow_scalar(4.0);
    let first = grad(&[&y], &[&x], true).remove(0);
    let second = grad(&[&first], &[&x], true).remove(0);
    let third = grad(&[&second], &[&x], false).remove(0);
    assert_eq!([first, second, third].map(|d| d.item::<f64>()), [32.0, 48.0, 48.0]);
}

#[test]
fn saved_values_survive_updates() {
    let w = leaf([1.0, 2.0, 3.0]);
    let y = (&w * &w).sum(&[], false);
    w.update(|value| value.make_mut::<f64>().fill(100.0));
    y.backward();
    assert_eq!(w.grad().unwrap().to_vec::<f64>(), [2.0, 4.0, 6.0]);
}

#[test]
fn hooks_see_replace_and_leave() {
    let x = leaf([1.0, 2.0, 3.0]);
    let y = &x * 2.0;
    let seen = Arc::new(Mutex::new(0));
    let handle = y.register_hook({
        let seen = seen.clone();
        move |g| {
            *seen.lock().unwrap() += 1;
            Some(g * 10.0)
        }
    });
    y.sum(&[], false).backward_with(&Variable::new(Tensor::scalar(1.0)), true);
    assert_eq!(x.grad().unwrap().to_vec::<f64>(), [20.0; 3]);
    handle.remove();
    y.sum(&[], false).backward();
    assert_eq!(*seen.lock().unwrap(), 1);
}

#[test]
fn no_grad_records_nothing() {
    let x = leaf([1.0, 2.0, 3.0]);
    let y = no_grad(|| x.exp());
    assert!(!y.requires_grad() && y.is_leaf());
}

#[test]
fn a_million_ops_do_not_recurse() {
    let x = Variable::leaf(Tensor::scalar(1.0f32));
    let mut y = x.clone();
    for _ in 0..1_000_000 {
        y = &y + 0.0;
    }
    y.backward();
    assert_eq!(x.grad().unwrap().item::<f32>(), 1.0);
    let mut z = x.clone();
    for _ in 0..1_000_000 {
        z = z.tanh();
    }
    drop(z);
}

#[test]
fn matmul_cat_and_slices() {
    let a = Variable::leaf(Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
    let b = cat(&[&a, &a.slice(0, Some(1), None, 1)], 0);
    assert_eq!(b.shape(), &[3, 2]);
    b.matmul(&a).sum(&[], false).backward();
    // As the right factor: the column sums of b. As rows of b: 1 a^T, once for row 0 and twice for row 1.
    assert_eq!(a.grad().unwrap().to_vec::<f64>(), [10.0, 14.0, 16.0, 24.0]);
}

#[test]
#[should_panic(expected = "backward: the graph was freed by an earlier pass; pass retain_graph to keep it")]
fn a_second_pass_needs_the_graph() {
    let x = leaf([1.0, 2.0, 3.0]);
    let y = x.exp().sum(&[], false);
    y.backward();
    y.backward();
}

#[test]
#[should_panic(expected = "backward: expected 1 element or a gradient to start from, got 3 (output [3])")]
fn backward_starts_from_one_number() {
    leaf([1.0, 2.0, 3.0]).exp().backward();
}

#[test]
fn results_of_ops_can_retain_their_gradients() {
    let x = leaf([1.0, 2.0, 3.0]);
    let y = &x * &x;
    y.retain_grad();
    (&y * 2.0).sum(&[], false).backward();
    assert_eq!(y.grad().unwrap().to_vec::<f64>(), [2.0; 3]);
    assert_eq!(x.grad().unwrap().to_vec::<f64>(), [4.0, 8.0, 12.0]);
}

#[test]
fn a_retained_graph_can_be_walked_again() {
    let x = leaf([1.0, 2.0, 3.0]);
    let y = x.exp().sum(&[], false);
    let one = Variable::new(Tensor::scalar(1.0));
    y.backward_with(&one, true);
    let once = x.grad().unwrap().to_vec::<f64>();
    y.backward();
    let twice: Vec<f64> = once.iter().map(|g| 2.0 * g).collect();
    assert_eq!(x.grad().unwrap().to_vec::<f64>(), twice);
}

#[test]
fn gradients_of_results_count_what_lies_between() {
    let x = leaf([1.0, 2.0, 3.0]);
    let y = &x * &x;
    let z = (&y * &y + &x).sum(&[], false);
    let options = GradOptions { allow_unused: true, ..GradOptions::default() };
    let stranger = leaf([0.0; 3]);
    let found = grad_with(&[&z], &[], &[&x, &y, &stranger], options);
    assert_eq!(found[0].as_ref().unwrap().to_vec::<f64>(), [5.0, 33.0, 109.0]);
    assert_eq!(found[1].as_ref().unwrap().to_vec::<f64>(), [2.0, 8.0, 18.0]);
    assert!(found[2].is_none());
    assert!(x.grad().is_none());
}

#[test]
fn leaves_are_updated_in_place_without_a_record() {
    let w = leaf([1.0, 2.0, 3.0]);
    (&w * &w).sum(&[], false).backward();
    let step = w.grad().unwrap().data();
    w.update(|value| *value = &*value - step.mul_scalar(0.5));
    assert_eq!(w.to_vec::<f64>(), [0.0; 3]);
    assert!(w.is_leaf() && w.requires_grad());
    assert!(!w.detach().requires_grad());
}

#[test]
fn backward_frees_what_the_graph_kept() {
    // Larger than anything that tests beside this one hold, since the pool counts for the whole process.
    const BYTES: usize = 1 << 26;
    let x = Variable::leaf(Tensor::zeros([BYTES / 4], tensor::DType::F32));
    let y = x.exp().tanh().sigmoid();
    let loss = y.sum(&[], false);
    drop(y);
    let before = tensor::memory::statistics().in_use;
    loss.backward();
    let after = tensor::memory::statistics().in_use;
    // Gone: the three results. Come: the gradient of x.
    assert!(after + BYTES < before, "{before} bytes before, {after} after");
    assert_eq!(loss.grad_fn(), None);
}

#[test]
fn unused_results_are_dropped_with_their_graph() {
    const BYTES: usize = 1 << 26;
    let x = Variable::leaf(Tensor::zeros([BYTES / 4], tensor::DType::F32));
    let before = tensor::memory::statistics().in_use;
    drop(x.exp().tanh());
    assert!(tensor::memory::statistics().in_use < before + BYTES);
}

#[test]
fn fused_gradients_equal_recorded_ones() {
    let x = leaf([-1.5, 0.5, 2.0]);
    for f in [Variable::relu, Variable::tanh, Variable::sigmoid] {
        let fused = grad(&[&f(&x).sum(&[], false)], &[&x], false).remove(0);
        let recorded = grad(&[&f(&x).sum(&[], false)], &[&x], true).remove(0);
        for (a, b) in fused.to_vec::<f64>().iter().zip(recorded.to_vec::<f64>()) {
            assert!((a - b).abs() < 1e-15);
        }
    }
}
