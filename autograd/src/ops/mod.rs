//! Differentiable array ops, one file per family with the name of its kernel file in `tensor::ops`.

crate::ops! {
    elementwise::{Add, Mul, Div, AddScalar, MulScalar, PowScalar, Exp, Log, Sqrt, Tanh, Sigmoid, Reciprocal, Abs, Relu, Where}
    reduce::{Sum, SumTo, Expand}
    matmul::{Matmul}
    reshape::{Reshape, Permute}
    slice::{Slice, SliceAdjoint}
    gather::{Gather, GatherAdjoint}
    cat::{Cat}
}
