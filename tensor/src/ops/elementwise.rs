//! The loops under every elementwise op: one, two or three strided operands, broadcast, in parallel.
//!
//! A result keeps the memory order of its first operand that has one, so that a channels-last network stays
//! channels-last. What is computed per element stands in the files by topic: `arithmetic`, `exponential`,
//! `trigonometric`, `special`, `rounding`, `activation`, `compare`.

use crate::kernels::elementwise::Function;
use crate::layout::Nest;
use crate::{Element, Layout, Tensor, kernels, parallel, shape, simd};

/// Elements per task: large enough to pay for a split, small enough to stay in the second-level cache.
pub(crate) const CHUNK: usize = 32 * 1024;

/// The layout of a result of operands that were expanded to one shape: the memory order of the first one that has one.
pub(crate) fn common_layout(operands: &[&Layout]) -> Layout {
    match operands.iter().find(|operand| !operand.is_expanded()) {
        Some(operand) => operand.like(),
        None => Layout::contiguous(operands[0].shape()),
    }
}

/// `f` of every element of `x`, written in `layout`'s order.
pub(crate) fn map_into<T: Element, U: Element>(layout: Layout, x: &Tensor, f: impl Fn(T) -> U + Sync + Send) -> Tensor {
    let data = x.view_as::<T>().data();
    let nest = Nest::new(&layout, [x.layout()]);
    let [step] = nest.inner();
    Tensor::build::<U>(layout, |out| {
        parallel::for_each_chunk(out, CHUNK, |start, chunk| {
            nest.runs(start..start + chunk.len(), |first, length, [at]| {
                let out = &mut chunk[first - start..first - start + length];
                match step {
                    1 => {
                        let at = at as usize;
                        let source = &data[at..at + length];
                        simd::vectorize(|| out.iter_mut().zip(source).for_each(|(y, &x)| *y = f(x)));
                    }
                    0 => out.fill(f(data[at as usize])),
                    _ => {
                        for (i, y) in out.iter_mut().enumerate() {
                            *y = f(data[(at + i as isize * step) as usize]);
                        }
                    }
                }
            });
        });
    })
}

/// `f` of every element, in the memory order of `x`.
pub(crate) fn map<T: Element, U: Element>(x: &Tensor, f: impl Fn(T) -> U + Sync + Send) -> Tensor {
    map_into(x.layout().like(), x, f)
}

/// A vector function of every element of an `f32` tensor, in the memory order of `x`.
pub(crate) fn map_vectors(x: &Tensor, f: impl Function) -> Tensor {
    let layout = x.layout().like();
    let data = x.view_as::<f32>().data();
    let nest = Nest::new(&layout, [x.layout()]);
    let [step] = nest.inner();
    Tensor::build::<f32>(layout, |out| {
        parallel::for_each_chunk(out, CHUNK, |start, chunk| {
            nest.runs(start..start + chunk.len(), |first, length, [at]| {
                let out = &mut chunk[first - start..first - start + length];
                if step == 1 {
                    let at = at as usize;
                    kernels::elementwise::map(f, &data[at..at + length], out);
                    return;
                }
                let mut gathered = [0.0; 256];
                for (block, out) in out.chunks_mut(gathered.len()).enumerate() {
                    let at = at + (block * 256) as isize * step;
                    let gathered = &mut gathered[..out.len()];
                    for (i, x) in gathered.iter_mut().enumerate() {
                        *x = data[(at + i as isize * step) as usize];
                    }
                    kernels::elementwise::map(f, gathered, out);
                }
            });
        });
    })
}

/// `f` of every pair of elements of two tensors, broadcast.
#[track_caller]
pub(crate) fn zip<T: Element, U: Element, V: Element>(
    op: &str,
    a: &Tensor,
    b: &Tensor,
    f: impl Fn(T, U) -> V + Sync + Send,
) -> Tensor {
    let target = shape::broadcast_for(op, a.shape(), b.shape());
    let (la, lb) = (a.layout().expand(&target), b.layout().expand(&target));
    let layout = common_layout(&[&la, &lb]);
    let nest = Nest::new(&layout, [&la, &lb]);
    let (xs, ys) = (a.view_as::<T>().data(), b.view_as::<U>().data());
    let [sx, sy] = nest.inner();
    Tensor::build::<V>(layout, |out| {
        parallel::for_each_chunk(out, CHUNK, |start, chunk| {
            nest.runs(start..start + chunk.len(), |first, length, [px, py]| {
                let out = &mut chunk[first - start..first - start + length];
                let (px0, py0) = (px as usize, py as usize);
                match (sx, sy) {
                    (1, 1) => {
                        let pairs = xs[px0..px0 + length].iter().zip(&ys[py0..py0 + length]);
                        simd::vectorize(|| out.iter_mut().zip(pairs).for_each(|(z, (&x, &y))| *z = f(x, y)));
                    }
                    (1, 0) => {
                        let y = ys[py0];
                        let xs = &xs[px0..px0 + length];
                        simd::vectorize(|| out.iter_mut().zip(xs).for_each(|(z, &x)| *z = f(x, y)));
                    }
                    (0, 1) => {
                        let x = xs[px0];
                        let ys = &ys[py0..py0 + length];
                        simd::vectorize(|| out.iter_mut().zip(ys).for_each(|(z, &y)| *z = f(x, y)));
                    }
                    _ => {
                        for (i, z) in out.iter_mut().enumerate() {
                            let i = i as isize;
                            *z = f(xs[(px + i * sx) as usize], ys[(py + i * sy) as usize]);
                        }
                    }
                }
            });
        });
    })
}

/// `f` of every triple of elements of three tensors, broadcast.
#[track_caller]
pub(crate) fn zip3<T: Element, U: Element, V: Element, W: Element>(
    op: &str,
    [a, b, c]: [&Tensor; 3],
    f: impl Fn(T, U, V) -> W + Sync + Send,
) -> Tensor {
    let pair = shape::broadcast_for(op, a.shape(), b.shape());
    let target = shape::broadcast_for(op, &pair, c.shape());
    let [la, lb, lc] = [a, b, c].map(|operand| operand.layout().expand(&target));
    let layout = common_layout(&[&la, &lb, &lc]);
    let nest = Nest::new(&layout, [&la, &lb, &lc]);
    let (xs, ys, zs) = (a.view_as::<T>().data(), b.view_as::<U>().data(), c.view_as::<V>().data());
    let [sx, sy, sz] = nest.inner();
    Tensor::build::<W>(layout, |out| {
        parallel::for_each_chunk(out, CHUNK, |start, chunk| {
            nest.runs(start..start + chunk.len(), |first, length, [px, py, pz]| {
                let out = &mut chunk[first - start..first - start + length];
                if [sx, sy, sz] == [1, 1, 1] {
                    let [px, py, pz] = [px, py, pz].map(|position| position as usize);
                    let triples = xs[px..px + length].iter().zip(&ys[py..py + length]).zip(&zs[pz..pz + length]);
                    simd::vectorize(|| out.iter_mut().zip(triples).for_each(|(w, ((&x, &y), &z))| *w = f(x, y, z)));
                } else {
                    for (i, w) in out.iter_mut().enumerate() {
                        let i = i as isize;
                        let (x, y) = (xs[(px + i * sx) as usize], ys[(py + i * sy) as usize]);
                        *w = f(x, y, zs[(pz + i * sz) as usize]);
                    }
                }
            });
        });
    })
}

/// Changes every element `y` of `target` to `f(y, x)`, with `x` from `source`, broadcast: in place where nobody shares
/// the target.
#[track_caller]
pub(crate) fn update<T: Element>(op: &str, target: &mut Tensor, source: &Tensor, f: impl Fn(T, T) -> T + Sync + Send) {
    target.expect_same_dtype(op, source);
    let shape = shape::broadcast_for(op, target.shape(), source.shape());
    if shape.as_slice() != target.shape() {
        crate::fault!(op, [target: target.shape(), source: source.shape()],
            "the result would have shape {:?}", shape.as_slice());
    }
    // Makes the target dense, and so its layout fit for the walk.
    target.make_mut::<T>();
    let layout = source.layout().expand(&shape);
    let nest = Nest::new(target.layout(), [&layout]);
    let data = source.view_as::<T>().data();
    let [step] = nest.inner();
    parallel::for_each_chunk(target.make_mut::<T>(), CHUNK, |start, chunk| {
        nest.runs(start..start + chunk.len(), |first, length, [at]| {
            let out = &mut chunk[first - start..first - start + length];
            if step == 1 {
                let at = at as usize;
                let source = &data[at..at + length];
                simd::vectorize(|| out.iter_mut().zip(source).for_each(|(y, &x)| *y = f(*y, x)));
            } else {
                for (i, y) in out.iter_mut().enumerate() {
                    *y = f(*y, data[(at + i as isize * step) as usize]);
                }
            }
        });
    });
}

/// Methods of one operand: docs, name, class of dtypes, the vector function for `f32` where there is one (in
/// `kernels::elementwise`), and the function of one element of type `T`.
macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident $class:ident $($vector:ident)? |$x:ident: $t:ident| $body:expr;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            ///
            /// # Panics
            /// If the dtype has no such op.
            #[track_caller]
            pub fn $name(&self) -> Tensor {
                $(
                    if self.dtype() == $crate::DType::F32 {
                        return $crate::ops::elementwise::map_vectors(self, $crate::kernels::elementwise::$vector);
                    }
                )?
                crate::dispatch!($class stringify!($name), self.dtype(), $t =>
                    $crate::ops::elementwise::map(self, |$x: $t| $body))
            }
        )*}
    };
}
pub(crate) use unary;

/// Methods of two operands that broadcast: docs, name, class of dtypes, and the function of two elements of type `T`.
macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident $class:ident |$x:ident: $t:ident, $y:ident| $body:expr;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            ///
            /// # Panics
            /// If the shapes do not broadcast, or the dtypes differ or have no such op.
            #[track_caller]
            pub fn $name(&self, other: &Tensor) -> Tensor {
                self.expect_same_dtype(stringify!($name), other);
                crate::dispatch!($class stringify!($name), self.dtype(), $t =>
                    $crate::ops::elementwise::zip(stringify!($name), self, other, |$x: $t, $y: $t| $body))
            }
        )*}
    };
}
pub(crate) use binary;

impl Tensor {
    /// `f` of every element, in this tensor's memory order.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1i64, 2]).map(|x: i64| x as f64 * 0.5).to_vec::<f64>(), [0.5, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If `T` is not the tensor's dtype.
    #[track_caller]
    pub fn map<T: Element, U: Element>(&self, f: impl Fn(T) -> U + Sync + Send) -> Tensor {
        map(self, f)
    }

    /// `f` of every pair of elements of two tensors, broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast, or the types are not the tensors' dtypes.
    #[track_caller]
    pub fn zip_map<T: Element, U: Element, V: Element>(
        &self,
        other: &Tensor,
        f: impl Fn(T, U) -> V + Sync + Send,
    ) -> Tensor {
        zip("zip_map", self, other, f)
    }
}
