//! A fault names the line of the program that made it, not one of the library: also where a call goes through `dyn
//! Forward`, as in a `Sequential`, and Rust forgets its caller. Only `call` on a `&dyn Forward` itself has no line of the
//! program's; `apply` has.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use gradus_nn::functional;
use gradus_nn::loss::{BceLoss, cross_entropy};
use gradus_nn::optim::{Adam, Sgd};
use gradus_nn::prelude::*;
use gradus_nn::schedule::{CyclicLr, StepLr};
use std::sync::Arc;
use tensor::{DType, Tensor};

#[derive(Default, Module)]
struct Own {
    state: ModuleState,
}

impl Own {
    const LINE: u32 = line!() + 5;
}

impl Forward for Own {
    fn forward(&self, x: &Variable) -> Variable {
        [x].iter().fold(x.clone(), |y, x| y + &x.flatten(1))
    }
}

static PLACE: Mutex<Option<(String, u32)>> = Mutex::new(None);

/// The file and line of the panic in `f`.
fn place(f: impl FnOnce()) -> (String, u32) {
    catch_unwind(AssertUnwindSafe(f)).expect_err("expected a fault");
    PLACE.lock().unwrap().take().expect("a panic has a place")
}

#[test]
fn the_line_of_the_caller_is_named() {
    std::panic::set_hook(Box::new(|info| {
        *PLACE.lock().unwrap() = info.location().map(|place| (place.file().to_owned(), place.line()));
    }));
    let x = Variable::leaf(Tensor::zeros([2, 3, 4, 4], DType::F32));
    let mut sgd = Sgd::new([&x], 0.1);
    let mut wrong = Vec::new();
    macro_rules! blamed {
        ($($call:expr;)*) => {$({
            let (file, line) = place(|| drop($call));
            if (file.as_str(), line) != (file!(), line!()) {
                wrong.push(format!("{file}:{line} for {}", stringify!($call)));
            }
        })*};
    }
    blamed! { functional::max_pool2d(&x, 5); }
    blamed! { functional::avg_pool2d(&x, 5); }
    blamed! { functional::adaptive_avg_pool2d(&x.narrow(2, 0, 0), [None; 2]); }
    blamed! { functional::adaptive_max_pool2d(&x.narrow(2, 0, 0), [None; 2]); }
    blamed! { functional::unfold(&x, 5); }
    blamed! { functional::fold(&x.sum(&[3], false), [2, 2], 2); }
    blamed! { MaxPool2d::new(5).with_indices(&x); }
    blamed! { functional::fractional_max_pool2d(&x, 2, 2, &Tensor::zeros([1], DType::F32)); }
    blamed! { functional::group_norm(&x, 1, functional::Affine { weight: Some(&x), bias: None }, 1e-5); }
    blamed! { functional::batch_norm(&x, None, Default::default(), (false, 1e-5)); }
    blamed! { functional::interpolate(&x, &functional::Interpolate::size([0])); }
    blamed! { functional::softmax(&x, 4); }
    blamed! { cross_entropy(&x, &x.sum(&[], false)); }
    blamed! { BceLoss::new().forward(&(&x + 2.0), &x); }
    blamed! { Conv2d::new(4, 1, 1).call(&x); }
    blamed! { x.apply(&BatchNorm2d::new(4)); }
    let model = sequential![ReLU::new(), sequential![BatchNorm2d::new(3), Conv2d::new(4, 1, 1)]];
    blamed! { model.call(&x); }
    blamed! { x.apply(&model); }
    blamed! { x.apply(&model[1]); }
    let shared: Arc<dyn Forward> = Arc::new(Conv2d::new(4, 1, 1));
    blamed! { shared.call(&x); }
    let hooked = Conv2d::new(4, 1, 1);
    hooked.register_forward_hook(|_, _, _| None);
    blamed! { hooked.call(&x); }
    blamed! { sequential![hooked].call(&x); }
    blamed! { Conv2d::builder(4, 6, 3).groups(3).build(); }
    blamed! { Dropout::new(2.0); }
    blamed! { Embedding::new(3, 2).call(&x); }
    blamed! { MaxUnpool2d::new(2).unpool(&x, &Tensor::zeros([1], DType::I64), None); }
    blamed! { Sgd::new([&x, &x], 0.1); }
    blamed! { Adam::builder(0.1).betas((2.0, 0.9)).build([&x]); }
    blamed! { StepLr::builder(0).build(&mut sgd); }
    blamed! { CyclicLr::builder([0.1, 0.2], 0.3).build(&mut sgd); }
    // A closure in a module of the program's own has a line, however the module is called.
    let own = place(|| drop(sequential![Own::default()].call(&x)));
    drop(std::panic::take_hook());
    assert_eq!(own, (file!().to_owned(), Own::LINE));
    assert_eq!(wrong, Vec::<String>::new());
}
