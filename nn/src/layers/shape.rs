//! Layers without parameters that stand between others: identity, flattening and its inverse.

use autograd::Variable;

use crate::Module;
use crate::module::{Forward, ModuleState};

/// Hands its input on. PyTorch: `torch.nn.Identity`.
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([1.0, 2.0]));
/// assert!(Identity::new().call(&x).is_same(&x));
/// ```
#[derive(Debug, Default, Module)]
pub struct Identity {
    state: ModuleState,
}

impl Identity {
    /// The layer.
    pub fn new() -> Identity {
        Identity::default()
    }
}

impl Forward for Identity {
    fn forward(&self, x: &Variable) -> Variable {
        x.clone()
    }
}

/// Makes one axis of several: by default all but the first, so that images become vectors. PyTorch:
/// `torch.nn.Flatten`.
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::{DType, Tensor};
/// let x = Variable::new(Tensor::zeros([8, 16, 5, 5], DType::F32));
/// assert_eq!(Flatten::new().call(&x).shape(), &[8, 400]);
/// assert_eq!(Flatten::between(0, 1).call(&x).shape(), &[128, 5, 5]);
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = options_text)]
pub struct Flatten {
    #[module(skip)]
    start: isize,
    #[module(skip)]
    end: isize,
    state: ModuleState,
}

impl Default for Flatten {
    fn default() -> Flatten {
        Flatten::between(1, -1)
    }
}

impl Flatten {
    /// All axes but the first.
    pub fn new() -> Flatten {
        Flatten::default()
    }

    /// The axes from `start` to `end`, both included; negative ones count from the end.
    pub fn between(start: isize, end: isize) -> Flatten {
        Flatten { start, end, state: ModuleState::default() }
    }

    fn options_text(&self) -> String {
        format!("start_dim={}, end_dim={}", self.start, self.end)
    }
}

impl Forward for Flatten {
    fn forward(&self, x: &Variable) -> Variable {
        let shape = x.shape();
        let start = tensor::shape::axis("flatten", self.start, shape);
        let end = tensor::shape::axis("flatten", self.end, shape);
        if start > end {
            tensor::fault!("flatten", [input: shape], "axis {} comes after axis {}", self.start, self.end);
        }
        if shape.is_empty() {
            return x.reshape([1]);
        }
        let middle = [shape[start..=end].iter().product()];
        x.reshape([&shape[..start], &middle, &shape[end + 1..]].concat())
    }
}

/// Makes several axes of one. PyTorch: `torch.nn.Unflatten`.
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::{DType, Tensor};
/// let x = Variable::new(Tensor::zeros([8, 400], DType::F32));
/// assert_eq!(Unflatten::new(1, [16, 5, 5]).call(&x).shape(), &[8, 16, 5, 5]);
/// assert_eq!(Unflatten::new(1, [16, -1]).call(&x).shape(), &[8, 16, 25]);
/// ```
#[derive(Debug, Module)]
#[module(extra_repr = options_text)]
pub struct Unflatten {
    #[module(skip)]
    axis: isize,
    #[module(skip)]
    sizes: Vec<isize>,
    state: ModuleState,
}

impl Unflatten {
    /// Axis `axis` becomes axes of `sizes`, of which one may be -1: whatever remains.
    pub fn new(axis: isize, sizes: impl Into<Vec<isize>>) -> Unflatten {
        Unflatten { axis, sizes: sizes.into(), state: ModuleState::default() }
    }

    fn options_text(&self) -> String {
        let sizes: Vec<String> = self.sizes.iter().map(isize::to_string).collect();
        let comma = if sizes.len() == 1 { "," } else { "" };
        format!("dim={}, unflattened_size=({}{comma})", self.axis, sizes.join(", "))
    }

    /// The sizes that fill an axis of `total` elements.
    fn sizes_of(&self, total: usize) -> Option<Vec<usize>> {
        let known: usize = self.sizes.iter().filter(|&&size| size != -1).map(|&size| size as usize).product();
        let rest = || (known > 0 && total.is_multiple_of(known)).then(|| total / known);
        let sizes: Option<Vec<usize>> =
            self.sizes.iter().map(|&size| if size == -1 { rest() } else { usize::try_from(size).ok() }).collect();
        sizes.filter(|sizes| sizes.iter().product::<usize>() == total)
    }
}

impl Forward for Unflatten {
    fn forward(&self, x: &Variable) -> Variable {
        let shape = x.shape();
        let axis = tensor::shape::axis("unflatten", self.axis, shape);
        let Some(sizes) = shape.get(axis).and_then(|&total| self.sizes_of(total)) else {
            tensor::fault!("unflatten", [input: shape], "axis {} does not divide into {:?}", self.axis, self.sizes);
        };
        x.reshape([&shape[..axis], &sizes, &shape[axis + 1..]].concat())
    }
}

/// `max(x, 0)`, element by element. PyTorch: `torch.nn.ReLU`.
///
/// ```
/// use gradus_nn::prelude::*;
/// use tensor::Tensor;
/// let x = Variable::new(Tensor::from([-1.0, 2.0]));
/// assert_eq!(ReLU::new().call(&x).to_vec::<f64>(), [0.0, 2.0]);
/// ```
#[derive(Debug, Default, Module)]
pub struct ReLU {
    state: ModuleState,
}

impl ReLU {
    /// The layer.
    pub fn new() -> ReLU {
        ReLU::default()
    }
}

impl Forward for ReLU {
    fn forward(&self, x: &Variable) -> Variable {
        x.relu()
    }
}
