//! The one way in which a fault of the program is reported, so that every message has the same form:
//! `op: contradiction in words with numbers (operand [shape], ...), in Model > layer`.

use std::cell::RefCell;
use std::fmt;

use crate::DType;

thread_local! {
    static SCOPE: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Names the module that is running while it is alive; messages end with the path of all that are.
#[derive(Debug)]
pub struct Scope(());

impl Scope {
    /// Enters a scope, usually a module's type or field name.
    pub fn enter(name: impl Into<String>) -> Scope {
        SCOPE.with_borrow_mut(|path| path.push(name.into()));
        Scope(())
    }

    /// The path of scopes entered on this thread, outermost first.
    pub fn path() -> Vec<String> {
        SCOPE.with_borrow(Clone::clone)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        SCOPE.with_borrow_mut(|path| path.pop());
    }
}

/// Panics with the message `op: message (name [shape], ...)`, blaming the caller's line.
///
/// # Panics
/// Always.
#[cold]
#[track_caller]
pub fn fail(op: &str, message: fmt::Arguments<'_>, operands: &[(&str, &[usize])]) -> ! {
    let mut text = format!("{op}: {message}");
    if !operands.is_empty() {
        let list: Vec<String> = operands.iter().map(|(name, shape)| format!("{name} {shape:?}")).collect();
        text.push_str(&format!(" ({})", list.join(", ")));
    }
    let path = Scope::path();
    if !path.is_empty() {
        text.push_str(&format!(", in {}", path.join(" > ")));
    }
    panic!("{text}")
}

/// Panics because `op` does not exist for `dtype`.
///
/// # Panics
/// Always.
#[cold]
#[track_caller]
pub fn unsupported(op: &str, dtype: DType, expected: &str) -> ! {
    fail(op, format_args!("expected {expected} dtype, got {dtype}; convert with to_dtype"), &[])
}

/// Reports a fault of the program: `fault!("op", [x: shape, w: shape], "words {}", number)`.
///
/// ```should_panic
/// gradus_tensor::fault!("matmul", [lhs: &[2, 3], rhs: &[4, 5]], "inner sizes differ, {} and {}", 3, 4);
/// ```
#[macro_export]
macro_rules! fault {
    ($op:expr, [$($name:ident : $shape:expr),* $(,)?], $($message:tt)+) => {
        $crate::error::fail($op, format_args!($($message)+), &[$((stringify!($name), $shape)),*])
    };
}
