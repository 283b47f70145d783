//! [`Sequential`]: modules one after the other.

use std::fmt;
use std::ops::{Bound, Index, RangeBounds};
use std::sync::Arc;

use autograd::Variable;
use tensor::error::blame_caller;

use super::check_name;
use crate::module::{Copier, Field, Forward, Module, ModuleState, Visitor};

/// Modules in a row: each gets what the one before it gives. Children have numbers for names unless named.
///
/// PyTorch: `torch.nn.Sequential`.
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::{DType, Tensor};
///
/// let mut model = sequential![Conv2d::new(1, 4, 3), ReLU::new()];
/// model.push(Flatten::new());
/// model.push_named("head", Linear::new(4 * 26 * 26, 10));
/// let x = Variable::new(Tensor::zeros([2, 1, 28, 28], DType::F32));
/// assert_eq!(model.call(&x).shape(), &[2, 10]);
/// assert_eq!(model.slice(..2).call(&x).shape(), &[2, 4, 26, 26]);
/// assert_eq!(model["head"].type_name(), "Linear");
/// ```
#[derive(Default)]
pub struct Sequential {
    children: Vec<(String, Arc<dyn Forward>)>,
    state: ModuleState,
}

/// A [`Sequential`](crate::Sequential) of the modules listed, named by position or, as `"name" => module`, by name.
///
/// ```
/// use gradus_nn::prelude::*;
/// let by_position = sequential![Linear::new(4, 8), ReLU::new()];
/// let by_name = sequential!["hidden" => Linear::new(4, 8), "act" => ReLU::new()];
/// assert_eq!(by_name.named_parameters()[0].0, "hidden.weight");
/// # let _ = by_position;
/// ```
#[macro_export]
macro_rules! sequential {
    ($($name:expr => $module:expr),+ $(,)?) => {{
        let mut sequential = $crate::Sequential::new();
        $(sequential.push_named($name, $module);)+
        sequential
    }};
    ($($module:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut sequential = $crate::Sequential::new();
        $(sequential.push($module);)*
        sequential
    }};
}

impl Sequential {
    /// No modules: the identity.
    pub fn new() -> Sequential {
        Sequential::default()
    }

    /// Adds a module at the end, named by its position.
    pub fn push(&mut self, module: impl Forward) {
        let name = self.children.len().to_string();
        self.push_named(name, module);
    }

    /// Adds a module at the end under a name.
    ///
    /// # Panics
    /// If the name is empty, contains a dot, or is taken.
    #[track_caller]
    pub fn push_named(&mut self, name: impl Into<String>, module: impl Forward) {
        self.push_shared(name.into(), Arc::new(module));
    }

    #[track_caller]
    fn push_shared(&mut self, name: String, module: Arc<dyn Forward>) {
        check_name("sequential", &self.state, self.children.iter().map(|(name, _)| name.as_str()), &name);
        self.children.push((name, module));
        self.state.forget_names();
    }

    /// With `module` at the end: [`push`](Sequential::push) for chains.
    #[must_use]
    pub fn then(mut self, module: impl Forward) -> Sequential {
        self.push(module);
        self
    }

    /// Adds all modules of `other` at the end, named by position where they were before. PyTorch: `Sequential.extend`.
    ///
    /// # Panics
    /// If a name is taken.
    #[track_caller]
    pub fn extend(&mut self, other: Sequential) {
        for (at, (name, module)) in other.children.into_iter().enumerate() {
            let is_position = name == at.to_string();
            self.push_shared(if is_position { self.children.len().to_string() } else { name }, module);
        }
    }

    /// Adds a module before the one at `index`; those behind it that are named by position move down.
    /// PyTorch: `Sequential.insert`.
    ///
    /// # Panics
    /// If `index` is past the end, or a position's name is taken.
    #[track_caller]
    pub fn insert(&mut self, index: usize, module: impl Forward) {
        if index > self.len() {
            tensor::fault!("sequential", [], "position {index} is past the end of {} modules", self.len());
        }
        let behind = self.children.split_off(index);
        self.push(module);
        for (at, (name, module)) in behind.into_iter().enumerate() {
            let is_position = name == (index + at).to_string();
            self.push_shared(if is_position { self.children.len().to_string() } else { name }, module);
        }
    }

    /// Puts a module in the place of the one at `index`, under its name, and returns the old one.
    /// PyTorch: `sequential[index] = module`.
    ///
    /// ```
    /// use gradus_nn::prelude::*;
    /// let mut model = sequential!["body" => Linear::new(8, 4), "head" => Linear::new(4, 10)];
    /// model.replace(1, Linear::new(4, 2));
    /// assert_eq!(model.state_dict()["head.weight"].shape(), &[2, 4]);
    /// ```
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn replace(&mut self, index: usize, module: impl Forward) -> Arc<dyn Forward> {
        if index >= self.len() {
            tensor::fault!("sequential", [], "there is no module {index} among {}", self.len());
        }
        self.state.forget_names();
        std::mem::replace(&mut self.children[index].1, Arc::new(module))
    }

    /// Removes the module at `index`; those behind it that are named by position move up.
    /// PyTorch: `del sequential[index]`.
    ///
    /// # Panics
    /// If there is none.
    #[track_caller]
    pub fn remove(&mut self, index: usize) -> Arc<dyn Forward> {
        if index >= self.len() {
            tensor::fault!("sequential", [], "there is no module {index} among {}", self.len());
        }
        let (_, module) = self.children.remove(index);
        for at in index..self.children.len() {
            if self.children[at].0 == (at + 1).to_string() {
                self.children[at].0 = at.to_string();
            }
        }
        module
    }

    /// The modules in `range`, shared with this one, in a row of their own. PyTorch: `sequential[a:b]`.
    ///
    /// # Panics
    /// If the range reaches past the end.
    #[track_caller]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Sequential {
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&start) => start + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&end) => end + 1,
            Bound::Excluded(&end) => end,
            Bound::Unbounded => self.len(),
        };
        if start > end || end > self.len() {
            tensor::fault!("sequential", [], "the range {start}..{end} is not inside 0..{}", self.len());
        }
        let mut part = Sequential::new();
        for (at, (name, module)) in self.children[start..end].iter().enumerate() {
            let is_position = *name == (start + at).to_string();
            part.push_shared(if is_position { at.to_string() } else { name.clone() }, module.clone());
        }
        part
    }

    /// The number of modules.
    pub fn len(&self) -> usize {
        self.children.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.children.is_empty()
    }

    /// The modules, in order.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Forward> {
        self.children.iter().map(|(_, module)| module.as_ref())
    }

    /// The module at `index`, shared.
    pub fn get(&self, index: usize) -> Option<Arc<dyn Forward>> {
        self.children.get(index).map(|(_, module)| module.clone())
    }

    /// The module of that name.
    pub fn find(&self, name: &str) -> Option<&dyn Forward> {
        self.children.iter().find(|child| child.0 == name).map(|(_, module)| module.as_ref())
    }
}

impl Index<usize> for Sequential {
    type Output = dyn Forward;

    #[track_caller]
    fn index(&self, index: usize) -> &dyn Forward {
        match self.children.get(index) {
            Some((_, module)) => module.as_ref(),
            None => tensor::fault!("sequential", [], "there is no module {index} among {}", self.len()),
        }
    }
}

impl Index<&str> for Sequential {
    type Output = dyn Forward;

    #[track_caller]
    fn index(&self, name: &str) -> &dyn Forward {
        match self.find(name) {
            Some(module) => module,
            None => tensor::fault!("sequential", [], "there is no module named \"{name}\""),
        }
    }
}

impl Module for Sequential {
    fn type_name(&self) -> &'static str {
        "Sequential"
    }

    fn state(&self) -> &ModuleState {
        &self.state
    }

    fn visit_fields<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        for (name, module) in &self.children {
            visitor.module(name, module.as_dyn());
        }
    }

    fn copy_with(&self, copier: &mut Copier) -> Sequential {
        let children = self.children.iter().map(|(name, module)| (name.clone(), module.copy(copier))).collect();
        Sequential { children, state: self.state.copy(copier) }
    }
}

impl Forward for Sequential {
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable {
        let mut children = self.children.iter();
        let Some((_, first)) = children.next() else { return x.clone() };
        blame_caller(crate::SOURCE, || children.fold(first.call(x), |x, (_, module)| module.call(&x)))
    }
}

impl<M: Forward> FromIterator<M> for Sequential {
    fn from_iter<I: IntoIterator<Item = M>>(modules: I) -> Sequential {
        modules.into_iter().fold(Sequential::new(), Sequential::then)
    }
}

impl fmt::Display for Sequential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::display(self, f)
    }
}

impl fmt::Debug for Sequential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::display(self, f)
    }
}
