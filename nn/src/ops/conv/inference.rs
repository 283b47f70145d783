//! Convolutions of which nothing is recorded: they wait for all that can be folded into them, and for one another.
//!
//! A chain of convolutions, each the only reader of the one before it, is computed a few images at a time from its first
//! to its last (`tensor/src/kernels/conv/chain.rs`).

use autograd::{Deferred, Epilogue, Variable};
use tensor::kernels::conv::{ConvGeometry, Link, conv_chain};
use tensor::kernels::norm::Activation;
use tensor::{DType, Dims, Tensor};

/// Most convolutions that wait for one another: chains are walked by recursion.
const LONGEST: usize = 64;

/// `y scale + shift` per channel (batch normalisation by constant statistics), folded into the weights.
fn scaled(link: &Link, scale: &Tensor, shift: &Tensor) -> Link {
    let mut wide = vec![1; link.w.rank()];
    wide[0] = scale.len();
    let bias = link.bias.as_ref().map_or_else(|| shift.clone(), |bias| bias.mul(scale).add(shift));
    Link { w: link.w.mul(&scale.reshape(wide)), bias: Some(bias), ..link.clone() }
}

/// A convolution that is computed when somebody looks at it.
#[derive(Clone, Debug)]
struct Waiting {
    x: Variable,
    link: Link,
    shape: Dims,
    /// How many convolutions wait before this one.
    depth: usize,
}

impl Waiting {
    /// Adds the links of this value to `links`, from the first that waits on, and returns what it reads.
    fn chain(&self, links: &mut Vec<Link>) -> Tensor {
        // What somebody else may look at is computed once and kept.
        let before =
            if self.x.is_shared() { None } else { self.x.waiting(|before: &Waiting| Some(before.chain(links))) };
        links.push(self.link.clone());
        before.unwrap_or_else(|| self.x.data())
    }
}

impl Deferred for Waiting {
    fn shape(&self) -> Dims {
        self.shape.clone()
    }

    fn dtype(&self) -> DType {
        self.link.w.dtype()
    }

    fn compute(&self) -> Tensor {
        let mut links = Vec::new();
        let x = self.chain(&mut links);
        conv_chain(&x, &links)
    }

    fn fuse(&self, _: &Variable, epilogue: &Epilogue<'_>) -> Option<Variable> {
        let link = &self.link;
        if link.activation != Activation::Identity {
            return None;
        }
        let with = |activation| Link { activation, ..link.clone() };
        let link = match epilogue {
            Epilogue::Relu => with(Activation::Relu),
            Epilogue::Relu6 => with(Activation::Relu6),
            // What waits for more convolutions than this one may wait for this very value, and is not looked at here.
            Epilogue::Add(other)
                if link.addend.is_none() && !is_recorded(other) && depth(other).is_none_or(|at| at <= self.depth) =>
            {
                Link { addend: Some(other.data()), ..link.clone() }
            }
            Epilogue::Scale { scale, shift } if link.addend.is_none() => scaled(link, scale, shift),
            _ => return None,
        };
        Some(Variable::lazy(Box::new(Waiting { link, ..self.clone() })))
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
    let link = Link {
        w: w.data(),
        bias: bias.map(Variable::data),
        addend: None,
        activation: Activation::Identity,
        geometry: geometry.clone(),
    };
    Some(Variable::lazy(Box::new(Waiting { x: x.clone(), link, shape, depth: before % LONGEST })))
}
