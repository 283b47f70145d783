//! Closures behind one pointer: `dyn Fn` has three entries, for calls by `&`, by `&mut` and by value, and each would hold
//! a copy of the closure's body, compiled for every element type.

/// Declares a trait with the one method `run`, which every closure of this signature has.
macro_rules! callable {
    ($(#[$doc:meta])* $vis:vis trait $name:ident $(<$($generic:ident),+>)? ($($arg:ident: $type:ty),*) $(-> $result:ty)?;) => {
        $(#[$doc])*
        $vis trait $name$(<$($generic),+>)?: Sync {
            /// Calls the closure.
            fn run(&self, $($arg: $type),*) $(-> $result)?;
        }

        impl<$($($generic,)+)? F: Fn($($type),*) $(-> $result)? + Sync> $name$(<$($generic),+>)? for F {
            #[inline]
            fn run(&self, $($arg: $type),*) $(-> $result)? {
                self($($arg),*)
            }
        }
    };
}
pub(crate) use callable;
