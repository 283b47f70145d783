//! Jacobians, Hessians and products with them, against closed forms.

use gradus_autograd::ops::matmul::matmul;
use gradus_autograd::{Variable, hessian, jacobian, jvp, vjp};
use tensor::{DType, Generator, Tensor};

#[test]
fn the_jacobian_of_a_linear_map_is_its_matrix() {
    let mut generator = Generator::new(1);
    let a = generator.randn([3, 4], DType::F64);
    let x = generator.randn([4], DType::F64);
    let j = jacobian(|x| matmul(&Variable::new(a.clone()), &x[0]), &[x]);
    assert_eq!(j[0].shape(), &[3, 4]);
    assert_eq!(j[0].to_vec::<f64>(), a.to_vec::<f64>());
}

#[test]
fn the_hessian_of_a_quadratic_form_is_its_symmetric_matrix() {
    let mut generator = Generator::new(2);
    let a = generator.randn([3, 3], DType::F64);
    let x = generator.randn([3], DType::F64);
    let h = hessian(|x| matmul(&x[0], &matmul(&Variable::new(a.clone()), &x[0])), &[x]);
    let expected = &a + a.transpose(0, 1);
    for (got, expected) in h[0][0].to_vec::<f64>().iter().zip(expected.to_vec::<f64>()) {
        assert!((got - expected).abs() < 1e-12);
    }
}

#[test]
fn mixed_second_derivatives() {
    let (a, b) = (Tensor::from([1.0, 2.0]), Tensor::from([3.0, 5.0]));
    let h = hessian(|x| (&x[0] * &x[1]).sum(&[], false), &[a, b]);
    assert_eq!(h[0][1].to_vec::<f64>(), [1.0, 0.0, 0.0, 1.0]);
    assert_eq!(h[0][0].to_vec::<f64>(), [0.0; 4]);
}

#[test]
fn products_from_both_sides_agree() {
    let mut generator = Generator::new(3);
    let (x, v) = (generator.randn([2, 3], DType::F64), generator.randn([2, 3], DType::F64));
    let g = generator.randn([2], DType::F64);
    let f = |x: &[Variable]| (x[0].sin() * &x[0]).sum(&[1], false).exp();
    let (y, forward) = jvp(f, std::slice::from_ref(&x), std::slice::from_ref(&v));
    let (again, backward) = vjp(f, std::slice::from_ref(&x), &g);
    assert_eq!(y.to_vec::<f64>(), again.to_vec::<f64>());
    let dot = |a: &Tensor, b: &Tensor| a.mul(b).sum(&[], false).item::<f64>();
    assert!((dot(&forward, &g) - dot(&backward[0], &v)).abs() < 1e-12);
}

#[test]
fn a_constant_function_has_zero_derivatives() {
    let x = Tensor::from([1.0, 2.0]);
    let f = |_: &[Variable]| Variable::new(Tensor::from([7.0, 8.0, 9.0]));
    assert_eq!(jacobian(f, std::slice::from_ref(&x))[0].to_vec::<f64>(), [0.0; 6]);
    assert_eq!(jvp(f, std::slice::from_ref(&x), std::slice::from_ref(&x)).1.to_vec::<f64>(), [0.0; 3]);
}

#[test]
#[should_panic(expected = "hessian: expected 1 element, got 2 (output [2])")]
fn a_hessian_is_of_one_number() {
    hessian(|x| x[0].exp(), &[Tensor::from([1.0, 2.0])]);
}
