//! Reading cases, running them by kind, and counting.

mod arguments;
mod case;
mod compare;
mod differentiate;
mod function;
mod init;
mod loss;
mod model;
mod module;
mod optimizer;
mod scheduler;
mod transform;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

pub(crate) use case::{Case, Tensors};

/// Ops that may be unsupported for now; the list only ever gets shorter.
pub(crate) const UNSUPPORTED: &[&str] = &[];

/// Why a case did not pass.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The library has no such op or option.
    Unsupported(String),
    /// A value differs, or the library panicked.
    Failed(String),
}

impl Outcome {
    pub(crate) fn failed(text: impl Into<String>) -> Outcome {
        Outcome::Failed(text.into())
    }

    pub(crate) fn unsupported(text: impl Into<String>) -> Outcome {
        Outcome::Unsupported(text.into())
    }
}

#[derive(Default)]
struct Count {
    passed: usize,
    failed: Vec<String>,
    unsupported: Vec<String>,
    worst: f64,
    relative: f64,
}

/// What came of all cases, by kind and op.
#[derive(Default)]
pub(crate) struct Report(BTreeMap<(String, String), Count>);

impl Report {
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let (mut passed, mut failed, mut unsupported) = (0, 0, 0);
        for ((kind, op), count) in &self.0 {
            let total = count.passed + count.failed.len() + count.unsupported.len();
            lines.push(format!(
                "{kind} {op}: {}/{total}, worst deviation {:.2} of the tolerance",
                count.passed, count.worst
            ));
            let reasons = count.failed.iter().map(|text| ("failed", text));
            for (what, text) in reasons.chain(count.unsupported.iter().map(|text| ("unsupported", text))).take(6) {
                lines.push(format!("    {what} {text}"));
            }
            passed += count.passed;
            failed += count.failed.len();
            unsupported += count.unsupported.len();
        }
        let total = passed + failed + unsupported;
        lines.push(format!("golden: {total} cases, {passed} passed, {failed} failed, {unsupported} unsupported"));
        lines
    }

    /// The worst relative deviation in `f64` of each op that passed, by its name in small letters, without underscores
    /// and number of axes: `Conv2d` and `conv3d` are one op here, as in the registry of ops.
    pub(crate) fn deviations(&self) -> BTreeMap<String, f64> {
        let mut list = BTreeMap::new();
        for ((_, op), count) in self.0.iter().filter(|(_, count)| count.passed > 0) {
            let name = op.to_lowercase().replace(['_', '.'], "");
            let name = ["1d", "2d", "3d"].iter().fold(name.as_str(), |name, end| name.trim_end_matches(end));
            let worst = list.entry(name.to_owned()).or_insert(0.0f64);
            *worst = worst.max(count.relative);
        }
        list
    }

    pub(crate) fn passes(&self) -> bool {
        let known = |op: &str| UNSUPPORTED.contains(&op);
        !self.0.is_empty()
            && self
                .0
                .iter()
                .all(|((_, op), count)| count.failed.is_empty() && (count.unsupported.is_empty() || known(op)))
    }
}

/// Runs every case of a directory.
pub(crate) fn run(directory: &Path) -> Result<Report, String> {
    let only = std::env::var("GRADUS_GOLDEN_ONLY").ok();
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .map_err(|fault| format!("{}: {fault}", directory.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .filter(|path| path.file_stem().is_some_and(|stem| stem != "INDEX"))
        .filter(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            only.as_deref().is_none_or(|list| list.split(',').any(|part| name.starts_with(part)))
        })
        .collect();
    files.sort();
    let mut report = Report::default();
    for path in files {
        let (cases, tensors) = case::read(&path)?;
        for case in &cases {
            let count = report.0.entry((case.kind.clone(), case.op.clone())).or_default();
            let result = catch_unwind(AssertUnwindSafe(|| dispatch(case, &tensors))).unwrap_or_else(|panic| {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
                Err(Outcome::failed(format!("panicked: {text}")))
            });
            let relative = compare::take_relative();
            match result {
                Ok(worst) => {
                    count.passed += 1;
                    count.worst = count.worst.max(worst);
                    count.relative = count.relative.max(relative);
                }
                Err(Outcome::Failed(text)) => count.failed.push(format!("{}: {text}", case.id)),
                Err(Outcome::Unsupported(text)) => count.unsupported.push(format!("{}: {text}", case.id)),
            }
        }
    }
    Ok(report)
}

/// The largest deviation in units of the tolerance.
fn dispatch(case: &Case, tensors: &Tensors) -> Result<f64, Outcome> {
    match case.kind.as_str() {
        "function" => function::run(case, tensors),
        "module" => module::run(case, tensors),
        "print" => module::print(case, tensors),
        "loss" => loss::run(case, tensors),
        "optimizer" => optimizer::run(case, tensors),
        "scheduler" => scheduler::run(case),
        "init" => init::run(case, tensors),
        "model" => model::run(case, tensors),
        "transform" => transform::run(case, tensors),
        kind => Err(Outcome::unsupported(format!("kind {kind}"))),
    }
}
