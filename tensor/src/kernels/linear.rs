//! The affine map of a fully connected layer: a product with the weights as they lie, bias and ReLU added on the way
//! out.

use super::gemm::{self, Epilogue, Matrix};
use crate::{Element, Layout, Tensor, dispatch};

/// `y = x w^T + b`, then optionally `max(y, 0)`: `x` is `[.., m]`, `w` is `[n, m]`, `bias` is `[n]`.
///
/// # Panics
/// If dtypes are not one float type, or shapes do not fit each other.
#[track_caller]
pub fn linear(x: &Tensor, w: &Tensor, bias: Option<&Tensor>, relu: bool) -> Tensor {
    let (rank, inputs) = (x.rank(), x.size(-1));
    if rank == 0 || w.rank() != 2 || w.shape()[1] != inputs {
        crate::fault!("linear", [input: x.shape(), weight: w.shape()], "inner sizes differ");
    }
    w.expect_dtype("linear", "weight", x.dtype());
    let outputs = w.shape()[0];
    if let Some(bias) = bias {
        bias.expect_dtype("linear", "bias", x.dtype());
        if bias.shape() != [outputs] {
            crate::fault!("linear", [input: x.shape(), bias: bias.shape()], "expected a bias of {outputs} elements");
        }
    }
    let mut shape = x.shape().to_vec();
    shape[rank - 1] = outputs;
    let rows: usize = shape[..rank - 1].iter().product();
    // One matrix has to hold all rows: two axes may have any strides, more are put in order.
    let x = match rank {
        1 => x.unsqueeze(0),
        2 => x.clone(),
        _ => x.contiguous().reshape([rows, inputs]),
    };
    dispatch!(float "linear", x.dtype(), T => {
        let bias = bias.map(Tensor::contiguous);
        let epilogue = Epilogue {
            column_bias: bias.as_ref().map(|bias| bias.as_slice::<T>().expect("contiguous tensors are slices")),
            relu,
            ..Epilogue::default()
        };
        Tensor::build::<T>(Layout::contiguous(&shape), |y| {
            gemm::product_with(matrix::<T>(&x, [0, 1]), matrix::<T>(w, [1, 0]), [rows, inputs, outputs], y, epilogue);
        })
    })
}

/// A matrix whose rows and columns are these axes of a tensor.
fn matrix<T: Element>(x: &Tensor, [row, column]: [usize; 2]) -> Matrix<'_, T> {
    let offset = if x.is_empty() { 0 } else { x.layout().offset() };
    Matrix { data: x.view_as::<T>().data(), offset, strides: [x.strides()[row], x.strides()[column]] }
}
