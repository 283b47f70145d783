//! An op of your own, its check, and what the report on a wrong gradient looks like.
//!
//! `cargo run --release --features check --example gradcheck`

use autograd::check::proptest::strategy::BoxedStrategy;
use autograd::check::strategy::{unary, values};
use autograd::check::{Check, Sample, check_op};
use autograd::{Context, Op, Variable, gradcheck, register_op};
use tensor::Tensor;

/// `x sigmoid(x)`; the gradient is scaled by `error` to see what happens then.
#[derive(Clone, Debug)]
struct Swish {
    error: f64,
}

impl Op<1> for Swish {
    const NAME: &'static str = "swish";
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x * x.sigmoid(), ())
    }

    // Written in ops on variables, so that it can be differentiated again.
    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        let x = cx.input(0);
        let s = x.sigmoid();
        [Some(g * (&s + &x * &s * (1.0 - &s)) * self.error)]
    }
}

// In a library this also makes a test, which runs the samples below.
register_op!(Swish, test = swish_has_right_gradients);

impl Check<1> for Swish {
    fn samples() -> BoxedStrategy<Sample<Self, 1>> {
        unary(Swish { error: 1.0 }, values)
    }

    fn reference(&self, [x]: [&Tensor; 1]) -> Option<Tensor> {
        Some(x.map(|x: f64| x / (1.0 + (-x).exp())))
    }
}

fn main() {
    match check_op::<Swish, _>(64) {
        Ok(report) => show(&format!(
            "swish: {} samples, worst relative error {:.1e} of the gradient and {:.1e} of its gradient",
            report.samples, report.worst_first, report.worst_second
        )),
        Err(fault) => show(&fault),
    }

    // Any function can be checked without samples, at a point of your choice.
    let x = Tensor::from([[0.52, -1.31], [2.0, 0.07]]);
    let wrong = gradcheck(|x| Swish { error: 1.001 }.apply([&x[0]]).sum(&[1], false), &[x]);
    if let Err(mismatch) = wrong {
        show(&format!("\na gradient that is wrong by a thousandth:\n{mismatch}"));
    }
}

fn show(text: &str) {
    println!("{text}");
}
