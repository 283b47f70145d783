//! Reading and adding at positions that an `i64` tensor names.

use crate::layout::Nest;
use crate::shape::{self, Dims};
use crate::{DType, Element, Layout, Number, Tensor, dispatch, parallel};

/// Where a scatter writes.
struct Places<'a> {
    op: &'a str,
    axis: isize,
    index: &'a Tensor,
}

#[track_caller]
fn check_index(op: &str, index: &Tensor, size: usize) {
    let view = index.view_as::<i64>();
    let out = |&i: &i64| i < 0 || i as usize >= size;
    let bad = match view.as_memory() {
        Some(memory) => memory.iter().copied().find(out),
        None => view.iter().find(out),
    };
    if let Some(i) = bad {
        crate::fault!(op, [index: index.shape()], "index {i} is out of range for an axis of size {size}");
    }
}

impl Tensor {
    #[track_caller]
    fn check_gather(&self, op: &str, axis: isize, index: &Tensor, full: &[usize]) -> usize {
        index.expect_dtype(op, "index", DType::I64);
        let at = shape::axis(op, axis, full);
        let fits =
            index.rank() == full.len() && (0..full.len()).all(|axis| axis == at || index.shape()[axis] <= full[axis]);
        if !fits {
            crate::fault!(op, [input: full, index: index.shape()], "the index must not exceed the input but along axis {at}");
        }
        check_index(op, index, full.get(at).copied().unwrap_or(1));
        at
    }

    /// `y[.., i, ..] = x[.., index[.., i, ..], ..]` along `axis`. PyTorch: `torch.gather`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.gather(1, &Tensor::from([[1i64], [0]])).to_vec::<f64>(), [2.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// If the index is not `i64`, exceeds the input along another axis, or holds a number out of range.
    #[track_caller]
    pub fn gather(&self, axis: isize, index: &Tensor) -> Tensor {
        let at = self.check_gather("gather", axis, index, self.shape());
        self.gather_along(at, index, index.layout().like())
    }

    /// [`gather`](Tensor::gather) without checks, into a dense layout of the index's shape.
    fn gather_along(&self, at: usize, index: &Tensor, layout: Layout) -> Tensor {
        // The source position without the gathered axis, plus index times that axis's stride.
        let stride = self.strides().get(at).copied().unwrap_or(0);
        let mut base = Layout { shape: index.layout().shape.clone(), ..self.layout().clone() };
        if let Some(step) = base.strides.get_mut(at) {
            *step = 0;
        }
        let nest = Nest::new(&layout, [index.layout(), &base]);
        let [step_i, step_x] = nest.inner();
        let which = index.view_as::<i64>().data();
        dispatch!(all "gather", self.dtype(), T => {
            let data = self.view_as::<T>().data();
            Tensor::build::<T>(layout, |out| {
                parallel::for_each_chunk(out, 16 * 1024, |start, chunk| {
                    nest.runs(start..start + chunk.len(), |first, length, [pi, px]| {
                        if [step_i, step_x] == [0, 1] {
                            let from = (px + which[pi as usize] as isize * stride) as usize;
                            chunk[first - start..first - start + length].copy_from_slice(&data[from..from + length]);
                            return;
                        }
                        for (k, y) in chunk[first - start..first - start + length].iter_mut().enumerate() {
                            let k = k as isize;
                            let i = which[(pi + k * step_i) as usize] as isize;
                            *y = data[(px + k * step_x + i * stride) as usize];
                        }
                    });
                });
            })
        })
    }

    /// Zeros of `shape`, into which every element is added at its index along `axis`: the adjoint of
    /// [`gather`](Tensor::gather).
    ///
    /// # Panics
    /// As `gather` on an input of `shape`; and if this tensor's shape is not the index's, or the dtype is `bool`.
    #[track_caller]
    pub fn gather_adjoint(&self, axis: isize, index: &Tensor, shape: &[usize]) -> Tensor {
        Tensor::zeros(shape, self.dtype()).scatter_add(axis, index, self)
    }

    /// A copy of this tensor with `source` added: `y[.., index[.., i, ..], ..] += source[.., i, ..]`, in logical
    /// order. PyTorch: `torch.scatter_add`.
    ///
    /// # Panics
    /// If the index is not `i64`, exceeds this tensor along another axis or holds a number out of range; if `source`
    /// is smaller than the index; if dtypes differ or are `bool`.
    #[track_caller]
    pub fn scatter_add(&self, axis: isize, index: &Tensor, source: &Tensor) -> Tensor {
        dispatch!(number "scatter_add", self.dtype(), T =>
            self.scatter_with(Places { op: "scatter_add", axis, index }, source, |old: &mut T, new: T| *old = old.plus(new)))
    }

    /// A copy of this tensor with `source` written: `y[.., index[.., i, ..], ..] = source[.., i, ..]`; of several
    /// writes to one place the last in logical order stays. PyTorch: `torch.scatter`.
    ///
    /// # Panics
    /// As [`scatter_add`](Tensor::scatter_add), but any dtype will do.
    #[track_caller]
    pub fn scatter(&self, axis: isize, index: &Tensor, source: &Tensor) -> Tensor {
        dispatch!(all "scatter", self.dtype(), T =>
            self.scatter_with(Places { op: "scatter", axis, index }, source, |old: &mut T, new: T| *old = new))
    }

    #[track_caller]
    fn scatter_with<T: Element>(
        &self,
        places: Places<'_>,
        source: &Tensor,
        write: impl Fn(&mut T, T) + Sync,
    ) -> Tensor {
        let Places { op, axis, index } = places;
        self.expect_same_dtype(op, source);
        let at = self.check_gather(op, axis, index, self.shape());
        let covered =
            source.rank() == index.rank() && source.shape().iter().zip(index.shape()).all(|(have, need)| have >= need);
        if !covered {
            crate::fault!(op, [index: index.shape(), source: source.shape()], "the source is smaller than the index");
        }
        let mut result = self.contiguous();
        let mut base = Layout { shape: index.layout().shape.clone(), ..Layout::contiguous(self.shape()) };
        let stride = base.strides.get(at).copied().unwrap_or(0);
        if let Some(step) = base.strides.get_mut(at) {
            *step = 0;
        }
        let part = Layout { shape: index.layout().shape.clone(), ..source.layout().clone() };
        let nest = Nest::new(&Layout::contiguous(index.shape()), [index.layout(), &base, &part]);
        let [step_i, step_y, step_s] = nest.inner();
        let (which, data) = (index.view_as::<i64>().data(), source.view_as::<T>().data());
        if index.is_empty() {
            return result;
        }
        // Indices along `at` never leave their place along the axes before it, so those split among threads; within one
        // such place several sources may meet, and are added in order.
        let same = index.shape()[..at] == self.shape()[..at];
        let outer: usize = if same { self.shape()[..at].iter().product() } else { 1 };
        let (inside, reads) = (self.len() / outer, index.len() / outer);
        let group = (16 * 1024 / reads).clamp(1, outer);
        parallel::for_each_chunk(result.make_mut::<T>(), inside * group, |first, out| {
            let begin = first / inside * reads;
            nest.runs(begin..begin + out.len() / inside * reads, |_, length, [pi, py, ps]| {
                let py = py - first as isize;
                for k in 0..length as isize {
                    let i = which[(pi + k * step_i) as usize] as isize;
                    write(&mut out[(py + k * step_y + i * stride) as usize], data[(ps + k * step_s) as usize]);
                }
            });
        });
        result
    }

    /// The parts at `index` (1-dimensional) of `axis`, one after the other. PyTorch: `torch.index_select`.
    ///
    /// # Panics
    /// If the index is not 1-dimensional `i64` or holds a number out of range.
    #[track_caller]
    pub fn index_select(&self, axis: isize, index: &Tensor) -> Tensor {
        let (at, wide) = self.spread_index("index_select", axis, index);
        let layout = if self.layout().is_expanded() {
            Layout::contiguous(wide.shape())
        } else {
            Layout::ordered(wide.shape(), &self.layout().order())
        };
        self.gather_along(at, &wide, layout)
    }

    /// A copy of this tensor with the parts of `source` added at `index` of `axis`. PyTorch: `torch.index_add`.
    ///
    /// # Panics
    /// If the index is not 1-dimensional `i64` or holds a number out of range, or shapes or dtypes do not fit.
    #[track_caller]
    pub fn index_add(&self, axis: isize, index: &Tensor, source: &Tensor) -> Tensor {
        let (_, wide) = self.spread_index("index_add", axis, index);
        if source.shape() != wide.shape() {
            crate::fault!("index_add", [source: source.shape(), expected: wide.shape()], "the source does not fit the index");
        }
        self.scatter_add(axis, &wide, source)
    }

    /// A copy of this tensor with the parts at `index` of `axis` replaced by those of `source`; of several for one
    /// place the last stays. PyTorch: `torch.index_copy`.
    ///
    /// # Panics
    /// If the index is not 1-dimensional `i64` or holds a number out of range, or shapes or dtypes do not fit.
    #[track_caller]
    pub fn index_copy(&self, axis: isize, index: &Tensor, source: &Tensor) -> Tensor {
        let (_, wide) = self.spread_index("index_copy", axis, index);
        if source.shape() != wide.shape() {
            crate::fault!("index_copy", [source: source.shape(), expected: wide.shape()], "the source does not fit the index");
        }
        self.scatter(axis, &wide, source)
    }

    /// A copy of this tensor with `value` in the parts at `index` of `axis`. PyTorch: `torch.index_fill`.
    ///
    /// # Panics
    /// If the index is not 1-dimensional `i64` or holds a number out of range.
    #[track_caller]
    pub fn index_fill(&self, axis: isize, index: &Tensor, value: f64) -> Tensor {
        let (_, wide) = self.spread_index("index_fill", axis, index);
        self.scatter_value(axis, &wide, value)
    }

    /// A copy of this tensor with `value` at `index` along `axis`: [`scatter`](Tensor::scatter) of a number.
    ///
    /// # Panics
    /// If the index is not `i64`, exceeds this tensor along another axis or holds a number out of range.
    #[track_caller]
    pub fn scatter_value(&self, axis: isize, index: &Tensor, value: f64) -> Tensor {
        self.scatter(axis, index, &Tensor::full([], value, self.dtype()).expand(index.shape()))
    }

    /// The axis, and a checked 1-dimensional index for it, expanded to all others.
    #[track_caller]
    fn spread_index(&self, op: &str, axis: isize, index: &Tensor) -> (usize, Tensor) {
        index.expect_dtype(op, "index", DType::I64);
        let full = self.shape();
        let at = shape::axis(op, axis, full);
        if index.rank() != 1 || full.is_empty() {
            crate::fault!(op, [input: full, index: index.shape()], "the index must have 1 axis and the input at least 1");
        }
        check_index(op, index, full[at]);
        let mut thin: Dims = full.iter().map(|_| 1).collect();
        thin[at] = index.len();
        let mut wide = Dims::from_slice(full);
        wide[at] = index.len();
        (at, index.reshape(thin).expand(wide))
    }

    /// 1 at the class that each `i64` element names, 0 elsewhere, along a new last axis; `i64`.
    /// PyTorch: `torch.nn.functional.one_hot`.
    ///
    /// # Panics
    /// If this is not `i64` or a class is negative or not below `classes`.
    #[track_caller]
    pub fn one_hot(&self, classes: usize) -> Tensor {
        self.expect_dtype("one_hot", "input", DType::I64);
        check_index("one_hot", self, classes);
        let mut full = Dims::from_slice(self.shape());
        full.push(classes);
        let labels = self.contiguous();
        Tensor::build::<i64>(Layout::contiguous(&full), |out| {
            out.fill(0);
            for (row, &label) in labels.as_slice::<i64>().unwrap_or_default().iter().enumerate() {
                out[row * classes + label as usize] = 1;
            }
        })
    }
}
