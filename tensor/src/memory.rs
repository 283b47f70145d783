//! The recycling pool that every tensor's bytes come from.
//!
//! A fresh page costs about 280 µs per MiB at first touch, more than most kernels that fill it, so freed buffers are
//! kept by size class and handed out again. The pool is bounded, can be trimmed, and reports what it holds.

mod pages;

use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// Buffers start on a boundary of this many bytes: a cache line, and an AVX-512 vector.
pub const ALIGNMENT: usize = 64;

/// Size classes: four per power of two, from 64 bytes on.
const CLASSES: usize = 160;

/// Cached bytes above which a freed buffer goes back to the system.
const DEFAULT_LIMIT: usize = 1 << 30;

/// What the pool holds, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// Bytes of live buffers.
    pub in_use: usize,
    /// The largest `in_use` so far, or since [`reset_peak`].
    pub peak: usize,
    /// Bytes kept for reuse.
    pub cached: usize,
}

struct Pool {
    shelves: [Mutex<Vec<Block>>; CLASSES],
    in_use: AtomicUsize,
    peak: AtomicUsize,
    cached: AtomicUsize,
    limit: AtomicUsize,
}

struct Block {
    start: NonNull<u8>,
    /// The thread that used it last.
    thread: u32,
}
// SAFETY: a block on a shelf is an allocation that nobody else points to.
unsafe impl Send for Block {}

static POOL: Pool = Pool {
    shelves: [const { Mutex::new(Vec::new()) }; CLASSES],
    in_use: AtomicUsize::new(0),
    peak: AtomicUsize::new(0),
    cached: AtomicUsize::new(0),
    limit: AtomicUsize::new(DEFAULT_LIMIT),
};

/// The class of the smallest block that holds `bytes`, and that block's size.
fn class(bytes: usize) -> (usize, usize) {
    let units = bytes.div_ceil(ALIGNMENT).max(1);
    if units < 4 {
        return (units, units * ALIGNMENT);
    }
    let power = units.ilog2() as usize;
    let quarter = 1usize << (power - 2);
    let steps = units.div_ceil(quarter);
    (4 * (power - 1) + (steps - 4), steps * quarter * ALIGNMENT)
}

/// A number of this thread's own.
fn this_thread() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    thread_local! {
        static NUMBER: u32 = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.try_with(|number| *number).unwrap_or(u32::MAX)
}

/// Takes a block from a shelf: of the latest few the one that this thread used last, whose lines are in the caches of
/// its core, else the latest.
fn take(shelf: &mut Vec<Block>) -> Option<NonNull<u8>> {
    const LATEST: usize = 8;
    let first = shelf.len().saturating_sub(LATEST);
    let thread = this_thread();
    let own = shelf[first..].iter().rposition(|block| block.thread == thread);
    own.map(|at| shelf.remove(first + at)).or_else(|| shelf.pop()).map(|block| block.start)
}

/// Bytes borrowed from the pool, returned to it on drop. Always initialised, with unspecified values.
#[derive(Debug)]
pub(crate) struct Buffer {
    start: NonNull<u8>,
    class: usize,
    size: usize,
}

// SAFETY: a Buffer owns its bytes as a Vec<u8> does.
unsafe impl Send for Buffer {}
// SAFETY: shared access to a Buffer only reads.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// A buffer of at least `bytes` bytes and whether all of them are known to be zero.
    pub(crate) fn new(bytes: usize) -> (Buffer, bool) {
        let (class, size) = class(bytes);
        let in_use = POOL.in_use.fetch_add(size, Ordering::Relaxed) + size;
        POOL.peak.fetch_max(in_use, Ordering::Relaxed);
        let recycled = take(&mut POOL.shelves[class].lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        if let Some(start) = recycled {
            POOL.cached.fetch_sub(size, Ordering::Relaxed);
            return (Buffer { start, class, size }, false);
        }
        (Buffer { start: pages::allocate(size), class, size }, true)
    }

    pub(crate) fn as_ptr(&self) -> *const u8 {
        self.start.as_ptr()
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.start.as_ptr()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        POOL.in_use.fetch_sub(self.size, Ordering::Relaxed);
        let cached = POOL.cached.fetch_add(self.size, Ordering::Relaxed) + self.size;
        if cached <= POOL.limit.load(Ordering::Relaxed) {
            let shelf = &POOL.shelves[self.class];
            shelf
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .push(Block { start: self.start, thread: this_thread() });
        } else {
            POOL.cached.fetch_sub(self.size, Ordering::Relaxed);
            // SAFETY: allocated in `new` with this size, and not on any shelf.
            unsafe { pages::release(self.start, self.size) };
        }
    }
}

/// What the pool holds now.
///
/// ```
/// let before = gradus_tensor::memory::statistics().in_use;
/// let x = gradus_tensor::Tensor::zeros([1024], gradus_tensor::DType::F32);
/// assert!(gradus_tensor::memory::statistics().in_use >= before);
/// # drop(x);
/// ```
pub fn statistics() -> Statistics {
    Statistics {
        in_use: POOL.in_use.load(Ordering::Relaxed),
        peak: POOL.peak.load(Ordering::Relaxed),
        cached: POOL.cached.load(Ordering::Relaxed),
    }
}

/// Starts a new measurement of the peak at the bytes now in use.
pub fn reset_peak() {
    POOL.peak.store(POOL.in_use.load(Ordering::Relaxed), Ordering::Relaxed);
}

/// Sets how many bytes the pool may keep for reuse (1 GiB at first).
pub fn set_cache_limit(bytes: usize) {
    POOL.limit.store(bytes, Ordering::Relaxed);
    if POOL.cached.load(Ordering::Relaxed) > bytes {
        trim();
    }
}

/// Gives every cached buffer back to the system.
pub fn trim() {
    for (index, shelf) in POOL.shelves.iter().enumerate() {
        let blocks = std::mem::take(&mut *shelf.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        let size = class_size(index);
        for Block { start, .. } in blocks {
            POOL.cached.fetch_sub(size, Ordering::Relaxed);
            // SAFETY: every block of this shelf was allocated with this class's size.
            unsafe { pages::release(start, size) };
        }
    }
}

fn class_size(class: usize) -> usize {
    if class < 4 {
        return class.max(1) * ALIGNMENT;
    }
    let power = class / 4 + 1;
    (4 + class % 4) * (1usize << (power - 2)) * ALIGNMENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_what_they_promise() {
        let mut last = 0;
        for bytes in (0..100_000).step_by(37).chain([1 << 20, (1 << 20) + 1, 123_456_789, 1 << 40]) {
            let (index, size) = class(bytes);
            assert!(size >= bytes.max(1) && index < CLASSES, "{bytes} bytes in class {index} of {size}");
            assert!(size <= bytes.max(192) * 5 / 4 + ALIGNMENT, "{bytes} bytes waste a block of {size}");
            assert_eq!(class_size(index), size);
            assert!(size >= last || bytes == 1 << 20);
            last = if bytes > 90_000 { 0 } else { size };
        }
    }

    #[test]
    fn buffers_are_aligned_and_recycled() {
        let (first, zeroed) = Buffer::new(123_457_891);
        assert!(zeroed);
        let address = first.as_ptr() as usize;
        assert_eq!(address % ALIGNMENT, 0);
        drop(first);
        let (second, zeroed) = Buffer::new(123_457_891);
        assert!(!zeroed);
        assert_eq!(second.as_ptr() as usize, address);
    }
}
