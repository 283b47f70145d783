//! [`ModuleDict`]: modules by name, for a forward pass that chooses.

use std::fmt;
use std::ops::Index;
use std::sync::Arc;

use super::check_name;
use crate::module::{Copier, Field, Forward, Module, ModuleState, Visitor};

/// Modules by name, in the order in which they were added. `ModuleDict<Linear>` keeps their type; `ModuleDict` alone
/// holds any.
///
/// PyTorch: `torch.nn.ModuleDict`.
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::Tensor;
///
/// let mut activations = ModuleDict::<dyn Forward>::new();
/// activations.insert("relu", ReLU::new());
/// activations.insert("none", Identity::new());
/// let x = Variable::new(Tensor::from([-1.0, 1.0]));
/// assert_eq!(x.apply(&activations["relu"]).to_vec::<f64>(), [0.0, 1.0]);
/// ```
pub struct ModuleDict<M: ?Sized = dyn Forward> {
    modules: Vec<(String, Arc<M>)>,
    state: ModuleState,
}

impl<M: ?Sized> Default for ModuleDict<M> {
    fn default() -> Self {
        ModuleDict { modules: Vec::new(), state: ModuleState::default() }
    }
}

impl<M: ?Sized> ModuleDict<M> {
    /// No modules.
    pub fn new() -> ModuleDict<M> {
        ModuleDict::default()
    }

    /// Adds a module that is shared, or replaces the one of that name in its place.
    ///
    /// # Panics
    /// If the name is empty or contains a dot.
    #[track_caller]
    pub fn insert_shared(&mut self, name: &str, module: Arc<M>) -> Option<Arc<M>> {
        self.state.forget_names();
        if let Some(entry) = self.modules.iter_mut().find(|entry| entry.0 == name) {
            return Some(std::mem::replace(&mut entry.1, module));
        }
        check_name("module_dict", &self.state, std::iter::empty(), name);
        self.modules.push((name.to_owned(), module));
        None
    }

    /// Takes a module out. PyTorch: `ModuleDict.pop`.
    pub fn remove(&mut self, name: &str) -> Option<Arc<M>> {
        let at = self.modules.iter().position(|entry| entry.0 == name)?;
        Some(self.modules.remove(at).1)
    }

    /// The module of that name.
    pub fn get(&self, name: &str) -> Option<&M> {
        self.modules.iter().find(|entry| entry.0 == name).map(|(_, module)| module.as_ref())
    }

    /// Whether there is a module of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The number of modules.
    pub fn len(&self) -> usize {
        self.modules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.modules.iter().map(|(name, _)| name.as_str())
    }

    /// Names and modules, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &M)> {
        self.modules.iter().map(|(name, module)| (name.as_str(), module.as_ref()))
    }
}

impl<M: Module> ModuleDict<M> {
    /// Adds a module, or replaces the one of that name in its place.
    ///
    /// # Panics
    /// If the name is empty or contains a dot.
    #[track_caller]
    pub fn insert(&mut self, name: &str, module: M) -> Option<Arc<M>> {
        self.insert_shared(name, Arc::new(module))
    }
}

impl ModuleDict<dyn Forward> {
    /// Adds a module of any type, or replaces the one of that name in its place.
    ///
    /// # Panics
    /// If the name is empty or contains a dot.
    #[track_caller]
    pub fn insert(&mut self, name: &str, module: impl Forward) -> Option<Arc<dyn Forward>> {
        self.insert_shared(name, Arc::new(module))
    }
}

impl<M: ?Sized> Index<&str> for ModuleDict<M> {
    type Output = M;

    #[track_caller]
    fn index(&self, name: &str) -> &M {
        match self.get(name) {
            Some(module) => module,
            None => {
                let names: Vec<&str> = self.names().collect();
                tensor::fault!("module_dict", [], "there is no module named \"{name}\" among {}", names.join(", "))
            }
        }
    }
}

impl<M: ?Sized + 'static> Module for ModuleDict<M>
where
    Arc<M>: Module,
{
    fn type_name(&self) -> &'static str {
        "ModuleDict"
    }

    fn state(&self) -> &ModuleState {
        &self.state
    }

    fn visit_fields<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
        for (name, module) in &self.modules {
            visitor.module(name, module);
        }
    }

    fn copy_with(&self, copier: &mut Copier) -> Self {
        let modules = self.modules.iter().map(|(name, module)| (name.clone(), module.copy(copier))).collect();
        ModuleDict { modules, state: self.state.copy(copier) }
    }
}

impl<M: ?Sized + 'static> fmt::Display for ModuleDict<M>
where
    Arc<M>: Module,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::display(self, f)
    }
}

impl<M: ?Sized> fmt::Debug for ModuleDict<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModuleDict({:?})", self.names().collect::<Vec<_>>())
    }
}
