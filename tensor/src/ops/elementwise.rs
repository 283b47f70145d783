//! Unary and binary arithmetic, element by element, and the parallel strided loops under it.
//!
//! A result keeps the memory order of its first dense operand, so that a channels-last network stays channels-last.

use crate::layout::Nest;
use crate::{Element, Float, Layout, Number, Tensor, dispatch, parallel, shape};

/// Elements per task: large enough to pay for a split, small enough to stay in the second-level cache.
pub(crate) const CHUNK: usize = 32 * 1024;

/// The layout of a result of two operands that were expanded to one shape.
pub(crate) fn common_layout(a: &Layout, b: &Layout) -> Layout {
    if a.is_dense() {
        a.like()
    } else if b.is_dense() {
        b.like()
    } else {
        Layout::contiguous(a.shape())
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
                        for (y, &x) in out.iter_mut().zip(&data[at..at + length]) {
                            *y = f(x);
                        }
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
    let layout = common_layout(&la, &lb);
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
                        for (z, (&x, &y)) in out.iter_mut().zip(pairs) {
                            *z = f(x, y);
                        }
                    }
                    (1, 0) => {
                        let y = ys[py0];
                        for (z, &x) in out.iter_mut().zip(&xs[px0..px0 + length]) {
                            *z = f(x, y);
                        }
                    }
                    (0, 1) => {
                        let x = xs[px0];
                        for (z, &y) in out.iter_mut().zip(&ys[py0..py0 + length]) {
                            *z = f(x, y);
                        }
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

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident $class:ident |$x:ident, $y:ident| $body:expr;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            ///
            /// # Panics
            /// If the shapes do not broadcast, or the dtypes differ or have no such op.
            #[track_caller]
            pub fn $name(&self, other: &Tensor) -> Tensor {
                self.expect_same_dtype(stringify!($name), other);
                dispatch!($class stringify!($name), self.dtype(), T =>
                    zip(stringify!($name), self, other, |$x: T, $y: T| $body))
            }
        )*}
    };
}

binary! {
    /// `self + other`, broadcast. PyTorch: `torch.add`.
    add number |x, y| x.plus(y);
    /// `self - other`, broadcast. PyTorch: `torch.sub`.
    sub number |x, y| x.minus(y);
    /// `self * other`, broadcast. PyTorch: `torch.mul`.
    mul number |x, y| x.times(y);
    /// `self / other`, broadcast. PyTorch: `torch.div`; both must be floats.
    div float |x, y| x / y;
    /// `self` to the power `other`, broadcast. PyTorch: `torch.pow`.
    pow float |x, y| num_traits::Float::powf(x, y);
    /// The smaller of each pair, NaN where either is. PyTorch: `torch.minimum`.
    minimum number |x, y| x.least(y);
    /// The larger of each pair, NaN where either is. PyTorch: `torch.maximum`.
    maximum number |x, y| x.greatest(y);
}

macro_rules! unary {
    ($($(#[$doc:meta])* $name:ident $class:ident |$x:ident: $t:ident| $body:expr;)*) => {
        impl Tensor {$(
            $(#[$doc])*
            ///
            /// # Panics
            /// If the dtype has no such op.
            #[track_caller]
            pub fn $name(&self) -> Tensor {
                dispatch!($class stringify!($name), self.dtype(), $t => map(self, |$x: $t| $body))
            }
        )*}
    };
}

unary! {
    /// `-x`. PyTorch: `torch.neg`.
    neg number |x: T| <T as Element>::ZERO.minus(x);
    /// `|x|`. PyTorch: `torch.abs`.
    abs number |x: T| if x < <T as Element>::ZERO { <T as Element>::ZERO.minus(x) } else { x.plus(<T as Element>::ZERO) };
    /// -1, 0 or 1 as `x` is negative, zero or positive. PyTorch: `torch.sign`.
    sign number |x: T| {
        let (zero, one) = (<T as Element>::ZERO, <T as Element>::ONE);
        if x > zero { one } else if x < zero { zero.minus(one) } else if x == x { zero } else { x }
    };
    /// `e^x`. PyTorch: `torch.exp`.
    exp float |x: T| num_traits::Float::exp(x);
    /// The natural logarithm. PyTorch: `torch.log`.
    log float |x: T| num_traits::Float::ln(x);
    /// The square root. PyTorch: `torch.sqrt`.
    sqrt float |x: T| num_traits::Float::sqrt(x);
    /// `1 / sqrt(x)`. PyTorch: `torch.rsqrt`.
    rsqrt float |x: T| num_traits::Float::recip(num_traits::Float::sqrt(x));
    /// `1 / x`. PyTorch: `torch.reciprocal`.
    reciprocal float |x: T| num_traits::Float::recip(x);
    /// The hyperbolic tangent. PyTorch: `torch.tanh`.
    tanh float |x: T| num_traits::Float::tanh(x);
    /// `1 / (1 + e^-x)`. PyTorch: `torch.sigmoid`.
    sigmoid float |x: T| {
        let one = <T as Element>::ONE;
        // The exponential of a negative number never overflows.
        let e = num_traits::Float::exp(-num_traits::Float::abs(x));
        if x >= <T as Element>::ZERO { one / (one + e) } else { e / (one + e) }
    };
    /// The error function. PyTorch: `torch.erf`.
    erf float |x: T| Float::erf(x);
    /// The sine. PyTorch: `torch.sin`.
    sin float |x: T| num_traits::Float::sin(x);
    /// The cosine. PyTorch: `torch.cos`.
    cos float |x: T| num_traits::Float::cos(x);
    /// `max(x, 0)`; NaN stays NaN. PyTorch: `torch.relu`.
    relu number |x: T| if x < <T as Element>::ZERO { <T as Element>::ZERO } else { x };
}

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

    /// `x + value`.
    #[track_caller]
    pub fn add_scalar(&self, value: f64) -> Tensor {
        dispatch!(number "add", self.dtype(), T => {
            let value = T::from_f64(value);
            map(self, |x: T| x.plus(value))
        })
    }

    /// `x * value`.
    #[track_caller]
    pub fn mul_scalar(&self, value: f64) -> Tensor {
        dispatch!(number "mul", self.dtype(), T => {
            let value = T::from_f64(value);
            map(self, |x: T| x.times(value))
        })
    }

    /// `x` to the power `exponent`. Whole exponents are exact for negative `x` too. PyTorch: `torch.pow`.
    #[track_caller]
    pub fn pow_scalar(&self, exponent: f64) -> Tensor {
        dispatch!(float "pow", self.dtype(), T => {
            if exponent == 2.0 {
                map(self, |x: T| x * x)
            } else if exponent.fract() == 0.0 && exponent.abs() <= 64.0 {
                map(self, |x: T| num_traits::Float::powi(x, exponent as i32))
            } else {
                let exponent = T::from_f64(exponent);
                map(self, |x: T| num_traits::Float::powf(x, exponent))
            }
        })
    }

    /// Each element, but not below `low` nor above `high`; NaN stays. PyTorch: `torch.clamp`.
    #[track_caller]
    pub fn clamp(&self, low: f64, high: f64) -> Tensor {
        dispatch!(number "clamp", self.dtype(), T => {
            let (low, high) = (T::from_f64(low), T::from_f64(high));
            map(self, |x: T| if x < low { low } else if x > high { high } else { x })
        })
    }

    /// Adds `other`, broadcast, into this tensor: in place where nobody shares it and the memory orders agree.
    ///
    /// # Panics
    /// If `other` does not broadcast to this shape, or the dtypes differ.
    #[track_caller]
    pub fn add_assign(&mut self, other: &Tensor) {
        self.expect_same_dtype("add_assign", other);
        let target = shape::broadcast_for("add_assign", self.shape(), other.shape());
        if target.as_slice() != self.shape() {
            crate::fault!("add_assign", [target: self.shape(), other: other.shape()],
                "the result would have shape {:?}", target.as_slice());
        }
        dispatch!(number "add_assign", self.dtype(), T => {
            self.make_mut::<T>();
            let source = other.layout().expand(&target);
            let nest = Nest::new(self.layout(), [&source]);
            let data = other.view_as::<T>().data();
            let [step] = nest.inner();
            parallel::for_each_chunk(self.make_mut::<T>(), CHUNK, |start, chunk| {
                nest.runs(start..start + chunk.len(), |first, length, [at]| {
                    let out = &mut chunk[first - start..first - start + length];
                    if step == 1 {
                        let at = at as usize;
                        for (y, &x) in out.iter_mut().zip(&data[at..at + length]) {
                            *y = y.plus(x);
                        }
                    } else {
                        for (i, y) in out.iter_mut().enumerate() {
                            *y = y.plus(data[(at + i as isize * step) as usize]);
                        }
                    }
                });
            });
        });
    }
}
