//! Equality with PyTorch: every case under `GRADUS_GOLDEN` (else the repository's own third of the set) is computed
//! through the public API and compared at the case's tolerance.
//!
//! Prints one line per op and ends with `golden: N cases, P passed, F failed, S unsupported`; fails when F > 0, or when
//! an op outside [`parity::UNSUPPORTED`] is not supported. With `GRADUS_DEVIATIONS=FILE` the worst relative deviation of
//! each op goes to a file, for `examples/certificate.rs`.

use std::path::PathBuf;
use std::process::ExitCode;

mod parity;

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let directory = std::env::var_os("GRADUS_GOLDEN")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden"), PathBuf::from);
    // Deep proofs of failure belong to the line of the case, not to a panic's own output.
    std::panic::set_hook(Box::new(|_| {}));
    let report = match parity::run(&directory) {
        Ok(report) => report,
        Err(fault) => {
            eprintln!("golden: {fault}");
            return ExitCode::FAILURE;
        }
    };
    for line in report.lines() {
        println!("{line}");
    }
    if let Some(path) = std::env::var_os("GRADUS_DEVIATIONS") {
        let text = serde_json::to_string_pretty(&report.deviations()).expect("numbers by name");
        if let Err(fault) = std::fs::write(&path, text + "\n") {
            eprintln!("golden: {}: {fault}", PathBuf::from(path).display());
            return ExitCode::FAILURE;
        }
    }
    if report.passes() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
