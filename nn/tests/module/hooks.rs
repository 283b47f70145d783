//! Hooks of every kind: order, replacement, removal, self-removal, on layers, containers and own structs, for all.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use autograd::HookHandle;
use gradus_nn::module::{
    register_module_forward_hook, register_module_forward_pre_hook, register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
};
use gradus_nn::prelude::*;
use tensor::{DType, Tensor};

use crate::{LeNet, randn, zeros};

type Log = Arc<Mutex<Vec<String>>>;

fn note(log: &Log, text: impl Into<String>) {
    log.lock().unwrap().push(text.into());
}

fn taken(log: &Log) -> Vec<String> {
    std::mem::take(&mut log.lock().unwrap())
}

fn ones(shape: &[usize]) -> Variable {
    Variable::leaf(Tensor::ones(shape, DType::F64))
}

#[test]
fn forward_hooks_run_in_order_and_replace() {
    let model = sequential![Identity::new()];
    let log = Log::default();
    let pre = model.register_forward_pre_hook({
        let log = log.clone();
        move |module, x| {
            note(&log, format!("pre {} {}", module.type_name(), x.item::<f64>()));
            Some(x * 2.0)
        }
    });
    let first = model.register_forward_hook({
        let log = log.clone();
        move |_, x, y| {
            note(&log, format!("first {} {}", x.item::<f64>(), y.item::<f64>()));
            Some(y + 1.0)
        }
    });
    model[0].register_forward_hook({
        let log = log.clone();
        move |module, _, _| {
            note(&log, format!("inner {}", module.type_name()));
            None
        }
    });
    model.register_forward_hook({
        let log = log.clone();
        move |_, _, y| {
            note(&log, format!("second {}", y.item::<f64>()));
            None
        }
    });
    let x = ones(&[1]);
    assert_eq!(model.call(&x).item::<f64>(), 3.0);
    assert_eq!(taken(&log), ["pre Sequential 1", "inner Identity", "first 2 2", "second 3"]);
    pre.remove();
    first.remove();
    assert_eq!(model.call(&x).item::<f64>(), 1.0);
    assert_eq!(taken(&log), ["inner Identity", "second 1"]);
}

#[test]
fn a_hook_may_remove_itself_while_it_runs() {
    let model = LeNet::new();
    let count = Arc::new(Mutex::new(0));
    let handle: Arc<OnceLock<HookHandle>> = Arc::default();
    let own = model.register_forward_hook({
        let (count, handle) = (count.clone(), handle.clone());
        move |_, _, _| {
            *count.lock().unwrap() += 1;
            handle.get().unwrap().remove();
            None
        }
    });
    handle.set(own).unwrap();
    model.call(&zeros(&[1, 1, 28, 28]));
    model.call(&zeros(&[1, 1, 28, 28]));
    assert_eq!(*count.lock().unwrap(), 1);
}

#[test]
fn backward_hooks_see_and_replace_gradients() {
    let model = sequential!["scale" => Linear::builder(1, 1).bias(false).dtype(DType::F64).build()];
    model.parameters()[0].set_data(Tensor::from([[3.0]]));
    let log = Log::default();
    let pre = model[0].register_full_backward_pre_hook({
        let log = log.clone();
        move |site, g| {
            note(&log, format!("pre {} {}", site.path.join("."), g.item::<f64>()));
            Some(g * 10.0)
        }
    });
    let full = model[0].register_full_backward_hook({
        let log = log.clone();
        move |site, input, output| {
            let input = input.unwrap().item::<f64>();
            note(&log, format!("full {} {input} {}", site.type_name, output.item::<f64>()));
            Some(Variable::new(Tensor::from([[0.5]])))
        }
    });
    let x = ones(&[1, 1]);
    model.call(&x).sum(&[], false).backward();
    assert_eq!(taken(&log), ["pre Sequential.scale 1", "full Linear 30 10"]);
    assert_eq!(x.grad().unwrap().item::<f64>(), 0.5);
    assert_eq!(model.parameters()[0].grad().unwrap().item::<f64>(), 10.0);

    pre.remove();
    full.remove();
    x.zero_grad();
    model.call(&x).sum(&[], false).backward();
    assert_eq!(x.grad().unwrap().item::<f64>(), 3.0);
    assert!(taken(&log).is_empty());
}

#[test]
fn a_backward_hook_runs_where_the_input_needs_no_gradient() {
    let model = LeNet::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    model.register_full_backward_hook({
        let seen = seen.clone();
        move |_, input, output| {
            seen.lock().unwrap().push((input.is_none(), output.shape().to_vec()));
            None
        }
    });
    model.conv2.register_full_backward_hook({
        let seen = seen.clone();
        move |_, input, output| {
            seen.lock().unwrap().push((input.is_none(), output.shape().to_vec()));
            None
        }
    });
    model.call(&randn(&[2, 1, 28, 28])).sum(&[], false).backward();
    assert_eq!(*seen.lock().unwrap(), [(true, vec![2, 10]), (false, vec![2, 16, 5, 5])]);
    no_grad(|| model.call(&randn(&[2, 1, 28, 28])));
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[test]
fn hooks_do_not_change_gradients() {
    let model = LeNet::new();
    let x = randn(&[2, 1, 28, 28]);
    let gradients = || {
        model.zero_grad();
        model.call(&x).sum(&[], false).backward();
        model.parameters().iter().map(|p| p.grad().unwrap().to_vec::<f32>()).collect::<Vec<_>>()
    };
    let plain = gradients();
    for module in model.modules() {
        module.register_forward_hook(|_, _, _| None);
        module.register_full_backward_hook(|_, _, _| None);
        module.register_full_backward_pre_hook(|_, _| None);
    }
    let hooked = gradients();
    for (a, b) in plain.iter().zip(&hooked) {
        let scale = a.iter().fold(0f32, |most, a| most.max(a.abs()));
        assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-5 * scale));
    }
}

/// Global hooks see every module of the process: one test at a time, and only modules of one's own count.
fn global() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[derive(Module)]
#[module(name = "OnlyHere")]
struct OnlyHere {
    inner: Identity,
    state: ModuleState,
}

impl Forward for OnlyHere {
    fn forward(&self, x: &Variable) -> Variable {
        x.apply(&self.inner) * 2.0
    }
}

#[test]
fn global_hooks_reach_every_module() {
    let _guard = global();
    let model = OnlyHere { inner: Identity::new(), state: ModuleState::default() };
    let log = Log::default();
    let forward = register_module_forward_hook({
        let log = log.clone();
        move |module, _, _| {
            if module.type_name() == "OnlyHere" {
                note(&log, "global");
            }
            None
        }
    });
    let backward = register_module_full_backward_hook({
        let log = log.clone();
        move |site, _, _| {
            if site.path.first().is_some_and(|root| root == "OnlyHere") {
                note(&log, site.path.join(" > "));
            }
            None
        }
    });
    model.register_forward_hook({
        let log = log.clone();
        move |_, _, _| {
            note(&log, "own");
            None
        }
    });
    let x = ones(&[1]);
    model.call(&x).backward();
    assert_eq!(taken(&log), ["global", "own", "OnlyHere > inner", "OnlyHere"]);
    forward.remove();
    backward.remove();
    model.call(&x).backward();
    assert_eq!(taken(&log), ["own"]);
}

#[test]
fn copies_keep_hooks_of_their_own() {
    let model = Linear::new(2, 2);
    let count = Arc::new(Mutex::new(0));
    let handle = model.register_forward_hook({
        let count = count.clone();
        move |_, _, _| {
            *count.lock().unwrap() += 1;
            None
        }
    });
    let copy = model.deep_clone();
    handle.remove();
    copy.call(&zeros(&[1, 2]));
    model.call(&zeros(&[1, 2]));
    assert_eq!(*count.lock().unwrap(), 1);
}

/// A hook that counts its runs and takes itself away in the first.
struct Once {
    count: Arc<Mutex<usize>>,
    handle: Arc<OnceLock<HookHandle>>,
}

impl Once {
    fn new() -> (Once, impl Fn() + Clone + Send + Sync + 'static) {
        let once = Once { count: Arc::default(), handle: Arc::default() };
        let (count, handle) = (once.count.clone(), once.handle.clone());
        let run = move || {
            *count.lock().unwrap() += 1;
            handle.get().unwrap().remove();
        };
        (once, run)
    }

    fn is_registered_as(&self, handle: HookHandle) {
        assert!(self.handle.set(handle).is_ok());
    }
}

#[test]
fn hooks_of_every_kind_may_remove_themselves_while_they_run() {
    let list = sequential![sequential![Linear::new(2, 2)], Tanh::new()];
    let own = LeNet::new();
    let kinds = |module: &dyn Module| {
        let mut all = Vec::new();
        macro_rules! once {
            ($register:ident, |$($ignored:tt),*| $result:expr) => {{
                let (once, run) = Once::new();
                once.is_registered_as(module.$register(move |$($ignored),*| {
                    run();
                    $result
                }));
                all.push((stringify!($register), once));
            }};
        }
        once!(register_forward_pre_hook, |_, _| None);
        once!(register_forward_hook, |_, _, _| None);
        once!(register_full_backward_hook, |_, _, _| None);
        once!(register_full_backward_pre_hook, |_, _| None);
        once!(register_state_dict_hook, |_, _, _| ());
        once!(register_load_state_dict_pre_hook, |_, _, _| ());
        all
    };
    let use_it = |model: &dyn Forward, x: &[usize]| {
        for _ in 0..2 {
            model.call(&Variable::leaf(Tensor::ones(x, DType::F32))).sum(&[], false).backward();
            model.load_state_dict(&model.state_dict(), true).unwrap();
        }
    };
    // On a container, a container within, a built-in layer, and on users' own structs and their layers.
    let inner = list.children();
    for hooked in [&list as &dyn Module, inner[0], inner[0].children()[0], inner[1]] {
        let kinds = kinds(hooked);
        use_it(&list, &[1, 2]);
        for (kind, once) in kinds {
            assert_eq!(*once.count.lock().unwrap(), 1, "{kind} on {}", hooked.type_name());
        }
    }
    for hooked in [&own as &dyn Module, &own.conv2] {
        let kinds = kinds(hooked);
        use_it(&own, &[1, 1, 28, 28]);
        for (kind, once) in kinds {
            assert_eq!(*once.count.lock().unwrap(), 1, "{kind} on {}", hooked.type_name());
        }
    }
}

#[test]
fn global_hooks_of_every_kind_may_remove_themselves_while_they_run() {
    let _only = global();
    let thread = std::thread::current().id();
    let model = Identity::new();
    let mut all = Vec::new();
    macro_rules! once {
        ($register:ident, |$($ignored:tt),*|) => {{
            let (once, run) = Once::new();
            once.is_registered_as($register(move |$($ignored),*| {
                if std::thread::current().id() == thread {
                    run();
                }
                None
            }));
            all.push(once);
        }};
    }
    once!(register_module_forward_pre_hook, |_, _|);
    once!(register_module_forward_hook, |_, _, _|);
    once!(register_module_full_backward_hook, |_, _, _|);
    once!(register_module_full_backward_pre_hook, |_, _|);
    for _ in 0..2 {
        model.call(&ones(&[1])).backward();
    }
    for once in all {
        assert_eq!(*once.count.lock().unwrap(), 1);
    }
}
