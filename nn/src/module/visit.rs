//! Walks over the tree of a model, and what [`Module`] does to all of it: functions of `&dyn Module`, since a provided
//! method is compiled for every module.

use std::collections::HashSet;
use std::ops::Deref;
use std::sync::Arc;

use autograd::Variable;
use tensor::DType;
use tensor::error::blame_caller;

use super::state::Entry;
use super::{Copier, Forward, Module, ModuleState};
use crate::{Buffer, Parameter};

/// What a module shows its fields to.
pub trait Visitor<'a> {
    /// A parameter and its name.
    fn parameter(&mut self, name: &str, parameter: &'a Parameter);
    /// A buffer and its name.
    fn buffer(&mut self, name: &str, buffer: &'a Buffer);
    /// A module and its name.
    fn module(&mut self, name: &str, module: &'a dyn Module);
}

/// What a field of a module can be: a [`Parameter`], a [`Buffer`], a [`Module`], or an `Option` of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a parameter, a buffer nor a module",
    note = "write `#[module(skip)]` above a field that holds configuration; use `ModuleList` for a list of modules"
)]
pub trait Field {
    /// Shows this field to `visitor`.
    fn visit<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>);
    /// A deep copy.
    #[doc(hidden)]
    fn copy(&self, copier: &mut Copier) -> Self
    where
        Self: Sized;
}

impl Field for Parameter {
    fn visit<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>) {
        visitor.parameter(name, self);
    }

    fn copy(&self, copier: &mut Copier) -> Parameter {
        copier.parameter(self)
    }
}

impl Field for Buffer {
    fn visit<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>) {
        visitor.buffer(name, self);
    }

    fn copy(&self, copier: &mut Copier) -> Buffer {
        copier.buffer(self)
    }
}

impl<F: Field> Field for Option<F> {
    fn visit<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>) {
        if let Some(field) = self {
            field.visit(name, visitor);
        }
    }

    fn copy(&self, copier: &mut Copier) -> Option<F> {
        self.as_ref().map(|field| field.copy(copier))
    }
}

impl<M: Module> Field for M {
    fn visit<'a>(&'a self, name: &str, visitor: &mut dyn Visitor<'a>) {
        visitor.module(name, self);
    }

    fn copy(&self, copier: &mut Copier) -> M {
        self.copy_with(copier)
    }
}

macro_rules! pointer {
    ([$($generics:tt)*] $pointer:ty, |$this:ident, $copier:ident| $copy:expr) => {
        impl $($generics)* Module for $pointer {
            fn type_name(&self) -> &'static str {
                self.deref().type_name()
            }

            fn state(&self) -> &ModuleState {
                self.deref().state()
            }

            fn visit_fields<'a>(&'a self, visitor: &mut dyn Visitor<'a>) {
                self.deref().visit_fields(visitor);
            }

            fn extra_repr(&self) -> String {
                self.deref().extra_repr()
            }

            fn multiply_adds(&self, input: &[usize], output: &[usize]) -> u64 {
                self.deref().multiply_adds(input, output)
            }

            fn copy_with(&self, $copier: &mut Copier) -> Self {
                let $this = self.deref();
                $copy
            }
        }
    };
}

pointer!([<M: Module>] Arc<M>, |this, copier| copier.shared(this, |copier| Arc::new(this.copy_with(copier))));
pointer!([<M: Module>] Box<M>, |this, copier| Box::new(this.copy_with(copier)));
pointer!([] Arc<dyn Module>, |this, copier| copier.shared(this, |copier| this.copy_dyn(copier)));
pointer!([] Arc<dyn Forward>, |this, copier| copier.shared(this.as_dyn(), |copier| this.copy_forward(copier)));

macro_rules! forward {
    ([$($generics:tt)*] $pointer:ty) => {
        #[allow(clippy::disallowed_methods)] // Hands on, to be called by `call`.
        impl $($generics)* Forward for $pointer {
            #[track_caller]
            fn forward(&self, x: &Variable) -> Variable {
                blame_caller(crate::SOURCE, || self.deref().forward(x))
            }
        }
    };
}

forward!([<M: Forward>] Arc<M>);
forward!([<M: Forward>] Box<M>);
forward!([] Arc<dyn Forward>);

/// What one module holds itself: its fields, then its entries added at run time.
#[derive(Default)]
pub(crate) struct Members<'a> {
    pub(crate) parameters: Vec<(String, &'a Parameter)>,
    pub(crate) buffers: Vec<(String, &'a Buffer)>,
    pub(crate) modules: Vec<(String, &'a dyn Module)>,
}

impl<'a> Members<'a> {
    pub(crate) fn of(module: &'a dyn Module) -> Members<'a> {
        let mut members = Members::default();
        module.visit_fields(&mut members);
        for (name, entry) in module.state().entries() {
            match entry {
                Entry::Parameter(parameter) => members.parameter(name, parameter),
                Entry::Buffer(buffer) => members.buffer(name, buffer),
                Entry::Module(module) => members.module(name, module.as_ref()),
            }
        }
        members
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.parameters.iter().any(|entry| entry.0 == name)
            || self.buffers.iter().any(|entry| entry.0 == name)
            || self.modules.iter().any(|entry| entry.0 == name)
    }
}

impl<'a> Visitor<'a> for Members<'a> {
    fn parameter(&mut self, name: &str, parameter: &'a Parameter) {
        self.parameters.push((name.to_owned(), parameter));
    }

    fn buffer(&mut self, name: &str, buffer: &'a Buffer) {
        self.buffers.push((name.to_owned(), buffer));
    }

    fn module(&mut self, name: &str, module: &'a dyn Module) {
        self.modules.push((name.to_owned(), module));
    }
}

/// `prefix.name`, or `name` below the root.
pub(crate) fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// Calls `f` with every module and its path, parents first; a module that is reached by several paths comes as often.
fn walk<'a>(module: &'a dyn Module, path: &str, f: &mut dyn FnMut(&str, &'a dyn Module, &Members<'a>)) {
    let members = Members::of(module);
    f(path, module, &members);
    for (name, child) in members.modules {
        walk(child, &join(path, &name), f);
    }
}

pub(crate) fn named_parameters(root: &dyn Module) -> Vec<(String, Parameter)> {
    let (mut list, mut seen) = (Vec::new(), HashSet::new());
    walk(root, "", &mut |path, _, members| {
        for (name, parameter) in &members.parameters {
            if seen.insert(parameter.id()) {
                list.push((join(path, name), Parameter::clone(parameter)));
            }
        }
    });
    list
}

pub(crate) fn named_buffers(root: &dyn Module) -> Vec<(String, Buffer)> {
    let (mut list, mut seen) = (Vec::new(), HashSet::new());
    walk(root, "", &mut |path, _, members| {
        for (name, buffer) in &members.buffers {
            if seen.insert(buffer.id()) {
                list.push((join(path, name), Buffer::clone(buffer)));
            }
        }
    });
    list
}

pub(crate) fn named_modules(root: &dyn Module) -> Vec<(String, &dyn Module)> {
    let (mut list, mut seen) = (Vec::new(), HashSet::new());
    walk(root, "", &mut |path, module, _| {
        if seen.insert(module.state().address()) {
            list.push((path.to_owned(), module));
        }
    });
    list
}

pub(crate) fn apply(module: &dyn Module, f: &mut dyn FnMut(&dyn Module)) {
    for (_, child) in Members::of(module).modules {
        apply(child, f);
    }
    f(module);
}

/// The seconds of pairs.
pub(crate) fn unnamed<T>(named: Vec<(String, T)>) -> Vec<T> {
    named.into_iter().map(|(_, value)| value).collect()
}

pub(crate) fn parameters(root: &dyn Module) -> Vec<Parameter> {
    unnamed(named_parameters(root))
}

pub(crate) fn buffers(root: &dyn Module) -> Vec<Buffer> {
    unnamed(named_buffers(root))
}

pub(crate) fn set_training(root: &dyn Module, training: bool) {
    apply(root, &mut |module| module.state().set_training(training));
}

pub(crate) fn requires_grad(root: &dyn Module, requires_grad: bool) {
    for parameter in parameters(root) {
        parameter.set_requires_grad(requires_grad);
    }
}

pub(crate) fn zero_grad(root: &dyn Module) {
    for parameter in parameters(root) {
        parameter.zero_grad();
    }
}

#[track_caller]
pub(crate) fn to_dtype(root: &dyn Module, dtype: DType) {
    for parameter in parameters(root) {
        parameter.to_dtype(dtype);
    }
    for buffer in buffers(root) {
        if buffer.data().dtype().is_float() {
            buffer.update(|value| *value = value.to_dtype(dtype));
        }
    }
}

pub(crate) fn parameter_count(root: &dyn Module) -> usize {
    parameters(root).iter().map(|parameter| parameter.len()).sum()
}
