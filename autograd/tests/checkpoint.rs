//! Checkpointed parts: higher orders, captured results, parts that ignore their input.

use gradus_autograd::{Variable, checkpoint, grad};
use tensor::Tensor;

#[test]
fn higher_orders_pass_through() {
    let x = Variable::leaf(Tensor::from([0.5, 1.5]));
    let second = |y: Variable| {
        let first = grad(&[&y.sum(&[], false)], &[&x], true).remove(0);
        grad(&[&first.sum(&[], false)], &[&x], false).remove(0).to_vec::<f64>()
    };
    let saved = second(checkpoint(|x| x.exp().sin(), &x));
    assert_eq!(saved, second(x.exp().sin()));
}

#[test]
fn captured_results_of_ops_get_their_gradients_once() {
    let w = Variable::leaf(Tensor::from([2.0, 3.0]));
    let (doubled, x) = (&w * 2.0, Variable::leaf(Tensor::from([1.0, 1.0])));
    let (captured, weight) = (doubled.clone(), w.clone());
    let y = checkpoint(move |x| x * &captured * &weight, &(&x * &doubled));
    y.sum(&[], false).backward();
    // y = x (2w) (2w) w = 4 x w^3.
    assert_eq!(w.grad().unwrap().to_vec::<f64>(), [48.0, 108.0]);
    assert_eq!(x.grad().unwrap().to_vec::<f64>(), [32.0, 108.0]);
}

#[test]
fn a_part_that_ignores_its_input() {
    let (w, x) = (Variable::leaf(Tensor::from([2.0])), Variable::leaf(Tensor::from([1.0])));
    let captured = w.clone();
    checkpoint(move |_| captured.square(), &x).sum(&[], false).backward();
    assert_eq!(w.grad().unwrap().to_vec::<f64>(), [4.0]);
    assert!(x.grad().is_none());
}

#[test]
fn long_chains_do_not_recurse() {
    let x = Variable::leaf(Tensor::from([1.0]));
    let mut y = x.clone();
    for _ in 0..20_000 {
        y = checkpoint(|x| x + 1.0, &y);
    }
    y.sum(&[], false).backward();
    assert_eq!(x.grad().unwrap().to_vec::<f64>(), [1.0]);
    let mut z = x.clone();
    for _ in 0..20_000 {
        z = checkpoint(|x| x * 1.0, &z);
    }
    drop(z);
}
