//! Pooling, normalisation, resizing, softmax, losses and optimizers: `cargo bench --bench layers`.
//!
//! What they do to an element is little, so memory decides: `copy` reads and writes each of the same elements once. Those
//! on pictures run in both memory formats, forward alone and with the gradients. `benches/peers/layers.py` times the same
//! in PyTorch, and with `--compare` prints both in one table.

use autograd::{Variable, no_grad};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gradus::nn::loss::cross_entropy;
use gradus::nn::ops::interpolate::{Interpolate, InterpolateMode, interpolate};
use gradus::nn::optim::{Adam, Optimizer, Sgd};
use gradus::prelude::*;
use tensor::MemoryFormat;

/// What a layer is to a bench.
type Layer = Box<dyn Fn(&Variable) -> Variable>;

fn layer(module: impl Forward + 'static) -> Layer {
    Box::new(move |x| module.call(x))
}

fn evaluated(module: impl Forward + 'static) -> Layer {
    module.eval();
    layer(module)
}

fn resized(mode: InterpolateMode) -> Layer {
    let options = Interpolate::scale(2.0).mode(mode);
    Box::new(move |x| interpolate(x, &options))
}

/// Times `layer` on `x`, and with its gradients by the one of its result.
fn both(c: &mut Criterion, name: &str, x: &Tensor, layer: &Layer) {
    let mut group = c.benchmark_group("layers");
    group.throughput(Throughput::Elements(x.len() as u64));
    let input = Variable::leaf(x.clone());
    // `data` asks for values, which may else be left to whoever reads them.
    group.bench_function(name, |bencher| bencher.iter(|| no_grad(|| layer(&input).data())));
    let g = Variable::new(Tensor::ones_like(&layer(&input).data()));
    group.bench_function(format!("{name}+gradient"), |bencher| {
        bencher.iter(|| {
            input.set_grad(None);
            layer(&input).backward_with(&g, false);
            input.grad().map(|grad| grad.data())
        });
    });
    group.finish();
}

fn pictures(c: &mut Criterion) {
    for (format, memory) in [("nchw", MemoryFormat::Contiguous), ("nhwc", MemoryFormat::ChannelsLast)] {
        let large = Tensor::randn([32, 64, 56, 56], DType::F32).to_memory_format(memory);
        let small = Tensor::randn([32, 64, 28, 28], DType::F32).to_memory_format(memory);
        c.bench_function(&format!("layers/copy_{format}"), |bencher| bencher.iter(|| large.deep_clone()));
        let cases: [(&str, &Tensor, Layer); 10] = [
            ("max_pool2d_2", &large, layer(MaxPool2d::new(2))),
            ("max_pool2d_3_stride_2", &large, layer(MaxPool2d::new(Pool::new(3).stride(2).padding(1)))),
            ("avg_pool2d_2", &large, layer(AvgPool2d::new(2))),
            ("adaptive_avg_pool2d_1", &large, layer(AdaptiveAvgPool2d::new(1))),
            ("batch_norm2d", &large, layer(BatchNorm2d::new(64))),
            ("batch_norm2d_eval", &large, evaluated(BatchNorm2d::new(64))),
            ("group_norm_8", &large, layer(GroupNorm::new(8, 64))),
            ("instance_norm2d", &large, layer(InstanceNorm2d::new(64))),
            ("interpolate_nearest", &small, resized(InterpolateMode::Nearest)),
            ("interpolate_bilinear", &small, resized(InterpolateMode::Linear)),
        ];
        for (name, x, layer) in &cases {
            both(c, &format!("{name}_{format}"), x, layer);
        }
    }
}

fn rows(c: &mut Criterion) {
    let x = Tensor::randn([4096, 1000], DType::F32);
    let labels = Variable::new(Tensor::randint([4096], 0, 1000));
    let cases: [(&str, Layer); 4] = [
        ("layer_norm", layer(LayerNorm::new([1000]))),
        ("softmax", layer(Softmax::new(-1))),
        ("log_softmax", layer(LogSoftmax::new(-1))),
        ("cross_entropy", Box::new(move |x| cross_entropy(x, &labels))),
    ];
    for (name, layer) in &cases {
        both(c, name, &x, layer);
    }
}

fn optimizers(c: &mut Criterion) {
    let parameter = || {
        let parameter = Variable::leaf(Tensor::randn([2048, 2048], DType::F32));
        parameter.set_grad(Some(Variable::new(Tensor::randn([2048, 2048], DType::F32))));
        parameter
    };
    let mut sgd = Sgd::builder(1e-3).momentum(0.9).weight_decay(1e-4).build([parameter()]);
    let mut adam = Adam::new([parameter()], 1e-3);
    c.bench_function("layers/sgd_momentum", |bencher| bencher.iter(|| sgd.step()));
    c.bench_function("layers/adam", |bencher| bencher.iter(|| adam.step()));
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = pictures, rows, optimizers
}
criterion_main!(benches);
