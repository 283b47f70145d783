//! The public checker: right gradients pass, wrong ones are shown by their smallest contradiction.

use gradus_autograd::{Context, Op, Registered, Variable, gradcheck};
use tensor::{DType, Generator, Tensor};

#[test]
fn right_gradients_pass_to_second_order() {
    let mut generator = Generator::new(1);
    let inputs = [generator.randn([3, 4], DType::F64), generator.randn([4, 2], DType::F64)];
    let agreement = gradcheck(|x| x[0].matmul(&x[1]).tanh().logsumexp(&[1], false), &inputs).unwrap();
    assert!(agreement.first < 1e-8 && agreement.second < 1e-8, "{agreement:?}");
}

#[test]
fn integers_stay_constant() {
    let index = Tensor::from([1i64, 0, 1]);
    gradcheck(|x| x[0].exp().index_select(0, &x[1].data()), &[Tensor::from([0.5f32, 1.0]), index]).unwrap();
}

/// The cube, with the derivative of the square.
#[derive(Clone, Debug)]
struct Cube {
    slope: f64,
}

impl Registered for Cube {}

impl Op<1> for Cube {
    const NAME: &'static str = "cube";
    type Saved = ();

    fn forward(&self, [x]: [&Tensor; 1]) -> (Tensor, ()) {
        (x.pow_scalar(3.0), ())
    }

    fn vjp(&self, g: &Variable, cx: Context<'_, Self, 1>) -> [Option<Variable>; 1] {
        [Some(g * cx.input(0).square() * self.slope)]
    }
}

#[test]
fn a_wrong_gradient_is_shown() {
    let mismatch = gradcheck(|x| Cube { slope: 2.0 }.apply([&x[0]]), &[Tensor::from([2.04])]).unwrap_err();
    assert_eq!((mismatch.order, mismatch.argument), (1, 0));
    let expected = "gradcheck: the gradient in input 0 contradicts finite differences: analytic 8.000000000e0, numeric \
                    1.200000000e1, relative error 3.3e-1";
    assert!(mismatch.to_string().starts_with(expected), "{mismatch}");
    for part in ["input 0", "pulled back", "direction, input 0", "analytic gradient", "numeric gradient"] {
        assert!(mismatch.to_string().contains(part), "{part} in {mismatch}");
    }
}

#[test]
fn a_gradient_without_a_gradient_is_noticed_at_second_order() {
    let mismatch =
        gradcheck(|x| Cube { slope: 3.0 }.apply([&x[0].detach()]) + &x[0] * 0.0, &[Tensor::from([1.0])]).unwrap_err();
    assert_eq!(mismatch.order, 1);
    let right = gradcheck(|x| Cube { slope: 3.0 }.apply([&x[0]]), &[Tensor::from([1.0])]).unwrap();
    assert!(right.second < 1e-9);
}
