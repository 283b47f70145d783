//! Asks for what comes next while a part of a pass is computed: where tiles of channels are read across pixels, no
//! processor sees on its own that all of their memory will be wanted.

use crate::simd;

/// A stretch of memory that is asked for in equal shares.
pub(super) struct Ahead<T> {
    at: *const T,
    end: *const T,
    share: usize,
}

impl<T> Ahead<T> {
    /// `length` elements from `from` on, in `shares` shares; they need not exist.
    pub(super) fn new(from: *const T, length: usize, shares: usize) -> Ahead<T> {
        let line = 64 / size_of::<T>();
        let share = length.div_ceil(shares.max(1)).next_multiple_of(line);
        Ahead { at: from, end: from.wrapping_add(length), share }
    }

    /// Asks for the next share.
    #[inline(always)]
    pub(super) fn ask(&mut self) {
        if self.at < self.end {
            simd::prefetch_far(self.at, self.share);
            self.at = self.at.wrapping_add(self.share);
        }
    }
}
