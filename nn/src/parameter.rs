//! [`Parameter`] and [`Buffer`]: the values of a model, as handles that modules, optimizers and users share.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use autograd::Variable;
use tensor::{DType, Tensor};

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A value that training changes: a leaf [`Variable`], to which it dereferences. Clones are handles to one value, which
/// is how weights are tied. PyTorch: `torch.nn.Parameter`.
///
/// ```
/// use gradus_nn::Parameter;
/// use tensor::Tensor;
/// let w = Parameter::new(Tensor::from([1.0, 2.0]));
/// let tied = w.clone();
/// w.set_data(Tensor::from([3.0, 4.0]));
/// assert_eq!(tied.data().to_vec::<f64>(), [3.0, 4.0]);
/// ```
#[derive(Clone)]
pub struct Parameter {
    variable: Variable,
    id: u64,
}

impl Parameter {
    /// A parameter that starts as `tensor`.
    ///
    /// # Panics
    /// If the dtype is not a float.
    #[track_caller]
    pub fn new(tensor: Tensor) -> Parameter {
        Parameter { variable: Variable::leaf(tensor), id: next_id() }
    }

    /// The variable that forward passes use.
    pub fn variable(&self) -> &Variable {
        &self.variable
    }

    /// A number that all handles to this value share, and no other's do.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Whether two handles name one value.
    pub fn is_same(&self, other: &Parameter) -> bool {
        self.id == other.id
    }

    /// Converts value and gradient in place, for all handles.
    ///
    /// # Panics
    /// If `dtype` is not a float.
    #[track_caller]
    pub fn to_dtype(&self, dtype: DType) {
        if !dtype.is_float() {
            tensor::error::unsupported("to_dtype", dtype, "a float");
        }
        self.variable.update(|value| *value = value.to_dtype(dtype));
        if let Some(grad) = self.variable.grad() {
            self.variable.set_grad(Some(Variable::new(grad.data().to_dtype(dtype))));
        }
    }

    /// A parameter of its own with the same value and the same [`requires_grad`](Variable::requires_grad).
    pub fn deep_clone(&self) -> Parameter {
        let copy = Parameter::new(self.variable.data().deep_clone());
        copy.set_requires_grad(self.requires_grad());
        copy
    }
}

impl Deref for Parameter {
    type Target = Variable;

    fn deref(&self) -> &Variable {
        &self.variable
    }
}

impl From<Parameter> for Variable {
    fn from(parameter: Parameter) -> Variable {
        parameter.variable
    }
}

impl From<&Parameter> for Variable {
    fn from(parameter: &Parameter) -> Variable {
        parameter.variable.clone()
    }
}

impl From<Tensor> for Parameter {
    #[track_caller]
    fn from(tensor: Tensor) -> Parameter {
        Parameter::new(tensor)
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameter({})", self.variable.data())
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.variable, f)
    }
}

/// A value of a module that no gradient changes, such as running statistics. Clones are handles to one value.
///
/// ```
/// use gradus_nn::Buffer;
/// use tensor::Tensor;
/// let steps = Buffer::new(Tensor::scalar(0i64));
/// steps.update(|value| *value = value.add_scalar(1.0));
/// assert_eq!(steps.data().item::<i64>(), 1);
/// ```
#[derive(Clone)]
pub struct Buffer {
    value: Arc<RwLock<Tensor>>,
    is_persistent: bool,
    id: u64,
}

impl Buffer {
    /// A buffer that is part of the state dict.
    pub fn new(tensor: Tensor) -> Buffer {
        Buffer { value: Arc::new(RwLock::new(tensor)), is_persistent: true, id: next_id() }
    }

    /// A buffer that is not part of the state dict. PyTorch: `register_buffer(.., persistent=False)`.
    pub fn transient(tensor: Tensor) -> Buffer {
        Buffer { is_persistent: false, ..Buffer::new(tensor) }
    }

    /// The value, sharing storage.
    pub fn data(&self) -> Tensor {
        self.value.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The value as a constant.
    pub fn variable(&self) -> Variable {
        Variable::new(self.data())
    }

    /// Replaces the value.
    pub fn set_data(&self, tensor: Tensor) {
        *self.value.write().unwrap_or_else(PoisonError::into_inner) = tensor;
    }

    /// Changes the value in place.
    pub fn update<R>(&self, f: impl FnOnce(&mut Tensor) -> R) -> R {
        f(&mut self.value.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether this is part of the state dict.
    pub fn is_persistent(&self) -> bool {
        self.is_persistent
    }

    /// A number that all handles to this value share, and no other's do.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Whether two handles name one value.
    pub fn is_same(&self, other: &Buffer) -> bool {
        self.id == other.id
    }

    /// A buffer of its own with the same value.
    pub fn deep_clone(&self) -> Buffer {
        Buffer { is_persistent: self.is_persistent, ..Buffer::new(self.data().deep_clone()) }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({})", self.data())
    }
}
