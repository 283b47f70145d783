//! The one form in which every method's options are declared: fields, setters, constructors and the optimizer's name.

/// Declares an options struct with one setter per field, and the constructors of its optimizer.
macro_rules! options {
    (
        $(#[$meta:meta])*
        pub struct $options:ident for $optimizer:ident, $torch:literal {
            $($(#[$doc:meta])* $field:ident: $type:ty = $default:expr,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $options {
            pub(super) lr: f64,
            $(pub(super) $field: $type,)*
        }

        impl $options {
            /// The default options with a learning rate.
            pub fn new(lr: f64) -> $options {
                $options { lr, $($field: $default,)* }
            }

            $(
                $(#[$doc])*
                #[must_use]
                pub fn $field(mut self, $field: $type) -> $options {
                    self.$field = $field;
                    self
                }
            )*

            /// The optimizer of `params`.
            ///
            /// # Panics
            /// If there are no parameters, one appears twice or is not a leaf, or an option is out of range.
            #[track_caller]
            pub fn build<P: Into<autograd::Variable>>(self, params: impl IntoIterator<Item = P>) -> $optimizer {
                $crate::optim::GroupedOptimizer::of(params, self)
            }
        }

        #[doc = concat!("The optimizer of [`", stringify!($options), "`]. ", $torch)]
        ///
        /// ```
        /// use autograd::Variable;
        #[doc = concat!("use gradus_nn::optim::{Optimizer, ", stringify!($optimizer), "};")]
        /// use tensor::Tensor;
        /// let w = Variable::leaf(Tensor::from([3.0]));
        #[doc = concat!("let mut optimizer = ", stringify!($optimizer), "::new([&w], 0.1);")]
        /// for _ in 0..3 {
        ///     optimizer.zero_grad();
        ///     (&w * &w).backward();
        ///     optimizer.step();
        /// }
        /// assert!(w.item::<f64>() < 3.0);
        /// ```
        pub type $optimizer = $crate::optim::GroupedOptimizer<$options>;

        impl $optimizer {
            /// The optimizer of `params` with the default options.
            ///
            /// # Panics
            /// If there are no parameters, one appears twice or is not a leaf, or `lr` is negative.
            #[track_caller]
            pub fn new<P: Into<autograd::Variable>>(params: impl IntoIterator<Item = P>, lr: f64) -> $optimizer {
                $options::new(lr).build(params)
            }

            /// The default options, to be changed before `build`.
            pub fn builder(lr: f64) -> $options {
                $options::new(lr)
            }
        }
    };
}
pub(super) use options;

/// The part of a [`Method`](super::Method) that schedulers use: the rate and, where one is named, the momentum.
macro_rules! settable {
    () => {
        fn lr(&self) -> f64 {
            self.lr
        }

        fn set_lr(&mut self, lr: f64) {
            self.lr = lr;
        }
    };
    ($($momentum:tt)+) => {
        settable!();

        fn momentum(&self) -> Option<f64> {
            Some(self.$($momentum)+)
        }

        fn set_momentum(&mut self, momentum: f64) {
            self.$($momentum)+ = momentum;
        }
    };
}
pub(super) use settable;

/// Panics unless an option satisfies its condition.
#[track_caller]
pub(super) fn require(method: &str, condition: bool, option: &str, expected: &str, got: f64) {
    if !condition {
        tensor::fault!(method, [], "{option} must be {expected}, got {got}");
    }
}

/// Panics unless all of `lr`, `eps`, `weight_decay` are at least 0.
#[track_caller]
pub(super) fn require_non_negative(method: &str, options: &[(&str, f64)]) {
    for &(name, value) in options {
        require(method, value >= 0.0, name, "at least 0", value);
    }
}

/// Panics unless both betas are in [0, 1).
#[track_caller]
pub(super) fn require_betas(method: &str, betas: (f64, f64)) {
    for (name, beta) in [("beta1", betas.0), ("beta2", betas.1)] {
        require(method, (0.0..1.0).contains(&beta), name, "in [0, 1)", beta);
    }
}
