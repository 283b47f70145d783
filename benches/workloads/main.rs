//! Whole training steps of five small networks, written as a user would write them.
//!
//! `cargo bench --bench workloads` runs them under criterion; `-- --json [--threads N] [--workload NAME]` prints one JSON
//! line per workload, each measured in a process of its own so that start-up time and peak memory mean something. The
//! same workloads in PyTorch: `benches/peers/train.py`; both side by side: `benches/peers/compare.py`.

mod models;

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use criterion::Criterion;
use gradus::prelude::*;
use gradus::tensor::parallel;

use models::Workload;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |flag: &str| {
        arguments.iter().position(|argument| argument == flag).and_then(|at| arguments.get(at + 1)).cloned()
    };
    if let Some(threads) = value("--threads").and_then(|text| text.parse().ok()) {
        parallel::set_num_threads(threads);
    }
    let chosen = value("--workload");
    let names = models::NAMES.iter().filter(|name| chosen.as_deref().is_none_or(|chosen| chosen == **name));
    if !arguments.iter().any(|argument| argument == "--json") {
        let mut criterion = Criterion::default().sample_size(20).configure_from_args();
        for name in names {
            let mut workload = models::workload(name);
            criterion.bench_function(&format!("train/{name}"), |bencher| bencher.iter(|| workload.step()));
        }
        criterion.final_summary();
        return ExitCode::SUCCESS;
    }
    if let Some(name) = &chosen {
        if !models::NAMES.contains(&name.as_str()) {
            eprintln!("no workload {name}; there are {:?}", models::NAMES);
            return ExitCode::FAILURE;
        }
        println!("{}", measure(name));
        return ExitCode::SUCCESS;
    }
    for name in names {
        let mut child = Command::new(&arguments[0]);
        child.args(["--json", "--workload", name, "--threads", &parallel::num_threads().to_string()]);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        child.env("PEER_T0_NS", now.as_nanos().to_string());
        if !child.status().is_ok_and(|status| status.success()) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Milliseconds since `PEER_T0_NS`, the instant before this process was started.
fn since_start(fallback: Instant) -> f64 {
    let start = std::env::var("PEER_T0_NS").ok().and_then(|text| text.parse::<u128>().ok());
    match (start, SystemTime::now().duration_since(UNIX_EPOCH)) {
        (Some(start), Ok(now)) => now.as_nanos().saturating_sub(start) as f64 / 1e6,
        _ => fallback.elapsed().as_secs_f64() * 1e3,
    }
}

/// The largest resident memory of this process so far, in MiB; 0 where the system does not tell.
fn peak_rss() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok()).map_or(0.0, |kib| kib / 1024.0)
}

fn timed(count: usize, limit: Duration, mut run: impl FnMut()) -> Vec<f64> {
    let start = Instant::now();
    let mut times = vec![];
    while times.len() < count && start.elapsed() < limit {
        let begin = Instant::now();
        run();
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    times
}

fn measure(name: &str) -> String {
    let began = Instant::now();
    let mut workload: Box<dyn Workload> = models::workload(name);
    let first = workload.step();
    let started = since_start(began);
    let count = if matches!(name, "r20_128" | "dwnet64") { 60 } else { 300 };
    timed(4, Duration::from_secs(2), || {
        workload.step();
    });
    let train = timed(count, Duration::from_secs(8), || {
        workload.step();
    });
    let last = workload.step();
    let peak = peak_rss();
    workload.eval();
    let mut infer_once = || no_grad(|| workload.infer());
    timed(3, Duration::from_secs(1), &mut infer_once);
    let infer = timed(count, Duration::from_secs(3), &mut infer_once);
    let params = workload.params();
    let threads = parallel::num_threads();
    format!(
        "{{\"peer\": \"gradus\", \"workload\": \"{name}\", \"train_ms_median\": {:.4}, \"train_ms_min\": {:.4}, \
         \"infer_ms_median\": {:.4}, \"peak_rss_mb\": {peak:.1}, \"start_to_first_step_ms\": {started:.1}, \
         \"loss_first\": {first:.5}, \"loss_last\": {last:.5}, \"params\": {params}, \"threads\": {threads}}}",
        train[train.len() / 2],
        train[0],
        infer[infer.len() / 2],
    )
}
