//! Padding.

use proptest::prelude::Strategy;

use super::{array, check, each, eighths, ladder, lead};
use crate::layers::ConstantPad;
use crate::module::Forward;
use crate::ops::pad::Rim;

fn amounts<const N: usize>(least: isize, most: isize) -> impl Strategy<Value = [[isize; 2]; N]> {
    proptest::collection::vec(least..=most, 2 * N)
        .prop_map(|amounts| std::array::from_fn(|axis| [amounts[2 * axis], amounts[2 * axis + 1]]))
}

/// With a pair of amounts per axis, from least to most.
pub(super) fn around<const N: usize, L: Forward>((least, most): (isize, isize), make: impl Fn(Rim<N>) -> L) {
    each(&(lead(), array::<N>(3..=4), amounts::<N>(least, most)), |(lead, spatial, amounts)| {
        check(&make(amounts.into()), &ladder(&[&lead[..], &spatial].concat()))
    });
}

pub(super) fn constant<const N: usize>() {
    let options = (amounts::<N>(-1, 2), eighths(-9..=9));
    each(&(lead(), array::<N>(3..=4), options), |(lead, spatial, (amounts, value))| {
        check(&ConstantPad::<N>::new(amounts, value), &ladder(&[&lead[..], &spatial].concat()))
    });
}
