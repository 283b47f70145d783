//! The `ops!` macro: one list that declares the modules, marks their ops as registered, and tests each of them.

/// Declares op modules and registers their ops: the only way to implement [`Registered`](crate::Registered).
///
/// `ops! { elementwise::{Add, Mul} matmul::{Matmul} }` expands to the `pub mod` lines, to the `Registered` impls, and
/// to one property test per op, which needs the op's samples: an op without them does not compile under test.
#[macro_export]
macro_rules! ops {
    ($($module:ident::{$($op:ident),* $(,)?})*) => {
        $(
            pub mod $module;
            $(impl $crate::Registered for $module::$op {})*
        )*
    };
}
