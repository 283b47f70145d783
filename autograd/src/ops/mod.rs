//! Differentiable array ops, one file per family with the name of its kernel file in `tensor::ops`.

crate::ops! {
    elementwise::{}
    arithmetic::{Add, Sub, Mul, Div, AddScalar, MulScalar, DivScalar, Abs, Lerp, LerpTensor}
    power::{PowScalar, Pow, ScalarPow, Sqrt, Rsqrt, Reciprocal}
    exponential::{Exp, Exp2, Expm1, Log, Log2, Log10, Log1p, Logit}
    trigonometric::{Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Tanh, Atan2}
    special::{Erf, Erfc, Erfinv}
    activation::{Relu, Sigmoid, SigmoidBackward}
    rounding::{Frac}
    bounds::{Minimum, Maximum, Clamp, ClampTensor}
    remainder::{Fmod, Remainder}
    mask::{Where}
    reduce::{Sum, Mean, Prod, SumTo, Expand}
    statistics::{Var, Std, LogSumExp, Norm}
    extreme::{Amax, Amin}
    scan::{CumSum, CumProd}
    matmul::{Matmul}
    reshape::{Reshape, Permute}
    slice::{Slice, SliceAdjoint}
    gather::{Gather, GatherAdjoint, Scatter, ScatterAdd}
    index::{IndexSelect, IndexSelectAdjoint}
    sort::{}
    split::{}
    repeat::{}
    cat::{Cat}
    pad::{Pad, PadAdjoint}
    windows::{Unfold, UnfoldAdjoint}
    diagonal::{Diagonal, DiagonalAdjoint, Tril, Triu}
    einsum::{}
    cast::{Cast}
}
