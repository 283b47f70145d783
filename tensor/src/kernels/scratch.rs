//! Working memory of the kernels: recycled by the pool, so that no call touches fresh pages.

use std::marker::PhantomData;

use crate::memory::Buffer;
use crate::simd::Real;

/// Room for elements, with unspecified values at first; aligned to a cache line.
pub(crate) struct Scratch<T> {
    buffer: Buffer,
    len: usize,
    of: PhantomData<T>,
}

impl<T: Real> Scratch<T> {
    /// Room for `len` elements.
    pub(crate) fn new(len: usize) -> Scratch<T> {
        Scratch { buffer: Buffer::new(len * size_of::<T>()).0, len, of: PhantomData }
    }

    pub(crate) fn as_ptr(&self) -> *const T {
        self.buffer.as_ptr().cast()
    }

    pub(crate) fn as_mut_ptr(&mut self) -> *mut T {
        self.buffer.as_mut_ptr().cast()
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        // SAFETY: the buffer is aligned, initialised and at least `len` elements long; every bit pattern is a float.
        unsafe { std::slice::from_raw_parts(self.as_ptr(), self.len) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as for `as_slice`, borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.as_mut_ptr(), self.len) }
    }
}
