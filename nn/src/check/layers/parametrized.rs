//! Spectral and weight normalisation of layers.

use proptest::prelude::{Just, Strategy, any, prop_oneof};

use super::{check, each, numbers};
use crate::check::Subject;
use crate::layers::{Conv, ConvTranspose, Linear};
use crate::module::{Forward, Module};
use crate::parametrizations::{SpectralNorm, WeightNorm, Weighted};

#[derive(Clone, Copy, Debug)]
enum Kind {
    Linear,
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Linear),
        Just(Kind::Conv1d),
        Just(Kind::Conv2d),
        Just(Kind::Conv3d),
        Just(Kind::ConvTranspose1d),
        Just(Kind::ConvTranspose2d),
        Just(Kind::ConvTranspose3d),
    ]
}

/// What is done to a layer of any kind.
trait Wrap {
    fn check<L: Weighted>(&self, layer: L, spatial: usize) -> Result<(), String>;

    fn run(&self, kind: Kind, [inputs, outputs]: [usize; 2], bias: bool) -> Result<(), String> {
        macro_rules! conv {
            ($layer:ident, $n:literal) => {
                self.check($layer::<$n>::builder(inputs, outputs, 2).stride(2).bias(bias).build(), $n)
            };
        }
        match kind {
            Kind::Linear => self.check(Linear::builder(inputs, outputs).bias(bias).build(), 0),
            Kind::Conv1d => conv!(Conv, 1),
            Kind::Conv2d => conv!(Conv, 2),
            Kind::Conv3d => conv!(Conv, 3),
            Kind::ConvTranspose1d => conv!(ConvTranspose, 1),
            Kind::ConvTranspose2d => conv!(ConvTranspose, 2),
            Kind::ConvTranspose3d => conv!(ConvTranspose, 3),
        }
    }
}

/// An input of `inputs` channels or features.
fn input(inputs: usize, spatial: usize) -> tensor::Tensor {
    numbers(&[&[2, inputs], &vec![3; spatial][..]].concat())
}

#[test]
fn weight_norm() {
    struct Over(Option<usize>, usize);
    impl Wrap for Over {
        fn check<L: Weighted>(&self, layer: L, spatial: usize) -> Result<(), String> {
            check(&WeightNorm::over(self.0, layer), &input(self.1, spatial))
        }
    }
    let axis = proptest::option::of(0..=1usize);
    each(&(kinds(), axis, [1..=3usize, 1..=3usize], any::<bool>()), |(kind, axis, sizes, bias)| {
        Over(axis, sizes[0]).run(kind, sizes, bias)
    });
}

/// Numbers of one sign make one singular value much larger than the others, so that the iteration gets there, and than
/// 0, where the quotient has a pole.
fn away_from_zero<L: Weighted>(layer: &L) {
    let weight = tensor::Generator::new(4).uniform_between(layer.weight().shape(), 0.5, 1.5, tensor::DType::F32);
    layer.weight().set_data(weight);
}

#[test]
fn spectral_norm_in_evaluation() {
    struct Spectral(usize);
    impl Wrap for Spectral {
        fn check<L: Weighted>(&self, layer: L, spatial: usize) -> Result<(), String> {
            away_from_zero(&layer);
            let model = SpectralNorm::builder().build(layer);
            model.to_dtype(tensor::DType::F64);
            model.eval();
            Subject::new(&model, &input(self.0, spatial)).check()
        }
    }
    each(&(kinds(), [1..=3usize, 1..=3usize], any::<bool>()), |(kind, sizes, bias)| {
        Spectral(sizes[0]).run(kind, sizes, bias)
    });
}

/// In training the vectors follow the weight, and the gradient takes them for constants: at the singular vectors both
/// give the same slope. The slope's own slope differs, in PyTorch as here, and is not checked.
#[test]
fn spectral_norm_in_training() {
    struct Spectral(usize);
    impl Wrap for Spectral {
        fn check<L: Weighted>(&self, layer: L, spatial: usize) -> Result<(), String> {
            away_from_zero(&layer);
            let model = SpectralNorm::builder().n_power_iterations(60).build(layer);
            model.to_dtype(tensor::DType::F64);
            let x = input(self.0, spatial);
            model.call(&autograd::Variable::new(x.clone()));
            let mut subject = Subject::new(&model, &x);
            let g = subject.cotangent();
            subject.check_first(&g)
        }
    }
    each(&(kinds(), [1..=2usize, 1..=2usize], any::<bool>()), |(kind, sizes, bias)| {
        Spectral(sizes[0]).run(kind, sizes, bias)
    });
}
