//! Reductions, scans and matrix products.

use gradus::autograd::{Variable, ops};

use super::{Call, one, plain};

pub(crate) fn call(call: &Call<'_>) -> Option<Vec<Variable>> {
    let x = call.x();
    let keepdim = || call.args.flag("keepdim", false);
    let first = || call.args.int("dim");
    let y = match call.op {
        "sum" => x.sum(&call.dims(), keepdim()),
        "mean" => x.mean(&call.dims(), keepdim()),
        "var" => x.var(&call.dims(), call.args.float_or("correction", 1.0), keepdim()),
        "std" => x.std(&call.dims(), call.args.float_or("correction", 1.0), keepdim()),
        "prod" => x.prod(&call.dims(), keepdim()),
        "amax" => x.amax(&call.dims(), keepdim()),
        "amin" => x.amin(&call.dims(), keepdim()),
        "logsumexp" => x.logsumexp(&call.dims(), keepdim()),
        "norm" => x.norm(call.args.float_or("p", 2.0), &call.dims(), keepdim()),
        "cumsum" => x.cumsum(first()?),
        "cumprod" => x.cumprod(first()?),
        "max" | "min" => {
            let Some(axis) = first() else {
                return one(if call.op == "max" { x.amax(&[], false) } else { x.amin(&[], false) });
            };
            let (values, indices) = if call.op == "max" { x.max(axis, keepdim()) } else { x.min(axis, keepdim()) };
            return Some(vec![values, Variable::new(indices)]);
        }
        "argmax" | "argmin" => {
            let keep = keepdim();
            let data = x.data();
            let (data, axis) = match first() {
                Some(axis) => (data, axis),
                None => (data.flatten(0, -1), 0),
            };
            return plain(if call.op == "argmax" { data.argmax(axis, keep) } else { data.argmin(axis, keep) });
        }
        "matmul" => x.matmul(call.input("other")?),
        "bmm" => ops::matmul::bmm(x, call.input("mat2")?),
        "outer" => ops::matmul::outer(x, call.input("vec2")?),
        "addmm" => ops::matmul::addmm(
            x,
            [call.input("mat1")?, call.input("mat2")?],
            call.args.float_or("beta", 1.0),
            call.args.float_or("alpha", 1.0),
        ),
        "einsum" => {
            let operands: Vec<&Variable> = call.inputs.iter().collect();
            ops::einsum::einsum(call.args.text("equation", ""), &operands)
        }
        _ => return None,
    };
    one(y)
}
