//! Convolutions of which nothing is recorded: they wait for all that can be folded into them, and for one another.
//!
//! A chain of convolutions, each the only reader of the one before it, is computed a few images at a time from its first
//! to its last: what lies between stays in the caches, and threads meet once instead of once per layer.

use std::sync::OnceLock;

use autograd::{Deferred, Epilogue, Variable};
use tensor::kernels::conv::{self, ConvGeometry};
use tensor::kernels::norm::Activation;
use tensor::{DType, Dims, Tensor, parallel};

/// Most convolutions that wait for one another: chains are walked by recursion.
const LONGEST: usize = 64;

/// Bytes that the largest value between the convolutions of a chain should have for the images that go through it at
/// once: a core's second-level cache or two.
const RESIDENT: usize = 2 << 20;

/// A convolution and what is folded into it. A scale per channel (batch normalisation by constant statistics) goes into
/// its weights; bias, addition and activation into the pass that stores its results.
#[derive(Clone, Debug)]
struct Stage {
    w: Tensor,
    bias: Option<Tensor>,
    addend: Option<Tensor>,
    activation: Activation,
    geometry: ConvGeometry,
    /// Bytes of the result for one image.
    bytes: usize,
}

impl Stage {
    fn scaled(&self, scale: &Tensor, shift: &Tensor) -> Stage {
        let mut wide = vec![1; self.w.rank()];
        wide[0] = scale.len();
        let bias = self.bias.as_ref().map_or_else(|| shift.clone(), |bias| bias.mul(scale).add(shift));
        Stage { w: self.w.mul(&scale.reshape(wide)), bias: Some(bias), ..self.clone() }
    }

    /// The result for `images` of the batch, of which `x` is the input.
    fn run(&self, x: &Tensor, images: &Images) -> Tensor {
        let addend = self.addend.as_ref().map(|addend| images.of(addend));
        let epilogue =
            conv::Epilogue { bias: self.bias.as_ref(), addend: addend.as_ref(), activation: self.activation };
        conv::conv(x, &self.w, &self.geometry, epilogue)
    }
}

/// Consecutive images of a batch.
struct Images {
    first: usize,
    count: usize,
}

impl Images {
    fn of(&self, batch: &Tensor) -> Tensor {
        batch.narrow(0, self.first, self.count)
    }
}

/// `stages`, one after the other; each image's result has the same bits however many go together.
fn run_all(stages: &[Stage], x: &Tensor) -> Tensor {
    let through = |images: &Images| stages.iter().fold(images.of(x), |x, stage| stage.run(&x, images));
    let batch = x.shape()[0];
    let largest = stages.iter().map(|stage| stage.bytes).max().unwrap_or(0);
    let together = (RESIDENT / largest.max(1)).max(1);
    let parts = batch.div_ceil(together);
    if stages.len() < 2 || parts < 2 || parts < parallel::num_threads() {
        return through(&Images { first: 0, count: batch });
    }
    let results: Vec<OnceLock<Tensor>> = vec![OnceLock::new(); parts];
    parallel::for_each(parts, |part| {
        let (first, end) = (part * batch / parts, (part + 1) * batch / parts);
        results[part].get_or_init(|| through(&Images { first, count: end - first }));
    });
    let results: Vec<&Tensor> = results.iter().map(|part| part.get().expect("every part was computed")).collect();
    Tensor::cat(&results, 0)
}

/// A convolution that is computed when somebody looks at it.
#[derive(Clone, Debug)]
struct Waiting {
    x: Variable,
    stage: Stage,
    shape: Dims,
    /// How many convolutions wait before this one.
    depth: usize,
}

impl Waiting {
    /// Adds the stages of this value to `stages`, from the first that waits on, and returns what it reads.
    fn chain(&self, stages: &mut Vec<Stage>) -> Tensor {
        // What somebody else may look at is computed once and kept.
        let before =
            if self.x.is_shared() { None } else { self.x.waiting(|before: &Waiting| Some(before.chain(stages))) };
        stages.push(self.stage.clone());
        before.unwrap_or_else(|| self.x.data())
    }
}

impl Deferred for Waiting {
    fn shape(&self) -> Dims {
        self.shape.clone()
    }

    fn dtype(&self) -> DType {
        self.stage.w.dtype()
    }

    fn compute(&self) -> Tensor {
        let mut stages = Vec::new();
        let x = self.chain(&mut stages);
        run_all(&stages, &x)
    }

    fn fuse(&self, _: &Variable, epilogue: &Epilogue<'_>) -> Option<Variable> {
        let stage = &self.stage;
        if stage.activation != Activation::Identity {
            return None;
        }
        let with = |activation| Stage { activation, ..stage.clone() };
        let stage = match epilogue {
            Epilogue::Relu => with(Activation::Relu),
            Epilogue::Relu6 => with(Activation::Relu6),
            // What waits for more convolutions than this one may wait for this very value, and is not looked at here.
            Epilogue::Add(other)
                if stage.addend.is_none() && !is_recorded(other) && depth(other).is_none_or(|at| at <= self.depth) =>
            {
                Stage { addend: Some(other.data()), ..stage.clone() }
            }
            Epilogue::Scale { scale, shift } if stage.addend.is_none() => stage.scaled(scale, shift),
            _ => return None,
        };
        Some(Variable::lazy(Box::new(Waiting { stage, ..self.clone() })))
    }
}

/// How many convolutions wait before `x`, if it is one that waits.
fn depth(x: &Variable) -> Option<usize> {
    x.waiting(|waiting: &Waiting| Some(waiting.depth))
}

fn is_recorded(x: &Variable) -> bool {
    autograd::is_grad_enabled() && x.requires_grad()
}

/// The convolution as a variable that waits, if nothing of it is recorded.
pub(super) fn defer(
    [x, w]: [&Variable; 2],
    bias: Option<&Variable>,
    geometry: &ConvGeometry,
    shape: Dims,
) -> Option<Variable> {
    let all = [Some(x), Some(w), bias];
    if all.into_iter().flatten().any(is_recorded) {
        return None;
    }
    let before = depth(x).map_or(0, |depth| depth + 1);
    if before == LONGEST {
        x.data();
    }
    let stage = Stage {
        w: w.data(),
        bias: bias.map(Variable::data),
        addend: None,
        activation: Activation::Identity,
        geometry: geometry.clone(),
        bytes: shape[1..].iter().product::<usize>() * x.dtype().bytes(),
    };
    Some(Variable::lazy(Box::new(Waiting { x: x.clone(), stage, shape, depth: before % LONGEST })))
}
