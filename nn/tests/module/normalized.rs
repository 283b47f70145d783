//! What is folded together gives what the plain network gives: to the bit where something is recorded, within rounding
//! where a normalisation goes into the weights.

use autograd::{Variable, grad, no_grad};
use gradus_nn::prelude::*;
use tensor::{DType, Tensor, with_seed};

/// Convolutions of every method around normalisations: direct, Winograd, depthwise, planar.
#[derive(Module)]
struct Net {
    features: Sequential,
    state: ModuleState,
}

impl Forward for Net {
    fn forward(&self, x: &Variable) -> Variable {
        x.apply(&self.features).mean(&[2, 3], false)
    }
}

fn net() -> Net {
    with_seed(3, || {
        let conv =
            |i, o, k: usize, groups, bias| Conv2d::builder(i, o, k).padding(k / 2).groups(groups).bias(bias).build();
        let features = sequential![
            conv(3, 20, 3, 1, false),
            BatchNorm2d::new(20),
            ReLU::new(),
            conv(20, 20, 3, 1, false),
            BatchNorm2d::new(20),
            ReLU6::new(),
            conv(20, 20, 3, 20, false),
            BatchNorm2d::new(20),
            ReLU6::new(),
            conv(20, 16, 1, 1, true),
            BatchNorm2d::new(16),
            conv(16, 4, 3, 1, true),
            BatchNorm2d::new(4),
            ReLU::new(),
            conv(4, 5, 5, 1, false),
            BatchNorm2d::new(5),
        ];
        Net { features, state: ModuleState::default() }
    })
}

/// The same network, each of whose values somebody looks at.
fn watched() -> Net {
    let net = net();
    for module in net.features.iter() {
        module.register_forward_hook(|_, _, y| {
            y.data();
            None
        });
    }
    net
}

fn input(dtype: DType) -> Variable {
    with_seed(4, || Variable::leaf(Tensor::randn([3, 3, 17, 18], dtype).mul_scalar(2.0)))
}

fn bits(x: &Variable) -> Vec<u32> {
    x.to_vec::<f32>().into_iter().map(f32::to_bits).collect()
}

#[test]
fn training_has_the_bits_of_the_plain_network() {
    let [fused, plain] = [net(), watched()].map(|net| {
        let x = input(DType::F32);
        let y = net.call(&x);
        (&y * &y).sum(&[], false).backward();
        let mut all = vec![bits(&y), bits(&x.grad().unwrap())];
        all.extend(net.parameters().iter().map(|p| bits(&p.variable().grad().unwrap())));
        all
    });
    assert_eq!(fused, plain);
}

#[test]
fn a_value_that_is_used_twice_has_one_gradient() {
    let [fused, plain] = [false, true].map(|looks| {
        let (conv, bn, next, x) = with_seed(5, || {
            let next = Conv2d::builder(16, 16, 3).bias(false).build();
            let x = Variable::leaf(Tensor::randn([2, 2, 12, 12], DType::F32));
            (Conv2d::new(2, 16, 3), BatchNorm2d::new(16), next, x)
        });
        let y = x.apply(&conv).apply(&bn).relu();
        if looks {
            y.data();
        }
        let z = y.apply(&next).sum(&[], false) + (&y * &y).sum(&[], false);
        z.backward();
        [bits(&z), bits(&x.grad().unwrap()), bits(&bn.weight.as_ref().unwrap().variable().grad().unwrap())]
    });
    assert_eq!(fused, plain);
}

#[test]
fn second_order_goes_through_a_value_that_waits() {
    let [fused, plain] = [net(), watched()].map(|net| {
        net.to_dtype(DType::F64);
        let x = input(DType::F64);
        let y = net.call(&x);
        let g = &grad(&[&(&y * &y).sum(&[], false)], &[&x], true)[0];
        grad(&[&(g * g).sum(&[], false)], &[&x], false)[0].to_vec::<f64>()
    });
    let largest = plain.iter().fold(0.0f64, |a, b| a.max(b.abs()));
    assert!(largest > 0.0);
    for (a, b) in fused.iter().zip(&plain) {
        assert!((a - b).abs() <= 1e-9 * largest, "{a} for {b}");
    }
}

#[test]
fn evaluation_folds_constant_statistics_into_weights() {
    let (fused, plain) = (net(), watched());
    for net in [&fused, &plain] {
        // Statistics and parameters that are not 0 and 1.
        net.call(&input(DType::F32));
        with_seed(6, || {
            for parameter in net.parameters() {
                parameter.variable().update(|w| *w = w.add(&Tensor::randn(w.shape(), DType::F32).mul_scalar(0.1)));
            }
        });
        net.eval();
    }
    let x = input(DType::F32).detach();
    let recorded = fused.call(&x).data();
    let [fused, plain] = [&fused, &plain].map(|net| no_grad(|| net.call(&x).data()));
    let largest = plain.abs().amax(&[], false).item::<f32>();
    for other in [&plain, &recorded] {
        let worst = fused.sub(other).abs().amax(&[], false).item::<f32>();
        assert!(worst <= 1e-5 * largest, "{worst} of {largest}");
    }
}

#[test]
fn a_parameter_that_changes_before_the_value_is_looked_at_changes_nothing() {
    let bn = BatchNorm2d::new(2);
    let x = Variable::new(Tensor::from([[[[1.0f32, 2.0]], [[3.0, 5.0]]]]));
    let (waiting, looked_at) = (bn.call(&x), bn.call(&x).data());
    bn.weight.as_ref().unwrap().variable().update(|w| *w = w.mul_scalar(7.0));
    assert_eq!(waiting.relu().to_vec::<f32>(), looked_at.relu().to_vec::<f32>());
}

/// Convolutions that wait for one another, with an addition and a value that two of them read.
#[derive(Module)]
struct Chain {
    first: Conv2d,
    second: Conv2d,
    third: Conv2d,
    last: Conv2d,
    state: ModuleState,
}

impl Chain {
    fn new() -> Chain {
        let conv = |i, o, k: usize, groups| Conv2d::builder(i, o, k).padding(k / 2).groups(groups).build();
        with_seed(7, || Chain {
            first: conv(3, 64, 3, 1),
            second: conv(64, 64, 3, 64),
            third: conv(64, 64, 1, 1),
            last: conv(64, 16, 3, 1),
            state: ModuleState::default(),
        })
    }
}

impl Forward for Chain {
    fn forward(&self, x: &Variable) -> Variable {
        let x = x.apply(&self.first).relu();
        let x = x.apply(&self.second).apply(&self.third) + &x;
        (&x + x.apply(&self.third)).relu().apply(&self.last)
    }
}

#[test]
fn chains_without_gradients_give_each_image_the_bits_it_has_alone() {
    let chain = Chain::new();
    let x = with_seed(8, || Tensor::randn([24, 3, 32, 32], DType::F32));
    let of = |x: &Tensor| no_grad(|| chain.call(&Variable::new(x.clone())).to_vec::<f32>());
    let alone: Vec<f32> = (0..24).flat_map(|image| of(&x.narrow(0, image, 1))).collect();
    let before = tensor::parallel::num_threads();
    for threads in [1, 2, 3] {
        tensor::parallel::set_num_threads(threads);
        assert!(of(&x) == alone, "{threads} threads");
    }
    tensor::parallel::set_num_threads(before);
    let recorded = chain.call(&Variable::new(x.clone())).to_vec::<f32>();
    let worst = recorded.iter().zip(&alone).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-5, "{worst}");
}

#[test]
fn a_long_chain_without_gradients_is_computed_and_dropped() {
    let conv = Conv2d::builder(1, 1, 1).bias(false).build();
    conv.weight.set_data(Tensor::full([1, 1, 1, 1], 1.0, DType::F32));
    let y = no_grad(|| (0..100_000).fold(Variable::new(Tensor::ones([2, 1, 1, 1], DType::F32)), |x, _| conv.call(&x)));
    assert_eq!(y.to_vec::<f32>(), [1.0, 1.0]);
}

#[test]
fn a_value_that_waits_meets_itself_and_what_waits_for_it() {
    let (conv, bn) = with_seed(9, || (Conv2d::builder(2, 2, 3).padding(1).build(), BatchNorm2d::new(2)));
    bn.eval();
    let x = with_seed(10, || Variable::new(Tensor::randn([2, 2, 5, 5], DType::F32)));
    let sums = |looks: bool| {
        no_grad(|| {
            [x.apply(&conv), x.apply(&bn)].map(|y| {
                if looks {
                    y.data();
                }
                let z = y.apply(&conv).relu();
                [&y + &y, &y + &z, &z + &y].map(|sum| sum.to_vec::<f32>())
            })
        })
    };
    for (waiting, plain) in sums(false).into_iter().flatten().zip(sums(true).into_iter().flatten()) {
        assert!(waiting.iter().zip(&plain).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}
