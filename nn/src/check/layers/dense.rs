//! Fully connected layers and tables.

use autograd::Variable;
use proptest::prelude::{Just, Strategy, any};
use tensor::Generator;

use super::{check, each, numbers, shapes};
use crate::Module;
use crate::layers::{Bilinear, Embedding, EmbeddingOptions, Linear};
use crate::module::{Forward, ModuleState};

pub(super) fn linear() {
    each(&(shapes(0..=3, 1..=3), 1..=5usize, 1..=5usize, any::<bool>()), |(lead, inputs, outputs, bias)| {
        let layer = Linear::builder(inputs, outputs).bias(bias).build();
        check(&layer, &numbers(&[&lead[..], &[inputs]].concat()))
    });
}

pub(super) fn bilinear() {
    /// The form of the first and the last numbers of a vector.
    #[derive(Module)]
    struct Halves {
        bilinear: Bilinear,
        state: ModuleState,
    }
    impl Forward for Halves {
        fn forward(&self, x: &Variable) -> Variable {
            let first = self.bilinear.weight.shape()[1] as isize;
            self.bilinear.combine(&x.slice(-1, None, Some(first), 1), &x.slice(-1, Some(first), None, 1))
        }
    }
    let sizes = (1..=3usize, 1..=3usize, 1..=3usize);
    each(&(shapes(1..=2, 1..=3), sizes, any::<bool>()), |(lead, (a, b, out), bias)| {
        let layer = Halves { bilinear: Bilinear::new(a, b, out, bias), state: ModuleState::default() };
        check(&layer, &numbers(&[&lead[..], &[a + b]].concat()))
    });
}

pub(super) fn embedding() {
    let table = (2..=5usize, 1..=3usize).prop_flat_map(|(rows, width)| {
        let padding = proptest::option::of(-(rows as isize)..rows as isize);
        (Just(rows), Just(width), padding)
    });
    each(&(shapes(0..=2, 1..=3), table), |(shape, (rows, width, padding_idx))| {
        let layer = Embedding::with_options(rows, width, EmbeddingOptions { padding_idx, ..Default::default() });
        // The padding row has no gradient by definition, whatever the differences say.
        let padding = padding_idx.map(|row| row.rem_euclid(rows as isize));
        let row = |drawn: i64| if padding == Some(drawn as isize) { (drawn + 1) % rows as i64 } else { drawn };
        let index = Generator::new(2).randint(&shape[..], 0, rows as i64);
        check(&layer, &index.map(row))
    });
}
