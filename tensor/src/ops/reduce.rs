//! Sums, means, extremes and their positions over any axes.
//!
//! Work is cut by size alone and partial results combine in a fixed order, so a sum has the same bits on any number
//! of threads.

use smallvec::SmallVec;

use crate::layout::Nest;
use crate::shape::{self, Dims};
use crate::{DType, Element, Layout, Number, Tensor, dispatch, parallel};

/// Elements that one task reduces.
const BLOCK: usize = 16 * 1024;

/// The kept and the reduced part of a layout, and the shape of the result.
struct Split {
    kept: Layout,
    reduced: Layout,
    shape: Dims,
}

fn split(layout: &Layout, axes: &[usize], keepdim: bool) -> Split {
    let pick = |chosen: bool| {
        let list: SmallVec<[usize; 6]> = (0..layout.shape.len()).filter(|axis| axes.contains(axis) == chosen).collect();
        Layout {
            shape: list.iter().map(|&axis| layout.shape[axis]).collect(),
            strides: list.iter().map(|&axis| layout.strides[axis]).collect(),
            offset: 0,
        }
    };
    let shape = (0..layout.shape.len())
        .filter_map(|axis| match (axes.contains(&axis), keepdim) {
            (true, true) => Some(1),
            (true, false) => None,
            (false, _) => Some(layout.shape[axis]),
        })
        .collect();
    Split { kept: pick(false), reduced: pick(true), shape }
}

/// Folds `x` over `axes` with an associative `f` that starts from `start`.
fn fold<T: Element>(
    x: &Tensor,
    axes: &[usize],
    keepdim: bool,
    start: T,
    f: impl Fn(T, T) -> T + Sync + Send + Copy,
) -> Tensor {
    let data = x.view_as::<T>().data();
    let offset = x.layout().offset as isize;
    let Split { kept, reduced, shape } = split(x.layout(), axes, keepdim);
    let (outputs, depth) = (kept.len(), reduced.len());
    let across = Nest::new(&Layout::contiguous(&kept.shape), [&kept]);
    let along = Nest::new(&reduced, [&reduced]);
    let inner = along.inner()[0];
    let row = |base: isize, range: std::ops::Range<usize>| {
        let mut total = start;
        along.runs(range, |_, length, [at]| {
            let at = base + at;
            if inner == 1 {
                let at = at as usize;
                total = f(total, fold_slice(&data[at..at + length], start, f));
            } else {
                for i in 0..length as isize {
                    total = f(total, data[(at + i * inner) as usize]);
                }
            }
        });
        total
    };
    let blocks = depth.div_ceil(BLOCK).max(1);
    if outputs * 4 <= blocks {
        // Few long rows: cut each row into blocks, then combine the blocks in order.
        let mut partial = vec![start; outputs * blocks];
        parallel::for_each_chunk(&mut partial, 1, |index, slot| {
            let (output, block) = (index / blocks, index % blocks);
            across.runs(output..output + 1, |_, _, [at]| {
                slot[0] = row(offset + at, block * BLOCK..((block + 1) * BLOCK).min(depth));
            });
        });
        return Tensor::build::<T>(Layout::contiguous(&shape), |out| {
            for (y, parts) in out.iter_mut().zip(partial.chunks(blocks)) {
                *y = parts.iter().fold(start, |a, &b| f(a, b));
            }
        });
    }
    let step = across.inner()[0];
    let chunk = (BLOCK / depth.max(1)).clamp(1, BLOCK).next_multiple_of(16);
    Tensor::build::<T>(Layout::contiguous(&shape), |out| {
        parallel::for_each_chunk(out, chunk, |first, out| {
            across.runs(first..first + out.len(), |at, length, [base]| {
                let out = &mut out[at - first..at - first + length];
                let base = offset + base;
                if step == 1 && inner != 1 {
                    // Neighbouring outputs lie side by side: add whole rows.
                    out.fill(start);
                    along.runs(0..depth, |_, count, [row]| {
                        for k in 0..count as isize {
                            let from = (base + row + k * inner) as usize;
                            for (y, &x) in out.iter_mut().zip(&data[from..from + length]) {
                                *y = f(*y, x);
                            }
                        }
                    });
                } else {
                    for (i, y) in out.iter_mut().enumerate() {
                        *y = row(base + i as isize * step, 0..depth);
                    }
                }
            });
        });
    })
}

/// Folds a slice with 16 running values, so that the compiler can keep them in vectors.
fn fold_slice<T: Element>(slice: &[T], start: T, f: impl Fn(T, T) -> T + Copy) -> T {
    let mut lanes = [start; 16];
    let chunks = slice.chunks_exact(16);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = f(*lane, x);
        }
    }
    for (lane, &x) in lanes.iter_mut().zip(rest) {
        *lane = f(*lane, x);
    }
    lanes.iter().fold(start, |a, &b| f(a, b))
}

impl Tensor {
    /// The sum over `axes`; `bool` and `u8` count as `i64`. PyTorch: `torch.sum`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.sum(&[0], false).to_vec::<f64>(), [4.0, 6.0]);
    /// assert_eq!(x.sum(&[], false).item::<f64>(), 10.0);
    /// ```
    ///
    /// # Panics
    /// If an axis is out of range or named twice.
    #[track_caller]
    pub fn sum(&self, axes: &[isize], keepdim: bool) -> Tensor {
        let axes = shape::axes("sum", axes, self.shape());
        match self.dtype() {
            DType::Bool | DType::U8 => fold(&self.to_dtype(DType::I64), &axes, keepdim, 0i64, i64::wrapping_add),
            dtype => dispatch!(number "sum", dtype, T => {
                fold(self, &axes, keepdim, <T as Element>::ZERO, |a: T, b: T| a.plus(b))
            }),
        }
    }

    /// Sums over the axes that broadcasting `shape` to this tensor's shape stretches: the adjoint of `expand`.
    ///
    /// # Panics
    /// If `shape` does not broadcast to this tensor's.
    #[track_caller]
    pub fn sum_to(&self, shape: &[usize]) -> Tensor {
        if shape == self.shape() {
            return self.clone();
        }
        if shape::broadcast(shape, self.shape()).as_deref() != Ok(self.shape()) {
            crate::fault!("sum_to", [input: self.shape()], "{shape:?} does not broadcast to the input");
        }
        let lead = self.rank() - shape.len();
        let axes: Vec<isize> = (0..self.rank())
            .filter(|&axis| axis < lead || (shape[axis - lead] == 1 && self.shape()[axis] != 1))
            .map(|axis| axis as isize)
            .collect();
        let summed = if axes.is_empty() { self.clone() } else { self.sum(&axes, true) };
        summed.reshape(shape)
    }

    /// The mean over `axes`; NaN for an empty stretch. PyTorch: `torch.mean`.
    ///
    /// # Panics
    /// If the dtype is not a float, or an axis is out of range or named twice.
    #[track_caller]
    pub fn mean(&self, axes: &[isize], keepdim: bool) -> Tensor {
        if !self.dtype().is_float() {
            crate::error::unsupported("mean", self.dtype(), "a float");
        }
        let list = shape::axes("mean", axes, self.shape());
        let count: usize = list.iter().map(|&axis| self.shape()[axis]).product();
        let sum = self.sum(axes, keepdim);
        dispatch!(float "mean", self.dtype(), T => {
            let count = T::from_f64(count as f64);
            sum.map(|x: T| x / count)
        })
    }

    /// The largest value over `axes`, NaN where there is one. PyTorch: `torch.amax`.
    ///
    /// # Panics
    /// If a reduced stretch is empty, or an axis is out of range or named twice.
    #[track_caller]
    pub fn amax(&self, axes: &[isize], keepdim: bool) -> Tensor {
        let list = self.nonempty_axes("amax", axes);
        dispatch!(number "amax", self.dtype(), T => fold_first(self, &list, keepdim, |a: T, b: T| a.greatest(b)))
    }

    /// The smallest value over `axes`, NaN where there is one. PyTorch: `torch.amin`.
    ///
    /// # Panics
    /// If a reduced stretch is empty, or an axis is out of range or named twice.
    #[track_caller]
    pub fn amin(&self, axes: &[isize], keepdim: bool) -> Tensor {
        let list = self.nonempty_axes("amin", axes);
        dispatch!(number "amin", self.dtype(), T => fold_first(self, &list, keepdim, |a: T, b: T| a.least(b)))
    }

    /// The largest value as `f64`, `None` for an empty tensor; NaN if there is one.
    pub fn max_all(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.to_dtype(DType::F64).amax(&[], false).item::<f64>())
    }

    /// The index of the largest value along `axis`; the first of equals, the first NaN if there is one.
    /// PyTorch: `torch.argmax`.
    ///
    /// # Panics
    /// If the axis is out of range or empty.
    #[track_caller]
    pub fn argmax(&self, axis: isize, keepdim: bool) -> Tensor {
        let index = shape::axis("argmax", axis, self.shape());
        dispatch!(number "argmax", self.dtype(), T => self.position(
            "argmax", index, keepdim, |best: T, x: T| x > best || (x.is_not_a_number() && !best.is_not_a_number())))
    }

    /// The index of the smallest value along `axis`; the first of equals, the first NaN if there is one.
    /// PyTorch: `torch.argmin`.
    ///
    /// # Panics
    /// If the axis is out of range or empty.
    #[track_caller]
    pub fn argmin(&self, axis: isize, keepdim: bool) -> Tensor {
        let index = shape::axis("argmin", axis, self.shape());
        dispatch!(number "argmin", self.dtype(), T => self.position(
            "argmin", index, keepdim, |best: T, x: T| x < best || (x.is_not_a_number() && !best.is_not_a_number())))
    }

    #[track_caller]
    fn position<T: Element>(
        &self,
        op: &str,
        axis: usize,
        keepdim: bool,
        better: impl Fn(T, T) -> bool + Sync + Send,
    ) -> Tensor {
        if self.rank() == 0 {
            return Tensor::scalar(0i64);
        }
        let length = self.shape()[axis];
        if length == 0 && !self.shape().iter().enumerate().any(|(i, &s)| i != axis && s == 0) {
            crate::fault!(op, [input: self.shape()], "axis {axis} is empty");
        }
        let Split { kept, shape, .. } = split(self.layout(), &[axis], keepdim);
        let across = Nest::new(&Layout::contiguous(&kept.shape), [&kept]);
        let step = across.inner()[0];
        let (along, offset) = (self.strides()[axis], self.layout().offset as isize);
        let data = self.view_as::<T>().data();
        Tensor::build::<i64>(Layout::contiguous(&shape), |out| {
            parallel::for_each_chunk(out, (BLOCK / length.max(1)).max(1), |first, out| {
                across.runs(first..first + out.len(), |at, count, [base]| {
                    for i in 0..count {
                        let start = offset + base + i as isize * step;
                        let mut best = 0;
                        for k in 1..length as isize {
                            if better(data[(start + best * along) as usize], data[(start + k * along) as usize]) {
                                best = k;
                            }
                        }
                        out[at - first + i] = best as i64;
                    }
                });
            });
        })
    }

    #[track_caller]
    fn nonempty_axes(&self, op: &str, axes: &[isize]) -> SmallVec<[usize; 6]> {
        let list = shape::axes(op, axes, self.shape());
        if let Some(&axis) = list.iter().find(|&&axis| self.shape()[axis] == 0) {
            crate::fault!(op, [input: self.shape()], "axis {axis} is empty");
        }
        list
    }
}

/// [`fold`] without a neutral element: starts from the first value of all, which an idempotent `f` absorbs.
fn fold_first<T: Element>(
    x: &Tensor,
    axes: &[usize],
    keepdim: bool,
    f: impl Fn(T, T) -> T + Sync + Send + Copy,
) -> Tensor {
    let mut first = x.layout().clone();
    for &axis in axes {
        first.shape[axis] = 1;
    }
    let start = x.with_layout(first);
    // Any element of the row may start it; folding pairs (value, seen) would cost a second array.
    let Split { shape, .. } = split(x.layout(), axes, keepdim);
    let outputs = shape::len(&shape);
    if outputs == 0 {
        return Tensor::build::<T>(Layout::contiguous(&shape), |_| {});
    }
    if outputs == 1 {
        let start = start.view_as::<T>().iter().next().unwrap_or_default();
        return fold(x, axes, keepdim, start, f);
    }
    let depth: usize = axes.iter().map(|&axis| x.shape()[axis]).product();
    let Split { kept, reduced, .. } = split(x.layout(), axes, keepdim);
    let across = Nest::new(&Layout::contiguous(&kept.shape), [&kept]);
    let along = Nest::new(&reduced, [&reduced]);
    let (step, inner) = (across.inner()[0], along.inner()[0]);
    let (data, offset) = (x.view_as::<T>().data(), x.layout().offset as isize);
    Tensor::build::<T>(Layout::contiguous(&shape), |out| {
        parallel::for_each_chunk(out, (BLOCK / depth.max(1)).max(16), |first, out| {
            across.runs(first..first + out.len(), |at, length, [base]| {
                for i in 0..length {
                    let base = offset + base + i as isize * step;
                    let mut best = data[base as usize];
                    along.runs(0..depth, |_, count, [row]| {
                        for k in 0..count as isize {
                            best = f(best, data[(base + row + k * inner) as usize]);
                        }
                    });
                    out[at - first + i] = best;
                }
            });
        });
    })
}
