//! Reads the data out of a Python pickle without ever running what it asks for.
//!
//! A pickle is a program for a stack machine that may name and call any function. This reader keeps such calls as plain
//! values ([`Value::Call`]) and understands only the opcodes that lists, dictionaries, numbers, strings and numpy arrays
//! need. Values live in one arena and refer to each other by number, so nothing is copied, and a pickle costs memory in
//! proportion to its length.

use std::path::Path;

use crate::error::{Result, VisionError};

type Id = usize;

/// A value in the arena.
#[derive(Debug)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float,
    /// Bytes, or text in UTF-8.
    Bytes(Vec<u8>),
    /// A tuple or list.
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A function by name; never called.
    Global(String),
    /// What would have been a call of a function with arguments, and the state set afterwards.
    Call {
        function: Id,
        arguments: Id,
        state: Option<Id>,
    },
}

/// A pickle's values.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<Value>,
    root: Id,
}

impl Pickle {
    /// Reads a pickle that fills `bytes`.
    pub(super) fn read(bytes: &[u8], path: &Path) -> Result<Pickle> {
        let mut machine =
            Machine { bytes, at: 0, path, values: Vec::new(), stack: Vec::new(), marks: Vec::new(), memo: Vec::new() };
        let root = machine.run()?;
        Ok(Pickle { values: machine.values, root })
    }

    fn value(&self, id: Id) -> &Value {
        &self.values[id]
    }

    /// An entry of the outermost dictionary.
    pub(super) fn entry(&self, name: &str) -> Option<Id> {
        let Value::Dict(entries) = self.value(self.root) else { return None };
        let named = |id: Id| matches!(self.value(id), Value::Bytes(text) if text == name.as_bytes());
        entries.iter().find(|(key, _)| named(*key)).map(|&(_, value)| value)
    }

    /// A list of whole numbers.
    pub(super) fn integers(&self, id: Id) -> Option<Vec<i64>> {
        let Value::List(items) = self.value(id) else { return None };
        items.iter().map(|&id| if let Value::Int(v) = *self.value(id) { Some(v) } else { None }).collect()
    }

    /// A list of texts.
    pub(super) fn texts(&self, id: Id) -> Option<Vec<String>> {
        let Value::List(items) = self.value(id) else { return None };
        items
            .iter()
            .map(|&id| match self.value(id) {
                Value::Bytes(text) => Some(String::from_utf8_lossy(text).into_owned()),
                _ => None,
            })
            .collect()
    }

    /// A numpy array of bytes: its shape and its elements in row-major order.
    pub(super) fn array(&self, id: Id) -> Option<(Vec<i64>, &[u8])> {
        let Value::Call { function, state: Some(state), .. } = self.value(id) else { return None };
        let Value::Global(name) = self.value(*function) else { return None };
        if !name.ends_with("multiarray _reconstruct") {
            return None;
        }
        // (version, shape, dtype, is it in column-major order, elements)
        let Value::List(parts) = self.value(*state) else { return None };
        let &[_, shape, dtype, order, elements] = parts.as_slice() else { return None };
        let Value::Call { arguments, .. } = self.value(dtype) else { return None };
        let Value::List(arguments) = self.value(*arguments) else { return None };
        let Value::Bytes(kind) = self.value(*arguments.first()?) else { return None };
        let row_major = matches!(self.value(order), Value::Bool(false) | Value::Int(0));
        match self.value(elements) {
            Value::Bytes(bytes) if (kind == b"u1" || kind == b"|u1") && row_major => {
                Some((self.integers(shape)?, bytes))
            }
            _ => None,
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    path: &'a Path,
    values: Vec<Value>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: Vec<Option<Id>>,
}

impl Machine<'_> {
    fn fault<T>(&self, expected: &str, found: impl Into<String>) -> Result<T> {
        Err(VisionError::malformed(self.path, format!("byte {} of the pickle", self.at), expected, found))
    }

    fn take(&mut self, count: usize) -> Result<&[u8]> {
        let rest = self.bytes.len() - self.at;
        if count > rest {
            return self.fault(&format!("{count} more bytes"), format!("the end after {rest}"));
        }
        self.at += count;
        Ok(&self.bytes[self.at - count..self.at])
    }

    /// A little-endian number of up to 8 bytes, without sign.
    fn number(&mut self, bytes: usize) -> Result<u64> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b)))
    }

    fn length(&mut self, bytes: usize) -> Result<usize> {
        let n = self.number(bytes)?;
        usize::try_from(n).or_else(|_| self.fault("a length", n.to_string()))
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    fn push_bytes(&mut self, count: usize) -> Result<()> {
        let bytes = self.take(count)?.to_vec();
        self.push(Value::Bytes(bytes));
        Ok(())
    }

    fn pop(&mut self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return self.fault("a value on the stack", "none");
        }
        Ok(self.stack.pop().expect("checked"))
    }

    fn pop_mark(&mut self) -> Result<Vec<Id>> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => self.fault("a mark on the stack", "none"),
        }
    }

    fn top(&self) -> Result<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.last() {
            Some(&id) if self.stack.len() > floor => Ok(id),
            _ => self.fault("a value on the stack", "none"),
        }
    }

    fn line(&mut self) -> Result<String> {
        let rest = &self.bytes[self.at..];
        let Some(end) = rest.iter().position(|&b| b == b'\n') else { return self.fault("a line", "no end of line") };
        let text = String::from_utf8_lossy(&rest[..end]).into_owned();
        self.at += end + 1;
        Ok(text)
    }

    fn remember(&mut self, slot: usize) -> Result<()> {
        let id = self.top()?;
        // Slots are counted up one by one; a far one would only cost memory.
        if slot > self.bytes.len() {
            return self.fault("a memo slot", slot.to_string());
        }
        if slot >= self.memo.len() {
            self.memo.resize(slot + 1, None);
        }
        self.memo[slot] = Some(id);
        Ok(())
    }

    fn recall(&mut self, slot: usize) -> Result<()> {
        match self.memo.get(slot).copied().flatten() {
            Some(id) => self.stack.push(id),
            None => return self.fault("a filled memo slot", slot.to_string()),
        }
        Ok(())
    }

    fn append(&mut self, items: Vec<Id>) -> Result<()> {
        let id = self.top()?;
        match &mut self.values[id] {
            Value::List(list) => list.extend(items),
            _ => return self.fault("a list to append to", "another value"),
        }
        Ok(())
    }

    fn set(&mut self, items: &[Id]) -> Result<()> {
        let id = self.top()?;
        if !items.len().is_multiple_of(2) {
            return self.fault("keys and values in pairs", items.len().to_string());
        }
        match &mut self.values[id] {
            Value::Dict(entries) => entries.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1]))),
            _ => return self.fault("a dictionary to fill", "another value"),
        }
        Ok(())
    }

    fn tuple(&mut self, count: usize) -> Result<()> {
        let mut items = (0..count).map(|_| self.pop()).collect::<Result<Vec<_>>>()?;
        items.reverse();
        self.push(Value::List(items));
        Ok(())
    }

    fn run(&mut self) -> Result<Id> {
        loop {
            let opcode = self.take(1)?[0];
            match opcode {
                0x80 => drop(self.take(1)?),
                0x95 => drop(self.take(8)?),
                b'.' => return self.pop(),
                b'(' => self.marks.push(self.stack.len()),
                b'0' => drop(self.pop()?),
                b'N' => self.push(Value::None),
                0x88 => self.push(Value::Bool(true)),
                0x89 => self.push(Value::Bool(false)),
                b'K' | b'M' => {
                    let n = self.number(if opcode == b'K' { 1 } else { 2 })?;
                    self.push(Value::Int(n as i64));
                }
                b'J' => {
                    let n = self.number(4)? as u32 as i32;
                    self.push(Value::Int(i64::from(n)));
                }
                0x8a => {
                    let count = self.length(1)?;
                    if count > 8 {
                        return self.fault("a whole number of at most 8 bytes", count.to_string());
                    }
                    let n = self.number(count)?;
                    let unused = 64 - 8 * count as u32;
                    self.push(Value::Int(if count == 0 { 0 } else { (n << unused) as i64 >> unused }));
                }
                b'G' => {
                    self.take(8)?;
                    self.push(Value::Float);
                }
                b'U' | b'C' | 0x8c => {
                    let count = self.length(1)?;
                    self.push_bytes(count)?;
                }
                b'T' | b'B' | b'X' => {
                    let count = self.length(4)?;
                    self.push_bytes(count)?;
                }
                0x8e => {
                    let count = self.length(8)?;
                    self.push_bytes(count)?;
                }
                b']' | b')' => self.push(Value::List(Vec::new())),
                b'}' => self.push(Value::Dict(Vec::new())),
                b'l' | b't' => {
                    let items = self.pop_mark()?;
                    self.push(Value::List(items));
                }
                0x85..=0x87 => self.tuple(usize::from(opcode - 0x84))?,
                b'a' => {
                    let item = self.pop()?;
                    self.append(vec![item])?;
                }
                b'e' => {
                    let items = self.pop_mark()?;
                    self.append(items)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.set(&[key, value])?;
                }
                b'u' => {
                    let items = self.pop_mark()?;
                    self.set(&items)?;
                }
                b'q' | b'r' => {
                    let slot = self.length(if opcode == b'q' { 1 } else { 4 })?;
                    self.remember(slot)?;
                }
                0x94 => self.remember(self.memo.len())?,
                b'h' | b'j' => {
                    let slot = self.length(if opcode == b'h' { 1 } else { 4 })?;
                    self.recall(slot)?;
                }
                b'c' => {
                    let name = format!("{} {}", self.line()?, self.line()?);
                    self.push(Value::Global(name));
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let text = |id: Id| match &self.values[id] {
                        Value::Bytes(text) => String::from_utf8_lossy(text).into_owned(),
                        _ => String::new(),
                    };
                    let global = format!("{} {}", text(module), text(name));
                    self.push(Value::Global(global));
                }
                b'R' | 0x81 => {
                    let arguments = self.pop()?;
                    let function = self.pop()?;
                    self.push(Value::Call { function, arguments, state: None });
                }
                b'b' => {
                    let given = self.pop()?;
                    let id = self.top()?;
                    match &mut self.values[id] {
                        Value::Call { state, .. } => *state = Some(given),
                        _ => return self.fault("an object to set the state of", "another value"),
                    }
                }
                other => return self.fault("an opcode of plain data", format!("{other:#04x}")),
            }
        }
    }
}
