//! Printing: values in nested brackets, large tensors summarised, shape and dtype at the end. Columns, precision and the
//! choice between plain and scientific notation follow PyTorch.

use std::fmt::{self, Write};

use crate::{DType, Element, Tensor, dispatch};

/// Above this many elements only the first and last [`EDGE`] of each axis are shown.
const SUMMARY: usize = 1000;
const EDGE: usize = 3;

/// Columns of a line, at which long rows are broken.
const WIDTH: usize = 80;

/// How the floats of a tensor are written.
#[derive(Clone, Copy, PartialEq)]
enum Notation {
    /// `3.`: all are whole.
    Whole,
    /// `3.1416`.
    Plain,
    /// `3.1416e+00`.
    Scientific,
}

impl Notation {
    /// The notation that suits these values.
    fn of(values: &[f64]) -> Notation {
        let sizes = values.iter().map(|x| x.abs()).filter(|&x| x.is_finite() && x > 0.0);
        let (low, high) = sizes.fold((f64::INFINITY, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
        let spread = high > 0.0 && high / low > 1000.0;
        if values.iter().filter(|x| x.is_finite()).all(|x| x.fract() == 0.0) {
            if high > 1e8 || spread { Notation::Scientific } else { Notation::Whole }
        } else if high > 1e8 || low < 1e-4 || spread {
            Notation::Scientific
        } else {
            Notation::Plain
        }
    }

    fn write(self, x: f64) -> String {
        match self {
            _ if x.is_nan() => "nan".to_string(),
            _ if x.is_infinite() => format!("{x}"),
            Notation::Whole => format!("{x:.0}."),
            Notation::Plain => format!("{x:.4}"),
            Notation::Scientific => {
                let text = format!("{x:.4e}");
                let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
                let (sign, exponent) = match exponent.strip_prefix('-') {
                    Some(exponent) => ('-', exponent),
                    None => ('+', exponent),
                };
                format!("{digits}e{sign}{exponent:0>2}")
            }
        }
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
    notation: Notation,
    width: usize,
}

impl Printer<'_> {
    fn float(&self, index: &[usize]) -> f64 {
        dispatch!(all "display", self.tensor.dtype(), T => self.tensor.view_as::<T>().at(index).to_f64())
    }

    fn value(&self, index: &[usize]) -> String {
        match self.tensor.dtype() {
            DType::F32 | DType::F64 => self.notation.write(self.float(index)),
            DType::Bool => self.tensor.view_as::<bool>().at(index).to_string(),
            DType::U8 => self.tensor.view_as::<u8>().at(index).to_string(),
            DType::I64 => self.tensor.view_as::<i64>().at(index).to_string(),
        }
    }

    /// Calls `each` with the index of every element that is shown.
    fn visit(&self, index: &mut Vec<usize>, each: &mut dyn FnMut(&[usize])) {
        if index.len() == self.tensor.rank() {
            each(index);
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
        let per_line = ((WIDTH - (axis + 1).min(WIDTH)) / (self.width + 2)).max(1);
        for (k, i) in shown(self.tensor.shape()[axis], self.summarise).into_iter().enumerate() {
            if k > 0 {
                let lines = if !last { self.tensor.rank() - 1 - axis } else { usize::from(k % per_line == 0) };
                out.push(',');
                if lines == 0 {
                    out.push(' ');
                } else {
                    out.push_str(&"\n".repeat(lines));
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
    /// PyTorch's arrangement: nested brackets, columns aligned, lines of 80 columns; then shape and dtype.
    ///
    /// ```
    /// # use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([[1.0, -2.5], [10.0, 0.25]]).to_string(), "\
    /// [[ 1.0000, -2.5000],
    ///  [10.0000,  0.2500]] [2, 2] f64");
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).to_string(), "[1., 2.] [2] f32");
    /// ```
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return write!(f, "[] {:?} {}", self.shape(), self.dtype());
        }
        let mut printer =
            Printer { tensor: self, summarise: self.len() > SUMMARY, notation: Notation::Plain, width: 0 };
        if self.dtype().is_float() {
            let mut values = vec![];
            printer.visit(&mut vec![], &mut |index| values.push(printer.float(index)));
            printer.notation = Notation::of(&values);
        }
        let mut width = 0;
        printer.visit(&mut vec![], &mut |index| width = width.max(printer.value(index).len()));
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
