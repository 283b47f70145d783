//! `+ - * /` and unary minus on tensors and references, with numbers on either side.

use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::Tensor;

macro_rules! operator {
    ($trait:ident, $method:ident, |$a:ident, $b:ident| $scalar:expr, |$s:ident, $t:ident| $reverse:expr) => {
        impl $trait<&Tensor> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: &Tensor) -> Tensor {
                Tensor::$method(self, other)
            }
        }
        impl $trait<Tensor> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                Tensor::$method(self, &other)
            }
        }
        impl $trait<&Tensor> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: &Tensor) -> Tensor {
                Tensor::$method(&self, other)
            }
        }
        impl $trait<Tensor> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                Tensor::$method(&self, &other)
            }
        }
        impl $trait<f64> for &Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, $b: f64) -> Tensor {
                let $a = self;
                $scalar
            }
        }
        impl $trait<f64> for Tensor {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: f64) -> Tensor {
                $trait::$method(&self, other)
            }
        }
        impl $trait<&Tensor> for f64 {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, $t: &Tensor) -> Tensor {
                let $s = self;
                $reverse
            }
        }
        impl $trait<Tensor> for f64 {
            type Output = Tensor;
            #[track_caller]
            fn $method(self, other: Tensor) -> Tensor {
                $trait::$method(self, &other)
            }
        }
    };
}

operator!(Add, add, |a, b| a.add_scalar(b), |s, t| t.add_scalar(s));
operator!(Sub, sub, |a, b| a.sub_scalar(b), |s, t| t.neg().add_scalar(s));
operator!(Mul, mul, |a, b| a.mul_scalar(b), |s, t| t.mul_scalar(s));
operator!(Div, div, |a, b| a.div_scalar(b), |s, t| Tensor::full([], s, t.dtype()).div(t));

impl Neg for &Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        Tensor::neg(self)
    }
}

impl Neg for Tensor {
    type Output = Tensor;
    #[track_caller]
    fn neg(self) -> Tensor {
        Tensor::neg(&self)
    }
}
