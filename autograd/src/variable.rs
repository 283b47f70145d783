//! [`Variable`]: a tensor that may remember where it came from.

use std::any::Any;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::Ordering;
use std::sync::{Arc, RwLock};

use tensor::{DType, Dims, Element, Tensor};

use crate::deferred::{Deferred, Epilogue};
use crate::node::{Node, lock};
use crate::{HookHandle, engine};

enum Value {
    Ready(Tensor),
    Deferred(Arc<dyn Deferred>),
}

struct Inner {
    shape: Dims,
    value: RwLock<Value>,
    node: Option<Arc<Node>>,
}

/// A tensor in a computation that can be differentiated; clones are handles to one variable.
///
/// ```
/// use gradus_autograd::Variable;
/// use tensor::Tensor;
///
/// let w = Variable::leaf(Tensor::scalar(3.0));
/// (&w * &w).backward();
/// assert_eq!(w.grad().unwrap().item::<f64>(), 6.0);
/// ```
#[derive(Clone)]
pub struct Variable {
    inner: Arc<Inner>,
}

impl Variable {
    /// A constant: no gradient flows to it.
    pub fn new(tensor: Tensor) -> Variable {
        Variable::with_node(tensor, None)
    }

    /// A variable whose gradient is collected by [`backward`](Variable::backward).
    ///
    /// # Panics
    /// If the dtype is not a float.
    #[track_caller]
    pub fn leaf(tensor: Tensor) -> Variable {
        if !tensor.dtype().is_float() {
            tensor::error::unsupported("leaf", tensor.dtype(), "a float");
        }
        let node = Node::new(Dims::from_slice(tensor.shape()), None, true, Location::caller());
        Variable::with_node(tensor, Some(node))
    }

    pub(crate) fn with_node(tensor: Tensor, node: Option<Arc<Node>>) -> Variable {
        let shape = Dims::from_slice(tensor.shape());
        Variable { inner: Arc::new(Inner { shape, value: RwLock::new(Value::Ready(tensor)), node }) }
    }

    /// A constant whose value is computed when somebody looks at it.
    pub fn lazy(value: Box<dyn Deferred>) -> Variable {
        Variable::deferred(value, None)
    }

    pub(crate) fn deferred(value: Box<dyn Deferred>, node: Option<Arc<Node>>) -> Variable {
        let shape = value.shape();
        Variable { inner: Arc::new(Inner { shape, value: RwLock::new(Value::Deferred(value.into())), node }) }
    }

    pub(crate) fn node(&self) -> Option<&Arc<Node>> {
        self.inner.node.as_ref()
    }

    /// The value, sharing storage. PyTorch: `Tensor.data`.
    pub fn data(&self) -> Tensor {
        let poisoned = |error: std::sync::PoisonError<_>| error.into_inner();
        if let Value::Ready(tensor) = &*self.inner.value.read().unwrap_or_else(poisoned) {
            return tensor.clone();
        }
        let mut value = self.inner.value.write().unwrap_or_else(|error| error.into_inner());
        if let Value::Deferred(deferred) = &*value {
            *value = Value::Ready(deferred.compute());
        }
        match &*value {
            Value::Ready(tensor) => tensor.clone(),
            Value::Deferred(_) => unreachable!("computed above"),
        }
    }

    /// Folds `epilogue` into the op whose result this is, if that op waits for one and knows how.
    pub fn fuse(&self, epilogue: &Epilogue<'_>) -> Option<Variable> {
        // Not locked meanwhile: the epilogue's operand may wait for this very value.
        let deferred = match &*self.inner.value.read().unwrap_or_else(|error| error.into_inner()) {
            Value::Deferred(deferred) => deferred.clone(),
            Value::Ready(_) => return None,
        };
        deferred.fuse(self, epilogue)
    }

    /// What `read` makes of the waiting value, if the value waits to be computed as a `D`.
    ///
    /// An op that can compute the elements itself, as it reads them, asks this before [`data`](Variable::data).
    pub fn waiting<D: Deferred, R>(&self, read: impl FnOnce(&D) -> Option<R>) -> Option<R> {
        let value = self.inner.value.read().unwrap_or_else(|error| error.into_inner());
        match &*value {
            Value::Deferred(deferred) => read((deferred.as_ref() as &dyn Any).downcast_ref()?),
            Value::Ready(_) => None,
        }
    }

    /// Whether another handle of this value exists: somebody else may look at it.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.inner) > 1
    }

    pub(crate) fn is_waiting(&self) -> bool {
        matches!(&*self.inner.value.read().unwrap_or_else(|error| error.into_inner()), Value::Deferred(_))
    }

    /// Replaces the value of a leaf, for optimizers and loading; not recorded.
    ///
    /// # Panics
    /// If the variable is the result of a recorded op, or the shape differs.
    #[track_caller]
    pub fn set_data(&self, tensor: Tensor) {
        if self.shape() != tensor.shape() {
            tensor::fault!("set_data", [variable: self.shape(), data: tensor.shape()], "shapes differ");
        }
        self.update(|value| *value = tensor);
    }

    /// Changes the value of a leaf in place, for optimizers; not recorded. Values that a live graph saved stay.
    ///
    /// # Panics
    /// If the variable is the result of a recorded op, or `f` changes the shape.
    #[track_caller]
    pub fn update<R>(&self, f: impl FnOnce(&mut Tensor) -> R) -> R {
        if self.node().is_some_and(|node| !node.is_leaf) {
            tensor::fault!("update", [variable: self.shape()], "only leaves can be changed in place");
        }
        self.data();
        let mut value = self.inner.value.write().unwrap_or_else(|error| error.into_inner());
        let Value::Ready(tensor) = &mut *value else { unreachable!("computed above") };
        let result = f(tensor);
        if tensor.shape() != self.shape() {
            tensor::fault!("update", [variable: self.shape(), data: tensor.shape()], "shapes differ");
        }
        result
    }

    /// Sizes per axis.
    pub fn shape(&self) -> &[usize] {
        &self.inner.shape
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.inner.shape.len()
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        tensor::shape::len(&self.inner.shape)
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.inner.shape.contains(&0)
    }

    /// The size of one axis; negative numbers count from the end.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn size(&self, axis: isize) -> usize {
        let index = tensor::shape::axis("size", axis, self.shape());
        self.shape().get(index).copied().unwrap_or(1)
    }

    /// The type of the elements.
    pub fn dtype(&self) -> DType {
        match &*self.inner.value.read().unwrap_or_else(|error| error.into_inner()) {
            Value::Ready(tensor) => tensor.dtype(),
            Value::Deferred(deferred) => deferred.dtype(),
        }
    }

    /// The only element.
    ///
    /// # Panics
    /// If there is not exactly one element, or `T` is not the dtype.
    #[track_caller]
    pub fn item<T: Element>(&self) -> T {
        self.data().item()
    }

    /// The elements in logical order, copied.
    ///
    /// # Panics
    /// If `T` is not the dtype.
    #[track_caller]
    pub fn to_vec<T: Element>(&self) -> Vec<T> {
        self.data().to_vec()
    }

    /// Whether two handles name one variable.
    pub fn is_same(&self, other: &Variable) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Whether gradients flow to or through this variable.
    pub fn requires_grad(&self) -> bool {
        self.node().is_some_and(|node| node.requires_grad.load(Ordering::Relaxed))
    }

    /// Switches the collection of gradients of a leaf on or off. PyTorch: `Tensor.requires_grad_`.
    ///
    /// # Panics
    /// If this is a constant made by [`Variable::new`], or the result of a recorded op.
    #[track_caller]
    pub fn set_requires_grad(&self, requires_grad: bool) {
        match self.node() {
            Some(node) if node.is_leaf => node.requires_grad.store(requires_grad, Ordering::Relaxed),
            _ => tensor::fault!("set_requires_grad", [variable: self.shape()], "only leaves collect gradients"),
        }
    }

    /// Whether this is not the result of a recorded op.
    pub fn is_leaf(&self) -> bool {
        self.node().is_none_or(|node| node.is_leaf)
    }

    /// The same value as a constant. PyTorch: `Tensor.detach`.
    pub fn detach(&self) -> Variable {
        if self.node().is_none() { self.clone() } else { Variable::new(self.data()) }
    }

    /// The gradient collected so far.
    pub fn grad(&self) -> Option<Variable> {
        self.node().and_then(|node| lock(&node.grad).clone())
    }

    /// Replaces the collected gradient.
    ///
    /// # Panics
    /// If this is a constant, or the gradient's shape differs.
    #[track_caller]
    pub fn set_grad(&self, grad: Option<Variable>) {
        if let Some(grad) = &grad
            && grad.shape() != self.shape()
        {
            tensor::fault!("set_grad", [variable: self.shape(), grad: grad.shape()], "shapes differ");
        }
        match self.node() {
            Some(node) => *lock(&node.grad) = grad,
            None => tensor::fault!("set_grad", [variable: self.shape()], "a constant has no gradient"),
        }
    }

    /// Forgets the collected gradient.
    pub fn zero_grad(&self) {
        if let Some(node) = self.node() {
            lock(&node.grad).take();
        }
    }

    /// Keeps the gradient of a result of an op too, not only of leaves. PyTorch: `Tensor.retain_grad`.
    pub fn retain_grad(&self) {
        if let Some(node) = self.node() {
            node.retains_grad.store(true, Ordering::Relaxed);
        }
    }

    /// Calls `hook` with this variable's gradient whenever it is computed; what it returns replaces the gradient.
    /// PyTorch: `Tensor.register_hook`.
    ///
    /// # Panics
    /// If no gradient flows to this variable.
    #[track_caller]
    pub fn register_hook(&self, hook: impl Fn(&Variable) -> Option<Variable> + Send + Sync + 'static) -> HookHandle {
        match self.node() {
            Some(node) => node.register_hook(Arc::new(hook)),
            None => tensor::fault!("register_hook", [variable: self.shape()], "a constant has no gradient"),
        }
    }

    /// Adds the gradient of this single number to every leaf that it depends on, and frees the graph.
    /// PyTorch: `Tensor.backward`.
    ///
    /// # Panics
    /// If there is not exactly one element, nothing requires a gradient, or the graph was freed before.
    #[track_caller]
    pub fn backward(&self) {
        engine::backward(self, None, false);
    }

    /// [`backward`](Variable::backward) of `<g, self>`; the graph stays if `retain_graph`.
    ///
    /// # Panics
    /// If `g`'s shape or dtype differs, nothing requires a gradient, or the graph was freed before.
    #[track_caller]
    pub fn backward_with(&self, g: &Variable, retain_graph: bool) {
        engine::backward(self, Some(g), retain_graph);
    }

    /// The name of the op whose result this is; `None` for leaves.
    pub fn grad_fn(&self) -> Option<&'static str> {
        self.node()?.creator().map(|op| op.name())
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Variable({}", self.data())?;
        if let Some(op) = self.grad_fn() {
            write!(f, ", grad_fn: {op}")?;
        } else if self.requires_grad() {
            write!(f, ", requires_grad")?;
        }
        write!(f, ")")
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.data(), f)
    }
}

impl From<Tensor> for Variable {
    fn from(tensor: Tensor) -> Variable {
        Variable::new(tensor)
    }
}

impl From<&Variable> for Variable {
    fn from(variable: &Variable) -> Variable {
        variable.clone()
    }
}
