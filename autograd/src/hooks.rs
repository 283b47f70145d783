//! Lists of callbacks that can be removed again, also while they run.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

type Entries<F> = Arc<Mutex<Vec<(u64, Arc<F>)>>>;

/// Callbacks of one kind, in the order of registration.
pub struct HookList<F: ?Sized>(Entries<F>);

impl<F: ?Sized> Default for HookList<F> {
    fn default() -> Self {
        HookList(Arc::default())
    }
}

impl<F: ?Sized> fmt::Debug for HookList<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookList({})", self.snapshot().len())
    }
}

impl<F: ?Sized + Send + Sync + 'static> HookList<F> {
    /// Adds a callback at the end.
    pub fn register(&self, hook: Arc<F>) -> HookHandle {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        lock(&self.0).push((id, hook));
        HookHandle { id, list: Arc::downgrade(&self.0) as Weak<dyn Removable> }
    }
}

impl<F: ?Sized> HookList<F> {
    /// The callbacks now registered; removing one while they run does not disturb the run.
    pub fn snapshot(&self) -> Vec<Arc<F>> {
        lock(&self.0).iter().map(|(_, hook)| hook.clone()).collect()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

trait Removable: Send + Sync {
    fn remove(&self, id: u64);
}

impl<F: ?Sized + Send + Sync> Removable for Mutex<Vec<(u64, Arc<F>)>> {
    fn remove(&self, id: u64) {
        lock(self).retain(|entry| entry.0 != id);
    }
}

/// Removes a hook; dropping the handle leaves the hook in place.
#[derive(Clone)]
pub struct HookHandle {
    id: u64,
    list: Weak<dyn Removable>,
}

impl HookHandle {
    /// Removes the hook; a second call, or one after its owner is gone, does nothing.
    pub fn remove(&self) {
        if let Some(list) = self.list.upgrade() {
            list.remove(self.id);
        }
    }
}

impl fmt::Debug for HookHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HookHandle({})", self.id)
    }
}
