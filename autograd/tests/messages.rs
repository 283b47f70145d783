//! The exact words of faults, and that they blame the line of the program, not one of this library.

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
