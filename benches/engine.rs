//! What recording and walking the graph costs, on tensors so small that their arithmetic costs nothing.
//!
//! `cargo bench --bench engine`: time per op is the time per element shown.

use autograd::{Variable, no_grad};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tensor::{DType, Tensor};

const OPS: usize = 1000;

fn chain(x: &Variable, step: impl Fn(&Variable) -> Variable) -> Variable {
    let mut y = x.clone();
    for _ in 0..OPS {
        y = step(&y);
    }
    y
}

fn engine(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine");
    group.throughput(Throughput::Elements(OPS as u64));
    let x = Variable::leaf(Tensor::full([], 0.5, DType::F32));
    let w = Variable::leaf(Tensor::full([], 1.0, DType::F32));
    group.bench_function("tensor mul", |bench| {
        let (a, b) = (x.data(), w.data());
        bench.iter(|| {
            for _ in 0..OPS {
                black_box(a.mul(&b));
            }
        });
    });
    group.bench_function("no_grad mul", |bench| bench.iter(|| no_grad(|| black_box(chain(&x, |y| y * &w)))));
    group.bench_function("forward mul", |bench| bench.iter(|| black_box(chain(&x, |y| y * &w))));
    group.bench_function("forward and backward add_scalar", |bench| bench.iter(|| chain(&x, |y| y + 1.0).backward()));
    group.bench_function("forward and backward mul", |bench| bench.iter(|| chain(&x, |y| y * &w).backward()));
    group.bench_function("forward and backward tanh", |bench| bench.iter(|| chain(&x, Variable::tanh).backward()));
    group.finish();
}

criterion_group!(benches, engine);
criterion_main!(benches);
