//! Convolutions of the shapes that small networks have: forward and both gradients.
//!
//! `cargo bench --bench convs` runs them under criterion. `cargo bench --bench convs -- --json [--threads N]
//! [--only NAME] [--exact]` prints one JSON line per shape instead, with medians and minima in milliseconds; `--exact`
//! forbids Winograd.

use std::io::Write;
use std::time::{Duration, Instant};

use tensor::kernels::conv::{
    ConvAlgorithm, ConvGeometry, Cotangent, Epilogue, Gradients, conv, conv_gradients, conv_input_grad,
    conv_weight_grad,
};
use tensor::{DType, MemoryFormat, Tensor, parallel};

/// A two-dimensional convolution with square filters.
struct Shape {
    name: &'static str,
    /// Images, channels, height, width.
    input: [usize; 4],
    /// Output channels and filter size.
    filters: [usize; 2],
    stride: usize,
    padding: usize,
    groups: usize,
}

const fn shape(name: &'static str, input: [usize; 4], filters: [usize; 2], window: [usize; 3]) -> Shape {
    Shape { name, input, filters, stride: window[0], padding: window[1], groups: window[2] }
}

const SHAPES: [Shape; 16] = [
    shape("lenet1", [64, 1, 28, 28], [6, 5], [1, 2, 1]),
    shape("lenet2", [64, 6, 14, 14], [16, 5], [1, 0, 1]),
    shape("r20_16", [128, 16, 32, 32], [16, 3], [1, 1, 1]),
    shape("r20_32", [128, 32, 16, 16], [32, 3], [1, 1, 1]),
    shape("r20_64", [128, 64, 8, 8], [64, 3], [1, 1, 1]),
    shape("r20_64_8", [8, 64, 8, 8], [64, 3], [1, 1, 1]),
    shape("r20_s2", [128, 16, 32, 32], [32, 3], [2, 1, 1]),
    shape("vgg128", [32, 128, 28, 28], [128, 3], [1, 1, 1]),
    shape("alex1", [16, 3, 224, 224], [64, 11], [4, 2, 1]),
    shape("pw", [32, 128, 28, 28], [256, 1], [1, 0, 1]),
    shape("dw", [32, 128, 28, 28], [128, 3], [1, 1, 128]),
    shape("r18_56", [8, 64, 56, 56], [64, 3], [1, 1, 1]),
    shape("stem", [128, 3, 32, 32], [16, 3], [1, 1, 1]),
    shape("stem32", [64, 3, 32, 32], [32, 3], [1, 1, 1]),
    shape("ae_up1", [64, 16, 14, 14], [32, 4], [2, 1, 1]),
    shape("ae_up2", [64, 1, 28, 28], [16, 4], [2, 1, 1]),
];

/// The operands of one shape's three passes.
struct Case {
    x: Tensor,
    w: Tensor,
    g: Tensor,
    geometry: ConvGeometry,
}

impl Case {
    fn new(shape: &Shape, algorithm: ConvAlgorithm) -> Case {
        let two = |value: usize| [value, value].into_iter().collect();
        let geometry = ConvGeometry {
            stride: two(shape.stride),
            padding: two(shape.padding),
            dilation: two(1),
            groups: shape.groups,
            algorithm,
        };
        let ([n, c, height, width], [k, size]) = (shape.input, shape.filters);
        let output = geometry.output_spatial(&[height, width], &[size, size]).expect("the filter fits");
        let numbers = |shape: [usize; 4]| Tensor::randn(shape, DType::F32).to_memory_format(MemoryFormat::ChannelsLast);
        Case {
            x: numbers([n, c, height, width]),
            w: numbers([k, c / shape.groups, size, size]).contiguous(),
            g: numbers([n, k, output[0], output[1]]),
            geometry,
        }
    }

    fn forward(&self) -> Tensor {
        conv(&self.x, &self.w, &self.geometry, Epilogue::default())
    }

    fn input_grad(&self) -> Tensor {
        conv_input_grad(&self.g, &self.w, &self.x.shape()[2..], &self.geometry)
    }

    fn weight_grad(&self) -> Tensor {
        conv_weight_grad(&self.x, &self.g, &self.w.shape()[2..], &self.geometry)
    }

    /// Both at once, as a backward pass computes them.
    fn gradients(&self) -> Gradients {
        conv_gradients((&self.x).into(), &self.w, &Cotangent::Tensor(self.g.clone()), &self.geometry, [true, true])
    }
}

/// The minimum and the median of up to 200 runs in at most a second, in milliseconds.
fn time(mut pass: impl FnMut()) -> [f64; 2] {
    (0..5).for_each(|_| pass());
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < 200 && (times.len() < 5 || start.elapsed() < Duration::from_secs(1)) {
        let start = Instant::now();
        pass();
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    [times[0], times[times.len() / 2]]
}

fn json(only: Option<&str>, algorithm: ConvAlgorithm) {
    for shape in SHAPES.iter().filter(|shape| only.is_none_or(|only| only == shape.name)) {
        let case = Case::new(shape, algorithm);
        let passes: [(&str, &dyn Fn()); 4] = [
            ("fwd", &|| drop(case.forward())),
            ("dgrad", &|| drop(case.input_grad())),
            ("wgrad", &|| drop(case.weight_grad())),
            ("fwdbwd", &|| drop((case.forward(), case.gradients()))),
        ];
        let work = 2.0 * (case.g.len() * case.w.len() / shape.filters[0]) as f64;
        let mut line = serde_json::json!({"peer": "gradus", "kernel": shape.name, "threads": parallel::num_threads()});
        for (name, pass) in passes {
            let [min, median] = time(pass);
            let flops = if name == "fwdbwd" { 3.0 * work } else { work };
            line[format!("{name}_ms_median")] = ((median * 1e4).round() / 1e4).into();
            line[format!("{name}_ms_min")] = ((min * 1e4).round() / 1e4).into();
            line[format!("{name}_gflops")] = ((flops / min / 1e5).round() / 10.0).into();
        }
        writeln!(std::io::stdout(), "{line}").expect("standard output takes a line");
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let after = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
    if let Some(threads) = after("--threads") {
        parallel::set_num_threads(threads.parse().expect("--threads takes a number"));
    }
    let algorithm = if args.iter().any(|arg| arg == "--exact") { ConvAlgorithm::Exact } else { ConvAlgorithm::Auto };
    if args.iter().any(|arg| arg == "--json") {
        return json(after("--only").map(String::as_str), algorithm);
    }
    let mut criterion = criterion::Criterion::default().configure_from_args();
    for shape in &SHAPES {
        let case = Case::new(shape, algorithm);
        let mut group = criterion.benchmark_group(shape.name);
        group.bench_function("forward", |bencher| bencher.iter(|| case.forward()));
        group.bench_function("input_grad", |bencher| bencher.iter(|| case.input_grad()));
        group.bench_function("weight_grad", |bencher| bencher.iter(|| case.weight_grad()));
        group.finish();
    }
    criterion.final_summary();
}
