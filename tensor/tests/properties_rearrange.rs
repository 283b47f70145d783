//! Joining, cutting, moving, padding, windows and their adjoints against plain loops, in every layout and dtype.

mod reference;

use gradus_tensor::{DType, PadMode, Tensor};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use reference::{Array, adjoint, floats, full_shapes, layouts, on_threads, picked, random, same_bits};

proptest! {
    #![proptest_config(reference::config(40))]

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
