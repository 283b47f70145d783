//! Elementwise functions and reductions of 4 Mi and 64 Ki `f32`: `cargo bench --bench elementwise`.
//!
//! `benches/peers/elementwise.py` times the same ops of PyTorch, and with `--compare` prints both in one table.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tensor::{DType, Gelu, Tensor};

type Op<'a> = Box<dyn Fn() -> Tensor + 'a>;

fn elementwise(c: &mut Criterion) {
    for size in [2048usize, 256] {
        let mut group = c.benchmark_group(format!("elementwise/{size}x{size}"));
        group.throughput(Throughput::Elements((size * size) as u64));
        let (x, y) = (Tensor::randn([size, size], DType::F32), Tensor::randn([size, size], DType::F32));
        let (positive, transposed) = (x.abs(), y.permute([1, 0]));
        let (row, column) = (Tensor::randn([size], DType::F32), Tensor::randn([size, 1], DType::F32));
        let image = Tensor::randn([size / 8, 16, 8, size / 16], DType::F32);
        let last = Tensor::randn([size / 8, 8, size / 16, 16], DType::F32).permute([0, 3, 1, 2]);
        let ops: [(&str, Op<'_>); 20] = [
            ("add", Box::new(|| x.add(&y))),
            ("mul", Box::new(|| x.mul(&y))),
            ("relu", Box::new(|| x.relu())),
            ("exp", Box::new(|| x.exp())),
            ("log", Box::new(|| positive.log())),
            ("tanh", Box::new(|| x.tanh())),
            ("sigmoid", Box::new(|| x.sigmoid())),
            ("erf", Box::new(|| x.erf())),
            ("gelu", Box::new(|| x.gelu(Gelu::Erf))),
            ("sum", Box::new(|| x.sum(&[], false))),
            ("mean_last", Box::new(|| x.mean(&[-1], false))),
            ("mean_first", Box::new(|| x.mean(&[0], false))),
            ("amax_last", Box::new(|| x.amax(&[-1], false))),
            ("argmax_last", Box::new(|| x.argmax(-1, false))),
            ("argmax_first", Box::new(|| x.argmax(0, false))),
            ("add_row", Box::new(|| x.add(&row))),
            ("add_column", Box::new(|| x.add(&column))),
            ("add_transposed", Box::new(|| x.add(&transposed))),
            ("relu_transposed", Box::new(|| transposed.relu())),
            ("add_channels_last", Box::new(|| last.add(&image))),
        ];
        for (name, op) in &ops {
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| bencher.iter(op));
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = elementwise
}
criterion_main!(benches);
