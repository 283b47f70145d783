//! A node of the graph: what is known of a variable besides its value.

use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use smallvec::SmallVec;
use tensor::Dims;

use crate::Variable;
use crate::hooks::HookList;

/// A callback that sees a gradient and may replace it.
pub(crate) type GradHook = dyn Fn(&Variable) -> Option<Variable> + Send + Sync;

/// The bit of [`Backward::reads`] that stands for the output.
pub(crate) const OUTPUT_READ: u64 = 1 << 63;

/// What a recorded op can do for the engine.
pub(crate) trait Backward: Send + Sync {
    /// The op's name.
    fn name(&self) -> &'static str;
    /// The nodes of the inputs that a gradient can flow to.
    fn edges(&self) -> &[Option<Arc<Node>>];
    /// Gradients of the inputs for which `wants` holds.
    fn vjp(&self, g: &Variable, node: &Arc<Node>, wants: &[bool]) -> SmallVec<[Option<Variable>; 3]>;
    /// Moves every node that this op keeps alive into `list`.
    fn drain(&mut self, list: &mut Vec<Arc<Node>>);
    /// Which kept values the vjp has read so far, one bit each, where that is observed.
    #[cfg(any(test, feature = "check"))]
    fn reads(&self) -> Option<u64> {
        None
    }
}

pub(crate) struct Node {
    /// Creation order: inputs come before outputs.
    pub(crate) id: u64,
    pub(crate) shape: Dims,
    pub(crate) is_leaf: bool,
    pub(crate) requires_grad: AtomicBool,
    pub(crate) retains_grad: AtomicBool,
    pub(crate) grad: Mutex<Option<Variable>>,
    hooks: Mutex<Option<HookList<GradHook>>>,
    creator: Mutex<Option<Arc<dyn Backward>>>,
    /// The user's line that made it.
    pub(crate) location: &'static Location<'static>,
}

impl Node {
    pub(crate) fn new(
        shape: Dims,
        creator: Option<Arc<dyn Backward>>,
        requires_grad: bool,
        location: &'static Location<'static>,
    ) -> Arc<Node> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Arc::new(Node {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            shape,
            is_leaf: creator.is_none(),
            requires_grad: AtomicBool::new(requires_grad),
            retains_grad: AtomicBool::new(false),
            grad: Mutex::new(None),
            hooks: Mutex::new(None),
            creator: Mutex::new(creator),
            location,
        })
    }

    /// The op that made this node; `None` for leaves and once its graph was freed.
    pub(crate) fn creator(&self) -> Option<Arc<dyn Backward>> {
        lock(&self.creator).clone()
    }

    /// Forgets the op and all that it saved.
    pub(crate) fn free(&self) -> Option<Arc<dyn Backward>> {
        lock(&self.creator).take()
    }

    /// Puts another op in place of the one that made this node.
    #[cfg(any(test, feature = "check"))]
    pub(crate) fn replace_creator(&self, with: impl FnOnce(Arc<dyn Backward>) -> Arc<dyn Backward>) {
        let mut creator = lock(&self.creator);
        *creator = creator.take().map(with);
    }

    pub(crate) fn hooks(&self) -> Vec<Arc<GradHook>> {
        lock(&self.hooks).as_ref().map(HookList::snapshot).unwrap_or_default()
    }

    pub(crate) fn register_hook(&self, hook: Arc<GradHook>) -> crate::HookHandle {
        lock(&self.hooks).get_or_insert_default().register(hook)
    }
}

/// Drops an op without recursion, however long the chain behind it.
pub(crate) fn unravel(op: Option<Arc<dyn Backward>>) {
    let Some(mut op) = op else { return };
    let mut list = Vec::new();
    if let Some(op) = Arc::get_mut(&mut op) {
        op.drain(&mut list);
    }
    while let Some(mut node) = list.pop() {
        if let Some(node) = Arc::get_mut(&mut node)
            && let Some(mut op) = node.creator.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
            && let Some(op) = Arc::get_mut(&mut op)
        {
            op.drain(&mut list);
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        unravel(self.free());
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
