//! Printing: values in nested brackets, large tensors summarised, shape and dtype at the end.

use std::fmt::{self, Write};

use crate::{DType, Tensor};

/// Above this many elements only the first and last [`EDGE`] of each axis are shown.
const SUMMARY: usize = 1000;
const EDGE: usize = 3;

fn text(x: f64, dtype: DType, scientific: bool) -> String {
    match dtype {
        DType::Bool => (x != 0.0).to_string(),
        DType::I64 | DType::U8 => format!("{x}"),
        _ if !x.is_finite() => format!("{x}"),
        _ if scientific => format!("{x:.4e}"),
        _ => format!("{x:.4}"),
    }
}

/// The indices of an axis that are shown; `None` stands for the gap.
fn shown(size: usize, summarise: bool) -> Vec<Option<usize>> {
    if summarise && size > 2 * EDGE {
        (0..EDGE).map(Some).chain([None]).chain((size - EDGE..size).map(Some)).collect()
    } else {
        (0..size).map(Some).collect()
    }
}

struct Printer<'a> {
    tensor: &'a Tensor,
    summarise: bool,
    scientific: bool,
    width: usize,
}

impl Printer<'_> {
    fn value(&self, index: &[usize]) -> String {
        let position = self.tensor.layout().position(index);
        match self.tensor.dtype() {
            // i64 does not fit f64 exactly.
            DType::I64 => self.tensor.view_as::<i64>().data()[position].to_string(),
            dtype => {
                let x = crate::dispatch!(all "display", dtype, T =>
                    crate::Element::to_f64(self.tensor.view_as::<T>().data()[position]));
                text(x, dtype, self.scientific)
            }
        }
    }

    fn visit(&self, index: &mut Vec<usize>, each: &mut dyn FnMut(&str)) {
        if index.len() == self.tensor.rank() {
            each(&self.value(index));
            return;
        }
        for i in shown(self.tensor.shape()[index.len()], self.summarise).into_iter().flatten() {
            index.push(i);
            self.visit(index, each);
            index.pop();
        }
    }

    fn write(&self, index: &mut Vec<usize>, out: &mut String) {
        let axis = index.len();
        if axis == self.tensor.rank() {
            let value = self.value(index);
            let _ = write!(out, "{value:>width$}", width = self.width);
            return;
        }
        out.push('[');
        let last = axis + 1 == self.tensor.rank();
        for (k, i) in shown(self.tensor.shape()[axis], self.summarise).into_iter().enumerate() {
            if k > 0 {
                out.push(',');
                if last {
                    out.push(' ');
                } else {
                    out.push_str(&"\n".repeat(self.tensor.rank() - 1 - axis));
                    out.push_str(&" ".repeat(axis + 1));
                }
            }
            match i {
                None => out.push_str("..."),
                Some(i) => {
                    index.push(i);
                    self.write(index, out);
                    index.pop();
                }
            }
        }
        out.push(']');
    }
}

impl fmt::Display for Tensor {
    /// PyTorch's arrangement: nested brackets, columns aligned, then shape and dtype.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printer = Printer { tensor: self, summarise: self.len() > SUMMARY, scientific: false, width: 0 };
        if self.is_empty() {
            return write!(f, "[] {:?} {}", self.shape(), self.dtype());
        }
        if self.dtype().is_float() {
            let mut largest = 0.0f64;
            printer.visit(&mut vec![], &mut |value| {
                let x = value.parse::<f64>().unwrap_or(0.0).abs();
                if x.is_finite() && x > 0.0 {
                    largest = largest.max(x);
                }
            });
            let vanishes = largest == 0.0 && {
                let x = self.to_dtype(DType::F64).abs();
                x.max_all().is_some_and(|top| top > 0.0)
            };
            printer.scientific = largest >= 1e5 || vanishes;
        }
        let mut width = 0;
        printer.visit(&mut vec![], &mut |value| width = width.max(value.len()));
        printer.width = width;
        let mut out = String::new();
        printer.write(&mut vec![], &mut out);
        write!(f, "{out} {:?} {}", self.shape(), self.dtype())
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor({self})")
    }
}
