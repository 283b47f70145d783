//! Products of random sizes and strides at every SIMD level against a naive `f64` loop, and the same bits on any threads.

use proptest::prelude::*;

use super::{Epilogue, Matrix, product_with};
use crate::simd::{self, Real};
use crate::{Element, parallel};

/// Numbers in [-1, 1], the same for the same seed.
fn noise<T: Real>(len: usize, seed: u64) -> Vec<T> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..len)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            T::from_f64((state >> 33) as f64 / f64::from(1u32 << 30) - 1.0)
        })
        .collect()
}

/// How a matrix lies in its slice.
#[derive(Clone, Copy, Debug)]
struct Lie {
    transposed: bool,
    gap: usize,
    step: usize,
    flipped: bool,
}

impl Lie {
    /// The length of the slice, the offset and the strides.
    fn place(&self, rows: usize, columns: usize) -> (usize, usize, [isize; 2]) {
        let (outer, inner) = if self.transposed { (columns, rows) } else { (rows, columns) };
        let pitch = inner * self.step + self.gap;
        let mut strides = [pitch as isize, self.step as isize];
        let mut offset = 0;
        if self.flipped {
            offset = outer.saturating_sub(1) * pitch;
            strides[0] = -strides[0];
        }
        if self.transposed {
            strides.swap(0, 1);
        }
        (outer * pitch + 1, offset, strides)
    }
}

fn lie() -> impl Strategy<Value = Lie> {
    (any::<bool>(), 0..4usize, prop_oneof![4 => Just(1usize), 1 => Just(2)], prop::bool::weighted(0.1))
        .prop_map(|(transposed, gap, step, flipped)| Lie { transposed, gap, step, flipped })
}

#[derive(Clone, Copy, Debug)]
struct Case {
    sizes: [usize; 3],
    a: Lie,
    b: Lie,
    /// accumulate, row bias, column bias, relu
    epilogue: [bool; 4],
}

fn case() -> impl Strategy<Value = Case> {
    let size = || prop_oneof![2 => 1..5usize, 4 => 1..40usize, 2 => 30..140usize];
    let sizes = prop_oneof![
        8 => [size(), size(), size()],
        1 => [1..60usize, 380..900usize, 1..60usize],
        1 => [60..90usize, 60..90usize, 60..90usize],
        1 => (1..4usize, 200..500usize, 200..600usize).prop_map(|(m, k, n)| [m, k, n]),
    ];
    let plain = prop_oneof![Just([false; 4]), any::<[bool; 4]>()];
    (sizes, lie(), lie(), plain).prop_map(|(sizes, a, b, epilogue)| Case { sizes, a, b, epilogue })
}

fn check<T: Element + Real>(case: Case, tolerance: f64) {
    let [m, k, n] = case.sizes;
    let ((la, oa, sa), (lb, ob, sb)) = (case.a.place(m, k), case.b.place(k, n));
    let (a, b) = (noise::<T>(la, 1), noise::<T>(lb, 2));
    let (rows, columns, before) = (noise::<T>(m, 3), noise::<T>(n, 4), noise::<T>(m * n, 5));
    let [accumulate, row_bias, column_bias, relu] = case.epilogue;
    let run = || {
        let mut out = before.clone();
        let a = Matrix { data: &a, offset: oa, strides: sa };
        let b = Matrix { data: &b, offset: ob, strides: sb };
        let epilogue = Epilogue {
            accumulate,
            row_bias: row_bias.then_some(&rows[..]),
            column_bias: column_bias.then_some(&columns[..]),
            relu,
        };
        product_with(a, b, case.sizes, &mut out, epilogue);
        out
    };
    let at = |data: &[T], offset: usize, strides: [isize; 2], i: usize, j: usize| {
        Real::to_f64(data[(offset as isize + i as isize * strides[0] + j as isize * strides[1]) as usize])
    };
    let expected: Vec<f64> = (0..m * n)
        .map(|index| {
            let (i, j) = (index / n, index % n);
            let mut sum: f64 = (0..k).map(|l| at(&a, oa, sa, i, l) * at(&b, ob, sb, l, j)).sum();
            sum += if accumulate { Real::to_f64(before[index]) } else { 0.0 };
            sum += if row_bias { Real::to_f64(rows[i]) } else { 0.0 };
            sum += if column_bias { Real::to_f64(columns[j]) } else { 0.0 };
            if relu { sum.max(0.0) } else { sum }
        })
        .collect();
    let bound = tolerance * (k as f64 + 4.0);
    for level in simd::available_levels() {
        let out = simd::with_level(level, run);
        for (index, (&got, &expected)) in out.iter().zip(&expected).enumerate() {
            let error = (Real::to_f64(got) - expected).abs();
            assert!(error <= bound, "{level}, element {index}: got {got}, expected {expected} ({case:?})");
        }
    }
}

proptest! {
    #[test]
    fn products_equal_the_naive_loop(case in case()) {
        check::<f32>(case, f64::from(f32::EPSILON));
        check::<f64>(case, f64::EPSILON);
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    for sizes in
        [[64, 400, 120], [1, 2000, 300], [300, 500, 1], [150, 1500, 90], [200, 700, 170], [5, 33, 2000], [257, 129, 65]]
    {
        let [m, k, n] = sizes;
        let (a, b) = (noise::<f32>(m * k, 1), noise::<f32>(k * n, 2));
        for strides in [[n as isize, 1], [1, k as isize]] {
            let run = || {
                let mut out = vec![0f32; m * n];
                let a = Matrix { data: &a, offset: 0, strides: [k as isize, 1] };
                product_with(a, Matrix { data: &b, offset: 0, strides }, sizes, &mut out, Epilogue::default());
                out
            };
            let mut results = Vec::new();
            for threads in 1..=3 {
                parallel::tests::with_threads(threads, || results.push(run()));
            }
            assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{sizes:?}, strides of b {strides:?}");
        }
    }
}

/// Sizes at which matrices are packed because they leave the cache.
#[test]
fn large_products_equal_the_naive_loop() {
    for (index, sizes) in [[300, 400, 310], [270, 1100, 40], [13, 900, 700], [150, 1500, 90]].into_iter().enumerate() {
        for transposed in [false, true] {
            let lie = Lie { transposed, gap: 1, step: 1, flipped: false };
            let epilogue = [index == 1, index != 1, true, index == 2];
            check::<f32>(Case { sizes, a: lie, b: lie, epilogue }, f64::from(f32::EPSILON));
        }
    }
}

#[test]
fn an_empty_inner_axis_gives_zeros_and_the_bias() {
    let empty = Matrix { data: &[], offset: 0, strides: [1, 1] };
    let mut out = [7.0f32; 6];
    product_with(empty, empty, [2, 0, 3], &mut out, Epilogue::default());
    assert_eq!(out, [0.0; 6]);
    let epilogue = Epilogue { column_bias: Some(&[1.0, -2.0, 3.0]), relu: true, ..Epilogue::default() };
    product_with(empty, empty, [2, 0, 3], &mut out, epilogue);
    assert_eq!(out, [1.0, 0.0, 3.0, 1.0, 0.0, 3.0]);
}

#[test]
#[should_panic(expected = "gemm: a matrix reaches outside its slice")]
fn a_matrix_outside_its_slice_is_refused() {
    let a = Matrix { data: &[1.0f32; 5], offset: 0, strides: [3, 1] };
    product_with(a, a, [2, 3, 2], &mut [0.0; 4], Epilogue::default());
}
