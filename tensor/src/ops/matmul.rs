//! Matrix products with PyTorch's batching and vector rules.

use crate::kernels::gemm;
use crate::{DType, Layout, Number, Tensor, dispatch, parallel, shape};

impl Tensor {
    /// The matrix product: `[.., m, k] x [.., k, n] -> [.., m, n]`; leading axes broadcast, a vector is a row on the
    /// left and a column on the right, and its axis vanishes from the result.
    ///
    /// PyTorch: `torch.matmul`.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// let a = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(a.matmul(&Tensor::from([1.0, 1.0])).to_vec::<f64>(), [3.0, 7.0]);
    /// ```
    ///
    /// # Panics
    /// If an operand is 0-dimensional, the inner sizes differ, the leading axes do not broadcast, or the dtypes differ.
    #[track_caller]
    pub fn matmul(&self, other: &Tensor) -> Tensor {
        self.expect_same_dtype("matmul", other);
        if self.rank() == 0 || other.rank() == 0 {
            crate::fault!("matmul", [lhs: self.shape(), rhs: other.shape()], "both operands need at least 1 axis");
        }
        if self.rank() > 2 && other.rank() <= 2 && self.is_contiguous() && self.size(-1) == other.shape()[0] {
            // One matrix for all leading axes: they are more rows of the same product.
            let mut shape = self.shape().to_vec();
            let (k, rows) = (shape.pop().unwrap_or(1), shape.iter().product::<usize>());
            shape.extend(other.shape().get(1));
            return self.reshape([rows, k]).matmul(other).reshape(shape);
        }
        let a = if self.rank() == 1 { self.unsqueeze(0) } else { self.clone() };
        let b = if other.rank() == 1 { other.unsqueeze(1) } else { other.clone() };
        let (m, k) = (a.size(-2), a.size(-1));
        let (inner, n) = (b.size(-2), b.size(-1));
        if k != inner {
            crate::fault!("matmul", [lhs: self.shape(), rhs: other.shape()], "inner sizes differ, {k} and {inner}");
        }
        let batch = match shape::broadcast(&a.shape()[..a.rank() - 2], &b.shape()[..b.rank() - 2]) {
            Ok(batch) => batch,
            Err(axis) => crate::fault!("matmul", [lhs: self.shape(), rhs: other.shape()],
                "leading axes do not broadcast at axis {}", axis - 2),
        };
        let with = |rows: usize, columns: usize| {
            let mut full = batch.clone();
            full.extend([rows, columns]);
            full
        };
        let (a, b) = (a.expand(with(m, k)), b.expand(with(k, n)));
        let result = dispatch!(number "matmul", self.dtype(), T => batched::<T>(&a, &b, &with(m, n)));
        let result = if self.rank() == 1 { result.squeeze(-2) } else { result };
        if other.rank() == 1 { result.squeeze(-1) } else { result }
    }

    /// The product of two batches of matrices, `[b, m, k] x [b, k, n] -> [b, m, n]`, without broadcasting.
    /// PyTorch: `torch.bmm`.
    ///
    /// # Panics
    /// If an operand has not 3 axes, sizes or dtypes differ, or the dtype is `bool`.
    #[track_caller]
    pub fn bmm(&self, other: &Tensor) -> Tensor {
        if self.rank() != 3 || other.rank() != 3 || self.shape()[0] != other.shape()[0] {
            crate::fault!("bmm", [lhs: self.shape(), rhs: other.shape()], "expected two batches of equally many matrices");
        }
        self.matmul(other)
    }

    /// `sum_i x_i y_i` of two vectors of equal length. PyTorch: `torch.dot`.
    ///
    /// # Panics
    /// If an operand has not 1 axis, sizes or dtypes differ, or the dtype is `bool`.
    #[track_caller]
    pub fn dot(&self, other: &Tensor) -> Tensor {
        if self.rank() != 1 || self.shape() != other.shape() {
            crate::fault!("dot", [lhs: self.shape(), rhs: other.shape()], "expected two vectors of equal length");
        }
        self.matmul(other)
    }

    /// `y[i, j] = x_i y_j` of two vectors. PyTorch: `torch.outer`.
    ///
    /// # Panics
    /// If an operand has not 1 axis, dtypes differ or are `bool`.
    #[track_caller]
    pub fn outer(&self, other: &Tensor) -> Tensor {
        if self.rank() != 1 || other.rank() != 1 {
            crate::fault!("outer", [lhs: self.shape(), rhs: other.shape()], "expected two vectors");
        }
        self.unsqueeze(1).mul(&other.unsqueeze(0))
    }

    /// `beta self + alpha a b`, where this tensor broadcasts to the matrix product `a b`; with `beta` 0 this tensor's
    /// values do not count, even NaN. PyTorch: `torch.addmm`.
    ///
    /// # Panics
    /// If `a` or `b` has not 2 axes, the inner sizes differ, this tensor does not broadcast to the product, or dtypes
    /// differ or are `bool`.
    #[track_caller]
    pub fn addmm(&self, a: &Tensor, b: &Tensor, beta: f64, alpha: f64) -> Tensor {
        self.expect_same_dtype("addmm", a);
        if a.rank() != 2 || b.rank() != 2 || a.shape()[1] != b.shape()[0] {
            crate::fault!("addmm", [lhs: a.shape(), rhs: b.shape()], "expected two matrices whose inner sizes agree");
        }
        let product = a.matmul(b);
        if shape::broadcast(self.shape(), product.shape()).as_deref() != Ok(product.shape()) {
            crate::fault!("addmm", [input: self.shape(), product: product.shape()],
                "the input does not broadcast to the product");
        }
        let product = if alpha == 1.0 { product } else { product.mul_scalar(alpha) };
        if beta == 0.0 {
            return product;
        }
        let input = if beta == 1.0 { self.clone() } else { self.mul_scalar(beta) };
        product.add(&input)
    }
}

/// Multiply-adds from which a product of a batch is worth all threads for itself.
const LARGE: usize = 1 << 22;
/// Multiply-adds that one task of a batch of smaller products should have.
const GROUP: usize = 1 << 18;

/// One product per leading index; `a` and `b` have the same leading axes.
fn batched<T: Number>(a: &Tensor, b: &Tensor, shape: &[usize]) -> Tensor {
    let rank = shape.len();
    let (m, n, k) = (shape[rank - 2], shape[rank - 1], a.size(-1));
    let leading = |x: &Tensor| Layout {
        shape: x.layout().shape[..rank - 2].into(),
        strides: x.layout().strides[..rank - 2].into(),
        offset: x.layout().offset,
    };
    let (la, lb) = (leading(a), leading(b));
    let lead = Layout::contiguous(&shape[..rank - 2]);
    let nest = crate::layout::Nest::new(&lead, [&la, &lb]);
    let strides = |x: &Tensor| [x.strides()[rank - 2], x.strides()[rank - 1]];
    let (sa, sb) = (strides(a), strides(b));
    let (xs, ys) = (a.view_as::<T>().data(), b.view_as::<T>().data());
    Tensor::build::<T>(Layout::contiguous(shape), |out| {
        if m * n == 0 {
            return;
        }
        let product = |index: usize, out: &mut [T]| {
            nest.runs(index..index + 1, |_, _, [pa, pb]| {
                matrix(
                    Operand { data: xs, at: pa, strides: sa },
                    Operand { data: ys, at: pb, strides: sb },
                    [m, k, n],
                    out,
                );
            });
        };
        if m * n * k >= LARGE {
            out.chunks_mut(m * n).enumerate().for_each(|(index, out)| product(index, out));
        } else {
            let group = m * n * (GROUP / (m * n * k).max(1)).max(1);
            parallel::for_each_chunk(out, group, |first, out| {
                out.chunks_mut(m * n).enumerate().for_each(|(index, out)| product(first / (m * n) + index, out));
            });
        }
    })
}

struct Operand<'a, T> {
    data: &'a [T],
    at: isize,
    strides: [isize; 2],
}

fn matrix<T: Number>(a: Operand<'_, T>, b: Operand<'_, T>, [m, k, n]: [usize; 3], out: &mut [T]) {
    if k == 0 {
        out.fill(T::ZERO);
        return;
    }
    match T::DTYPE {
        DType::F32 | DType::F64 => gemm::product(
            gemm::Matrix { data: a.data, offset: a.at as usize, strides: a.strides },
            gemm::Matrix { data: b.data, offset: b.at as usize, strides: b.strides },
            [m, k, n],
            out,
        ),
        _ => {
            for (i, row) in out.chunks_mut(n).enumerate() {
                row.fill(T::ZERO);
                for l in 0..k {
                    let x = a.data[(a.at + i as isize * a.strides[0] + l as isize * a.strides[1]) as usize];
                    for (j, y) in row.iter_mut().enumerate() {
                        let w = b.data[(b.at + l as isize * b.strides[0] + j as isize * b.strides[1]) as usize];
                        *y = y.plus(x.times(w));
                    }
                }
            }
        }
    }
}
