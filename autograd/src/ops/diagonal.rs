//! Diagonals and triangles of matrices.

use tensor::{Dims, Tensor};

use crate::{Context, Keeps, Op, Variable};

/// Which diagonal of which matrices.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// How far to the right of the main diagonal.
    pub offset: isize,
    /// The axis of rows, not negative.
    pub rows: isize,
    /// The axis of columns, not negative.
    pub columns: isize,
}

/// See [`diagonal`].
#[derive(Clone, Debug)]
pub struct Diagonal(pub Line);

impl Op<1> for Diagonal {
    const NAME: &'static str = "diagonal";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.diagonal(self.0.offset, self.0.rows, self.0.columns), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(DiagonalAdjoint { line: self.0, shape: Dims::from_slice(cx.shape(0)) }.apply([g]))]
    }
}

/// Zeros of a shape with the input on a diagonal.
#[derive(Clone, Debug)]
pub struct DiagonalAdjoint {
    /// Where the input goes.
    pub line: Line,
    /// The shape of the result.
    pub shape: Dims,
}

impl Op<1> for DiagonalAdjoint {
    const NAME: &'static str = "diagonal_adjoint";
    const KEEPS: Keeps = Keeps::NOTHING;
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.diagonal_adjoint(&self.shape, self.line.offset, [self.line.rows, self.line.columns]), ())
    }

    fn vjp(&self, g: &Variable, _: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(Diagonal(self.line).apply([g]))]
    }
}

/// The diagonal `x[.., i, .., i + offset, ..]` of axes `a` and `b`, which vanish, as a new last axis.
/// PyTorch: `torch.diagonal`.
///
/// # Panics
/// If an axis does not exist or both are the same.
#[track_caller]
pub fn diagonal(x: &Variable, offset: isize, a: isize, b: isize) -> Variable {
    if x.rank() < 2 {
        tensor::fault!("diagonal", [input: x.shape()], "expected at least 2 axes, got {}", x.rank());
    }
    let rows = tensor::shape::axis("diagonal", a, x.shape()) as isize;
    let columns = tensor::shape::axis("diagonal", b, x.shape()) as isize;
    let line = Line { offset, rows, columns };
    if line.rows == line.columns {
        tensor::fault!("diagonal", [input: x.shape()], "axes {a} and {b} are the same");
    }
    Diagonal(line).apply([x])
}

macro_rules! triangle {
    ($($(#[$doc:meta])* $op:ident $name:ident;)*) => {$(
        #[doc = concat!("See [`", stringify!($name), "`].")]
        #[derive(Clone, Debug)]
        pub struct $op {
            /// How far to the right of the main diagonal the bound lies.
            pub diagonal: isize,
        }

        impl Op<1> for $op {
            const NAME: &'static str = stringify!($name);
            const KEEPS: Keeps = Keeps::NOTHING;
            type Saved = ();

            fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
                (x.$name(self.diagonal), ())
            }

            fn vjp(&self, g: &Variable, _: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
                [Some($name(g, self.diagonal))]
            }
        }

        $(#[$doc])*
        ///
        /// # Panics
        /// If there are fewer than 2 axes.
        #[track_caller]
        pub fn $name(x: &Variable, diagonal: isize) -> Variable {
            if x.rank() < 2 {
                tensor::fault!(stringify!($name), [input: x.shape()], "expected at least 2 axes, got {}", x.rank());
            }
            $op { diagonal }.apply([x])
        }

        impl Variable {
            $(#[$doc])*
            ///
            /// # Panics
            /// If there are fewer than 2 axes.
            #[track_caller]
            pub fn $name(&self, diagonal: isize) -> Variable {
                $name(self, diagonal)
            }
        }

        #[cfg(any(test, feature = "check"))]
        impl crate::check::Check<1> for $op {
            const LINEAR: bool = true;

            fn samples() -> proptest::strategy::BoxedStrategy<crate::check::Sample<Self, 1>> {
                use crate::check::strategy::{one, ranked_shape, values};
                use proptest::strategy::Strategy;
                (ranked_shape(2..=4), -3..=3isize)
                    .prop_flat_map(|(shape, diagonal)| one($op { diagonal }, values(&shape)))
                    .boxed()
            }
        }
    )*};
}

triangle! {
    /// The lower triangles of matrices (the last two axes), with zeros above the given diagonal. PyTorch: `torch.tril`.
    Tril tril;
    /// The upper triangles of matrices (the last two axes), with zeros below the given diagonal. PyTorch: `torch.triu`.
    Triu triu;
}

impl Variable {
    /// The diagonal of axes `a` and `b`; see [`diagonal`].
    ///
    /// # Panics
    /// As [`diagonal`].
    #[track_caller]
    pub fn diagonal(&self, offset: isize, a: isize, b: isize) -> Variable {
        diagonal(self, offset, a, b)
    }
}

#[cfg(any(test, feature = "check"))]
mod samples {
    use proptest::prelude::{Just, Strategy};
    use proptest::strategy::BoxedStrategy;

    use super::{Diagonal, DiagonalAdjoint, Dims, Line, Tensor};
    use crate::check::strategy::{one, ranked_shape, values};
    use crate::check::{Check, Sample};

    fn lines() -> BoxedStrategy<(Line, Vec<usize>)> {
        ranked_shape(2..=4)
            .prop_flat_map(|shape| {
                let rank = shape.len() as isize;
                (Just(shape), -3..=3isize, 0..rank, 1..rank)
            })
            .prop_map(|(shape, offset, rows, step)| {
                let columns = (rows + step) % shape.len() as isize;
                (Line { offset, rows, columns }, shape)
            })
            .boxed()
    }

    impl Check<1> for Diagonal {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            lines().prop_flat_map(|(line, shape)| one(Diagonal(line), values(&shape))).boxed()
        }
    }

    impl Check<1> for DiagonalAdjoint {
        const LINEAR: bool = true;

        fn samples() -> BoxedStrategy<Sample<Self, 1>> {
            lines()
                .prop_flat_map(|(line, shape)| {
                    let part = Tensor::zeros(&shape, tensor::DType::F64).diagonal(line.offset, line.rows, line.columns);
                    one(DiagonalAdjoint { line, shape: Dims::from_slice(&shape) }, values(part.shape()))
                })
                .boxed()
        }
    }
}
