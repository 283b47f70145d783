//! What a model makes of an input, layer by layer, and what that costs: known before any data is loaded.
//!
//! Shapes come from running the model on a batch of no images: every op checks its shapes and computes nothing, so
//! user-written forward passes need no second description of themselves.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use autograd::{HookHandle, Variable, no_grad};
use tensor::error::{self, Fault};
use tensor::{DType, Tensor};

use super::Module;
use super::hooks::Hooks;
use super::visit::Members;

/// What one module gives in one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The module's name in the model; empty for the model itself.
    pub name: String,
    /// The module's type.
    pub type_name: &'static str,
    /// The shape of its output.
    pub output_shape: Vec<usize>,
    /// Elements of its own parameters and of modules below that only hold some, without those of modules that run.
    pub parameters: usize,
    /// Multiplications with an addition each, without those of the modules below.
    pub multiply_adds: u64,
    /// Bytes of its output, if no module ran inside.
    pub activation_bytes: usize,
}

/// A table of modules in the order in which they ran, each above what runs inside it, and totals.
///
/// Functions that are not modules (`x.relu()`) do not appear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// One per call of a module.
    pub rows: Vec<Row>,
    /// Elements of all parameters, tied ones counted once.
    pub parameters: usize,
    /// Elements of the parameters that are trained.
    pub trainable_parameters: usize,
    /// Sum over all rows.
    pub multiply_adds: u64,
    /// Sum over all rows.
    pub activation_bytes: usize,
    /// Bytes of all parameters and buffers.
    pub state_bytes: usize,
}

/// Rows, each with the address of the module that ran.
type Rows = Arc<Mutex<Vec<Option<(usize, Row)>>>>;

/// Puts training flags back and removes hooks, by return or by panic.
struct Restore<'a> {
    flags: Vec<(&'a dyn Module, bool)>,
    hooks: Vec<HookHandle>,
}

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        for (module, training) in &self.flags {
            module.state().set_training(*training);
        }
        for hook in &self.hooks {
            hook.remove();
        }
    }
}

pub(super) fn summarize(
    root: &dyn Module,
    input_shape: &[usize],
    call: &dyn Fn(&Variable) -> Variable,
) -> Result<Summary, Fault> {
    let parameters = root.parameters();
    let dtype = parameters.first().map_or(DType::F32, |parameter| parameter.dtype());
    let batch = input_shape.first().copied().unwrap_or(1);
    let mut shape = input_shape.to_vec();
    if let Some(first) = shape.first_mut() {
        *first = 0;
    }
    let rows: Rows = Arc::default();
    let modules = root.named_modules();
    let mut restore = Restore { flags: Vec::new(), hooks: Vec::new() };
    for (name, module) in &modules {
        restore.flags.push((*module, module.is_training()));
        restore.hooks.extend(watch(name, *module, batch, &rows));
    }
    root.eval();
    let result = error::catch(|| no_grad(|| call(&Variable::new(Tensor::zeros(&shape, dtype))).shape().to_vec()));
    drop(restore);
    result.map_err(|fault| Fault { message: with_batch(&fault.message, batch) })?;

    let rows: Vec<(usize, Row)> =
        std::mem::take(&mut *rows.lock().unwrap_or_else(PoisonError::into_inner)).into_iter().flatten().collect();
    let ran: HashSet<usize> = rows.iter().map(|(address, _)| *address).collect();
    let held: HashMap<usize, usize> =
        modules.iter().map(|(_, module)| (module.state().address(), held_by(*module, &ran))).collect();
    let rows: Vec<Row> = rows.into_iter().map(|(address, row)| Row { parameters: held[&address], ..row }).collect();
    let count = |trained: bool| {
        parameters.iter().filter(|p| !trained || p.requires_grad()).map(|parameter| parameter.len()).sum()
    };
    let parameter_bytes: usize = parameters.iter().map(|p| p.len() * p.dtype().bytes()).sum();
    let buffer_bytes: usize = root.buffers().iter().map(|b| b.data().len() * b.data().dtype().bytes()).sum();
    Ok(Summary {
        parameters: count(false),
        trainable_parameters: count(true),
        multiply_adds: rows.iter().map(|row| row.multiply_adds).sum(),
        activation_bytes: rows.iter().map(|row| row.activation_bytes).sum(),
        state_bytes: parameter_bytes + buffer_bytes,
        rows,
    })
}

/// Hooks that note what `module` gives: a row is opened before its forward pass, and filled after it.
fn watch(name: &str, module: &dyn Module, batch: usize, rows: &Rows) -> [HookHandle; 2] {
    let thread = thread::current().id();
    let open: Arc<Mutex<Vec<usize>>> = Arc::default();
    let pre = module.register_forward_pre_hook({
        let (rows, open) = (rows.clone(), open.clone());
        move |_, _| {
            if thread::current().id() == thread {
                let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
                open.lock().unwrap_or_else(PoisonError::into_inner).push(rows.len());
                rows.push(None);
            }
            None
        }
    });
    let (rows, name) = (rows.clone(), name.to_owned());
    let post = module.register_forward_hook(move |module, x, y| {
        if thread::current().id() == thread {
            let at = open.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
            let is_leaf = rows.len() == at + 1;
            let mut row = row(&name, module, (x, y), batch);
            row.activation_bytes *= usize::from(is_leaf);
            rows[at] = Some((module.state().address(), row));
        }
        None
    });
    [pre, post]
}

fn row(name: &str, module: &dyn Module, (x, y): (&Variable, &Variable), batch: usize) -> Row {
    let full = |shape: &[usize]| {
        let mut shape = shape.to_vec();
        if shape.first() == Some(&0) {
            shape[0] = batch;
        }
        shape
    };
    let (input, output) = (full(x.shape()), full(y.shape()));
    Row {
        name: name.to_owned(),
        type_name: module.type_name(),
        parameters: 0,
        multiply_adds: module.multiply_adds(&input, &output),
        activation_bytes: output.iter().product::<usize>() * y.dtype().bytes(),
        output_shape: output,
    }
}

/// Elements of the parameters of `module`, and of modules below that never ran, such as lists of parameters.
fn held_by(module: &dyn Module, ran: &HashSet<usize>) -> usize {
    let members = Members::of(module);
    let own: usize = members.parameters.iter().map(|(_, parameter)| parameter.len()).sum();
    let idle = members.modules.iter().filter(|(_, below)| !ran.contains(&below.state().address()));
    own + idle.map(|(_, below)| held_by(*below, ran)).sum::<usize>()
}

/// A message about the empty batch, told of the batch that was asked for.
fn with_batch(message: &str, batch: usize) -> String {
    message.replace("[0, ", &format!("[{batch}, ")).replace("[0]", &format!("[{batch}]"))
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let parts: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|part| std::str::from_utf8(part).expect("digits are ASCII")).collect();
    parts.join(",")
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = ["layer", "output", "parameters", "multiply-adds", "bytes"].map(str::to_owned);
        let body = self.rows.iter().map(|row| {
            let depth = if row.name.is_empty() { 0 } else { 1 + row.name.matches('.').count() };
            let label = match row.name.rsplit('.').next() {
                Some("") | None => row.type_name.to_owned(),
                Some(last) => format!("{}{last}: {}", "  ".repeat(depth), row.type_name),
            };
            let number = |n: u64| if n == 0 { "-".to_owned() } else { grouped(n) };
            [
                label,
                format!("{:?}", row.output_shape),
                number(row.parameters as u64),
                number(row.multiply_adds),
                number(row.activation_bytes as u64),
            ]
        });
        let table: Vec<[String; 5]> = std::iter::once(header).chain(body).collect();
        let widths: [usize; 5] =
            std::array::from_fn(|column| table.iter().map(|line| line[column].chars().count()).max().unwrap_or(0));
        let [a, b, c, d, e] = widths;
        for line in &table {
            let [label, shape, parameters, work, bytes] = line;
            writeln!(f, "{label:<a$}  {shape:<b$}  {parameters:>c$}  {work:>d$}  {bytes:>e$}")?;
        }
        writeln!(
            f,
            "parameters: {} ({} trainable)",
            grouped(self.parameters as u64),
            grouped(self.trainable_parameters as u64)
        )?;
        writeln!(f, "multiply-adds: {}", grouped(self.multiply_adds))?;
        write!(
            f,
            "bytes: {} of activations, {} of parameters and buffers",
            grouped(self.activation_bytes as u64),
            grouped(self.state_bytes as u64)
        )
    }
}
