//! [`ModuleList`]: modules that a forward pass uses as it likes.

use std::fmt;
use std::ops::Index;
use std::sync::Arc;

use crate::module::{Copier, Field, Forward, Module, ModuleState, Visitor};

/// A list of modules, named by position. `ModuleList<Linear>` keeps their type; `ModuleList` alone holds any.
///
/// PyTorch: `torch.nn.ModuleList`.
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::{DType, Tensor};
///
/// let layers: ModuleList<Linear> = (0..3).map(|_| Linear::new(8, 8)).collect();
/// let mut x = Variable::new(Tensor::ones([2, 8], DType::F32));
/// for layer in &layers {
///     x = x.apply(layer).relu();
/// }
/// assert_eq!(layers[2].in_features(), 8);
/// assert_eq!(layers.named_parameters()[5].0, "2.bias");
/// ```
pub struct ModuleList<M: ?Sized = dyn Forward> {
    modules: Vec<Arc<M>>,
    state: ModuleState,
}

impl<M: ?Sized> Default for ModuleList<M> {
    fn default() -> Self {
        ModuleList { modules: Vec::new(), state: ModuleState::default() }
    }
}

impl<M: ?Sized> ModuleList<M> {
    /// No modules.
    pub fn new() -> ModuleList<M> {
        ModuleList::default()
    }

    /// Adds a module that is shared, at the end.
    pub fn push_shared(&mut self, module: Arc<M>) {
        self.modules.push(module);
        self.state.forget_names();
    }

    /// Adds a module that is shared before the one at `index`.
    ///
    /// # Panics
    /// If `index` is past the end.
    #[track_caller]
    pub fn insert_shared(&mut self, index: usize, module: Arc<M>) {
        if index > self.len() {
            tensor::fault!("module_list", [], "position {index} is past the end of {} modules", self.len());
        }
        self.modules.insert(index, module);
        self.state.forget_names();
    }

    /// Takes the last module off.
    pub fn pop(&mut self) -> Option<Arc<M>> {
        self.modules.pop()
    }

    /// Adds all modules of `other` at the end.
    pub fn extend(&mut self, other: ModuleList<M>) {
        self.modules.extend(other.modules);
        self.state.forget_names();
    }

    /// The number of modules.
    pub fn len(&self) -> usize {
        self.modules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }

    /// The modules, in order.
    pub fn iter(&self) -> Iter<'_, M> {
        self.modules.iter().map(AsRef::as_ref)
    }

    /// The module at `index`, shared.
    pub fn get(&self, index: usize) -> Option<Arc<M>> {
        self.modules.get(index).cloned()
    }
}

impl<M: Module> ModuleList<M> {
    /// Adds a module at the end.
    pub fn push(&mut self, module: M) {
        self.push_shared(Arc::new(module));
    }

    /// Adds a module before the one at `index`.
    ///
    /// # Panics
    /// If `index` is past the end.
    #[track_caller]
    pub fn insert(&mut self, index: usize, module: M) {
        self.insert_shared(index, Arc::new(module));
    }
}

impl ModuleList<dyn Forward> {
    /// Adds a module of any type at the end.
    pub fn push(&mut self, module: impl Forward) {
        self.push_shared(Arc::new(module));
    }

    /// Adds a module of any type before the one at `index`.
    ///
    /// # Panics
    /// If `index` is past the end.
    #[track_caller]
    pub fn insert(&mut self, index: usize, module: impl Forward) {
        self.insert_shared(index, Arc::new(module));
    }
}

/// Written out, since `IntoIterator` needs a name for it.
type Iter<'a, M> = std::iter::Map<std::slice::Iter<'a, Arc<M>>, fn(&'a Arc<M>) -> &'a M>;

impl<'a, M: ?Sized> IntoIterator for &'a ModuleList<M> {
    type Item = &'a M;
    type IntoIter = Iter<'a, M>;

    fn into_iter(self) -> Iter<'a, M> {
        self.iter()
    }
}

impl<M: Module> FromIterator<M> for ModuleList<M> {
    fn from_iter<I: IntoIterator<Item = M>>(modules: I) -> ModuleList<M> {
        ModuleList { modules: modules.into_iter().map(Arc::new).collect(), state: ModuleState::default() }
    }
}

impl<M: ?Sized> FromIterator<Arc<M>> for ModuleList<M> {
    fn from_iter<I: IntoIterator<Item = Arc<M>>>(modules: I) -> ModuleList<M> {
        ModuleList { modules: modules.into_iter().collect(), state: ModuleState::default() }
    }
}

impl<M: ?Sized> Index<usize> for ModuleList<M> {
    type Output = M;

    #[track_caller]
    fn index(&self, index: usize) -> &M {
        match self.modules.get(index) {
            Some(module) => module,
            None => tensor::fault!("module_list", [], "there is no module {index} among {}", self.len()),
        }
    }
}

impl<M: ?Sized + 'static> Module for ModuleList<M>
where
    Arc<M>: Module,
{
    fn type_name(&self) -> &'static str {
        "ModuleList"
    }

    fn state(&self) -> &ModuleState {
        &self.state
    }

    fn visit_fields<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        for (index, module) in self.modules.iter().enumerate() {
            visitor.module(&index.to_string(), module);
        }
    }

    fn copy_with(&self, copier: &mut Copier) -> Self {
        let modules = self.modules.iter().map(|module| module.copy(copier)).collect();
        ModuleList { modules, state: self.state.copy(copier) }
    }
}

impl<M: ?Sized + 'static> fmt::Display for ModuleList<M>
where
    Arc<M>: Module,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::display(self, f)
    }
}

impl<M: ?Sized> fmt::Debug for ModuleList<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModuleList({})", self.len())
    }
}
