//! Containers, and what shows that the check can fail.

use autograd::Variable;
use tensor::{DType, Tensor};

use super::{check, check_module, each, numbers, shapes};
use crate::layers::{Conv2d, Flatten, Identity, Linear, Tanh, Unflatten};
use crate::module::{Forward, ModuleState};
use crate::{
    Module, ModuleDict, ModuleList, Parameter, ParameterDict, ParameterList, Sequential, VariableExt, sequential,
};

#[test]
fn sequential_and_nested() {
    let model = sequential![
        "features" => sequential![Conv2d::new(2, 3, 3), Flatten::new()],
        "hidden" => Linear::new(12, 6),
        "shape" => sequential![Unflatten::new(1, [2, 3]), Identity::new()],
    ];
    check(&model, &numbers(&[2, 2, 4, 4])).unwrap();
    check(&model.slice(..2), &numbers(&[1, 2, 4, 4])).unwrap();
    each(&(0..=3usize, shapes(1..=2, 1..=3)), |(depth, lead)| {
        let model: Sequential = (0..depth).map(|_| sequential![Linear::new(3, 3), Tanh::new()]).collect();
        check(&model, &numbers(&[&lead[..], &[3]].concat()))
    });
}

#[test]
fn lists_and_dictionaries() {
    #[derive(Module)]
    struct Everything {
        repeated: ModuleList<Linear>,
        chosen: ModuleDict,
        scales: ParameterList,
        offsets: ParameterDict,
        state: ModuleState,
    }
    impl Forward for Everything {
        fn forward(&self, x: &Variable) -> Variable {
            let x = self
                .repeated
                .iter()
                .zip(self.scales.iter())
                .fold(x.clone(), |x, (layer, scale)| (x.apply(layer) * scale.variable()).tanh());
            let chosen = if self.is_training() { "train" } else { "eval" };
            x.apply(&self.chosen[chosen]) + self.offsets["last"].variable()
        }
    }
    let mut model = Everything {
        repeated: (0..3).map(|_| Linear::new(2, 2)).collect(),
        chosen: ModuleDict::new(),
        scales: (0..3).map(|_| Parameter::new(Tensor::ones([2], DType::F32))).collect(),
        offsets: ParameterDict::new(),
        state: ModuleState::default(),
    };
    model.chosen.insert("train", Linear::new(2, 3));
    model.chosen.insert("eval", sequential![Tanh::new(), Linear::new(2, 3)]);
    model.offsets.insert("last", Parameter::new(Tensor::ones([3], DType::F32)));
    check(&model, &numbers(&[4, 2])).unwrap();
}

#[test]
fn a_wrong_gradient_is_noticed() {
    /// The square of its parameter, whose gradient a detour through data cuts off.
    #[derive(Debug, Module)]
    struct Cut {
        scale: Parameter,
        state: ModuleState,
    }
    impl Forward for Cut {
        fn forward(&self, x: &Variable) -> Variable {
            x * &(self.scale.variable() * &self.scale.detach())
        }
    }
    let model = Cut { scale: Tensor::from([3.0]).into(), state: ModuleState::default() };
    let fault = check_module(&model, &numbers(&[2])).unwrap_err();
    assert!(fault.starts_with("train mode, first order: the derivative in scale [1] is "), "{fault}");
}

#[test]
fn a_wrong_gradient_in_evaluation_alone_is_noticed() {
    /// Right in training; in evaluation the input's part is cut off.
    #[derive(Debug, Module)]
    struct CutLater {
        state: ModuleState,
    }
    impl Forward for CutLater {
        fn forward(&self, x: &Variable) -> Variable {
            if self.is_training() { x * 2.0 } else { x.detach() * 2.0 + x * 0.0 }
        }
    }
    let fault = check_module(&CutLater { state: ModuleState::default() }, &numbers(&[2])).unwrap_err();
    assert!(fault.starts_with("eval mode, first order: the derivative in input [2] is "), "{fault}");
}
