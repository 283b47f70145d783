//! The exact text of what every op family says about wrong shapes, axes and dtypes, and that it blames the caller's line.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use gradus_tensor::error::Scope;
use gradus_tensor::{DType, Generator, PadMode, Tensor, einsum, step};

thread_local! {
    static LISTENING: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<(String, String, u32)>> = const { RefCell::new(None) };
}

/// The message of the panic that `f` ends in, and the file and line that it blames.
fn fault(f: impl FnOnce()) -> (String, String, u32) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !LISTENING.get() {
                return usual(info);
            }
            let text = match (info.payload().downcast_ref::<String>(), info.payload().downcast_ref::<&str>()) {
                (Some(text), _) => text.clone(),
                (_, Some(text)) => text.to_string(),
                _ => "no text".to_string(),
            };
            let place = info.location().map_or((String::new(), 0), |place| (place.file().to_string(), place.line()));
            LAST.set(Some((text, place.0, place.1)));
        }));
    });
    LISTENING.set(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    LISTENING.set(false);
    assert!(result.is_err(), "the call was expected to panic");
    LAST.take().expect("a panic runs the hook")
}

/// Each expression must panic with the text, blaming the line on which the expression starts.
macro_rules! faults {
    ($($call:expr => $text:expr;)*) => {$(
        let line = line!();
        let (text, file, blamed) = fault(|| {
            let _ = $call;
        });
        assert_eq!(text, $text);
        assert!(file.ends_with("messages.rs"), "{file} is blamed for: {text}");
        // `line!` gives the line of the macro's call, every expression lies below it.
        assert!(blamed > line, "line {blamed} is blamed for: {text}");
    )*};
}

fn f32s(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::F32)
}

fn i64s(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::I64)
}

fn bools(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::Bool)
}

#[test]
fn elementwise() {
    faults! {
        &f32s(&[2, 4]) + &f32s(&[3]) => "add: shapes do not broadcast at axis -1, 4 and 3 (lhs [2, 4], rhs [3])";
        f32s(&[2]) / f32s(&[3, 3]) => "div: shapes do not broadcast at axis -1, 2 and 3 (lhs [2], rhs [3, 3])";
        f32s(&[2]).mul(&i64s(&[2])) => "mul: dtypes differ, f32 and i64; convert with to_dtype (lhs [2], rhs [2])";
        i64s(&[2]).exp() => "exp: expected a float dtype, got i64; convert with to_dtype";
        bools(&[2]).neg() => "neg: expected a number dtype, got bool; convert with to_dtype";
        i64s(&[2]).div(&i64s(&[2])) => "div: expected a float dtype, got i64; convert with to_dtype";
        i64s(&[2]).remainder(&i64s(&[2])) => "remainder: an integer is divided by 0 (lhs [2], rhs [2])";
        i64s(&[2]).pow_scalar(-1.0) => "pow: an integer has no power -1; convert with to_dtype (input [2])";
        i64s(&[1]).pow(&Tensor::from([-1i64])) => "pow: an integer exponent is negative (lhs [1], rhs [1])";
        bools(&[2]).clamp(0.0, 1.0) => "clamp: expected a number dtype, got bool; convert with to_dtype";
        f32s(&[2]).lerp(&f32s(&[3]), 0.5) => "lerp: shapes do not broadcast at axis -1, 2 and 3 (lhs [2], rhs [3])";
        i64s(&[2]).softplus(1.0, 20.0) => "softplus: expected a float dtype, got i64; convert with to_dtype";
        f32s(&[2]).lt(&f32s(&[5])) => "lt: shapes do not broadcast at axis -1, 2 and 5 (lhs [2], rhs [5])";
        f32s(&[2]).logical_xor(&bools(&[2])) => "logical_xor: dtypes differ, f32 and bool; convert with to_dtype (lhs [2], rhs [2])";
        f32s(&[2]).clone().add_assign(&f32s(&[3, 2])) => "add_assign: the result would have shape [3, 2] (target [2], source [3, 2])";
    }
}

#[test]
fn masks() {
    faults! {
        f32s(&[2]).where_(&f32s(&[2]), &f32s(&[2])) => "where: condition must be bool, got f32; convert with to_dtype (condition [2])";
        f32s(&[2]).masked_fill(&i64s(&[2]), 0.0) => "masked_fill: mask must be bool, got i64; convert with to_dtype (mask [2])";
        f32s(&[2]).masked_select(&bools(&[3])) => "masked_select: shapes do not broadcast at axis -1, 2 and 3 (lhs [2], rhs [3])";
        f32s(&[2]).masked_scatter(&bools(&[3, 2]), &f32s(&[2])) => "masked_scatter: the mask does not broadcast to the input (input [2], mask [3, 2])";
        f32s(&[2]).masked_scatter(&Tensor::from([true, true]), &f32s(&[1])) => "masked_scatter: the mask chooses 2 elements, the source has 1 (input [2], source [1])";
    }
}

#[test]
fn reductions() {
    faults! {
        f32s(&[2, 3]).sum(&[2], false) => "sum: axis 2 is out of range for 2 axes (input [2, 3])";
        f32s(&[2, 3]).sum(&[0, -2], false) => "sum: axis -2 is named twice (input [2, 3])";
        i64s(&[2]).mean(&[], false) => "mean: expected a float dtype, got i64; convert with to_dtype";
        f32s(&[2, 0]).amax(&[1], false) => "amax: axis 1 is empty (input [2, 0])";
        f32s(&[0]).argmax(0, false) => "argmax: axis 0 is empty (input [0])";
        bools(&[2]).max(0, false) => "max: expected a number dtype, got bool; convert with to_dtype";
        i64s(&[2]).var(&[], 1.0, false) => "var: expected a float dtype, got i64; convert with to_dtype";
        f32s(&[0]).norm(f64::INFINITY, &[], false) => "norm: axis 0 is empty (input [0])";
        f32s(&[2]).logsumexp(&[1], false) => "logsumexp: axis 1 is out of range for 1 axes (input [2])";
        f32s(&[2]).cumsum(1) => "cumsum: axis 1 is out of range for 1 axes (input [2])";
        f32s(&[2]).sort(-2, false) => "sort: axis -2 is out of range for 1 axes (input [2])";
        f32s(&[2]).topk(3, 0, true) => "topk: 3 elements of an axis 0 of size 2 (input [2])";
        f32s(&[0]).median(0, false) => "median: axis 0 is empty (input [0])";
        f32s(&[2, 3]).sum_to(&[2]) => "sum_to: [2] does not broadcast to the input (input [2, 3])";
    }
}

#[test]
fn products() {
    faults! {
        f32s(&[32, 400]).matmul(&f32s(&[256, 120])) => "matmul: inner sizes differ, 400 and 256 (lhs [32, 400], rhs [256, 120])";
        f32s(&[]).matmul(&f32s(&[2])) => "matmul: both operands need at least 1 axis (lhs [], rhs [2])";
        f32s(&[2, 3]).bmm(&f32s(&[3, 2])) => "bmm: expected two batches of equally many matrices (lhs [2, 3], rhs [3, 2])";
        f32s(&[2]).dot(&f32s(&[3])) => "dot: expected two vectors of equal length (lhs [2], rhs [3])";
        f32s(&[2]).outer(&f32s(&[3, 1])) => "outer: expected two vectors (lhs [2], rhs [3, 1])";
        f32s(&[4]).addmm(&f32s(&[2, 3]), &f32s(&[3, 5]), 1.0, 1.0) => "addmm: the input does not broadcast to the product (input [4], product [2, 5])";
        einsum("ij,jk->ik", &[f32s(&[2, 3])]) => "einsum: 2 terms for 1 operands in \"ij,jk->ik\" (operand [2, 3])";
        einsum("ijk", &[f32s(&[2, 3])]) => "einsum: \"ijk\" does not name 2 axes in \"ijk\" (operand [2, 3])";
        einsum("i,i", &[f32s(&[2]), i64s(&[2])]) => "einsum: dtypes differ, f32 and i64; convert with to_dtype, in \"i,i\" (operand [2], operand [2])";
        einsum("ij,jk", &[f32s(&[2, 3]), f32s(&[4, 5])]) => "einsum: sizes of j differ, 3 and 4 in \"ij,jk\" (operand [2, 3], operand [4, 5])";
    }
}

#[test]
fn shapes() {
    faults! {
        f32s(&[2, 3]).reshape([4]) => "reshape: 6 elements do not fill [4] (input [2, 3])";
        f32s(&[2, 3]).permute([0, 0]) => "permute: axis 0 is named twice in [0, 0] (input [2, 3])";
        f32s(&[2, 3]).transpose(0, 2) => "transpose: axis 2 is out of range for 2 axes (input [2, 3])";
        f32s(&[2]).unsqueeze(3) => "unsqueeze: axis 3 is out of range for 1 axes (input [2])";
        f32s(&[2, 3]).expand([2, 4]) => "expand: the input does not broadcast to [2, 4] (input [2, 3])";
        f32s(&[2, 6]).unflatten(1, [4, -1]) => "unflatten: axis 1 of size 6 does not split into [4, -1] (input [2, 6])";
        f32s(&[2, 3]).movedim(&[0, 1], &[0]) => "movedim: 2 axes to 1 places (input [2, 3])";
        f32s(&[2, 3]).repeat(&[2]) => "repeat: 1 counts for 2 axes (input [2, 3])";
        f32s(&[2]).item::<f32>() => "item: expected 1 element, got 2 (input [2])";
        f32s(&[2]).to_vec::<f64>() => "tensor: expected f64 elements, got f32; convert with to_dtype";
        f32s(&[2]).to_array::<[f32; 3]>() => "to_array: shapes differ (input [2], array [3])";
        Tensor::from_slice(&[1.0], [2]) => "from_slice: 1 elements do not fill the shape (shape [2])";
        Tensor::from_le_bytes(&[0; 3], [1], DType::F32) => "from_le_bytes: 3 bytes do not fill the shape with f32 (shape [1])";
    }
}

#[test]
fn parts() {
    faults! {
        f32s(&[2]).slice(0, None, None, 0) => "slice: the step of a slice must not be 0";
        f32s(&[2]).narrow(0, 1, 2) => "narrow: 1..3 leaves axis 0 of size 2 (input [2])";
        f32s(&[2]).select(0, 2) => "select: index 2 is out of range for axis 0 of size 2 (input [2])";
        f32s(&[2]).flip(&[0, 0]) => "flip: axis 0 is named twice (input [2])";
        f32s(&[2]).split(0, 0) => "split: pieces of 0 do not fill axis 0 of size 2 (input [2])";
        f32s(&[2]).split_with_sizes(&[1, 2], 0) => "split: pieces of [1, 2] do not fill axis 0 of size 2 (input [2])";
        f32s(&[2]).chunk(0, 0) => "chunk: expected at least 1 piece and 1 axis, got 0 pieces (input [2])";
        Tensor::cat(&[], 0) => "cat: expected at least 1 tensor, got 0";
        Tensor::cat(&[&f32s(&[2, 3]), &f32s(&[2, 4])], 0) => "cat: tensor 1 differs from the first in more than axis 0 (first [2, 3], other [2, 4])";
        Tensor::stack(&[&f32s(&[2]), &f32s(&[3])], 0) => "stack: shapes differ (first [2], other [3])";
        f32s(&[3]).pad(&[(3, 0)], PadMode::Reflect) => "pad: margins 3 and 0 exceed what an axis of size 3 can give (input [3])";
        f32s(&[3]).pad(&[(0, 0), (1, 1)], PadMode::Replicate) => "pad: 2 pairs for 1 axes (input [3])";
        f32s(&[3]).pad(&[(-2, -2)], PadMode::Constant(0.0)) => "pad: margins -2 and -2 cut more off than 3 (input [3])";
        f32s(&[3]).unfold(0, 4, 1) => "unfold: windows of 4, 1 apart, do not fit axis 0 of size 3 (input [3])";
        f32s(&[3]).diagonal(0, 0, 1) => "diagonal: expected at least 2 axes, got 1 (input [3])";
        f32s(&[3, 3]).diagonal(0, 1, -1) => "diagonal: axes 1 and -1 are the same (input [3, 3])";
        f32s(&[3]).tril(0) => "tril: expected at least 2 axes, got 1 (input [3])";
        f32s(&[3]).roll(&[1, 2], &[0]) => "roll: 2 shifts for 1 axes (input [3])";
    }
}

#[test]
fn places() {
    let index = Tensor::from([0i64, 5]);
    faults! {
        f32s(&[3]).index_select(0, &index) => "index_select: index 5 is out of range for an axis of size 3 (index [2])";
        f32s(&[3]).index_select(0, &f32s(&[1])) => "index_select: index must be i64, got f32; convert with to_dtype (index [1])";
        f32s(&[3]).index_add(0, &i64s(&[2]), &f32s(&[3])) => "index_add: the source does not fit the index (source [3], expected [2])";
        f32s(&[3]).gather(0, &index) => "gather: index 5 is out of range for an axis of size 3 (index [2])";
        f32s(&[3, 2]).gather(0, &i64s(&[3, 3])) => "gather: the index must not exceed the input but along axis 0 (input [3, 2], index [3, 3])";
        f32s(&[3]).scatter(0, &i64s(&[2]), &f32s(&[1])) => "scatter: the source is smaller than the index (index [2], source [1])";
        f32s(&[3]).index(&[Some(&index)]) => "index: index 5 is out of range for axis 0 of size 3 (input [3], index [2])";
        f32s(&[3]).index(&[Some(&bools(&[2]))]) => "index: the mask does not fit axis 0 and on (input [3], mask [2])";
        f32s(&[3]).i((0, 0)) => "i: 2 entries for 1 axes (input [3])";
        f32s(&[3]).i(4) => "select: index 4 is out of range for axis 0 of size 3 (input [3])";
        f32s(&[3]).i(step(.., 0)) => "slice: the step of a slice must not be 0";
        f32s(&[3]).one_hot(2) => "one_hot: input must be i64, got f32; convert with to_dtype (input [3])";
        index.one_hot(4) => "one_hot: index 5 is out of range for an axis of size 4 (index [2])";
    }
}

#[test]
fn creation() {
    faults! {
        Tensor::zeros([usize::MAX, 2], DType::F32) => format!("shape: the number of elements overflows (shape [{}, 2])", usize::MAX);
        Tensor::arange(0.0, 1.0, 0.0, DType::F32) => "arange: step 0 does not lead from 0 to 1";
        Generator::new(1).rand([2], DType::I64) => "rand: expected a float dtype, got i64; convert with to_dtype";
        Generator::new(1).randint([2], 3, 3) => "randint: the range 3..3 is empty";
        Generator::new(1).bernoulli(&Tensor::from([0.5, 1.5])) => "bernoulli: probability 1.5 is not between 0 and 1 (input [2])";
        Generator::new(1).multinomial(&Tensor::from([0.5, 0.0]), 2, false) => "multinomial: 2 draws from 1 choices (input [2])";
        Generator::new(1).multinomial(&Tensor::from([0.5, -1.0]), 2, true) => "multinomial: weight -1 is no finite number from 0 on (input [2])";
        Generator::new(1).trunc_normal([2], [0.0, 1.0], [2.0, 1.0], DType::F32) => "trunc_normal: the range 2..1 is empty";
    }
}

#[test]
fn the_path_of_modules_is_added() {
    let _model = Scope::enter("LeNet");
    let _layer = Scope::enter("conv1");
    let (text, ..) = fault(|| {
        f32s(&[2]).cumsum(1);
    });
    assert_eq!(text, "cumsum: axis 1 is out of range for 1 axes (input [2]), in LeNet > conv1");
}

#[test]
fn the_exact_line_is_blamed() {
    let x = f32s(&[2, 3]);
    let (_, file, line) = fault(|| drop(&x + &f32s(&[4])));
    assert_eq!((file.as_str(), line), (file!(), line!() - 1));
    let (_, file, line) = fault(|| drop(x.sum(&[5], false)));
    assert_eq!((file.as_str(), line), (file!(), line!() - 1));
    let (_, file, line) = fault(|| drop(x.i((.., 7))));
    assert_eq!((file.as_str(), line), (file!(), line!() - 1));
    let (_, file, line) = fault(|| drop(x.matmul(&x)));
    assert_eq!((file.as_str(), line), (file!(), line!() - 1));
}
