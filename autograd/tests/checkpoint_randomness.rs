//! Checkpointed parts give the same bits as plain ones, for values, gradients, captured weights and randomness.
//!
//! In a process of its own: recomputing a part rewinds the default generator for a moment, which other threads share.

use gradus_autograd::ops::matmul::matmul;
use gradus_autograd::{Variable, checkpoint};
use tensor::{DType, Generator, Tensor, manual_seed};

fn bits(x: &Variable) -> Vec<u32> {
    x.to_vec::<f32>().into_iter().map(f32::to_bits).collect()
}

fn noisy(w: &Variable, x: &Variable) -> Variable {
    let noise = Variable::new(Tensor::rand(x.shape(), DType::F32));
    matmul(&(x * noise), w).tanh()
}

/// Gradients of a two-part network with noise, with its parts run by `run`.
fn train(run: impl Fn(Variable, &Variable) -> Variable) -> [Vec<u32>; 4] {
    let mut generator = Generator::new(3);
    let w = Variable::leaf(generator.randn([4, 4], DType::F32));
    let x = Variable::leaf(generator.randn([5, 4], DType::F32));
    manual_seed(7);
    let y = run(w.clone(), &run(w.clone(), &x));
    y.square().sum(&[], false).backward();
    let next = Variable::new(Tensor::rand([3], DType::F32));
    [bits(&y), bits(&w.grad().unwrap()), bits(&x.grad().unwrap()), bits(&next)]
}

#[test]
fn equals_the_plain_computation_bit_for_bit() {
    let plain = train(|w, x| noisy(&w, x));
    let saved = train(|w, x| checkpoint(move |x| noisy(&w, x), x));
    assert_eq!(plain, saved);
}
