//! Indexing, joining, padding, windows and their adjoints against plain loops, in every layout and dtype.

mod reference;

use gradus_tensor::{DType, Ellipsis, NewAxis, PadMode, Tensor, einsum, step};
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};
use reference::{Array, close, full_shapes, indices, layouts, on_threads, random, same_bits, shapes};

type Floats = Array<f64>;

fn floats(x: &Tensor) -> Floats {
    Array::of(&x.to_dtype(DType::F64))
}

/// ⟨a, b⟩ in f64.
fn inner(a: &Tensor, b: &Tensor) -> f64 {
    a.to_vec::<f64>().iter().zip(b.to_vec::<f64>()).map(|(a, b)| a * b).sum()
}

/// ⟨f(x), y⟩ = ⟨x, f*(y)⟩ for a linear map and its adjoint.
#[track_caller]
fn adjoint(x: &Tensor, forward: impl Fn(&Tensor) -> Tensor, back: impl Fn(&Tensor) -> Tensor) {
    let y = random(forward(x).shape(), 99, DType::F64);
    let (left, right) = (inner(&forward(x), &y), inner(x, &back(&y)));
    assert!((left - right).abs() <= 1e-10 * (1.0 + left.abs()), "{left} {right}");
    assert_eq!(back(&y).shape(), x.shape());
}

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

/// `x` with axis `axis` replaced by the listed places.
fn picked<T: gradus_tensor::Element>(x: &Array<T>, axis: usize, list: &[usize]) -> Array<T> {
    let mut shape = x.shape.clone();
    shape[axis] = list.len();
    Array::build(&shape, |index| {
        let mut from = index.to_vec();
        from[axis] = list[index[axis]];
        x.at(&from)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

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
    fn joins_and_cuts(shape in full_shapes(4), axis in any::<u8>(), sizes in proptest::collection::vec(0usize..4, 1..4), seed in any::<u64>()) {
        let axis = axis as usize % shape.len();
        let at = axis as isize;
        let parts: Vec<Tensor> = sizes.iter().enumerate().map(|(i, &size)| {
            let mut part = shape.clone();
            part[axis] = size;
            let all = layouts(&random(&part, seed.wrapping_add(i as u64), DType::F32));
            all[(seed as usize + i) % all.len()].clone()
        }).collect();
        let joined = Tensor::cat(&parts.iter().collect::<Vec<_>>(), at);
        let mut full = shape.clone();
        full[axis] = sizes.iter().sum();
        let expected = Array::build(&full, |index| {
            let (mut from, mut k) = (index.to_vec(), 0);
            while from[axis] >= sizes[k] {
                from[axis] -= sizes[k];
                k += 1;
            }
            floats(&parts[k]).at(&from)
        });
        prop_assert_eq!(floats(&joined), expected);
        for (part, again) in parts.iter().zip(joined.split_with_sizes(&sizes, at)) {
            prop_assert!(same_bits(&again, part));
        }
        let stacked = Tensor::stack(&[&joined, &joined], at);
        prop_assert!(stacked.unbind(at).iter().all(|part| same_bits(part, &joined)));
        for pieces in [joined.split(2, at), joined.chunk(3, at)] {
            prop_assert!(same_bits(&Tensor::cat(&pieces.iter().collect::<Vec<_>>(), at), &joined.contiguous()));
        }
    }

    #[test]
    fn rearrangements(shape in full_shapes(4), axis in any::<u8>(), shift in -9isize..9, seed in any::<u64>()) {
        let axis = axis as usize % shape.len();
        let at = axis as isize;
        for dtype in DType::ALL {
            let x = random(&shape, seed, dtype);
            let n = shape[axis];
            let array = floats(&x);
            let rolled = picked(&array, axis, &(0..n).map(|i| (i as isize - shift).rem_euclid(n as isize) as usize).collect::<Vec<_>>());
            let twice = picked(&array, axis, &(0..2 * n).map(|i| i / 2).collect::<Vec<_>>());
            let counts: Vec<usize> = shape.iter().enumerate().map(|(i, _)| 1 + (seed as usize >> i) % 3).collect();
            let wide: Vec<usize> = shape.iter().zip(&counts).map(|(n, c)| n * c).collect();
            let tiled = Array::build(&wide, |i| array.at(&i.iter().zip(&shape).map(|(i, n)| i % n).collect::<Vec<_>>()));
            for x in layouts(&x) {
                prop_assert_eq!(floats(&x.roll(&[shift], &[at])), rolled.clone());
                prop_assert_eq!(floats(&x.repeat_interleave(2, at)), twice.clone());
                prop_assert_eq!(floats(&x.repeat(&counts)), tiled.clone());
                prop_assert!(same_bits(&x.movedim(&[at], &[0]).movedim(&[0], &[at]), &x));
                prop_assert!(same_bits(&x.roll(&[shift], &[]).roll(&[-shift], &[]), &x));
            }
        }
    }

    #[test]
    fn triangles_and_diagonals(shape in full_shapes(3), offset in -5isize..5, seed in any::<u64>()) {
        let mut shape = shape;
        shape.push(4);
        let rank = shape.len();
        for dtype in DType::ALL {
            let x = random(&shape, seed, dtype);
            let array = floats(&x);
            let below = |i: &[usize]| i[rank - 1] as isize - i[rank - 2] as isize;
            let lower = Array::build(&shape, |i| if below(i) <= offset { array.at(i) } else { 0.0 });
            let upper = Array::build(&shape, |i| if below(i) >= offset { array.at(i) } else { 0.0 });
            for x in layouts(&x) {
                prop_assert_eq!(floats(&x.tril(offset)), lower.clone());
                prop_assert_eq!(floats(&x.triu(offset)), upper.clone());
                for (a, b) in [(0, rank - 1), (rank - 1, rank - 2)] {
                    let diagonal = floats(&x.diagonal(offset, a as isize, b as isize));
                    let rest: Vec<usize> = (0..rank).filter(|&axis| axis != a && axis != b).collect();
                    let expected = Array::build(&diagonal.shape, |i| {
                        let mut from = vec![0; rank];
                        for (k, &axis) in rest.iter().enumerate() {
                            from[axis] = i[k];
                        }
                        let last = i[rank - 2] as isize;
                        from[a] = (last + (-offset).max(0)) as usize;
                        from[b] = (last + offset.max(0)) as usize;
                        array.at(&from)
                    });
                    prop_assert_eq!(diagonal, expected);
                }
            }
        }
        let x = random(&shape, seed, DType::F64);
        adjoint(&x, |x| x.diagonal(offset, 0, -1), |y| y.diagonal_adjoint(&shape, offset, [0, -1]));
        adjoint(&x, |x| x.diag_embed(offset, 0, -1), |y| y.diagonal(offset, 0, -1));
    }

    #[test]
    fn padding(shape in full_shapes(3), margins in proptest::collection::vec((-1isize..4, -1isize..4), 1..4), seed in any::<u64>()) {
        let margins = &margins[..margins.len().min(shape.len())];
        let lead = shape.len() - margins.len();
        for mode in [PadMode::Constant(7.0), PadMode::Reflect, PadMode::Replicate, PadMode::Circular] {
            let fits = margins.iter().zip(&shape[lead..]).all(|(&(before, after), &n)| {
                let n = n as isize;
                let limit = match mode { PadMode::Reflect => n - 1, PadMode::Circular => n, _ => 9 };
                before.max(after) <= limit && n + before.min(0) + after.min(0) > 0
            });
            if !fits {
                continue;
            }
            let full: Vec<usize> = shape.iter().enumerate().map(|(axis, &n)| {
                let (before, after) = if axis < lead { (0, 0) } else { margins[axis - lead] };
                (n as isize + before + after) as usize
            }).collect();
            for dtype in [DType::F32, DType::U8, DType::I64] {
                let x = random(&shape, seed, dtype);
                let array = floats(&x);
                let expected = Array::build(&full, |index| {
                    let mut from = vec![];
                    for (axis, (&i, &n)) in index.iter().zip(&shape).enumerate() {
                        let before = if axis < lead { 0 } else { margins[axis - lead].0 };
                        let (i, n) = (i as isize - before, n as isize);
                        from.push(match mode {
                            _ if (0..n).contains(&i) => i,
                            PadMode::Constant(_) => return 7.0,
                            PadMode::Reflect => if i < 0 { -i } else { 2 * n - 2 - i },
                            PadMode::Replicate => i.clamp(0, n - 1),
                            PadMode::Circular => i.rem_euclid(n),
                        } as usize);
                    }
                    array.at(&from)
                });
                for x in layouts(&x) {
                    prop_assert_eq!(floats(&x.pad(margins, mode)), expected.clone());
                }
            }
            let linear = if matches!(mode, PadMode::Constant(_)) { PadMode::Constant(0.0) } else { mode };
            let x = random(&shape, seed, DType::F64);
            adjoint(&x, |x| x.pad(margins, linear), |y| y.pad_adjoint(margins, linear, &shape));
        }
    }

    #[test]
    fn windows(shape in full_shapes(3), axis in any::<u8>(), size in 1usize..4, by in 1usize..4, seed in any::<u64>()) {
        let axis = axis as usize % shape.len();
        let at = axis as isize;
        let size = size.min(shape[axis]);
        for dtype in DType::ALL {
            let x = random(&shape, seed, dtype);
            let array = floats(&x);
            for x in layouts(&x) {
                let y = floats(&x.unfold(at, size, by));
                let expected = Array::build(&y.shape, |i| {
                    let mut from = i[..shape.len()].to_vec();
                    from[axis] = from[axis] * by + i[shape.len()];
                    array.at(&from)
                });
                prop_assert_eq!(y.shape[axis], (shape[axis] - size) / by + 1);
                prop_assert_eq!(y, expected);
            }
        }
        let x = random(&shape, seed, DType::F64);
        adjoint(&x, |x| x.unfold(at, size, by), |y| y.unfold_adjoint(at, shape[axis], by));
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

/// Sums over every assignment of letters.
fn naive_einsum(terms: &[&str], output: &str, operands: &[Tensor]) -> Vec<f64> {
    let mut letters: Vec<char> = output.chars().collect();
    letters.extend(terms.concat().chars());
    let mut seen = vec![];
    letters.retain(|c| {
        !seen.contains(c) && {
            seen.push(*c);
            true
        }
    });
    let size = |c: char| {
        let sizes = terms.iter().zip(operands).filter_map(|(term, x)| term.find(c).map(|i| x.shape()[i]));
        sizes.max().unwrap()
    };
    let sizes: Vec<usize> = letters.iter().map(|&c| size(c)).collect();
    let out: Vec<usize> = sizes[..output.len()].to_vec();
    let mut result = vec![0.0; out.iter().product()];
    for index in indices(&sizes) {
        let product: f64 = terms
            .iter()
            .zip(operands)
            .map(|(term, x)| {
                let at: Vec<usize> =
                    term.chars().map(|c| index[letters.iter().position(|&l| l == c).unwrap()]).collect();
                floats(x).broadcast(&at)
            })
            .product();
        result[reference::flat(&out, &index[..out.len()])] += product;
    }
    result
}

#[test]
fn einsum_against_loops() {
    let sizes = |c: char| 2 + (c as usize - 'a' as usize) % 3;
    for (equation, output) in [
        ("ij,jk->ik", "ik"),
        ("bij,bjk->bik", "bik"),
        ("ij,ij->", ""),
        ("ij->ji", "ji"),
        ("ii->i", "i"),
        ("ii", ""),
        ("i,j->ij", "ij"),
        ("ij,kj,k->i", "i"),
        ("abc,cd,bde->ae", "ae"),
        ("aab->b", "b"),
        ("ab,ab->ab", "ab"),
        ("ab,cd->dbca", "dbca"),
        ("abc->", ""),
        ("ba,cb", "ac"),
        ("iij,jk->ik", "ik"),
    ] {
        let left = equation.split("->").next().unwrap();
        let terms: Vec<&str> = left.split(',').collect();
        let operands: Vec<Tensor> = terms
            .iter()
            .enumerate()
            .map(|(i, term)| {
                let shape: Vec<usize> = term.chars().map(sizes).collect();
                random(&shape, i as u64, DType::F64)
            })
            .collect();
        let expected = naive_einsum(&terms, output, &operands);
        let count = layouts(&operands[0]).len();
        for k in 0..count {
            let operands: Vec<Tensor> = operands
                .iter()
                .map(|x| {
                    let all = layouts(x);
                    all[k % all.len()].clone()
                })
                .collect();
            assert!(close(&einsum(equation, &operands), &expected, 1e-12), "{equation}");
        }
    }
    let (x, y) = (random(&[2, 3, 4], 1, DType::F64), random(&[3, 4, 5], 2, DType::F64));
    assert!(close(
        &einsum("...ij,...jk->...ik", &[x.clone(), y.clone().narrow(0, 0, 1)]),
        &x.matmul(&y.narrow(0, 0, 1)).to_vec::<f64>(),
        1e-12
    ));
    assert!(close(&einsum("...i->i...", std::slice::from_ref(&x)), &x.permute([2, 0, 1]).to_vec::<f64>(), 0.0));
    assert!(close(
        &einsum("a...,b...", &[x.clone(), x.clone()]),
        &einsum("aij,bij->ijab", &[x.clone(), x]).to_vec::<f64>(),
        1e-12
    ));
}

#[test]
fn copies_of_large_tensors_are_exact() {
    let x = random(&[130, 67, 70], 4, DType::F32);
    let array = Array::<f32>::of(&x);
    for order in [[2, 1, 0], [1, 2, 0], [0, 2, 1], [2, 0, 1], [1, 0, 2]] {
        let moved = on_threads(|| x.permute(order).contiguous());
        let expected = Array::build(moved.shape(), |i| {
            let mut from = [0; 3];
            for (to, &axis) in order.iter().enumerate() {
                from[axis as usize] = i[to];
            }
            array.at(&from)
        });
        assert_eq!(Array::<f32>::of(&moved), expected, "{order:?}");
        for dtype in [DType::F64, DType::U8, DType::Bool, DType::I64] {
            let x = x.mul_scalar(100.0).abs().to_dtype(dtype);
            assert!(same_bits(&x.permute(order).contiguous(), &x.permute(order)), "{order:?} {dtype}");
        }
        let sum = on_threads(|| x.permute(order).contiguous().add(&x.permute(order)));
        assert!(same_bits(&sum, &x.permute(order).contiguous().mul_scalar(2.0)));
        let cut = x.permute(order).slice(0, None, None, -3);
        assert!(same_bits(&cut.contiguous(), &cut));
        assert!(same_bits(&cut.mul_scalar(2.0), &cut.contiguous().mul_scalar(2.0)));
    }
}
