//! The `ops!` macro: one list that declares the modules, marks their ops as registered, and tests each of them.

/// Declares op modules and registers their ops: how the crates of this family implement
/// [`Registered`](crate::Registered).
///
/// `ops! { elementwise::{Add, Mul} matmul::{Matmul} }` expands to the `pub mod` lines, to the `Registered` impls, to a
/// `registry()` of all checks, to one property test per op and to one that plants faults into each. All
/// of these need the op's samples: an op without them does not compile under test.
#[macro_export]
macro_rules! ops {
    ($($module:ident::{$($op:ident),* $(,)?})*) => {
        $(
            pub mod $module;
            $(impl $crate::Registered for $module::$op {})*
        )*

        /// Every op of this crate, with its check.
        #[cfg(any(test, feature = "check"))]
        pub fn registry() -> Vec<$crate::check::Entry> {
            vec![$($($crate::check::entry::<$module::$op, _>(),)*)*]
        }

        #[cfg(test)]
        mod gradients {
            $(
                mod $module {
                    $(
                        #[test]
                        #[allow(non_snake_case)]
                        fn $op() {
                            $crate::check::assert_entry($crate::check::entry::<super::super::$module::$op, _>());
                        }
                    )*
                }
            )*

            #[test]
            fn planted_faults_are_noticed() {
                let survivors = $crate::check::survivors(&super::registry(), 24);
                assert!(survivors.is_empty(), "mutants that passed the check:\n{}", survivors.join("\n"));
            }
        }
    };
}

/// Registers an op of your own, and makes a test of its check:
/// `register_op!(Swish, test = swish_has_right_gradients);`.
///
/// The test needs the op's samples, an `impl Check` behind `#[cfg(test)]`, and this crate's feature `check` among the
/// `dev-dependencies`.
#[macro_export]
macro_rules! register_op {
    ($op:ty, test = $test:ident) => {
        impl $crate::Registered for $op {}

        #[cfg(test)]
        #[test]
        fn $test() {
            $crate::check::assert_entry($crate::check::entry::<$op, _>());
        }
    };
}
