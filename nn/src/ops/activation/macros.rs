//! The macro that turns a function and its slope into an op.

/// Declares elementwise ops: `Op function(options) with constants; |x| value; |x| slope; => |x| slope in Variables;`.
///
/// Value and slope are plain arithmetic on `f32` and `f64` alike; options and constants are converted to either. Without
/// `=>` the slope is piecewise constant and its own gradient is 0.
macro_rules! activation {
    ($(
        $(#[$doc:meta])*
        $op:ident $name:ident($($option:ident: f64),*) $(with $($constant:ident = $value:expr),*)?;
        |$x:ident| $y:expr;
        |$s:ident| $slope:expr;
        $(=> |$v:ident| $curve:expr;)?
    )*) => {$(
        #[doc = concat!("See [`", stringify!($name), "`].")]
        #[derive(Clone, Debug)]
        pub struct $op {
            $(
                /// As in the function.
                pub $option: f64,
            )*
        }

        impl $op {
            /// The slope at `x` times `g`, in one pass.
            #[allow(unused_variables)] // not every formula needs every option and constant
            fn slope(&self, x: &Tensor, g: &Tensor) -> Tensor {
                dispatch!(float stringify!($name), x.dtype(), T => {
                    $(let $option = <T as Element>::from_f64(self.$option);)*
                    $($(let $constant = <T as Element>::from_f64($value);)*)?
                    x.zip_map(g, |$s: T, g: T| -> T { g * { $slope } })
                })
            }
        }

        impl Op<1> for $op {
            const NAME: &'static str = stringify!($name);
            type Saved = ();

            #[allow(unused_variables)] // not every formula needs every option and constant
            fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
                let y = dispatch!(float stringify!($name), x.dtype(), T => {
                    $(let $option = <T as Element>::from_f64(self.$option);)*
                    $($(let $constant = <T as Element>::from_f64($value);)*)?
                    x.map(|$x: T| -> T { $y })
                });
                (y, ())
            }

            #[allow(unused_variables, unreachable_code)]
            fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
                let x = cx.input(0);
                if !cx.records() {
                    return [Some(Variable::new(self.slope(&x.data(), &g.data())))];
                }
                $(let $option = &self.$option;)*
                $(
                    let $v = &x;
                    return [Some(g * { $curve })];
                )?
                let ones = x.data().ones_like();
                [Some(g * Variable::new(self.slope(&x.data(), &ones)))]
            }
        }

        $(#[$doc])*
        ///
        /// # Panics
        /// If the dtype is no float.
        #[track_caller]
        pub fn $name(x: &Variable $(, $option: f64)*) -> Variable {
            if !x.dtype().is_float() {
                tensor::error::unsupported(stringify!($name), x.dtype(), "a float");
            }
            $op { $($option),* }.apply([x])
        }
    )*};
}
pub(super) use activation;
