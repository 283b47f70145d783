//! The walk back through the graph.
//!
//! Every node was created after its inputs, so handling nodes from the newest to the oldest meets each one after all
//! of its uses, without counting them. Nothing here recurses.

use std::collections::{BinaryHeap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use smallvec::SmallVec;
use tensor::Tensor;

use crate::anomaly;
use crate::mode;
use crate::node::{Node, lock, unravel};
use crate::variable::Variable;

/// A node in the queue, newest first.
struct Next(Arc<Node>);

impl PartialEq for Next {
    fn eq(&self, other: &Next) -> bool {
        self.0.id == other.0.id
    }
}
impl Eq for Next {}
impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Next) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Next {
    fn cmp(&self, other: &Next) -> std::cmp::Ordering {
        self.0.id.cmp(&other.0.id)
    }
}

/// Node numbers are spread by one multiplication: they are consecutive and nobody chooses them.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }
    fn write_u64(&mut self, id: u64) {
        self.0 = (self.0 ^ id).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(26);
    }
}

type ById<V> = HashMap<u64, V, BuildHasherDefault<IdHasher>>;
type Ids = HashSet<u64, BuildHasherDefault<IdHasher>>;

/// What [`grad_with`] does besides differentiating.
#[derive(Clone, Copy, Debug, Default)]
pub struct GradOptions {
    /// Record the backward pass, so that the gradients can be differentiated again.
    pub create_graph: bool,
    /// Keep the graph for another pass; implied by `create_graph`.
    pub retain_graph: bool,
    /// Give `None` for an input that the outputs do not depend on, rather than panic.
    pub allow_unused: bool,
}

/// One pass from `roots` to the leaves, or to `targets`.
struct Pass<'a> {
    queue: BinaryHeap<Next>,
    pending: ById<Variable>,
    /// Nodes from which a target can be reached; `None`: every leaf is a target.
    needed: Option<Ids>,
    targets: ById<Option<Variable>>,
    /// Whether gradients go no further than the targets.
    stop: bool,
    op: &'a str,
    create_graph: bool,
    free: bool,
}

impl Pass<'_> {
    /// Adds `g` to what has reached `node` so far: the only place where gradients accumulate inside the graph.
    fn send(&mut self, node: &Arc<Node>, g: Variable) {
        match self.pending.remove(&node.id) {
            None => {
                self.queue.push(Next(node.clone()));
                self.pending.insert(node.id, g);
            }
            Some(sum) => {
                self.pending.insert(node.id, accumulate(sum, &g, self.create_graph));
            }
        }
    }

    #[track_caller]
    fn run(&mut self) {
        while let Some(Next(node)) = self.queue.pop() {
            let Some(mut g) = self.pending.remove(&node.id) else { continue };
            for hook in node.hooks() {
                if let Some(replaced) = hook(&g) {
                    if replaced.shape() != g.shape() {
                        tensor::fault!(self.op, [grad: g.shape(), hook: replaced.shape()],
                            "a hook returned a gradient of another shape");
                    }
                    g = replaced;
                }
            }
            match self.targets.get_mut(&node.id) {
                Some(slot) => {
                    *slot = Some(g.clone());
                    if self.stop {
                        continue;
                    }
                }
                None if self.needed.is_some() => {}
                None => self.collect(&node, &g),
            }
            if node.is_leaf {
                continue;
            }
            let Some(creator) = node.creator() else {
                if self.targets.contains_key(&node.id) {
                    continue;
                }
                tensor::fault!(self.op, [variable: node.shape.as_slice()],
                    "the graph was freed by an earlier pass; pass retain_graph to keep it");
            };
            let wants: SmallVec<[bool; 3]> = creator.edges().iter().map(|edge| self.wants(edge)).collect();
            if !wants.contains(&true) {
                continue;
            }
            let creator = if self.free { node.free().unwrap_or(creator) } else { creator };
            let grads = creator.vjp(&g, &node, &wants);
            if mode::detects_anomaly() {
                anomaly::check(self.op, &node, creator.name(), &grads);
            }
            // Freed before the gradients travel on, so that saved values and gradients do not pile up.
            drop(g);
            for ((edge, wanted), grad) in creator.edges().iter().zip(&wants).zip(grads) {
                if let (Some(edge), true, Some(grad)) = (edge, wanted, grad) {
                    assert_shape(creator.name(), edge, &grad);
                    self.send(edge, grad);
                }
            }
            if self.free {
                unravel(Some(creator));
            }
        }
    }

    fn wants(&self, edge: &Option<Arc<Node>>) -> bool {
        edge.as_ref().is_some_and(|node| self.needed.as_ref().is_none_or(|needed| needed.contains(&node.id)))
    }

    /// Adds a gradient to a leaf, or to a node that retains its own.
    fn collect(&self, node: &Arc<Node>, g: &Variable) {
        let leaf = node.is_leaf && node.requires_grad.load(Ordering::Relaxed);
        if leaf || node.retains_grad.load(Ordering::Relaxed) {
            let mut slot = lock(&node.grad);
            *slot = Some(match slot.take() {
                Some(sum) => accumulate(sum, g, self.create_graph),
                None => g.clone(),
            });
        }
    }
}

/// `sum + g`, in place where `sum` is not shared and nothing is recorded.
fn accumulate(sum: Variable, g: &Variable, record: bool) -> Variable {
    if record {
        return crate::ops::elementwise::add(&sum, g);
    }
    let mut total = sum.data();
    drop(sum);
    total.add_assign(&g.data());
    Variable::new(total)
}

fn assert_shape(op: &str, node: &Node, g: &Variable) {
    assert!(
        node.shape.as_slice() == g.shape(),
        "{op}: the vjp gave a gradient of shape {:?} for an input of shape {:?}",
        g.shape(),
        node.shape.as_slice()
    );
}

#[track_caller]
fn seed(op: &str, output: &Variable, g: Option<&Variable>) -> Variable {
    if !output.requires_grad() {
        tensor::fault!(op, [output: output.shape()], "the output does not depend on anything that requires a gradient");
    }
    match g {
        None if output.len() != 1 => {
            tensor::fault!(op, [output: output.shape()], "expected 1 element or a gradient to start from, got {}", output.len())
        }
        None => Variable::new(Tensor::ones(output.shape(), output.dtype())),
        Some(g) if g.shape() != output.shape() => {
            tensor::fault!(op, [output: output.shape(), grad: g.shape()], "shapes differ")
        }
        Some(g) if g.dtype() != output.dtype() => {
            tensor::fault!(op, [output: output.shape()], "the output is {} but its gradient {}", output.dtype(), g.dtype())
        }
        Some(g) => g.clone(),
    }
}

#[track_caller]
pub(crate) fn backward(output: &Variable, g: Option<&Variable>, retain_graph: bool) {
    let g = seed("backward", output, g);
    let mut pass = Pass {
        queue: BinaryHeap::new(),
        pending: ById::default(),
        needed: None,
        targets: ById::default(),
        stop: false,
        op: "backward",
        create_graph: false,
        free: !retain_graph,
    };
    if let Some(node) = output.node() {
        pass.send(node, g);
    }
    let _mode = mode::set(false);
    pass.run();
}

/// The gradients of the sum of single numbers `outputs` in each of `inputs`, freeing the graph.
/// PyTorch: `torch.autograd.grad`.
///
/// ```
/// use gradus_autograd::{Variable, grad};
/// use tensor::Tensor;
///
/// let x = Variable::leaf(Tensor::scalar(2.0));
/// let dy = grad(&[&(&x * &x)], &[&x], false);
/// assert_eq!(dy[0].item::<f64>(), 4.0);
/// ```
///
/// # Panics
/// As [`grad_with`].
#[track_caller]
pub fn grad(outputs: &[&Variable], inputs: &[&Variable], create_graph: bool) -> Vec<Variable> {
    let options = GradOptions { create_graph, ..GradOptions::default() };
    grad_with(outputs, &[], inputs, options).into_iter().flatten().collect()
}

/// The gradients of the sum of `<g, output>` in each of `inputs`; without gradients to start from, outputs are single
/// numbers.
///
/// # Panics
/// If outputs and starting gradients do not fit, an input requires no gradient or (unless `allow_unused`) is not part
/// of the graph, or the graph was freed before.
#[track_caller]
pub fn grad_with(
    outputs: &[&Variable],
    grads: &[&Variable],
    inputs: &[&Variable],
    options: GradOptions,
) -> Vec<Option<Variable>> {
    if !grads.is_empty() && grads.len() != outputs.len() {
        tensor::fault!("grad", [], "{} outputs but {} gradients to start from", outputs.len(), grads.len());
    }
    let mut nodes: Vec<Arc<Node>> = Vec::with_capacity(inputs.len());
    // A loop: in a closure the caller's line would be lost.
    for input in inputs {
        match input.node() {
            Some(node) if input.requires_grad() => nodes.push(node.clone()),
            _ => tensor::fault!("grad", [input: input.shape()], "the input does not require a gradient"),
        }
    }
    let found = pull(outputs, grads, &nodes, options, false);
    for (input, found) in inputs.iter().zip(&found) {
        if found.is_none() && !options.allow_unused {
            tensor::fault!("grad", [input: input.shape()], "the outputs do not depend on this input; set allow_unused");
        }
    }
    found
}

/// The gradients of `<g, output>` at `nodes`, going no further back than these.
#[track_caller]
pub(crate) fn grad_nodes(
    outputs: &[&Variable],
    grads: &[&Variable],
    nodes: &[Arc<Node>],
    options: GradOptions,
) -> Vec<Option<Variable>> {
    pull(outputs, grads, nodes, options, true)
}

#[track_caller]
fn pull(
    outputs: &[&Variable],
    grads: &[&Variable],
    nodes: &[Arc<Node>],
    options: GradOptions,
    stop: bool,
) -> Vec<Option<Variable>> {
    let roots: Vec<&Arc<Node>> = outputs.iter().filter_map(|output| output.node()).collect();
    let targets: ById<Option<Variable>> = nodes.iter().map(|node| (node.id, None)).collect();
    let mut pass = Pass {
        queue: BinaryHeap::new(),
        pending: ById::default(),
        needed: Some(reaching(&roots, &targets, stop)),
        targets,
        stop,
        op: "grad",
        create_graph: options.create_graph,
        free: !options.retain_graph && !options.create_graph,
    };
    // A sum of gradients that start at one output is recorded like any other.
    let _mode = mode::set(options.create_graph);
    for (i, output) in outputs.iter().enumerate() {
        let g = seed("grad", output, grads.get(i).copied());
        if let Some(node) = output.node() {
            pass.send(node, g);
        }
    }
    pass.run();
    nodes.iter().map(|node| pass.targets[&node.id].clone()).collect()
}

/// The nodes below `roots` from which a target can be reached.
fn reaching(roots: &[&Arc<Node>], targets: &ById<Option<Variable>>, stop: bool) -> Ids {
    let mut seen: ById<SmallVec<[u64; 3]>> = ById::default();
    let mut stack: Vec<Arc<Node>> = roots.iter().map(|&node| node.clone()).collect();
    while let Some(node) = stack.pop() {
        if seen.contains_key(&node.id) {
            continue;
        }
        let mut below = SmallVec::new();
        let ends = stop && targets.contains_key(&node.id);
        if let Some(creator) = node.creator().filter(|_| !ends) {
            for edge in creator.edges().iter().flatten() {
                below.push(edge.id);
                stack.push(edge.clone());
            }
        }
        seen.insert(node.id, below);
    }
    let mut order: Vec<u64> = seen.keys().copied().collect();
    order.sort_unstable();
    let mut needed = Ids::default();
    for id in order {
        if targets.contains_key(&id) || seen[&id].iter().any(|below| needed.contains(below)) {
            needed.insert(id);
        }
    }
    needed
}
