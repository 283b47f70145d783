//! Modules through the public interface, as a program uses them.

mod containers;
mod display;
mod faults;
mod fusion;
mod hooks;
mod normalized;
mod state_dict;
mod summary;
mod tree;

use std::panic::{AssertUnwindSafe, catch_unwind};

use gradus_nn::prelude::*;
use tensor::{DType, Tensor};

#[derive(Debug, Module)]
struct LeNet {
    conv1: Conv2d,
    conv2: Conv2d,
    fc1: Linear,
    fc2: Linear,
    state: ModuleState,
}

impl LeNet {
    fn new() -> LeNet {
        LeNet {
            conv1: Conv2d::builder(1, 6, 5).stride(2).padding(2).build(),
            conv2: Conv2d::builder(6, 16, 5).stride(2).build(),
            fc1: Linear::new(400, 120),
            fc2: Linear::new(120, 10),
            state: ModuleState::default(),
        }
    }
}

impl Forward for LeNet {
    fn forward(&self, x: &Variable) -> Variable {
        let x = x.apply(&self.conv1).relu().apply(&self.conv2).relu().flatten(1);
        x.apply(&self.fc1).relu().apply(&self.fc2)
    }
}

fn zeros(shape: &[usize]) -> Variable {
    Variable::new(Tensor::zeros(shape, DType::F32))
}

fn randn(shape: &[usize]) -> Variable {
    Variable::new(Tensor::randn(shape, DType::F32))
}

/// The message of the panic in `f`.
fn fault(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).expect_err("a panic was expected");
    panic.downcast_ref::<String>().expect("messages are text").clone()
}
