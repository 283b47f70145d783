//! A model as a tree, in the very text of PyTorch's `print(model)`.

use std::fmt;

use super::Module;
use super::visit::Members;

/// Writes `module` as a tree; `#[derive(Module)]` makes `Display` of it.
///
/// # Errors
/// If the formatter fails.
pub fn display(module: &dyn Module, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&text(module))
}

impl fmt::Display for dyn Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(self, f)
    }
}

impl fmt::Display for dyn super::Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display(self, f)
    }
}

fn text(module: &dyn Module) -> String {
    let extra = module.extra_repr();
    let extra: Vec<String> = extra.lines().map(str::to_owned).collect();
    let children: Vec<(String, String)> =
        Members::of(module).modules.into_iter().map(|(name, child)| (name, text(child))).collect();
    let name = module.type_name();
    if children.is_empty() && extra.len() <= 1 {
        return format!("{name}({})", extra.concat());
    }
    let children = if name == "ModuleList" { repeated(children) } else { plain(children) };
    let lines: Vec<String> = extra.into_iter().chain(children).map(|line| line.replace('\n', "\n  ")).collect();
    format!("{name}(\n  {}\n)", lines.join("\n  "))
}

fn plain(children: Vec<(String, String)>) -> Vec<String> {
    children.into_iter().map(|(name, text)| format!("({name}): {text}")).collect()
}

/// Runs of equal modules as one line: `(0-3): 4 x Linear(...)`.
fn repeated(children: Vec<(String, String)>) -> Vec<String> {
    children
        .chunk_by(|a, b| a.1 == b.1)
        .map(|run| match run {
            [(name, text)] => format!("({name}): {text}"),
            [(first, text), .., (last, _)] => format!("({first}-{last}): {} x {text}", run.len()),
            [] => unreachable!("chunks are not empty"),
        })
        .collect()
}
