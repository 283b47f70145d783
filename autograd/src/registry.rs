//! The `ops!` macro: one list that declares the modules, marks their ops as registered, and tests each of them.

/// Declares op modules and registers their ops: how the crates of this family implement
/// [`Registered`](crate::Registered).
///
/// `ops! { elementwise::{Add, Mul} matmul::{Matmul} }` expands to the `pub mod` lines, to the `Registered` impls, to a
/// `registry()` of all checks, and per op to a property test and to one that plants faults into its vjp,
/// each of which the check must notice. All of these need the op's samples: an op without them does not compile under
/// test.
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

        }

        // The test of the test: faults are planted into each op's vjp, and its check must notice every one.
        #[cfg(test)]
        mod planted_faults {
            $(
                mod $module {
                    $(
                        #[test]
                        #[allow(non_snake_case)]
                        fn $op() {
                            $crate::check::assert_faults_noticed($crate::check::entry::<super::super::$module::$op, _>());
                        }
                    )*
                }
            )*
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
