//! The test of the test: faults are planted into an op's vjp, and the gradient check must notice each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;
use tensor::{Generator, Tensor, shape};

use super::Entry;
use super::quiet::catch;
use crate::Variable;
use crate::gradcheck::{agreement, gradients, random_like};
use crate::node::{Backward, Node};

/// A fault in a vjp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mutation {
    /// All gradients negated.
    SignFlipped,
    /// All gradients times 1.001.
    Scaled,
    /// No gradient for one input.
    Dropped(usize),
    /// The right values, but as constants: wrong only at second order.
    Detached,
    /// An input that broadcasts gets a gradient of the output's shape.
    NotSummed(usize),
    /// An input that broadcasts gets one of the parts that should be summed.
    OneOfTheSum(usize),
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mutation::SignFlipped => f.write_str("sign flipped"),
            Mutation::Scaled => f.write_str("scaled by 1.001"),
            Mutation::Dropped(i) => write!(f, "gradient {i} dropped"),
            Mutation::Detached => f.write_str("detached"),
            Mutation::NotSummed(i) => write!(f, "gradient {i} not summed over broadcast axes"),
            Mutation::OneOfTheSum(i) => write!(f, "gradient {i} one part of the sum over broadcast axes"),
        }
    }
}

/// The mutants of one op that were tried, and whether the check noticed each.
#[derive(Clone, Debug)]
pub struct Mutants {
    name: &'static str,
    noticed: BTreeMap<Mutation, bool>,
    /// What the samples' shapes and dtypes allow, tried or not.
    possible: BTreeSet<Mutation>,
}

impl Mutants {
    pub(super) fn new(name: &'static str) -> Mutants {
        Mutants { name, noticed: BTreeMap::new(), possible: BTreeSet::new() }
    }

    /// The mutants that no sample could try, since the gradient concerned was 0 in all of them: in words.
    pub fn skipped(&self) -> Vec<String> {
        let untried = self.possible.iter().filter(|mutation| !self.noticed.contains_key(mutation));
        untried.map(|mutation| format!("{}: {mutation}", self.name)).collect()
    }

    /// How many mutants were tried.
    pub fn count(&self) -> usize {
        self.noticed.len()
    }

    /// The mutants that passed the check, in words.
    pub fn survivors(&self) -> Vec<String> {
        if self.noticed.is_empty() {
            return vec![format!("{}: no sample has a gradient to mutate", self.name)];
        }
        let passed = self.noticed.iter().filter(|(_, noticed)| !**noticed);
        passed.map(|(mutation, _)| format!("{}: {mutation}", self.name)).collect()
    }
}

/// Panics unless the check notices every fault that can be planted into the op of `entry`, and none is left untried.
///
/// Tried are, over 64 samples: the gradient's sign flipped, the gradient scaled by 1.001, detached from the graph (wrong
/// at second order alone), the gradient of each float input dropped, and, where an input broadcasts, its gradient not
/// summed, or one part of the sum taken for all of it.
///
/// # Panics
/// If a fault passes the check.
#[track_caller]
pub fn assert_faults_noticed(entry: Entry) {
    let mutants = entry.mutate(64);
    let (survivors, skipped) = (mutants.survivors(), mutants.skipped());
    assert!(survivors.is_empty(), "faults that passed the check:\n{}", survivors.join("\n"));
    assert!(skipped.is_empty(), "faults that no sample could try:\n{}", skipped.join("\n"));
    // Sign, scale, constant, and at least one input.
    assert!(mutants.count() >= 4, "{}: only {} faults were tried", entry.name(), mutants.count());
}

/// Tries every mutation that makes sense on this sample and was not noticed on an earlier one.
pub(super) fn plant(mutants: &mut Mutants, apply: &dyn Fn(&[Variable]) -> Variable, inputs: &[Tensor]) {
    let (possible, live) = applicable(apply, inputs);
    mutants.possible.extend(possible);
    for mutation in live {
        let noticed = mutants.noticed.entry(mutation).or_insert(false);
        if !*noticed {
            let mutated = |x: &[Variable]| {
                let y = apply(x);
                if let Some(node) = y.node() {
                    node.replace_creator(|inner| Arc::new(Mutant { inner, mutation, shape: node.shape.to_vec() }));
                }
                y
            };
            *noticed = !matches!(catch(|| agreement("mutant", &mutated, inputs)), Ok(Ok(_)));
        }
    }
}

/// The mutations that shapes and dtypes allow, and those of them that change something here: a gradient that is zero
/// anyway cannot be dropped.
fn applicable(apply: &dyn Fn(&[Variable]) -> Variable, inputs: &[Tensor]) -> (Vec<Mutation>, Vec<Mutation>) {
    let leaves: Vec<Variable> = inputs
        .iter()
        .map(|x| if x.dtype().is_float() { Variable::leaf(x.clone()) } else { Variable::new(x.clone()) })
        .collect();
    let y = apply(&leaves);
    let u = [Variable::new(random_like(&y.data(), &mut Generator::new(5)))];
    let output = y.shape().to_vec();
    let found = gradients(&[y], &u, &leaves, false);
    let floats: Vec<usize> = (0..inputs.len()).filter(|&i| inputs[i].dtype().is_float()).collect();
    let is_live = |(_, g): &(&usize, &Variable)| g.to_vec::<f64>().iter().any(|&x| x != 0.0);
    let live: Vec<usize> = floats.iter().zip(&found).filter(is_live).map(|(&i, _)| i).collect();
    let mutations = |inputs_at: &[usize]| {
        let mut list = Vec::new();
        if !inputs_at.is_empty() {
            list.extend([Mutation::SignFlipped, Mutation::Scaled, Mutation::Detached]);
        }
        for &i in inputs_at {
            list.push(Mutation::Dropped(i));
            let x = inputs[i].shape();
            if x != output && shape::broadcast(x, &output).as_deref() == Ok(output.as_slice()) {
                list.push(Mutation::NotSummed(i));
                if shape::len(x) < shape::len(&output) {
                    list.push(Mutation::OneOfTheSum(i));
                }
            }
        }
        list
    };
    let possible = if shape::len(&output) > 0 { mutations(&floats) } else { Vec::new() };
    (possible, mutations(&live))
}

/// An op of the graph with a fault in its vjp.
struct Mutant {
    inner: Arc<dyn Backward>,
    mutation: Mutation,
    shape: Vec<usize>,
}

impl Backward for Mutant {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn edges(&self) -> &[Option<Arc<Node>>] {
        self.inner.edges()
    }

    fn vjp(&self, g: &Variable, node: &Arc<Node>, wants: &[bool]) -> SmallVec<[Option<Variable>; 3]> {
        let grads = self.inner.vjp(g, node, wants);
        let parts = |g: &Variable| (tensor::shape::len(&self.shape) / g.len().max(1)) as f64;
        grads
            .into_iter()
            .enumerate()
            .map(|(i, grad)| match self.mutation {
                Mutation::SignFlipped => grad.map(|g| -g),
                Mutation::Scaled => grad.map(|g| g * 1.001),
                Mutation::Dropped(at) if at == i => None,
                Mutation::Detached => grad.map(|g| g.detach()),
                Mutation::NotSummed(at) if at == i => grad.map(|g| g.expand(&self.shape)),
                Mutation::OneOfTheSum(at) if at == i => grad.map(|g| &g * (1.0 / parts(&g))),
                _ => grad,
            })
            .collect()
    }

    fn drain(&mut self, list: &mut Vec<Arc<Node>>) {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.drain(list);
        }
    }
}
