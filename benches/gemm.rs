//! Matrix products: `cargo bench --bench gemm`.
//!
//! Square ones, and those of LeNet's linear layers: forward (`a b^T`), and its two gradients. Throughput is in
//! multiply-adds; two floating-point operations each. `matrixmultiply` (one thread) stands beside ours for comparison.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tensor::kernels::gemm::{Matrix, product};

/// m, k, n, and which operand is transposed in memory.
const SHAPES: [([usize; 3], [bool; 2]); 14] = [
    ([256, 256, 256], [false, false]),
    ([512, 512, 512], [false, false]),
    ([1024, 1024, 1024], [false, false]),
    ([2048, 2048, 2048], [false, false]),
    ([512, 512, 512], [false, true]),
    ([512, 512, 512], [true, false]),
    ([64, 400, 120], [false, true]),
    ([64, 120, 84], [false, true]),
    ([64, 84, 10], [false, true]),
    ([32, 784, 32], [false, true]),
    ([120, 64, 400], [true, false]),
    ([64, 120, 400], [false, false]),
    ([1, 400, 120], [false, true]),
    ([1, 1024, 1024], [false, false]),
];

fn products(c: &mut Criterion) {
    let mut group = c.benchmark_group("gemm");
    for ([m, k, n], [a_transposed, b_transposed]) in SHAPES {
        let (a, b, mut out) = (vec![0.5f32; m * k], vec![0.25f32; k * n], vec![0f32; m * n]);
        let strides = |rows: usize, columns: usize, transposed: bool| {
            if transposed { [1, rows as isize] } else { [columns as isize, 1] }
        };
        let (sa, sb) = (strides(m, k, a_transposed), strides(k, n, b_transposed));
        let name =
            format!("{m}x{k}x{n}{}{}", if a_transposed { " a^T" } else { "" }, if b_transposed { " b^T" } else { "" });
        group.throughput(Throughput::Elements((m * k * n) as u64));
        group.bench_function(BenchmarkId::new("gradus", &name), |bencher| {
            let a = Matrix { data: &a, offset: 0, strides: sa };
            let b = Matrix { data: &b, offset: 0, strides: sb };
            bencher.iter(|| product(a, b, [m, k, n], &mut out));
        });
        group.bench_function(BenchmarkId::new("matrixmultiply", &name), |bencher| {
            let (pa, pb) = (a.as_ptr(), b.as_ptr());
            bencher.iter(|| {
                // SAFETY: the slices hold m x k, k x n and m x n elements at these strides.
                unsafe {
                    let c = out.as_mut_ptr();
                    matrixmultiply::sgemm(m, k, n, 1.0, pa, sa[0], sa[1], pb, sb[0], sb[1], 0.0, c, n as isize, 1);
                }
            });
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = products
}
criterion_main!(benches);
