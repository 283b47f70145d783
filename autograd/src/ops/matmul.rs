//! Matrix products.

use tensor::Tensor;

use super::elementwise::same_dtype;
use super::reduce::sum_to;
use super::reshape::{reshape, transpose};
use crate::{Context, Op, Variable};

/// See [`matmul`]; both operands have two axes or more.
#[derive(Clone, Debug)]
pub struct Matmul;

impl Op<2> for Matmul {
    const NAME: &'static str = "matmul";
    type Saved = ();

    fn forward(&self, [a, b]: [&Tensor; 2]) -> (Tensor, ()) {
        (a.matmul(b), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 2>) -> [Option<Variable>; 2] {
        [
            cx.wants(0).then(|| sum_to(&matmul(g, &transpose(&cx.input(1), -2, -1)), cx.shape(0))),
            cx.wants(1).then(|| sum_to(&matmul(&transpose(&cx.input(0), -2, -1), g), cx.shape(1))),
        ]
    }
}

/// The matrix product `[.., m, k] x [.., k, n] -> [.., m, n]` with PyTorch's rules for batches and vectors.
/// PyTorch: `torch.matmul`.
///
/// # Panics
/// If an operand is 0-dimensional, inner sizes differ, leading axes do not broadcast, or dtypes differ.
#[track_caller]
pub fn matmul(a: &Variable, b: &Variable) -> Variable {
    if a.rank() == 0 || b.rank() == 0 {
        tensor::fault!("matmul", [lhs: a.shape(), rhs: b.shape()], "both operands need at least 1 axis");
    }
    let (k, inner) = (a.size(-1), if b.rank() == 1 { b.size(0) } else { b.size(-2) });
    if k != inner {
        tensor::fault!("matmul", [lhs: a.shape(), rhs: b.shape()], "inner sizes differ, {k} and {inner}");
    }
    same_dtype("matmul", a, b);
    let row = if a.rank() == 1 { reshape(a, &[1, k]) } else { a.clone() };
    let column = if b.rank() == 1 { reshape(b, &[k, 1]) } else { b.clone() };
    let y = Matmul.apply([&row, &column]);
    let mut shape = y.shape().to_vec();
    if b.rank() == 1 {
        shape.pop();
    }
    if a.rank() == 1 {
        shape.remove(y.rank() - 2);
    }
    if shape.len() == y.rank() { y } else { reshape(&y, &shape) }
}

impl Variable {
    /// The matrix product; see [`matmul`].
    ///
    /// # Panics
    /// As [`matmul`].
    #[track_caller]
    pub fn matmul(&self, other: &Variable) -> Variable {
        matmul(self, other)
    }
}

/// The product of two batches of matrices, `[b, m, k] x [b, k, n] -> [b, m, n]`. PyTorch: `torch.bmm`.
///
/// # Panics
/// If an operand has not 3 axes, or the batches or inner sizes differ.
#[track_caller]
pub fn bmm(a: &Variable, b: &Variable) -> Variable {
    if a.rank() != 3 || b.rank() != 3 || a.shape()[0] != b.shape()[0] || a.shape()[2] != b.shape()[1] {
        tensor::fault!("bmm", [lhs: a.shape(), rhs: b.shape()], "expected [b, m, k] and [b, k, n]");
    }
    same_dtype("bmm", a, b);
    matmul(a, b)
}

/// `beta x + alpha a b`, where `x` broadcasts to the product's shape. PyTorch: `torch.addmm`.
///
/// # Panics
/// If `a` and `b` are no matrices whose inner sizes agree, or `x` does not broadcast to their product's shape.
#[track_caller]
pub fn addmm(x: &Variable, [a, b]: [&Variable; 2], beta: f64, alpha: f64) -> Variable {
    if a.rank() != 2 || b.rank() != 2 || a.shape()[1] != b.shape()[0] {
        tensor::fault!("addmm", [lhs: a.shape(), rhs: b.shape()], "expected [m, k] and [k, n]");
    }
    same_dtype("addmm", a, b);
    same_dtype("addmm", x, a);
    let product = matmul(a, b);
    if tensor::shape::broadcast(x.shape(), product.shape()).as_deref() != Ok(product.shape()) {
        tensor::fault!("addmm", [input: x.shape(), product: product.shape()],
            "the input does not broadcast to the product");
    }
    // A factor 0 means that the input does not count, even where it is not finite.
    let product = if alpha == 1.0 { product } else { product * alpha };
    match beta {
        0.0 => product,
        1.0 => x + product,
        _ => x * beta + product,
    }
}

/// `y[i, j] = a[i] b[j]`. PyTorch: `torch.outer`.
///
/// # Panics
/// If an operand has not 1 axis.
#[track_caller]
pub fn outer(a: &Variable, b: &Variable) -> Variable {
    if a.rank() != 1 || b.rank() != 1 {
        tensor::fault!("outer", [lhs: a.shape(), rhs: b.shape()], "expected 2 vectors");
    }
    same_dtype("outer", a, b);
    a.unsqueeze(1) * b
}

/// The inner product of two vectors. PyTorch: `torch.dot`.
///
/// # Panics
/// If the operands are not vectors of one length.
#[track_caller]
pub fn dot(a: &Variable, b: &Variable) -> Variable {
    if a.rank() != 1 || a.shape() != b.shape() {
        tensor::fault!("dot", [lhs: a.shape(), rhs: b.shape()], "expected 2 vectors of one length");
    }
    same_dtype("dot", a, b);
    matmul(a, b)
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use proptest::prelude::Strategy;
    use proptest::strategy::BoxedStrategy;

    use super::Matmul;
    use crate::check::strategy::{broadcast_pair, two, values};
    use crate::check::{Check, Sample};

    impl Check<2> for Matmul {
        fn samples() -> BoxedStrategy<Sample<Self, 2>> {
            ((1..6usize, 0..6usize, 1..6usize), broadcast_pair())
                .prop_flat_map(|((m, k, n), (mut a, mut b))| {
                    a.truncate(2);
                    b.truncate(2);
                    if tensor::shape::broadcast(&a, &b).is_err() {
                        a.clear();
                    }
                    a.extend([m, k]);
                    b.extend([k, n]);
                    two(Matmul, values(&a), values(&b))
                })
                .boxed()
        }
    }
}
