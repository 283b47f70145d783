//! [`Tensor`]: shared storage, a layout, and the few methods that everything else is written with.

use std::sync::Arc;

use crate::kernels::copy;
use crate::storage::Storage;
use crate::{DType, Element, Layout, MemoryFormat, View, dispatch, shape};

/// An n-dimensional array of one dtype: cheap to clone, copied only when written to while shared.
///
/// ```
/// use gradus_tensor::Tensor;
/// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// assert_eq!(x.shape(), &[2, 2]);
/// assert_eq!((&x * 2.0).sum(&[], false).item::<f32>(), 20.0);
/// ```
#[derive(Clone)]
pub struct Tensor {
    storage: Arc<Storage>,
    layout: Layout,
}

impl Tensor {
    pub(crate) fn new(storage: Arc<Storage>, layout: Layout) -> Tensor {
        Tensor { storage, layout }
    }

    /// A tensor of zeros (of `false`) in a dense `layout`'s shape and axis order.
    pub(crate) fn zeros_in(layout: Layout, dtype: DType) -> Tensor {
        Tensor::new(Arc::new(Storage::zeros(dtype, layout.len())), layout)
    }

    /// A tensor of a dense `layout` with offset 0, whose elements `fill` writes in memory order. Their values before
    /// are unspecified.
    pub(crate) fn build<T: Element>(layout: Layout, fill: impl FnOnce(&mut [T])) -> Tensor {
        let mut storage = Storage::unspecified(T::DTYPE, layout.len());
        fill(storage.as_mut_slice::<T>());
        Tensor::new(Arc::new(storage), layout)
    }

    /// The same storage under another layout.
    pub(crate) fn with_layout(&self, layout: Layout) -> Tensor {
        Tensor::new(self.storage.clone(), layout)
    }

    /// Sizes per axis.
    pub fn shape(&self) -> &[usize] {
        self.layout.shape()
    }

    /// Steps per axis in elements.
    pub fn strides(&self) -> &[isize] {
        self.layout.strides()
    }

    /// Where the elements lie.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.layout.shape.len()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.layout.len()
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.layout.is_empty()
    }

    /// The size of one axis; negative numbers count from the end.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn size(&self, axis: isize) -> usize {
        let index = shape::axis("size", axis, self.shape());
        self.shape().get(index).copied().unwrap_or(1)
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        self.storage.dtype()
    }

    /// Whether the elements lie in logical order.
    pub fn is_contiguous(&self) -> bool {
        self.layout.is_contiguous()
    }

    /// Whether two tensors look at the same storage.
    pub fn shares_storage(&self, other: &Tensor) -> bool {
        Arc::ptr_eq(&self.storage, &other.storage)
    }

    /// A typed look at the elements.
    ///
    /// # Panics
    /// If `T` is not the tensor's dtype.
    #[track_caller]
    pub fn view_as<T: Element>(&self) -> View<'_, T> {
        View { data: self.storage.as_slice::<T>(), layout: &self.layout }
    }

    /// The elements in logical order, if they lie so in memory; see [`contiguous`](Tensor::contiguous).
    ///
    /// # Panics
    /// If `T` is not the tensor's dtype.
    #[track_caller]
    pub fn as_slice<T: Element>(&self) -> Option<&[T]> {
        self.view_as::<T>().as_slice()
    }

    /// The elements in memory order, if they fill one stretch of memory in some order of the axes.
    ///
    /// # Panics
    /// If `T` is not the tensor's dtype.
    #[track_caller]
    pub fn as_memory<T: Element>(&self) -> Option<&[T]> {
        self.view_as::<T>().as_memory()
    }

    /// The elements in logical order, copied.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([[1i64, 2], [3, 4]]).transpose(0, 1).to_vec::<i64>(), [1, 3, 2, 4]);
    /// ```
    ///
    /// # Panics
    /// If `T` is not the tensor's dtype.
    #[track_caller]
    pub fn to_vec<T: Element>(&self) -> Vec<T> {
        match self.as_slice::<T>() {
            Some(slice) => slice.to_vec(),
            None => self.view_as::<T>().iter().collect(),
        }
    }

    /// The only element.
    ///
    /// # Panics
    /// If there is not exactly one element, or `T` is not the tensor's dtype.
    #[track_caller]
    pub fn item<T: Element>(&self) -> T {
        let view = self.view_as::<T>();
        if self.len() != 1 {
            crate::fault!("item", [input: self.shape()], "expected 1 element, got {}", self.len());
        }
        view.data[self.layout.offset]
    }

    /// Changes the elements, which are handed over in memory order; copies them first where they are shared or do not
    /// fill one stretch of memory (then in logical order).
    ///
    /// # Panics
    /// If `T` is not the tensor's dtype.
    #[track_caller]
    pub fn make_mut<T: Element>(&mut self) -> &mut [T] {
        self.view_as::<T>();
        if !self.layout.is_dense() {
            *self = self.contiguous();
        }
        let len = self.len();
        if Arc::get_mut(&mut self.storage).is_none() {
            let layout = Layout { offset: 0, ..self.layout.clone() };
            let source = self.as_memory::<T>().unwrap_or_default();
            *self = Tensor::build::<T>(layout, |out| out.copy_from_slice(source));
        }
        let offset = if len == 0 { 0 } else { self.layout.offset };
        let storage = Arc::get_mut(&mut self.storage).expect("a storage just copied is not shared");
        &mut storage.as_mut_slice::<T>()[offset..offset + len]
    }

    /// The same values in row-major order: this tensor itself where it is so already, else a copy.
    pub fn contiguous(&self) -> Tensor {
        if self.is_contiguous() { self.clone() } else { self.copy_into(Layout::contiguous(self.shape())) }
    }

    /// The same values, dense in `format`: this tensor itself where it is so already, else a copy.
    pub fn to_memory_format(&self, format: MemoryFormat) -> Tensor {
        if self.layout.is_in_format(format) {
            self.clone()
        } else {
            self.copy_into(Layout::in_format(self.shape(), format))
        }
    }

    /// A copy in the dense `layout`.
    pub(crate) fn copy_into(&self, layout: Layout) -> Tensor {
        dispatch!(all "contiguous", self.dtype(), T => {
            let window = layout.clone();
            Tensor::build::<T>(layout, |out| copy::copy(self.view_as::<T>(), out, &window))
        })
    }

    /// Writes `source` to the places of this tensor's storage that `window` names; this tensor must not be shared.
    pub(crate) fn write_window(&mut self, window: &Layout, source: &Tensor) {
        debug_assert!(Arc::strong_count(&self.storage) == 1, "a new tensor is not shared");
        dispatch!(all "copy", source.dtype(), T => {
            copy::copy(source.view_as::<T>(), self.make_mut::<T>(), window);
        });
    }

    /// A copy whose storage nobody else looks at.
    pub fn deep_clone(&self) -> Tensor {
        self.copy_into(self.layout.like())
    }

    /// The same values as another dtype: floats are truncated toward zero on the way to integers, `bool` is 0 or 1.
    ///
    /// ```
    /// # use gradus_tensor::{DType, Tensor};
    /// assert_eq!(Tensor::from([1.7f32, -1.7]).to_dtype(DType::I64).to_vec::<i64>(), [1, -1]);
    /// ```
    pub fn to_dtype(&self, dtype: DType) -> Tensor {
        if dtype == self.dtype() {
            return self.clone();
        }
        dispatch!(all "to_dtype", self.dtype(), S => dispatch!(all "to_dtype", dtype, T =>
            crate::ops::elementwise::map(self, |x: S| <T as Element>::cast_from(x))))
    }

    /// Panics unless this tensor's dtype is `dtype`.
    #[track_caller]
    pub(crate) fn expect_dtype(&self, op: &str, name: &str, dtype: DType) {
        if self.dtype() != dtype {
            let got = self.dtype();
            crate::error::fail(
                op,
                format_args!("{name} must be {dtype}, got {got}; convert with to_dtype"),
                &[(name, self.shape())],
            );
        }
    }

    /// Panics unless both tensors have one dtype.
    #[track_caller]
    pub(crate) fn expect_same_dtype(&self, op: &str, other: &Tensor) {
        if self.dtype() != other.dtype() {
            let (a, b) = (self.dtype(), other.dtype());
            crate::fault!(op, [lhs: self.shape(), rhs: other.shape()],
                "dtypes differ, {a} and {b}; convert with to_dtype");
        }
    }
}
