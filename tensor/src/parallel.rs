//! Every threading decision of gradus: how many threads there are, when work is worth splitting, and how it is split.
//!
//! Work is cut by its size alone, never by the number of threads, so that every result has the same bits on any
//! machine. Callers name a number of *tasks*; threads only decide who runs which task.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::{IntoParallelIterator, ParallelIterator};

static THREADS: AtomicUsize = AtomicUsize::new(0);

/// The number of threads that kernels use: [`set_num_threads`], else `GRADUS_NUM_THREADS`, else the number of cores.
pub fn num_threads() -> usize {
    static DEFAULT: OnceLock<usize> = OnceLock::new();
    match THREADS.load(Ordering::Relaxed) {
        0 => *DEFAULT.get_or_init(|| {
            std::env::var("GRADUS_NUM_THREADS")
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .filter(|&threads| threads > 0)
                .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
        }),
        threads => threads,
    }
}

/// Sets the number of threads that kernels use from now on; results do not depend on it.
///
/// # Panics
/// If `threads` is 0.
pub fn set_num_threads(threads: usize) {
    assert!(threads > 0, "set_num_threads: expected at least 1 thread, got 0");
    THREADS.store(threads, Ordering::Relaxed);
}

/// Runs `task(0), ..., task(tasks - 1)`, on several threads where there are any.
///
/// The caller decides how large a task is: below roughly 20 µs of work a split does not pay.
pub fn for_each(tasks: usize, task: impl Fn(usize) + Sync + Send) {
    if tasks < 2 || num_threads() == 1 {
        (0..tasks).for_each(task);
    } else {
        let level = crate::simd::forced();
        (0..tasks).into_par_iter().for_each(|index| crate::simd::with_forced(level, || task(index)));
    }
}

/// Cuts `out` into consecutive chunks of `chunk` elements (the last may be shorter) and runs
/// `task(first element's index, chunk)` for each.
pub fn for_each_chunk<T: Send>(out: &mut [T], chunk: usize, task: impl Fn(usize, &mut [T]) + Sync + Send) {
    use rayon::prelude::{IndexedParallelIterator, ParallelSliceMut};
    if out.is_empty() {
        return;
    }
    if out.len() <= chunk || num_threads() == 1 {
        for (index, part) in out.chunks_mut(chunk).enumerate() {
            task(index * chunk, part);
        }
    } else {
        out.par_chunks_mut(chunk).enumerate().for_each(|(index, part)| task(index * chunk, part));
    }
}
