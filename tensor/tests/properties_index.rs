//! Slicing, selecting, gathering, masks and writing at places against plain loops, in every layout and dtype.

mod reference;

use gradus_tensor::{DType, Ellipsis, NewAxis, Tensor, step};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use reference::{Array, adjoint, close, floats, full_shapes, indices, layouts, picked, random, same_bits, shapes};

fn python_slice(size: usize, start: Option<isize>, end: Option<isize>, step: isize) -> Vec<usize> {
    let n = size as isize;
    let wrap = |i: isize| if i < 0 { i + n } else { i };
    let (mut i, stop) = if step > 0 {
        (start.map_or(0, |s| wrap(s).clamp(0, n)), end.map_or(n, |e| wrap(e).clamp(0, n)))
    } else {
        (start.map_or(n - 1, |s| wrap(s).clamp(-1, n - 1)), end.map_or(-1, |e| wrap(e).clamp(-1, n - 1)))
    };
    let mut list = vec![];
    while (step > 0 && i < stop) || (step < 0 && i > stop) {
        list.push(i as usize);
        i += step;
    }
    list
}

proptest! {
    #![proptest_config(reference::config(40))]

    #[test]
    fn slices(
        shape in full_shapes(4), axis in any::<u8>(), start in -8isize..8, end in -8isize..8, by in 1isize..4,
        backward in any::<bool>(), open in any::<(bool, bool)>(), seed in any::<u64>(),
    ) {
        let axis = axis as usize % shape.len();
        let (start, end) = ((!open.0).then_some(start), (!open.1).then_some(end));
        let by = if backward { -by } else { by };
        let places = python_slice(shape[axis], start, end, by);
        for dtype in DType::ALL {
            let x = random(&shape, seed, dtype);
            let expected = picked(&floats(&x), axis, &places);
            for x in layouts(&x) {
                prop_assert_eq!(floats(&x.slice(axis as isize, start, end, by)), expected.clone());
            }
        }
        let x = random(&shape, seed, DType::F64);
        adjoint(
            &x,
            |x| x.slice(axis as isize, start, end, by),
            |y| y.slice_adjoint(axis as isize, shape[axis], (start, end, by)),
        );
    }

    #[test]
    fn selections(shape in full_shapes(4), axis in any::<u8>(), count in 0usize..6, seed in any::<u64>()) {
        let axis = axis as usize % shape.len();
        let at = axis as isize;
        let index = gradus_tensor::Generator::new(seed).randint([count], 0, shape[axis] as i64);
        let places: Vec<usize> = index.to_vec::<i64>().iter().map(|&i| i as usize).collect();
        for dtype in DType::ALL {
            let x = random(&shape, seed, dtype);
            let expected = picked(&floats(&x), axis, &places);
            let taken = x.index_select(at, &index);
            let source = if dtype == DType::Bool { expected.clone() } else { floats(&taken.add_scalar(1.0)) };
            let written = Array::build(&shape, |index| match places.iter().rposition(|&place| place == index[axis]) {
                Some(last) => {
                    let mut from = index.to_vec();
                    from[axis] = last;
                    source.at(&from)
                }
                None => floats(&x).at(index),
            });
            for x in layouts(&x) {
                let taken = x.index_select(at, &index);
                prop_assert_eq!(floats(&taken), expected.clone());
                if dtype != DType::Bool {
                    prop_assert_eq!(floats(&x.index_copy(at, &index, &taken.add_scalar(1.0))), written.clone());
                    let filled = x.index_fill(at, &index, 3.0);
                    let wide = Array::build(&shape, |i| if places.contains(&i[axis]) { 3.0 } else { floats(&x).at(i) });
                    prop_assert_eq!(floats(&filled), wide);
                }
            }
        }
        let x = random(&shape, seed, DType::F64);
        for x in layouts(&x) {
            adjoint(&x, |x| x.index_select(at, &index), |y| x.zeros_like().index_add(at, &index, y));
        }
    }

    #[test]
    fn gathers(shape in full_shapes(3), axis in any::<u8>(), length in 0usize..5, seed in any::<u64>()) {
        let axis = axis as usize % shape.len();
        let at = axis as isize;
        let mut sizes: Vec<usize> = shape.iter().enumerate().map(|(i, &n)| if i == 0 { n } else { n.div_ceil(2) }).collect();
        sizes[axis] = length;
        let index = gradus_tensor::Generator::new(seed).randint(&sizes, 0, shape[axis] as i64);
        let places = Array::<i64>::of(&index);
        let target = |i: &[usize]| {
            let mut from = i.to_vec();
            from[axis] = places.at(i) as usize;
            from
        };
        for dtype in [DType::F32, DType::I64, DType::U8] {
            let x = random(&shape, seed, dtype);
            let source = random(&sizes, seed ^ 1, dtype);
            let gathered = Array::build(&sizes, |i| floats(&x).at(&target(i)));
            let (mut added, mut written) = (floats(&x), floats(&x));
            for i in indices(&sizes) {
                let place = reference::flat(&shape, &target(&i));
                added.data[place] += floats(&source).at(&i);
                written.data[place] = floats(&source).at(&i);
            }
            for (x, source) in layouts(&x).iter().zip(layouts(&source)) {
                for index in layouts(&index) {
                    prop_assert_eq!(floats(&x.gather(at, &index)), gathered.clone());
                    prop_assert!(close(&x.scatter_add(at, &index, &source), &added.data, 1e-5));
                    prop_assert_eq!(floats(&x.scatter(at, &index, &source)), written.clone());
                }
            }
        }
    }

    #[test]
    fn masks(shape in shapes(3), seed in any::<u64>()) {
        let mask = random(&shape, seed, DType::Bool);
        let flags = Array::<bool>::of(&mask);
        for dtype in DType::ALL {
            let (x, z) = (random(&shape, seed ^ 1, dtype), random(&shape, seed ^ 2, dtype));
            let (a, b) = (floats(&x), floats(&z));
            let chosen: Vec<f64> = a.data.iter().zip(&flags.data).filter(|(_, flag)| **flag).map(|(a, _)| *a).collect();
            let either = Array::build(&shape, |i| if flags.at(i) { a.at(i) } else { b.at(i) });
            let filled = Array::build(&shape, |i| if flags.at(i) { 1.0 } else { a.at(i) });
            for ((x, z), mask) in layouts(&x).iter().zip(layouts(&z).iter().rev()).zip(layouts(&mask)) {
                prop_assert_eq!(floats(&mask.where_(x, z)), either.clone());
                prop_assert_eq!(floats(&x.masked_fill(&mask, 1.0)), filled.clone());
                let selected = x.masked_select(&mask);
                prop_assert_eq!(floats(&selected).data, chosen.clone());
                prop_assert!(same_bits(&z.masked_scatter(&mask, &selected), &mask.where_(x, z).contiguous()));
            }
            let places: Vec<Vec<i64>> = indices(&shape).iter().filter(|i| a.at(i) != 0.0).map(|i| i.iter().map(|&i| i as i64).collect()).collect();
            prop_assert_eq!(x.nonzero().to_vec::<i64>(), places.concat());
        }
    }
}

#[test]
fn range_syntax() {
    let x = Tensor::arange(0.0, 60.0, 1.0, DType::I64).reshape([3, 4, 5]);
    let at = |i: i64, j: i64, k: i64| i * 20 + j * 5 + k;
    assert_eq!(x.i(1).shape(), &[4, 5]);
    assert_eq!(x.i(-1).to_vec::<i64>()[0], at(2, 0, 0));
    assert_eq!(x.i(1..).shape(), &[2, 4, 5]);
    assert_eq!(
        x.i((.., 1..3, -1)).to_vec::<i64>(),
        [at(0, 1, 4), at(0, 2, 4), at(1, 1, 4), at(1, 2, 4), at(2, 1, 4), at(2, 2, 4)]
    );
    assert_eq!(x.i((0, ..=1, -2..)).to_vec::<i64>(), [3, 4, 8, 9]);
    assert_eq!(x.i((0, 0, ..=-2)).to_vec::<i64>(), [0, 1, 2, 3]);
    assert_eq!(x.i((0, 0, step(.., -2))).to_vec::<i64>(), [4, 2, 0]);
    assert_eq!(x.i((Ellipsis, 0)).shape(), &[3, 4]);
    assert_eq!(x.i((0, Ellipsis, NewAxis)).shape(), &[4, 5, 1]);
    assert_eq!(x.i((NewAxis, .., NewAxis)).shape(), &[1, 3, 1, 4, 5]);
    let n = 2usize;
    assert_eq!(x.i((..n, n, n..)).shape(), &[2, 3]);
    let (a, b) = (Tensor::from([0i64, 2]), Tensor::from([[1i64], [-1]]));
    let y = x.i((.., &a, &b));
    assert_eq!(y.shape(), &[3, 2, 2]);
    assert_eq!(y.select(0, 1).to_vec::<i64>(), [at(1, 0, 1), at(1, 2, 1), at(1, 0, 4), at(1, 2, 4)]);
    assert_eq!(x.i((&a, .., &a)).shape(), &[2, 4]);
    assert_eq!(x.i((&a, .., &a)).to_vec::<i64>()[4..], [at(2, 0, 2), at(2, 1, 2), at(2, 2, 2), at(2, 3, 2)]);
    let mask = x.gt_scalar(56.0);
    assert_eq!(x.i(&mask).to_vec::<i64>(), [57, 58, 59]);
    assert_eq!(x.i((&Tensor::from([true, false, true]), 0, 0)).to_vec::<i64>(), [0, 40]);
    assert_eq!(x.i((&Tensor::from([false; 3]), 0)).shape(), &[0, 5]);
}

#[test]
fn writing_at_places() {
    let x = Tensor::zeros([3, 4], DType::F64);
    let (rows, columns) = (Tensor::from([0i64, 2, 0]), Tensor::from([1i64, -1, 1]));
    let values = Tensor::from([1.0, 2.0, 3.0]);
    let y = x.index_put(&[Some(&rows), Some(&columns)], &values, false);
    assert_eq!(y.to_vec::<f64>(), [0., 3., 0., 0., 0., 0., 0., 0., 0., 0., 0., 2.]);
    let y = x.index_put(&[Some(&rows), Some(&columns)], &values, true);
    assert_eq!(y.to_vec::<f64>()[1], 4.0);
    let y = x.index_put(&[None, Some(&Tensor::from([true, false, false, true]))], &Tensor::scalar(5.0), false);
    assert_eq!(y.sum(&[0], false).to_vec::<f64>(), [15.0, 0.0, 0.0, 15.0]);
    let random = random(&[3, 4, 5], 1, DType::F64);
    for x in layouts(&random) {
        let index = [None, Some(&rows), Some(&columns)];
        adjoint(&x, |x| x.index(&index), |y| x.zeros_like().index_put(&index, y, true));
        let index = [Some(&rows), None, Some(&columns)];
        adjoint(&x, |x| x.index(&index), |y| x.zeros_like().index_put(&index, y, true));
    }
}
