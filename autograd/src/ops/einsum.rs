//! Einstein's summation of variables, by the rules that stand in `tensor::ops::einsum`.

use tensor::{DType, EinsumOperand};

use super::arithmetic::mul;
use super::diagonal::diagonal;
use super::matmul::bmm;
use super::reduce::sum;
use super::reshape::{permute, reshape};
use crate::Variable;

impl EinsumOperand for Variable {
    fn sizes(&self) -> &[usize] {
        self.shape()
    }
    fn dtype(&self) -> DType {
        Variable::dtype(self)
    }
    fn diagonal(&self, offset: isize, a: isize, b: isize) -> Variable {
        diagonal(self, offset, a, b)
    }
    fn permute(&self, order: &[isize]) -> Variable {
        permute(self, order)
    }
    fn reshape(&self, shape: &[usize]) -> Variable {
        reshape(self, shape)
    }
    fn sum(&self, axes: &[isize]) -> Variable {
        sum(self, axes, false)
    }
    fn mul(&self, other: &Variable) -> Variable {
        mul(self, other)
    }
    fn bmm(&self, other: &Variable) -> Variable {
        bmm(self, other)
    }
}

/// The sum of products that `equation` names, as `"bij,bjk->bik"`. PyTorch: `torch.einsum`.
///
/// ```
/// use gradus_autograd::{Variable, ops::einsum::einsum};
/// use tensor::Tensor;
///
/// let x = Variable::leaf(Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
/// einsum("ii", &[&x]).backward();
/// assert_eq!(x.grad().unwrap().to_vec::<f64>(), [1.0, 0.0, 0.0, 1.0]);
/// ```
///
/// # Panics
/// If the equation is malformed or does not fit the operands.
#[track_caller]
pub fn einsum(equation: &str, operands: &[&Variable]) -> Variable {
    tensor::einsum(equation, &operands.iter().map(|&operand| operand.clone()).collect::<Vec<_>>())
}
