//! The core of the tensor: layouts, copy-on-write, broadcasting, and the first ops against plain loops.

use gradus_tensor::{DType, Generator, MemoryFormat, Tensor, manual_seed};

#[test]
fn views_share_and_writes_copy() {
    let x = Tensor::arange(0.0, 24.0, 1.0, DType::F32).reshape([2, 3, 4]);
    let mut y = x.permute([2, 0, 1]);
    assert!(x.shares_storage(&y));
    y.make_mut::<f32>()[0] = 100.0;
    assert!(!x.shares_storage(&y));
    assert_eq!(x.to_vec::<f32>()[0], 0.0);
    assert_eq!(y.shape(), &[4, 2, 3]);
    assert_eq!(y.view_as::<f32>().at(&[1, 0, 0]), 1.0);
}

#[test]
fn broadcasting_follows_numpy() {
    let a = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let b = Tensor::from([[10.0], [20.0]]);
    assert_eq!((&a + &b).to_vec::<f64>(), [11.0, 12.0, 13.0, 24.0, 25.0, 26.0]);
    assert_eq!(a.sum_to(&[2, 1]).to_vec::<f64>(), [6.0, 15.0]);
    assert_eq!(a.sum_to(&[3]).to_vec::<f64>(), [5.0, 7.0, 9.0]);
    assert_eq!((2.0 - &a).to_vec::<f64>()[5], -4.0);
}

#[test]
fn elementwise_results_keep_channels_last() {
    let x = Tensor::randn([2, 3, 4, 5], DType::F32).to_memory_format(MemoryFormat::ChannelsLast);
    assert!(x.relu().layout().is_in_format(MemoryFormat::ChannelsLast));
    let y = &x + &Tensor::ones([1, 3, 1, 1], DType::F32);
    assert!(y.layout().is_in_format(MemoryFormat::ChannelsLast));
    assert_eq!(x.contiguous().relu().to_vec::<f32>(), x.relu().to_vec::<f32>());
}

#[test]
fn reductions_match_loops_in_every_layout() {
    let mut generator = Generator::new(3);
    let base = generator.randn([4, 5, 6, 7], DType::F64);
    for x in [base.clone(), base.permute([2, 0, 3, 1]), base.slice(1, None, None, -2), base.transpose(0, 3)] {
        for axes in [&[0isize][..], &[1], &[3], &[0, 2], &[1, 2, 3], &[0, 1, 2, 3], &[-1, -2]] {
            let y = x.sum(axes, true);
            let top = x.amax(axes, true);
            let logical = x.contiguous();
            let mut sums = vec![0.0; y.len()];
            let mut tops = vec![f64::NEG_INFINITY; y.len()];
            let mut index = vec![0usize; x.rank()];
            for &value in logical.as_slice::<f64>().unwrap() {
                let mut at = 0;
                for (&i, &size) in index.iter().zip(y.shape()) {
                    at = at * size + if size == 1 { 0 } else { i };
                }
                sums[at] += value;
                tops[at] = f64::max(tops[at], value);
                for axis in (0..x.rank()).rev() {
                    index[axis] += 1;
                    if index[axis] < x.shape()[axis] {
                        break;
                    }
                    index[axis] = 0;
                }
            }
            for (a, b) in y.to_vec::<f64>().iter().zip(&sums) {
                assert!((a - b).abs() < 1e-12, "{axes:?}");
            }
            assert_eq!(top.to_vec::<f64>(), tops);
        }
    }
}

#[test]
fn matmul_batches_and_vectors() {
    manual_seed(1);
    let a = Tensor::randn([2, 1, 3, 4], DType::F64);
    let b = Tensor::randn([5, 4, 2], DType::F64);
    let y = a.matmul(&b);
    assert_eq!(y.shape(), &[2, 5, 3, 2]);
    for (i, j) in [(0, 0), (1, 4)] {
        let one = a.select(0, i).select(0, 0).matmul(&b.select(0, j));
        assert_eq!(y.select(0, i).select(0, j).to_vec::<f64>(), one.to_vec::<f64>());
    }
    let v = Tensor::from([1.0, 2.0, 3.0, 4.0]);
    assert_eq!(b.transpose(1, 2).matmul(&v).shape(), &[5, 2]);
    assert_eq!(v.matmul(&v).item::<f64>(), 30.0);
    let whole = Tensor::from([[1i64, 2], [3, 4]]);
    assert_eq!(whole.matmul(&whole).to_vec::<i64>(), [7, 10, 15, 22]);
    assert_eq!(Tensor::zeros([2, 0], DType::F32).matmul(&Tensor::zeros([0, 3], DType::F32)).to_vec::<f32>(), [0.0; 6]);
}

#[test]
fn slicing_pads_and_joins() {
    let x = Tensor::arange(0.0, 10.0, 1.0, DType::I64);
    assert_eq!(x.slice(0, Some(-2), None, -3).to_vec::<i64>(), [8, 5, 2]);
    assert_eq!(x.slice(0, Some(20), None, 1).shape(), &[0]);
    let y = x.slice(0, Some(1), None, 4);
    assert_eq!(y.slice_adjoint(0, 10, (Some(1), None, 4)).to_vec::<i64>(), [0, 1, 0, 0, 0, 5, 0, 0, 0, 9]);
    let square = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    assert_eq!(square.pad_constant(&[(1, 0)], 9.0).to_vec::<f64>(), [9.0, 1.0, 2.0, 9.0, 3.0, 4.0]);
    assert_eq!(Tensor::cat(&[&square, &square.transpose(0, 1)], 1).to_vec::<f64>(), [1., 2., 1., 3., 3., 4., 2., 4.]);
    assert_eq!(Tensor::stack(&[&square, &square], -1).shape(), &[2, 2, 2]);
}

#[test]
fn gather_and_scatter_are_adjoint() {
    let mut generator = Generator::new(5);
    let x = generator.randn([3, 5, 2], DType::F64);
    let index = generator.randint([3, 4, 2], 0, 5);
    let g = generator.randn([3, 4, 2], DType::F64);
    let left = (&x.gather(1, &index) * &g).sum(&[], false).item::<f64>();
    let right = (&x * &g.gather_adjoint(1, &index, &[3, 5, 2])).sum(&[], false).item::<f64>();
    assert!((left - right).abs() < 1e-12);
}

#[test]
fn zero_size_and_zero_dimensional_tensors_work() {
    let empty = Tensor::zeros([0, 3], DType::F32);
    assert_eq!(empty.relu().shape(), &[0, 3]);
    assert_eq!(empty.sum(&[0], false).to_vec::<f32>(), [0.0; 3]);
    assert_eq!((&empty + &Tensor::ones([3], DType::F32)).shape(), &[0, 3]);
    let scalar = Tensor::scalar(2.0f64);
    assert_eq!((&scalar * &scalar).item::<f64>(), 4.0);
    assert_eq!(scalar.sum(&[-1], true).shape(), &[] as &[usize]);
    assert_eq!(scalar.reshape([1, 1]).squeeze_all().shape(), &[] as &[usize]);
}

#[test]
fn printing_summarises() {
    let x = Tensor::from([[1.0f32, -2.5], [3.0, 4.0]]);
    assert_eq!(x.to_string(), "[[ 1.0000, -2.5000],\n [ 3.0000,  4.0000]] [2, 2] f32");
    assert_eq!(Tensor::scalar(3i64).to_string(), "3 [] i64");
    let big = Tensor::arange(0.0, 2000.0, 1.0, DType::I64);
    assert_eq!(big.to_string(), "[   0,    1,    2, ..., 1997, 1998, 1999] [2000] i64");
}

#[test]
fn streams_never_change() {
    let mut stream = Generator::new(7);
    let first = [0x2865_5334_23d7_43bb, 0x2b01_59d3_2e9b_293a, 0xb44b_70b9_4524_9531];
    assert_eq!(first.map(|_| stream.bits()), first, "ChaCha8 of the seed 7");
    for drawn in 0..100 {
        let mut copy = stream.clone();
        let mut restored = Generator::from_state(stream.state());
        for _ in 0..drawn {
            assert_eq!(copy.bits(), restored.bits(), "a copy and a restored stream part after {drawn}");
        }
        assert_eq!(copy.state().position, stream.state().position + 2 * drawn);
        stream.bits();
    }
}

#[test]
fn randomness_is_a_function_of_the_seed() {
    let first = Generator::new(42).randn([1000], DType::F64);
    let second = Generator::new(42).randn([1000], DType::F64);
    assert_eq!(first.to_vec::<f64>(), second.to_vec::<f64>());
    let mean = first.mean(&[], false).item::<f64>();
    assert!(mean.abs() < 0.1, "{mean}");
    let mut generator = Generator::new(9);
    generator.bits();
    let mut again = Generator::from_state(generator.state());
    assert_eq!(generator.bits(), again.bits());
    let mut order = Generator::new(1).randperm(50).to_vec::<i64>();
    order.sort_unstable();
    assert_eq!(order, (0..50).collect::<Vec<_>>());
}

#[test]
#[should_panic(expected = "matmul: inner sizes differ, 400 and 256 (lhs [32, 400], rhs [256, 120])")]
fn matmul_names_the_sizes() {
    Tensor::zeros([32, 400], DType::F32).matmul(&Tensor::zeros([256, 120], DType::F32));
}

#[test]
#[should_panic(expected = "mul: shapes do not broadcast at axis -1, 4 and 3 (lhs [2, 4], rhs [3])")]
fn mul_names_the_axis() {
    let _ = Tensor::zeros([2, 4], DType::F32) * Tensor::zeros([3], DType::F32);
}

fn seen(x: &Tensor) -> (Vec<usize>, DType, Vec<f64>) {
    (x.shape().to_vec(), x.dtype(), x.to_dtype(DType::F64).to_vec::<f64>())
}

#[test]
fn integers_have_products_in_every_layout() {
    let a = Tensor::arange(0.0, 24.0, 1.0, DType::I64).reshape([2, 3, 4]);
    let b = Tensor::arange(0.0, 20.0, 1.0, DType::I64).reshape([5, 4]).permute([1, 0]);
    for dtype in [DType::I64, DType::U8] {
        let (a, b) = (a.to_dtype(dtype), b.to_dtype(dtype));
        // Bytes wrap round at 256, as their sums and products do one by one.
        let exact = a.to_dtype(DType::F64).matmul(&b.to_dtype(DType::F64)).to_dtype(DType::I64).to_dtype(dtype);
        assert_eq!(seen(&a.matmul(&b)), seen(&exact), "{dtype}");
        assert_eq!(seen(&a.matmul(&b.contiguous())), seen(&exact), "{dtype}");
        assert_eq!(seen(&a.permute([0, 2, 1]).contiguous().permute([0, 2, 1]).matmul(&b)), seen(&exact), "{dtype}");
        assert_eq!(seen(&a.slice(2, None, None, -1).matmul(&b.slice(0, None, None, -1))), seen(&exact), "{dtype}");
        assert_eq!(seen(&a.matmul(&b.expand([2, 4, 5]))), seen(&exact), "{dtype}");
        assert_eq!(a.narrow(1, 0, 0).matmul(&b).shape(), &[2, 0, 5]);
        assert_eq!(seen(&a.narrow(2, 0, 0).matmul(&b.narrow(0, 0, 0))), seen(&Tensor::zeros([2, 3, 5], dtype)));
    }
}

#[test]
fn operators_take_values_references_and_numbers_on_both_sides() {
    let x = Tensor::from([1.0, 2.0, 4.0]);
    let y = Tensor::from([2.0, 2.0, 2.0]);
    for z in [&x - &y, x.clone() - &y, &x - y.clone(), x.clone() - y.clone(), &x - 2.0, x.clone() - 2.0] {
        assert_eq!(z.to_vec::<f64>(), [-1.0, 0.0, 2.0]);
    }
    for z in [&y / &x, y.clone() / x.clone(), 2.0 / &x, 2.0 / x.clone()] {
        assert_eq!(z.to_vec::<f64>(), [2.0, 1.0, 0.5]);
    }
    assert_eq!((2.0 * &x + 1.0).to_vec::<f64>(), (1.0 + &x * 2.0).to_vec::<f64>());
    assert_eq!((-&x).to_vec::<f64>(), (0.0 - x.clone()).to_vec::<f64>());
    assert_eq!((3.0 - Tensor::from([1i64, 5])).to_vec::<i64>(), [2, -2]);
}
