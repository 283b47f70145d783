//! What a module is: a tree of named parameters, buffers and modules ([`Module`]) and a computation ([`Forward`]).
//!
//! Fields are the truth: `#[derive(Module)]` reads the tree off them, so that a layer keeps its type. [`ModuleState`]
//! holds what fields cannot: hooks, entries added at run time, and whether the module is training.

mod copy;
mod display;
mod hooks;
mod state;
mod state_dict;
mod summary;
mod visit;

use std::sync::Arc;

use autograd::Variable;
use tensor::DType;
use tensor::error::{Fault, Scope, blame_caller};

use crate::{Buffer, Parameter};

pub use copy::Copier;
pub use display::display;
pub use hooks::{
    BackwardHook, BackwardPreHook, ForwardHook, ForwardPreHook, Hooks, Site, StateDictHook,
    register_module_forward_hook, register_module_forward_pre_hook, register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
};
pub use state::ModuleState;
pub use state_dict::{Incompatible, LoadError, Mismatch, StateDict};
pub use summary::{Row, Summary};
pub use visit::{Field, Visitor};

/// The tree of a model. `#[derive(Module)]` writes the required methods; the others are for everybody.
/// PyTorch: `torch.nn.Module`.
///
/// ```
/// use gradus_nn::prelude::*;
/// let model = sequential![Linear::new(4, 8), ReLU::new(), Linear::new(8, 2)];
/// let names: Vec<String> = model.named_parameters().into_iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["0.weight", "0.bias", "2.weight", "2.bias"]);
/// ```
pub trait Module: copy::Object + Send + Sync + 'static {
    /// The name that is printed, such as `Conv2d`.
    fn type_name(&self) -> &'static str;

    /// Hooks, entries added at run time, and the training flag.
    fn state(&self) -> &ModuleState;

    /// Shows every field to `visitor`, in order.
    fn visit_fields<'a>(&'a self, visitor: &mut dyn Visitor<'a>);

    /// A module of its own with the same values; `copier` keeps ties.
    #[doc(hidden)]
    fn copy_with(&self, copier: &mut Copier) -> Self
    where
        Self: Sized;

    /// What is printed between the parentheses: the options.
    fn extra_repr(&self) -> String {
        String::new()
    }

    /// Multiplications, each with an addition, from an input to an output of these shapes, without those of the modules
    /// below; for [`Summary`].
    fn multiply_adds(&self, input: &[usize], output: &[usize]) -> u64 {
        let _ = (input, output);
        0
    }

    /// A module of its own: parameters, buffers and modules are copied (tied ones stay tied to each other), hooks and
    /// the training flag are taken over. PyTorch: `copy.deepcopy(model)`.
    ///
    /// ```
    /// use gradus_nn::prelude::*;
    /// let model = Linear::new(2, 2);
    /// let copy = model.deep_clone();
    /// model.weight.update(|w| *w = w.mul_scalar(0.0));
    /// assert_ne!(copy.weight.to_vec::<f32>(), model.weight.to_vec::<f32>());
    /// ```
    fn deep_clone(&self) -> Self
    where
        Self: Sized,
    {
        self.copy_with(&mut Copier::default())
    }

    /// Every parameter once, tied ones under their first name.
    fn parameters(&self) -> Vec<Parameter> {
        visit::parameters(self.as_dyn())
    }

    /// Every parameter once, with the first of its names.
    fn named_parameters(&self) -> Vec<(String, Parameter)> {
        visit::named_parameters(self.as_dyn())
    }

    /// Every buffer once.
    fn buffers(&self) -> Vec<Buffer> {
        visit::buffers(self.as_dyn())
    }

    /// Every buffer once, with the first of its names.
    fn named_buffers(&self) -> Vec<(String, Buffer)> {
        visit::named_buffers(self.as_dyn())
    }

    /// The modules right below this one.
    fn children(&self) -> Vec<&dyn Module> {
        visit::unnamed(self.named_children())
    }

    /// The modules right below this one, with their names.
    fn named_children(&self) -> Vec<(String, &dyn Module)> {
        visit::Members::of(self.as_dyn()).modules
    }

    /// This module and all below it, each once, parents first.
    fn modules(&self) -> Vec<&dyn Module> {
        visit::unnamed(self.named_modules())
    }

    /// This module (its name is empty) and all below it, each once, parents first.
    fn named_modules(&self) -> Vec<(String, &dyn Module)> {
        visit::named_modules(self.as_dyn())
    }

    /// Calls `f` with every module, children first. PyTorch: `Module.apply`.
    fn apply(&self, f: &mut dyn FnMut(&dyn Module)) {
        visit::apply(self.as_dyn(), f);
    }

    /// Switches this module and all below it to training behaviour.
    fn train(&self) {
        self.set_training(true);
    }

    /// Switches this module and all below it to evaluation behaviour: dropout passes, normalisation uses its running
    /// statistics.
    fn eval(&self) {
        self.set_training(false);
    }

    /// [`train`](Module::train) or [`eval`](Module::eval).
    fn set_training(&self, training: bool) {
        visit::set_training(self.as_dyn(), training);
    }

    /// Whether this module is training; true at first.
    fn is_training(&self) -> bool {
        self.state().is_training()
    }

    /// Whether gradients are collected for all parameters, from now on. PyTorch: `Module.requires_grad_`.
    fn requires_grad(&self, requires_grad: bool) {
        visit::requires_grad(self.as_dyn(), requires_grad);
    }

    /// Forgets all gradients.
    fn zero_grad(&self) {
        visit::zero_grad(self.as_dyn());
    }

    /// Converts all parameters and all buffers of float dtype.
    ///
    /// # Panics
    /// If `dtype` is not a float.
    #[track_caller]
    fn to_dtype(&self, dtype: DType) {
        visit::to_dtype(self.as_dyn(), dtype);
    }

    /// The number of elements of all parameters.
    fn parameter_count(&self) -> usize {
        visit::parameter_count(self.as_dyn())
    }

    /// Adds a parameter at run time. PyTorch: `Module.register_parameter`.
    ///
    /// # Panics
    /// If the name is empty, contains a dot, or is taken.
    #[track_caller]
    fn register_parameter(&self, name: &str, parameter: Parameter) {
        state::register(self.as_dyn(), name, state::Entry::Parameter(parameter));
    }

    /// Adds a buffer at run time. PyTorch: `Module.register_buffer`.
    ///
    /// # Panics
    /// If the name is empty, contains a dot, or is taken.
    #[track_caller]
    fn register_buffer(&self, name: &str, buffer: Buffer) {
        state::register(self.as_dyn(), name, state::Entry::Buffer(buffer));
    }

    /// Adds a module at run time. PyTorch: `Module.register_module`.
    ///
    /// # Panics
    /// If the name is empty, contains a dot, or is taken.
    #[track_caller]
    fn register_module(&self, name: &str, module: Arc<dyn Module>) {
        state::register(self.as_dyn(), name, state::Entry::Module(module));
    }

    /// All parameters and persistent buffers by name, tied ones under each of their names; values are shared until
    /// somebody changes them. PyTorch: `Module.state_dict`.
    fn state_dict(&self) -> StateDict {
        state_dict::save(self.as_dyn())
    }

    /// Takes over the values of `dict`. With `strict`, every name has to be there and no other; without, the names that
    /// did not match are returned. PyTorch: `Module.load_state_dict`.
    ///
    /// # Errors
    /// Names all missing, unexpected and mismatched entries at once; the model is then as it was.
    fn load_state_dict(&self, dict: &StateDict, strict: bool) -> Result<Incompatible, LoadError> {
        state_dict::load(self.as_dyn(), dict, strict)
    }
}

/// A module's computation: you write [`forward`](Forward::forward), and run it with [`call`](Forward::call).
pub trait Forward: Module + copy::ForwardObject {
    /// The output for the input `x`; the hooks are run by [`call`](Forward::call) alone.
    #[track_caller]
    fn forward(&self, x: &Variable) -> Variable;

    /// Runs forward-pre hooks, [`forward`](Forward::forward), forward hooks; backward hooks are set up to run later.
    /// Messages of faults in here end with this module's place in the model. `x.apply(&module)` is the same.
    #[track_caller]
    #[allow(clippy::disallowed_methods)] // The one place that runs `forward`: `hooks::call` is its other half.
    fn call(&self, x: &Variable) -> Variable {
        let state = self.state();
        state.name_children(self.as_dyn());
        let _scope = Scope::enter_module(self.type_name(), state.name());
        match hooks::active(state) {
            None => self.forward(x),
            Some(active) => blame_caller(crate::SOURCE, || hooks::call(active, self.as_dyn(), x, &|x| self.forward(x))),
        }
    }

    /// What every module gives for an input of this shape, and what that costs; nothing is computed.
    ///
    /// The network runs in evaluation mode on an empty batch, so every shape is checked and no element is touched; the
    /// first axis of `input_shape` is taken to be the batch.
    ///
    /// ```
    /// use gradus_nn::prelude::*;
    /// let model = sequential![Linear::new(4, 8), ReLU::new(), Linear::new(8, 2)];
    /// assert_eq!(model.summary(&[16, 4]).unwrap().parameters, 58);
    /// assert!(model.summary(&[16, 5]).is_err());
    /// ```
    ///
    /// # Errors
    /// The first fault of shape, with the path of the module that met it.
    fn summary(&self, input_shape: &[usize]) -> Result<Summary, Fault> {
        summary::summarize(self.as_dyn(), input_shape, &|x| self.call(x))
    }
}
