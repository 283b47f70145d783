//! Arguments by name, with PyTorch's defaults; whatever is not read in the end is an option that was overlooked.

use std::cell::RefCell;
use std::collections::BTreeSet;

use gradus::tensor::Tensor;
use serde_json::Value;

use super::case::list;
use super::{Outcome, Tensors};

/// The arguments of one call.
pub(crate) struct Arguments<'a> {
    value: &'a Value,
    tensors: &'a Tensors,
    read: RefCell<BTreeSet<String>>,
}

/// A JSON number, also one that JSON cannot write.
pub(crate) fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| match value["float"].as_str()? {
        "inf" => Some(f64::INFINITY),
        "-inf" => Some(f64::NEG_INFINITY),
        _ => Some(f64::NAN),
    })
}

impl<'a> Arguments<'a> {
    pub(crate) fn new(value: &'a Value, tensors: &'a Tensors) -> Arguments<'a> {
        Arguments { value, tensors, read: RefCell::default() }
    }

    /// The raw argument; null if absent.
    pub(crate) fn raw(&self, name: &str) -> &'a Value {
        self.read.borrow_mut().insert(name.to_owned());
        &self.value[name]
    }

    /// Whether an argument is given and not null.
    pub(crate) fn has(&self, name: &str) -> bool {
        !self.raw(name).is_null()
    }

    pub(crate) fn float(&self, name: &str) -> Option<f64> {
        number(self.raw(name))
    }

    pub(crate) fn float_or(&self, name: &str, default: f64) -> f64 {
        self.float(name).unwrap_or(default)
    }

    pub(crate) fn int(&self, name: &str) -> Option<isize> {
        self.raw(name).as_i64().map(|value| value as isize)
    }

    pub(crate) fn int_or(&self, name: &str, default: isize) -> isize {
        self.int(name).unwrap_or(default)
    }

    pub(crate) fn size(&self, name: &str) -> usize {
        self.raw(name).as_u64().unwrap_or_else(|| panic!("argument {name} is no size")) as usize
    }

    pub(crate) fn size_or(&self, name: &str, default: usize) -> usize {
        self.raw(name).as_u64().map_or(default, |value| value as usize)
    }

    pub(crate) fn flag(&self, name: &str, default: bool) -> bool {
        self.raw(name).as_bool().unwrap_or(default)
    }

    pub(crate) fn text(&self, name: &str, default: &'a str) -> &'a str {
        self.raw(name).as_str().unwrap_or(default)
    }

    /// One number or a list of numbers; `None` if absent.
    pub(crate) fn ints(&self, name: &str) -> Option<Vec<isize>> {
        match self.raw(name) {
            Value::Null => None,
            Value::Number(value) => Some(vec![value.as_i64()? as isize]),
            value => Some(list(value).iter().filter_map(|v| Some(v.as_i64()? as isize)).collect()),
        }
    }

    /// One size, repeated, or a list of `count` sizes (a list of one counts for all).
    pub(crate) fn sizes(&self, name: &str, count: usize, default: usize) -> Vec<usize> {
        match self.ints(name) {
            None => vec![default; count],
            Some(values) if values.len() == 1 => vec![values[0] as usize; count],
            Some(values) => values.iter().map(|&value| value as usize).collect(),
        }
    }

    /// One number or a list of numbers; `None` if absent.
    pub(crate) fn floats(&self, name: &str) -> Option<Vec<f64>> {
        match self.raw(name) {
            Value::Null => None,
            Value::Array(values) => Some(values.iter().filter_map(number).collect()),
            value => Some(vec![number(value)?]),
        }
    }

    /// A stored tensor.
    pub(crate) fn tensor(&self, name: &str) -> Option<Tensor> {
        self.raw(name)["tensor"].as_str().map(|key| self.tensors.of(key))
    }

    /// Refuses the case if an argument was given that nobody read.
    pub(crate) fn finish(&self) -> Result<(), Outcome> {
        let read = self.read.borrow();
        let left: Vec<&String> = self
            .value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
            .filter(|name| !read.contains(*name))
            .collect();
        if left.is_empty() { Ok(()) } else { Err(Outcome::unsupported(format!("arguments {left:?}"))) }
    }
}
