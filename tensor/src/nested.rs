//! Tensors to and from Rust's own nested arrays and vectors, and `ndarray`'s arrays (feature `ndarray`).

use crate::{Element, Tensor};

/// A number, or an array of such: what [`Tensor::to_array`] can give.
pub trait Nested: Sized {
    /// The numbers inside.
    type Scalar: Element;
    /// Sizes per level of nesting.
    fn sizes() -> Vec<usize>;
    /// An array of the numbers that come next.
    fn collect(numbers: &mut dyn Iterator<Item = Self::Scalar>) -> Self;
}

macro_rules! scalars {
    ($($t:ty)*) => {$(
        impl Nested for $t {
            type Scalar = $t;
            fn sizes() -> Vec<usize> {
                vec![]
            }
            fn collect(numbers: &mut dyn Iterator<Item = $t>) -> $t {
                numbers.next().unwrap_or_default()
            }
        }
    )*};
}
scalars!(f32 f64 i64 u8 bool);

impl<A: Nested, const N: usize> Nested for [A; N] {
    type Scalar = A::Scalar;
    fn sizes() -> Vec<usize> {
        let mut sizes = vec![N];
        sizes.extend(A::sizes());
        sizes
    }
    fn collect(numbers: &mut dyn Iterator<Item = A::Scalar>) -> [A; N] {
        std::array::from_fn(|_| A::collect(numbers))
    }
}

impl Tensor {
    /// The elements as a nested array.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]).transpose(0, 1);
    /// assert_eq!(x.to_array::<[[f64; 2]; 2]>(), [[1.0, 3.0], [2.0, 4.0]]);
    /// ```
    ///
    /// # Panics
    /// If the array has another shape or type.
    #[track_caller]
    pub fn to_array<A: Nested>(&self) -> A {
        let sizes = A::sizes();
        if self.shape() != sizes {
            crate::fault!("to_array", [input: self.shape(), array: &sizes[..]], "shapes differ");
        }
        A::collect(&mut self.view_as::<A::Scalar>().iter())
    }

    /// The rows of a matrix.
    ///
    /// # Panics
    /// If there are not 2 axes, or `T` is not the tensor's dtype.
    #[track_caller]
    pub fn to_vec2<T: Element>(&self) -> Vec<Vec<T>> {
        if self.rank() != 2 {
            crate::fault!("to_vec2", [input: self.shape()], "expected 2 axes, got {}", self.rank());
        }
        let values = self.to_vec::<T>();
        (0..self.size(0)).map(|row| values[row * self.size(1)..(row + 1) * self.size(1)].to_vec()).collect()
    }
}

impl<T: Element> From<Vec<T>> for Tensor {
    fn from(values: Vec<T>) -> Tensor {
        Tensor::from_slice(&values, [values.len()])
    }
}

impl<T: Element> From<&[T]> for Tensor {
    fn from(values: &[T]) -> Tensor {
        Tensor::from_slice(values, [values.len()])
    }
}

impl<T: Element> From<Vec<Vec<T>>> for Tensor {
    /// # Panics
    /// If the rows differ in length.
    #[track_caller]
    fn from(rows: Vec<Vec<T>>) -> Tensor {
        let columns = rows.first().map_or(0, Vec::len);
        if let Some(odd) = rows.iter().find(|row| row.len() != columns) {
            crate::fault!("from", [], "rows differ in length, {columns} and {}", odd.len());
        }
        Tensor::from_slice(&rows.concat(), [rows.len(), columns])
    }
}

#[cfg(feature = "ndarray")]
impl<T: Element, S: ndarray::Data<Elem = T>, D: ndarray::Dimension> From<&ndarray::ArrayBase<S, D>> for Tensor {
    fn from(array: &ndarray::ArrayBase<S, D>) -> Tensor {
        match array.as_slice() {
            Some(slice) => Tensor::from_slice(slice, array.shape()),
            None => Tensor::from_vec(array.iter().copied().collect(), array.shape()),
        }
    }
}

#[cfg(feature = "ndarray")]
impl Tensor {
    /// The elements as an array of `ndarray`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let x = Tensor::from(&ndarray::array![[1i64, 2], [3, 4]].t());
    /// assert_eq!(x.to_ndarray::<i64>(), ndarray::array![[1, 3], [2, 4]].into_dyn());
    /// ```
    ///
    /// # Panics
    /// If `T` is not the tensor's dtype.
    #[track_caller]
    pub fn to_ndarray<T: Element>(&self) -> ndarray::ArrayD<T> {
        ndarray::ArrayD::from_shape_vec(self.shape(), self.to_vec::<T>())
            .expect("a tensor has as many elements as places")
    }
}
