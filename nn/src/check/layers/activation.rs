//! Activations.

use autograd::Variable;
use proptest::prelude::{Just, Strategy};

use super::{check, each, eighths, ladder, see, shapes};
use crate::Module;
use crate::layers::{PReLU, RReLU, Softmax2d};
use crate::module::{Forward, ModuleState};

/// Without options.
pub(super) fn plain<L: Forward>(make: impl Fn() -> L) {
    smooth_off_eighths(Just(()), |()| make());
}

/// With options that put kinks at multiples of an eighth.
pub(super) fn smooth_off_eighths<O: Strategy, L: Forward>(options: O, make: impl Fn(O::Value) -> L) {
    each(&(shapes(1..=4, 1..=3), options), |(shape, options)| check(&make(options), &ladder(&shape)));
}

/// An axis, counted from either end, of an input that has it.
fn shape_and_axis() -> impl Strategy<Value = (Vec<usize>, isize)> {
    shapes(1..=4, 1..=3).prop_flat_map(|shape| {
        let rank = shape.len() as isize;
        (Just(shape), -rank..rank)
    })
}

pub(super) fn along_axis<L: Forward>(make: impl Fn(isize) -> L) {
    each(&shape_and_axis(), |(shape, axis)| check(&make(axis), &ladder(&shape)));
}

pub(super) fn gated<L: Forward>(make: impl Fn(isize) -> L) {
    each(&shape_and_axis(), |(mut shape, axis)| {
        let rank = shape.len() as isize;
        shape[axis.rem_euclid(rank) as usize] *= 2;
        check(&make(axis), &ladder(&shape))
    });
}

pub(super) fn softmax2d() {
    each(&shapes(3..=4, 1..=3), |shape| check(&Softmax2d::new(), &ladder(&shape)));
}

pub(super) fn prelu() {
    each(&(shapes(2..=4, 1..=3), proptest::bool::ANY), |(shape, per_channel)| {
        let layer = if per_channel { PReLU::new(shape[1], 0.25) } else { PReLU::default() };
        check(&layer, &ladder(&shape))
    });
}

pub(super) fn rrelu() {
    /// Between equal bounds there is nothing left to chance.
    #[derive(Module)]
    struct Certain {
        layer: RReLU,
        state: ModuleState,
    }
    impl Forward for Certain {
        fn forward(&self, x: &Variable) -> Variable {
            x.apply(&self.layer)
        }
    }
    use crate::VariableExt;
    each(&(shapes(1..=4, 1..=3), eighths(0..=4), eighths(0..=4)), |(shape, low, more)| {
        let layer = RReLU::new(low, low);
        check(&Certain { layer, state: ModuleState::default() }, &ladder(&shape))?;
        // Random slopes cannot be differenced, their mean can.
        let layer = RReLU::new(low, low + more);
        see(&layer);
        let mean = low + more / 2.0;
        let x = Variable::new(ladder(&shape));
        layer.eval();
        let expected = crate::functional::leaky_relu(&x, mean).to_vec::<f64>();
        let got = layer.call(&x).to_vec::<f64>();
        let is_close = got.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-12);
        if is_close { Ok(()) } else { Err(format!("{got:?} and {expected:?}")) }
    });
}
