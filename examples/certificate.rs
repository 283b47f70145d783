//! Checks every registered op at length and writes what was found to `docs/certificate.md`.
//!
//! `cargo run --release --features check --example certificate [cases]`; 256 samples per op unless told otherwise. The
//! deviations from PyTorch's values come from `tests/parity/deviations.json`, which `tests/golden.rs` writes.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use autograd::check::{Entry, Report};
use gradus::vision::image::write_atomic;

fn main() -> ExitCode {
    let cases = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(256);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let golden: BTreeMap<String, f64> = std::fs::read_to_string(root.join("tests/parity/deviations.json"))
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    let mut text = String::from(
        "# Certificate of gradients\n\nWritten by `cargo run --release --features check --example certificate`. For \
         every op: the number of random samples; the worst relative error of its gradient and of its gradient's \
         gradient against central differences in f64; the memory layouts and dtypes that gave the same; whether the \
         result was compared with a naive loop; whether the dot test of linear ops was run; how many faults planted \
         into its gradient the check noticed; and the worst relative deviation from PyTorch's values, where those \
         cases name the op.\n",
    );
    let (mut ops, mut planted, mut faults) = (0, 0, Vec::new());
    for (name, registry) in [("array ops", autograd::ops::registry()), ("network ops", nn::ops::registry())] {
        let _ = write!(
            text,
            "\n## {} {name}\n\n| op | samples | first order | second order | layouts | dtypes | loop | dot test | faults \
             noticed | PyTorch |\n|---|---|---|---|---|---|---|---|---|---|\n",
            registry.len()
        );
        for entry in registry {
            eprint!("{} ", entry.name());
            let mutants = entry.mutate(64);
            faults.extend(mutants.survivors().into_iter().chain(mutants.skipped()));
            match entry.check(cases) {
                Ok(report) => {
                    ops += 1;
                    planted += mutants.count();
                    let name = entry.name().replace('_', "");
                    let deviation = golden.get(&name).or_else(|| golden.get(&(name + "loss")));
                    text.push_str(&row(&entry, &report, mutants.count(), deviation));
                }
                Err(fault) => faults.push(fault),
            }
        }
    }
    let _ = write!(text, "\n{ops} ops passed; all of {planted} planted faults were noticed.\n");
    eprintln!();
    if !faults.is_empty() {
        eprintln!("no certificate:\n{}", faults.join("\n"));
        return ExitCode::FAILURE;
    }
    match write_atomic(root.join("docs/certificate.md"), text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn row(entry: &Entry, report: &Report, mutants: usize, golden: Option<&f64>) -> String {
    let layouts: Vec<&str> = report.layouts.iter().copied().collect();
    let dtypes: Vec<String> = report.dtypes.iter().map(ToString::to_string).collect();
    let yes = |flag| if flag { "yes" } else { "" };
    format!(
        "| {} | {} | {:.0e} | {:.0e} | {} | {} | {} | {} | {mutants} | {} |\n",
        entry.name(),
        report.samples,
        report.worst_first,
        report.worst_second,
        layouts.join(", "),
        dtypes.join(", "),
        yes(report.reference),
        yes(report.linear),
        golden.map_or(String::new(), |deviation| format!("{deviation:.0e}")),
    )
}
