//! Where the pool's blocks come from: large ones straight from the system, on huge pages where it has them.
//!
//! A block of 16 MiB is 4,096 ordinary pages, more than a core remembers the addresses of, and hardware stops reading
//! ahead at the end of each; on pages of 2 MiB a sum over it takes 5 to 12 % less time. Pages of a fresh mapping are zero,
//! so that nobody has to clear them, and appear one after the other as they are first touched.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use super::ALIGNMENT;

fn block_layout(size: usize) -> Layout {
    Layout::from_size_align(size, ALIGNMENT).expect("memory: a buffer's size does not fit the address space")
}

/// A block of `size` zero bytes, aligned to [`ALIGNMENT`].
pub(super) fn allocate(size: usize) -> NonNull<u8> {
    let layout = block_layout(size);
    #[cfg(target_os = "linux")]
    if size >= huge::SMALLEST {
        return huge::map(size).unwrap_or_else(|| handle_alloc_error(layout));
    }
    // SAFETY: `size` is at least ALIGNMENT, so the layout is not empty.
    NonNull::new(unsafe { alloc_zeroed(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Gives a block back to the system.
///
/// # Safety
/// The block comes from [`allocate`] with this size, and nobody uses it any more.
pub(super) unsafe fn release(start: NonNull<u8>, size: usize) {
    #[cfg(target_os = "linux")]
    if size >= huge::SMALLEST {
        // SAFETY: the caller's; blocks of this size are mapped.
        return unsafe { huge::unmap(start, size) };
    }
    // SAFETY: the caller's; the block was allocated with this layout.
    unsafe { dealloc(start.as_ptr(), block_layout(size)) }
}

#[cfg(target_os = "linux")]
mod huge {
    use std::ptr::{NonNull, null_mut};

    /// The size of a huge page.
    const PAGE: usize = 2 << 20;

    /// The smallest block that is mapped: below, the rounding to huge pages would weigh.
    pub(super) const SMALLEST: usize = 2 * PAGE;

    /// Maps `size` bytes from a huge page's boundary on.
    pub(super) fn map(size: usize) -> Option<NonNull<u8>> {
        let whole = size.checked_add(PAGE)?;
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a fresh anonymous mapping, wherever the system wants it.
        let mapped = unsafe { libc::mmap(null_mut(), whole, access, kind, -1, 0) };
        if mapped == libc::MAP_FAILED {
            return None;
        }
        let mapped = mapped.cast::<u8>();
        let before = mapped.align_offset(PAGE);
        // SAFETY: both ends lie within the mapping, at multiples of its pages, since `size` is one; nothing there is in
        // use. The advice changes no contents, and that it may be refused is all the same.
        unsafe {
            let start = mapped.add(before);
            if before > 0 {
                libc::munmap(mapped.cast(), before);
            }
            if before < PAGE {
                libc::munmap(start.add(size).cast(), PAGE - before);
            }
            libc::madvise(start.cast(), size, libc::MADV_HUGEPAGE);
            NonNull::new(start)
        }
    }

    /// # Safety
    /// The block comes from [`map`] with this size, and nobody uses it any more.
    pub(super) unsafe fn unmap(start: NonNull<u8>, size: usize) {
        // SAFETY: the caller's.
        unsafe { libc::munmap(start.as_ptr().cast(), size) };
    }
}
