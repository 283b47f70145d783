//! Largest and smallest values over axes, and where they stand: the first of equals, the first NaN if there is one.

use super::elementwise::vectorize;
use super::fold::{Fold, fold, fold_along, fold_vectors};
use crate::kernels::reduce::{LANES, Largest, Smallest, Source};
use crate::{DType, Element, Float, Layout, Number, Tensor, dispatch, kernels, parallel, shape};

/// Neighbouring outputs whose indices one task looks for.
const STRIP: usize = 256;

/// The best element so far and its number; before the first, the number is negative.
#[derive(Clone, Copy)]
struct Best<T> {
    value: T,
    number: i64,
}

/// The larger of two (or the smaller, if not `LARGEST`); of equals the first, and NaN before all.
#[inline(always)]
fn better<T: Number, const LARGEST: bool>(a: Best<T>, b: Best<T>) -> Best<T> {
    if b.number < 0 {
        return a;
    }
    let beats = |b: Best<T>, a: Best<T>| match (b.value.is_not_a_number(), a.value.is_not_a_number()) {
        (false, false) => {
            if LARGEST {
                b.value > a.value
            } else {
                b.value < a.value
            }
        }
        (b, a) => b && !a,
    };
    if a.number < 0 || beats(b, a) || (b.number < a.number && !beats(a, b)) { b } else { a }
}

/// The extreme of a slice, without its number.
fn best_of<T: Float + crate::simd::Real + Source<T>, const LARGEST: bool>(slice: &[T]) -> Best<T> {
    let value = if LARGEST {
        kernels::reduce::total((Largest, Largest), <T as num_traits::Float>::neg_infinity(), slice)
    } else {
        kernels::reduce::total((Smallest, Smallest), <T as num_traits::Float>::infinity(), slice)
    };
    Best { value, number: 0 }
}

/// Where `value`, which is there, stands first.
fn position<T: Float>(slice: &[T], value: T) -> usize {
    let is_it = |x: T| x == value || (value.is_not_a_number() && x.is_not_a_number());
    // A block's comparisons are independent of each other, and so vectorised.
    let mut found = 0;
    vectorize::<T>(|| {
        let blocks = slice.chunks_exact(64);
        let hit = |block: &&[T]| block.iter().fold(false, |hit, &x| hit | is_it(x));
        let first = blocks.clone().take_while(|block| !hit(block)).count() * 64;
        found = first + slice[first..].iter().position(|&x| is_it(x)).unwrap_or(0);
    });
    found
}

impl Tensor {
    /// The largest value over `axes`, NaN where there is one. PyTorch: `torch.amax`.
    ///
    /// # Panics
    /// If a reduced stretch is empty, an axis is out of range or named twice, or the dtype is `bool`.
    #[track_caller]
    pub fn amax(&self, axes: &[isize], keepdim: bool) -> Tensor {
        let list = self.nonempty_axes("amax", axes);
        if self.dtype().is_float() {
            return dispatch!(float "amax", self.dtype(), T =>
                fold_vectors::<T, T, T>(self, (&list, keepdim), T::NEG_INFINITY, (Largest, Largest), |top| top));
        }
        dispatch!(number "amax", self.dtype(), T => fold(self, &list, keepdim, &Fold {
            start: T::from_f64(f64::NEG_INFINITY),
            push: |top: T, x: T, _| x.greatest(top),
            merge: |a: T, b: T| a.greatest(b),
            finish: |top| top,
        }))
    }

    /// The smallest value over `axes`, NaN where there is one. PyTorch: `torch.amin`.
    ///
    /// # Panics
    /// If a reduced stretch is empty, an axis is out of range or named twice, or the dtype is `bool`.
    #[track_caller]
    pub fn amin(&self, axes: &[isize], keepdim: bool) -> Tensor {
        let list = self.nonempty_axes("amin", axes);
        if self.dtype().is_float() {
            return dispatch!(float "amin", self.dtype(), T =>
                fold_vectors::<T, T, T>(self, (&list, keepdim), T::INFINITY, (Smallest, Smallest), |top| top));
        }
        dispatch!(number "amin", self.dtype(), T => fold(self, &list, keepdim, &Fold {
            start: T::from_f64(f64::INFINITY),
            push: |low: T, x: T, _| x.least(low),
            merge: |a: T, b: T| a.least(b),
            finish: |low| low,
        }))
    }

    /// The largest value as `f64`, `None` for an empty tensor; NaN if there is one.
    pub fn max_all(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.to_dtype(DType::F64).amax(&[], false).item::<f64>())
    }

    /// The largest value along `axis` and its index. PyTorch: `torch.max` with `dim`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let (values, indices) = Tensor::from([[1.0, 5.0], [7.0, 7.0]]).max(1, false);
    /// assert_eq!(values.to_vec::<f64>(), [5.0, 7.0]);
    /// assert_eq!(indices.to_vec::<i64>(), [1, 0]);
    /// ```
    ///
    /// # Panics
    /// If the axis is out of range or empty, or the dtype is `bool`.
    #[track_caller]
    pub fn max(&self, axis: isize, keepdim: bool) -> (Tensor, Tensor) {
        let index = self.extreme::<true>("max", axis);
        self.with_index(axis, keepdim, index)
    }

    /// The smallest value along `axis` and its index. PyTorch: `torch.min` with `dim`.
    ///
    /// # Panics
    /// If the axis is out of range or empty, or the dtype is `bool`.
    #[track_caller]
    pub fn min(&self, axis: isize, keepdim: bool) -> (Tensor, Tensor) {
        let index = self.extreme::<false>("min", axis);
        self.with_index(axis, keepdim, index)
    }

    /// The index of the largest value along `axis`. PyTorch: `torch.argmax`.
    ///
    /// # Panics
    /// If the axis is out of range or empty, or the dtype is `bool`.
    #[track_caller]
    pub fn argmax(&self, axis: isize, keepdim: bool) -> Tensor {
        let index = self.extreme::<true>("argmax", axis);
        if keepdim { index } else { index.squeeze(axis) }
    }

    /// The index of the smallest value along `axis`. PyTorch: `torch.argmin`.
    ///
    /// # Panics
    /// If the axis is out of range or empty, or the dtype is `bool`.
    #[track_caller]
    pub fn argmin(&self, axis: isize, keepdim: bool) -> Tensor {
        let index = self.extreme::<false>("argmin", axis);
        if keepdim { index } else { index.squeeze(axis) }
    }

    fn with_index(&self, axis: isize, keepdim: bool, index: Tensor) -> (Tensor, Tensor) {
        let values = self.gather(axis, &index);
        if keepdim { (values, index) } else { (values.squeeze(axis), index.squeeze(axis)) }
    }

    /// The index along `axis`, which stays with size 1, of the largest or smallest element.
    #[track_caller]
    fn extreme<const LARGEST: bool>(&self, op: &str, axis: isize) -> Tensor {
        let list: &[isize] = if self.rank() == 0 { &[] } else { &[axis] };
        shape::axis(op, axis, self.shape());
        let list = self.nonempty_axes(op, list);
        if self.dtype().is_float() {
            if self.side_by_side(&list) {
                return dispatch!(float op, self.dtype(), T => self.extreme_across::<T, LARGEST>(list[0]));
            }
            return dispatch!(float op, self.dtype(), T => {
                let how = Fold {
                    start: Best { value: T::ZERO, number: -1 },
                    push: |best, x: T, number| better::<T, LARGEST>(best, Best { value: x, number: number as i64 }),
                    merge: better::<T, LARGEST>,
                    finish: |best: Best<T>| best.number.max(0),
                };
                fold_along(self, (&list, true), &how, &|lanes: &mut [Best<T>; LANES], slice: &[T], number| {
                    let found = Best { number: number as i64, ..best_of::<T, LARGEST>(slice) };
                    if better::<T, LARGEST>(lanes[0], found).number == found.number {
                        let at = position(slice, found.value);
                        lanes[0] = Best { number: (number + at) as i64, ..found };
                    }
                })
            });
        }
        dispatch!(number op, self.dtype(), T => fold(self, &list, true, &Fold {
            start: Best { value: T::ZERO, number: -1 },
            push: |best, x: T, number| better::<T, LARGEST>(best, Best { value: x, number: number as i64 }),
            merge: better::<T, LARGEST>,
            finish: |best: Best<T>| best.number.max(0),
        }))
    }

    /// Whether many outputs of a reduction over one axis lie side by side.
    fn side_by_side(&self, axes: &[usize]) -> bool {
        let &[axis] = axes else { return false };
        let inner: usize = self.shape()[axis + 1..].iter().product();
        let outer: usize = self.shape()[..axis].iter().product();
        let length = self.shape()[axis];
        self.layout().is_contiguous() && inner >= 16 && inner * outer >= STRIP && length < u32::MAX as usize
    }

    /// [`extreme`](Tensor::extreme) of neighbouring outputs at once: their values first, then the first row of each that
    /// has it.
    fn extreme_across<T: Float, const LARGEST: bool>(&self, axis: usize) -> Tensor {
        let values = if LARGEST { self.amax(&[axis as isize], true) } else { self.amin(&[axis as isize], true) };
        let inner: usize = self.shape()[axis + 1..].iter().product();
        let length = self.shape()[axis];
        let (data, from) = (self.view_as::<T>().data(), self.layout().offset());
        let best = values.view_as::<T>().data();
        Tensor::build::<i64>(Layout::contiguous(values.shape()), |out| {
            parallel::for_each_chunk(out, STRIP, |first, out| {
                let mut at = first;
                while at < first + out.len() {
                    let (group, column) = (at / inner, at % inner);
                    let count = (inner - column).min(first + out.len() - at);
                    let (mut rows, best) = ([u32::MAX; STRIP], &best[at..at + count]);
                    let rows = &mut rows[..count];
                    for row in 0..length {
                        let start = from + (group * length + row) * inner + column;
                        let x = &data[start..start + count];
                        vectorize::<T>(|| mark(rows, x, best, row as u32));
                    }
                    out[at - first..at - first + count]
                        .iter_mut()
                        .zip(&*rows)
                        .for_each(|(y, &row)| *y = i64::from(row));
                    at += count;
                }
            });
        })
    }
}

/// Notes `row` where `x` is `best` for the first time.
#[inline(always)]
fn mark<T: Float>(rows: &mut [u32], x: &[T], best: &[T], row: u32) {
    for ((found, &x), &best) in rows.iter_mut().zip(x).zip(best) {
        let hit = (x == best) | (x.is_not_a_number() & best.is_not_a_number());
        *found = (*found).min(if hit { row } else { u32::MAX });
    }
}
