//! The one way in which a fault of the program is reported, so that every message has the same form:
//! `op: contradiction in words with numbers (operand [shape], ...), in Model > layer`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::Arc;

use crate::DType;

thread_local! {
    static SCOPE: RefCell<Vec<ScopeName>> = const { RefCell::new(Vec::new()) };
    static CAUGHT: Cell<Caught> = const { Cell::new(Caught::Nothing) };
}

/// Which faults somebody further up on this thread waits for.
#[derive(Clone, Copy)]
enum Caught {
    Nothing,
    /// Those whose blamed line is in a file whose path begins so.
    Below(&'static str),
    Everything,
}

/// One step of the path that messages end with; entering one allocates nothing.
#[derive(Clone, Debug)]
pub enum ScopeName {
    /// A name known to the program, such as a type's.
    Static(&'static str),
    /// A name shared with whoever bears it, such as a field's.
    Shared(Arc<str>),
}

impl From<&'static str> for ScopeName {
    fn from(name: &'static str) -> ScopeName {
        ScopeName::Static(name)
    }
}

impl From<String> for ScopeName {
    fn from(name: String) -> ScopeName {
        ScopeName::Shared(name.into())
    }
}

impl fmt::Display for ScopeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ScopeName::Static(name) => name,
            ScopeName::Shared(name) => name,
        })
    }
}

/// Names the module that is running while it is alive; messages end with the path of all that are.
#[derive(Debug)]
pub struct Scope(());

impl Scope {
    /// Enters a scope, usually a module's type or field name.
    pub fn enter(name: impl Into<ScopeName>) -> Scope {
        SCOPE.with_borrow_mut(|path| path.push(name.into()));
        Scope(())
    }

    /// Enters the scope of a module: its type's name if it is the outermost one, else its own name where it has one.
    pub fn enter_module(type_name: &'static str, name: Option<&Arc<str>>) -> Scope {
        SCOPE.with_borrow_mut(|path| {
            path.push(match name {
                Some(name) if !path.is_empty() => ScopeName::Shared(name.clone()),
                _ => ScopeName::Static(type_name),
            });
        });
        Scope(())
    }

    /// The path of scopes entered on this thread, outermost first.
    pub fn path() -> Vec<String> {
        SCOPE.with_borrow(|path| path.iter().map(ScopeName::to_string).collect())
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
    let list: Vec<String> = operands.iter().map(|(name, shape)| format!("{name} {shape:?}")).collect();
    fail_with(op, message, &list.join(", "))
}

/// [`fail`], with the text in the parentheses given as it is.
///
/// # Panics
/// Always.
#[cold]
#[track_caller]
pub fn fail_with(op: &str, message: fmt::Arguments<'_>, details: &str) -> ! {
    let mut text = format!("{op}: {message}");
    if !details.is_empty() {
        text.push_str(&format!(" ({details})"));
    }
    let path = Scope::path();
    if !path.is_empty() {
        text.push_str(&format!(", in {}", path.join(" > ")));
    }
    raise(text)
}

#[cold]
#[track_caller]
fn raise(message: String) -> ! {
    let caught = match CAUGHT.get() {
        Caught::Nothing => false,
        Caught::Below(folder) => Location::caller().file().starts_with(folder),
        Caught::Everything => true,
    };
    if caught {
        resume_unwind(Box::new(Fault { message }));
    }
    panic!("{message}")
}

/// A fault of the program that [`catch`] caught.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The whole message.
    pub message: String,
}

/// Runs `f`; a fault that this module reports meanwhile on this thread is returned and not printed, any other panic
/// goes on.
///
/// ```
/// use gradus_tensor::{DType, Tensor, error};
/// let fault = error::catch(|| Tensor::zeros([2, 3], DType::F32).reshape([7])).unwrap_err();
/// assert!(fault.message.starts_with("reshape: "));
/// ```
///
/// # Errors
/// The fault.
pub fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Fault> {
    catch_those(Caught::Everything, f)
}

fn catch_those<R>(those: Caught, f: impl FnOnce() -> R) -> Result<R, Fault> {
    struct Restore(Caught);
    impl Drop for Restore {
        fn drop(&mut self) {
            CAUGHT.set(self.0);
        }
    }
    let restore = Restore(CAUGHT.replace(those));
    let result = catch_unwind(AssertUnwindSafe(f));
    drop(restore);
    result.map_err(|payload| match payload.downcast::<Fault>() {
        Ok(fault) => *fault,
        Err(payload) => resume_unwind(payload),
    })
}

/// Runs `f`; a fault whose blamed line lies below the folder `library` is reported again at the caller's line. For a
/// library that calls through `dyn`, where Rust forgets the caller.
///
/// # Panics
/// Where `f` does.
#[track_caller]
pub fn blame_caller<R>(library: &'static str, f: impl FnOnce() -> R) -> R {
    // Whoever catches everything has no use for the line.
    if matches!(CAUGHT.get(), Caught::Everything) {
        return f();
    }
    match catch_those(Caught::Below(library), f) {
        Ok(result) => result,
        Err(fault) => raise(fault.message),
    }
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
