//! `+ - * /` and unary minus on variables and references, with numbers on either side.

use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::Variable;
use crate::ops::elementwise as op;

macro_rules! operator {
    ($trait:ident, $method:ident, |$a:ident, $b:ident| $scalar:expr, |$s:ident, $t:ident| $reverse:expr) => {
        impl $trait<&Variable> for &Variable {
            type Output = Variable;
            #[track_caller]
            fn $method(self, other: &Variable) -> Variable {
                op::$method(self, other)
            }
        }
        impl $trait<Variable> for &Variable {
            type Output = Variable;
            #[track_caller]
            fn $method(self, other: Variable) -> Variable {
                op::$method(self, &other)
            }
        }
        impl $trait<&Variable> for Variable {
            type Output = Variable;
            #[track_caller]
            fn $method(self, other: &Variable) -> Variable {
                op::$method(&self, other)
            }
        }
        impl $trait<Variable> for Variable {
            type Output = Variable;
            #[track_caller]
            fn $method(self, other: Variable) -> Variable {
                op::$method(&self, &other)
            }
        }
        impl $trait<f64> for &Variable {
            type Output = Variable;
            #[track_caller]
            fn $method(self, $b: f64) -> Variable {
                let $a = self;
                $scalar
            }
        }
        impl $trait<f64> for Variable {
            type Output = Variable;
            #[track_caller]
            fn $method(self, other: f64) -> Variable {
                $trait::$method(&self, other)
            }
        }
        impl $trait<&Variable> for f64 {
            type Output = Variable;
            #[track_caller]
            fn $method(self, $t: &Variable) -> Variable {
                let $s = self;
                $reverse
            }
        }
        impl $trait<Variable> for f64 {
            type Output = Variable;
            #[track_caller]
            fn $method(self, other: Variable) -> Variable {
                $trait::$method(self, &other)
            }
        }
    };
}

operator!(Add, add, |a, b| op::add_scalar(a, b), |s, t| op::add_scalar(t, s));
operator!(Sub, sub, |a, b| op::add_scalar(a, -b), |s, t| op::add_scalar(&op::neg(t), s));
operator!(Mul, mul, |a, b| op::mul_scalar(a, b), |s, t| op::mul_scalar(t, s));
operator!(Div, div, |a, b| op::div_scalar(a, b), |s, t| op::mul_scalar(&op::reciprocal(t), s));

impl Neg for &Variable {
    type Output = Variable;
    #[track_caller]
    fn neg(self) -> Variable {
        op::neg(self)
    }
}

impl Neg for Variable {
    type Output = Variable;
    #[track_caller]
    fn neg(self) -> Variable {
        op::neg(&self)
    }
}
