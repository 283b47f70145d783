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

/// Elements that are gathered at a time where they do not lie side by side.
const BLOCK: usize = 256;

/// What an op does to a stretch of elements. The walks below know it by reference alone, so that they are compiled once
/// per type and not once per op.
type Kernel1<'a, T, U> = dyn Fn(&[T], &mut [U]) + Sync + 'a;
type Kernel2<'a, T, U, V> = dyn Fn(&[T], &[U], &mut [V]) + Sync + 'a;

/// `length` elements from `at` on in steps of `step`: in place where they lie side by side, else gathered.
#[inline(always)]
fn stretch<'a, T: Element>(
    data: &'a [T],
    (at, step): (isize, isize),
    length: usize,
    gathered: &'a mut [T; BLOCK],
) -> &'a [T] {
    if step == 1 {
        return &data[at as usize..at as usize + length];
    }
    if step == 0 {
        gathered[..length].fill(data[at as usize]);
    } else {
        for (i, x) in gathered[..length].iter_mut().enumerate() {
            *x = data[(at + i as isize * step) as usize];
        }
    }
    &gathered[..length]
}

/// Runs `kernel` over `x`, written in `layout`'s order.
fn walk<T: Element, U: Element>(layout: Layout, x: &Tensor, kernel: &Kernel1<'_, T, U>) -> Tensor {
    let data = x.view_as::<T>().data();
    let nest = Nest::new(&layout, [x.layout()]);
    let [step] = nest.inner();
    Tensor::build::<U>(layout, |out| {
        parallel::for_each_chunk(out, CHUNK, |start, chunk| {
            let mut gathered = [T::ZERO; BLOCK];
            nest.runs(start..start + chunk.len(), |first, length, [at]| {
                let out = &mut chunk[first - start..first - start + length];
                let block = if step == 1 { length } else { BLOCK };
                for (index, out) in out.chunks_mut(block).enumerate() {
                    let at = at + (index * block) as isize * step;
                    kernel(stretch(data, (at, step), out.len(), &mut gathered), out);
                }
            });
        });
    })
}

/// Runs `kernel` over two tensors, broadcast.
#[track_caller]
fn walk2<T: Element, U: Element, V: Element>(
    op: &str,
    a: &Tensor,
    b: &Tensor,
    kernel: &Kernel2<'_, T, U, V>,
) -> Tensor {
    let target = shape::broadcast_for(op, a.shape(), b.shape());
    let (la, lb) = (a.layout().expand(&target), b.layout().expand(&target));
    let layout = common_layout(&[&la, &lb]);
    let nest = Nest::new(&layout, [&la, &lb]);
    let (xs, ys) = (a.view_as::<T>().data(), b.view_as::<U>().data());
    let [sx, sy] = nest.inner();
    Tensor::build::<V>(layout, |out| {
        parallel::for_each_chunk(out, CHUNK, |start, chunk| {
            let (mut gathered_x, mut gathered_y) = ([T::ZERO; BLOCK], [U::ZERO; BLOCK]);
            nest.runs(start..start + chunk.len(), |first, length, [px, py]| {
                let out = &mut chunk[first - start..first - start + length];
                let block = if (sx, sy) == (1, 1) { length } else { BLOCK };
                for (index, out) in out.chunks_mut(block).enumerate() {
                    let shift = (index * block) as isize;
                    let x = stretch(xs, (px + shift * sx, sx), out.len(), &mut gathered_x);
                    let y = stretch(ys, (py + shift * sy, sy), out.len(), &mut gathered_y);
                    kernel(x, y, out);
                }
            });
        });
    })
}

/// `f` of every element of `x`, written in `layout`'s order.
pub(crate) fn map_into<T: Element, U: Element>(layout: Layout, x: &Tensor, f: impl Fn(T) -> U + Sync + Send) -> Tensor {
    walk(layout, x, &|xs: &[T], ys: &mut [U]| {
        simd::vectorize(|| ys.iter_mut().zip(xs).for_each(|(y, &x)| *y = f(x)));
    })
}

/// `f` of every element, in the memory order of `x`.
pub(crate) fn map<T: Element, U: Element>(x: &Tensor, f: impl Fn(T) -> U + Sync + Send) -> Tensor {
    map_into(x.layout().like(), x, f)
}

/// A vector function of every element of an `f32` tensor, in the memory order of `x`.
pub(crate) fn map_vectors(x: &Tensor, f: impl Function) -> Tensor {
    walk(x.layout().like(), x, &|xs: &[f32], ys: &mut [f32]| kernels::elementwise::map(f, xs, ys))
}

/// `f` of every pair of elements of two tensors, broadcast.
#[track_caller]
pub(crate) fn zip<T: Element, U: Element, V: Element>(
    op: &str,
    a: &Tensor,
    b: &Tensor,
    f: impl Fn(T, U) -> V + Sync + Send,
) -> Tensor {
    walk2(op, a, b, &|xs: &[T], ys: &[U], zs: &mut [V]| {
        simd::vectorize(|| zs.iter_mut().zip(xs.iter().zip(ys)).for_each(|(z, (&x, &y))| *z = f(x, y)));
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
            let (mut gx, mut gy, mut gz) = ([T::ZERO; BLOCK], [U::ZERO; BLOCK], [V::ZERO; BLOCK]);
            nest.runs(start..start + chunk.len(), |first, length, [px, py, pz]| {
                let out = &mut chunk[first - start..first - start + length];
                let block = if [sx, sy, sz] == [1, 1, 1] { length } else { BLOCK };
                for (index, out) in out.chunks_mut(block).enumerate() {
                    let shift = (index * block) as isize;
                    let x = stretch(xs, (px + shift * sx, sx), out.len(), &mut gx);
                    let y = stretch(ys, (py + shift * sy, sy), out.len(), &mut gy);
                    let z = stretch(zs, (pz + shift * sz, sz), out.len(), &mut gz);
                    let triples = x.iter().zip(y).zip(z);
                    simd::vectorize(|| out.iter_mut().zip(triples).for_each(|(w, ((&x, &y), &z))| *w = f(x, y, z)));
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
        let mut gathered = [T::ZERO; BLOCK];
        nest.runs(start..start + chunk.len(), |first, length, [at]| {
            let out = &mut chunk[first - start..first - start + length];
            let block = if step == 1 { length } else { BLOCK };
            for (index, out) in out.chunks_mut(block).enumerate() {
                let at = at + (index * block) as isize * step;
                let source = stretch(data, (at, step), out.len(), &mut gathered);
                simd::vectorize(|| out.iter_mut().zip(source).for_each(|(y, &x)| *y = f(*y, x)));
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
