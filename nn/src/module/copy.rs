//! Deep copies: how a tree of modules is copied without losing ties, also through `dyn`.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use super::{Forward, Module};
use crate::{Buffer, Parameter};

/// Remembers what was copied during one [`deep_clone`](Module::deep_clone), so that what was shared stays shared.
#[derive(Default)]
pub struct Copier {
    parameters: HashMap<u64, Parameter>,
    buffers: HashMap<u64, Buffer>,
    modules: HashMap<usize, Box<dyn Any>>,
}

impl std::fmt::Debug for Copier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Copier({} parameters, {} buffers)", self.parameters.len(), self.buffers.len())
    }
}

impl Copier {
    pub(super) fn parameter(&mut self, parameter: &Parameter) -> Parameter {
        self.parameters.entry(parameter.id()).or_insert_with(|| parameter.deep_clone()).clone()
    }

    pub(super) fn buffer(&mut self, buffer: &Buffer) -> Buffer {
        self.buffers.entry(buffer.id()).or_insert_with(|| buffer.deep_clone()).clone()
    }

    /// The copy of a shared module: the first one made, for every handle.
    pub(crate) fn shared<T: Clone + 'static>(&mut self, module: &dyn Module, copy: impl FnOnce(&mut Copier) -> T) -> T {
        let key = module.state().address();
        if let Some(known) = self.modules.get(&key).and_then(|any| any.downcast_ref::<T>()) {
            return known.clone();
        }
        let made = copy(self);
        self.modules.insert(key, Box::new(made.clone()));
        made
    }
}

/// What every module can do as `dyn Module`; implemented for all of them.
pub trait Object {
    /// This module without its type.
    fn as_dyn(&self) -> &dyn Module;
    /// A copy without its type.
    #[doc(hidden)]
    fn copy_dyn(&self, copier: &mut Copier) -> Arc<dyn Module>;
}

impl<M: Module> Object for M {
    fn as_dyn(&self) -> &dyn Module {
        self
    }

    fn copy_dyn(&self, copier: &mut Copier) -> Arc<dyn Module> {
        Arc::new(self.copy_with(copier))
    }
}

/// What every module with a computation can do as `dyn Forward`; implemented for all of them.
pub trait ForwardObject {
    /// A copy without its type.
    #[doc(hidden)]
    fn copy_forward(&self, copier: &mut Copier) -> Arc<dyn Forward>;
}

impl<M: Forward> ForwardObject for M {
    fn copy_forward(&self, copier: &mut Copier) -> Arc<dyn Forward> {
        Arc::new(self.copy_with(copier))
    }
}
