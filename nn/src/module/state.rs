//! [`ModuleState`]: what a module holds besides its fields. A module without hooks pays one load of an atomic for it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::hooks::HookTable;
use super::visit::Members;
use super::{Copier, Field, Module};
use crate::{Buffer, Parameter};

/// An entry added at run time.
pub(crate) enum Entry {
    Parameter(Parameter),
    Buffer(Buffer),
    Module(Arc<dyn Module>),
}

/// A list that only grows, so that its entries can be borrowed for as long as the list.
struct Link {
    name: String,
    entry: Entry,
    next: OnceLock<Box<Link>>,
}

/// Hooks, entries added at run time, the training flag: the field `state` of every module.
#[derive(Default)]
pub struct ModuleState {
    is_evaluating: AtomicBool,
    has_named_children: AtomicBool,
    name: OnceLock<Arc<str>>,
    entries: OnceLock<Box<Link>>,
    hooks: OnceLock<Box<HookTable>>,
}

impl ModuleState {
    /// Whether the module is training; true at first.
    pub fn is_training(&self) -> bool {
        !self.is_evaluating.load(Ordering::Relaxed)
    }

    pub(super) fn set_training(&self, training: bool) {
        self.is_evaluating.store(!training, Ordering::Relaxed);
    }

    /// The module's name in the first model that ran it.
    pub(super) fn name(&self) -> Option<&Arc<str>> {
        self.name.get()
    }

    /// Tells the children their names, once.
    pub(super) fn name_children(&self, module: &dyn Module) {
        if self.has_named_children.load(Ordering::Relaxed) {
            return;
        }
        for (name, child) in Members::of(module).modules {
            child.state().name.get_or_init(|| name.into());
        }
        self.has_named_children.store(true, Ordering::Relaxed);
    }

    /// Makes the next call tell the children their names again.
    pub(crate) fn forget_names(&self) {
        self.has_named_children.store(false, Ordering::Relaxed);
    }

    /// Whether an entry of that name was added at run time.
    pub(crate) fn has_entry(&self, name: &str) -> bool {
        self.entries().any(|entry| entry.0 == name)
    }

    /// What tells one live module from another.
    pub(crate) fn address(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    pub(super) fn hooks(&self) -> Option<&HookTable> {
        self.hooks.get().map(Box::as_ref)
    }

    pub(super) fn hooks_or_new(&self) -> &HookTable {
        self.hooks.get_or_init(Box::default)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        let mut next = self.entries.get();
        std::iter::from_fn(move || {
            let link = next?;
            next = link.next.get();
            Some((link.name.as_str(), &link.entry))
        })
    }

    fn push(&self, name: &str, entry: Entry) {
        let mut link = Box::new(Link { name: name.to_owned(), entry, next: OnceLock::new() });
        let mut end = &self.entries;
        loop {
            match end.get() {
                Some(last) => end = &last.next,
                None => match end.set(link) {
                    Ok(()) => break,
                    // Somebody else was faster: go on behind that entry.
                    Err(back) => link = back,
                },
            }
        }
        self.forget_names();
    }

    /// A state of its own with copies of the entries, and the same hooks and flag.
    #[doc(hidden)]
    pub fn copy(&self, copier: &mut Copier) -> ModuleState {
        let copy = ModuleState::default();
        copy.set_training(self.is_training());
        for (name, entry) in self.entries() {
            copy.push(
                name,
                match entry {
                    Entry::Parameter(parameter) => Entry::Parameter(parameter.copy(copier)),
                    Entry::Buffer(buffer) => Entry::Buffer(buffer.copy(copier)),
                    Entry::Module(module) => Entry::Module(module.copy(copier)),
                },
            );
        }
        if let Some(hooks) = self.hooks() {
            hooks.copy_to(copy.hooks_or_new());
        }
        copy
    }
}

impl fmt::Debug for ModuleState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleState")
            .field("is_training", &self.is_training())
            .field("entries", &self.entries().map(|(name, _)| name).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Panics unless `name` can be added to `module`.
#[track_caller]
pub(crate) fn check_name(op: &str, module: &dyn Module, name: &str) {
    if name.is_empty() {
        tensor::fault!(op, [], "the name is empty");
    }
    if name.contains('.') {
        tensor::fault!(op, [], "the name \"{name}\" contains a dot");
    }
    if Members::of(module).has(name) {
        tensor::fault!(op, [], "{} already has an entry named \"{name}\"", module.type_name());
    }
}

#[track_caller]
pub(super) fn register(module: &dyn Module, name: &str, entry: Entry) {
    let op = match entry {
        Entry::Parameter(_) => "register_parameter",
        Entry::Buffer(_) => "register_buffer",
        Entry::Module(_) => "register_module",
    };
    check_name(op, module, name);
    module.state().push(name, entry);
}
