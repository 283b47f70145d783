//! A look into a running network: the output of a module by its name, through a hook, with the model left as it was.

use std::sync::{Arc, Mutex, PoisonError};

use autograd::{HookHandle, Variable};
use nn::module::{Forward, Hooks, Module};

/// A module of `model` by its name in `named_modules()`.
#[track_caller]
pub(super) fn module_named<'a>(op: &str, model: &'a dyn Forward, name: &str) -> &'a dyn Module {
    let modules = model.named_modules();
    match modules.iter().find(|(known, _)| known == name) {
        Some((_, module)) => *module,
        None => {
            let known: Vec<&str> = modules.iter().map(|(known, _)| known.as_str()).skip(1).collect();
            tensor::fault!(op, [], "no module is named \"{name}\"; there are {}", known.join(", "))
        }
    }
}

/// Puts all modules into evaluation mode and, when dropped, each back into its own.
pub(super) struct Evaluating<'a>(Vec<(&'a dyn Module, bool)>);

impl<'a> Evaluating<'a> {
    pub(super) fn new(model: &'a dyn Forward) -> Evaluating<'a> {
        let modes = model.modules().into_iter().map(|module| (module, module.is_training())).collect();
        model.eval();
        Evaluating(modes)
    }
}

impl Drop for Evaluating<'_> {
    fn drop(&mut self) {
        // Parents come first, so that what they set below is set right after.
        for (module, training) in &self.0 {
            module.set_training(*training);
        }
    }
}

/// A hook that is gone when this is, also if the forward pass panics.
struct Hooked(HookHandle);

impl Drop for Hooked {
    fn drop(&mut self) {
        self.0.remove();
    }
}

/// Runs `model` and gives what the module `name` returned, in its first call if there are several, and the output. With
/// `leaf`, the module's output starts the graph anew, so that gradients reach it and go no further.
#[track_caller]
pub(super) fn run_to(op: &str, model: &dyn Forward, name: &str, x: &Variable, leaf: bool) -> (Variable, Variable) {
    let kept: Arc<Mutex<Option<Variable>>> = Arc::default();
    let lock = |kept: &Mutex<Option<Variable>>| kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let module = module_named(op, model, name);
    let hook = Hooked(module.register_forward_hook({
        let kept = kept.clone();
        move |_, _, y| {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.is_some() {
                return None;
            }
            let seen = if leaf { Variable::leaf(y.data()) } else { y.clone() };
            *kept = Some(seen.clone());
            leaf.then_some(seen)
        }
    }));
    let y = model.call(x);
    drop(hook);
    match lock(&kept) {
        Some(seen) => (seen, y),
        None => tensor::fault!(op, [], "the module \"{name}\" was not called"),
    }
}
