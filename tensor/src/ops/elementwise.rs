//! The loops under every elementwise op: one, two or three strided operands, broadcast, in parallel.
//!
//! A result keeps the memory order of its first operand that has one, so that a channels-last network stays
//! channels-last. What is computed per element stands in the files by topic: `arithmetic`, `exponential`,
//! `trigonometric`, `special`, `rounding`, `activation`, `compare`.
//!
//! An op is a function of plain slices. The walks (`map_slices`, `zip_slices`, `zip3_slices`, `update_slices`) hand
//! it parts of the operands where those lie as the result does, and copies in small buffers elsewhere. So each op compiles
//! to one loop, not to one per kind of layout, and vector kernels have one place to hook in.

use std::ops::Range;

use crate::callable::callable;
use crate::kernels::elementwise::Function;
use crate::kernels::tiles::Across;
use crate::layout::Nest;
use crate::{DType, Element, Layout, Tensor, kernels, parallel, shape, simd};

/// Elements per task: large enough to pay for a split, small enough to stay in the second-level cache.
const CHUNK: usize = 32 * 1024;

/// Elements of a buffer for operands that are not laid out as the result: they stay in the first-level cache.
const BLOCK: usize = 1024;

/// Elements below which an operand that lies across the result's order is not worth tiles.
const SMALL: usize = 1024;

callable! {
    /// An op of one operand, on slices.
    pub(crate) trait Slices1<T, U>(x: &[T], to: &mut [U]);
}
callable! {
    /// An op of two operands, on slices.
    pub(crate) trait Slices2<T, U, V>(x: &[T], y: &[U], to: &mut [V]);
}
callable! {
    /// An op of three operands, on slices.
    pub(crate) trait Slices3<T, U, V, W>(x: &[T], y: &[U], z: &[V], to: &mut [W]);
}
callable! {
    /// An op that changes its first operand, on slices.
    pub(crate) trait Update<T>(to: &mut [T], from: &[T]);
}

/// The layout of a result of operands that were expanded to one shape: the memory order of the first one that has one.
fn common_layout(operands: &[&Layout]) -> Layout {
    match operands.iter().find(|operand| !operand.is_expanded()) {
        Some(operand) => operand.like(),
        None => Layout::contiguous(operands[0].shape()),
    }
}

/// An operand, to be read in the memory order of a result.
struct Operand<'a, T> {
    data: &'a [T],
    nest: Nest<1>,
    flat: bool,
    /// The operand in tiles, if it is large and lies across the result's order.
    across: Option<Across<'a, T>>,
}

impl<'a, T: Element> Operand<'a, T> {
    fn new(data: &'a [T], layout: &Layout, result: &Layout) -> Operand<'a, T> {
        let nest = Nest::new(result, [layout]);
        let flat = nest.axes().count() == 1 && (nest.inner() == [1] || result.len() <= 1);
        let large = result.len() >= SMALL && nest.inner()[0].abs() > 1;
        let across = if large { Across::new(data, layout, result) } else { None };
        Operand { data, nest, flat, across }
    }

    /// Asks for the elements `range`, which are read soon.
    fn prefetch(&self, range: Range<usize>) {
        if self.flat {
            simd::prefetch(self.data[self.nest.offsets()[0] as usize + range.start..].as_ptr(), range.len());
        }
    }

    /// The elements `range`, as they stand or copied to `buffer`.
    fn read<'b>(&'b self, range: Range<usize>, buffer: &'b mut [T; BLOCK]) -> &'b [T] {
        let len = range.len();
        if self.flat {
            let start = self.nest.offsets()[0] as usize + range.start;
            return &self.data[start..start + len];
        }
        let begin = range.start;
        let [step] = self.nest.inner();
        let mut whole = None;
        self.nest.runs(range, |first, length, [at]| {
            if length == len && step == 1 {
                whole = Some(at as usize);
                return;
            }
            let to = &mut buffer[first - begin..first - begin + length];
            match step {
                0 => to.fill(self.data[at as usize]),
                1 => to.copy_from_slice(&self.data[at as usize..at as usize + length]),
                _ => {
                    for (i, y) in to.iter_mut().enumerate() {
                        *y = self.data[(at + i as isize * step) as usize];
                    }
                }
            }
        });
        match whole {
            Some(at) => &self.data[at..at + len],
            None => &buffer[..len],
        }
    }
}

/// This tensor expanded to the result's shape; where it is large and lies across the result's order, in a copy that does
/// not.
fn aligned<T: Element>(x: &Tensor, result: &Layout) -> Tensor {
    let expanded = x.with_layout(x.layout().expand(&result.shape));
    let across = Operand::new(expanded.view_as::<T>().data(), expanded.layout(), result).across.is_some();
    if across { expanded.copy_into(result.clone()) } else { expanded }
}

/// The parts of a chunk of the result that starts at `first`, with the elements that they stand for: blocks where operands
/// need buffers, else all of it at once.
fn parts<T>(first: usize, chunk: &mut [T], flat: bool) -> impl Iterator<Item = (Range<usize>, &mut [T])> {
    let part = if flat { CHUNK } else { BLOCK };
    chunk.chunks_mut(part).enumerate().map(move |(i, out)| {
        let first = first + i * part;
        (first..first + out.len(), out)
    })
}

/// `f(from, to)` on parts of `x` and of the result, which is written in `layout`'s order.
pub(crate) fn map_slices<T: Element, U: Element>(layout: Layout, x: &Tensor, f: &dyn Slices1<T, U>) -> Tensor {
    let x = aligned::<T>(x, &layout);
    let a = Operand::new(x.view_as::<T>().data(), x.layout(), &layout);
    Tensor::build::<U>(layout, |out| {
        parallel::for_each_chunk(out, CHUNK, |start, chunk| {
            let mut p = [T::ZERO; BLOCK];
            parts(start, chunk, a.flat).for_each(|(range, out)| f.run(a.read(range, &mut p), out));
        });
    })
}

/// `f(x, y, to)` on parts of two tensors and of their result, broadcast.
#[track_caller]
pub(crate) fn zip_slices<T: Element, U: Element, V: Element>(
    op: &str,
    a: &Tensor,
    b: &Tensor,
    f: &dyn Slices2<T, U, V>,
) -> Tensor {
    let target = shape::broadcast_for(op, a.shape(), b.shape());
    let layout = common_layout(&[&a.layout().expand(&target), &b.layout().expand(&target)]);
    let (a, b) = (a.with_layout(a.layout().expand(&target)), b.with_layout(b.layout().expand(&target)));
    let xs = Operand::new(a.view_as::<T>().data(), a.layout(), &layout);
    let ys = Operand::new(b.view_as::<U>().data(), b.layout(), &layout);
    match (&xs.across, &ys.across) {
        (None, Some(across)) => {
            return zip_tiles(layout, across, &xs, |y: &[U], x: &[T], out: &mut [V]| f.run(x, y, out));
        }
        (Some(across), None) => {
            return zip_tiles(layout, across, &ys, |x: &[T], y: &[U], out: &mut [V]| f.run(x, y, out));
        }
        // The result has the order of one of them, unless both are expanded.
        _ => {}
    }
    Tensor::build::<V>(layout, |out| {
        parallel::for_each_chunk(out, CHUNK, |start, chunk| {
            let (mut p, mut q) = ([T::ZERO; BLOCK], [U::ZERO; BLOCK]);
            parts(start, chunk, xs.flat && ys.flat)
                .for_each(|(range, out)| f.run(xs.read(range.clone(), &mut p), ys.read(range, &mut q), out));
        });
    })
}

/// `f(x, y, to)` on parts of an operand that is read in tiles, of another one, and of their result.
fn zip_tiles<T: Element, U: Element, V: Element>(
    layout: Layout,
    across: &Across<'_, T>,
    other: &Operand<'_, U>,
    f: impl Fn(&[T], &[U], &mut [V]) + Sync,
) -> Tensor {
    let begin = || [U::ZERO; BLOCK];
    Tensor::build::<V>(layout, |out| {
        across.for_each(
            out,
            &begin,
            &|range: Range<usize>| other.prefetch(range),
            &|buffer: &mut [U; BLOCK], first: usize, x: &[T], out: &mut [V]| {
                for (range, out) in parts(first, out, false) {
                    f(&x[range.start - first..range.end - first], other.read(range, buffer), out);
                }
            },
        );
    })
}

/// `f(x, y, z, to)` on parts of three tensors and of their result, broadcast.
#[track_caller]
pub(crate) fn zip3_slices<T: Element, U: Element, V: Element, W: Element>(
    op: &str,
    [a, b, c]: [&Tensor; 3],
    f: &dyn Slices3<T, U, V, W>,
) -> Tensor {
    let pair = shape::broadcast_for(op, a.shape(), b.shape());
    let target = shape::broadcast_for(op, &pair, c.shape());
    let layouts = [a, b, c].map(|operand| operand.layout().expand(&target));
    let layout = common_layout(&[&layouts[0], &layouts[1], &layouts[2]]);
    let (a, b, c) = (aligned::<T>(a, &layout), aligned::<U>(b, &layout), aligned::<V>(c, &layout));
    let xs = Operand::new(a.view_as::<T>().data(), a.layout(), &layout);
    let ys = Operand::new(b.view_as::<U>().data(), b.layout(), &layout);
    let zs = Operand::new(c.view_as::<V>().data(), c.layout(), &layout);
    Tensor::build::<W>(layout, |out| {
        parallel::for_each_chunk(out, CHUNK, |start, chunk| {
            let (mut p, mut q, mut r) = ([T::ZERO; BLOCK], [U::ZERO; BLOCK], [V::ZERO; BLOCK]);
            parts(start, chunk, xs.flat && ys.flat && zs.flat).for_each(|(range, out)| {
                let (x, y) = (xs.read(range.clone(), &mut p), ys.read(range.clone(), &mut q));
                f.run(x, y, zs.read(range, &mut r), out);
            });
        });
    })
}

/// `f(to, from)` on parts of `target`, in place where nobody shares it, and of `source`, broadcast.
#[track_caller]
pub(crate) fn update_slices<T: Element>(op: &str, target: &mut Tensor, source: &Tensor, f: &dyn Update<T>) {
    target.expect_same_dtype(op, source);
    let shape = shape::broadcast_for(op, target.shape(), source.shape());
    if shape.as_slice() != target.shape() {
        crate::fault!(op, [target: target.shape(), source: source.shape()],
            "the result would have shape {:?}", shape.as_slice());
    }
    // Makes the target dense, and so its layout fit for the walk.
    target.make_mut::<T>();
    let layout = Layout { offset: 0, ..target.layout().clone() };
    let source = source.with_layout(source.layout().expand(&layout.shape));
    let xs = Operand::new(source.view_as::<T>().data(), source.layout(), &layout);
    if let Some(across) = &xs.across {
        return across.for_each(
            target.make_mut::<T>(),
            &|| (),
            &|_: Range<usize>| (),
            &|(): &mut (), _: usize, x: &[T], out: &mut [T]| f.run(out, x),
        );
    }
    parallel::for_each_chunk(target.make_mut::<T>(), CHUNK, |start, chunk| {
        let mut p = [T::ZERO; BLOCK];
        parts(start, chunk, xs.flat).for_each(|(range, out)| f.run(out, xs.read(range, &mut p)));
    });
}

/// Runs a loop over elements of type `T`, for `f32` in a version for this machine's vectors. The other types do without,
/// since every version is compiled for every op.
#[inline(always)]
pub(crate) fn vectorize<T: Element>(f: impl FnOnce()) {
    if const { matches!(T::DTYPE, DType::F32) } { simd::vectorize(f) } else { f() }
}

/// `f` of every element of `x`, in its memory order.
pub(crate) fn map<T: Element, U: Element>(x: &Tensor, f: impl Fn(T) -> U + Sync) -> Tensor {
    map_slices(x.layout().like(), x, &|xs: &[T], out: &mut [U]| {
        vectorize::<T>(|| out.iter_mut().zip(xs).for_each(|(y, &x)| *y = f(x)));
    })
}

/// A vector function of every element of an `f32` tensor, in its memory order.
pub(crate) fn map_vectors(x: &Tensor, f: impl Function) -> Tensor {
    map_slices(x.layout().like(), x, &|xs: &[f32], out: &mut [f32]| kernels::elementwise::map(f, xs, out))
}

/// `f` of every pair of elements of two tensors, broadcast.
#[track_caller]
pub(crate) fn zip<T: Element, U: Element, V: Element>(
    op: &str,
    a: &Tensor,
    b: &Tensor,
    f: impl Fn(T, U) -> V + Sync,
) -> Tensor {
    zip_slices(op, a, b, &|xs: &[T], ys: &[U], out: &mut [V]| {
        vectorize::<T>(|| out.iter_mut().zip(xs.iter().zip(ys)).for_each(|(z, (&x, &y))| *z = f(x, y)));
    })
}

/// `f` of every triple of elements of three tensors, broadcast.
#[track_caller]
pub(crate) fn zip3<T: Element, U: Element, V: Element, W: Element>(
    op: &str,
    operands: [&Tensor; 3],
    f: impl Fn(T, U, V) -> W + Sync,
) -> Tensor {
    zip3_slices(op, operands, &|xs: &[T], ys: &[U], zs: &[V], out: &mut [W]| {
        let triples = xs.iter().zip(ys).zip(zs);
        vectorize::<T>(|| out.iter_mut().zip(triples).for_each(|(w, ((&x, &y), &z))| *w = f(x, y, z)));
    })
}

/// Changes every element `y` of `target` to `f(y, x)`, with `x` from `source`, broadcast.
#[track_caller]
pub(crate) fn update<T: Element>(op: &str, target: &mut Tensor, source: &Tensor, f: impl Fn(T, T) -> T + Sync) {
    update_slices(op, target, source, &|out: &mut [T], xs: &[T]| {
        vectorize::<T>(|| out.iter_mut().zip(xs).for_each(|(y, &x)| *y = f(*y, x)));
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
