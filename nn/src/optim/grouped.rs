//! What all optimizers share: groups of parameters, a memory for each, and the step that hands both to the method.

use std::fmt::Debug;

use autograd::Variable;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tensor::Tensor;
use tensor::kernels::optim::{Rule, Slot, update};

use super::{Optimizer, OptimizerState, OptimizerStateError, StepReport};

/// What a method remembers of one parameter.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Steps taken; 0 until the first gradient.
    pub step: u64,
    /// One further number, such as NAdam's `mu_product`.
    pub scalar: f64,
    /// Tensors of the parameter's shape, in the order of [`Method::state_names`].
    pub tensors: Vec<Tensor>,
    pub(super) begun: bool,
}

/// One parameter in one step.
#[derive(Debug)]
pub struct Item<'a> {
    /// The parameter's value.
    pub value: &'a mut Tensor,
    /// Its gradient.
    pub grad: Tensor,
    /// What the method remembers of it.
    pub memory: &'a mut Memory,
}

/// The options of one optimization method, and its step.
pub trait Method: Clone + Debug + Send + Serialize + DeserializeOwned + 'static {
    /// The method's name in PyTorch.
    const NAME: &'static str;
    /// Whether PyTorch stores the number of steps.
    const STORES_STEP: bool = true;
    /// The name of [`Memory::scalar`], if the method uses it.
    const SCALAR: Option<&'static str> = None;

    /// Panics if an option is out of range.
    #[track_caller]
    fn validate(&self);
    /// Panics if options contradict each other; of the first group alone, as PyTorch asks it of the constructor's.
    #[track_caller]
    fn validate_defaults(&self) {}
    /// The learning rate.
    fn lr(&self) -> f64;
    /// Sets the learning rate.
    fn set_lr(&mut self, lr: f64);
    /// The momentum, or the first beta.
    fn momentum(&self) -> Option<f64> {
        None
    }
    /// Sets the momentum, or the first beta.
    fn set_momentum(&mut self, _momentum: f64) {}
    /// The names of the memory's tensors.
    fn state_names(&self) -> Vec<&'static str>;
    /// The memory before the first step.
    fn begin(&self, value: &Tensor) -> Memory {
        let tensors = self.state_names().iter().map(|_| value.zeros_like()).collect();
        Memory { tensors, begun: true, ..Memory::default() }
    }
    /// Whether the memory exists before the first step.
    const BEGINS_AT_ONCE: bool = false;
    /// Moves all parameters of a group.
    fn update(&self, items: Vec<Item<'_>>);
}

/// Counts a step for every item and applies its rule, in one parallel pass.
pub fn fuse<R: Rule<K>, const K: usize>(items: Vec<Item<'_>>, rule: impl Fn(&mut Memory) -> R) {
    let slots = items.into_iter().map(|Item { value, grad, memory }| {
        memory.step += 1;
        Slot { rule: rule(memory), value, grad, state: &mut memory.tensors }
    });
    update::<R, K>(slots.collect());
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) param: Variable,
    pub(super) memory: Memory,
}

#[derive(Debug)]
pub(super) struct Group<M> {
    pub(super) entries: Vec<Entry>,
    pub(super) options: M,
    pub(super) initial_lr: Option<f64>,
}

/// An optimizer: groups of parameters, each with options of one method, and a memory per parameter.
#[derive(Debug)]
pub struct GroupedOptimizer<M: Method> {
    pub(super) groups: Vec<Group<M>>,
}

impl<M: Method> GroupedOptimizer<M> {
    /// The optimizer of `params` with options of any method, a user's own included.
    ///
    /// # Panics
    /// If there are no parameters, one appears twice or is not a leaf, or an option is out of range.
    #[track_caller]
    pub fn of<P: Into<Variable>>(params: impl IntoIterator<Item = P>, options: M) -> Self {
        options.validate_defaults();
        let mut optimizer = GroupedOptimizer { groups: Vec::new() };
        optimizer.add_param_group(params, options);
        optimizer
    }

    /// Adds parameters with options of their own. PyTorch: `Optimizer.add_param_group`.
    ///
    /// # Panics
    /// If there are no parameters, one appears twice or is not a leaf, or an option is out of range.
    #[track_caller]
    pub fn add_param_group<P: Into<Variable>>(&mut self, params: impl IntoIterator<Item = P>, options: M) {
        options.validate();
        let mut group = Group { entries: Vec::new(), options, initial_lr: None };
        for (index, param) in params.into_iter().enumerate() {
            let param = param.into();
            if !param.is_leaf() {
                tensor::fault!(M::NAME, [parameter: param.shape()], "parameter {index} is the result of an op");
            }
            let known = self.groups.iter().flat_map(|group| &group.entries).chain(&group.entries);
            if known.map(|entry| &entry.param).any(|other| other.is_same(&param)) {
                tensor::fault!(M::NAME, [parameter: param.shape()], "parameter {index} appears twice");
            }
            let memory = if M::BEGINS_AT_ONCE { group.options.begin(&param.data()) } else { Memory::default() };
            group.entries.push(Entry { param, memory });
        }
        if group.entries.is_empty() {
            tensor::fault!(M::NAME, [], "there are no parameters");
        }
        self.groups.push(group);
    }

    /// The options of a group.
    ///
    /// # Panics
    /// If there is no such group.
    #[track_caller]
    pub fn options(&self, group: usize) -> &M {
        &self.groups[group].options
    }

    /// The options of a group, to be changed.
    ///
    /// # Panics
    /// If there is no such group.
    #[track_caller]
    pub fn options_mut(&mut self, group: usize) -> &mut M {
        &mut self.groups[group].options
    }

    /// All parameters, group by group.
    pub fn params(&self) -> impl Iterator<Item = &Variable> {
        self.groups.iter().flat_map(|group| &group.entries).map(|entry| &entry.param)
    }
}

impl<M: Method> Optimizer for GroupedOptimizer<M> {
    fn step(&mut self) -> StepReport {
        let mut report = StepReport::default();
        for Group { entries, options, .. } in &mut self.groups {
            let (mut params, mut rest) = (Vec::new(), Vec::new());
            for Entry { param, memory } in entries {
                let Some(grad) = param.grad() else {
                    report.without_gradient += 1;
                    continue;
                };
                if !memory.begun {
                    *memory = options.begin(&param.data());
                }
                params.push(&*param);
                rest.push((grad.data(), memory));
            }
            report.updated += params.len();
            with_values(&params, Vec::new(), &mut |values| {
                let items = values.into_iter().zip(rest.drain(..));
                options.update(items.map(|(value, (grad, memory))| Item { value, grad, memory }).collect());
            });
        }
        report
    }

    fn zero_grad(&self) {
        self.params().for_each(Variable::zero_grad);
    }

    fn groups(&self) -> usize {
        self.groups.len()
    }

    fn lr(&self, group: usize) -> f64 {
        self.groups[group].options.lr()
    }

    fn set_lr(&mut self, group: usize, lr: f64) {
        self.groups[group].options.set_lr(lr);
    }

    fn initial_lr(&self, group: usize) -> Option<f64> {
        self.groups[group].initial_lr
    }

    fn set_initial_lr(&mut self, group: usize, lr: f64) {
        self.groups[group].initial_lr = Some(lr);
    }

    fn momentum(&self, group: usize) -> Option<f64> {
        self.groups[group].options.momentum()
    }

    fn set_momentum(&mut self, group: usize, momentum: f64) {
        self.groups[group].options.set_momentum(momentum);
    }

    fn state_dict(&self) -> OptimizerState {
        OptimizerState::of(self)
    }

    fn load_state_dict(&mut self, state: &OptimizerState) -> Result<(), OptimizerStateError> {
        state.restore(self)
    }
}

/// Hands the values of all `params` to `f` at once, to be changed in place.
pub(super) fn with_values<'a>(
    params: &[&Variable],
    mut values: Vec<&'a mut Tensor>,
    f: &mut dyn FnMut(Vec<&mut Tensor>),
) {
    match params.split_first() {
        None => f(values),
        // A variable lends its value to a closure alone, so all values at once are closures within closures.
        Some((param, rest)) => param.update(|value| {
            let mut all: Vec<&mut Tensor> = std::mem::take(&mut values);
            all.push(value);
            with_values(rest, all, f);
        }),
    }
}
