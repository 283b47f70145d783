//! What an op is: a forward on tensors, and a vector-Jacobian product written in differentiable [`Variable`] ops.

use std::any::Any;
use std::fmt::Debug;
use std::panic::Location;
use std::sync::Arc;
#[cfg(any(test, feature = "check"))]
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;
use tensor::{Dims, Tensor};

use crate::deferred::Deferred;
use crate::mode;
use crate::node::{Backward, Node, OUTPUT_READ};
use crate::variable::Variable;

/// Which values an op's vjp reads; all others are freed as early as can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeps {
    inputs: u32,
    output: bool,
}

impl Keeps {
    /// Neither inputs nor output.
    pub const NOTHING: Keeps = Keeps { inputs: 0, output: false };
    /// All inputs.
    pub const INPUTS: Keeps = Keeps { inputs: u32::MAX, output: false };
    /// The output.
    pub const OUTPUT: Keeps = Keeps { inputs: 0, output: true };
    /// All inputs and the output.
    pub const ALL: Keeps = Keeps { inputs: u32::MAX, output: true };

    /// Also input `index`.
    pub const fn and_input(self, index: usize) -> Keeps {
        Keeps { inputs: self.inputs | 1 << index, output: self.output }
    }

    /// Also the output.
    pub const fn and_output(self) -> Keeps {
        Keeps { inputs: self.inputs, output: true }
    }

    pub(crate) const fn keeps_input(self, index: usize) -> bool {
        index >= 32 || self.inputs >> index & 1 == 1
    }

    #[cfg(any(test, feature = "check"))]
    pub(crate) const fn keeps_output(self) -> bool {
        self.output
    }
}

/// Marks ops that stand in a registry and so have a generated check; see the `ops!` macro.
#[doc(hidden)]
pub trait Registered {}

/// A differentiable function of `N` tensors.
///
/// `forward` computes on tensors; `vjp` gives the gradients of `<g, forward(inputs)>` and uses only [`Variable`] ops,
/// so that it can be differentiated again. Checks of shapes stand in the public function that calls
/// [`apply`](Op::apply); what the tensor ops in `forward` find is blamed on that function's caller too.
pub trait Op<const N: usize>: Registered + Debug + Clone + Send + Sync + Sized + 'static {
    /// The public function's name.
    const NAME: &'static str;
    /// Which values the vjp reads.
    const KEEPS: Keeps = Keeps::INPUTS;
    /// What forward hands to the vjp besides inputs and output.
    type Saved: Send + Sync + 'static;

    /// The result, and what the vjp will need.
    #[track_caller]
    fn forward(&self, inputs: [&Tensor; N]) -> (Tensor, Self::Saved);

    /// The result alone, when nothing is recorded.
    #[track_caller]
    fn infer(&self, inputs: [&Tensor; N]) -> Tensor {
        self.forward(inputs).0
    }

    /// The gradient of `<g, forward(inputs)>` in each input that wants one.
    fn vjp(&self, g: &Variable, cx: Context<'_, Self, N>) -> [Option<Variable>; N];

    /// Runs the op on variables and records it where a gradient can flow.
    #[track_caller]
    fn apply(self, inputs: [&Variable; N]) -> Variable {
        let tensors = inputs.map(Variable::data);
        if !records(&inputs) {
            return Variable::new(self.infer(tensors.each_ref()));
        }
        let (output, saved) = self.forward(tensors.each_ref());
        let kept = Self::KEEPS.output.then(|| output.clone());
        let shape = Dims::from_slice(output.shape());
        let node = record(self, inputs, keep(Self::KEEPS, tensors), saved, (kept, shape))(Location::caller());
        Variable::with_node(output, Some(node))
    }

    /// Like [`apply`](Op::apply) for a caller that has computed the output and what is saved, in a way of its own that
    /// need not have read inputs that still wait to be computed: they are kept waiting.
    #[track_caller]
    fn apply_known(self, inputs: [&Variable; N], output: Tensor, saved: Self::Saved) -> Variable {
        if !records(&inputs) {
            return Variable::new(output);
        }
        let kept = Self::KEEPS.output.then(|| output.clone());
        let shape = Dims::from_slice(output.shape());
        let node = record(self, inputs, keep_waiting(Self::KEEPS, inputs), saved, (kept, shape))(Location::caller());
        Variable::with_node(output, Some(node))
    }

    /// Like [`apply`](Op::apply), but the output is computed by `value` only when somebody looks at it. Neither
    /// [`forward`](Op::forward) is run nor can the vjp read the output.
    #[track_caller]
    fn apply_deferred(self, inputs: [&Variable; N], saved: Self::Saved, value: Box<dyn Deferred>) -> Variable {
        if !records(&inputs) {
            return Variable::deferred(value, None);
        }
        let kept = keep(Self::KEEPS, inputs.map(Variable::data));
        let node = record(self, inputs, kept, saved, (None, value.shape()))(Location::caller());
        Variable::deferred(value, Some(node))
    }
}

fn records(inputs: &[&Variable]) -> bool {
    mode::is_grad_enabled() && inputs.iter().any(|input| input.requires_grad())
}

fn edge(input: &Variable) -> Option<Arc<Node>> {
    input.node().filter(|_| input.requires_grad()).cloned()
}

fn shape_of(input: &Variable) -> Dims {
    Dims::from_slice(input.shape())
}

/// The inputs that a vjp reads. Like all that is done to arrays here, it knows nothing of the op: closures over arrays
/// in a function that is compiled for every op would be compiled for every op too.
fn keep<const N: usize>(keeps: Keeps, tensors: [Tensor; N]) -> [Option<Kept>; N] {
    let mut index = 0;
    tensors.map(|tensor| {
        index += 1;
        keeps.keeps_input(index - 1).then_some(Kept::Value(tensor))
    })
}

/// [`keep`], without computing what waits.
fn keep_waiting<const N: usize>(keeps: Keeps, inputs: [&Variable; N]) -> [Option<Kept>; N] {
    std::array::from_fn(|index| keeps.keeps_input(index).then(|| Kept::of(inputs[index])))
}

fn collect<const N: usize>(gradients: [Option<Variable>; N]) -> SmallVec<[Option<Variable>; 3]> {
    gradients.into_iter().collect()
}

fn take_edges(edges: &mut [Option<Arc<Node>>], list: &mut Vec<Arc<Node>>) {
    list.extend(edges.iter_mut().filter_map(Option::take));
}

fn record<O: Op<N>, const N: usize>(
    op: O,
    inputs: [&Variable; N],
    kept: [Option<Kept>; N],
    saved: O::Saved,
    (output, shape): (Option<Tensor>, Dims),
) -> impl FnOnce(&'static Location<'static>) -> Arc<Node> {
    let recorded = Recorded {
        op,
        edges: inputs.map(edge),
        shapes: inputs.map(shape_of),
        kept,
        output,
        saved,
        #[cfg(any(test, feature = "check"))]
        reads: AtomicU64::new(0),
    };
    move |location| Node::new(shape, Some(Arc::new(recorded)), true, location)
}

/// An input that a vjp will read.
enum Kept {
    /// As it was at the time of the call: a leaf may change later.
    Value(Tensor),
    /// The result of an op that nobody has looked at yet; it is computed if the vjp needs it made.
    Waiting(Variable),
}

impl Kept {
    fn of(input: &Variable) -> Kept {
        if input.is_waiting() { Kept::Waiting(input.clone()) } else { Kept::Value(input.data()) }
    }
}

/// An op in the graph.
struct Recorded<O: Op<N>, const N: usize> {
    op: O,
    edges: [Option<Arc<Node>>; N],
    shapes: [Dims; N],
    kept: [Option<Kept>; N],
    output: Option<Tensor>,
    saved: O::Saved,
    /// Which inputs (bit by bit) and whether the output were read, for the check of `KEEPS`.
    #[cfg(any(test, feature = "check"))]
    reads: AtomicU64,
}

impl<O: Op<N>, const N: usize> Recorded<O, N> {
    #[cfg(any(test, feature = "check"))]
    fn note(&self, read: u64) {
        self.reads.store(self.reads.load(Ordering::Relaxed) | read, Ordering::Relaxed);
    }

    #[cfg(not(any(test, feature = "check")))]
    fn note(&self, _: u64) {}
}

impl<O: Op<N>, const N: usize> Backward for Recorded<O, N> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn edges(&self) -> &[Option<Arc<Node>>] {
        &self.edges
    }

    fn vjp(&self, g: &Variable, node: &Arc<Node>, wants: &[bool]) -> SmallVec<[Option<Variable>; 3]> {
        let cx = Context { recorded: self, node, wants };
        collect(self.op.vjp(g, cx))
    }

    fn drain(&mut self, list: &mut Vec<Arc<Node>>) {
        take_edges(&mut self.edges, list);
    }

    #[cfg(any(test, feature = "check"))]
    fn reads(&self) -> Option<u64> {
        Some(self.reads.load(Ordering::Relaxed))
    }
}

/// What a vjp can ask for.
pub struct Context<'a, O: Op<N>, const N: usize> {
    recorded: &'a Recorded<O, N>,
    node: &'a Arc<Node>,
    wants: &'a [bool],
}

impl<O: Op<N>, const N: usize> Clone for Context<'_, O, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O: Op<N>, const N: usize> Copy for Context<'_, O, N> {}

impl<'a, O: Op<N>, const N: usize> Context<'a, O, N> {
    /// Input `index`, connected to the graph.
    ///
    /// # Panics
    /// If the op's [`Keeps`] leaves it out.
    pub fn input(&self, index: usize) -> Variable {
        let Some(kept) = &self.recorded.kept[index] else {
            panic!("{}: the vjp reads input {index}, which KEEPS leaves out", O::NAME)
        };
        self.recorded.note(1 << index);
        match kept {
            Kept::Value(tensor) => Variable::with_node(tensor.clone(), self.recorded.edges[index].clone()),
            Kept::Waiting(variable) => variable.clone(),
        }
    }

    /// All inputs, connected to the graph.
    ///
    /// # Panics
    /// If the op's [`Keeps`] leaves one out.
    pub fn inputs(&self) -> [Variable; N] {
        std::array::from_fn(|index| self.input(index))
    }

    /// The shape of input `index`, kept or not.
    pub fn shape(&self, index: usize) -> &'a [usize] {
        &self.recorded.shapes[index]
    }

    /// The output, connected to the graph.
    ///
    /// # Panics
    /// If the op's [`Keeps`] leaves it out.
    pub fn output(&self) -> Variable {
        let Some(tensor) = &self.recorded.output else {
            panic!("{}: the vjp reads the output, which KEEPS leaves out", O::NAME)
        };
        self.recorded.note(OUTPUT_READ);
        Variable::with_node(tensor.clone(), Some(self.node.clone()))
    }

    /// What forward saved.
    pub fn saved(&self) -> &'a O::Saved {
        &self.recorded.saved
    }

    /// Whether anybody asks for the gradient of input `index`.
    pub fn wants(&self, index: usize) -> bool {
        self.wants[index]
    }

    /// Whether this vjp is being recorded itself, for a derivative of higher order: a fused kernel must then step
    /// aside for the formula in `Variable` ops.
    pub fn records(&self) -> bool {
        mode::is_grad_enabled()
    }
}

/// A differentiable function of any number of tensors: `cat`, `stack`, `einsum`.
pub trait VariadicOp: Registered + Debug + Clone + Send + Sync + Sized + 'static {
    /// The public function's name.
    const NAME: &'static str;
    /// Whether the vjp reads the inputs.
    const KEEPS_INPUTS: bool = true;

    /// The result.
    #[track_caller]
    fn forward(&self, inputs: &[&Tensor]) -> Tensor;

    /// The gradient of `<g, forward(inputs)>` in each input that wants one.
    fn vjp(&self, g: &Variable, cx: &VariadicContext<'_>) -> Vec<Option<Variable>>;

    /// Runs the op on variables and records it where a gradient can flow.
    #[track_caller]
    fn apply(self, inputs: &[&Variable]) -> Variable {
        let tensors: Vec<Tensor> = inputs.iter().map(|input| input.data()).collect();
        let output = self.forward(&tensors.iter().collect::<Vec<_>>());
        if !records(inputs) {
            return Variable::new(output);
        }
        let recorded = RecordedMany {
            edges: inputs.iter().map(|input| edge(input)).collect(),
            shapes: inputs.iter().map(|input| Dims::from_slice(input.shape())).collect(),
            kept: if Self::KEEPS_INPUTS { tensors } else { Vec::new() },
            op: self,
        };
        let node = Node::new(Dims::from_slice(output.shape()), Some(Arc::new(recorded)), true, Location::caller());
        Variable::with_node(output, Some(node))
    }
}

struct RecordedMany<O> {
    op: O,
    edges: Vec<Option<Arc<Node>>>,
    shapes: Vec<Dims>,
    kept: Vec<Tensor>,
}

impl<O: VariadicOp> Backward for RecordedMany<O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn edges(&self) -> &[Option<Arc<Node>>] {
        &self.edges
    }

    fn vjp(&self, g: &Variable, _: &Arc<Node>, wants: &[bool]) -> SmallVec<[Option<Variable>; 3]> {
        let inputs =
            self.kept.iter().zip(&self.edges).map(|(x, node)| Variable::with_node(x.clone(), node.clone())).collect();
        self.op.vjp(g, &VariadicContext { inputs, shapes: &self.shapes, wants }).into_iter().collect()
    }

    fn drain(&mut self, list: &mut Vec<Arc<Node>>) {
        take_edges(&mut self.edges, list);
    }
}

/// What the vjp of a [`VariadicOp`] can ask for.
#[derive(Debug)]
pub struct VariadicContext<'a> {
    /// The inputs, connected to the graph; empty if the op does not keep them.
    pub inputs: Vec<Variable>,
    /// The inputs' shapes.
    pub shapes: &'a [Dims],
    /// Whether anybody asks for each input's gradient.
    pub wants: &'a [bool],
}

const _: fn() = || {
    fn shared<T: Send + Sync + Any>() {}
    shared::<Variable>();
};
