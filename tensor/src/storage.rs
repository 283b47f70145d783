//! Typed bytes behind a tensor: a pool buffer with a dtype and a length.

use crate::memory::Buffer;
use crate::{DType, Element, dispatch};

/// The elements that one or more tensors look at.
///
/// Tensors share a storage by `Arc` and write to it only when they are the sole owner (copy-on-write).
#[derive(Debug)]
pub struct Storage {
    buffer: Buffer,
    dtype: DType,
    len: usize,
}

impl Storage {
    /// A storage of `len` elements with unspecified values (`false` for `bool`, whose bytes may only be 0 or 1).
    pub(crate) fn unspecified(dtype: DType, len: usize) -> Storage {
        let (buffer, zeroed) = Buffer::new(Storage::size(dtype, len));
        let mut storage = Storage { buffer, dtype, len };
        if dtype == DType::Bool && !zeroed {
            storage.clear();
        }
        storage
    }

    /// A storage of `len` zeros.
    pub(crate) fn zeros(dtype: DType, len: usize) -> Storage {
        let (buffer, zeroed) = Buffer::new(Storage::size(dtype, len));
        let mut storage = Storage { buffer, dtype, len };
        if !zeroed {
            storage.clear();
        }
        storage
    }

    fn size(dtype: DType, len: usize) -> usize {
        len.checked_mul(dtype.bytes()).unwrap_or_else(|| panic!("tensor: {len} elements of {dtype} overflow memory"))
    }

    fn clear(&mut self) {
        let bytes = self.len * self.dtype.bytes();
        // SAFETY: the buffer holds at least `bytes` bytes, and zero bytes are valid for every dtype.
        unsafe { std::ptr::write_bytes(self.buffer.as_mut_ptr(), 0, bytes) };
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All elements.
    ///
    /// # Panics
    /// If `T` is not the storage's dtype.
    #[track_caller]
    pub fn as_slice<T: Element>(&self) -> &[T] {
        self.assert_dtype(T::DTYPE);
        // SAFETY: the buffer is aligned to 64 bytes, initialised, holds `len` elements, and only ever held values of
        // this storage's dtype or zero bytes, or stale bytes of types for which every bit pattern is a value.
        unsafe { std::slice::from_raw_parts(self.buffer.as_ptr().cast(), self.len) }
    }

    /// All elements, to be changed.
    ///
    /// # Panics
    /// If `T` is not the storage's dtype.
    #[track_caller]
    pub fn as_mut_slice<T: Element>(&mut self) -> &mut [T] {
        self.assert_dtype(T::DTYPE);
        // SAFETY: as in `as_slice`, and `&mut self` makes the access exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.buffer.as_mut_ptr().cast(), self.len) }
    }

    /// The elements' bytes, in native order.
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: every element type is plain bytes without padding.
        unsafe { std::slice::from_raw_parts(self.buffer.as_ptr(), self.len * self.dtype.bytes()) }
    }

    #[track_caller]
    fn assert_dtype(&self, dtype: DType) {
        if self.dtype != dtype {
            crate::fault!("tensor", [], "expected {dtype} elements, got {}; convert with to_dtype", self.dtype);
        }
    }
}

impl Clone for Storage {
    fn clone(&self) -> Storage {
        let mut copy = Storage::unspecified(self.dtype, self.len);
        dispatch!(all "clone", self.dtype, T => copy.as_mut_slice::<T>().copy_from_slice(self.as_slice::<T>()));
        copy
    }
}
