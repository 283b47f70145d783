//! Variables are shared between threads: graphs are built and walked on several at once.

use std::thread;

use gradus_autograd::{Variable, is_grad_enabled, no_grad};
use tensor::{DType, Generator, Tensor};

#[test]
fn gradients_of_many_threads_meet_in_one_leaf() {
    let w = Variable::leaf(Tensor::from([1.0, 2.0]));
    thread::scope(|scope| {
        for k in 0..8 {
            let w = &w;
            scope.spawn(move || {
                for _ in 0..50 {
                    (w * f64::from(k)).sum(&[], false).backward();
                }
            });
        }
    });
    assert_eq!(w.grad().unwrap().to_vec::<f64>(), [1400.0; 2]);
}

#[test]
fn a_graph_built_on_one_thread_is_walked_on_another() {
    let mut generator = Generator::new(1);
    let x = Variable::leaf(generator.randn([16, 16], DType::F32));
    let y = thread::scope(|scope| scope.spawn(|| x.matmul(&x).tanh().sum(&[], false)).join().unwrap());
    thread::scope(|scope| scope.spawn(move || y.backward()).join().unwrap());
    assert_eq!(x.grad().unwrap().shape(), &[16, 16]);
}

#[test]
fn recording_is_switched_per_thread() {
    no_grad(|| {
        assert!(!is_grad_enabled());
        thread::scope(|scope| scope.spawn(|| assert!(is_grad_enabled())).join().unwrap());
    });
}
