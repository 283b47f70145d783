//! The exact words of faults, and that they blame the line of the program, not one of this library.

use std::ops::{Add, Div, Mul, Sub};
use std::panic::catch_unwind;
use std::sync::Mutex;

use gradus_autograd::ops::einsum::einsum;
use gradus_autograd::ops::{cat, gather, index, matmul, pad, statistics};
use gradus_autograd::{Variable, detect_anomaly, grad};
use tensor::{DType, PadMode, Tensor};

static PLACE: Mutex<Option<(String, u32)>> = Mutex::new(None);
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The message of the panic in `f`, and the file and line that it blames.
fn fault(f: impl FnOnce() + std::panic::UnwindSafe) -> (String, String, u32) {
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    std::panic::set_hook(Box::new(|info| {
        *PLACE.lock().unwrap() = info.location().map(|place| (place.file().to_owned(), place.line()));
    }));
    let payload = catch_unwind(f).expect_err("a fault");
    drop(std::panic::take_hook());
    let (file, line) = PLACE.lock().unwrap().take().unwrap();
    (payload.downcast_ref::<String>().cloned().unwrap_or_default(), file, line)
}

fn x(shape: &[usize]) -> Variable {
    Variable::leaf(Tensor::zeros(shape, DType::F32))
}

macro_rules! faults {
    ($($name:ident: $run:expr, $message:literal;)*) => {$(
        #[test]
        fn $name() {
            let (message, file, line) = fault(|| { let _ = $run; });
            assert_eq!(message, $message);
            assert!(file.ends_with("messages.rs"), "blames {file}:{line}");
        }
    )*};
}

faults! {
    add_of_shapes: x(&[2, 4]) + x(&[3]), "add: shapes do not broadcast at axis -1, 4 and 3 (lhs [2, 4], rhs [3])";
    sub_of_shapes: &x(&[2, 4]) - &x(&[3]), "sub: shapes do not broadcast at axis -1, 4 and 3 (lhs [2, 4], rhs [3])";
    mul_of_shapes: x(&[2, 4]) * x(&[3, 1, 3]),
        "mul: shapes do not broadcast at axis -1, 4 and 3 (lhs [2, 4], rhs [3, 1, 3])";
    mul_of_dtypes: x(&[2]) * Variable::new(Tensor::from([1.0, 2.0])),
        "mul: dtypes differ, f32 and f64; convert with to_dtype (lhs [2], rhs [2])";
    exp_of_integers: Variable::new(Tensor::from([1i64])).exp(),
        "exp: expected a float dtype, got i64; convert with to_dtype";
    pow_of_shapes: x(&[2]).pow(&x(&[3])), "pow: shapes do not broadcast at axis -1, 2 and 3 (lhs [2], rhs [3])";
    maximum_of_shapes: x(&[2]).maximum(&x(&[3])),
        "maximum: shapes do not broadcast at axis -1, 2 and 3 (lhs [2], rhs [3])";
    fmod_of_shapes: x(&[2]).fmod(&x(&[3])), "fmod: shapes do not broadcast at axis -1, 2 and 3 (lhs [2], rhs [3])";
    matmul_of_inner_sizes: x(&[32, 400]).matmul(&x(&[256, 120])),
        "matmul: inner sizes differ, 400 and 256 (lhs [32, 400], rhs [256, 120])";
    bmm_of_matrices: matmul::bmm(&x(&[2, 3]), &x(&[3, 4])),
        "bmm: expected [b, m, k] and [b, k, n] (lhs [2, 3], rhs [3, 4])";
    dot_of_lengths: matmul::dot(&x(&[2]), &x(&[3])), "dot: expected 2 vectors of one length (lhs [2], rhs [3])";
    einsum_of_sizes: einsum("ij,jk->ik", &[&x(&[2, 3]), &x(&[4, 5])]),
        "einsum: sizes of j differ, 3 and 4 in \"ij,jk->ik\" (operand [2, 3], operand [4, 5])";
    sum_of_axes: x(&[2, 3]).sum(&[2], false), "sum: axis 2 is out of range for 2 axes (input [2, 3])";
    var_of_axes: x(&[2, 3]).var(&[0, 0], 1.0, false), "var: axis 0 is named twice (input [2, 3])";
    norm_of_axes: statistics::norm(&x(&[2]), 2.0, &[1], false), "norm: axis 1 is out of range for 1 axes (input [2])";
    amax_of_nothing: x(&[2, 0]).amax(&[1], false), "amax: axis 1 is empty (input [2, 0])";
    cumsum_of_axes: x(&[2]).cumsum(-2), "cumsum: axis -2 is out of range for 1 axes (input [2])";
    reshape_of_sizes: x(&[2, 3]).reshape([4, 2]), "reshape: 6 elements do not fill [4, 2] (input [2, 3])";
    permute_of_axes: x(&[2, 3]).permute([0, 0]), "permute: axis 0 is named twice in [0, 0] (input [2, 3])";
    expand_of_sizes: x(&[2, 3]).expand([2, 4]), "expand: the input does not broadcast to [2, 4] (input [2, 3])";
    slice_of_axes: x(&[2]).slice(1, None, None, 1), "slice: axis 1 is out of range for 1 axes (input [2])";
    narrow_of_range: x(&[5]).narrow(0, 3, 4), "narrow: 3..7 leaves axis 0 of size 5 (input [5])";
    select_of_index: x(&[5]).select(0, 5), "select: index 5 is out of range for axis 0 of size 5 (input [5])";
    split_of_sizes: x(&[5]).split_with_sizes(&[2, 2], 0),
        "split: pieces of [2, 2] do not fill axis 0 of size 5 (input [5])";
    gather_of_dtype: gather::gather(&x(&[2]), 0, &Tensor::from([0.0])),
        "gather: index must be i64, got f64; convert with to_dtype (index [1])";
    gather_of_shapes: gather::gather(&x(&[2, 2]), 0, &Tensor::from([0i64])),
        "gather: the index must not exceed the input but along axis 0 (input [2, 2], index [1])";
    index_select_of_range: index::index_select(&x(&[2]), 0, &Tensor::from([2i64])),
        "index_select: index 2 is out of range for an axis of size 2 (index [1])";
    where_of_masks: gradus_autograd::ops::mask::where_(&Tensor::from([1i64]), &x(&[1]), &x(&[1])),
        "where: the mask must be bool, got i64; convert with to_dtype (mask [1])";
    cat_of_nothing: cat::cat(&[], 0), "cat: expected at least 1 tensor, got 0";
    pad_of_axes: pad::pad(&x(&[2]), &[(1, 1), (1, 1)], PadMode::Reflect),
        "pad: 2 pairs for 1 axes (input [2])";
    tril_of_vectors: x(&[2]).tril(0), "tril: expected at least 2 axes, got 1 (input [2])";
    unfold_of_sizes: x(&[2]).unfold(0, 3, 1), "unfold: windows of 3, 1 apart, do not fit axis 0 (input [2])";
    leaf_of_integers: Variable::leaf(Tensor::from([1i64])),
        "leaf: expected a float dtype, got i64; convert with to_dtype";
    backward_of_many: x(&[2]).exp().backward(),
        "backward: expected 1 element or a gradient to start from, got 2 (output [2])";
    backward_of_constants: Variable::new(Tensor::scalar(1.0)).backward(),
        "backward: the output does not depend on anything that requires a gradient (output [])";
    backward_with_another_shape: x(&[2]).exp().backward_with(&x(&[3]), false),
        "backward: shapes differ (output [2], grad [3])";
    grad_of_strangers: grad(&[&x(&[1])], &[&x(&[2])], false),
        "grad: the outputs do not depend on this input; set allow_unused (input [2])";
    grad_of_constants: grad(&[&x(&[1])], &[&Variable::new(Tensor::scalar(1.0))], false),
        "grad: the input does not require a gradient (input [])";
    update_of_results: x(&[2]).exp().set_data(Tensor::zeros([2], DType::F32)),
        "update: only leaves can be changed in place (variable [2])";
    set_data_of_shapes: x(&[2]).set_data(Tensor::zeros([3], DType::F32)),
        "set_data: shapes differ (variable [2], data [3])";
}

fn ints(shape: &[usize]) -> Variable {
    Variable::new(Tensor::zeros(shape, DType::I64))
}

fn doubles(shape: &[usize]) -> Variable {
    Variable::leaf(Tensor::zeros(shape, DType::F64))
}

/// Expects each call to end with the message, blaming this file; gives all that do not at once.
fn expect(cases: &[(&str, &dyn Fn(), &str)]) {
    let mut wrong = Vec::new();
    for (family, call, message) in cases {
        let found = catch_unwind(std::panic::AssertUnwindSafe(|| fault(std::panic::AssertUnwindSafe(call))));
        let Ok((text, file, line)) = found else {
            wrong.push(format!("{family}: no fault"));
            continue;
        };
        if text != *message || !file.ends_with("messages.rs") {
            wrong.push(format!("{family}: {text:?} at {file}:{line}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A table of faults: `family: call => message`.
macro_rules! table {
    ($($family:literal: $call:expr => $message:expr;)*) => {
        expect(&[$(($family, &|| drop($call), $message)),*])
    };
}

#[test]
fn functions_of_floats_refuse_other_dtypes() {
    macro_rules! each {
        ($($name:ident($($argument:expr),*)),*) => {
            expect(&[$((stringify!($name), &|| drop(ints(&[2]).$name($($argument),*)), concat!(stringify!($name), ": expected a float dtype, got i64; convert with to_dtype"))),*])
        };
    }
    each! {
        exp(), exp2(), expm1(), log(), log2(), log10(), log1p(), sqrt(), rsqrt(), reciprocal(), sin(), cos(), tan(), asin(),
        acos(), atan(), sinh(), cosh(), tanh(), erf(), erfc(), erfinv(), relu(), sigmoid(), frac(), logit(None),
        cumprod(0), mean(&[], false), var(&[], 1.0, false), std(&[], 1.0, false), logsumexp(&[], false),
        norm(2.0, &[], false), prod(&[], false), div(&ints(&[2])), atan2(&ints(&[2])), abs()
    }
}

#[test]
fn operands_of_different_dtypes() {
    macro_rules! each {
        ($($name:ident),*) => {
            expect(&[$((stringify!($name), &|| drop(x(&[2]).$name(&doubles(&[2]))), concat!(stringify!($name), ": dtypes differ, f32 and f64; convert with to_dtype (lhs [2], rhs [2])"))),*])
        };
    }
    each! { add, sub, mul, div, pow, minimum, maximum, atan2, fmod, remainder, matmul }
}

#[test]
fn operands_that_do_not_broadcast() {
    macro_rules! each {
        ($($name:ident),*) => {
            expect(&[$((stringify!($name), &|| drop(x(&[2, 4]).$name(&x(&[3]))), concat!(stringify!($name), ": shapes do not broadcast at axis -1, 4 and 3 (lhs [2, 4], rhs [3])"))),*])
        };
    }
    each! { add, sub, mul, div, pow, minimum, maximum, atan2, fmod, remainder }
}

#[test]
fn axes_that_do_not_exist() {
    macro_rules! each {
        ($($name:ident($($argument:expr),*)),*) => {
            expect(&[$((stringify!($name), &|| drop(x(&[2, 3]).$name($($argument),*)), concat!(stringify!($name), ": axis 2 is out of range for 2 axes (input [2, 3])"))),*])
        };
    }
    each! {
        sum(&[2], false), mean(&[2], false), prod(&[2], false), var(&[2], 1.0, false), std(&[2], 1.0, false),
        logsumexp(&[2], false), norm(2.0, &[2], false), amax(&[2], false), amin(&[2], false), cumsum(2), cumprod(2),
        sort(2, false), topk(1, 2, true), transpose(0, 2), permute([0, 2]), flatten(2), squeeze(2), unflatten(2, [1, 1]),
        movedim(&[2], &[0]), slice(2, None, None, 1), narrow(2, 0, 1), select(2, 0), flip(&[2]), split(1, 2), chunk(2, 2),
        roll(&[1], &[2]), unbind(2), repeat_interleave(2, 2), unfold(2, 1, 1), diagonal(0, 0, 2),
        gather(2, &Tensor::from([[0i64]])), index_select(2, &Tensor::from([0i64]))
    }
}

#[test]
fn families_in_their_own_words() {
    let index = Tensor::from([5i64]);
    table! {
        "clamp_tensor": gradus_autograd::ops::bounds::clamp_tensor(&x(&[2]), Some(&x(&[3])), None) =>
            "clamp: shapes do not broadcast at axis -1, 2 and 3 (lhs [2], rhs [3])";
        "lerp": x(&[2]).lerp(&x(&[3]), 0.5) => "lerp: shapes do not broadcast at axis -1, 2 and 3 (lhs [2], rhs [3])";
        "where": gradus_autograd::ops::mask::where_(&Tensor::from([true]), &x(&[2]), &x(&[3])) =>
            "where: shapes do not broadcast at axis -1, 2 and 3 (lhs [2], rhs [3])";
        "masked_fill": x(&[2]).masked_fill(&Tensor::from([true, true, true]), 0.0) =>
            "masked_fill: shapes do not broadcast at axis -1, 2 and 3 (lhs [2], rhs [3])";
        "masked_select": x(&[2]).masked_select(&Tensor::from([true, true, true])) =>
            "masked_select: shapes do not broadcast at axis -1, 2 and 3 (lhs [2], rhs [3])";
        "cat": cat::cat(&[&x(&[2, 3]), &x(&[2, 4])], 0) =>
            "cat: tensor 1 differs from the first in more than axis 0 (first [2, 3], other [2, 4])";
        "cat": cat::cat(&[&x(&[2]), &doubles(&[2])], 0) =>
            "cat: dtypes differ, f32 and f64; convert with to_dtype (lhs [2], rhs [2])";
        "stack": cat::stack(&[&x(&[2]), &x(&[3])], 0) => "stack: shapes differ (first [2], other [3])";
        "scatter": x(&[3]).scatter(0, &index, &x(&[1])) => "scatter: index 5 is out of range for an axis of size 3 (index [1])";
        "scatter_add": x(&[3]).scatter_add(0, &index, &x(&[1])) =>
            "scatter_add: index 5 is out of range for an axis of size 3 (index [1])";
        "gather": x(&[3]).gather(0, &index) => "gather: index 5 is out of range for an axis of size 3 (index [1])";
        "index": index::index(&x(&[3]), &[Some(&index)]) =>
            "index: index 5 is out of range for axis 0 of size 3 (input [3], index [1])";
        "index_add": x(&[3]).index_add(0, &index, &x(&[2])) =>
            "index_add: the source does not fit the index (source [2], expected [1])";
        "i": x(&[3]).i((0, 0)) => "i: 2 entries for 1 axes (input [3])";
        "repeat": x(&[2, 3]).repeat(&[2]) => "repeat: 1 counts for 2 axes (input [2, 3])";
        "roll": x(&[3]).roll(&[1, 2], &[0]) => "roll: 2 shifts for 1 axes (input [3])";
        "split": x(&[2]).split(0, 0) => "split: pieces of 0 do not fill axis 0 of size 2 (input [2])";
        "topk": x(&[2]).topk(3, 0, true) => "topk: 3 elements of an axis 0 of size 2 (input [2])";
        "unflatten": x(&[2, 6]).unflatten(1, [4, -1]) =>
            "unflatten: axis 1 of size 6 does not split into [4, -1] (input [2, 6])";
        "movedim": x(&[2, 3]).movedim(&[0, 1], &[0]) => "movedim: 2 axes to 1 places (input [2, 3])";
        "diagonal": x(&[3, 3]).diagonal(0, 1, -1) => "diagonal: axes 1 and -1 are the same (input [3, 3])";
        "triu": x(&[3]).triu(0) => "triu: expected at least 2 axes, got 1 (input [3])";
        "pad": pad::pad(&x(&[3]), &[(3, 0)], PadMode::Reflect) =>
            "pad: margins 3 and 0 exceed what an axis of size 3 can give (input [3])";
        "outer": matmul::outer(&x(&[2]), &x(&[3, 1])) => "outer: expected 2 vectors (lhs [2], rhs [3, 1])";
        "addmm": matmul::addmm(&x(&[4]), [&x(&[2, 3]), &x(&[3, 5])], 1.0, 1.0) =>
            "addmm: the input does not broadcast to the product (input [4], product [2, 5])";
        "einsum": einsum("ij,jk->ik", &[&x(&[2, 3])]) => "einsum: 2 terms for 1 operands in \"ij,jk->ik\" (operand [2, 3])";
        "einsum": einsum("i,i", &[&x(&[2]), &doubles(&[2])]) => "einsum: dtypes differ, f32 and f64; convert with to_dtype, in \"i,i\" (operand [2], operand [2])";
        "bmm": matmul::bmm(&x(&[1, 2, 3]), &doubles(&[1, 3, 2])) =>
            "bmm: dtypes differ, f32 and f64; convert with to_dtype (lhs [1, 2, 3], rhs [1, 3, 2])";
        "dot": matmul::dot(&x(&[2]), &doubles(&[2])) => "dot: dtypes differ, f32 and f64; convert with to_dtype (lhs [2], rhs [2])";
        "sum_to": gradus_autograd::ops::reduce::sum_to(&x(&[2, 3]), &[2]) => "sum_to: [2] does not broadcast to the input (input [2, 3])";
        "normalize": statistics::normalize(&ints(&[2]), 2.0, 0, 1e-12) => "normalize: expected a float dtype, got i64; convert with to_dtype";
        "cosine_similarity": statistics::cosine_similarity(&x(&[2, 3]), &x(&[2, 4]), 1, 1e-8) =>
            "cosine_similarity: shapes do not broadcast at axis -1, 3 and 4 (lhs [2, 3], rhs [2, 4])";
        "pairwise_distance": statistics::pairwise_distance(&x(&[2, 3]), &x(&[2, 4]), 2.0, 1e-6, false) =>
            "pairwise_distance: shapes do not broadcast at axis -1, 3 and 4 (lhs [2, 3], rhs [2, 4])";
        "meshgrid": gradus_autograd::ops::repeat::meshgrid(&[&x(&[2, 3])]) => "meshgrid: expected at most 1 axis, got 2 (input [2, 3])";
        "unbind": x(&[]).unbind(0) => "unbind: a 0-dimensional tensor has no parts (input [])";
        "fmod": ints(&[2]).fmod(&ints(&[2])) => "fmod: an integer is divided by 0 (lhs [2], rhs [2])";
        "remainder": ints(&[2]).remainder(&ints(&[2])) => "remainder: an integer is divided by 0 (lhs [2], rhs [2])";
        "median": gradus_autograd::ops::sort::median(&x(&[2]), 1, false) => "median: axis 1 is out of range for 1 axes (input [2])";
        "flatten_axes": x(&[2, 3]).flatten_axes(1, 0) => "flatten: axis 1 lies behind axis 0 (input [2, 3])";
        "unsqueeze": x(&[2]).unsqueeze(3) => "unsqueeze: axis 3 is out of range for 1 axes (input [2])";
        "var": x(&[2]).var(&[0, -1], 1.0, false) => "var: axis -1 is named twice (input [2])";
    }
}

#[test]
fn a_second_pass_over_a_freed_graph() {
    let line = line!() + 4;
    let (message, file, blamed) = fault(|| {
        let y = x(&[2]).exp().sum(&[], false);
        y.backward();
        y.backward();
    });
    assert!(file.ends_with("messages.rs") && blamed == line, "blames {file}:{blamed}, not line {line}");
    assert_eq!(message, "backward: the graph was freed by an earlier pass; pass retain_graph to keep it (variable [])");
}

#[test]
fn anomaly_mode_names_the_op_and_the_line_that_called_it() {
    let x = Variable::leaf(Tensor::from([1.0, 0.0]));
    let line = line!() + 1;
    let y = x.sqrt();
    let z = (&y * 2.0).sum(&[], false);
    let (message, ..) = fault(std::panic::AssertUnwindSafe(|| detect_anomaly(|| z.backward())));
    let file = file!();
    assert_eq!(
        message,
        format!(
            "backward: the gradient of sqrt in its input 0 is not finite, inf at element 1; \
             sqrt was called at {file}:{line}:15 (grad [2])"
        )
    );
}
