//! Dropout: a fresh layer with a generator of its own for every pass, so that differences see one mask.

use autograd::Variable;
use proptest::prelude::Strategy;
use tensor::Generator;

use super::{check, each, ladder, see, shapes};
use crate::Module;
use crate::layers::{AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d, FeatureAlphaDropout};
use crate::module::{Forward, ModuleState};

/// The layer that `make` makes, anew at each call.
#[derive(Module)]
struct Again<F: Clone + Send + Sync + 'static> {
    #[module(skip)]
    make: F,
    state: ModuleState,
}

impl<L: Forward, F: Fn() -> L + Clone + Send + Sync + 'static> Forward for Again<F> {
    fn forward(&self, x: &Variable) -> Variable {
        let layer = (self.make)();
        layer.set_training(self.is_training());
        layer.call(x)
    }
}

fn of<L: Forward>(
    shape: impl Strategy<Value = Vec<usize>>,
    make: impl Fn(f64, Generator) -> L + Copy + Send + Sync + 'static,
) {
    each(&(shape, 0..=4u32, 0..1000u64), |(shape, quarter, seed)| {
        let p = f64::from(quarter) / 4.0;
        let again = Again { make: move || make(p, Generator::new(seed)), state: ModuleState::default() };
        see(&make(p, Generator::new(seed)));
        check(&again, &ladder(&shape))
    });
}

pub(super) fn elements() {
    of(shapes(1..=4, 1..=3), |p, generator| Dropout::new(p).with_generator(generator));
}

pub(super) fn channels1d() {
    of(shapes(2..=3, 1..=3), |p, generator| Dropout1d::new(p).with_generator(generator));
}

pub(super) fn channels2d() {
    of(shapes(3..=4, 1..=3), |p, generator| Dropout2d::new(p).with_generator(generator));
}

pub(super) fn channels3d() {
    of(shapes(4..=5, 1..=2), |p, generator| Dropout3d::new(p).with_generator(generator));
}

pub(super) fn alpha() {
    of(shapes(1..=4, 1..=3), |p, generator| AlphaDropout::new(p).with_generator(generator));
}

pub(super) fn feature_alpha() {
    of(shapes(2..=4, 1..=3), |p, generator| FeatureAlphaDropout::new(p).with_generator(generator));
}
