//! Every threading decision of gradus: how many threads there are, when work is worth splitting, and how it is split.
//!
//! Work is cut by its size alone, never by the number of threads, so that every result has the same bits on any
//! machine. Callers name a number of *tasks*; threads only decide who runs which task.
//!
//! There are two ways to run, because there are two kinds of work:
//!
//! - **Kernels** ([`for_each`], [`for_each_chunk`]) take 5 µs to a few ms and follow one another closely. They run on a
//!   fork-join pool of our own (`parallel/pool.rs`): helpers spin for a bounded time after a job before they sleep, so
//!   that the next kernel finds them awake, which a general scheduler does not do (it needs about 50 µs of work before a
//!   split pays). The caller works on its job itself and never waits for a helper that has not started: if helpers sleep
//!   or serve another user thread, the caller simply runs everything.
//! - **Coarse work** ([`join`], [`map`]), such as decoding images or sorting, takes milliseconds per task, of uneven
//!   length: rayon's work stealing is right for it, in one pool whose size follows [`num_threads`].
//!
//! Whatever starts inside a task of either kind runs serially in that task, so nesting cannot oversubscribe the machine.
//! Denormal numbers are flushed to zero while kernel tasks run, on helpers and caller alike (and for any number of
//! threads): arithmetic on them can be a hundred times slower. A forced SIMD level goes with the tasks to the helpers.

mod denormals;
mod pool;
#[cfg(test)]
pub(crate) mod tests;

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::prelude::{IntoParallelIterator, ParallelIterator};

use crate::callable::callable;
use crate::simd;

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread is inside a task, and must not split again.
    static IN_TASK: Cell<bool> = const { Cell::new(false) };
}

/// The number of threads that kernels use: [`set_num_threads`], else `GRADUS_NUM_THREADS`, else the number of cores.
pub fn num_threads() -> usize {
    static DEFAULT: OnceLock<usize> = OnceLock::new();
    match THREADS.load(Ordering::Relaxed) {
        0 => *DEFAULT.get_or_init(|| {
            std::env::var("GRADUS_NUM_THREADS")
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .filter(|&threads| threads > 0)
                .unwrap_or_else(cores)
        }),
        threads => threads,
    }
}

/// Sets the number of threads that kernels use from now on; results do not depend on it.
///
/// # Panics
/// If `threads` is 0.
#[track_caller]
pub fn set_num_threads(threads: usize) {
    assert!(threads > 0, "set_num_threads: expected at least 1 thread, got 0");
    THREADS.store(threads, Ordering::Relaxed);
}

fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// Marks this thread as inside a task until the guard is dropped.
struct InTask {
    before: bool,
}

impl InTask {
    fn enter() -> InTask {
        InTask { before: IN_TASK.replace(true) }
    }
}

impl Drop for InTask {
    fn drop(&mut self) {
        IN_TASK.set(self.before);
    }
}

/// Runs `task(0), ..., task(tasks - 1)`, on several threads where there are any.
///
/// The caller decides how large a task is: below roughly 5 µs of work a task of its own does not pay. A panic in a task
/// is passed on to the caller once no task runs any more; tasks that nobody has begun by then are dropped.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// let sum = AtomicUsize::new(0);
/// gradus_tensor::parallel::for_each(10, |index| {
///     sum.fetch_add(index, Ordering::Relaxed);
/// });
/// assert_eq!(sum.into_inner(), 45);
/// ```
#[inline]
pub fn for_each(tasks: usize, task: impl Fn(usize) + Sync + Send) {
    for_each_task(tasks, &task);
}

callable! {
    /// What is run for each index.
    trait Task(index: usize);
}

/// [`for_each`], compiled once for all closures.
fn for_each_task(tasks: usize, task: &dyn Task) {
    if tasks == 0 {
        return;
    }
    let _flush = denormals::Flush::begin();
    if tasks == 1 || IN_TASK.get() {
        return (0..tasks).for_each(|index| task.run(index));
    }
    let threads = num_threads();
    if threads == 1 || !pool::try_run(tasks, threads, task) {
        (0..tasks).for_each(|index| task.run(index));
    }
}

/// Cuts `out` into consecutive chunks of `chunk` elements (the last may be shorter) and runs
/// `task(first element's index, chunk)` for each.
///
/// # Panics
/// If `chunk` is 0.
#[track_caller]
pub fn for_each_chunk<T: Send>(out: &mut [T], chunk: usize, task: impl Fn(usize, &mut [T]) + Sync + Send) {
    assert!(chunk > 0, "for_each_chunk: expected chunks of at least 1 element, got 0");
    let len = out.len();
    let out = Disjoint::new(out);
    for_each(len.div_ceil(chunk), |index| {
        let first = index * chunk;
        // SAFETY: chunk `index` is visited by one task, and chunks do not overlap.
        task(first, unsafe { out.slice(first, chunk.min(len - first)) });
    });
}

/// A mutable slice whose disjoint parts are written by different tasks.
pub struct Disjoint<'a, T> {
    start: *mut T,
    len: usize,
    slice: PhantomData<&'a mut [T]>,
}

// SAFETY: the parts given out are disjoint by the contract of `slice`, so sharing is sending parts of a `&mut [T]`.
unsafe impl<T: Send> Sync for Disjoint<'_, T> {}
// SAFETY: as a `&mut [T]`.
unsafe impl<T: Send> Send for Disjoint<'_, T> {}

impl<'a, T> Disjoint<'a, T> {
    /// Takes `slice` to give out its parts.
    pub fn new(slice: &'a mut [T]) -> Disjoint<'a, T> {
        Disjoint { start: slice.as_mut_ptr(), len: slice.len(), slice: PhantomData }
    }

    /// The number of elements of the whole slice.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the whole slice is empty.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first element, for kernels that address the rest by strides; whoever writes through it writes no element
    /// that another task reads or writes.
    pub fn as_mut_ptr(&self) -> *mut T {
        self.start
    }

    /// `len` elements from `first` on.
    ///
    /// # Safety
    /// No element of the part is accessed by anybody else while the returned slice lives.
    ///
    /// # Panics
    /// If the part does not lie within the slice.
    #[allow(clippy::mut_from_ref)] // the point of the type; the contract forbids overlap
    #[track_caller]
    pub unsafe fn slice(&self, first: usize, len: usize) -> &mut [T] {
        assert!(first <= self.len && len <= self.len - first, "slice: {first} + {len} exceeds {} elements", self.len);
        // SAFETY: within the slice that `new` borrowed mutably, and disjoint by contract.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(first), len) }
    }
}

/// Rayon's pool with as many threads as [`num_threads`] says now.
fn coarse_pool(threads: usize) -> Option<Arc<rayon::ThreadPool>> {
    static POOL: Mutex<Option<Arc<rayon::ThreadPool>>> = Mutex::new(None);
    let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if pool.as_ref().is_none_or(|pool| pool.current_num_threads() != threads) {
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
        // Where the system grants no threads, coarse work is done by the caller.
        *pool = builder.thread_name(|index| format!("gradus-coarse-{index}")).build().ok().map(Arc::new);
    }
    pool.clone()
}

/// Runs `a` and `b`, at once where there are several threads, and returns both results.
///
/// For coarse work of a millisecond or more, as in sorting and data loading; kernels use [`for_each`].
///
/// ```
/// let (sum, product) = gradus_tensor::parallel::join(|| 2 + 3, || 2 * 3);
/// assert_eq!((sum, product), (5, 6));
/// ```
pub fn join<A: Send, B: Send>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    let threads = num_threads();
    let inside_kernel = IN_TASK.get() && rayon::current_thread_index().is_none();
    if threads == 1 || inside_kernel {
        return (a(), b());
    }
    let forced = simd::forced();
    let a = || in_coarse_task(forced, a);
    let b = || in_coarse_task(forced, b);
    // Recursive halves meet here on a thread of the pool already, and stay in it.
    if rayon::current_thread_index().is_some() {
        return rayon::join(a, b);
    }
    match coarse_pool(threads) {
        Some(pool) => pool.install(|| rayon::join(a, b)),
        None => (a(), b()),
    }
}

/// `[f(0), ..., f(n - 1)]`, computed by several threads where there are any.
///
/// For coarse work of uneven length, such as decoding files; kernels use [`for_each`].
///
/// ```
/// assert_eq!(gradus_tensor::parallel::map(4, |index| index * index), [0, 1, 4, 9]);
/// ```
pub fn map<R: Send>(n: usize, f: impl Fn(usize) -> R + Sync + Send) -> Vec<R> {
    let threads = num_threads();
    if n < 2 || threads == 1 || IN_TASK.get() {
        return (0..n).map(f).collect();
    }
    let forced = simd::forced();
    match coarse_pool(threads) {
        Some(pool) => {
            pool.install(|| (0..n).into_par_iter().map(|index| in_coarse_task(forced, || f(index))).collect())
        }
        None => (0..n).map(f).collect(),
    }
}

fn in_coarse_task<R>(forced: Option<simd::Level>, f: impl FnOnce() -> R) -> R {
    let _in_task = InTask::enter();
    simd::with_forced(forced, f)
}
