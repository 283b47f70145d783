//! Building blocks for samples: shapes, values off kinks, distinct values, indices, masks.
//!
//! Numbers are drawn from grids with steps of 1/64 and an odd offset, so that they are short in print, shrink well and
//! hardly ever meet special cases by accident. Where special cases are wanted, name them.

use std::ops::RangeInclusive;

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any};
use proptest::strategy::BoxedStrategy;
use tensor::{Tensor, shape};

use super::{Sample, VariadicSample};

/// A shape, as strategies give it.
pub type Shape = Vec<usize>;

/// Shapes with a number of axes in `rank` and sizes in `size`.
pub fn shape_of(rank: RangeInclusive<usize>, size: RangeInclusive<usize>) -> BoxedStrategy<Shape> {
    rank.prop_flat_map(move |rank| vec(size.clone(), rank)).boxed()
}

/// Shapes of 0 to 4 axes with sizes 1 to 4; now and then one without elements.
pub fn any_shape() -> BoxedStrategy<Shape> {
    ranked_shape(0..=4)
}

/// Shapes with a number of axes in `rank` and sizes 1 to 4; now and then one without elements.
pub fn ranked_shape(rank: RangeInclusive<usize>) -> BoxedStrategy<Shape> {
    let empty = shape_of(rank.clone(), 1..=3).prop_flat_map(|shape| {
        let axes = shape.len().max(1);
        (Just(shape), 0..axes).prop_map(|(mut shape, axis)| {
            if let Some(size) = shape.get_mut(axis) {
                *size = 0;
            }
            shape
        })
    });
    proptest::prop_oneof![11 => shape_of(rank, 1..=4), 1 => empty].boxed()
}

/// Two shapes that broadcast: parts of one common shape with some sizes set to 1.
pub fn broadcast_pair() -> BoxedStrategy<(Shape, Shape)> {
    ranked_shape(0..=4)
        .prop_flat_map(|full| {
            let rank = full.len();
            (Just(full), vec(0..4usize, rank), 0..=rank, 0..4usize)
        })
        .prop_map(|(full, thin, drop, which)| {
            let cut = |side: usize| -> Shape {
                full.iter().zip(&thin).map(|(&size, &thin)| if thin == side { 1 } else { size }).collect()
            };
            let (mut a, mut b) = (cut(0), cut(1));
            match which {
                0 => drop_front(&mut a, drop),
                1 => drop_front(&mut b, drop),
                _ => {}
            }
            (a, b)
        })
        .boxed()
}

fn drop_front(shape: &mut Shape, count: usize) {
    shape.drain(..count);
}

fn tensor_of(shape: &[usize], element: impl Strategy<Value = f64> + 'static) -> BoxedStrategy<Tensor> {
    let shape = shape.to_vec();
    vec(element, shape::len(&shape)).prop_map(move |values| Tensor::from_vec(values, &shape)).boxed()
}

/// Values in `[low, high]`.
pub fn values_in(shape: &[usize], low: f64, high: f64) -> BoxedStrategy<Tensor> {
    let steps = ((high - low) * 64.0 - 0.37).max(0.0) as u32;
    tensor_of(shape, (0..=steps).prop_map(move |k| low + (f64::from(k) + 0.37) / 64.0))
}

/// Values in `[-3, 3]`.
pub fn values(shape: &[usize]) -> BoxedStrategy<Tensor> {
    tensor_of(shape, (-192..192i32).prop_map(|k| (f64::from(k) + 0.37) / 64.0))
}

/// Values in `[0.2, 3]`.
pub fn positive(shape: &[usize]) -> BoxedStrategy<Tensor> {
    values_in(shape, 0.2, 3.0)
}

/// Values in `[-3, 3]` that keep 0.1 or more away from each of `kinks`.
pub fn off_kinks(shape: &[usize], kinks: &[f64]) -> BoxedStrategy<Tensor> {
    let kinks = kinks.to_vec();
    let clear = move |x: f64| {
        kinks.iter().fold(x, |x, &kink| {
            if (x - kink).abs() >= 0.1 {
                x
            } else if x >= kink {
                kink + 0.1 + (x - kink)
            } else {
                kink - 0.1 + (x - kink)
            }
        })
    };
    tensor_of(shape, (-192..192i32).prop_map(move |k| clear((f64::from(k) + 0.37) / 64.0)))
}

/// Values of magnitude 0.2 to 3.
pub fn nonzero(shape: &[usize]) -> BoxedStrategy<Tensor> {
    let element = (13..192i32, any::<bool>()).prop_map(|(k, negative)| {
        let x = (f64::from(k) + 0.37) / 64.0;
        if negative { -x } else { x }
    });
    tensor_of(shape, element)
}

/// Values that all differ by 0.1 or more, in random order around 0.
pub fn distinct(shape: &[usize]) -> BoxedStrategy<Tensor> {
    let shape = shape.to_vec();
    let len = shape::len(&shape);
    let ladder: Vec<f64> = (0..len).map(|k| (k as f64 - len as f64 / 2.0) * 0.125 + 0.03).collect();
    Just(ladder).prop_shuffle().prop_map(move |values| Tensor::from_vec(values, &shape)).boxed()
}

/// `i64` indices below `bound`, which must be at least 1.
pub fn indices(shape: &[usize], bound: usize) -> BoxedStrategy<Tensor> {
    let shape = shape.to_vec();
    vec(0..bound as i64, shape::len(&shape)).prop_map(move |values| Tensor::from_vec(values, &shape)).boxed()
}

/// Truth values.
pub fn mask(shape: &[usize]) -> BoxedStrategy<Tensor> {
    let shape = shape.to_vec();
    vec(any::<bool>(), shape::len(&shape)).prop_map(move |values| Tensor::from_vec(values, &shape)).boxed()
}

/// A subset of the axes of a shape, some of them counted from the end; never empty unless the shape has no axes.
pub fn axes_of(rank: usize) -> BoxedStrategy<Vec<isize>> {
    vec((any::<bool>(), any::<bool>()), rank)
        .prop_map(move |choice| {
            let mut list: Vec<isize> = Vec::new();
            for (axis, &(chosen, negative)) in choice.iter().enumerate() {
                if chosen {
                    list.push(if negative { axis as isize - rank as isize } else { axis as isize });
                }
            }
            if list.is_empty() && rank > 0 {
                list.push(0);
            }
            list
        })
        .boxed()
}

/// Samples of a reduction, made from its axes (ascending, not negative) and `keepdim`, on values that `values` draws.
pub fn reduction<O: Clone + std::fmt::Debug + 'static>(
    op: impl Fn(smallvec::SmallVec<[isize; 6]>, bool) -> O + Copy + 'static,
    values: impl Fn(&[usize]) -> BoxedStrategy<Tensor> + Copy + 'static,
) -> BoxedStrategy<Sample<O, 1>> {
    any_shape()
        .prop_flat_map(|shape| (axes_of(shape.len()), any::<bool>(), Just(shape)))
        .prop_flat_map(move |(axes, keepdim, shape)| {
            let axes = shape::axes("reduction", &axes, &shape).iter().map(|&axis| axis as isize).collect();
            one(op(axes, keepdim), values(&shape))
        })
        .boxed()
}

/// Samples of an op without options, on values that `values` draws for any shape.
pub fn unary<O: Clone + std::fmt::Debug + 'static>(
    op: O,
    values: impl Fn(&[usize]) -> BoxedStrategy<Tensor> + 'static,
) -> BoxedStrategy<Sample<O, 1>> {
    any_shape().prop_flat_map(move |shape| one(op.clone(), values(&shape))).boxed()
}

/// Samples of a broadcasting op without options, on values that `values` draws.
pub fn binary<O: Clone + std::fmt::Debug + 'static>(
    op: O,
    values: impl Fn(&[usize]) -> BoxedStrategy<Tensor> + 'static,
) -> BoxedStrategy<Sample<O, 2>> {
    broadcast_pair().prop_flat_map(move |(a, b)| two(op.clone(), values(&a), values(&b))).boxed()
}

/// Samples of one op on one input.
pub fn one<O: Clone + std::fmt::Debug + 'static>(
    op: O,
    x: impl Strategy<Value = Tensor> + 'static,
) -> BoxedStrategy<Sample<O, 1>> {
    x.prop_map(move |x| Sample { op: op.clone(), inputs: [x] }).boxed()
}

/// Samples of one op on two inputs.
pub fn two<O: Clone + std::fmt::Debug + 'static>(
    op: O,
    a: impl Strategy<Value = Tensor> + 'static,
    b: impl Strategy<Value = Tensor> + 'static,
) -> BoxedStrategy<Sample<O, 2>> {
    (a, b).prop_map(move |(a, b)| Sample { op: op.clone(), inputs: [a, b] }).boxed()
}

/// Samples of one op on three inputs.
pub fn three<O: Clone + std::fmt::Debug + 'static>(
    op: O,
    inputs: [BoxedStrategy<Tensor>; 3],
) -> BoxedStrategy<Sample<O, 3>> {
    let [a, b, c] = inputs;
    (a, b, c).prop_map(move |(a, b, c)| Sample { op: op.clone(), inputs: [a, b, c] }).boxed()
}

/// Samples of a variadic op.
pub fn many<O: Clone + std::fmt::Debug + 'static>(
    op: O,
    inputs: Vec<BoxedStrategy<Tensor>>,
) -> BoxedStrategy<VariadicSample<O>> {
    inputs.prop_map(move |inputs| VariadicSample { op: op.clone(), inputs }).boxed()
}
