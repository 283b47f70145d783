//! Hooks: functions that look at, and may replace, what passes through a module.
//!
//! Each kind is a list in order of registration. A call takes a snapshot of the lists first, so a hook may remove
//! itself while it runs. Backward hooks hang on [`tap`](crate::ops::tap::tap) ops around the forward pass.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use autograd::{HookHandle, HookList, Variable};
use tensor::error::Scope;

use super::{Module, ModuleState, StateDict};
use crate::ops::tap::tap;

/// Sees a module's input before the forward pass; what it returns replaces the input.
pub type ForwardPreHook = dyn Fn(&dyn Module, &Variable) -> Option<Variable> + Send + Sync;
/// Sees a module's input and output; what it returns replaces the output.
pub type ForwardHook = dyn Fn(&dyn Module, &Variable, &Variable) -> Option<Variable> + Send + Sync;
/// Sees the gradient at a module's input (`None` if none flows there) and at its output; what it returns replaces the
/// gradient at the input.
pub type BackwardHook = dyn Fn(&Site, Option<&Variable>, &Variable) -> Option<Variable> + Send + Sync;
/// Sees the gradient at a module's output; what it returns replaces it.
pub type BackwardPreHook = dyn Fn(&Site, &Variable) -> Option<Variable> + Send + Sync;
/// Sees a state dict that is being made or loaded, and the prefix of the module's entries (`""` or `"features.0."`).
pub type StateDictHook = dyn Fn(&dyn Module, &mut StateDict, &str) + Send + Sync;

/// Which module a backward hook is called for: the pass back may outlive the borrow of the module itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The module's type, as printed.
    pub type_name: &'static str,
    /// The module's place, outermost first, as in messages: `["LeNet", "conv1"]`.
    pub path: Vec<String>,
}

/// The hooks of one module, or those of all modules.
#[derive(Debug, Default)]
pub(super) struct HookTable {
    forward_pre: HookList<ForwardPreHook>,
    forward: HookList<ForwardHook>,
    backward: HookList<BackwardHook>,
    backward_pre: HookList<BackwardPreHook>,
    pub(super) state_dict: HookList<StateDictHook>,
    pub(super) load_state_dict_pre: HookList<StateDictHook>,
}

impl HookTable {
    /// Whether a call has anything to do.
    fn is_called(&self) -> bool {
        !(self.forward_pre.is_empty()
            && self.forward.is_empty()
            && self.backward.is_empty()
            && self.backward_pre.is_empty())
    }

    pub(super) fn copy_to(&self, other: &HookTable) {
        fn copy<F: ?Sized + Send + Sync + 'static>(from: &HookList<F>, to: &HookList<F>) {
            for hook in from.snapshot() {
                to.register(hook);
            }
        }
        copy(&self.forward_pre, &other.forward_pre);
        copy(&self.forward, &other.forward);
        copy(&self.backward, &other.backward);
        copy(&self.backward_pre, &other.backward_pre);
        copy(&self.state_dict, &other.state_dict);
        copy(&self.load_state_dict_pre, &other.load_state_dict_pre);
    }
}

static GLOBAL: OnceLock<HookTable> = OnceLock::new();

fn global() -> &'static HookTable {
    GLOBAL.get_or_init(HookTable::default)
}

/// Adds a forward-pre hook to every module there is and will be. PyTorch:
/// `torch.nn.modules.module.register_module_forward_pre_hook`.
pub fn register_module_forward_pre_hook(
    hook: impl Fn(&dyn Module, &Variable) -> Option<Variable> + Send + Sync + 'static,
) -> HookHandle {
    global().forward_pre.register(Arc::new(hook))
}

/// Adds a forward hook to every module there is and will be. PyTorch:
/// `torch.nn.modules.module.register_module_forward_hook`.
pub fn register_module_forward_hook(
    hook: impl Fn(&dyn Module, &Variable, &Variable) -> Option<Variable> + Send + Sync + 'static,
) -> HookHandle {
    global().forward.register(Arc::new(hook))
}

/// Adds a backward hook to every module there is and will be. PyTorch:
/// `torch.nn.modules.module.register_module_full_backward_hook`.
pub fn register_module_full_backward_hook(
    hook: impl Fn(&Site, Option<&Variable>, &Variable) -> Option<Variable> + Send + Sync + 'static,
) -> HookHandle {
    global().backward.register(Arc::new(hook))
}

/// Adds a backward-pre hook to every module there is and will be. PyTorch:
/// `torch.nn.modules.module.register_module_full_backward_pre_hook`.
pub fn register_module_full_backward_pre_hook(
    hook: impl Fn(&Site, &Variable) -> Option<Variable> + Send + Sync + 'static,
) -> HookHandle {
    global().backward_pre.register(Arc::new(hook))
}

/// Registration of hooks, on every module: layers, containers and your own. A handle's `remove` takes the hook away;
/// dropping the handle does not.
///
/// ```
/// use gradus_nn::prelude::*;
/// use std::sync::{Arc, Mutex};
/// use tensor::{DType, Tensor};
///
/// let model = sequential![Linear::new(4, 8), ReLU::new()];
/// let seen = Arc::new(Mutex::new(Vec::new()));
/// let hook = model[0].register_forward_hook({
///     let seen = seen.clone();
///     move |_, _, y| {
///         seen.lock().unwrap().push(y.shape().to_vec());
///         None
///     }
/// });
/// let x = Variable::new(Tensor::zeros([2, 4], DType::F32));
/// model.call(&x);
/// hook.remove();
/// model.call(&x);
/// assert_eq!(*seen.lock().unwrap(), [vec![2, 8]]);
/// ```
pub trait Hooks: Module {
    /// Adds a hook that sees the input before the forward pass and may replace it.
    /// PyTorch: `Module.register_forward_pre_hook`.
    fn register_forward_pre_hook(
        &self,
        hook: impl Fn(&dyn Module, &Variable) -> Option<Variable> + Send + Sync + 'static,
    ) -> HookHandle {
        self.state().hooks_or_new().forward_pre.register(Arc::new(hook))
    }

    /// Adds a hook that sees input and output and may replace the output. PyTorch: `Module.register_forward_hook`.
    fn register_forward_hook(
        &self,
        hook: impl Fn(&dyn Module, &Variable, &Variable) -> Option<Variable> + Send + Sync + 'static,
    ) -> HookHandle {
        self.state().hooks_or_new().forward.register(Arc::new(hook))
    }

    /// Adds a hook that sees the gradients at the input and at the output and may replace the one at the input.
    /// PyTorch: `Module.register_full_backward_hook`.
    fn register_full_backward_hook(
        &self,
        hook: impl Fn(&Site, Option<&Variable>, &Variable) -> Option<Variable> + Send + Sync + 'static,
    ) -> HookHandle {
        self.state().hooks_or_new().backward.register(Arc::new(hook))
    }

    /// Adds a hook that sees the gradient at the output and may replace it, before the module is differentiated.
    /// PyTorch: `Module.register_full_backward_pre_hook`.
    fn register_full_backward_pre_hook(
        &self,
        hook: impl Fn(&Site, &Variable) -> Option<Variable> + Send + Sync + 'static,
    ) -> HookHandle {
        self.state().hooks_or_new().backward_pre.register(Arc::new(hook))
    }

    /// Adds a hook that may change a state dict after this module and those below have put in their entries.
    /// PyTorch: `Module.register_state_dict_post_hook`.
    fn register_state_dict_hook(
        &self,
        hook: impl Fn(&dyn Module, &mut StateDict, &str) + Send + Sync + 'static,
    ) -> HookHandle {
        self.state().hooks_or_new().state_dict.register(Arc::new(hook))
    }

    /// Adds a hook that may change a state dict before this module and those below look for their entries: the place
    /// to rename what an older program saved. PyTorch: `Module.register_load_state_dict_pre_hook`.
    fn register_load_state_dict_pre_hook(
        &self,
        hook: impl Fn(&dyn Module, &mut StateDict, &str) + Send + Sync + 'static,
    ) -> HookHandle {
        self.state().hooks_or_new().load_state_dict_pre.register(Arc::new(hook))
    }
}

impl<M: Module + ?Sized> Hooks for M {}

/// The tables that a call has to look into.
pub(super) struct Active<'a>([Option<&'a HookTable>; 2]);

/// The hooks that now concern a module; `None`, at the price of two loads, where nobody ever registered any.
pub(super) fn active(state: &ModuleState) -> Option<Active<'_>> {
    let tables = [GLOBAL.get(), state.hooks()];
    if tables.iter().all(Option::is_none) {
        return None;
    }
    let tables = tables.map(|table| table.filter(|table| table.is_called()));
    tables.iter().any(Option::is_some).then_some(Active(tables))
}

impl Active<'_> {
    fn all<F: ?Sized>(&self, list: impl Fn(&HookTable) -> &HookList<F>) -> Vec<Arc<F>> {
        self.0.iter().flatten().flat_map(|table| list(table).snapshot()).collect()
    }
}

/// A forward pass between its hooks.
pub(super) fn call(
    active: Active<'_>,
    module: &dyn Module,
    x: &Variable,
    forward: &dyn Fn(&Variable) -> Variable,
) -> Variable {
    let mut x = x.clone();
    for hook in active.all(|table| &table.forward_pre) {
        if let Some(replaced) = hook(module, &x) {
            x = replaced;
        }
    }
    let backward = Backward::new(&active, module);
    let x = backward.tap_input(x);
    let mut y = forward(&x);
    for hook in active.all(|table| &table.forward) {
        if let Some(replaced) = hook(module, &x, &y) {
            y = replaced;
        }
    }
    backward.tap_output(&x, y)
}

/// The backward hooks of one call, shared by the taps on both sides of it.
struct Backward(Option<Arc<Taps>>);

struct Taps {
    site: Site,
    pre: Vec<Arc<BackwardPreHook>>,
    full: Vec<Arc<BackwardHook>>,
    /// The gradient at the output, on its way from the one tap to the other.
    output: Mutex<Option<Variable>>,
}

impl Backward {
    fn new(active: &Active<'_>, module: &dyn Module) -> Backward {
        let (pre, full) = (active.all(|table| &table.backward_pre), active.all(|table| &table.backward));
        if !autograd::is_grad_enabled() || (pre.is_empty() && full.is_empty()) {
            return Backward(None);
        }
        let site = Site { type_name: module.type_name(), path: Scope::path() };
        Backward(Some(Arc::new(Taps { site, pre, full, output: Mutex::new(None) })))
    }

    fn tap_input(&self, x: Variable) -> Variable {
        let Some(taps) = self.0.as_ref().filter(|taps| !taps.full.is_empty() && x.requires_grad()) else { return x };
        let (x, taps) = (tap(&x), taps.clone());
        x.register_hook(move |g| {
            // Nothing is there if the input is used past the module alone: then no gradient went through it.
            let output = taps.output.lock().unwrap_or_else(PoisonError::into_inner).take()?;
            taps.run_full(Some(g), &output)
        });
        x
    }

    fn tap_output(&self, x: &Variable, y: Variable) -> Variable {
        let Some(taps) = self.0.as_ref().filter(|_| y.requires_grad()) else { return y };
        let (y, taps, has_input) = (tap(&y), taps.clone(), x.requires_grad());
        y.register_hook(move |g| {
            let mut replaced = None;
            for hook in &taps.pre {
                replaced = hook(&taps.site, replaced.as_ref().unwrap_or(g)).or(replaced);
            }
            let output = replaced.as_ref().unwrap_or(g);
            if has_input {
                *taps.output.lock().unwrap_or_else(PoisonError::into_inner) = Some(output.clone());
            } else {
                taps.run_full(None, output);
            }
            replaced
        });
        y
    }
}

impl Taps {
    fn run_full(&self, input: Option<&Variable>, output: &Variable) -> Option<Variable> {
        let mut replaced: Option<Variable> = None;
        for hook in &self.full {
            replaced = hook(&self.site, replaced.as_ref().or(input), output).or(replaced);
        }
        replaced
    }
}
