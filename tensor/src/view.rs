//! What a kernel reads: a typed, borrowed look at a tensor's elements.

use crate::{Element, Layout};

/// A typed look at a tensor: the whole storage and the layout inside it.
#[derive(Clone, Copy, Debug)]
pub struct View<'a, T> {
    pub(crate) data: &'a [T],
    pub(crate) layout: &'a Layout,
}

impl<'a, T: Element> View<'a, T> {
    /// The whole storage; positions from [`Layout::position`] index it.
    pub fn data(&self) -> &'a [T] {
        self.data
    }

    /// Where the elements lie.
    pub fn layout(&self) -> &'a Layout {
        self.layout
    }

    /// Sizes per axis.
    pub fn shape(&self) -> &'a [usize] {
        self.layout.shape()
    }

    /// The element at `index`.
    #[inline]
    pub fn at(&self, index: &[usize]) -> T {
        self.data[self.layout.position(index)]
    }

    /// The elements in logical order, if they lie so in memory.
    pub fn as_slice(&self) -> Option<&'a [T]> {
        self.layout.is_contiguous().then(|| self.stretch())
    }

    /// The elements in memory order, if they fill one stretch of memory.
    pub fn as_memory(&self) -> Option<&'a [T]> {
        self.layout.is_dense().then(|| self.stretch())
    }

    fn stretch(&self) -> &'a [T] {
        let len = self.layout.len();
        if len == 0 { &[] } else { &self.data[self.layout.offset..self.layout.offset + len] }
    }

    /// The elements in logical order.
    pub fn iter(&self) -> impl Iterator<Item = T> + use<'a, T> {
        let (data, layout) = (self.data, self.layout);
        let shape = &layout.shape;
        let mut index = smallvec::SmallVec::<[usize; 6]>::from_elem(0, shape.len());
        let mut position = layout.offset as isize;
        (0..layout.len()).map(move |_| {
            let value = data[position as usize];
            for axis in (0..shape.len()).rev() {
                index[axis] += 1;
                position += layout.strides[axis];
                if index[axis] < shape[axis] {
                    break;
                }
                position -= layout.strides[axis] * shape[axis] as isize;
                index[axis] = 0;
            }
            value
        })
    }
}
