//! Arithmetic, functions, comparisons and choices, element by element.

use gradus::autograd::{Variable, ops};
use gradus::tensor::Tensor;

use super::{Call, one, plain};

/// A tensor operand, or a number as a 0-dimensional one of the first input's dtype.
fn operand(call: &Call<'_>, name: &str) -> Variable {
    match call.other(name) {
        Ok(variable) => variable.clone(),
        Err(number) => Variable::new(Tensor::full([], number, call.x().dtype())),
    }
}

pub(crate) fn call(call: &Call<'_>) -> Option<Vec<Variable>> {
    let x = call.x();
    let y = match call.op {
        "abs" => x.abs(),
        "acos" => x.acos(),
        "asin" => x.asin(),
        "atan" => x.atan(),
        "ceil" => x.ceil(),
        "cos" => x.cos(),
        "cosh" => x.cosh(),
        "erf" => x.erf(),
        "erfc" => x.erfc(),
        "exp" => x.exp(),
        "exp2" => x.exp2(),
        "expm1" => x.expm1(),
        "floor" => x.floor(),
        "frac" => x.frac(),
        "log" => x.log(),
        "log10" => x.log10(),
        "log1p" => x.log1p(),
        "log2" => x.log2(),
        "logit" => x.logit(None),
        "neg" => -x,
        "reciprocal" => x.reciprocal(),
        "relu" => x.relu(),
        "round" => x.round(),
        "rsqrt" => x.rsqrt(),
        "sigmoid" => x.sigmoid(),
        "sign" => x.sign(),
        "sin" => x.sin(),
        "sinh" => x.sinh(),
        "sqrt" => x.sqrt(),
        "square" => x.square(),
        "tan" => x.tan(),
        "tanh" => x.tanh(),
        "trunc" => x.trunc(),
        "add" => {
            let other = operand(call, "other");
            x + &(&other * call.args.float_or("alpha", 1.0))
        }
        "sub" => {
            let other = operand(call, "other");
            x - &(&other * call.args.float_or("alpha", 1.0))
        }
        "mul" => x * &operand(call, "other"),
        "div" => {
            let y = x / &operand(call, "other");
            match call.args.text("rounding_mode", "none") {
                "trunc" => y.trunc(),
                "floor" => y.floor(),
                _ => y,
            }
        }
        "pow" => match call.other("exponent") {
            Ok(exponent) => x.pow(exponent),
            Err(exponent) => x.pow_scalar(exponent),
        },
        "minimum" => x.minimum(&operand(call, "other")),
        "maximum" => x.maximum(&operand(call, "other")),
        "atan2" => x.atan2(&operand(call, "other")),
        "fmod" => x.fmod(&operand(call, "other")),
        "remainder" => x.remainder(&operand(call, "other")),
        "lerp" => match call.other("weight") {
            Ok(weight) => ops::arithmetic::lerp_tensor(x, call.input("end")?, weight),
            Err(weight) => x.lerp(call.input("end")?, weight),
        },
        "clamp" => match call.input("min") {
            Some(low) => ops::bounds::clamp_tensor(x, Some(low), call.input("max")),
            None => {
                let low = call.args.float_or("min", f64::NEG_INFINITY);
                x.clamp(low, call.args.float_or("max", f64::INFINITY))
            }
        },
        "where" => {
            return one(ops::elementwise::where_(&x.data(), call.input("input")?, call.input("other")?));
        }
        "eq" | "ne" | "lt" | "le" | "gt" | "ge" => {
            let (a, b) = (x.data(), operand(call, "other").data());
            return plain(match call.op {
                "eq" => a.eq(&b),
                "ne" => a.ne(&b),
                "lt" => a.lt(&b),
                "le" => a.le(&b),
                "gt" => a.gt(&b),
                _ => a.ge(&b),
            });
        }
        _ => return None,
    };
    one(y)
}
