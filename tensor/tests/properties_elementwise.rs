//! Elementwise ops against scalar functions, in every layout and dtype, with broadcasting.

mod reference;

use gradus_tensor::{DType, Gelu, MemoryFormat, Tensor};
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use reference::{Array, close, layouts, on_threads, random, same_bits, shapes};

type Unary = (&'static str, fn(&Tensor) -> Tensor, fn(f64) -> f64);

/// Ops of floats, with the function in f64.
const FLOAT_OPS: &[Unary] = &[
    ("exp", Tensor::exp, f64::exp),
    ("exp2", Tensor::exp2, f64::exp2),
    ("expm1", Tensor::expm1, f64::exp_m1),
    ("log", Tensor::log, f64::ln),
    ("log2", Tensor::log2, f64::log2),
    ("log10", Tensor::log10, f64::log10),
    ("log1p", Tensor::log1p, f64::ln_1p),
    ("sqrt", Tensor::sqrt, f64::sqrt),
    ("rsqrt", Tensor::rsqrt, |x| 1.0 / x.sqrt()),
    ("reciprocal", Tensor::reciprocal, f64::recip),
    ("sin", Tensor::sin, f64::sin),
    ("cos", Tensor::cos, f64::cos),
    ("tan", Tensor::tan, f64::tan),
    ("asin", Tensor::asin, f64::asin),
    ("acos", Tensor::acos, f64::acos),
    ("atan", Tensor::atan, f64::atan),
    ("sinh", Tensor::sinh, f64::sinh),
    ("cosh", Tensor::cosh, f64::cosh),
    ("tanh", Tensor::tanh, f64::tanh),
    ("sigmoid", Tensor::sigmoid, |x| 1.0 / (1.0 + (-x).exp())),
    ("erf", Tensor::erf, libm::erf),
    ("erfc", Tensor::erfc, libm::erfc),
    ("frac", Tensor::frac, f64::fract),
    ("logit", |x| x.logit(None), |x| (x / (1.0 - x)).ln()),
    ("softplus", |x| x.softplus(2.0, 3.0), |x| if 2.0 * x > 3.0 { x } else { (2.0 * x).exp().ln_1p() / 2.0 }),
    ("gelu", |x| x.gelu(Gelu::Erf), |x| 0.5 * x * (1.0 + libm::erf(x / 2f64.sqrt()))),
    ("pow", |x| x.pow_scalar(-1.5), |x| x.powf(-1.5)),
    ("pow", |x| x.pow_scalar(4.0), |x| x.powf(4.0)),
    ("scalar_pow", |x| Tensor::scalar_pow(1.7, x), |x| 1.7f64.powf(x)),
];

/// Ops of all numbers, exact.
const NUMBER_OPS: &[Unary] = &[
    ("abs", Tensor::abs, f64::abs),
    ("sign", Tensor::sign, |x| if x == 0.0 { 0.0 } else { x.signum() }),
    ("floor", Tensor::floor, f64::floor),
    ("ceil", Tensor::ceil, f64::ceil),
    ("round", Tensor::round, f64::round_ties_even),
    ("trunc", Tensor::trunc, f64::trunc),
    ("relu", Tensor::relu, |x| x.max(0.0)),
    ("clamp", |x| x.clamp(1.0, 3.0), |x| x.clamp(1.0, 3.0)),
    ("clamp_min", |x| x.clamp_min(2.0), |x| x.max(2.0)),
    ("clamp_max", |x| x.clamp_max(2.0), |x| x.min(2.0)),
];

type Binary = (&'static str, fn(&Tensor, &Tensor) -> Tensor, fn(f64, f64) -> f64);

const BINARY_OPS: &[Binary] = &[
    ("add", Tensor::add, |x, y| x + y),
    ("sub", Tensor::sub, |x, y| x - y),
    ("mul", Tensor::mul, |x, y| x * y),
    ("minimum", Tensor::minimum, f64::min),
    ("maximum", Tensor::maximum, f64::max),
    ("eq", Tensor::eq, |x, y| f64::from(u8::from(x == y))),
    ("ne", Tensor::ne, |x, y| f64::from(u8::from(x != y))),
    ("lt", Tensor::lt, |x, y| f64::from(u8::from(x < y))),
    ("le", Tensor::le, |x, y| f64::from(u8::from(x <= y))),
    ("gt", Tensor::gt, |x, y| f64::from(u8::from(x > y))),
    ("ge", Tensor::ge, |x, y| f64::from(u8::from(x >= y))),
    ("logical_and", Tensor::logical_and, |x, y| f64::from(u8::from(x != 0.0 && y != 0.0))),
    ("logical_or", Tensor::logical_or, |x, y| f64::from(u8::from(x != 0.0 || y != 0.0))),
    ("logical_xor", Tensor::logical_xor, |x, y| f64::from(u8::from((x != 0.0) != (y != 0.0)))),
];

const FLOAT_BINARY_OPS: &[Binary] = &[
    ("div", Tensor::div, |x, y| x / y),
    ("pow", Tensor::pow, f64::powf),
    ("atan2", Tensor::atan2, f64::atan2),
    ("fmod", Tensor::fmod, |x, y| x % y),
    ("remainder", Tensor::remainder, |x, y| x - y * (x / y).floor()),
    ("lerp", |x, y| x.lerp(y, 0.3), |x, y| x + 0.3 * (y - x)),
];

/// `shape` with the axes whose bits are set of size 1, and leading ones dropped.
fn thinned(shape: &[usize], mask: u8, drop: usize) -> Vec<usize> {
    let thin = shape.iter().enumerate().map(|(axis, &n)| if mask >> axis & 1 == 1 { 1 } else { n });
    thin.skip(drop.min(shape.len())).collect()
}

proptest! {
    #![proptest_config(reference::config(32))]

    #[test]
    fn unary_ops(shape in shapes(4), seed in any::<u64>()) {
        for dtype in [DType::F32, DType::F64] {
            let x = random(&shape, seed, dtype);
            let values = Array::<f64>::of(&x.to_dtype(DType::F64)).data;
            for (name, op, exact) in FLOAT_OPS.iter().chain(NUMBER_OPS) {
                let expected: Vec<f64> = values.iter().map(|&x| exact(x)).collect();
                for x in layouts(&x) {
                    let y = op(&x);
                    prop_assert!(close(&y, &expected, if dtype == DType::F32 { 4e-6 } else { 1e-13 }), "{} {}", name, dtype);
                    prop_assert_eq!(y.dtype(), dtype);
                }
            }
        }
        for dtype in [DType::I64, DType::U8] {
            let x = random(&shape, seed, dtype);
            let values = Array::<f64>::of(&x.to_dtype(DType::F64)).data;
            for (name, op, exact) in NUMBER_OPS {
                let expected: Vec<f64> = values.iter().map(|&x| exact(x)).collect();
                for x in layouts(&x) {
                    prop_assert!(close(&op(&x), &expected, 0.0), "{} {}", name, dtype);
                }
            }
        }
    }

    #[test]
    fn binary_ops(shape in shapes(4), masks in any::<(u8, u8)>(), drop in 0usize..3, seed in any::<u64>()) {
        // 0 and 1 do not mix as one side's 1 would not stretch the other's 0.
        let (left, right) = (thinned(&shape, masks.0, 0), thinned(&shape, masks.1, drop));
        let full = gradus_tensor::shape::broadcast(&left, &right).unwrap().to_vec();
        for dtype in DType::ALL {
            let (x, y) = (random(&left, seed, dtype), random(&right, seed ^ 1, dtype));
            let arrays = [&x, &y].map(|x| Array::<f64>::of(&x.to_dtype(DType::F64)));
            for (name, op, exact) in BINARY_OPS.iter().chain(if dtype.is_float() { FLOAT_BINARY_OPS } else { &[] }) {
                let arithmetic = ["add", "sub", "mul", "minimum", "maximum"].contains(name);
                if (dtype == DType::Bool && arithmetic) || (dtype == DType::U8 && *name == "sub") {
                    continue;
                }
                let expected = Array::build(&full, |i| exact(arrays[0].broadcast(i), arrays[1].broadcast(i)));
                let tolerance = if dtype == DType::F32 { 1e-5 } else { 1e-12 };
                for (x, y) in layouts(&x).iter().zip(layouts(&y).iter().rev()) {
                    let z = op(x, y);
                    prop_assert_eq!(z.shape(), &full[..]);
                    prop_assert!(close(&z, &expected.data, tolerance), "{} {}", name, dtype);
                }
            }
        }
        // Expanded operands have strides of 0.
        let (x, y) = (random(&left, seed, DType::F32), random(&right, seed ^ 1, DType::F32));
        prop_assert!(same_bits(&(&x.expand(&full) * &y.expand(&full)), &(&x * &y)));
        prop_assert!(same_bits(&x.expand(&full).exp(), &x.exp().expand(&full)));
    }

    #[test]
    fn updates_in_place(shape in shapes(4), mask in any::<u8>(), seed in any::<u64>()) {
        let (x, y) = (random(&shape, seed, DType::F64), random(&thinned(&shape, mask, 1), seed ^ 1, DType::F64));
        for (mut target, y) in layouts(&x).into_iter().zip(layouts(&y).into_iter().cycle()) {
            let shared = target.clone();
            target.add_assign(&y);
            prop_assert!(same_bits(&target, &(&x + &y)));
            prop_assert!(same_bits(&shared, &x));
        }
    }
}

#[test]
fn large_tensors_in_any_order_on_any_number_of_threads() {
    let x = random(&[5, 33, 47, 31], 1, DType::F32);
    let bias = random(&[33, 1, 1], 2, DType::F32);
    let (sum, product) = (&x + &bias, &x * &x);
    for other in layouts(&x) {
        assert!(same_bits(&on_threads(|| &other + &bias), &sum));
        assert!(same_bits(&on_threads(|| &x * &other), &product));
        assert!(same_bits(&on_threads(|| &other * &x), &product));
        assert!(same_bits(&on_threads(|| other.gt_scalar(0.0).where_(&x, &other)), &x));
        assert!(same_bits(&on_threads(|| other.tanh()), &x.tanh()));
    }
}

#[test]
fn operands_across_the_result_s_order_are_read_in_tiles() {
    // Narrow and wide, whole vectors and what is left of them, rows that are stretches and rows that are not.
    let shapes: [&[usize]; 7] =
        [&[70, 300], &[300, 70], &[3, 1025], &[1025, 3], &[16, 16, 16], &[2, 40, 5, 33], &[9, 4, 520]];
    for shape in shapes {
        for dtype in [DType::F32, DType::F64, DType::I64, DType::U8] {
            let (x, y) = (random(shape, 1, dtype), random(shape, 2, dtype));
            let bias = random(&shape[shape.len() - 1..], 3, dtype);
            let sum = x.add(&y);
            let row = y.add(&bias);
            let less = x.lt(&y);
            for turn in 1..shape.len() {
                // In memory the axes lie in another order, with gaps or backwards.
                let order: Vec<isize> = (0..shape.len()).map(|axis| ((axis + turn) % shape.len()) as isize).collect();
                let mut back = vec![0isize; shape.len()];
                order.iter().enumerate().for_each(|(at, &axis)| back[axis as usize] = at as isize);
                let turned = y.permute(&order[..]).contiguous().permute(&back[..]);
                let wide = Tensor::cat(&[&y, &x], 0).permute(&order[..]).contiguous().permute(&back[..]);
                for y in [
                    turned,
                    wide.narrow(0, 0, shape[0]),
                    wide.narrow(0, 0, shape[0]).flip(&[-1]).contiguous().flip(&[-1]),
                ] {
                    assert!(same_bits(&on_threads(|| x.add(&y)), &sum), "{shape:?} {dtype}");
                    assert!(same_bits(&y.add(&x), &sum), "{shape:?} {dtype}");
                    assert!(same_bits(&on_threads(|| bias.expand(shape).add(&y)), &row), "{shape:?} {dtype}");
                    assert!(same_bits(&y.add(&y), &y.contiguous().add(&y.contiguous())), "{shape:?} {dtype}");
                    assert!(same_bits(&x.lt(&y), &less), "{shape:?} {dtype}");
                    let mut target = x.clone();
                    target.add_assign(&y);
                    assert!(same_bits(&target, &sum), "{shape:?} {dtype}");
                    assert!(same_bits(&on_threads(|| y.contiguous()), &y), "{shape:?} {dtype}");
                }
            }
        }
    }
}

#[test]
fn parts_of_channels_last_tensors_stay_channels_last() {
    let x = random(&[2, 8, 5, 6], 1, DType::F32).to_memory_format(MemoryFormat::ChannelsLast);
    let part = x.narrow(1, 2, 4).relu();
    assert!(part.layout().is_in_format(MemoryFormat::ChannelsLast));
    assert!(same_bits(&part, &x.contiguous().narrow(1, 2, 4).relu()));
    assert!(x.index_select(1, &Tensor::from([3i64, 1])).layout().is_in_format(MemoryFormat::ChannelsLast));
    assert!(x.mean(&[2, 3], true).layout().is_in_format(MemoryFormat::ChannelsLast));
}
