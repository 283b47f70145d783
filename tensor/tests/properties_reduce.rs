//! Reductions, scans and orders against plain loops, in every layout and dtype.

mod reference;

use gradus_tensor::{DType, Tensor};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use reference::{Array, close, full_shapes, indices, layouts, on_threads, random, same_bits, shapes};

/// The axes whose bits are set in `mask`.
fn chosen(mask: u8, rank: usize) -> Vec<isize> {
    (0..rank).filter(|axis| mask >> axis & 1 == 1).map(|axis| axis as isize).collect()
}

/// The elements of each output over `axes` (all, if none), in order.
fn groups(x: &Tensor, axes: &[isize]) -> Vec<Vec<f64>> {
    let all = axes.is_empty();
    let array = Array::<f64>::of(&x.to_dtype(DType::F64));
    let reduced = |axis: usize| all || axes.contains(&(axis as isize));
    let kept: Vec<usize> = (0..x.rank()).filter(|&axis| !reduced(axis)).map(|axis| x.shape()[axis]).collect();
    let mut result = vec![vec![]; kept.iter().product()];
    for index in indices(x.shape()) {
        let outer: Vec<usize> = (0..x.rank()).filter(|&axis| !reduced(axis)).map(|axis| index[axis]).collect();
        result[reference::flat(&kept, &outer)].push(array.at(&index));
    }
    result
}

fn variance(group: &[f64], correction: f64) -> f64 {
    let mean = group.iter().sum::<f64>() / group.len() as f64;
    let squares: f64 = group.iter().map(|x| (x - mean) * (x - mean)).sum();
    squares / (group.len() as f64 - correction).max(0.0)
}

proptest! {
    #![proptest_config(reference::config(48))]

    #[test]
    fn sums_means_and_products(shape in shapes(4), mask in any::<u8>(), keepdim in any::<bool>(), seed in any::<u64>()) {
        let axes = chosen(mask, shape.len());
        for dtype in DType::ALL {
            let x = random(&shape, seed, dtype);
            let groups = groups(&x, &axes);
            let each = |f: &dyn Fn(&[f64]) -> f64| groups.iter().map(|group| f(group)).collect::<Vec<_>>();
            let tolerance = if dtype == DType::F32 { 1e-6 } else { 1e-12 };
            for x in layouts(&x) {
                let sum = x.sum(&axes, keepdim);
                prop_assert_eq!(sum.rank(), if keepdim { x.rank() } else if axes.is_empty() { 0 } else { x.rank() - axes.len() });
                prop_assert!(close(&sum, &each(&|g| g.iter().sum()), tolerance));
                prop_assert!(close(&x.any(&axes, keepdim), &each(&|g| f64::from(u8::from(g.iter().any(|&x| x != 0.0)))), 0.0));
                prop_assert!(close(&x.all(&axes, keepdim), &each(&|g| f64::from(u8::from(g.iter().all(|&x| x != 0.0)))), 0.0));
                prop_assert!(close(&x.count_nonzero(&axes, keepdim), &each(&|g| g.iter().filter(|&&x| x != 0.0).count() as f64), 0.0));
                if dtype.is_float() || groups.first().is_none_or(|g| g.len() < 15) {
                    prop_assert!(close(&x.prod(&axes, keepdim), &each(&|g| g.iter().product()), tolerance));
                }
                if dtype.is_float() {
                    prop_assert!(close(&x.mean(&axes, keepdim), &each(&|g| g.iter().sum::<f64>() / g.len() as f64), tolerance));
                    prop_assert!(close(&x.var(&axes, 1.0, keepdim), &each(&|g| variance(g, 1.0)), 10.0 * tolerance));
                    prop_assert!(close(&x.std(&axes, 0.0, keepdim), &each(&|g| variance(g, 0.0).sqrt()), 10.0 * tolerance));
                    let exact = each(&|g| g.iter().map(|x| x.exp()).sum::<f64>().ln());
                    prop_assert!(close(&x.logsumexp(&axes, keepdim), &exact, 10.0 * tolerance));
                    for p in [0.0, 0.5, 1.0, 2.0, 3.0] {
                        let exact = each(&|g| match p {
                            0.0 => g.iter().filter(|&&x| x != 0.0).count() as f64,
                            p => g.iter().map(|x| x.abs().powf(p)).sum::<f64>().powf(1.0 / p),
                        });
                        prop_assert!(close(&x.norm(p, &axes, keepdim), &exact, 10.0 * tolerance));
                    }
                }
            }
        }
    }

    /// Few channels that lie one after the other, as pictures in channels-last order have them.
    #[test]
    fn columns_of_narrow_rows(rows in 0usize..80, columns in 1usize..40, images in 1usize..4, seed in any::<u64>()) {
        let axes = [0, 1];
        for dtype in [DType::F32, DType::F64] {
            let x = random(&[images, rows, columns], seed, dtype);
            let each = |f: &dyn Fn(&[f64]) -> f64| groups(&x, &axes).iter().map(|group| f(group)).collect::<Vec<_>>();
            let tolerance = if dtype == DType::F32 { 1e-6 } else { 1e-12 };
            prop_assert!(close(&x.sum(&axes, false), &each(&|g| g.iter().sum()), tolerance));
            prop_assert!(close(&x.norm(2.0, &axes, false), &each(&|g| g.iter().map(|x| x * x).sum::<f64>().sqrt()), tolerance));
            prop_assert!(close(&x.norm(1.0, &axes, false), &each(&|g| g.iter().map(|x| x.abs()).sum()), tolerance));
            if rows > 0 {
                let largest = each(&|g| g.iter().copied().fold(f64::NEG_INFINITY, f64::max));
                prop_assert!(close(&x.amax(&axes, false), &largest, 0.0));
                prop_assert!(close(&x.prod(&axes, false), &each(&|g| g.iter().product()), tolerance));
            }
            // Only whole rows may be taken together.
            let part = x.narrow(2, 0, columns.div_ceil(2));
            let sums = x.sum(&axes, false).narrow(0, 0, columns.div_ceil(2));
            prop_assert!(close(&part.sum(&axes, false), &sums.to_dtype(DType::F64).to_vec::<f64>(), tolerance));
        }
    }

    #[test]
    fn extremes(shape in full_shapes(4), mask in any::<u8>(), axis in any::<u8>(), seed in any::<u64>()) {
        let axes = chosen(mask, shape.len());
        let axis = axis as usize % shape.len();
        for dtype in [DType::F32, DType::F64, DType::I64, DType::U8] {
            let x = random(&shape, seed, dtype);
            let (all, along) = (groups(&x, &axes), groups(&x, &[axis as isize]));
            let top = |g: &Vec<f64>| g.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let low = |g: &Vec<f64>| g.iter().copied().fold(f64::INFINITY, f64::min);
            let first = |g: &Vec<f64>, value: f64| g.iter().position(|&x| x == value).unwrap_or(0) as f64;
            for x in layouts(&x) {
                prop_assert!(close(&x.amax(&axes, true), &all.iter().map(top).collect::<Vec<_>>(), 0.0));
                prop_assert!(close(&x.amin(&axes, false), &all.iter().map(low).collect::<Vec<_>>(), 0.0));
                let (values, indices) = x.max(axis as isize, true);
                prop_assert!(close(&values, &along.iter().map(top).collect::<Vec<_>>(), 0.0));
                prop_assert!(close(&indices, &along.iter().map(|g| first(g, top(g))).collect::<Vec<_>>(), 0.0));
                prop_assert!(same_bits(&x.argmax(axis as isize, true), &indices));
                let (values, indices) = x.min(axis as isize, false);
                prop_assert!(close(&values, &along.iter().map(low).collect::<Vec<_>>(), 0.0));
                prop_assert!(close(&indices, &along.iter().map(|g| first(g, low(g))).collect::<Vec<_>>(), 0.0));
                prop_assert!(same_bits(&x.argmin(axis as isize, false), &indices));
            }
        }
    }

    #[test]
    fn scans(shape in shapes(4), axis in any::<u8>(), seed in any::<u64>()) {
        let axis = axis as usize % shape.len().max(1);
        for dtype in DType::ALL {
            let x = random(&shape, seed, dtype);
            let array = Array::<f64>::of(&x.to_dtype(DType::F64));
            let scanned = |f: fn(f64, f64) -> f64, start: f64| Array::build(&shape, |index| {
                let mut at = index.to_vec();
                let end = index.get(axis).copied().unwrap_or(0);
                (0..=end).fold(start, |total, i| {
                    if let Some(place) = at.get_mut(axis) {
                        *place = i;
                    }
                    f(total, array.at(&at))
                })
            });
            for x in layouts(&x) {
                prop_assert!(close(&x.cumsum(axis as isize), &scanned(|a, b| a + b, 0.0).data, 1e-6));
                prop_assert!(close(&x.cumprod(axis as isize), &scanned(|a, b| a * b, 1.0).data, 1e-6));
            }
        }
    }

    #[test]
    fn orders(shape in full_shapes(4), axis in any::<u8>(), descending in any::<bool>(), seed in any::<u64>()) {
        let axis = axis as usize % shape.len();
        let k = seed as usize % (shape[axis] + 1);
        for dtype in DType::ALL {
            let x = random(&shape, seed, dtype);
            // The original positions of each row's elements, sorted with stability.
            let rows: Vec<Vec<usize>> = groups(&x, &[axis as isize]).iter().map(|row| {
                let mut order: Vec<usize> = (0..row.len()).collect();
                order.sort_by(|&a, &b| if descending { row[b].total_cmp(&row[a]) } else { row[a].total_cmp(&row[b]) });
                order
            }).collect();
            let expected = |k: usize| {
                let mut sizes = shape.clone();
                sizes[axis] = k;
                Array::build(&sizes, |index| {
                    let mut outer = index.to_vec();
                    let at = outer.remove(axis);
                    let mut kept = shape.clone();
                    kept.remove(axis);
                    rows[reference::flat(&kept, &outer)][at] as i64
                })
            };
            for x in layouts(&x) {
                let (values, indices) = x.sort(axis as isize, descending);
                prop_assert_eq!(Array::<i64>::of(&indices), expected(shape[axis]));
                prop_assert!(same_bits(&values, &x.gather(axis as isize, &indices)));
                let (values, indices) = x.topk(k, axis as isize, descending);
                prop_assert_eq!(Array::<i64>::of(&indices), expected(k));
                prop_assert!(same_bits(&values, &x.gather(axis as isize, &indices)));
                if !descending {
                    let middle = x.median(axis as isize, true).1;
                    let expected = expected(shape[axis]).tensor().narrow(axis as isize, (shape[axis] - 1) / 2, 1);
                    prop_assert!(same_bits(&middle, &expected.contiguous()));
                }
            }
        }
    }
}

#[test]
fn nan_sorts_last() {
    let nan = f64::NAN;
    let x = Tensor::from([3.0, nan, 1.0, nan, f64::NEG_INFINITY, f64::INFINITY, 3.0]);
    assert_eq!(x.argsort(0, false).to_vec::<i64>(), [4, 2, 0, 6, 5, 1, 3]);
    assert_eq!(x.argsort(0, true).to_vec::<i64>(), [1, 3, 5, 0, 6, 2, 4]);
    assert_eq!(x.topk(3, 0, true).1.to_vec::<i64>(), [1, 3, 5]);
    assert_eq!(x.topk(2, 0, false).1.to_vec::<i64>(), [4, 2]);
    let (value, index) = x.median(0, false);
    assert!(value.item::<f64>().is_nan() && index.item::<i64>() == 1);
}

#[test]
fn large_reductions_have_the_same_bits_on_any_number_of_threads() {
    let x = random(&[7, 301, 129], 3, DType::F32);
    for x in layouts(&x) {
        for axes in [&[][..], &[0], &[1], &[2], &[0, 2], &[0, 1], &[1, 2]] {
            let sum = on_threads(|| x.sum(axes, false));
            let exact: Vec<f64> = groups(&x, axes).iter().map(|g| g.iter().sum()).collect();
            assert!(close(&sum, &exact, 1e-5), "{axes:?}");
            on_threads(|| x.var(axes, 1.0, false));
            on_threads(|| x.logsumexp(axes, true));
            on_threads(|| x.amax(axes, true));
        }
        for axis in 0..3 {
            on_threads(|| x.cumsum(axis));
            on_threads(|| x.argmax(axis, false));
            on_threads(|| x.sort(axis, true).0);
        }
    }
}

#[test]
fn indices_of_extremes_over_rows_are_those_of_the_first_equal_or_nan() {
    for dtype in [DType::F32, DType::F64] {
        // Few different values, so that many are equal.
        let x = random(&[3, 37, 300], 5, dtype).mul_scalar(2.0).round().add_scalar(0.0);
        let mut values = x.to_dtype(DType::F64).to_vec::<f64>();
        values.iter_mut().skip(150).step_by(977).for_each(|x| *x = f64::NAN);
        for x in [x, Tensor::from_vec(values, [3, 37, 300]).to_dtype(dtype)] {
            for axis in 0..2 {
                // Along the last axis another loop is taken.
                let moved = x.movedim(&[axis], &[-1]).contiguous();
                assert!(same_bits(&on_threads(|| x.argmax(axis, false)), &moved.argmax(-1, false)));
                assert!(same_bits(&on_threads(|| x.argmin(axis, false)), &moved.argmin(-1, false)));
                assert!(same_bits(&x.max(axis, false).0, &moved.amax(&[-1], false)));
            }
        }
    }
}

#[test]
fn sums_of_f32_beat_pairwise_ones() {
    // An alternating series whose naive f32 sum is far off.
    let n = 1 << 20;
    let values: Vec<f32> = (0..n).map(|i| if i % 2 == 0 { 1e4 + (i as f32) * 1e-3 } else { -1e4 }).collect();
    let exact: f64 = values.iter().map(|&v| f64::from(v)).sum();
    let sum = Tensor::from_vec(values, [n]).sum(&[], false).item::<f32>();
    assert!((f64::from(sum) - exact).abs() <= exact.abs() * 1e-7, "{sum} {exact}");
}

#[test]
fn sums_of_nothing_are_zero() {
    let x = Tensor::zeros([3, 0], DType::F32);
    assert_eq!(x.sum(&[1], false).to_vec::<f32>(), [0.0; 3]);
    assert_eq!(x.permute([1, 0]).sum(&[0], false).to_vec::<f32>(), [0.0; 3]);
    assert_eq!(x.prod(&[1], false).to_vec::<f32>(), [1.0; 3]);
    assert_eq!(x.norm(2.0, &[1], false).to_vec::<f32>(), [0.0; 3]);
    assert!(x.mean(&[1], false).to_vec::<f32>().iter().all(|mean| mean.is_nan()));
    assert_eq!(x.sum(&[0], false).shape(), &[0]);
    assert_eq!(x.sum(&[], false).item::<f32>(), 0.0);
}
