//! A plain array with loops, and every memory layout of the same values: what the property tests compare with.
#![allow(dead_code)] // each test file uses its part

use std::str::FromStr;

use gradus_tensor::{DType, Element, MemoryFormat, Tensor};
use proptest::prelude::{Just, ProptestConfig, Strategy, prop};
use proptest::test_runner::RngSeed;

/// Values in logical order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array<T> {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Vec<T>,
}

impl<T: Element> Array<T> {
    pub(crate) fn of(x: &Tensor) -> Array<T> {
        Array { shape: x.shape().to_vec(), data: x.to_vec() }
    }

    /// The array of `shape` with `f(index)` everywhere.
    pub(crate) fn build(shape: &[usize], mut f: impl FnMut(&[usize]) -> T) -> Array<T> {
        let data = indices(shape).iter().map(|index| f(index)).collect();
        Array { shape: shape.to_vec(), data }
    }

    pub(crate) fn at(&self, index: &[usize]) -> T {
        assert_eq!(index.len(), self.shape.len());
        self.data[flat(&self.shape, index)]
    }

    /// The element at an index into a larger shape that this one broadcasts to.
    pub(crate) fn broadcast(&self, index: &[usize]) -> T {
        let lead = index.len() - self.shape.len();
        let inner: Vec<usize> =
            self.shape.iter().zip(&index[lead..]).map(|(&n, &i)| if n == 1 { 0 } else { i }).collect();
        self.at(&inner)
    }

    pub(crate) fn tensor(&self) -> Tensor {
        Tensor::from_slice(&self.data, &self.shape)
    }
}

pub(crate) fn flat(shape: &[usize], index: &[usize]) -> usize {
    shape.iter().zip(index).fold(0, |at, (&n, &i)| at * n + i)
}

/// Every index of a shape, in logical order.
pub(crate) fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    let mut list = vec![vec![]];
    for &size in shape {
        list = list
            .into_iter()
            .flat_map(|index: Vec<usize>| (0..size).map(move |i| [&index[..], &[i]].concat()))
            .collect();
    }
    list
}

/// The same values in other layouts: permuted, sliced from something larger, flipped, channels-last.
pub(crate) fn layouts(x: &Tensor) -> Vec<Tensor> {
    let rank = x.rank();
    let mut list = vec![x.contiguous()];
    if rank > 0 {
        let backward: Vec<isize> = (0..rank as isize).rev().collect();
        list.push(x.permute(&backward).contiguous().permute(&backward));
        let order: Vec<isize> = (0..rank as isize).map(|axis| (axis + 1) % rank as isize).collect();
        let undo: Vec<isize> = (0..rank as isize).map(|axis| (axis + rank as isize - 1) % rank as isize).collect();
        list.push(x.permute(&order).contiguous().permute(&undo));
        list.push(x.flip(&[]).flip(&[-1]).contiguous().flip(&[-1]));
        // Every second of a tensor twice as long, in a margin of 1, backward.
        let spread = x.flip(&[0]).repeat_interleave(2, 0).pad_constant(&vec![(1, 1); rank], 0.0);
        let mut inner = spread;
        for axis in 0..rank as isize {
            inner = inner.slice(axis, Some(1), Some(-1), 1);
        }
        list.push(inner.slice(0, None, None, -2));
    }
    if rank >= 3 {
        list.push(x.to_memory_format(MemoryFormat::ChannelsLast));
    }
    for other in &list {
        assert_eq!(other.shape(), x.shape());
        assert!(same_bits(other, x), "the layouts differ in values");
    }
    list
}

/// Whether dtypes, shapes and all bits agree.
pub(crate) fn same_bits(a: &Tensor, b: &Tensor) -> bool {
    a.dtype() == b.dtype()
        && a.shape() == b.shape()
        && gradus_tensor::dispatch!(all "same_bits", a.dtype(), T => {
            let bits = |x: &Tensor| x.to_vec::<T>().iter().map(|v| v.to_f64().to_bits()).collect::<Vec<_>>();
            bits(a) == bits(b)
        })
}

/// Whether all values agree within `tolerance` relative and absolute; NaN equals NaN.
pub(crate) fn close(a: &Tensor, b: &[f64], tolerance: f64) -> bool {
    let a = a.to_dtype(DType::F64).to_vec::<f64>();
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(&a, &b)| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance * (1.0 + b.abs()))
}

/// Shapes of up to `rank` axes, now and then with an empty one or none at all.
pub(crate) fn shapes(rank: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_size(), 0..=rank)
}

/// Shapes of 1 to `rank` axes, none empty.
pub(crate) fn full_shapes(rank: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1usize..6, 1..=rank)
}

fn prop_size() -> impl Strategy<Value = usize> {
    proptest::prop_oneof![1 => Just(0usize), 4 => Just(1usize), 20 => 2usize..6]
}

/// Shapes with values from a seed.
pub(crate) fn random(shape: &[usize], seed: u64, dtype: DType) -> Tensor {
    let mut generator = gradus_tensor::Generator::new(seed);
    match dtype {
        DType::F32 | DType::F64 => generator.randn(shape, dtype),
        DType::Bool => generator.randint(shape, 0, 2).to_dtype(dtype),
        DType::I64 => generator.randint(shape, -9, 10),
        DType::U8 => generator.randint(shape, 0, 10).to_dtype(dtype),
    }
}

/// Checks that `f` gives the same bits on 1, 2 and 3 threads, and returns its result.
pub(crate) fn on_threads(f: impl Fn() -> Tensor) -> Tensor {
    let before = gradus_tensor::parallel::num_threads();
    let results: Vec<Tensor> = [1, 2, 3]
        .iter()
        .map(|&threads| {
            gradus_tensor::parallel::set_num_threads(threads);
            f()
        })
        .collect();
    gradus_tensor::parallel::set_num_threads(before);
    assert!(same_bits(&results[0], &results[1]) && same_bits(&results[0], &results[2]), "threads change bits");
    results[0].clone()
}

pub(crate) type Floats = Array<f64>;

pub(crate) fn floats(x: &Tensor) -> Floats {
    Array::of(&x.to_dtype(DType::F64))
}

/// ⟨a, b⟩ in f64.
pub(crate) fn inner(a: &Tensor, b: &Tensor) -> f64 {
    a.to_vec::<f64>().iter().zip(b.to_vec::<f64>()).map(|(a, b)| a * b).sum()
}

/// ⟨f(x), y⟩ = ⟨x, f*(y)⟩ for a linear map and its adjoint.
#[track_caller]
pub(crate) fn adjoint(x: &Tensor, forward: impl Fn(&Tensor) -> Tensor, back: impl Fn(&Tensor) -> Tensor) {
    let y = random(forward(x).shape(), 99, DType::F64);
    let (left, right) = (inner(&forward(x), &y), inner(x, &back(&y)));
    assert!((left - right).abs() <= 1e-10 * (1.0 + left.abs()), "{left} {right}");
    assert_eq!(back(&y).shape(), x.shape());
}

/// A configuration with a fixed seed, so that a test fails always or never: `cases` samples unless `PROPTEST_CASES` says
/// otherwise; `PROPTEST_RNG_SEED` draws others.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    fn variable<T: FromStr>(name: &str) -> Option<T> {
        std::env::var(name).ok().and_then(|text| text.parse().ok())
    }
    ProptestConfig {
        cases: variable("PROPTEST_CASES").unwrap_or(cases),
        rng_seed: RngSeed::Fixed(variable("PROPTEST_RNG_SEED").unwrap_or(2)),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// `x` with axis `axis` replaced by the listed places.
pub(crate) fn picked<T: Element>(x: &Array<T>, axis: usize, list: &[usize]) -> Array<T> {
    let mut shape = x.shape.clone();
    shape[axis] = list.len();
    Array::build(&shape, |index| {
        let mut from = index.to_vec();
        from[axis] = list[index[axis]];
        x.at(&from)
    })
}
