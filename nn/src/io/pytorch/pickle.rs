//! The pickle machine, reduced to what builds data.
//!
//! Values live in one list and refer to one another by number, so neither sharing nor depth nor cycles cost more than the
//! program's own length.

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A tuple.
    Tuple(Vec<usize>),
    /// A list.
    List(Vec<usize>),
    /// A dictionary, as pairs of key and value.
    Dict(Vec<(usize, usize)>),
    /// The name of a class or function, never called.
    Global(String),
    /// A tensor's storage: its class and its number in the archive.
    Storage { kind: String, key: String },
    /// A tensor.
    Tensor(TensorNode),
    /// Anything else.
    Opaque,
}

/// A tensor: where in which storage.
#[derive(Clone, Debug)]
pub(super) struct TensorNode {
    pub(super) storage: usize,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// What a program built.
#[derive(Debug)]
pub(super) struct Pickle {
    nodes: Vec<Node>,
    pub(super) root: usize,
}

impl Pickle {
    /// Runs a program.
    pub(super) fn run(program: &[u8]) -> Result<Pickle, String> {
        let mut machine = Machine { program, at: 0, nodes: vec![], stack: vec![], marks: vec![], memo: vec![] };
        let root = machine.run()?;
        Ok(Pickle { nodes: machine.nodes, root })
    }

    /// A value by number.
    pub(super) fn node(&self, number: usize) -> &Node {
        &self.nodes[number]
    }
}

struct Machine<'a> {
    program: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    stack: Vec<usize>,
    marks: Vec<usize>,
    memo: Vec<Option<usize>>,
}

impl<'a> Machine<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(count);
        let bytes = end.and_then(|end| self.program.get(self.at..end)).ok_or("it ends too early")?;
        self.at += count;
        Ok(bytes)
    }

    fn number(&mut self, width: usize) -> Result<usize, String> {
        Ok(self.bytes(width)?.iter().rev().fold(0, |value, &byte| value << 8 | usize::from(byte)))
    }

    fn text(&mut self, width: usize) -> Result<String, String> {
        let length = self.number(width)?;
        Ok(String::from_utf8_lossy(self.bytes(length)?).into_owned())
    }

    fn line(&mut self) -> Result<String, String> {
        let rest = &self.program[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n').ok_or("it ends too early")?;
        let line = String::from_utf8_lossy(&rest[..length]).into_owned();
        self.at += length + 1;
        Ok(line)
    }

    fn push(&mut self, node: Node) {
        self.nodes.push(node);
        self.stack.push(self.nodes.len() - 1);
    }

    fn pop(&mut self) -> Result<usize, String> {
        // What lies below a mark is not to be taken.
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err("it takes a value that is not there".into());
        }
        Ok(self.stack.pop().unwrap_or_default())
    }

    fn pop_mark(&mut self) -> Result<Vec<usize>, String> {
        let mark = self.marks.pop().ok_or("it goes back to a mark that is not there")?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn top(&self) -> Result<usize, String> {
        self.stack.last().copied().ok_or_else(|| "it takes a value that is not there".into())
    }

    fn remember(&mut self, slot: usize) -> Result<(), String> {
        // Every slot is filled by an instruction of its own, so no honest number exceeds the program's length.
        if slot > self.program.len() {
            return Err(format!("its memo has no slot {slot}"));
        }
        let top = self.top()?;
        if slot >= self.memo.len() {
            self.memo.resize(slot + 1, None);
        }
        self.memo[slot] = Some(top);
        Ok(())
    }

    fn recall(&mut self, slot: usize) -> Result<(), String> {
        let value = self.memo.get(slot).copied().flatten().ok_or_else(|| format!("its memo has no slot {slot}"))?;
        self.stack.push(value);
        Ok(())
    }

    fn extend(&mut self, items: Vec<usize>) -> Result<(), String> {
        let target = self.top()?;
        match &mut self.nodes[target] {
            Node::List(list) => list.extend(items),
            Node::Dict(entries) => entries.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1]))),
            _ => {}
        }
        Ok(())
    }

    fn run(&mut self) -> Result<usize, String> {
        loop {
            let code = self.bytes(1)?[0];
            match code {
                0x80 => drop(self.bytes(1)?),
                0x95 => drop(self.bytes(8)?),
                b'.' => return self.pop(),
                b'(' => self.marks.push(self.stack.len()),
                b'0' => drop(self.pop()?),
                b'1' => drop(self.pop_mark()?),
                b'2' => {
                    let top = self.top()?;
                    self.stack.push(top);
                }
                b'N' | 0x88 | 0x89 | 0x8f => self.push(Node::Opaque),
                b'K' => self.integer(1)?,
                b'M' => self.integer(2)?,
                b'J' => {
                    let value = self.number(4)? as u32 as i32;
                    self.push(Node::Int(i64::from(value)));
                }
                0x8a => self.long()?,
                b'G' => {
                    self.bytes(8)?;
                    self.push(Node::Opaque);
                }
                b'X' | b'T' => self.string(4)?,
                0x8c | b'U' => self.string(1)?,
                0x8d => self.string(8)?,
                b'B' => self.opaque_bytes(4)?,
                b'C' => self.opaque_bytes(1)?,
                0x8e => self.opaque_bytes(8)?,
                b'q' => {
                    let slot = self.number(1)?;
                    self.remember(slot)?;
                }
                b'r' => {
                    let slot = self.number(4)?;
                    self.remember(slot)?;
                }
                0x94 => self.remember(self.memo.len())?,
                b'h' => {
                    let slot = self.number(1)?;
                    self.recall(slot)?;
                }
                b'j' => {
                    let slot = self.number(4)?;
                    self.recall(slot)?;
                }
                b')' => self.push(Node::Tuple(vec![])),
                b']' => self.push(Node::List(vec![])),
                b'}' => self.push(Node::Dict(vec![])),
                b't' => {
                    let items = self.pop_mark()?;
                    self.push(Node::Tuple(items));
                }
                0x85..=0x87 => {
                    let mut items = (0x84..code).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
                    items.reverse();
                    self.push(Node::Tuple(items));
                }
                b'l' => {
                    let items = self.pop_mark()?;
                    self.push(Node::List(items));
                }
                b'd' => {
                    let items = self.pop_mark()?;
                    self.push(Node::Dict(items.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()));
                }
                b'a' => {
                    let item = self.pop()?;
                    self.extend(vec![item])?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.extend(vec![key, value])?;
                }
                b'e' | b'u' | 0x90 => {
                    let items = self.pop_mark()?;
                    self.extend(items)?;
                }
                b'c' => {
                    let name = format!("{} {}", self.line()?, self.line()?);
                    self.push(Node::Global(name));
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let node = match (&self.nodes[module], &self.nodes[name]) {
                        (Node::Text(module), Node::Text(name)) if module.len() + name.len() <= 256 => {
                            Node::Global(format!("{module} {name}"))
                        }
                        _ => return Err("a name is no text, or longer than 256 bytes".into()),
                    };
                    self.push(node);
                }
                b'Q' => self.persistent()?,
                b'R' => self.reduce()?,
                0x81 => {
                    self.pop()?;
                    self.pop()?;
                    self.push(Node::Opaque);
                }
                // The state of an object; no object here has any.
                b'b' => drop(self.pop()?),
                other => return Err(format!("instruction {other:#04x} at byte {} is not supported", self.at - 1)),
            }
        }
    }

    fn integer(&mut self, width: usize) -> Result<(), String> {
        let value = self.number(width)?;
        self.push(Node::Int(value as i64));
        Ok(())
    }

    fn long(&mut self) -> Result<(), String> {
        let length = self.number(1)?;
        let bytes = self.bytes(length)?;
        let negative = bytes.last().is_some_and(|&byte| byte > 127);
        let mut value = [if negative { 255 } else { 0 }; 8];
        match value.get_mut(..length) {
            Some(low) => low.copy_from_slice(bytes),
            None => return Err("a number exceeds 64 bits".into()),
        }
        self.push(Node::Int(i64::from_le_bytes(value)));
        Ok(())
    }

    fn string(&mut self, width: usize) -> Result<(), String> {
        let text = self.text(width)?;
        self.push(Node::Text(text));
        Ok(())
    }

    fn opaque_bytes(&mut self, width: usize) -> Result<(), String> {
        let length = self.number(width)?;
        self.bytes(length)?;
        self.push(Node::Opaque);
        Ok(())
    }

    /// `('storage', class, key, device, length)`.
    fn persistent(&mut self) -> Result<(), String> {
        let id = self.pop()?;
        let part = |at: usize| match &self.nodes[id] {
            Node::Tuple(parts) => parts.get(at).map(|&part| &self.nodes[part]),
            _ => None,
        };
        let (Some(Node::Global(class)), Some(Node::Text(key))) = (part(1), part(2)) else {
            return Err("a storage is not described as torch.save does".into());
        };
        if key.len() + class.len() > 256 {
            return Err("a storage has a name of more than 256 bytes".into());
        }
        let kind = class.strip_prefix("torch ").or(class.strip_prefix("torch.storage ")).unwrap_or(class).to_string();
        let node = Node::Storage { kind, key: key.clone() };
        self.push(node);
        Ok(())
    }

    /// The calls that make tensors and ordered dictionaries; all others stay uncalled.
    fn reduce(&mut self) -> Result<(), String> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let (Node::Global(function), Node::Tuple(arguments)) = (&self.nodes[function], &self.nodes[arguments]) else {
            self.push(Node::Opaque);
            return Ok(());
        };
        let node = match function.as_str() {
            "collections OrderedDict" => Node::Dict(vec![]),
            "torch._utils _rebuild_tensor_v2" | "torch._utils _rebuild_tensor" => self.tensor(arguments)?,
            "torch._utils _rebuild_parameter" => {
                arguments.first().map_or(Node::Opaque, |&data| self.nodes[data].clone())
            }
            _ => Node::Opaque,
        };
        self.push(node);
        Ok(())
    }

    /// `(storage, offset, shape, strides, ...)`.
    fn tensor(&self, arguments: &[usize]) -> Result<Node, String> {
        let part = |at: usize| arguments.get(at).map(|&part| &self.nodes[part]);
        let size = |node: &Node| match node {
            Node::Int(value) => usize::try_from(*value).ok(),
            _ => None,
        };
        let sizes = |node: Option<&Node>| match node {
            // Longer tuples would let a short program ask for much memory, again and again.
            Some(Node::Tuple(parts)) if parts.len() <= 64 => {
                parts.iter().map(|&part| size(&self.nodes[part])).collect::<Option<Vec<_>>>()
            }
            _ => None,
        };
        let (Some(Node::Storage { .. }), Some(offset), Some(shape), Some(strides)) =
            (part(0), part(1).and_then(size), sizes(part(2)), sizes(part(3)))
        else {
            return Err("a tensor is not described as torch.save does".into());
        };
        Ok(Node::Tensor(TensorNode { storage: arguments[0], offset, shape, strides }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Node, Pickle};

    #[test]
    fn nothing_is_called() {
        // os.system("true"), as an attacker would write it.
        let pickle = Pickle::run(b"cos\nsystem\n(X\x04\x00\x00\x00truetR.").unwrap();
        assert!(matches!(pickle.node(pickle.root), Node::Opaque));
    }

    #[test]
    fn broken_programs_are_refused() {
        let refused = |program: &[u8]| Pickle::run(program).unwrap_err();
        assert_eq!(refused(b""), "it ends too early");
        assert_eq!(refused(b"."), "it takes a value that is not there");
        assert_eq!(refused(b"t"), "it goes back to a mark that is not there");
        assert_eq!(refused(b"h\x05."), "its memo has no slot 5");
        assert_eq!(refused(b"N(0."), "it takes a value that is not there");
        assert_eq!(refused(b"Nr\xff\xff\xff\xff."), "its memo has no slot 4294967295");
        assert_eq!(refused(b"X\xff\xff\xff\xff."), "it ends too early");
        assert_eq!(refused(b"i."), "instruction 0x69 at byte 0 is not supported");
    }

    #[test]
    fn a_list_that_holds_itself_is_no_trap() {
        let pickle = Pickle::run(b"]q\x00h\x00a.").unwrap();
        assert!(matches!(pickle.node(pickle.root), Node::List(items) if items == &[pickle.root]));
    }
}
