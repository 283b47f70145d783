//! Trading time for memory: a checkpointed part of a network keeps its input alone and is computed again when its
//! gradient is asked for.
//!
//! While the part runs the first time it is recorded as ever, so that the variables it uses besides its input (weights
//! that its closure captured) are found in the graph; then that graph is dropped, and one node stands for all of it.

use std::collections::HashSet;
use std::panic::Location;
use std::sync::Arc;

use smallvec::SmallVec;
use tensor::{Dims, Generator, GeneratorState, Tensor, with_default_generator};

use crate::engine::{GradOptions, grad_nodes};
use crate::mode;
use crate::node::{Backward, Node};
use crate::variable::Variable;

type Part = dyn Fn(&Variable) -> Variable + Send + Sync;

/// `f(x)`, of which only `x` is kept until the backward pass, which runs `f` again.
///
/// Values and gradients equal those of a plain `f(x)` bit for bit, also where `f` draws from the default generator,
/// whose state is restored for the second run. Variables that `f` captures get their gradients as ever. `f` must compute
/// the same again: it should not depend on anything that changes in between. PyTorch:
/// `torch.utils.checkpoint.checkpoint` with `use_reentrant=False`.
///
/// ```
/// use gradus_autograd::{Variable, checkpoint};
/// use tensor::Tensor;
///
/// let x = Variable::leaf(Tensor::from([0.5, 1.0]));
/// checkpoint(|x| x.exp().sin(), &x).sum(&[], false).backward();
/// assert!(x.grad().is_some());
/// ```
#[track_caller]
pub fn checkpoint(f: impl Fn(&Variable) -> Variable + Send + Sync + 'static, x: &Variable) -> Variable {
    if !mode::is_grad_enabled() {
        return f(x);
    }
    let location = Location::caller();
    let random = with_default_generator(|generator| generator.state());
    let tensor = x.data();
    let input = Variable::with_node(tensor.clone(), x.node().cloned());
    let start = Node::new(Dims::new(), None, false, location).id;
    let y = f(&input);
    let Some(node) = y.node().filter(|node| node.id > start) else { return y };
    let edges = outside(node, start);
    if edges.is_empty() {
        return Variable::new(y.data());
    }
    let shape = Dims::from_slice(y.shape());
    let output = y.data();
    let input = x.node().cloned();
    let part = Checkpoint { f: Arc::new(f), tensor, input, edges: edges.into_iter().map(Some).collect(), random };
    Variable::with_node(output, Some(Node::new(shape, Some(Arc::new(part)), true, location)))
}

/// The nodes from before `start` that the graph behind `node` ends at.
fn outside(node: &Arc<Node>, start: u64) -> Vec<Arc<Node>> {
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    let mut stack = vec![node.clone()];
    while let Some(node) = stack.pop() {
        if !seen.insert(node.id) {
            continue;
        }
        if node.id < start {
            found.push(node);
        } else if let Some(creator) = node.creator() {
            stack.extend(creator.edges().iter().flatten().cloned());
        }
    }
    found.sort_unstable_by_key(|node| node.id);
    found
}

struct Checkpoint {
    f: Arc<Part>,
    tensor: Tensor,
    input: Option<Arc<Node>>,
    edges: Vec<Option<Arc<Node>>>,
    random: GeneratorState,
}

/// Puts the default generator back where it stood.
struct Restore(GeneratorState);

impl Drop for Restore {
    fn drop(&mut self) {
        with_default_generator(|generator| *generator = Generator::from_state(self.0));
    }
}

impl Backward for Checkpoint {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn edges(&self) -> &[Option<Arc<Node>>] {
        &self.edges
    }

    fn vjp(&self, g: &Variable, _: &Arc<Node>, wants: &[bool]) -> SmallVec<[Option<Variable>; 3]> {
        let create_graph = mode::is_grad_enabled();
        let y = {
            let _restore = Restore(with_default_generator(|generator| generator.state()));
            with_default_generator(|generator| *generator = Generator::from_state(self.random));
            mode::enable_grad(|| (self.f)(&Variable::with_node(self.tensor.clone(), self.input.clone())))
        };
        let wanted: Vec<Arc<Node>> =
            self.edges.iter().zip(wants).filter(|(_, wanted)| **wanted).filter_map(|(edge, _)| edge.clone()).collect();
        let options = GradOptions { create_graph, retain_graph: false, allow_unused: true };
        let mut found = grad_nodes(&[&y], &[g], &wanted, options).into_iter();
        wants.iter().map(|&wanted| if wanted { found.next().flatten() } else { None }).collect()
    }

    fn drain(&mut self, list: &mut Vec<Arc<Node>>) {
        list.extend(self.edges.iter_mut().filter_map(Option::take));
        list.extend(self.input.take());
    }
}
